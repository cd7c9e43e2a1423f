//! What the kernel programs are told to do. Pure.

use tracer_common::config::{ERRNO_WORDS, SELECTED_WORDS};
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
    /// Of these, only calls that took that long, ns; 0: any.
    pub min_duration_ns: u64,
    /// Of these, only calls that ended in one of them; None: any.
    pub errnos: Option<Errnos>,
    /// Owners whose first task descends from this cgroup are marked.
    pub lineage: Option<CgroupId>,
    /// Host pid of a process that still prepares a container, and waits for the trace to begin.
    pub held: Option<u32>,
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

    pub fn remove(&mut self, abi: Abi, number: u16) {
        let (word, bit) = place(abi, number);
        if let Some(word) = self.0.get_mut(word) {
            *word &= !(1 << bit);
        }
    }
}

/// One more than the largest error number.
pub const ERRNO_END: u16 = 4096;
const _: () = assert!(ERRNO_END as usize == 64 * ERRNO_WORDS);

/// A set of error numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errnos([u64; ERRNO_WORDS]);

impl Errnos {
    pub const NONE: Self = Self([0; ERRNO_WORDS]);

    /// The bits: number n is bit n % 64 of word n / 64.
    pub const fn words(&self) -> &[u64; ERRNO_WORDS] {
        &self.0
    }

    pub fn contains(&self, errno: u16) -> bool {
        self.0.get(usize::from(errno / 64)).is_some_and(|word| word >> (errno % 64) & 1 == 1)
    }

    /// Nothing from [`ERRNO_END`] on.
    pub fn insert(&mut self, errno: u16) {
        if let Some(word) = self.0.get_mut(usize::from(errno / 64)) {
            *word |= 1 << (errno % 64);
        }
    }

    pub fn all(&self) -> impl Iterator<Item = u16> {
        (0..ERRNO_END).filter(|errno| self.contains(*errno))
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
        selection.remove(Abi::Native, 3);
        assert!(selection.contains(Abi::Compat, 3));
        selection.remove(Abi::Compat, 3);
        assert_eq!(selection, Selection::NONE);
    }

    #[test]
    fn errors_have_a_bit_each() {
        let mut errnos = Errnos::NONE;
        for errno in [0, 2, 63, 64, 4095, 4096, u16::MAX] {
            errnos.insert(errno);
        }
        assert_eq!(errnos.all().collect::<Vec<_>>(), [0, 2, 63, 64, 4095]);
        assert_eq!((errnos.words()[0], errnos.words()[63]), (1 << 63 | 0b101, 1 << 63));
        assert!(!errnos.contains(4096));
    }
}
