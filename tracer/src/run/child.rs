//! Commands that ctrace starts, each in a cgroup of its own.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus};

use anyhow::{Context, Result};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::say;
use super::signals::Stop;
use crate::cli::ExecArgs;
use crate::container::{CgroupId, Container, Roots, Runtime};

/// Of the names of our cgroups; the pid of the ctrace that made it follows.
const PREFIX: &str = "ctrace-run-";

/// A cgroup that exists as long as this value.
pub(super) struct OwnCgroup {
    path: PathBuf,
    parent: PathBuf,
    pub id: CgroupId,
}

impl OwnCgroup {
    pub(super) fn new(roots: &Roots) -> Result<Self> {
        let v2 = roots.cgroup2.as_deref().map(|mount| (mount, CgroupId::V2 as fn(u64) -> CgroupId));
        let v1 =
            || roots.cgroup1.as_ref().map(|v1| (v1.mount.as_path(), CgroupId::V1 as fn(u64) -> CgroupId));
        let (mount, id) = v2.or_else(v1).context("no cgroup file system is mounted")?;
        remove_stale(mount);
        let path = mount.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot make the cgroup {}", path.display()))?;
        // The inode number of the directory is the cgroup's id.
        let inode = fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()))?.ino();
        Ok(Self { path, parent: mount.to_path_buf(), id: id(inode) })
    }

    /// Removes it when ctrace is told a second time to end.
    pub(super) fn removed_on_abort(&self, stop: &Stop) {
        let (path, parent) = (self.path.clone(), self.parent.clone());
        stop.on_abort(move || remove(&path, &parent));
    }

    /// What it is called in every output.
    pub(super) fn container(&self, command: &[OsString]) -> Container {
        let id = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let program = command.first().map(Path::new).and_then(Path::file_name);
        Container {
            name: program.map(|name| name.to_string_lossy().into_owned()),
            ..Container::unnamed(Runtime::Ctrace, &id)
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
        remove(&self.path, &self.parent);
    }
}

fn remove(path: &Path, parent: &Path) {
    // What the command left running goes back to where ctrace found it.
    let procs = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
    for pid in procs.lines() {
        let _ = fs::write(parent.join("cgroup.procs"), pid);
    }
    if let Err(error) = fs::remove_dir(path) {
        say(&format!("cannot remove the cgroup {}: {error}; do it with rmdir", path.display()));
    }
}

/// Those of a ctrace that was killed. One that still has processes stays.
fn remove_stale(mount: &Path) {
    for entry in fs::read_dir(mount).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse::<i32>().ok());
        if let Some(pid) = pid.and_then(Pid::from_raw)
            && test_kill_process(pid) == Err(Errno::SRCH)
        {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// Passes on a signal that asked ctrace to end. Ctrl-C needs no passing on: the terminal tells both.
pub(super) fn pass_on(stop: &Stop, child: &Child) {
    let signal = match stop.take_signal() {
        Some(number) if number == Signal::TERM.as_raw() => Signal::TERM,
        Some(number) if number == Signal::HUP.as_raw() => Signal::HUP,
        _ => return,
    };
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It may have ended meanwhile.
        let _ = kill_process(pid, signal);
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
