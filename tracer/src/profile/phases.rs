//! The phases of a container's life: what its runtime does before its program runs is *set-up* and kept apart; then it
//! starts up, until it serves.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;

use crate::batch::Arch;
use crate::snapshot::{CallRow, Made, Row, Snapshot};
use crate::syscall::{name, values::SERVING};

pub const SET_UP: &str = "set-up";
pub const START_UP: &str = "start-up";
pub const SERVES: &str = "serving";

/// When start-up is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServingAfter {
    /// At the container's first `listen` or `accept`.
    #[default]
    Listen,
    /// When for so long, ns, it made no call that it had not made before.
    Quiet(u64),
}

/// Calls of which phases a profile allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Phases {
    /// From the program's first instruction on.
    #[default]
    All,
    /// Only what it calls while it serves. No container starts with that: it is for programs that install a filter
    /// themselves when they have begun to serve, and to see what is only there for the start.
    Serving,
}

/// The last phase of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serving {
    /// ns since 1970.
    pub since_wall_ns: i64,
    pub after: ServingAfter,
    /// Calls that were made before, and within so long of it, are taken for calls of this phase too, ns; 0: it is
    /// known of each.
    pub resolution_ns: u64,
}

impl Serving {
    /// None: it never served.
    pub(super) fn find(row: &Row, snapshot: &Snapshot, after: ServingAfter) -> Option<Self> {
        let since_wall_ns = match after {
            ServingAfter::Listen => listened(row, snapshot.arch)?,
            ServingAfter::Quiet(length) => quiet(row, snapshot.wall_ns, length)?,
        };
        let serving = Self { since_wall_ns, after, resolution_ns: 0 };
        let unsure = row.calls.iter().filter(|call| serving.made(call) == Made::Perhaps);
        let length = |call: &CallRow| call.life.last_wall_ns.saturating_sub(call.life.last_after_wall_ns);
        let resolution = unsure.map(length).max().unwrap_or_default();
        Some(Self { resolution_ns: u64::try_from(resolution).unwrap_or_default(), ..serving })
    }

    /// Whether the call was made in this phase.
    pub(super) fn made(&self, call: &CallRow) -> Made {
        let (since, life) = (self.since_wall_ns, &call.life);
        match self.after {
            ServingAfter::Listen => life.since_serving,
            ServingAfter::Quiet(_) if call.first.wall_ns >= since || life.last_after_wall_ns >= since => {
                Made::Yes
            }
            ServingAfter::Quiet(_) if life.last_wall_ns > since => Made::Perhaps,
            ServingAfter::Quiet(_) => Made::No,
        }
    }
}

/// In which phases a call was made, in their order. The call that begins a phase belongs to both.
pub(super) fn phases(call: &CallRow, serving: Option<&Serving>) -> Vec<&'static str> {
    let started = serving.is_none_or(|serving| call.first.wall_ns <= serving.since_wall_ns);
    let served = serving.is_some_and(|serving| serving.made(call) != Made::No);
    let all = [(call.life.in_setup, SET_UP), (started, START_UP), (served, SERVES)];
    all.into_iter().filter_map(|(made, phase)| made.then_some(phase)).collect()
}

fn made(row: &Row) -> impl Iterator<Item = &CallRow> {
    row.calls.iter().filter(|call| call.counts.total > 0)
}

fn listened(row: &Row, arch: Arch) -> Option<i64> {
    let serves =
        |call: &&CallRow| name(arch, call.abi, call.number).is_some_and(|name| SERVING.contains(&name));
    made(row).filter(serves).map(|call| call.first.wall_ns).min()
}

fn quiet(row: &Row, end_wall_ns: i64, length: u64) -> Option<i64> {
    let length = i64::try_from(length).ok()?;
    let mut news: Vec<_> = made(row).map(|call| call.first.wall_ns).collect();
    news.sort_unstable();
    let next = news.iter().skip(1).copied().chain([end_wall_ns]);
    let found = news.iter().zip(next).find(|(last, next)| next.saturating_sub(**last) >= length);
    found.map(|(last, _)| last.saturating_add(length))
}

