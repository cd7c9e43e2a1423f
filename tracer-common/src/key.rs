//! Keys and values of the kernel maps.

use crate::limits::{ASKERS, BUCKETS, COMM_LEN, INDEXED_ABIS, INDEXED_NRS};

/// Whether a task already runs what it was started for.
///
/// A container runtime puts its own process into the container's cgroup, prepares everything there
/// and then executes the entrypoint. What it calls on the way is not the container's doing.
pub mod phase {
    /// Came into its cgroup and has not executed a program since.
    pub const SETUP: u32 = 0;
    /// Executed a program inside its cgroup, descends from one that did, or was there before us.
    pub const WORKLOAD: u32 = 1;
    /// As [`WORKLOAD`], in a container that somebody entered from outside: an `exec` session, or an
    /// engine's health check.
    pub const EXEC: u32 = 2;
}

/// Who a call belongs to, as far as the kernel alone can tell.
///
/// Cgroups have ids that are never used twice. A namespace's inode number is: the smallest free one
/// is taken. So what tells containers apart that share a cgroup is `incarnation` as well.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnerKey {
    /// Of the cgroup v2 directory; 1, the root's, where there is no cgroup v2.
    pub cgroup_id: u64,
    /// Of the directory in the cgroup v1 hierarchy that [`crate::config::Config::v1_controller`]
    /// is in, 0: none.
    pub v1_id: u64,
    /// In the host's pid namespace: the mount namespace's own id if the task is in a user namespace
    /// (a rootless container that has nothing else of its own), else 0. In another: when the
    /// pid namespace's first process started, `CLOCK_BOOTTIME`, ns.
    pub incarnation: u64,
    /// Inode number of the pid namespace.
    pub pid_ns: u32,
    /// One of [`phase`].
    pub phase: u32,
}
const _: () = assert!(size_of::<OwnerKey>() == 32);

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
    /// Bits of [`owner`].
    pub flags: u32,
    /// First process of the pid namespace, as the host counts; 0 in the host's.
    pub init_tgid: u32,
    /// The same process, as the pid namespace around counts.
    pub init_outer_tgid: u32,
    /// First process of that namespace around, as the host counts; 0: that is the host's.
    pub outer_init_tgid: u32,
    /// Who made the user namespace of the owner's first task: whose rootless container it may be. 0: root,
    /// or no user namespace of its own.
    pub user: u32,
}
const _: () = assert!(size_of::<OwnerInfo>() == 88);

/// Bits of [`OwnerInfo::flags`].
pub mod owner {
    /// Its first task descends from the cgroup in `config::Config::lineage_cgroup`.
    pub const LINEAGE: u32 = 1 << 0;
    /// Its first task was there before us.
    pub const RUNNING: u32 = 1 << 1;
}

/// An owner's row: whether anybody wants its calls, and where they are counted.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Row {
    /// Bits of [`row`]. Every owner is watched from its first call until user space says otherwise,
    /// so that nothing is missed while its name is looked up.
    pub flags: u32,
    /// Not 0: one of the owner's calls was one of [`crate::config::reads::SERVES`]. Then `cell` was emptied, so that
    /// calls are noted that are made again.
    pub serving: u32,
    /// Index into the counter table by `abi * INDEXED_NRS + nr`; 0: not called yet.
    pub cell: [u32; (INDEXED_ABIS * INDEXED_NRS) as usize],
}
const _: () = assert!(size_of::<Row>() == 4104);

/// Bits of [`Row::flags`].
pub mod row {
    /// Leave at once.
    pub const IGNORED: u32 = 1 << 0;
    /// Records are asked for, see [`crate::config::feature::FOCUS`].
    pub const RECORDS: u32 = 1 << 1;
    /// Calls are counted by process.
    pub const PROCESSES: u32 = 1 << 2;
    /// Checks of capabilities are counted.
    pub const CAPABILITIES: u32 = 1 << 3;
}

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
    /// First process of the `exec` session that made it first, 0: none.
    pub first_session: u32,
    /// Different values of its arguments that were told apart; more than
    /// [`ARGUMENT_VALUES`](crate::limits::ARGUMENT_VALUES): there were others.
    pub values: u32,
    /// When it was made again first since its owner serves, `CLOCK_MONOTONIC`, ns; 0: it was not, or was not made
    /// before.
    pub again_ns: u64,
}
const _: () = assert!(size_of::<CallInfo>() == 48);

