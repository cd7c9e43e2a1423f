//! Containers of the bare runtimes, runc and crun, from bundles.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::cgroup::Parent;
use super::engine::{Engine, Facts, LABEL, Launch};
use super::json::{at, number, parse};
use super::podman::text;
use super::process::{program, run};
use super::rootfs;

/// Present where cgroup v2 is mounted beside v1.
const HYBRID_CONTROLLERS: &str = "/sys/fs/cgroup/unified/cgroup.controllers";

/// What a privileged one has beside those: of all there are, those that every root has.
const PRIVILEGES: [&str; 4] = ["CAP_NET_ADMIN", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_SYSLOG"];

/// Capabilities of a usual container.
const CAPABILITIES: [&str; 8] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

pub struct Oci {
    program: &'static str,
    /// Holds `rootfs` and a bundle a container.
    folder: TempDir,
    below: Option<(String, Parent)>,
}

impl Oci {
    pub fn runc() -> Self {
        Self::new("runc")
    }

    pub fn crun() -> Self {
        Self::new("crun")
    }

    fn new(program: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        rootfs::make(&folder.path().join("rootfs"));
        Self { program, folder, below: None }
    }

    /// Puts containers below this cgroup, absolute from the root of the hierarchies.
    pub fn below(mut self, cgroup: &str) -> Self {
        self.below = Some((cgroup.to_owned(), Parent::new(cgroup)));
        self
    }

    /// The runtime, able to start on this machine.
    pub fn runtime_command(&self) -> Command {
        if self.program == "crun" { crun() } else { program(self.program) }
    }

    /// Files of the test's own, beside the bundles.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `run` or `create`, with options, of a container with a bundle of its own.
    pub fn bundled(&self, act: &[&str], name: &str, launch: &Launch) -> Command {
        let bundle = self.file(name);
        fs::create_dir_all(&bundle).expect("a temporary folder can be written to");
        let cgroup = self.below.as_ref().map(|(parent, _)| format!("{parent}/{name}"));
        let config = config(&self.file("rootfs"), launch, cgroup.as_deref());
        fs::write(bundle.join("config.json"), config.to_string()).expect("a bundle can be written");
        let mut command = self.runtime_command();
        command.args(act).arg("--bundle").arg(bundle).arg(name);
        command
    }
}

/// crun refuses to start where the v2 hierarchy of a hybrid host still has a controller, and it reads
/// that from one file: an empty one in its place, in a mount namespace of crun's own, lets it start.
/// <https://github.com/containers/crun/blob/1.8.1/src/libcrun/cgroup-setup.c#L100>
pub fn crun() -> Command {
    let crun = program("crun");
    if !Path::new(HYBRID_CONTROLLERS).exists() {
        return crun;
    }
    let mut command = program("unshare");
    let script = format!("mount --bind /dev/null {HYBRID_CONTROLLERS} && exec crun \"$@\"");
    command.args(["--mount", "--propagation", "slave", "sh", "-c", &script, "crun"]);
    command
}

impl Engine for Oci {
    fn runtime(&self) -> &'static str {
        self.program
    }

    fn image(&self) -> Option<&str> {
        None
    }

    fn command(&self, name: &str, launch: &Launch) -> Command {
        self.bundled(&["run"], name, launch)
    }

    fn id(&self, name: &str) -> Option<String> {
        // The caller chooses it; the runtime itself forgets a container with its end.
        Some(name.to_owned())
    }

    fn facts(&self, name: &str) -> Facts {
        facts(&parse(&run(self.runtime_command().args(["state", name])).expect(0).stdout))
    }

    fn remove(&self, name: &str) {
        // No such container is no error: most have ended.
        let _ = run(self.runtime_command().args(["delete", "--force", name]));
    }
}

/// What a runtime's `state` tells.
pub fn facts(said: &Value) -> Facts {
    let annotations = said["annotations"].as_object().into_iter().flatten();
    let annotations =
        annotations.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()));
    Facts {
        id: text(said, "id").unwrap_or_default(),
        labels: annotations.collect(),
        pid: u32::try_from(number(said, "pid")).expect("a pid"),
        started: text(said, "created"),
        state: at(said, "status").as_str().unwrap_or_default().to_owned(),
        ..Facts::default()
    }
}

/// An OCI runtime configuration.
pub fn config(rootfs: &Path, launch: &Launch, cgroup: Option<&str>) -> Value {
    let mut capabilities = CAPABILITIES.map(str::to_owned).to_vec();
    if let Some(chosen) = launch.capabilities {
        capabilities = chosen.iter().map(|name| format!("CAP_{name}")).collect();
    }
    if launch.privileged {
        capabilities.extend(PRIVILEGES.map(str::to_owned));
    }
    let user = launch.user.unwrap_or(0);
    // As most users of images have.
    let additional: &[u32] = if user == 0 { &[] } else { &[100] };
    let mut config = json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": {"uid": user, "gid": user, "additionalGids": additional},
            "args": launch.args,
            "env": ["PATH=/bin"],
            "cwd": "/",
            "capabilities": {"bounding": capabilities, "effective": capabilities, "permitted": capabilities},
            "noNewPrivileges": launch.no_new_privs.unwrap_or(!launch.privileged)
        },
        "root": {"path": rootfs, "readonly": false},
        "hostname": "workload",
        "annotations": {LABEL.0: LABEL.1},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
             "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
             "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}
        ],
        "linux": {
            "namespaces": [
                {"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}
            ]
        }
    });
    if launch.usr
        && let Some(mounts) = config["mounts"].as_array_mut()
    {
        let host =
            json!({"destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro"]});
        mounts.push(host);
    }
    if let Some(path) = cgroup {
        config["linux"]["cgroupsPath"] = json!(path);
    }
    if let Some(profile) = launch.seccomp {
        let text = fs::read_to_string(profile).expect("the profile can be read");
        config["linux"]["seccomp"] = serde_json::from_str(&text).expect("a profile is JSON");
    }
    config
}
