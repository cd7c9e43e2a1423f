//! Running ctrace without privileges.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::process::program;

/// `nobody`.
const UID: u32 = 65534;

/// An ordinary user with a copy of ctrace and a folder that is theirs.
pub struct User {
    folder: TempDir,
}

impl User {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        chown(folder.path(), Some(UID), Some(UID)).expect("root can give folders away");
        let user = Self { folder };
        // The one in the target folder may lie where only its owner can go.
        fs::copy(env!("CARGO_BIN_EXE_ctrace"), user.binary()).expect("the binary can be copied");
        user
    }

    pub fn binary(&self) -> PathBuf {
        self.folder.path().join("ctrace")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A copy that the user can read.
    pub fn give(&self, file: &Path) -> PathBuf {
        let copy = self.file("given");
        fs::copy(file, &copy).expect("the file can be copied");
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o644)).expect("own file");
        copy
    }

    pub fn ctrace(&self, args: &[&str]) -> Command {
        let mut command = program("setpriv");
        command
            .args([&format!("--reuid={UID}"), &format!("--regid={UID}")])
            .args(["--clear-groups", "--inh-caps=-all", "--"])
            .arg(self.binary())
            .args(args)
            .current_dir(self.folder.path());
        command
    }
}
