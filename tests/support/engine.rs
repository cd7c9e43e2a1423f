//! What runs containers, as the tests see it: one trait over all runtimes.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::docker::Docker;
use super::oci::Oci;
use super::podman::Podman;
use super::process::{Done, Process};
use super::unique;

pub trait Engine {
    /// As `container.runtime.name` has it.
    fn runtime(&self) -> &'static str;

    /// As `container.image.name` has it; bare runtimes know of none.
    fn image(&self) -> Option<&str>;

    /// The command line that runs a container in the foreground.
    fn command(&self, name: &str, launch: &Launch) -> Command;

    /// In full; None: there is no such container.
    fn id(&self, name: &str) -> Option<String>;

    /// Kills and forgets it, if it is there.
    fn remove(&self, name: &str);
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
}

impl<'a> Launch<'a> {
    pub const fn new(args: &'a [&'a str]) -> Self {
        Self { args, seccomp: None }
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
        Self { engine, name: unique("workload"), process: None }
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
    pub fn start(mut self, launch: &Launch) -> Self {
        let process = Process::start(&mut self.command(launch));
        process.stdout_line("`up`", |line| (line == "up").then_some(()));
        self.process = Some(process);
        self
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
    Docker,
}

impl Kind {
    pub fn engine(self) -> Box<dyn Engine> {
        match self {
            Self::Runc => Box::new(Oci::runc()),
            Self::Crun => Box::new(Oci::crun()),
            Self::Podman => Box::new(Podman::new()),
            Self::Docker => Box::new(Docker::new()),
        }
    }
}