impl FromStr for ServingAfter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "listen" {
            return Ok(Self::Listen);
        }
        let span = text.parse().ok().and_then(|span: jiff::SignedDuration| Duration::try_from(span).ok());
        let ns = span.and_then(|span| u64::try_from(span.as_nanos()).ok()).filter(|ns| *ns > 0);
        ns.map(Self::Quiet).ok_or_else(|| "expected listen, or a time such as 30s".to_owned())
    }
}

impl Display for ServingAfter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen => f.write_str("its first listen or accept"),
            Self::Quiet(ns) => write!(f, "{} without a new call", super::summary::Seconds(*ns)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{native, snapshot};
    use super::*;
    use crate::snapshot::Life;

    const LISTEN: u16 = 50;
    const S: i64 = 1_000_000_000;

    fn call(number: u16, first: i64, after: i64, last: i64) -> CallRow {
        let mut call = native(number);
        call.first.wall_ns = first * S;
        call.life = Life { last_after_wall_ns: after * S, last_wall_ns: last * S, ..Life::default() };
        call
    }

    fn found(calls: Vec<CallRow>, after: ServingAfter) -> Option<(Serving, Vec<Vec<&'static str>>)> {
        let snapshot = snapshot(calls);
        let row = &snapshot.rows[0];
        let serving = Serving::find(row, &snapshot, after)?;
        let of = |call: &CallRow| phases(call, Some(&serving));
        Some((serving, row.calls.iter().map(of).collect()))
    }

    #[test]
    fn it_serves_from_its_first_listen_on() {
        let mut read = call(0, 1, 9, 9);
        read.life.since_serving = Made::Yes;
        read.life.in_setup = true;
        let mut write = call(1, 1, 4, 6);
        write.life.since_serving = Made::Perhaps;
        let mut listen = call(LISTEN, 5, 5, 6);
        listen.life.since_serving = Made::Yes;
        let (serving, phases) =
            found(vec![read, write, call(2, 2, 9, 9), listen], ServingAfter::Listen).unwrap();
        assert_eq!((serving.since_wall_ns, serving.resolution_ns), (5 * S, 2_000_000_000));
        let both = vec![START_UP, SERVES];
        assert_eq!(phases, [vec![SET_UP, START_UP, SERVES], both.clone(), vec![START_UP], both]);
        assert_eq!(found(vec![call(0, 1, 9, 9)], ServingAfter::Listen), None);
    }

    #[test]
    fn it_serves_when_nothing_new_came_for_so_long() {
        let calls = vec![call(0, 1, 1, 2), call(1, 3, 9, 10), call(2, 20, 20, 21), call(3, 3, 7, 9)];
        let (serving, phases) = found(calls.clone(), ServingAfter::Quiet(5_000_000_000)).unwrap();
        assert_eq!((serving.since_wall_ns, serving.resolution_ns), (8 * S, 2_000_000_000));
        let both = vec![START_UP, SERVES];
        assert_eq!(phases, [vec![START_UP], both.clone(), vec![SERVES], both]);
        // Until the end of the recording, 61.5 s.
        let (serving, _) = found(calls.clone(), ServingAfter::Quiet(41_000_000_000)).unwrap();
        assert_eq!(serving.since_wall_ns, 61 * S);
        assert_eq!(found(calls, ServingAfter::Quiet(42_000_000_000)), None);
    }

    #[test]
    fn moments_that_can_be_asked_for() {
        assert_eq!("listen".parse(), Ok(ServingAfter::Listen));
        assert_eq!("1m30s".parse(), Ok(ServingAfter::Quiet(90_000_000_000)));
        for wrong in ["", "accept", "0s", "-1s", "5"] {
            assert!(wrong.parse::<ServingAfter>().is_err(), "{wrong}");
        }
    }
}
