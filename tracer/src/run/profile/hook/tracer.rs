//! The process that records one container, without a terminal and without anybody who waits for it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::super::super::drive;
use super::super::super::live;
use super::super::super::signals::Stop;
use super::super::FOR_EVER;
use super::super::files::{evidence, read};
use super::super::record::{plan, watch};
use super::detach;
use super::pending::Pending;
use super::result::{Base, write};
use super::start::{Job, READY};
use crate::batch::Source;
use crate::container::Roots;
use crate::exit::Code;
use crate::filter::Wanted;
use crate::model::Model;
use crate::pipeline::Pipeline;
use crate::plan::Plan;
use crate::profile::File as Profile;
use crate::text::safe;

/// Of a [`Job`] on standard input; [`READY`] on standard output once it traces. Errors until
/// then are the caller's, on the standard error that it shares.
pub(super) fn trace() -> Result<ExitCode> {
    detach::close_inherited()?;
    detach::leave_session()?;
    let job: Job = serde_json::from_reader(io::stdin()).context("cannot read what to trace")?;
    let Job { order, id, pid } = &job;
    let what = || format!("cannot record container {}", safe(id));
    let base = order.base.as_deref().map(base).transpose()?;
    may_be_replaced(&order.output)?;
    let mut pending = Pending::begin(&order.output, id)?;
    let process = process(*pid).with_context(what)?;
    live::preflight()?;
    let roots = Roots::detect()?;
    let held = u32::try_from(*pid).ok();
    let source = live::open(&Plan { held, ..plan(None, 0) }, &roots, |_| {})?;
    let model = Model::new(source.session().clone(), FOR_EVER);
    // All containers: whose an owner is may be known only at the end.
    let mut pipeline = Pipeline::new(source, model, Wanted::default());
    let stop = Stop::on_signals()?;
    pending.take_stderr()?;
    if let Err(error) = io::stdout().write_all(READY).and_then(|()| io::stdout().flush()) {
        // The hook was killed, and with it the start of the container.
        pending.done();
        return Err(error).with_context(what);
    }
    detach::leave_pipes()?;
    watch(&mut pipeline, &stop, None, || has_ended(&process)).with_context(what)?;
    drive::drain(&mut pipeline).with_context(what)?;
    let has_ended = has_ended(&process)?;
    write(&job, base, &mut pipeline, has_ended)?;
    pending.done();
    Ok(Code::Done.into())
}

/// The profile to be extended, read before the container starts: an error keeps it from starting.
fn base(path: &Path) -> Result<Base> {
    let base = Base { file: read(path)?, evidence: evidence(path)? };
    base.check().with_context(|| format!("cannot extend the profile {}", path.display()))?;
    Ok(base)
}

/// Whoever may set annotations must not have any file of root's written over.
fn may_be_replaced(output: &Path) -> Result<()> {
    let what = || format!("cannot write the profile to {}", output.display());
    match fs::symlink_metadata(output) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(what),
        Ok(found) if !found.is_file() => bail!("{}: it is there, and no regular file", what()),
        // As `mktemp` leaves it.
        Ok(found) if found.len() == 0 => return Ok(()),
        Ok(_) => {}
    }
    let mut text = String::new();
    let is_profile = File::open(output)
        .and_then(|file| file.take(crate::profile::MAX_BYTES).read_to_string(&mut text))
        .is_ok_and(|_| Profile::parse(&text).is_ok());
    if !is_profile {
        bail!("{}: what is there is no seccomp profile, and is not written over; move it away", what());
    }
    Ok(())
}

fn process(pid: i32) -> Result<OwnedFd> {
    let what = || format!("cannot watch its first process, {pid}");
    let pid = Pid::from_raw(pid).with_context(what)?;
    pidfd_open(pid, PidfdFlags::empty()).with_context(what)
}

fn has_ended(process: &OwnedFd) -> Result<bool> {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    match poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&now)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error).context("cannot watch the container's first process"),
    }
}
