//! Every length and capacity, with its reason.

/// Owners (see [`crate::key::OwnerKey`]) alive at one time, slot 0 excluded.
/// A container takes two (set-up and workload), a host service one; 4 KiB of index each.
pub const OWNERS: u32 = 2048;

/// System call numbers per ABI that have a place in an owner's index.
/// x86_64 ends at 472 and has x32's own numbers 512-547, i386 and arm64 end at 472 (Linux 7.3).
pub const INDEXED_NRS: u32 = 512;

/// ABIs in an owner's index: native and compat. x32 goes the long way.
pub const INDEXED_ABIS: u32 = 2;

/// Numbers from here on exist in no kernel; they share one entry, [`INVALID_NR`], or a hostile
/// program could fill the call table with `syscall(random())`.
pub const NR_END: u32 = 1024;

/// Stands for every system call number that no kernel has.
pub const INVALID_NR: u16 = u16::MAX;

/// (owner, ABI, number) entries, cell 0 excluded: 250 containers of 60 different calls.
pub const CALLS: u32 = 16_384;

/// (owner, ABI, number, outcome) entries.
pub const OUTCOMES: u32 = 32_768;

/// (owner, call, arguments) entries: 500 owners that use 16 different ones of two calls.
pub const ARGUMENTS: u32 = 16_384;

/// Different values of a call's arguments that are told apart. More are no closed set, and nothing to make rules of.
pub const ARGUMENT_VALUES: u32 = 16;

/// Bits of `clone`'s flags that make namespaces, `CLONE_NEWTIME` apart, which it cannot take,
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/sched.h#L31>.
pub const CLONE_NAMESPACES: u32 = 0x7e02_0000;

/// (owner, process) entries of owners whose processes are counted: processes alive, and those that ended since
/// the last sample.
pub const PROCESSES: u32 = 16_384;

/// (owner, capability, answer, who asks) entries: the 41 capabilities of 100 owners, each asked for in four places.
pub const CAPABILITIES: u32 = 16_384;

/// Kernel functions that are remembered of who asks for a capability: `security_capable`, up to two wrappers, and the one that wants to
/// know.
pub const ASKERS: usize = 4;

/// Bytes the latency histograms may take; how many calls are timed follows from it and the CPUs.
pub const LATENCY_BYTES: usize = 64 << 20;

/// Entries of the task table indexed by thread id: `kernel.pid_max` if that is less.
pub const TASKS_MAX: u32 = 131_072;

/// Threads whose place in the task table is taken by another one.
pub const TASKS_OVERFLOW: u32 = 16_384;

/// `TASK_COMM_LEN`, <https://github.com/torvalds/linux/blob/v6.12/include/linux/sched.h#L330>.
pub const COMM_LEN: usize = 16;

/// A string in a record, NUL byte included; longer ones are cut and say so. `PATH_MAX`: the kernel takes no longer path,
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/limits.h#L13>.
pub const STRING_LEN: usize = 4096;

/// A program's arguments in a record, each ended by a NUL byte; longer ones are cut and say so. With what may be before it,
/// it fits an entry of a per-CPU map, `PCPU_MIN_UNIT_SIZE`,
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/percpu.h#L24>.
pub const ARGUMENTS_LEN: usize = 12_288;

/// A structure in a record. The longest that is read is `struct stat` of 144 bytes.
pub const STRUCTURE_LEN: usize = 256;

/// An array in a record; of longer ones the beginning is read. 32 of the longest elements, the 16 bytes of `struct iovec`.
pub const ARRAY_LEN: usize = 512;

/// Strings of a vector that are read.
pub const STRINGS: usize = 32;

/// What one call's arguments point to is read for that many of them: `mount` has three strings.
pub const READS: usize = 3;

/// Pieces of memory of a call: what is read, and the directories that two of them are relative to.
pub const PIECES: usize = READS + 2;

/// A name of a directory, NUL byte included: `NAME_MAX` is 255,
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/limits.h#L12>.
pub const NAME_LEN: usize = 256;

/// Directories above one another that are followed. Of a deeper one it is not known where it is.
pub const DEPTH: usize = 32;

/// Calls that are replacing their process's program at a time; of more, the file's name is not known if they fail.
pub const EXECUTING: u32 = 1024;

/// `sizeof(struct sockaddr_storage)`: no socket address is longer,
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/socket.h#L8>.
pub const ADDRESS_LEN: usize = 128;

/// A cgroup path in a record. `PATH_MAX` is 4096; the deepest Kubernetes-in-Docker path met so far
/// has under 500 bytes.
pub const CGROUP_PATH_LEN: usize = 1024;

/// Slots of a latency histogram: slot `b` counts durations of `2^b ..2^(b+1)` ns, the last one all
/// longer ones (9 minutes and up).
pub const BUCKETS: usize = 40;

/// Default size of the ring buffer in bytes: 27 ms at 4.5 million records a second.
pub const RING_BYTES: u32 = 16 << 20;
