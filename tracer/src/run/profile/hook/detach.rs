//! Leaving the runtime that called: nothing of it is held, and its end is not ours.
#![expect(unsafe_code, reason = "a descriptor that was inherited is known by its number alone")]

use std::fs::{self, File};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use anyhow::{Context, Result};

/// For the first moment of a process, before it has opened anything: closes all but the standard descriptors. A
/// runtime that waits for the end of a pipe would wait for ours.
pub(super) fn close_inherited() -> Result<()> {
    let what = "cannot read /proc/self/fd";
    let open = |fd: &RawFd| *fd > 2;
    let names = fs::read_dir("/proc/self/fd").context(what)?;
    let fds: Vec<RawFd> =
        names.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(open).collect();
    // That of the reading itself is among them, and closed by now.
    let still = fds.into_iter().filter(|fd| fs::symlink_metadata(format!("/proc/self/fd/{fd}")).is_ok());
    for fd in still {
        // SAFETY: it is open, and this process, which has one thread, has not opened it: nobody else will close it.
        drop(unsafe { OwnedFd::from_raw_fd(fd) });
    }
    Ok(())
}

/// A session of its own, which no terminal can end, in a folder that no file system waits for.
pub(super) fn leave_session() -> Result<()> {
    rustix::process::setsid().context("cannot begin a session")?;
    std::env::set_current_dir("/").context("cannot enter /")
}

/// Standard input and output lead nowhere.
pub(super) fn leave_pipes() -> Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null").context("cannot open /dev/null")?;
    rustix::stdio::dup2_stdin(&null).context("cannot redirect standard input")?;
    rustix::stdio::dup2_stdout(&null).context("cannot redirect standard output")
}
