//! The constants that user space sets before it loads the programs.

use core::ptr;

use tracer_common::config::{Config, ERRNO_WORDS, SELECTED_WORDS, feature};
use tracer_common::key::row;
use tracer_common::limits::{INDEXED_ABIS, INDEXED_NRS, NR_END};

#[unsafe(no_mangle)]
static CONFIG: Config = Config {
    features: 0,
    own_tgid: 0,
    lineage_cgroup: 0,
    tasks_mask: 0,
    cells: 1,
    timed: 1,
    v1_hierarchy: 0,
    v1_controller: 0,
    lineage_v1: 0,
    min_duration_ns: 0,
    cap_capable: 0,
    cap_capable_end: 0,
    held_tgid: 0,
    pad: 0,
};

/// System calls that get a record, a bit each.
#[unsafe(no_mangle)]
static SELECTED: [u64; SELECTED_WORDS] = [0; SELECTED_WORDS];

/// Errors that get a record, a bit each.
#[unsafe(no_mangle)]
static ERRNOS: [u64; ERRNO_WORDS] = [0; ERRNO_WORDS];

/// What calls' arguments point to, by `abi * INDEXED_NRS + nr`; see `tracer_common::config::reads`.
#[unsafe(no_mangle)]
static CALLS: [u64; (INDEXED_ABIS * INDEXED_NRS) as usize] = [0; (INDEXED_ABIS * INDEXED_NRS) as usize];

/// Read through a volatile pointer: the compiler must not believe the zeroes above, while the
/// verifier knows the loaded values and drops what they switch off.
macro_rules! constant {
    ($name:ident, $field:ident : $type:ty) => {
        #[inline(always)]
        pub fn $name() -> $type {
            // SAFETY: a static of that type.
            unsafe { ptr::read_volatile(&raw const CONFIG.$field) }
        }
    };
}
constant!(features, features: u32);
constant!(own_tgid, own_tgid: u32);
constant!(lineage_cgroup, lineage_cgroup: u64);
constant!(tasks_mask, tasks_mask: u32);
constant!(cells, cells: u32);
constant!(timed, timed: u32);
constant!(v1_hierarchy, v1_hierarchy: u32);
constant!(v1_controller, v1_controller: u32);
constant!(lineage_v1, lineage_v1: u32);
constant!(min_duration_ns, min_duration_ns: u64);
constant!(held_tgid, held_tgid: u32);
constant!(cap_capable, cap_capable: u64);
constant!(cap_capable_end, cap_capable_end: u64);

#[inline(always)]
pub fn has(feature: u32) -> bool {
    features() & feature != 0
}

/// Whether anything at all goes through the ring buffer but what attribution needs.
#[inline(always)]
pub fn records_syscalls() -> bool {
    has(feature::SYSCALL_RECORDS)
}

/// Whether calls may be counted by process.
#[inline(always)]
pub fn counts_processes() -> bool {
    has(feature::FOCUS)
}

/// What is asked for of an owner whose row has these flags: bits of `row`.
#[inline(always)]
pub fn asked(flags: u32) -> u32 {
    if has(feature::FOCUS) { flags & (row::RECORDS | row::PROCESSES) } else { row::RECORDS }
}

#[inline(always)]
pub fn selected(abi: u16, nr: u16) -> bool {
    let bit = u32::from(nr) + if abi == 0 { 0 } else { NR_END };
    let word = (bit / 64) as usize;
    if word >= SELECTED_WORDS {
        return false;
    }
    // SAFETY: within the array, as just checked.
    let bits = unsafe { ptr::read_volatile((&raw const SELECTED).cast::<u64>().add(word)) };
    bits >> (bit % 64) & 1 == 1
}

#[inline(always)]
pub fn selected_errno(errno: u32) -> bool {
    let word = (errno / 64) as usize;
    if word >= ERRNO_WORDS {
        return false;
    }
    // SAFETY: within the array, as just checked.
    let bits = unsafe { ptr::read_volatile((&raw const ERRNOS).cast::<u64>().add(word)) };
    bits >> (errno % 64) & 1 == 1
}

/// An entry of [`CALLS`].
#[inline(always)]
pub fn reads(abi: u16, nr: u16) -> u64 {
    let index = u32::from(abi) * INDEXED_NRS + u32::from(nr);
    if u32::from(nr) >= INDEXED_NRS || index >= INDEXED_ABIS * INDEXED_NRS {
        return 0;
    }
    // SAFETY: within the array, as just checked.
    unsafe { ptr::read_volatile((&raw const CALLS).cast::<u64>().add(index as usize)) }
}
