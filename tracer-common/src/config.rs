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
    /// Only calls that took as long as [`super::Config::min_duration_ns`] get a record.
    pub const ONLY_SLOW: u32 = 1 << 7;
    /// Only calls that failed with one of the errors in `ERRNOS` get a record.
    pub const ONLY_ERRNOS: u32 = 1 << 8;
    /// Records of operations of `io_uring`.
    pub const IO_URING_RECORDS: u32 = 1 << 9;
    /// Owners that are not marked as of the lineage are ignored from their first call on: a flood of theirs cannot fill
    /// the ring buffer until user space has seen that nobody wants them.
    pub const ONLY_LINEAGE: u32 = 1 << 10;
    /// Counts by the values of some calls' arguments, see [`super::reads::FIRST_VALUE_SHIFT`].
    pub const ARGUMENTS: u32 = 1 << 11;
    /// Records of what `exec` sessions begin with, also without [`PROCESS_RECORDS`].
    pub const SESSION_RECORDS: u32 = 1 << 12;
    /// Checks of capabilities are counted of every owner, with the kernel functions that ask and in what right; without,
    /// only of those whose row asks for it: [`crate::key::row::CAPABILITIES`].
    pub const CAPABILITIES: u32 = 1 << 13;
}

/// Words of the bit set of selected errors: numbers up to `MAX_ERRNO`,
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/err.h#L18>.
pub const ERRNO_WORDS: usize = 4096 / 64;

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
    /// With [`feature::ONLY_SLOW`].
    pub min_duration_ns: u64,
    /// With [`feature::CAPABILITIES`]: addresses of the function that the tracepoint is in, and behind it. 0: not known.
    pub cap_capable: u64,
    pub cap_capable_end: u64,
    /// A process that was there before and still prepares a container: it waits for the trace to begin. 0: none.
    pub held_tgid: u32,
    pub pad: u32,
}
const _: () = assert!(size_of::<Config>() == 72);

#[cfg(feature = "user")]
mod pod {
    #![expect(unsafe_code, reason = "aya's `Pod` is how a value says that it is plain bytes")]
    // SAFETY: `repr(C)` integers without padding, as the size assertion shows.
    unsafe impl aya::Pod for super::Config {}
}

/// What a call's arguments point to, and what else is special about it: an entry of the `CALLS` table. Three reads of 16
/// bits from bit 0 on, see [`reads::entry`], and flags.
pub mod reads {
    /// Bits of a read: 1 + the argument that points to it, 0: no read.
    pub const ARGUMENT: u64 = 0x07;
    /// Bit of a read: the kernel fills it in, so that it says something only if the call succeeded.
    pub const OUT: u64 = 1 << 3;
    pub const WHAT_SHIFT: u32 = 4;
    /// Values at [`WHAT_SHIFT`].
    pub const STRING: u64 = 0;
    /// The next argument is the socket address's length; with [`OUT`] it points to it.
    pub const ADDRESS: u64 = 1;
    /// At [`LEN_SHIFT`]: [`BASE_NONE`], [`BASE_CWD`], [`BASE_FD`], or one of the vectors.
    pub const BASE_NONE: u16 = 0;
    /// A path, relative to the working directory.
    pub const BASE_CWD: u16 = 1;
    /// A path, relative to the directory that the argument before it names.
    pub const BASE_FD: u16 = 2;
    /// No string but pointers to some, a null pointer at the end: a program's arguments.
    pub const VECTOR: u16 = 3;
    /// The same, of pointers of 32 bits.
    pub const VECTOR_NARROW: u16 = 7;
    /// All of these.
    pub const STRING_BITS: u16 = 7;
    /// The length of the structure is at [`LEN_SHIFT`].
    pub const STRUCTURE: u64 = 2;
    /// At [`LEN_SHIFT`]: [`array`].
    pub const ARRAY: u64 = 3;
    pub const WHAT: u64 = 0x03;
    pub const LEN_SHIFT: u32 = 6;
    /// Bits at [`LEN_SHIFT`].
    pub const LEN: u64 = 0x3ff;
    /// Of an array: bytes of an element.
    pub const ELEMENT: u64 = 0x3f;
    /// Of an array: 1 + the argument that says how many there are, or [`COUNT_RESULT`].
    pub const COUNT_SHIFT: u32 = 6;
    pub const COUNT: u64 = 0x07;
    /// The call returns how many there are.
    pub const COUNT_RESULT: u16 = 0;
    /// Of an array: its bytes are a text.
    pub const TEXT: u16 = 1 << 9;
    /// Bits of a read.
    pub const BITS: u32 = 16;
    /// The bits of the second and the third.
    pub const MORE: u64 = 0xffff_ffff << BITS;
    /// It has no exit (`exit`, `exit_group`): its record is written at entry.
    pub const NO_RETURN: u64 = 1 << 48;
    /// Its first read is made at entry: when it succeeds the memory is gone (`execve`).
    pub const AT_ENTRY: u64 = 1 << 49;
    /// Who makes it begins to serve (`listen`, `accept`): what is called from then on is told apart.
    pub const SERVES: u64 = 1 << 50;
    /// From here on 3 bits each: 1 + the argument whose values are counted, 0: none. Of two, pairs are.
    pub const FIRST_VALUE_SHIFT: u32 = 51;
    pub const SECOND_VALUE_SHIFT: u32 = 54;
    /// Of the first value only the bits of namespaces count: `clone` has a signal and more beside them.
    pub const NAMESPACES: u64 = 1 << 57;
    /// All but the reads themselves.
    pub const NOTES: u64 = !0 << 48;

    /// Of an array of elements of that many bytes. `count`: the argument that says how many, from 0; None: the result does.
    pub const fn array(element: u16, count: Option<u8>, text: bool) -> u16 {
        let count = match count {
            Some(argument) => argument as u16 + 1,
            None => COUNT_RESULT,
        };
        element | count << COUNT_SHIFT | if text { TEXT } else { 0 }
    }

    /// `argument` counts from 0; `what` is [`STRING`], [`ADDRESS`], [`STRUCTURE`] or [`ARRAY`], `len` what stands at
    /// [`LEN_SHIFT`] for it.
    pub const fn entry(argument: u8, what: u64, len: u16, out: bool) -> u64 {
        (argument as u64 + 1) | if out { OUT } else { 0 } | what << WHAT_SHIFT | (len as u64) << LEN_SHIFT
    }
}
