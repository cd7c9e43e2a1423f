//! How long calls took, by powers of two, as little as it takes to keep it.

use tracer_common::limits::BUCKETS;

/// Calls of an interval by [`tracer_common::limits::BUCKETS`]' slots: slot `b` holds those of `2^b ..2^(b+1)` ns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spectrum {
    /// The first slot that is not empty.
    first: usize,
    /// From there to the last one that is not.
    counts: Box<[u64]>,
}

impl Spectrum {
    pub fn new(buckets: &[u64; BUCKETS]) -> Self {
        let Some(first) = buckets.iter().position(|count| *count > 0) else { return Self::default() };
        let end = buckets.iter().rposition(|count| *count > 0).map_or(first, |last| last + 1);
        Self { first, counts: buckets.get(first..end).unwrap_or_default().into() }
    }

    /// Slots and their counts, without the empty ones at both ends.
    pub fn slots(&self) -> impl Iterator<Item = (usize, u64)> {
        self.counts.iter().enumerate().map(|(at, count)| (self.first + at, *count))
    }

    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Bytes that it takes beside itself.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_ends_is_kept() {
        let mut buckets = [0; BUCKETS];
        assert!(Spectrum::new(&buckets).is_empty());
        (buckets[3], buckets[5]) = (7, 1);
        let spectrum = Spectrum::new(&buckets);
        assert_eq!(spectrum.slots().collect::<Vec<_>>(), [(3, 7), (4, 0), (5, 1)]);
        assert_eq!(spectrum.bytes(), 24);
        buckets = [1; BUCKETS];
        assert_eq!(Spectrum::new(&buckets).slots().count(), BUCKETS);
    }
}
