//! Counts that know how far they were at the last snapshot.

use tracer_common::limits::COMM_LEN;

use crate::event::{Event, How, Process, Syscall, What};
use crate::snapshot::Counts;

/// All, failed and refused ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub count: u64,
    pub errors: u64,
    pub denied: u64,
}

#[derive(Debug, Default)]
pub(super) struct Count {
    now: Totals,
    then: Totals,
}

impl Count {
    pub fn add(&mut self, outcome: Outcome) {
        self.now.count += 1;
        self.now.errors += u64::from(outcome.failed);
        self.now.denied += u64::from(outcome.denied);
    }

    pub fn set(&mut self, now: Totals) {
        self.now = now;
    }

    /// Ends the interval.
    pub fn take(&mut self) -> Counts {
        let Self { now, then } = *self;
        self.then = now;
        Counts {
            count: now.count.saturating_sub(then.count),
            errors: now.errors.saturating_sub(then.errors),
            denied: now.denied.saturating_sub(then.denied),
            total: now.count,
            total_errors: now.errors,
            total_denied: now.denied,
        }
    }
}

/// Adds those of another owner.
pub(super) fn add(sum: &mut Counts, more: &Counts) {
    let Counts { count, errors, denied, total, total_errors, total_denied } = more;
    for (sum, more) in [
        (&mut sum.count, count),
        (&mut sum.errors, errors),
        (&mut sum.denied, denied),
        (&mut sum.total, total),
        (&mut sum.total_errors, total_errors),
        (&mut sum.total_denied, total_denied),
    ] {
        *sum = sum.saturating_add(*more);
    }
}

/// How an event ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub errno: Option<u16>,
    /// Refused ones included.
    pub failed: bool,
    pub denied: bool,
}

impl Outcome {
    pub fn of(event: &Event<'_>) -> Self {
        match &event.what {
            What::Syscall(call) => Self::of_call(call),
            What::Fork { .. } | What::Exec { .. } | What::Exit(_) | What::Cgroup(_) | What::IoUring(_) => {
                Self::default()
            }
        }
    }

    fn of_call(call: &Syscall<'_>) -> Self {
        let (errno, denied) = (call.errno(), call.how == How::Denied);
        Self { errno, failed: errno.is_some() || denied, denied }
    }
}

/// Who did something last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Caller {
    pub pid: u32,
    comm: [u8; COMM_LEN],
}

impl Caller {
    pub const fn new(pid: u32, comm: [u8; COMM_LEN]) -> Self {
        Self { pid, comm }
    }

    pub fn of(process: &Process<'_>) -> Self {
        let mut comm = [0; COMM_LEN];
        for (to, from) in comm.iter_mut().zip(process.comm) {
            *to = *from;
        }
        Self { pid: process.pid, comm }
    }

    pub fn comm(&self) -> String {
        let name = self.comm.split(|&byte| byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(name).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_what_came_since_the_last_one() {
        let mut count = Count::default();
        count.add(Outcome::default());
        count.add(Outcome { errno: Some(2), failed: true, denied: false });
        let first = count.take();
        assert_eq!((first.count, first.errors, first.denied, first.total), (2, 1, 0, 2));
        count.add(Outcome { errno: Some(1), failed: true, denied: true });
        let second = count.take();
        assert_eq!((second.count, second.denied, second.total, second.total_errors), (1, 1, 3, 2));
        count.set(Totals::default());
        assert_eq!(count.take().count, 0, "less than before is no interval");
    }
}
