//! Before a container's program runs: a tracer is started, and waited for until it traces.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::super::super::child::exit_code;
use super::order::Order;
use super::state::State;
use crate::exit::{Code, Refusal};
use crate::text::safe;

/// What the tracer says on its standard output once it traces.
pub(super) const READY: &[u8] = b"ready\n";

/// What the tracer is told on its standard input.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Job {
    pub order: Order,
    /// Of the container.
    pub id: String,
    /// Host pid of its first process.
    pub pid: i32,
}

pub(super) fn start(order: Order, state: State, timeout: Duration) -> Result<ExitCode> {
    let State { id, pid, .. } = state;
    not_rootless()?;
    let Some(pid) = pid.filter(|pid| *pid > 0) else {
        bail!(
            "the runtime does not say which process container {} begins with: its state has no pid",
            safe(&id)
        );
    };
    let mut tracer = spawn(&Job { order, id, pid })?;
    let deadline = Instant::now() + timeout;
    let Some(said) = answer(&mut tracer, deadline)? else {
        // It has not begun yet, and there is nothing to be written.
        let _ = tracer.kill().and_then(|()| tracer.wait());
        bail!(
            "tracing did not begin within {timeout:?}, so the container is not started; --timeout gives it more"
        );
    };
    if said == READY {
        return Ok(Code::Done.into());
    }
    // It has said why on the standard error that we share.
    let status = tracer.wait().context("cannot wait for the tracer")?;
    if let Some(signal) = status.signal() {
        bail!("the tracer was killed by signal {signal} before it began");
    }
    Ok(exit_code(status))
}

/// The privileges that root has in a user namespace are not those that tracing takes.
fn not_rootless() -> Result<()> {
    let path = "/proc/self/uid_map";
    let map = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    if map.split_whitespace().eq(["0", "0", "4294967295"]) {
        return Ok(());
    }
    let message = "cannot trace from within a user namespace, as hooks of rootless containers are: the kernel lets only \
                   its own root trace system calls\n  fix: start the container as root (sudo podman run ..), or record \
                   it from outside, without the annotation: sudo ctrace profile record -o PROFILE CONTAINER";
    Err(Refusal { code: Code::NotPermitted, message: message.to_owned() }.into())
}

fn spawn(job: &Job) -> Result<Child> {
    let own = std::env::current_exe().context("cannot find the path of ctrace itself")?;
    let mut tracer = Command::new(&own)
        .arg("internal-oci-trace")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", own.display()))?;
    let stdin = tracer.stdin.take().context("the tracer has no standard input")?;
    serde_json::to_writer(stdin, job).context("cannot tell the tracer what to do")?;
    Ok(tracer)
}

/// What it says first, empty if it ends instead; None: nothing yet.
fn answer(tracer: &mut Child, deadline: Instant) -> Result<Option<Vec<u8>>> {
    let mut stdout = tracer.stdout.take().context("the tracer has no standard output")?;
    let what = "cannot hear from the tracer";
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).context(what)?;
        match poll(&mut [PollFd::new(&stdout, PollFlags::IN)], Some(&left)) {
            Ok(0) => return Ok(None),
            Ok(_) => break,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error).context(what),
        }
    }
    let mut said = vec![0; READY.len()];
    let length = stdout.read(&mut said).context(what)?;
    said.truncate(length);
    Ok(Some(said))
}
