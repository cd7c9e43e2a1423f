//! Containers of docker, in a daemon of the tests' own: one that is already there is left alone. It keeps
//! its containers where docker does by default, because ctrace looks for their names there.

use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::cgroup::Parent;
use super::engine::{Engine, Facts, LABEL, Launch, version};
use super::json::{at, parse};
use super::podman::{confine, facts, import, inspect, text};
use super::process::{Process, program, run};
use super::wait::until;
use super::{rootfs, unique};

pub struct Docker {
    daemon: Option<Process>,
    folder: TempDir,
    image: String,
    _cgroup: Parent,
}

impl Docker {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let image = format!("{}:1", unique("image"));
        let mut docker = Self { daemon: None, folder, image, _cgroup: Parent::new("/docker") };
        let daemon = Process::start(
            program("dockerd")
                .args(["--iptables=false", "--ip6tables=false", "--bridge=none"])
                .args(["--exec-opt", "native.cgroupdriver=cgroupfs"])
                .arg("--host")
                .arg(docker.host())
                .arg("--exec-root")
                .arg(docker.file("exec"))
                .arg("--pidfile")
                .arg(docker.file("pid")),
        );
        daemon.stderr_line("an API", |line| line.contains("API listen on").then_some(()));
        docker.daemon = Some(daemon);
        let rootfs = docker.file("rootfs");
        rootfs::make(&rootfs);
        import(docker.docker(), &rootfs, &docker.image);
        docker
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn host(&self) -> String {
        format!("unix://{}", self.file("docker.sock").display())
    }

    pub fn docker(&self) -> Command {
        let mut command = program("docker");
        command.env("DOCKER_HOST", self.host());
        command
    }
}

impl Docker {
    /// `docker run` or `docker create`.
    pub fn act(&self, act: &str, name: &str, launch: &Launch) -> Command {
        let mut command = self.docker();
        command.args([act, "--network", "none", "--name", name]);
        command.arg("--label").arg(format!("{}={}", LABEL.0, LABEL.1));
        confine(&mut command, launch);
        command.arg(&self.image).args(launch.args);
        command
    }

    /// The seccomp profile that a container runs under, as the daemon gave it to the runtime: without
    /// docker's own conditions.
    pub fn given_profile(&self, id: &str) -> Value {
        let tasks = self.file("exec").join("containerd/daemon/io.containerd.runtime.v2.task/moby");
        let config = tasks.join(id).join("config.json");
        let text =
            std::fs::read_to_string(&config).unwrap_or_else(|error| panic!("{}: {error}", config.display()));
        at(&parse(&text), "linux.seccomp").clone()
    }
}

impl Engine for Docker {
    fn runtime(&self) -> &'static str {
        "docker"
    }

    fn version(&self) -> String {
        // The client may be of another version.
        version(self.docker().args(["version", "--format", "{{.Server.Version}}"]))
    }

    fn image(&self) -> Option<&str> {
        Some(&self.image)
    }

    fn command(&self, name: &str, launch: &Launch) -> Command {
        self.act("run", name, launch)
    }

    fn id(&self, name: &str) -> Option<String> {
        let done = run(self.docker().args(["inspect", "--format", "{{.Id}}", name]));
        (done.code == 0).then(|| done.stdout.trim().to_owned())
    }

    fn facts(&self, name: &str) -> Facts {
        let inspected = inspect(self.docker(), &["container", "inspect", name]);
        Facts {
            // Written as a path.
            name: text(&inspected, "Name").map(|name| name.trim_start_matches('/').to_owned()),
            image: text(&inspected, "Config.Image"),
            image_id: text(&inspected, "Image"),
            ..facts(&inspected)
        }
    }

    fn remove(&self, name: &str) {
        let _ = run(self.docker().args(["rm", "--force", name]));
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        let Some(daemon) = self.daemon.take() else { return };
        // It stops its containerd and unmounts what it mounted.
        daemon.signal(Signal::TERM);
        let _ = daemon.wait();
        let data = self.file("data");
        until("the unmounting of docker's data", || {
            let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
            (!mounts.contains(&*data.to_string_lossy())).then_some(())
        });
    }
}
