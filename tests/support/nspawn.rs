//! Containers of systemd-nspawn, on a machine whose systemd need not run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::cgroup::Parent;
use super::engine::{Engine, Facts, Launch, version};
use super::process::program;
use super::rootfs;
use super::wait::until;

pub struct Nspawn {
    folder: TempDir,
    /// It moves itself and its container to cgroups below the caller's, which all its containers share.
    _cgroups: [Parent; 2],
}

impl Nspawn {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let rootfs = folder.path().join("rootfs");
        rootfs::make(&rootfs);
        // It refuses what does not look like a system, and makes no folder in what is read-only.
        fs::create_dir(rootfs.join("run")).expect("a new folder can be filled");
        fs::write(rootfs.join("etc/os-release"), "ID=workload\n").expect("a new folder can be filled");
        let own = fs::read_to_string("/proc/self/cgroup").expect("/proc can be read");
        let own = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
        let below = |name| Parent::new(&format!("{}/{name}", own.trim_end_matches('/')));
        Self { folder, _cgroups: [below("payload"), below("supervisor")] }
    }

    fn rootfs(&self) -> PathBuf {
        self.folder.path().join("rootfs")
    }
}

impl Engine for Nspawn {
    fn runtime(&self) -> &'static str {
        "nspawn"
    }

    fn version(&self) -> String {
        version(program("systemd-nspawn").arg("--version"))
    }

    fn image(&self) -> Option<&str> {
        None
    }

    fn command(&self, name: &str, launch: &Launch) -> Command {
        let mut command = program("systemd-nspawn");
        command
            // Without the daemon that knows of machines, and without a unit of its own.
            .args(["--quiet", "--register=no", "--keep-unit", "--pipe"])
            // Several machines at a time may have one root file system if none writes to it.
            .args(["--read-only", "--machine", name, "--directory"])
            .arg(self.rootfs())
            .args(launch.args);
        command
    }

    fn id(&self, name: &str) -> Option<String> {
        Some(name.to_owned())
    }

    fn facts(&self, name: &str) -> Facts {
        let supervisor = supervisor(name).unwrap_or_else(|| panic!("no machine {name} runs"));
        let children = fs::read_to_string(format!("/proc/{supervisor}/task/{supervisor}/children"));
        let children = children.expect("the supervisor runs");
        Facts {
            id: name.to_owned(),
            name: Some(name.to_owned()),
            pid: children.split_whitespace().next().expect("its container runs").parse().expect("a pid"),
            state: "running".to_owned(),
            ..Facts::default()
        }
    }

    fn remove(&self, name: &str) {
        if let Some(pid) = supervisor(name).and_then(Pid::from_raw) {
            // It may end by itself meanwhile.
            let _ = kill_process(pid, Signal::TERM);
        }
        until(&format!("the end of {name}"), || supervisor(name).is_none().then_some(()));
    }
}

/// The process that was told to run the machine.
fn supervisor(name: &str) -> Option<i32> {
    let words = [b"\0--machine\0", name.as_bytes(), b"\0"].concat();
    let pids = fs::read_dir("/proc").expect("/proc can be read").flatten();
    let mut pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.find(|pid: &i32| {
        let line = fs::read(Path::new("/proc").join(pid.to_string()).join("cmdline")).unwrap_or_default();
        line.starts_with(b"systemd-nspawn\0") && line.windows(words.len()).any(|part| part == words)
    })
}
