//! What the kernel programs are told to do. Pure.

use tracer_common::config::SELECTED_WORDS;
use tracer_common::limits::{CALLS, NR_END, OWNERS, PROCESSES, TASKS_MAX};

use crate::container::CgroupId;
use crate::event::Abi;

/// What to trace, as far as the kernel decides it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Bits of [`feature`].
    pub features: u32,
    /// Calls that get a record.
    pub selection: Selection,
    /// Owners whose first task descends from this cgroup are marked.
    pub lineage: Option<CgroupId>,
    /// A power of two, and a multiple of the page size.
    pub ring_bytes: u32,
    pub capacity: Capacity,
}

/// How much the kernel side may hold at a time. What is beyond is counted as lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Places in the table of threads, rounded up to a power of two.
    pub tasks: u32,
    pub owners: u32,
    pub calls: u32,
    /// Counted by themselves.
    pub processes: u32,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { tasks: TASKS_MAX, owners: OWNERS, calls: CALLS, processes: PROCESSES }
    }
}

/// A set of system calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection([u64; SELECTED_WORDS]);

impl Selection {
    pub const NONE: Self = Self([0; SELECTED_WORDS]);
    pub const ALL: Self = Self([u64::MAX; SELECTED_WORDS]);

    /// The bits, as the kernel programs have them.
    pub fn words(&self) -> &[u64] {
        &self.0
    }

    pub fn contains(&self, abi: Abi, number: u16) -> bool {
        let (word, bit) = place(abi, number);
        self.0.get(word).is_some_and(|word| word >> bit & 1 == 1)
    }

    /// x32 calls share the native bits.
    pub fn insert(&mut self, abi: Abi, number: u16) {
        let (word, bit) = place(abi, number);
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << bit;
        }
    }
}

fn place(abi: Abi, number: u16) -> (usize, usize) {
    let base = if abi == Abi::Compat { NR_END } else { 0 };
    let bit = (base + u32::from(number)) as usize;
    (bit / 64, bit % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_keeps_the_abis_apart() {
        let mut selection = Selection::NONE;
        selection.insert(Abi::Compat, 3);
        assert_eq!(selection.words()[0], 0);
        assert!(selection.contains(Abi::Compat, 3) && !selection.contains(Abi::Native, 3));
        assert_eq!(selection.0[NR_END as usize / 64], 1 << 3);
    }
}
