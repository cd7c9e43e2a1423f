//! A sink's thread: takes chunks out of the queue and stays with each until it is done or lost.

use std::time::{Duration, Instant};

use memchr::memchr_iter;

use super::backoff::Backoff;
use super::books::Fate;
use super::queue::{Queue, Task};
use super::{Chunk, Failure, Late, Progress, Receiver, cause};

/// Between two [`Receiver::tick`]s.
const TICK: Duration = Duration::from_secs(1);

/// Works until the queue ends. `patient`: a receiver without room is waited for.
pub fn work(queue: &Queue, receiver: &mut dyn Receiver, patient: bool) {
    let mut ticked = Instant::now();
    loop {
        match queue.next(TICK) {
            Task::Deliver(chunk) => {
                if !deliver(queue, receiver, &chunk, patient) {
                    break;
                }
            }
            Task::Reopen => receiver.reopen(),
            Task::Nothing => {}
            Task::End => break,
        }
        if ticked.elapsed() >= TICK {
            ticked = Instant::now();
            too_late(queue, &receiver.tick());
        }
    }
    too_late(queue, &receiver.close());
    queue.abandon(Fate::Unwanted);
}

/// False: it is over.
fn deliver(queue: &Queue, receiver: &mut dyn Receiver, chunk: &Chunk, patient: bool) -> bool {
    let mut backoff = Backoff::new();
    let mut rest: &[u8] = &chunk.lines;
    loop {
        let progress = receiver.deliver(rest);
        let through = progress.stop.is_none() || {
            rest = behind(rest, progress.done);
            rest.is_empty()
        };
        if through {
            recovered(queue, &progress);
            return queue.progress(&progress, true, None);
        }
        let pause = match &progress.stop {
            None | Some(Failure::Stalled) => None,
            Some(Failure::Closed) => {
                queue.progress(&progress, false, None);
                return false;
            }
            Some(Failure::Unreachable(error)) => {
                let word = if patient { "everything waits" } else { "events wait in its queue" };
                failing(queue, error, word);
                Some(backoff.pause())
            }
            Some(Failure::NoRoom(error)) if patient => {
                failing(queue, error, "everything waits");
                Some(backoff.pause())
            }
            Some(Failure::NoRoom(error) | Failure::Refused(error)) => {
                failing(queue, error, "events are lost");
                return queue.progress(&progress, false, Some(Fate::Sink));
            }
        };
        if progress.done > 0 {
            backoff = Backoff::new();
        }
        if !queue.progress(&progress, false, None) || pause.is_some_and(|pause| !queue.pause(pause)) {
            return false;
        }
        if queue.take_reopen() {
            receiver.reopen();
        }
    }
}

/// What is left after that many lines.
fn behind(lines: &[u8], done: u32) -> &[u8] {
    match done.checked_sub(1) {
        None => lines,
        Some(last) => match memchr_iter(b'\n', lines).nth(last as usize) {
            Some(end) => lines.get(end + 1..).unwrap_or_default(),
            None => &[],
        },
    }
}

fn failing(queue: &Queue, error: &std::io::Error, word: &str) {
    let why = cause(error);
    if queue.set_failing(Some(why.clone())) {
        log::warn!("{}: {why}; {word}", queue.name());
    }
}

fn recovered(queue: &Queue, progress: &Progress) {
    if progress.missed.is_empty() && queue.set_failing(None) {
        log::warn!("{}: takes events again", queue.name());
    }
}

fn too_late(queue: &Queue, late: &Late) {
    queue.late(late);
    if let Some(error) = &late.error {
        failing(queue, error, "events are lost");
    }
}
