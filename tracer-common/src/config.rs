//! What the user side tells the programs before they are loaded.
//!
//! It becomes constant data of the programs, so the verifier removes the code of what is off.

use crate::limits::NR_END;

/// Bits of [`Config::features`].
pub mod feature {
    /// Histograms of durations.
    pub const LATENCY: u32 = 1 << 0;
    /// A record for each selected call.
    pub const SYSCALL_RECORDS: u32 = 1 << 1;
    /// Only calls that failed get a record.
    pub const ONLY_FAILED: u32 = 1 << 2;
    /// Only calls that were refused get a record.
    pub const ONLY_DENIED: u32 = 1 << 3;
    /// Records of fork, exec and exit.
    pub const PROCESS_RECORDS: u32 = 1 << 4;
    /// Records of all that happens to cgroups, in every hierarchy; otherwise only mkdir and rmdir, in those
    /// that owners are told apart by.
    pub const CGROUP_RECORDS: u32 = 1 << 5;
    /// Records of calls and processes only of owners whose row asks for them: [`crate::key::row::RECORDS`].
    /// Other events are not in the books. Calls are counted by process as well, of owners whose row asks for
    /// that: [`crate::key::row::PROCESSES`].
    pub const FOCUS: u32 = 1 << 6;
}

/// Words of the bit set of selected system calls: [`NR_END`] native, then [`NR_END`] compat.
pub const SELECTED_WORDS: usize = (NR_END as usize / 64) * 2;

/// The constants of one load.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Bits of [`feature`].
    pub features: u32,
    /// The tool's own thread group id: its calls are left out.
    pub own_tgid: u32,
    /// Id of the cgroup whose tasks and their descendants are marked, 0: none.
    pub lineage_cgroup: u64,
    /// Entries of the task table minus 1; their number is a power of two.
    pub tasks_mask: u32,
    /// Entries of the counter table for each CPU.
    pub cells: u32,
    /// Entries of the latency table for each CPU.
    pub timed: u32,
    /// Number of the cgroup v1 hierarchy that owners are told apart by, as in `/proc/cgroups`, 0: none.
    pub v1_hierarchy: u32,
    /// A controller of that hierarchy, as a value of the kernel's `enum cgroup_subsys_id`.
    pub v1_controller: u32,
    /// 1: `lineage_cgroup` is of that hierarchy, 0: of version 2.
    pub lineage_v1: u32,
}
const _: () = assert!(size_of::<Config>() == 40);

#[cfg(feature = "user")]
mod pod {
    #![expect(unsafe_code, reason = "aya's `Pod` is how a value says that it is plain bytes")]
    // SAFETY: `repr(C)` integers without padding, as the size assertion shows.
    unsafe impl aya::Pod for super::Config {}
}

/// What is special about a system call: a byte of the `TRAITS` table.
pub mod traits {
    /// 1 + the argument that points to a path, 0: none.
    pub const PATH_MASK: u8 = 0x07;
    /// 1 + the argument that points to a socket address, 0: none. The argument behind it is the address's
    /// length, or points to it.
    pub const ADDRESS_MASK: u8 = 0x07 << ADDRESS_SHIFT;
    pub const ADDRESS_SHIFT: u32 = 3;
    /// The kernel fills in the address and its length.
    pub const ADDRESS_OUT: u8 = 0x40;
    /// It has no exit (`exit`, `exit_group`): its record is written at entry.
    pub const NO_RETURN: u8 = 0x80;
}
