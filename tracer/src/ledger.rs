//! The books of the event path: every event that was seen is delivered, filtered or lost somewhere,
//! and the place is named.

use std::collections::BTreeMap;
use std::fmt::Write;

/// Numbers of events since the start of a trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// That happened, in the kernel's count.
    pub seen: u64,
    /// Taken by every sink.
    pub delivered: u64,
    /// That nobody asked for, in the kernel or after it.
    pub filtered: u64,
    /// By place: a name of [`tracer_common::loss::Loss`], or one of user space (`queue`, `sink`).
    pub dropped: BTreeMap<&'static str, u64>,
    /// Each sink's own books, where there are any.
    pub sinks: Vec<SinkBooks>,
}

/// What one sink did with the events that it was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinkBooks {
    /// Where to: `file:/var/log/x`, `tcp://host:5170`; no secrets.
    pub name: String,
    pub delivered: u64,
    /// Lost because its queue was full, or not empty at the end.
    pub queue: u64,
    /// Lost because its receiver failed.
    pub sink: u64,
}

impl SinkBooks {
    /// Losses by place, as in [`Ledger::dropped`].
    pub const fn dropped(&self) -> [(&'static str, u64); 2] {
        [("queue", self.queue), ("sink", self.sink)]
    }

    /// The line for people: `tcp://host:5170: 90 delivered, LOST 10 (10 queue)`.
    pub fn summary(&self) -> String {
        let Self { name, delivered, queue, sink } = self;
        match queue + sink {
            0 => format!("{name}: {delivered} delivered"),
            lost => format!("{name}: {delivered} delivered, LOST {lost} ({})", places(self.dropped())),
        }
    }
}

/// `3 ring, 1 sink`: those where something was lost.
fn places(dropped: impl IntoIterator<Item = (&'static str, u64)>) -> String {
    let places = dropped.into_iter().filter(|(_, count)| *count > 0);
    places.map(|(place, count)| format!("{count} {place}")).collect::<Vec<_>>().join(", ")
}

impl Ledger {
    /// Events lost in all places together.
    pub fn lost(&self) -> u64 {
        self.dropped.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// `seen - delivered - filtered - dropped`: 0 when the books balance, above it when events
    /// vanished without a trace, below it when some were counted twice.
    pub fn unaccounted(&self) -> i128 {
        let dropped: i128 = self.dropped.values().copied().map(i128::from).sum();
        i128::from(self.seen) - i128::from(self.delivered) - i128::from(self.filtered) - dropped
    }

    pub fn balances(&self) -> bool {
        self.unaccounted() == 0
    }

    /// The line that a trace ends with, without newline: for people, on standard error.
    pub fn summary(&self, elapsed_ns: u64) -> String {
        let Self { seen: _, delivered, filtered, dropped, sinks: _ } = self;
        let (seconds, tenths) = (elapsed_ns / 1_000_000_000, elapsed_ns / 100_000_000 % 10);
        let rate = match elapsed_ns {
            0 => 0,
            elapsed => u128::from(*delivered) * 1_000_000_000 / u128::from(elapsed),
        };
        let mut line =
            format!("{delivered} events in {seconds}.{tenths} s ({rate}/s), {filtered} filtered, ");
        // Writing to a `String` cannot fail.
        match self.lost() {
            0 => line.push_str("none lost"),
            lost => {
                let places = places(dropped.iter().map(|(place, count)| (*place, *count)));
                _ = write!(line, "LOST {lost} ({places})");
            }
        }
        match self.unaccounted() {
            0 => {}
            missing @ 1.. => _ = write!(line, "; {missing} unaccounted for"),
            surplus => _ = write!(line, "; {} counted twice", surplus.unsigned_abs()),
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(seen: u64, delivered: u64, filtered: u64, dropped: &[(&'static str, u64)]) -> Ledger {
        Ledger { seen, delivered, filtered, dropped: dropped.iter().copied().collect(), sinks: Vec::new() }
    }

    #[test]
    fn books_balance_when_every_event_has_a_place() {
        assert!(ledger(0, 0, 0, &[]).balances());
        assert!(ledger(10, 4, 3, &[("ring", 2), ("sink", 1)]).balances());
        assert_eq!(ledger(10, 4, 3, &[("ring", 2)]).unaccounted(), 1);
        assert_eq!(ledger(10, 8, 3, &[]).unaccounted(), -1);
        let most = ledger(0, u64::MAX, u64::MAX, &[("ring", u64::MAX), ("sink", u64::MAX)]);
        assert_eq!(most.unaccounted(), -4 * i128::from(u64::MAX));
        assert_eq!(most.lost(), u64::MAX);
    }

    #[test]
    fn a_sink_says_what_it_lost() {
        let books = SinkBooks { name: "tcp://a:1".into(), delivered: 90, queue: 10, sink: 0 };
        assert_eq!(books.summary(), "tcp://a:1: 90 delivered, LOST 10 (10 queue)");
        assert_eq!(SinkBooks { queue: 0, ..books }.summary(), "tcp://a:1: 90 delivered");
    }

    #[test]
    fn summary_names_what_is_missing_and_where() {
        assert_eq!(ledger(0, 0, 0, &[]).summary(0), "0 events in 0.0 s (0/s), 0 filtered, none lost");
        assert_eq!(
            ledger(1244, 1230, 10, &[("ring", 3), ("sink", 1), ("queue", 0)]).summary(12_345_678_900),
            "1230 events in 12.3 s (99/s), 10 filtered, LOST 4 (3 ring, 1 sink)"
        );
        assert_eq!(
            ledger(7, 4, 0, &[]).summary(1_000_000_000),
            "4 events in 1.0 s (4/s), 0 filtered, none lost; 3 unaccounted for"
        );
        assert_eq!(
            ledger(1, 2, 0, &[]).summary(1_000_000_000),
            "2 events in 1.0 s (2/s), 0 filtered, none lost; 1 counted twice"
        );
    }
}
