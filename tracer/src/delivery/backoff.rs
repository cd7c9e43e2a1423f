//! Pauses between attempts to reach a receiver that is not there.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);

/// A receiver that comes back is found within that.
const LONGEST: Duration = Duration::from_secs(5);

/// Each pause is twice as long as the one before, up to [`LONGEST`], and shortened by up to half at random: many that
/// lost the same receiver do not come back to it at once.
pub struct Backoff {
    next: Duration,
}

impl Backoff {
    pub const fn new() -> Self {
        Self { next: FIRST }
    }

    pub fn pause(&mut self) -> Duration {
        self.pause_by(RandomState::new().build_hasher().finish())
    }

    fn pause_by(&mut self, random: u64) -> Duration {
        let full = self.next;
        self.next = (full * 2).min(LONGEST);
        let share = u32::try_from(random % 1000).unwrap_or_default();
        full.saturating_sub(full / 2 * share / 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_differ() {
        let mut backoff = Backoff::new();
        let pauses: Vec<u128> = (0..8).map(|_| backoff.pause_by(0).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(backoff.pause_by(500), Duration::from_millis(3750));
        let (least, most) = (LONGEST / 2, LONGEST);
        for _ in 0..100 {
            assert!((least..=most).contains(&backoff.pause()));
        }
    }
}
