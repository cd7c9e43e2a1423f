//! Maps by owner, which are asked several times for each event.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::batch::OwnerId;

/// A hash map whose keys the kernel's programs have numbered: no container can choose them, so that the standard hash,
/// which nobody can aim at, would cost its time for nothing.
pub type OwnerMap<V> = HashMap<OwnerId, V, BuildHasherDefault<Mix>>;

/// A multiplication for each number.
#[derive(Clone, Copy, Default)]
pub struct Mix(u64);

impl Mix {
    /// 2^64 over the golden ratio, odd: neighbours come far apart.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

    const fn mix(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(32) ^ number).wrapping_mul(Self::FACTOR);
    }
}

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.mix(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.mix(u64::from(number));
    }

    fn finish(&self) -> u64 {
        // A table takes its place from the low bits, which only low bits have made.
        self.0 ^ self.0 >> 32
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn owners_are_spread_over_a_table() {
        let hash = |id: OwnerId| BuildHasherDefault::<Mix>::default().hash_one(id);
        let ids = || (0..64).flat_map(|slot| (0..64).map(move |generation| OwnerId { slot, generation }));
        let places = |bits: fn(u64) -> u64| ids().map(|id| bits(hash(id))).collect::<HashSet<_>>().len();
        // Of 4096 balls thrown into 4096 urns 63 % of these get one; the map compares the highest bits within an urn.
        assert!(places(|hash| hash & 4095) > 2300, "{}", places(|hash| hash & 4095));
        assert_eq!(places(|hash| hash >> 57), 128);
        assert_eq!(places(|hash| hash), 4096);
    }
}
