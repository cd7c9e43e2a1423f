//! What became of events: at one sink, and at all of them together.
//!
//! An event is dropped if any sink lost it, and delivered if every sink that still wanted it took it.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Why a sink has not taken an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its queue was full, or not empty at the end.
    Queue,
    /// The receiver failed.
    Sink,
    /// The receiver has gone in peace: nobody wants it.
    Unwanted,
}

/// Events by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub delivered: u64,
    pub queue: u64,
    pub sink: u64,
    pub unwanted: u64,
}

impl Outcome {
    pub const fn sum(&self) -> u64 {
        self.delivered + self.queue + self.sink + self.unwanted
    }

    pub fn add(&mut self, fate: Fate, count: u64) {
        match fate {
            Fate::Queue => self.queue += count,
            Fate::Sink => self.sink += count,
            Fate::Unwanted => self.unwanted += count,
        }
    }

    /// Of those delivered `count` turn out to be lost.
    pub fn late(&mut self, count: u64) {
        let known = count.min(self.delivered);
        self.delivered -= known;
        self.sink += known;
    }
}

/// What became of all events at all sinks.
#[derive(Debug, Default)]
pub struct Totals(Mutex<Sums>);

#[derive(Debug, Default)]
struct Sums {
    settled: Outcome,
    /// Kept apart: they may be told before the rest of their chunk is settled.
    late: u64,
}

impl Totals {
    /// Of the events that every sink has told about.
    pub fn outcome(&self) -> Outcome {
        let sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut outcome = sums.settled;
        outcome.late(sums.late);
        outcome
    }

    pub fn late(&self, count: u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).late += u64::from(count);
    }

    fn settle(&self, outcome: &Outcome) {
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Outcome { delivered, queue, sink, unwanted } = outcome;
        sums.settled.delivered += delivered;
        sums.settled.queue += queue;
        sums.settled.sink += sink;
        sums.settled.unwanted += unwanted;
    }
}

/// The events of one chunk on their way to all sinks.
#[derive(Debug)]
pub struct Ticket {
    events: u32,
    sinks: u32,
    totals: Arc<Totals>,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    sinks: u32,
    missed: Vec<(Range<u32>, Fate)>,
}

impl Ticket {
    /// `sinks`: how many will tell.
    pub fn new(events: u32, sinks: u32, totals: &Arc<Totals>) -> Arc<Self> {
        Arc::new(Self { events, sinks, totals: Arc::clone(totals), told: Mutex::default() })
    }

    /// One sink is through with the chunk and has not taken `missed`.
    pub fn settle(&self, missed: &[(Range<u32>, Fate)]) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.sinks += 1;
        told.missed.extend_from_slice(missed);
        if told.sinks == self.sinks {
            self.totals.settle(&self.together(&told.missed));
        }
    }

    fn together(&self, missed: &[(Range<u32>, Fate)]) -> Outcome {
        let mut outcome = Outcome::default();
        if missed.is_empty() {
            outcome.delivered = u64::from(self.events);
            return outcome;
        }
        for event in 0..self.events {
            let fates = || missed.iter().filter(|(range, _)| range.contains(&event)).map(|(_, fate)| *fate);
            let unwanted = fates().filter(|fate| *fate == Fate::Unwanted).count();
            match fates().find(|fate| *fate != Fate::Unwanted) {
                Some(lost) => outcome.add(lost, 1),
                None if unwanted == self.sinks as usize => outcome.unwanted += 1,
                None => outcome.delivered += 1,
            }
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(events: u32, sinks: &[&[(Range<u32>, Fate)]]) -> Outcome {
        let totals = Arc::default();
        let ticket = Ticket::new(events, u32::try_from(sinks.len()).unwrap(), &totals);
        for missed in sinks {
            assert_eq!(totals.outcome(), Outcome::default(), "not before all have told");
            ticket.settle(missed);
        }
        totals.outcome()
    }

    #[test]
    fn an_event_is_delivered_when_every_sink_took_it() {
        assert_eq!(settled(9, &[&[], &[]]), Outcome { delivered: 9, ..Outcome::default() });
        let parts: &[(Range<u32>, Fate)] = &[(2..4, Fate::Sink), (7..9, Fate::Sink)];
        assert_eq!(settled(9, &[parts, &[]]), Outcome { delivered: 5, sink: 4, ..Outcome::default() });
    }

    #[test]
    fn an_event_that_two_sinks_lost_is_dropped_once() {
        let (first, second): (&[_], &[_]) = (&[(0..3, Fate::Queue)], &[(2..5, Fate::Sink)]);
        let outcome = settled(9, &[first, second]);
        assert_eq!(outcome, Outcome { delivered: 4, queue: 3, sink: 2, unwanted: 0 });
    }

    #[test]
    fn who_left_does_not_count_while_another_stays() {
        let left: &[_] = &[(4..9, Fate::Unwanted)];
        assert_eq!(settled(9, &[left, &[]]).delivered, 9);
        assert_eq!(settled(9, &[left]), Outcome { delivered: 4, unwanted: 5, ..Outcome::default() });
    }

    #[test]
    fn late_losses_are_moved_and_never_invented() {
        let totals = Arc::new(Totals::default());
        totals.late(2);
        assert_eq!(totals.outcome().sum(), 0);
        Ticket::new(5, 1, &totals).settle(&[]);
        assert_eq!(totals.outcome(), Outcome { delivered: 3, sink: 2, ..Outcome::default() });
    }
}
