//! The last snapshots, so that one can go back to them.

use std::collections::VecDeque;
use std::mem::size_of;
use std::sync::Arc;

use crate::snapshot::{
    CallRow, Closeup, ErrnoRow, EventRow, FileRow, PeerRow, ProcessRow, Row, Snapshot, SubjectId,
};

use super::place::is;

/// More is forgotten: about 10 minutes of 200 containers with 60 calls each.
const BYTES_MAX: usize = 64 << 20;

/// Further back nobody looks on a screen; that is what recordings are for.
const AGE_MAX_NS: u64 = 600_000_000_000;

#[derive(Debug)]
pub struct History {
    /// With the bytes of each.
    kept: VecDeque<(Arc<Snapshot>, usize)>,
    bytes: usize,
    /// How many have been forgotten: what has a number keeps it.
    forgotten: u64,
    /// The number of the one that is shown, and that one, however old; None: the newest.
    held: Option<(u64, Arc<Snapshot>)>,
    bytes_max: usize,
}

impl Default for History {
    fn default() -> Self {
        Self::of(BYTES_MAX)
    }
}

impl History {
    fn of(bytes_max: usize) -> Self {
        Self { kept: VecDeque::new(), bytes: 0, forgotten: 0, held: None, bytes_max }
    }

    pub fn push(&mut self, snapshot: Arc<Snapshot>) {
        let bytes = bytes(&snapshot);
        let now = snapshot.elapsed_ns;
        self.bytes += bytes;
        self.kept.push_back((snapshot, bytes));
        while self.kept.len() > 1
            && let Some((oldest, bytes)) = self.kept.front()
            && (self.bytes > self.bytes_max || now.saturating_sub(oldest.elapsed_ns) > AGE_MAX_NS)
        {
            self.bytes -= bytes;
            self.kept.pop_front();
            self.forgotten += 1;
        }
    }

    /// What is to be seen.
    pub fn shown(&self) -> Option<&Arc<Snapshot>> {
        match &self.held {
            Some((_, snapshot)) => Some(snapshot),
            None => self.newest(),
        }
    }

    fn newest(&self) -> Option<&Arc<Snapshot>> {
        self.kept.back().map(|(snapshot, _)| snapshot)
    }

    pub const fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// How much older than the newest one it is, ns.
    pub fn behind_ns(&self) -> u64 {
        let (Some(newest), Some(shown)) = (self.newest(), self.shown()) else { return 0 };
        newest.elapsed_ns.saturating_sub(shown.elapsed_ns)
    }

    /// Stays at what is shown.
    pub fn hold(&mut self) {
        self.step(0);
    }

    /// Shows the newest one again.
    pub fn release(&mut self) {
        self.held = None;
    }

    /// Holds the one that many samples later, or earlier.
    pub fn step(&mut self, samples: i32) {
        let Some(last) = self.last() else { return };
        let at = self.held.as_ref().map_or(last, |(at, _)| *at);
        if samples == 0 && self.held.is_some() {
            return;
        }
        let to = at.saturating_add_signed(samples.into()).clamp(self.forgotten, last);
        if let Some(snapshot) = self.get(to) {
            self.held = Some((to, Arc::clone(snapshot)));
        }
    }

    /// Holds the first one at this time since the start of the trace or after it, else the last one before.
    pub fn go_to(&mut self, elapsed_ns: u64) {
        let before = self.kept.partition_point(|(snapshot, _)| snapshot.elapsed_ns < elapsed_ns);
        let to = before.min(self.kept.len().saturating_sub(1));
        if let Some((snapshot, _)) = self.kept.get(to) {
            self.held = Some((self.forgotten + to as u64, Arc::clone(snapshot)));
        }
    }

    /// Holds what was shown so long before the newest one, or the oldest.
    pub fn go_back(&mut self, ago_ns: u64) {
        let newest = self.newest().map_or(0, |newest| newest.elapsed_ns);
        self.go_to(newest.saturating_sub(ago_ns));
    }

    /// Up to the one that is shown, the latest first.
    pub fn back(&self) -> impl Iterator<Item = &Arc<Snapshot>> {
        let at = self.held.as_ref().map(|(at, _)| *at).or_else(|| self.last()).unwrap_or(0);
        let older = usize::try_from(at.saturating_sub(self.forgotten)).unwrap_or(usize::MAX);
        let held = self.held.as_ref().map(|(_, snapshot)| snapshot).filter(|_| at < self.forgotten);
        let count = if self.kept.is_empty() || held.is_some() { 0 } else { older.saturating_add(1) };
        held.into_iter().chain(self.kept.iter().take(count).rev().map(|(snapshot, _)| snapshot))
    }

    /// Calls in each interval up to the one that is shown, at most that many of them, the latest last.
    pub fn trend(&self, of: &SubjectId, samples: usize) -> Vec<u64> {
        let mut place = 0;
        let mut counts: Vec<u64> = self
            .back()
            .take(samples)
            .map(|snapshot| {
                // Mostly it stands where it stood.
                let there = snapshot.rows.get(place).filter(|row| is(&row.subject, of));
                let found = || {
                    place = snapshot.rows.iter().position(|row| is(&row.subject, of))?;
                    snapshot.rows.get(place)
                };
                there.or_else(found).map_or(0, |row| row.sum.count)
            })
            .collect();
        counts.reverse();
        counts
    }

