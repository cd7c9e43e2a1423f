//! The loop that moves batches: the one place that waits.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::signals::Stop;
use crate::batch::{Source, Status};
use crate::pipeline::Pipeline;

/// Between polls while events come, and while none does. A wake-up by the kernel for each event
/// would cost many times the event; only what must not wait ends the idle pause early.
const BUSY: Duration = Duration::from_millis(1);
const IDLE: Duration = Duration::from_millis(20);

/// Polls that find nothing before a detached kernel counts as drained: programs that were running
/// when they were detached are through by then.
const QUIET_POLLS: u32 = 3;

pub(super) struct Pace {
    /// Time between two samples.
    pub sample_every: Duration,
    /// End after this.
    pub duration: Option<Duration>,
}

/// Whether to go on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    On,
    End,
}

/// Runs a live source until it is told to stop. `sampled` is called after each sample, `ended` as
/// often as the source is polled.
pub(super) fn live<S: Source>(
    pipeline: &mut Pipeline<S>,
    stop: &Stop,
    pace: &Pace,
    mut sampled: impl FnMut(&mut Pipeline<S>) -> Result<Flow>,
    mut ended: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let start = Instant::now();
    let mut next_sample = start + pace.sample_every;
    let mut pause = BUSY;
    loop {
        let now = Instant::now();
        let due = now >= next_sample;
        let Some(status) = pipeline.step(due)? else { return Ok(()) };
        if due {
            // A sample that came late does not make the next one come early.
            next_sample = now.max(next_sample) + pace.sample_every;
            if sampled(pipeline)? == Flow::End {
                return Ok(());
            }
        }
        let over = pace.duration.is_some_and(|limit| start.elapsed() >= limit);
        if stop.requested() || over || ended()? {
            return Ok(());
        }
        let end = pace.duration.map_or(next_sample, |limit| next_sample.min(start + limit));
        let left = end.saturating_duration_since(Instant::now());
        if status == Status::Busy {
            pause = BUSY;
            thread::sleep(pause.min(left));
        } else {
            pause = (pause * 2).min(IDLE);
            pipeline.source.wait(pause.min(left));
        }
    }
}

/// Detaches, reads what is left, and takes a last sample.
pub(super) fn drain<S: Source>(pipeline: &mut Pipeline<S>) -> Result<()> {
    pipeline.source.stop()?;
    let mut quiet = 0;
    while quiet < QUIET_POLLS {
        match pipeline.step(false)? {
            Some(Status::Busy) => quiet = 0,
            Some(Status::Idle) => quiet += 1,
            Some(Status::End) | None => break,
        }
        thread::sleep(BUSY);
    }
    pipeline.step(true)?;
    Ok(())
}

/// Runs a recording to its end. `sampled` is called after each sample that it holds.
pub(super) fn replay<S: Source>(
    pipeline: &mut Pipeline<S>,
    stop: &Stop,
    mut sampled: impl FnMut(&mut Pipeline<S>) -> Result<Flow>,
) -> Result<()> {
    loop {
        let status = pipeline.step(true)?;
        if pipeline.sampled() && sampled(pipeline)? == Flow::End {
            return Ok(());
        }
        match status {
            Some(Status::Busy | Status::Idle) if !stop.requested() => {}
            _ => return Ok(()),
        }
    }
}
