//! The loop that moves batches: the one place that waits.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::signals::Stop;
use crate::batch::{Source, Status};
use crate::pipeline::Pipeline;

/// From poll to poll while events come, and between polls while none does. A wake-up by the kernel for each event
/// would cost many times the event; only what must not wait ends the idle pause early. What a poll brought may take
/// longer than that: then the next one follows at once.
const BUSY: Duration = Duration::from_millis(1);
const IDLE: Duration = Duration::from_millis(20);

/// How long a change of speed may take to show.
const RESPONSE: Duration = Duration::from_millis(100);

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

/// As [`Flow`], and how soon the next sample is wanted at the latest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    On,
    SampleWithin(Duration),
    End,
}

/// Runs a live source until it is told to stop. `sampled` is called after each sample, `ended` as
/// often as the source is polled.
pub(super) fn live<S: Source>(
    pipeline: &mut Pipeline<S>,
    stop: &Stop,
    pace: &Pace,
    sampled: impl FnMut(&mut Pipeline<S>) -> Result<Flow>,
    mut ended: impl FnMut() -> Result<bool>,
) -> Result<()> {
    live_asked(pipeline, stop, pace, sampled, |_| Ok(if ended()? { Turn::End } else { Turn::On }))
}

/// As [`live`]; `turn` is called before each poll.
pub(super) fn live_asked<S: Source>(
    pipeline: &mut Pipeline<S>,
    stop: &Stop,
    pace: &Pace,
    mut sampled: impl FnMut(&mut Pipeline<S>) -> Result<Flow>,
    mut turn: impl FnMut(&mut Pipeline<S>) -> Result<Turn>,
) -> Result<()> {
    let start = Instant::now();
    let mut next_sample = start + pace.sample_every;
    let mut pause = BUSY;
    loop {
        let now = Instant::now();
        match turn(pipeline)? {
            Turn::On => {}
            Turn::SampleWithin(limit) => next_sample = next_sample.min(now + limit),
            Turn::End => return Ok(()),
        }
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
        if stop.requested() || over {
            return Ok(());
        }
        let end = pace.duration.map_or(next_sample, |limit| next_sample.min(start + limit));
        let left = end.saturating_duration_since(Instant::now());
        if status == Status::Busy {
            pause = BUSY;
            thread::sleep(pause.saturating_sub(now.elapsed()).min(left));
        } else {
            pause = (pause * 2).min(IDLE);
            pipeline.source.wait(pause.min(left));
        }
    }
}

/// Waits for `pause` of a recording's time, which goes by `speed` times as fast as ours, as that is each moment. True:
/// the end is wanted.
pub(super) fn wait_at(stop: &Stop, pause: Duration, speed: impl Fn() -> f64) -> bool {
    let mut left = pause.as_secs_f64();
    while left > 0.0 {
        let speed = speed();
        let slice = (left / speed).min(RESPONSE.as_secs_f64());
        if stop.wait(Duration::from_secs_f64(slice)) {
            return true;
        }
        left -= slice * speed;
        // What is left of a sum of fractions is no time.
        if left < 1e-6 {
            break;
        }
    }
    stop.requested()
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
        let enough = pipeline.sampled() && sampled(pipeline)? == Flow::End;
        match status {
            Some(Status::End) => return Ok(()),
            Some(Status::Busy | Status::Idle) if !enough && !stop.requested() => {}
            _ => {
                pipeline.cut_short();
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_time_goes_by_as_fast_as_is_asked() {
        let start = Instant::now();
        assert!(!wait_at(&Stop::default(), Duration::from_mins(1), || 1000.0));
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(60), "{took:?}");
        assert!(took < Duration::from_secs(30), "{took:?}");
        let stop = Stop::default();
        stop.request();
        assert!(wait_at(&stop, Duration::from_hours(1), || 0.1));
    }
}
