//! Quantiles of a log2 histogram.

use tracer_common::limits::BUCKETS;

use crate::snapshot::Quantiles;

pub type Buckets = [u64; BUCKETS];

/// None of an empty histogram. Each quantile is the upper end of its slot, and never above `max_ns`.
pub fn quantiles(buckets: &Buckets, max_ns: u64) -> Option<Quantiles> {
    let total: u128 = buckets.iter().map(|count| u128::from(*count)).sum();
    if total == 0 {
        return None;
    }
    let at = |percent: u64| {
        // The smallest number of calls that is that part of all.
        let rank = (total * u128::from(percent)).div_ceil(100);
        let mut below = 0u128;
        for (slot, &count) in buckets.iter().enumerate() {
            below += u128::from(count);
            if below >= rank {
                return upper_end(slot).min(max_ns);
            }
        }
        max_ns
    };
    Some(Quantiles { p50: at(50), p95: at(95), p99: at(99), max: max_ns })
}

/// The longest duration that a slot counts, ns; the last slot has no end.
fn upper_end(slot: usize) -> u64 {
    if slot + 1 >= BUCKETS { u64::MAX } else { (2u64 << slot) - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(slots: &[(usize, u64)]) -> Buckets {
        let mut buckets = [0; BUCKETS];
        for &(slot, count) in slots {
            buckets[slot] = count;
        }
        buckets
    }

    #[test]
    fn an_empty_histogram_has_none() {
        assert_eq!(quantiles(&histogram(&[]), 0), None);
    }

    #[test]
    fn one_slot_is_capped_by_the_maximum() {
        let all = quantiles(&histogram(&[(7, 1000)]), 200).unwrap();
        assert_eq!(all, Quantiles { p50: 200, p95: 200, p99: 200, max: 200 });
    }

    #[test]
    fn slow_ones_show_in_the_tail_only() {
        // 98 calls of 128-255 ns, two of 1.0-2.1 ms.
        let q = quantiles(&histogram(&[(7, 98), (20, 2)]), 1_500_000).unwrap();
        assert_eq!((q.p50, q.p95, q.p99), (255, 255, 1_500_000));
    }

    #[test]
    fn the_last_slot_has_no_end() {
        let q = quantiles(&histogram(&[(BUCKETS - 1, 1)]), u64::MAX).unwrap();
        assert_eq!(q.p50, u64::MAX);
    }
}
