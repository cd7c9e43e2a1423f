//! Containers of containerd, in a daemon of the tests' own. It keeps its state where containerd does by
//! default, because ctrace looks for names there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;

use super::cgroup::Parent;
use super::engine::{Engine, Facts, LABEL, Launch};
use super::json::{at, parse};
use super::podman::{Podman, text};
use super::process::{Process, program, run};
use super::unique;
use super::wait::until;

const STATE: &str = "/run/containerd";
const DATA: &str = "/var/lib/containerd";

/// containerd; stopped when dropped.
pub struct Daemon {
    process: Option<Process>,
    folder: TempDir,
    /// In every namespace that it was imported into.
    pub image: String,
    /// Of `STATE` and `DATA`, those that were not there before.
    made: Vec<PathBuf>,
}

impl Daemon {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let podman = Podman::new();
        podman.archive(&folder.path().join("image.tar"));
        let image = podman.image().expect("it has been made").to_owned();
        let made = [STATE, DATA].map(PathBuf::from).into_iter().filter(|path| !path.exists()).collect();
        let mut daemon = Self { process: None, folder, image, made };
        let config = daemon.folder.path().join("config.toml");
        // Without a network no other image can be had for pods, and without CAP_SYS_RESOURCE no process
        // can be made less likely to be killed for its memory.
        let text = format!(
            "version = 2\n\
             [grpc]\naddress = \"{}\"\n\
             [plugins.\"io.containerd.grpc.v1.cri\"]\nsandbox_image = \"{}\"\nrestrict_oom_score_adj = true\n",
            daemon.socket().display(),
            daemon.image
        );
        fs::write(&config, text).expect("a file can be written");
        let process = Process::start(program("containerd").arg("--config").arg(config));
        let alone = process.stderr_line("a socket", |line| {
            let answers = [("successfully booted", true), ("waiting for response from boltdb open", false)];
            answers.into_iter().find_map(|(text, alone)| line.contains(text).then_some(alone))
        });
        assert!(alone, "another containerd uses {DATA}: stop it");
        daemon.process = Some(process);
        daemon
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("containerd.sock")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn ctr(&self, namespace: &str) -> Command {
        let mut command = program("ctr");
        command.arg("--address").arg(self.socket()).args(["--namespace", namespace]);
        command
    }

    pub fn import(&self, namespace: &str) {
        run(self.ctr(namespace).args(["images", "import"]).arg(self.file("image.tar"))).expect(0);
    }

    /// The digest of the image's manifest.
    pub fn digest(&self, namespace: &str) -> String {
        let listed =
            run(self.ctr(namespace).args(["images", "ls", &format!("name=={}", self.image)])).expect(0);
        let digest = listed.stdout.split_whitespace().find(|word| word.starts_with("sha256:"));
        digest.expect("it was imported").to_owned()
    }

    /// Removes the image, the namespace if nothing is left in it, and what containerd forgets to remove.
    pub fn forget(&self, namespace: &str) {
        // The CRI gives it more names.
        let filter = format!("target.digest=={}", self.digest(namespace));
        let names = run(self.ctr(namespace).args(["images", "ls", "--quiet", &filter])).stdout;
        let _ = run(self.ctr(namespace).args(["images", "rm", "--sync"]).args(names.lines()));
        let _ = run(self.ctr(namespace).args(["namespaces", "rm", namespace]));
        for folder in [STATE, DATA].map(|root| Path::new(root).join("io.containerd.runtime.v2.task")) {
            let _ = fs::remove_dir(folder.join(namespace));
        }
        let _ = fs::remove_dir(Path::new(STATE).join("runc").join(namespace));
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            process.signal(Signal::TERM);
            let _ = process.wait();
        }
        for folder in &self.made {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// Containers of `ctr` in a namespace of their own.
pub struct Ctr {
    daemon: Daemon,
    namespace: String,
    _cgroup: Parent,
}

impl Ctr {
    pub fn new() -> Self {
        let namespace = unique("namespace");
        let cgroup = Parent::new(&format!("/{namespace}"));
        let daemon = Daemon::new();
        daemon.import(&namespace);
        Self { daemon, namespace, _cgroup: cgroup }
    }

    fn ctr(&self) -> Command {
        self.daemon.ctr(&self.namespace)
    }
}

impl Engine for Ctr {
    fn runtime(&self) -> &'static str {
        "containerd"
    }

    fn mode(&self) -> &'static str {
        "ctr"
    }

    fn image(&self) -> Option<&str> {
        Some(&self.daemon.image)
    }

    fn command(&self, name: &str, launch: &Launch) -> Command {
        let mut command = self.ctr();
        command.arg("run").arg("--label").arg(format!("{}={}", LABEL.0, LABEL.1));
        if let Some(profile) = launch.seccomp {
            command.arg("--seccomp").arg("--seccomp-profile").arg(profile);
        }
        if launch.privileged {
            command.arg("--privileged");
        }
        if let Some(user) = launch.user {
            command.arg(format!("--user={user}"));
        }
        command.args([&self.daemon.image, name]).args(launch.args);
        command
    }

    fn id(&self, name: &str) -> Option<String> {
        let done = run(self.ctr().args(["containers", "info", name]));
        (done.code == 0).then(|| text(&parse(&done.stdout), "ID"))?
    }

    fn facts(&self, name: &str) -> Facts {
        let info = parse(&run(self.ctr().args(["containers", "info", name])).expect(0).stdout);
        let tasks = run(self.ctr().args(["tasks", "ls"])).expect(0).stdout;
        let mut task = tasks
            .lines()
            .map(str::split_whitespace)
            .find_map(|mut words| (words.next() == Some(name)).then_some(words));
        let mut word = || task.as_mut().and_then(Iterator::next).expect("it has a task, a pid and a state");
        // It knows of no start; the runtime below it does.
        let root = Path::new(STATE).join("runc").join(&self.namespace);
        let below = run(program("runc").arg("--root").arg(root).args(["state", name])).expect(0);
        let labels = at(&info, "Labels").as_object().into_iter().flatten();
        Facts {
            id: text(&info, "ID").expect("an id"),
            image: text(&info, "Image"),
            image_id: Some(self.daemon.digest(&self.namespace)),
            labels: labels.map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_owned())).collect(),
            pid: word().parse().expect("a pid"),
            state: word().to_lowercase(),
            started: text(&parse(&below.stdout), "created"),
            ..Facts::default()
        }
    }

    fn remove(&self, name: &str) {
        until(&format!("the removal of {name}"), || {
            let _ = run(self.ctr().args(["tasks", "rm", "--force", name]));
            let _ = run(self.ctr().args(["containers", "rm", name]));
            self.id(name).is_none().then_some(())
        });
    }
}

impl Drop for Ctr {
    fn drop(&mut self) {
        self.daemon.forget(&self.namespace);
    }
}
