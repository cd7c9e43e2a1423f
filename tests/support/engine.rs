//! What runs containers, as the tests see it: one trait over all runtimes.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::containerd::Ctr;
use super::cri::Cri;
use super::docker::Docker;
use super::oci::Oci;
use super::pod::{PlayKube, PodmanPod};
use super::podman::Podman;
use super::process::{Done, Process, program, run};
use super::unique;

/// Every container of the tests has it, of runtimes that know of labels or annotations.
pub const LABEL: (&str, &str) = ("org.example.tier", "front end=1");

pub trait Engine {
    /// As `container.runtime.name` has it.
    fn runtime(&self) -> &'static str;

    /// How the runtime is used, for runtimes that can be used in several ways.
    fn mode(&self) -> &'static str {
        "rootful"
    }

    /// Of the runtime, as it prints it itself.
    fn version(&self) -> String {
        version(program(self.runtime()).arg("--version"))
    }

    /// As `container.image.name` has it; bare runtimes know of none.
    fn image(&self) -> Option<&str>;

    /// The command line that runs a container in the foreground.
    fn command(&self, name: &str, launch: &Launch) -> Command;

    /// In full; None: there is no such container.
    fn id(&self, name: &str) -> Option<String>;

    /// What the runtime says of a container that runs.
    fn facts(&self, name: &str) -> Facts;

    /// Kills and forgets it, if it is there.
    fn remove(&self, name: &str);
}

/// The first word of what it prints that begins with a digit.
pub fn version(command: &mut Command) -> String {
    let done = run(command).expect(0);
    let number = done.stdout.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    number.unwrap_or_else(|| panic!("no version: {done:?}")).trim_end_matches(',').to_owned()
}

/// What a runtime itself says of a container that runs.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// In full.
    pub id: String,
    /// None: the runtime has no names.
    pub name: Option<String>,
    pub image: Option<String>,
    /// `sha256:...`
    pub image_id: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub pod: Option<Pod>,
    /// Host pid of its first process.
    pub pid: u32,
    /// As the runtime prints it, RFC 3339; None: it does not say.
    pub started: Option<String>,
    /// `running` or `paused`.
    pub state: String,
    /// Id of the container around it.
    pub parent: Option<String>,
    /// Whose container it is, where that is not root.
    pub user: Option<u32>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pod {
    pub name: Option<String>,
    pub uid: Option<String>,
    pub namespace: Option<String>,
    pub container_name: Option<String>,
}

/// What to run in a container.
#[derive(Clone, Copy, Default)]
pub struct Launch<'a> {
    pub args: &'a [&'a str],
    /// A profile in OCI JSON; None: the runtime's default.
    pub seccomp: Option<&'a Path>,
    /// Without a filter, where the runtime's default is one; only without `seccomp`.
    pub unconfined: bool,
    /// Whether a program may get more rights than who starts it; None: the runtime's default, which
    /// for bundles is that it may not unless `privileged`.
    pub no_new_privs: Option<bool>,
    /// With this machine's `/usr`, to read.
    pub usr: bool,
    /// With the rights that `--privileged` gives.
    pub privileged: bool,
    /// Uid in the container; None: root.
    pub user: Option<u32>,
    /// These and no others, without `CAP_`; None: the runtime's default.
    pub capabilities: Option<&'a [&'a str]>,
}

impl<'a> Launch<'a> {
    pub const fn new(args: &'a [&'a str]) -> Self {
        Self {
            args,
            seccomp: None,
            unconfined: false,
            no_new_privs: None,
            usr: false,
            privileged: false,
            user: None,
            capabilities: None,
        }
    }
}

/// A container that is removed when dropped.
pub struct Container<'a> {
    engine: &'a dyn Engine,
    pub name: String,
    process: Option<Process>,
}

impl<'a> Container<'a> {
    /// A name for a container to come.
    pub fn new(engine: &'a dyn Engine) -> Self {
        Self::named(engine, &unique("workload"))
    }

    pub fn named(engine: &'a dyn Engine, name: &str) -> Self {
        Self { engine, name: name.to_owned(), process: None }
    }

    /// Its command line in the foreground, to be handed to another program.
    pub fn command(&self, launch: &Launch) -> Command {
        self.engine.command(&self.name, launch)
    }

    /// Runs it to its end. Its id stays known until it is dropped, if the runtime keeps it.
    pub fn run(&self, launch: &Launch) -> Done {
        Process::start(&mut self.command(launch)).wait()
    }

    /// Starts it in the background and waits for the line `up`.
    pub fn start(self, launch: &Launch) -> Self {
        let container = self.spawn(launch);
        container.wait_up();
        container
    }

    /// Starts it in the background.
    pub fn spawn(mut self, launch: &Launch) -> Self {
        self.process = Some(Process::start(&mut self.command(launch)));
        self
    }

    /// Starts it in the background by a command line with more in it.
    pub fn spawn_as(mut self, command: &mut Command) -> Self {
        self.process = Some(Process::start(command));
        self
    }

    /// Waits for the line `up` of one that was started.
    pub fn wait_up(&self) {
        let process = self.process.as_ref().expect("it was started");
        process.stdout_line("`up`", |line| (line == "up").then_some(()));
    }

    pub fn facts(&self) -> Facts {
        self.engine.facts(&self.name)
    }

    pub fn id(&self) -> String {
        let Self { engine, name, process: _ } = self;
        engine.id(name).unwrap_or_else(|| panic!("{} knows no container {name}", engine.runtime()))
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        self.engine.remove(&self.name);
    }
}

/// A runtime that the same test runs on.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Runc,
    Crun,
    Podman,
    PodmanPod,
    PlayKube,
    Rootless,
    Docker,
    Ctr,
    Cri,
}

impl Kind {
    pub fn engine(self) -> Box<dyn Engine> {
        match self {
            Self::Runc => Box::new(Oci::runc()),
            Self::Crun => Box::new(Oci::crun()),
            Self::Podman => Box::new(Podman::new()),
            Self::PodmanPod => Box::new(PodmanPod::new()),
            Self::PlayKube => Box::new(PlayKube::new()),
            Self::Rootless => Box::new(Podman::rootless()),
            Self::Docker => Box::new(Docker::new()),
            Self::Ctr => Box::new(Ctr::new()),
            Self::Cri => Box::new(Cri::new()),
        }
    }
}
