//! The ways in which a program comes to run in a container: by one command, by two, or into a container that
//! is there already. Each is a path of its own through a runtime, with calls of its own under the filter.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use rustix::process::{Pid, WaitOptions, getpid, set_child_subreaper, waitpid};

use super::docker::Docker;
use super::engine::{Engine, Launch};
use super::oci::Oci;
use super::podman::Podman;
use super::process::{Done, Process, run};
use super::wait::until;

pub trait Steps: Engine {
    /// By `create` and `start`, to its end.
    fn create_and_start(&self, name: &str, launch: &Launch) -> Done;

    /// The command line of `exec` into a container that runs.
    fn exec(&self, name: &str, launch: &Launch) -> Command;
}

impl Steps for Oci {
    fn create_and_start(&self, name: &str, launch: &Launch) -> Done {
        // `create` ends, and the container keeps its standard output: a pipe would never close.
        let (out, err, pid) = (self.file("stdout"), self.file("stderr"), self.file("pid"));
        let to = |path| Stdio::from(File::create(path).expect("a temporary folder can be written to"));
        let _adopted = Adopted::begin();
        let pid_file = pid.to_str().expect("a temporary path is UTF-8");
        let mut create = self.bundled(&["create", "--pid-file", pid_file], name, launch);
        let status = create.stdin(Stdio::null()).stdout(to(&out)).stderr(to(&err)).status();
        let read = |path| fs::read_to_string(path).expect("a file of our own");
        let said = format!("{create:?}");
        if !status.unwrap_or_else(|error| panic!("cannot start {said}: {error}")).success() {
            return Done { command: said, code: -1, stdout: read(&out), stderr: read(&err) };
        }
        let started = run(self.runtime_command().args(["start", name]));
        if started.code != 0 {
            return started;
        }
        let code = exit_code(read(&pid).trim().parse().expect("a pid file holds a pid"));
        Done { command: said, code, stdout: read(&out), stderr: read(&err) }
    }

    fn exec(&self, name: &str, launch: &Launch) -> Command {
        let mut command = self.runtime_command();
        command.arg("exec");
        // runc takes it from the container, crun from here.
        if launch.no_new_privs == Some(true) {
            command.arg("--no-new-privs");
        }
        command.arg(name).args(launch.args);
        command
    }
}

/// While it lives, processes whose parents end become children of this one.
struct Adopted;

impl Adopted {
    fn begin() -> Self {
        set_child_subreaper(Some(getpid())).expect("everybody may");
        Self
    }
}

impl Drop for Adopted {
    fn drop(&mut self) {
        // Others, such as conmon, are nobody's business here: left as zombies they would seem to run.
        let _ = set_child_subreaper(None);
    }
}

/// Of one that this process has adopted.
fn exit_code(pid: i32) -> i32 {
    let pid = Pid::from_raw(pid).expect("not 0");
    let (_, status) = until("the end of the container's first process", || {
        waitpid(Some(pid), WaitOptions::NOHANG).expect("it was adopted")
    });
    let code = status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal));
    code.expect("it ended")
}

impl Steps for Podman {
    fn create_and_start(&self, name: &str, launch: &Launch) -> Done {
        run(&mut self.act_with("create", &[], name, launch)).expect(0);
        Process::start(self.podman().args(["start", "--attach", name])).wait()
    }

    fn exec(&self, name: &str, launch: &Launch) -> Command {
        let mut command = self.podman();
        command.args(["exec", name]).args(launch.args);
        command
    }
}

impl Steps for Docker {
    fn create_and_start(&self, name: &str, launch: &Launch) -> Done {
        run(&mut self.act("create", name, launch)).expect(0);
        Process::start(self.docker().args(["start", "--attach", name])).wait()
    }

    fn exec(&self, name: &str, launch: &Launch) -> Command {
        let mut command = self.docker();
        command.args(["exec", name]).args(launch.args);
        command
    }
}
