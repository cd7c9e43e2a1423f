//! Containers of podman, in the machine's own store, or in that of a user of the tests: there ctrace
//! looks for their names.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Resource, getrlimit};
use serde_json::Value;
use tempfile::TempDir;

use super::cgroup::Parent;
use super::engine::{self, Engine, Facts, LABEL, Launch};
use super::json::{at, number, parse};
use super::oci;
use super::process::{program, run};
use super::rootless::Account;
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
    /// None: root.
    account: Option<Account>,
}

impl Podman {
    pub fn new() -> Self {
        Self::of(None)
    }

    /// Of a user of the tests' own.
    pub fn rootless() -> Self {
        Self::of(Some(Account::new()))
    }

    fn of(account: Option<Account>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        // Its settings are for the user, too.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("own folder");
        let rootfs = folder.path().join("rootfs");
        rootfs::make(&rootfs);
        fs::write(folder.path().join("containers.conf"), config()).expect("a file can be written");
        let image = format!("localhost/{}:1", unique("image"));
        let podman = Self { folder, image, _cgroup: Parent::new("/libpod_parent"), account };
        import(podman.podman(), &rootfs, &podman.image);
        podman
    }

    /// Holds `rootfs` and `containers.conf`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// podman with the tests' settings.
    pub fn podman(&self) -> Command {
        let mut command = match &self.account {
            None => program("podman"),
            Some(account) => account.command("podman"),
        };
        command.env("CONTAINERS_CONF", self.folder.path().join("containers.conf"));
        command
    }

    /// The image as a file that other runtimes can import.
    pub fn archive(&self, file: &Path) {
        run(self
            .podman()
            .args(["save", "--quiet", "--format", "oci-archive", "--output"])
            .arg(file)
            .arg(&self.image))
        .expect(0);
    }

    /// `podman run`, with more options.
    pub fn run_with(&self, options: &[&str], name: &str, launch: &Launch) -> Command {
        self.act_with("run", options, name, launch)
    }

    /// `podman run` or `podman create`.
    pub fn act_with(&self, act: &str, options: &[&str], name: &str, launch: &Launch) -> Command {
        let mut command = self.podman();
        command.args([act, "--network", "none", "--name", name]);
        command.arg("--label").arg(format!("{}={}", LABEL.0, LABEL.1)).args(options);
        confine(&mut command, launch);
        command.arg(&self.image).args(launch.args);
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

/// Makes an image of a folder; `docker` knows the same words. Its own command is for the containers that
/// only hold a pod's namespaces.
pub fn import(mut command: Command, rootfs: &Path, image: &str) {
    let mut tar =
        program("tar").arg("-C").arg(rootfs).args(["-c", "."]).stdout(Stdio::piped()).spawn().expect("tar");
    let output = command
        .args(["import", "--change", "ENV PATH=/bin", "--change", "CMD [\"sleep\", \"100000\"]", "-", image])
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

/// Options of `run` and `create` that podman and docker have in common.
pub fn confine(command: &mut Command, launch: &Launch) {
    if let Some(profile) = launch.seccomp {
        command.arg(format!("--security-opt=seccomp={}", profile.display()));
    } else if launch.unconfined {
        command.arg("--security-opt=seccomp=unconfined");
    }
    if launch.no_new_privs == Some(true) {
        command.arg("--security-opt=no-new-privileges");
    }
    if launch.usr {
        command.arg("--volume=/usr:/usr:ro");
    }
    if launch.privileged {
        command.arg("--privileged");
    }
    if let Some(capabilities) = launch.capabilities {
        command.arg("--cap-drop=ALL").args(capabilities.iter().map(|name| format!("--cap-add={name}")));
    }
    if let Some(user) = launch.user {
        command.arg(format!("--user={user}"));
    }
}

/// What `inspect` says of one thing, of podman and of docker.
pub fn inspect(mut command: Command, words: &[&str]) -> Value {
    let done = run(command.args(words)).expect(0);
    parse(&done.stdout)[0].take()
}

/// Facts that podman and docker tell in the same words.
pub fn facts(inspected: &Value) -> Facts {
    let labels = at(inspected, "Config.Labels").as_object().into_iter().flatten();
    let labels = labels.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()));
    Facts {
        id: text(inspected, "Id").unwrap_or_default(),
        labels: labels.collect::<BTreeMap<_, _>>(),
        pid: u32::try_from(number(inspected, "State.Pid")).expect("a pid"),
        started: text(inspected, "State.StartedAt"),
        state: text(inspected, "State.Status").unwrap_or_default(),
        ..Facts::default()
    }
}

pub fn text(value: &Value, path: &str) -> Option<String> {
    at(value, path).as_str().map(str::to_owned)
}

fn config() -> String {
    let files = getrlimit(Resource::Nofile).maximum.map_or(FILES, |hard| hard.min(FILES));
    format!(
        r#"[containers]
netns = "none"
default_ulimits = ["nofile={files}:{files}", "nproc={PROCESSES}:{PROCESSES}"]
log_driver = "k8s-file"
pids_limit = 0
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

    fn mode(&self) -> &'static str {
        if self.account.is_some() { "rootless" } else { "rootful" }
    }

    fn image(&self) -> Option<&str> {
        Some(&self.image)
    }

    fn command(&self, name: &str, launch: &Launch) -> Command {
        self.run_with(&[], name, launch)
    }

    fn id(&self, name: &str) -> Option<String> {
        let done = run(self.podman().args(["inspect", "--format", "{{.Id}}", name]));
        (done.code == 0).then(|| done.stdout.trim().to_owned())
    }

    fn facts(&self, name: &str) -> Facts {
        let inspected = inspect(self.podman(), &["container", "inspect", name]);
        let pod = at(&inspected, "Pod").as_str().filter(|pod| !pod.is_empty()).map(|id| {
            let name = run(self.podman().args(["pod", "inspect", "--format", "{{.Name}}", id])).expect(0);
            let name = name.stdout.trim().to_owned();
            engine::Pod { name: Some(name), uid: Some(id.to_owned()), ..engine::Pod::default() }
        });
        Facts {
            name: text(&inspected, "Name"),
            image: text(&inspected, "ImageName"),
            image_id: text(&inspected, "Image").map(|id| format!("sha256:{id}")),
            pod,
            user: self.account.as_ref().map(|account| account.uid),
            ..facts(&inspected)
        }
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

    fn mode(&self) -> &'static str {
        "rootful, over crun"
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

    fn facts(&self, name: &str) -> Facts {
        self.0.facts(name)
    }

    fn remove(&self, name: &str) {
        self.0.remove(name);
    }
}
