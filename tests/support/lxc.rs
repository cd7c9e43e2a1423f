//! Containers of LXC, in a folder of the tests' own, without a network.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::cgroup::Parent;
use super::engine::{Engine, Facts, Launch, version};
use super::process::{program, run};
use super::rootfs;
use super::wait::until;

pub struct Lxc {
    /// Holds `rootfs` and a folder a container.
    folder: TempDir,
    /// Where the last process of a container waits for its end.
    _cgroup: Parent,
}

impl Lxc {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        rootfs::make(&folder.path().join("rootfs"));
        Self { folder, _cgroup: Parent::new("/lxc.pivot") }
    }

    fn lxc(&self, tool: &str, name: &str) -> Command {
        let mut command = program(tool);
        command.arg("--lxcpath").arg(self.folder.path()).args(["--name", name]);
        command
    }

    /// A line of `lxc-info`.
    fn info(&self, name: &str, option: &str) -> String {
        run(self.lxc("lxc-info", name).args(["--no-humanize", option])).expect(0).stdout.trim().to_owned()
    }
}

impl Engine for Lxc {
    fn runtime(&self) -> &'static str {
        "lxc"
    }

    fn version(&self) -> String {
        version(program("lxc-start").arg("--version"))
    }

    fn image(&self) -> Option<&str> {
        None
    }

    fn command(&self, name: &str, launch: &Launch) -> Command {
        let folder = self.folder.path().join(name);
        fs::create_dir_all(&folder).expect("a temporary folder can be written to");
        let rootfs = self.folder.path().join("rootfs");
        let config = format!(
            "lxc.rootfs.path = dir:{}\n\
             lxc.uts.name = {name}\n\
             lxc.net.0.type = none\n\
             lxc.apparmor.profile = unconfined\n\
             lxc.environment = PATH=/bin\n\
             # Else the output goes to a terminal of the container's own.\n\
             lxc.console.path = none\n",
            rootfs.display()
        );
        fs::write(folder.join("config"), config).expect("a temporary folder can be written to");
        let mut command = self.lxc("lxc-start", name);
        command.args(["--foreground", "--"]).args(launch.args);
        command
    }

    fn id(&self, name: &str) -> Option<String> {
        Some(name.to_owned())
    }

    fn facts(&self, name: &str) -> Facts {
        Facts {
            id: name.to_owned(),
            name: Some(name.to_owned()),
            pid: self.info(name, "--pid").parse().expect("it runs"),
            state: self.info(name, "--state").to_lowercase(),
            ..Facts::default()
        }
    }

    fn remove(&self, name: &str) {
        // That it has ended already is the usual case.
        let _ = run(self.lxc("lxc-stop", name).arg("--kill"));
        until(&format!("the end of {name}"), || (self.info(name, "--state") == "STOPPED").then_some(()));
    }
}

impl Drop for Lxc {
    fn drop(&mut self) {
        // A lock for each container, below the path of its folder.
        let folder = self.folder.path().strip_prefix("/").expect("temporary folders have full paths");
        let _ = fs::remove_dir_all(Path::new("/run/lxc/lock").join(folder));
    }
}
