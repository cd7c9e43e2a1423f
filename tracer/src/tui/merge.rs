//! The calls of several containers as if one had made them.

use std::collections::BTreeMap;

use tracer_common::limits::BUCKETS;

use crate::event::Abi;
use crate::model::quantile::{Buckets, quantiles};
use crate::snapshot::{CallRow, Counts, ErrnoRow, Quantiles, Row, Spectrum};

/// By ABI and number.
pub fn calls<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<CallRow> {
    let mut sums: BTreeMap<(Abi, u16), Sum> = BTreeMap::new();
    for call in rows.flat_map(|row| &row.calls) {
        sums.entry((call.abi, call.number)).or_insert_with(|| Sum::new(call)).add(call);
    }
    sums.into_values().map(Sum::row).collect()
}

/// Calls of an interval and how long they took.
#[derive(Default)]
pub struct Durations {
    buckets: Option<Box<Buckets>>,
    max: u64,
}

impl Durations {
    pub fn add(&mut self, spectrum: &Spectrum, duration: Option<&Quantiles>) {
        let buckets = self.buckets.get_or_insert_with(|| Box::new([0; BUCKETS]));
        for (slot, count) in spectrum.slots() {
            if let Some(sum) = buckets.get_mut(slot) {
                *sum = sum.saturating_add(count);
            }
        }
        self.max = self.max.max(duration.map_or(0, |duration| duration.max));
    }

    pub fn spectrum(&self) -> Spectrum {
        self.buckets.as_deref().map(Spectrum::new).unwrap_or_default()
    }

    pub fn quantiles(&self) -> Option<Quantiles> {
        quantiles(self.buckets.as_deref()?, self.max)
    }
}

struct Sum {
    row: CallRow,
    durations: Durations,
    errnos: BTreeMap<u16, ErrnoRow>,
    /// One alone keeps its durations as they are.
    added: usize,
}

impl Sum {
    fn new(call: &CallRow) -> Self {
        let row = CallRow { counts: Counts::default(), errnos: Vec::new(), time_ns: 0, ..call.clone() };
        Self { row, durations: Durations::default(), errnos: BTreeMap::new(), added: 0 }
    }

    fn add(&mut self, call: &CallRow) {
        self.added += 1;
        add(&mut self.row.counts, &call.counts);
        self.row.time_ns = self.row.time_ns.saturating_add(call.time_ns);
        if call.first.wall_ns < self.row.first.wall_ns {
            self.row.first = call.first.clone();
        }
        self.durations.add(&call.spectrum, call.duration.as_ref());
        for more in &call.errnos {
            let none = ErrnoRow { count: 0, total: 0, total_denied: 0, ..*more };
            let sum = self.errnos.entry(more.errno).or_insert(none);
            sum.count = sum.count.saturating_add(more.count);
            sum.total = sum.total.saturating_add(more.total);
            sum.total_denied = sum.total_denied.saturating_add(more.total_denied);
            sum.first_wall_ns = sum.first_wall_ns.min(more.first_wall_ns);
            sum.last_wall_ns = sum.last_wall_ns.max(more.last_wall_ns);
        }
    }

    fn row(self) -> CallRow {
        let Self { row, durations, errnos, added } = self;
        let errnos = errnos.into_values().collect();
        if added > 1 {
            CallRow { errnos, duration: durations.quantiles(), spectrum: durations.spectrum(), ..row }
        } else {
            CallRow { errnos, ..row }
        }
    }
}

fn add(sum: &mut Counts, more: &Counts) {
    let Counts { count, errors, denied, total, total_errors, total_denied } = sum;
    *count = count.saturating_add(more.count);
    *errors = errors.saturating_add(more.errors);
    *denied = denied.saturating_add(more.denied);
    *total = total.saturating_add(more.total);
    *total_errors = total_errors.saturating_add(more.total_errors);
    *total_denied = total_denied.saturating_add(more.total_denied);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::sample::three;

    #[test]
    fn one_container_is_itself() {
        let three = three();
        let mut wanted = three.rows[2].calls.clone();
        wanted.sort_by_key(|call| (call.abi, call.number));
        assert_eq!(calls(three.rows.iter().skip(2).take(1)), wanted);
    }

    #[test]
    fn counts_errors_and_durations_are_added() {
        let mut web = three().rows.remove(2);
        let mut buckets = [0; BUCKETS];
        buckets[9] = 45;
        web.calls[1].spectrum = Spectrum::new(&buckets);
        let mut other = web.clone();
        buckets[9] = 0;
        buckets[20] = 45;
        other.calls[1].spectrum = Spectrum::new(&buckets);
        other.calls[1].duration = Some(Quantiles { max: 2_000_000, ..Quantiles::default() });
        let both = calls([&web, &other].into_iter());
        let openat = both.iter().find(|call| call.number == 257).unwrap();
        assert_eq!((openat.counts.total, openat.counts.denied), (10_200, 4));
        assert_eq!(openat.errnos.iter().map(|row| row.total).collect::<Vec<_>>(), [14, 9_986]);
        assert_eq!(openat.spectrum.slots().map(|(_, count)| count).sum::<u64>(), 90);
        assert_eq!(
            openat.duration,
            Some(Quantiles { p50: 1023, p95: 2_000_000, p99: 2_000_000, max: 2_000_000 })
        );
    }
}