    /// Number of the newest one.
    fn last(&self) -> Option<u64> {
        Some(self.forgotten + u64::try_from(self.kept.len()).ok()?.checked_sub(1)?)
    }

    fn get(&self, number: u64) -> Option<&Arc<Snapshot>> {
        let at = usize::try_from(number.checked_sub(self.forgotten)?).ok()?;
        self.kept.get(at).map(|(snapshot, _)| snapshot)
    }
}

/// What a snapshot takes, without the containers' names: all snapshots share them.
fn bytes(snapshot: &Snapshot) -> usize {
    let calls = |row: &Row| row.calls.iter().map(call).sum::<usize>() + row.spectrum.bytes();
    let rows: usize = snapshot.rows.iter().map(|row| size_of::<Row>() + calls(row)).sum();
    size_of::<Snapshot>() + rows + snapshot.closeup.as_deref().map_or(0, closeup)
}

fn call(row: &CallRow) -> usize {
    size_of::<CallRow>()
        + row.errnos.len() * size_of::<ErrnoRow>()
        + row.spectrum.bytes()
        + row.first.comm.len()
}

fn closeup(closeup: &Closeup) -> usize {
    let processes: usize = closeup.processes.iter().map(|row| size_of::<ProcessRow>() + row.comm.len()).sum();
    let files: usize =
        closeup.files.iter().map(|row| size_of::<FileRow>() + row.path.len() + row.comm.len()).sum();
    let peers: usize =
        closeup.peers.iter().map(|row| size_of::<PeerRow>() + row.address.len() + row.comm.len()).sum();
    // Texts of events are shared with the snapshots before.
    let events = closeup.events.len() * size_of::<EventRow>();
    size_of::<Closeup>() + processes + files + peers + events
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::sample;

    fn at(second: u64) -> Arc<Snapshot> {
        let mut snapshot = sample::three();
        snapshot.elapsed_ns = second * 1_000_000_000;
        snapshot.rows[0].sum.count = second;
        Arc::new(snapshot)
    }

    fn filled(seconds: u64) -> History {
        let mut history = History::default();
        (0..seconds).for_each(|second| history.push(at(second)));
        history
    }

    fn shown(history: &History) -> u64 {
        history.shown().unwrap().elapsed_ns / 1_000_000_000
    }

    #[test]
    fn one_goes_back_and_forth_and_to_the_present() {
        let mut history = filled(20);
        assert_eq!((shown(&history), history.is_held()), (19, false));
        history.hold();
        history.push(at(20));
        assert_eq!((shown(&history), history.behind_ns()), (19, 1_000_000_000));
        for (step, second) in [(-1, 18), (-10, 8), (-10, 0), (-1, 0), (1, 1), (10, 11), (10, 20), (1, 20)] {
            history.step(step);
            assert_eq!(shown(&history), second, "after {step}");
        }
        history.release();
        history.push(at(21));
        assert_eq!(shown(&history), 21);
    }

    #[test]
    fn one_jumps_to_a_time() {
        let mut history = filled(20);
        for (ago, second) in [(0, 19), (5, 14), (19, 0), (3600, 0)] {
            history.go_back(ago * 1_000_000_000);
            assert_eq!((shown(&history), history.is_held()), (second, true), "{ago} s ago");
        }
        for (to, second) in [(7_000_000_000, 7), (7_000_000_001, 8), (u64::MAX, 19)] {
            history.go_to(to);
            assert_eq!(shown(&history), second, "to {to}");
        }
        history.step(-1);
        assert_eq!(shown(&history), 18);
        let mut empty = History::default();
        empty.go_back(1);
        assert!(!empty.is_held());
    }

    #[test]
    fn it_is_bounded_by_age_and_by_bytes() {
        let mut history = filled(700);
        history.step(i32::MIN);
        assert_eq!(shown(&history), 99);
        let one = bytes(&at(0));
        let mut small = History::of(one * 5);
        (0..50).for_each(|second| small.push(at(second)));
        small.step(-100);
        assert_eq!(shown(&small), 45);
    }

    #[test]
    fn what_is_held_stays_however_old_it_is() {
        let one = bytes(&at(0));
        let mut history = History::of(one * 5);
        history.push(at(0));
        history.hold();
        (1..50).for_each(|second| history.push(at(second)));
        assert_eq!(shown(&history), 0);
        assert_eq!(history.back().count(), 1);
        history.step(1);
        assert_eq!(shown(&history), 45, "what was between is gone");
    }

    #[test]
    fn without_snapshots_nothing_is_held() {
        let mut history = History::default();
        history.hold();
        history.step(-1);
        assert!(history.shown().is_none() && !history.is_held());
        assert_eq!(history.back().count(), 0);
    }

    #[test]
    fn a_trend_ends_at_what_is_shown() {
        let mut history = filled(5);
        let of = at(0).rows[0].subject.id();
        assert_eq!(history.trend(&of, 3), [2, 3, 4]);
        history.step(-2);
        assert_eq!(history.trend(&of, 9), [0, 1, 2]);
        assert_eq!(history.trend(&SubjectId::Unknown(1), 2), [0, 0]);
    }
}
