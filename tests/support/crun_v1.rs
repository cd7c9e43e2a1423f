//! Containers of a crun that sees cgroup v1 alone, on a hybrid machine: in cgroup v2 they are where
//! crun itself is.

use std::process::Command;

use super::engine::{Engine, Facts, Launch};
use super::oci::Oci;
use super::process::program;

pub struct CrunV1(Oci);

impl CrunV1 {
    pub fn new() -> Self {
        Self(Oci::crun())
    }
}

impl Engine for CrunV1 {
    fn runtime(&self) -> &'static str {
        self.0.runtime()
    }

    fn mode(&self) -> &'static str {
        "cgroup v1 alone"
    }

    fn image(&self) -> Option<&str> {
        self.0.image()
    }

    fn command(&self, name: &str, launch: &Launch) -> Command {
        let hybrid = self.0.command(name, launch);
        let script = "umount /sys/fs/cgroup/unified && exec crun \"$@\"";
        let mut command = program("unshare");
        command.args(["--mount", "--propagation", "slave", "sh", "-c", script, "crun"]);
        command.args(hybrid.get_args().skip_while(|word| *word != "run"));
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
