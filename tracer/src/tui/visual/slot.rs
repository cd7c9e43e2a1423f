//! The slots of a latency histogram as people read them.

use tracer_common::limits::BUCKETS;

use crate::snapshot::Spectrum;
use crate::text::{Charset, duration};

/// Neighbouring slots that are shown as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    pub first: usize,
    pub last: usize,
}

impl Band {
    /// The shortest duration in it, ns.
    pub const fn low(self) -> u64 {
        // A call that took no time at all is in the first slot too.
        if self.first == 0 { 0 } else { 1 << self.first }
    }

    /// The duration at which the next one begins, ns. None: there is no next one.
    pub const fn high(self) -> Option<u64> {
        if self.last + 1 < BUCKETS { Some(2 << self.last) } else { None }
    }

    pub const fn has(self, slot: usize) -> bool {
        self.first <= slot && slot <= self.last
    }

    /// Calls in it.
    pub fn count(self, spectrum: &Spectrum) -> u128 {
        spectrum.slots().filter(|(slot, _)| self.has(*slot)).map(|(_, count)| u128::from(count)).sum()
    }

    /// `1.0–2.0µs`, `524µs–1.0ms`, `≥9.2m`; at most 11 columns.
    pub fn range(self, charset: Charset) -> String {
        let low = duration(self.low(), charset);
        let (dash, at_least) = match charset {
            Charset::Unicode => ('–', "≥"),
            Charset::Ascii => ('-', ">="),
        };
        let Some(high) = self.high() else { return format!("{at_least}{low}") };
        let high = duration(high, charset);
        let unit = |text: &str| text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').to_owned();
        let low = if unit(&low) == unit(&high) { low.trim_end_matches(char::is_alphabetic) } else { &low };
        format!("{low}{dash}{high}")
    }
}

/// Slots from `first` to `last` in at most `most` bands of one size, by duration. The one of the
/// longest durations may be smaller.
pub fn bands(first: usize, last: usize, most: usize) -> Vec<Band> {
    let size = (last + 1).saturating_sub(first).div_ceil(most.max(1)).max(1);
    (first..=last).step_by(size).map(|first| Band { first, last: last.min(first + size - 1) }).collect()
}

/// All calls.
pub fn total(spectrum: &Spectrum) -> u128 {
    spectrum.slots().map(|(_, count)| u128::from(count)).sum()
}

/// The slot in which that quantile lies. None: there was no call.
pub fn quantile(spectrum: &Spectrum, percent: u8) -> Option<usize> {
    let rank = (total(spectrum) * u128::from(percent)).div_ceil(100).max(1);
    let mut below = 0;
    spectrum.slots().find_map(|(slot, count)| {
        below += u128::from(count);
        (below >= rank).then_some(slot)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::visual::testing::spectrum;

    #[test]
    fn ranges_have_the_units_of_the_tables() {
        let shown = [(0, 0), (5, 5), (9, 9), (10, 10), (10, 12), (17, 17), (19, 19), (36, 38), (39, 39)]
            .map(|(first, last)| Band { first, last }.range(Charset::Unicode));
        let expected = [
            "0–2ns",
            "32–64ns",
            "512ns–1.0µs",
            "1.0–2.0µs",
            "1.0–8.2µs",
            "131–262µs",
            "524µs–1.0ms",
            "69s–9.2m",
            "≥9.2m",
        ];
        assert_eq!(shown, expected);
        assert_eq!(Band { first: 9, last: 9 }.range(Charset::Ascii), "512ns-1.0us");
        assert_eq!(Band { first: 39, last: 39 }.range(Charset::Ascii), ">=9.2m");
    }

    #[test]
    fn bands_cover_every_slot_once() {
        for last in 0..BUCKETS {
            for most in 0..50 {
                let bands = bands(3.min(last), last, most);
                assert!(bands.len() <= most.max(1));
                let covered: Vec<usize> = bands.iter().flat_map(|band| band.first..=band.last).collect();
                assert_eq!(covered, (3.min(last)..=last).collect::<Vec<_>>());
                assert!(bands.iter().all(|band| band.range(Charset::Unicode).chars().count() <= 11));
            }
        }
    }

    #[test]
    fn quantiles_are_the_slots_of_ranks() {
        assert_eq!(quantile(&Spectrum::default(), 50), None);
        let one = spectrum(&[(7, 98), (20, 2)]);
        assert_eq!([50, 95, 99].map(|percent| quantile(&one, percent)), [Some(7), Some(7), Some(20)]);
        let full = spectrum(&[(0, u64::MAX), (1, u64::MAX), (39, u64::MAX)]);
        assert_eq!([1, 50, 99].map(|percent| quantile(&full, percent)), [Some(0), Some(1), Some(39)]);
    }
}
