//! Containers of podman, in the machine's own store: there ctrace looks for their names.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Resource, getrlimit};
use tempfile::TempDir;

use super::cgroup::Parent;
use super::engine::{Engine, Launch};
use super::oci;
use super::process::{program, run};
use super::{rootfs, unique};

/// Of `RLIMIT_NPROC`; podman lowers its own to the kernel's `pid_max` and then cannot give more.
const PROCESSES: u32 = 32768;
/// Of `RLIMIT_NOFILE`, podman's own default. Without `CAP_SYS_RESOURCE` the hard limit is the most.
const FILES: u64 = 1_048_576;

pub struct Podman {
    folder: TempDir,
    /// Removed in the end.
    image: String,
    _cgroup: Parent,
}

impl Podman {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let rootfs = folder.path().join("rootfs");
        rootfs::make(&rootfs);
        fs::write(folder.path().join("containers.conf"), config()).expect("a file can be written");
        let image = format!("localhost/{}:1", unique("image"));
        let podman = Self { folder, image, _cgroup: Parent::new("/libpod_parent") };
        import(podman.podman(), &rootfs, &podman.image);
        podman
    }

    /// podman with the tests' settings.
    fn podman(&self) -> Command {
        let mut command = program("podman");
        command.env("CONTAINERS_CONF", self.folder.path().join("containers.conf"));
        command
    }

    /// Runs containers with crun in runc's place.
    pub fn over_crun(self) -> PodmanOverCrun {
        let wrapper = self.folder.path().join("crun");
        let mut words = Vec::new();
        let crun = oci::crun();
        for word in std::iter::once(crun.get_program()).chain(crun.get_args()) {
            words.push(format!("'{}'", word.to_string_lossy()));
        }
        fs::write(&wrapper, format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" "))).expect("can be written");
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).expect("own file");
        PodmanOverCrun(self)
    }
}

/// Makes an image of a folder; `docker` knows the same words.
pub fn import(mut command: Command, rootfs: &Path, image: &str) {
    let mut tar =
        program("tar").arg("-C").arg(rootfs).args(["-c", "."]).stdout(Stdio::piped()).spawn().expect("tar");
    let output = command
        .args(["import", "--change", "ENV PATH=/bin", "-", image])
        .stdin(tar.stdout.take().expect("stdout is piped"))
        .output()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let tarred = tar.wait().expect("a child can be waited for");
    assert!(
        tarred.success() && output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn config() -> String {
    let files = getrlimit(Resource::Nofile).maximum.map_or(FILES, |hard| hard.min(FILES));
    format!(
        r#"[containers]
netns = "none"
default_ulimits = ["nofile={files}:{files}", "nproc={PROCESSES}:{PROCESSES}"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
"#
    )
}

impl Engine for Podman {
    fn runtime(&self) -> &'static str {
        "podman"
    }

    fn image(&self) -> Option<&str> {
        Some(&self.image)
    }

    fn command(&self, name: &str, launch: &Launch) -> Command {
        let mut command = self.podman();
        command.args(["run", "--network", "none", "--name", name]);
        if let Some(profile) = launch.seccomp {
            command.arg(format!("--security-opt=seccomp={}", profile.display()));
        }
        command.arg(&self.image).args(launch.args);
        command
    }

    fn id(&self, name: &str) -> Option<String> {
        let done = run(self.podman().args(["inspect", "--format", "{{.Id}}", name]));
        (done.code == 0).then(|| done.stdout.trim().to_owned())
    }

    fn remove(&self, name: &str) {
        run(self.podman().args(["rm", "--force", "--ignore", "--time", "0", name])).expect(0);
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = run(self.podman().args(["rmi", "--force", &self.image]));
    }
}

pub struct PodmanOverCrun(Podman);

impl Engine for PodmanOverCrun {
    fn runtime(&self) -> &'static str {
        self.0.runtime()
    }

    fn image(&self) -> Option<&str> {
        self.0.image()
    }

    fn command(&self, name: &str, launch: &Launch) -> Command {
        let inner = self.0.command(name, launch);
        let mut command = self.0.podman();
        command.arg("--runtime").arg(self.0.folder.path().join("crun")).args(inner.get_args());
        command
    }

    fn id(&self, name: &str) -> Option<String> {
        self.0.id(name)
    }

    fn remove(&self, name: &str) {
        self.0.remove(name);
    }
}
