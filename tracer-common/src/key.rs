//! Keys and values of the kernel maps.

use crate::limits::{BUCKETS, COMM_LEN, INDEXED_ABIS, INDEXED_NRS};

/// Whether a task already runs what it was started for.
///
/// A container runtime puts its own process into the container's cgroup, prepares everything there
/// and then executes the entrypoint. What it calls on the way is not the container's doing.
pub mod phase {
    /// Came into its cgroup and has not executed a program since.
    pub const SETUP: u32 = 0;
    /// Executed a program inside its cgroup, descends from one that did, or was there before us.
    pub const WORKLOAD: u32 = 1;
}

/// Who a call belongs to, as far as the kernel alone can tell.
///
/// The full 64-bit id of the cgroup v2 directory, and the inode number of the pid namespace,
/// which tells containers apart that share a cgroup.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnerKey {
    pub cgroup_id: u64,
    pub pid_ns: u32,
    /// One of [`phase`].
    pub phase: u32,
}
const _: () = assert!(size_of::<OwnerKey>() == 16);

/// What the kernel knew of an owner when it met it first.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnerInfo {
    pub key: OwnerKey,
    /// `CLOCK_MONOTONIC`, ns.
    pub first_ns: u64,
    pub first_tgid: u32,
    pub mnt_ns: u32,
    pub comm: [u8; COMM_LEN],
    /// Counts the owners that had this slot, from 1. 0: the slot was never used.
    pub generation: u32,
    /// 1 when its first task descends from the cgroup in `config::Config::lineage_cgroup`.
    pub lineage: u32,
}
const _: () = assert!(size_of::<OwnerInfo>() == 56);

/// An owner's row: whether anybody wants its calls, and where they are counted.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Row {
    /// 1: leave at once. Every owner is watched from its first call until user space says otherwise,
    /// so that nothing is missed while its name is looked up.
    pub ignored: u32,
    /// Index into the counter table by `abi * INDEXED_NRS + nr`; 0: not called yet.
    pub cell: [u32; (INDEXED_ABIS * INDEXED_NRS) as usize],
}
const _: () = assert!(size_of::<Row>() == 4100);

/// The way a call entered the kernel, which decides what its number means.
pub mod abi {
    /// The machine's own.
    pub const NATIVE: u16 = 0;
    /// i386 on x86_64, arm on arm64.
    pub const COMPAT: u16 = 1;
    /// 32-bit pointers with x86_64 numbers; the marker bit 30 is taken off.
    pub const X32: u16 = 2;
}

/// One system call of one owner.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallKey {
    /// The owner's slot.
    pub owner: u32,
    /// One of [`abi`].
    pub abi: u16,
    pub nr: u16,
}
const _: () = assert!(size_of::<CallKey>() == 8);

/// Where a call is counted, and who made it first.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallInfo {
    /// Index into the counter and the latency table.
    pub cell: u32,
    pub first_tgid: u32,
    /// `CLOCK_MONOTONIC`, ns.
    pub first_ns: u64,
    pub first_comm: [u8; COMM_LEN],
}
const _: () = assert!(size_of::<CallInfo>() == 32);

/// A call that did not simply succeed.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OutcomeKey {
    pub call: CallKey,
    /// Kernel error number, 1..=4095; 0 with [`kind::DENIED`]: refused, yet answered with success.
    pub errno: u16,
    /// One of [`kind`].
    pub kind: u16,
    /// Always 0.
    pub pad: u32,
}
const _: () = assert!(size_of::<OutcomeKey>() == 16);

/// Kinds of outcome.
pub mod kind {
    /// The kernel did the call and it failed.
    pub const FAILED: u16 = 0;
    /// A seccomp filter answered in the call's place.
    pub const DENIED: u16 = 1;
}

/// Durations of one call.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    pub total_ns: u64,
    pub max_ns: u64,
    pub buckets: [u64; BUCKETS],
}
const _: () = assert!(size_of::<Latency>() == 336);

#[cfg(feature = "user")]
mod pod {
    #![expect(unsafe_code, reason = "aya's `Pod` is how a map type says that it is plain bytes")]
    use super::{CallInfo, CallKey, Latency, OutcomeKey, OwnerInfo, OwnerKey, Row};

    // SAFETY: `repr(C)` integers and arrays of them, without padding, as the size assertions show.
    unsafe impl aya::Pod for OwnerKey {}
    // SAFETY: as above.
    unsafe impl aya::Pod for OwnerInfo {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Row {}
    // SAFETY: as above.
    unsafe impl aya::Pod for CallKey {}
    // SAFETY: as above.
    unsafe impl aya::Pod for CallInfo {}
    // SAFETY: as above.
    unsafe impl aya::Pod for OutcomeKey {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Latency {}
}
