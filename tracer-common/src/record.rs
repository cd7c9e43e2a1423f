//! Records of the ring buffer.
//!
//! Each starts with a [`Header`]; `kind` decides what follows. Times are `CLOCK_MONOTONIC` in ns,
//! ids those of the initial namespaces unless the name says otherwise.

use crate::key::{CallKey, OwnerInfo};
use crate::limits::{ADDRESS_LEN, CGROUP_PATH_LEN, COMM_LEN, TEXT_LEN};

/// Values of [`Header::kind`].
pub mod kind {
    pub const SYSCALL: u16 = 1;
    pub const SYSCALL_PATH: u16 = 2;
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
    pub const SYSCALL_ADDRESS: u16 = 14;
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
    /// [`super::Text`] is longer than what was kept.
    pub const TEXT_CUT: u16 = 1 << 2;
    /// [`super::Text`] could not be read.
    pub const TEXT_UNREAD: u16 = 1 << 3;
    /// The second text of the record is longer than what was kept.
    pub const TEXT2_CUT: u16 = 1 << 4;
    /// The second text of the record could not be read.
    pub const TEXT2_UNREAD: u16 = 1 << 5;
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

/// [`Syscall`] with the path that one of its arguments points to.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SyscallPath {
    pub syscall: Syscall,
    pub path: Text,
}

/// [`Syscall`] with the socket address that one of its arguments points to.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SyscallAddress {
    pub syscall: Syscall,
    pub address: Address,
}
const _: () = assert!(size_of::<SyscallAddress>() == 144 + 8 + ADDRESS_LEN);

/// A `struct sockaddr` as the process had it when its call was over.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Address {
    /// Used bytes. What the process gave as length, at most [`ADDRESS_LEN`].
    pub len: u32,
    /// The argument it was read from.
    pub index: u32,
    pub bytes: [u8; ADDRESS_LEN],
}

/// Bytes from the kernel or a process: not necessarily UTF-8, never longer than [`TEXT_LEN`].
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    pub len: u32,
    /// The argument it was read from, where there is one.
    pub index: u32,
    pub bytes: [u8; TEXT_LEN],
}
const _: () = assert!(size_of::<Text>() == 8 + TEXT_LEN);

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

/// A program was executed; the header is already the new program's.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Exec {
    pub header: Header,
    pub filename: Text,
    /// The arguments, each ended by a NUL byte.
    pub args: Text,
}
const _: () = assert!(size_of::<Exec>() == 72 + 2 * (8 + TEXT_LEN));

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
