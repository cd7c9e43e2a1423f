//! Commands that ctrace starts, each in a cgroup of its own.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus};

use anyhow::{Context, Result};

use super::say;
use crate::cli::ExecArgs;
use crate::container::{Container, Runtime};

/// A cgroup v2 directory that exists as long as this value.
pub(super) struct OwnCgroup {
    path: PathBuf,
    parent: PathBuf,
    /// Inode number, which is the cgroup's id.
    pub id: u64,
}

impl OwnCgroup {
    pub(super) fn new(cgroup2: &Path) -> Result<Self> {
        let path = cgroup2.join(format!("ctrace-run-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot make the cgroup {}", path.display()))?;
        let id = fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()))?.ino();
        Ok(Self { path, parent: cgroup2.to_path_buf(), id })
    }

    /// What it is called in every output.
    pub(super) fn container(&self, command: &[OsString]) -> Container {
        let id = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let program = command.first().map(Path::new).and_then(Path::file_name);
        Container {
            id,
            name: program.map(|name| name.to_string_lossy().into_owned()),
            runtime: Runtime::Ctrace,
            image: None,
            image_id: None,
            labels: Vec::new(),
            parent: None,
            pod: None,
            pid: None,
        }
    }

    /// Starts `command` in it. ctrace itself enters the cgroup and becomes the command, so that not one
    /// of the command's own calls is missed.
    pub(super) fn start(&self, command: &[OsString]) -> Result<Child> {
        let own = std::env::current_exe().context("cannot find the path of ctrace itself")?;
        Command::new(&own)
            .arg("internal-exec")
            .arg(&self.path)
            .arg("--")
            .args(command)
            .spawn()
            .with_context(|| format!("cannot start {}", own.display()))
    }
}

impl Drop for OwnCgroup {
    fn drop(&mut self) {
        // What the command left running goes back to where ctrace found it.
        let procs = fs::read_to_string(self.path.join("cgroup.procs")).unwrap_or_default();
        for pid in procs.lines() {
            let _ = fs::write(self.parent.join("cgroup.procs"), pid);
        }
        if let Err(error) = fs::remove_dir(&self.path) {
            say(&format!("cannot remove the cgroup {}: {error}; do it with rmdir", self.path.display()));
        }
    }
}

/// `ctrace internal-exec`: only returns if the command cannot be executed.
pub(super) fn become_command(args: &ExecArgs) -> Result<ExitCode> {
    let procs = args.cgroup.join("cgroup.procs");
    fs::write(&procs, "0").with_context(|| format!("cannot enter the cgroup by {}", procs.display()))?;
    let program = args.command.first().map_or(OsStr::new(""), OsString::as_os_str);
    let error = Command::new(program).args(args.command.get(1..).unwrap_or_default()).exec();
    say(&format!("cannot execute {}: {error}", program.display()));
    // As shells have it: 127 not found, 126 found but not executable.
    Ok(ExitCode::from(if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 }))
}

/// A command's end as ours: its code, or 128 + the signal that killed it.
pub(super) fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
