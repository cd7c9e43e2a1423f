//! Running other programs, with errors that hold the exact command line.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

/// Runs it with our own output; an error unless it exits with 0.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

/// Runs it and returns what it printed; an error, with what it said, unless it exits with 0.
pub fn output(command: &mut Command) -> Result<String> {
    let Output { status, stdout, stderr } =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}: {}", String::from_utf8_lossy(&stderr).trim());
    }
    Ok(String::from_utf8_lossy(&stdout).into_owned())
}

/// Whether we may do everything. `/proc/self` belongs to the effective user.
pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// The command with root's rights, by sudo if we have not got them; None: there is no way.
pub fn as_root(program: impl AsRef<OsStr>) -> Option<Command> {
    if is_root() {
        return Some(Command::new(program));
    }
    exists("sudo").then(|| {
        let mut command = Command::new("sudo");
        // `env` again: sudo has a PATH of its own.
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut assignment = OsString::from("PATH=");
        assignment.push(path);
        command.args(["-E", "env"]).arg(assignment).arg(program);
        command
    })
}

/// Whether a program of that name is on the PATH.
pub fn exists(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
