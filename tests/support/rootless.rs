//! A user of the tests' own who can run containers without root.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{program, run};
use super::unique;
use super::wait::until;

/// With all that is theirs, removed when dropped.
pub struct Account {
    name: String,
    pub uid: u32,
    /// Where a login would put `XDG_RUNTIME_DIR`.
    runtime: PathBuf,
}

impl Account {
    pub fn new() -> Self {
        let name = unique("user");
        // It gives them subordinate ids, too: the other users of their containers.
        run(program("useradd").args(["--create-home", &name])).expect(0);
        let said = run(program("id").args(["--user", &name])).expect(0).stdout;
        let uid = said.trim().parse().expect("a uid is a number");
        let account = Self { name, uid, runtime: Path::new("/run/user").join(said.trim()) };
        fs::create_dir_all(&account.runtime).expect("/run can be written to");
        chown(&account.runtime, Some(uid), Some(uid)).expect("root can give folders away");
        account
    }

    /// A program as they would start it after a login.
    pub fn command(&self, name: &str) -> Command {
        let mut command = program("setpriv");
        command
            .args([&format!("--reuid={}", self.name), &format!("--regid={}", self.name)])
            .args(["--init-groups", name])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", Path::new("/home").join(&self.name))
            .env("XDG_RUNTIME_DIR", &self.runtime)
            .current_dir("/");
        command
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        // It ends the process that keeps podman's user namespace.
        let _ = run(self.command("podman").args(["system", "migrate"]));
        // Not before their last process is gone.
        until(&format!("the end of {}", self.name), || {
            let done = run(program("userdel").args(["--remove", &self.name]));
            (done.code == 0 || !done.stderr.contains("currently used")).then_some(())
        });
        let _ = fs::remove_dir_all(&self.runtime);
    }
}
