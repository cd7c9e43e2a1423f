//! Records of the ring buffer.
//!
//! Each starts with a [`Header`]; `kind` decides what follows. Times are `CLOCK_MONOTONIC` in ns,
//! ids those of the initial namespaces unless the name says otherwise.

use crate::key::{CallKey, OwnerInfo};
use crate::limits::{CGROUP_PATH_LEN, COMM_LEN};

/// Values of [`Header::kind`].
pub mod kind {
    pub const SYSCALL: u16 = 1;
    /// [`super::Syscall`] and pieces of memory.
    pub const SYSCALL_MEMORY: u16 = 2;
    pub const FORK: u16 = 3;
    pub const EXEC: u16 = 4;
    pub const EXIT: u16 = 5;
    pub const CGROUP_MKDIR: u16 = 6;
    pub const CGROUP_RMDIR: u16 = 7;
    pub const CGROUP_ATTACH: u16 = 8;
    pub const OWNER: u16 = 9;
    pub const ENDED: u16 = 10;
    pub const CGROUP_FREEZE: u16 = 11;
    pub const CGROUP_UNFREEZE: u16 = 12;
    pub const CGROUP_RENAME: u16 = 13;
    pub const IO_URING_SUBMIT: u16 = 14;
    pub const IO_URING_COMPLETE: u16 = 15;
}

/// Who and when: the current task, as it was when the record was written.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// One of [`kind`].
    pub kind: u16,
    /// Bits of [`flag`].
    pub flags: u16,
    /// Bytes of the whole record.
    pub len: u32,
    pub ktime_ns: u64,
    /// The owner's slot, 0: unknown.
    pub owner: u32,
    /// The owner's generation, see [`crate::key::OwnerInfo`].
    pub generation: u32,
    pub cgroup_id: u64,
    pub tgid: u32,
    pub tid: u32,
    /// Thread group id in the task's own pid namespace, 0: unknown.
    pub vtgid: u32,
    pub uid: u32,
    /// Thread group id of the parent.
    pub parent_tgid: u32,
    /// First process of the `exec` session that the task is part of, 0: none.
    pub session: u32,
    pub comm: [u8; COMM_LEN],
}
const _: () = assert!(size_of::<Header>() == 72);

/// Bits of [`Header::flags`].
pub mod flag {
    /// A seccomp filter answered in the call's place.
    pub const DENIED: u16 = 1 << 0;
    /// The call was under way when tracing began: no arguments, no duration.
    pub const IN_FLIGHT: u16 = 1 << 1;
    /// The path of [`super::Cgroup`] is longer than what was kept.
    pub const PATH_CUT: u16 = 1 << 2;
    /// The path of [`super::Cgroup`] could not be read.
    pub const PATH_UNREAD: u16 = 1 << 3;
}

/// A system call, written at its exit, or at its entry if it has none (`exit`, `exit_group`).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syscall {
    pub header: Header,
    /// `owner` repeats the header's.
    pub call: CallKey,
    /// As the kernel returned it: `-errno` on failure.
    pub ret: i64,
    /// From entry to exit, 0: unknown.
    pub duration_ns: u64,
    pub args: [u64; 6],
}
const _: () = assert!(size_of::<Syscall>() == 144);

/// Memory of a process or of the kernel, behind the fixed part of a record: this, `len` bytes, and bytes without meaning up
/// to the next multiple of 8. Hostile bytes, not necessarily UTF-8.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The argument that points to it, from 0.
    pub argument: u8,
    /// One of [`piece`].
    pub kind: u8,
    /// Bits of [`extent`].
    pub extent: u16,
    pub len: u32,
}
const _: () = assert!(size_of::<Piece>() == 8);

/// Values of [`Piece::kind`].
pub mod piece {
    /// Without its NUL byte.
    pub const STRING: u8 = 0;
    /// A `struct sockaddr`.
    pub const ADDRESS: u8 = 1;
    /// A structure of the call's.
    pub const STRUCTURE: u8 = 2;
    /// Strings, each ended by a NUL byte.
    pub const STRINGS: u8 = 3;
    /// The directory that the argument, a relative path, begins in: names from the last to the first below the process's
    /// root, each ended by a NUL byte.
    pub const BASE: u8 = 4;
}

/// Bits of [`Piece::extent`].
pub mod extent {
    /// There is more of it.
    pub const CUT: u16 = 1 << 0;
    /// The memory was not there.
    pub const UNREAD: u16 = 1 << 1;
}

/// An owner was met for the first time; the header is empty but for kind, length, time and owner.
/// It is news for ctrace itself: not in the ledger, and repeated by [`crate::key::OwnerInfo`]'s map.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    pub header: Header,
    pub info: OwnerInfo,
}
const _: () = assert!(size_of::<Owner>() == 160);

/// The first process of an owner, or of a pid namespace, ended. As [`Owner`], news for ctrace itself.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    pub header: Header,
    /// As in [`Exit`].
    pub status: u32,
    /// 1: it was the pid namespace's first one, so nobody is left in there.
    pub namespace: u32,
}
const _: () = assert!(size_of::<Ended>() == 80);

/// A new thread or process; the header is the parent's.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fork {
    pub header: Header,
    pub child_tgid: u32,
    pub child_tid: u32,
    pub child_vtgid: u32,
    /// Always 0.
    pub pad: u32,
}
const _: () = assert!(size_of::<Fork>() == 88);

/// A program was executed; the header is already the new program's. Two pieces follow: the file's name, and the arguments.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Exec {
    pub header: Header,
}

/// An operation was given to `io_uring`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoUringSubmit {
    pub header: Header,
    /// What the program knows it by.
    pub user_data: u64,
    /// `IORING_OP_*`.
    pub opcode: u16,
    /// 1: `fd` is the number of a file that was registered with the ring.
    pub fixed_file: u16,
    /// What it works on; without meaning for operations that work on no descriptor.
    pub fd: i32,
}
const _: () = assert!(size_of::<IoUringSubmit>() == 88);

/// An operation of `io_uring` is over. The header is that of the task that ended it: of the same process, or a worker of it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoUringComplete {
    pub header: Header,
    pub user_data: u64,
    /// As of a system call.
    pub ret: i32,
    /// `IORING_OP_*`, or `u32::MAX`: unknown.
    pub opcode: u32,
}
const _: () = assert!(size_of::<IoUringComplete>() == 88);

/// A thread ended; the process, if it was the last one.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    pub header: Header,
    /// As `wait(2)` gives it: signal in bits 0-6, core flag in bit 7, code in bits 8-15.
    pub status: u32,
    /// 1: the thread was the last of its process.
    pub process: u32,
}
const _: () = assert!(size_of::<Exit>() == 80);

/// A cgroup was made, removed, frozen, thawed or renamed, or a task was moved into one. The header is the
/// acting task's.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Cgroup {
    pub header: Header,
    /// The cgroup that it happened to.
    pub id: u64,
    /// 0: cgroup v2; else the v1 hierarchy's number in `/proc/cgroups`.
    pub hierarchy: u32,
    /// The task that was moved, 0 otherwise.
    pub tgid: u32,
    pub tid: u32,
    /// Used bytes of `path`.
    pub path_len: u32,
    /// From the hierarchy's root.
    pub path: [u8; CGROUP_PATH_LEN],
}
const _: () = assert!(size_of::<Cgroup>() == 72 + 24 + CGROUP_PATH_LEN);