/// A call with the values of those of its arguments that are counted.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArgumentKey {
    pub call: CallKey,
    /// Their lower halves, which is all that the kernel looks at; 0 for what is not there.
    pub values: [u32; 2],
}
const _: () = assert!(size_of::<ArgumentKey>() == 16);

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

/// A process of an owner.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessKey {
    /// The owner's slot.
    pub owner: u32,
    pub tgid: u32,
}
const _: () = assert!(size_of::<ProcessKey>() == 8);

/// What a process called since it is counted.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessCounts {
    pub calls: u64,
    /// Calls that failed or were refused.
    pub errors: u64,
    pub denied: u64,
    /// 1: it has ended, and nothing more will come.
    pub ended: u64,
    /// Of its first thread, at the last call.
    pub comm: [u8; COMM_LEN],
}
const _: () = assert!(size_of::<ProcessCounts>() == 48);

/// How an owner's tasks were checked for a capability, and by whom.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CapabilityKey {
    /// The owner's slot.
    pub owner: u32,
    /// `CAP_*` number.
    pub capability: u8,
    /// 1: the answer was no.
    pub refused: u8,
    /// One of [`standing`].
    pub standing: u8,
    /// Always 0.
    pub pad: u8,
    /// Return addresses above `cap_capable`, the nearest one first; zeroes without [`crate::config::feature::CAPABILITIES`], and
    /// where it was not found on the stack.
    pub askers: [u64; ASKERS],
}
const _: () = assert!(size_of::<CapabilityKey>() == 40);

/// In what right a task was checked.
pub mod standing {
    /// In its own, in the user namespace of its container. Also whenever nobody asked for it.
    pub const OWN: u8 = 0;
    /// The kernel acted for it with other credentials than its own: overlayfs with those of who mounted it.
    pub const BORROWED: u8 = 1;
    /// It is in a user namespace that was made inside its container. Whoever makes one has all capabilities there.
    pub const INNER: u8 = 2;
    /// Refused, and about a user namespace that is not below its own: no capability of a container is enough.
    pub const OUTSIDE: u8 = 3;
    /// Granted without the capability: it has made the user namespace that was asked about.
    pub const MAKER: u8 = 4;
}

/// Checks since they are counted.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapabilityCounts {
    pub count: u64,
    /// `CLOCK_MONOTONIC`, ns.
    pub first_ns: u64,
    pub last_ns: u64,
    /// Whom the first and the last check were about.
    pub first_tgid: u32,
    pub last_tgid: u32,
    pub first_comm: [u8; COMM_LEN],
    pub last_comm: [u8; COMM_LEN],
}
const _: () = assert!(size_of::<CapabilityCounts>() == 64);

#[cfg(feature = "user")]
mod pod {
    #![expect(unsafe_code, reason = "aya's `Pod` is how a map type says that it is plain bytes")]
    use super::{
        ArgumentKey, CallInfo, CallKey, CapabilityCounts, CapabilityKey, Latency, OutcomeKey, OwnerInfo,
        OwnerKey, ProcessCounts, ProcessKey, Row,
    };

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
    unsafe impl aya::Pod for ArgumentKey {}
    // SAFETY: as above.
    unsafe impl aya::Pod for OutcomeKey {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Latency {}
    // SAFETY: as above.
    unsafe impl aya::Pod for ProcessKey {}
    // SAFETY: as above.
    unsafe impl aya::Pod for ProcessCounts {}
    // SAFETY: as above.
    unsafe impl aya::Pod for CapabilityKey {}
    // SAFETY: as above.
    unsafe impl aya::Pod for CapabilityCounts {}
}
