//! Records as values: what the rest of ctrace talks about. Borrowed from the batch, so that an event
//! costs no allocation.

use std::borrow::Cow;

use tracer_common::limits::PIECES;

use crate::batch::OwnerId;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// `CLOCK_MONOTONIC`, ns.
    pub ktime_ns: u64,
    pub owner: OwnerId,
    pub cgroup_id: u64,
    pub process: Process<'a>,
    pub what: What<'a>,
}

/// The task that did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process<'a> {
    pub pid: u32,
    pub tid: u32,
    /// The pid in its own pid namespace.
    pub vpid: Option<u32>,
    pub parent_pid: u32,
    pub uid: u32,
    /// First process of the `exec` session that it is part of.
    pub session: Option<u32>,
    /// `comm`: up to 15 bytes, not necessarily UTF-8.
    pub comm: &'a [u8],
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "it lives on the stack for one record, and a box would be an allocation for each"
)]
pub enum What<'a> {
    Syscall(Syscall<'a>),
    Fork { pid: u32, tid: u32, vpid: Option<u32> },
    Exec { filename: Text<'a>, args: Text<'a> },
    Exit(Exit),
    Cgroup(Cgroup<'a>),
    IoUring(IoUring),
}

impl What<'_> {
    /// What users call it: `event.name`, and the word for `-e`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Syscall(Syscall { how: How::Denied, .. }) => "syscall.denied",
            Self::Syscall(Syscall { how: How::Done | How::InFlight, .. }) => "syscall",
            Self::Fork { .. } => "process.fork",
            Self::Exec { .. } => "process.exec",
            Self::Exit(_) => "process.exit",
            Self::IoUring(IoUring { stage: Stage::Submit { .. }, .. }) => "io_uring.submit",
            Self::IoUring(IoUring { stage: Stage::Complete { .. }, .. }) => "io_uring.complete",
            Self::Cgroup(cgroup) => match cgroup.act {
                CgroupAct::Mkdir => "cgroup.mkdir",
                CgroupAct::Rmdir => "cgroup.rmdir",
                CgroupAct::Attach { .. } => "cgroup.attach",
                CgroupAct::Freeze => "cgroup.freeze",
                CgroupAct::Unfreeze => "cgroup.unfreeze",
                CgroupAct::Rename => "cgroup.rename",
            },
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syscall<'a> {
    pub abi: Abi,
    pub number: u16,
    pub ret: i64,
    /// None for refused calls, calls in flight at the start, and `exit`.
    pub duration_ns: Option<u64>,
    pub args: [u64; 6],
    /// What arguments point to, as it was when the call was over.
    pub memory: Memory<'a>,
    pub how: How,
}

/// At most one piece for each argument, and the directory that it is relative to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory<'a>([Option<Piece<'a>>; PIECES]);

/// What an argument points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The argument, from 0.
    pub index: usize,
    pub kind: PieceKind,
    pub text: Text<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceKind {
    /// Without its NUL byte.
    String,
    /// A `struct sockaddr`: see [`crate::address`].
    Address,
    /// Strings, each ended by a NUL byte.
    Strings,
    /// A structure of the call's, or several.
    Bytes,
    /// The directory that the argument, a relative path, begins in: names from the last to the first below the process's
    /// root, each ended by a NUL byte.
    Base,
}

impl<'a> Memory<'a> {
    /// More than [`PIECES`] are left out.
    pub fn new(pieces: impl IntoIterator<Item = Option<Piece<'a>>>) -> Self {
        let mut memory = Self::default();
        for (place, piece) in memory.0.iter_mut().zip(pieces) {
            *place = piece;
        }
        memory
    }

    pub fn pieces(&self) -> impl Iterator<Item = Piece<'a>> {
        self.0.into_iter().flatten()
    }

    /// What argument `index` points to, if that was read.
    pub fn of(&self, index: usize) -> Option<Piece<'a>> {
        self.pieces().find(|piece| piece.index == index && piece.kind != PieceKind::Base)
    }

    /// Whether it is known which path from the process's root on argument `index` is, at least its beginning.
    pub fn is_resolved(&self, index: usize) -> bool {
        let Some(Piece { kind: PieceKind::String, text, .. }) = self.of(index) else { return false };
        match text.bytes() {
            [] => false,
            [b'/', ..] => true,
            _ => self.base(index).is_some(),
        }
    }

    /// Appends that path. False: it is cut.
    pub fn resolve(&self, index: usize, path: &mut Vec<u8>) -> bool {
        let Some(Piece { text, .. }) = self.of(index) else { return false };
        if !text.bytes().starts_with(b"/") {
            for directory in self.base(index).unwrap_or_default().rsplit(|byte| *byte == 0) {
                if !directory.is_empty() {
                    path.push(b'/');
                    path.extend_from_slice(directory);
                }
            }
            path.push(b'/');
        }
        path.extend_from_slice(text.bytes());
        matches!(text, Text::Whole(_))
    }

    /// Names as in [`PieceKind::Base`].
    fn base(&self, index: usize) -> Option<&'a [u8]> {
        let base = self.pieces().find(|piece| piece.index == index && piece.kind == PieceKind::Base);
        match base?.text {
            Text::Whole(names) => Some(names),
            Text::Cut(_) | Text::Unread => None,
        }
    }
}

/// The arguments in a vector where each is ended by a NUL byte, the last one perhaps cut off.
pub fn arguments(vector: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = vector.strip_suffix(&[0]).unwrap_or(vector);
    whole.split(|byte| *byte == 0).filter(move |_| !vector.is_empty())
}

/// How a call went through the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Done,
    /// A seccomp filter answered in its place.
    Denied,
    /// Begun before the trace: arguments may be stale.
    InFlight,
}

impl<'a> Syscall<'a> {
    /// The first argument that is a string, and the string: mostly a path.
    pub fn path(&self) -> Option<(usize, Text<'a>)> {
        self.first(PieceKind::String)
    }

    /// The argument that is a socket address, and its bytes.
    pub fn address(&self) -> Option<(usize, Text<'a>)> {
        self.first(PieceKind::Address)
    }

    fn first(&self, kind: PieceKind) -> Option<(usize, Text<'a>)> {
        self.memory.pieces().find(|piece| piece.kind == kind).map(|piece| (piece.index, piece.text))
    }

    /// Kernel error number of a failed call.
    pub fn errno(&self) -> Option<u16> {
        errno(self.ret)
    }
}

/// One of [`tracer_common::key::abi`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Abi {
    Native,
    Compat,
    X32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// As `wait(2)` gives it.
    pub status: u32,
    /// The last thread of its process.
    pub process: bool,
}

impl Exit {
    /// The value given to `exit`.
    pub const fn code(&self) -> u32 {
        self.status >> 8 & 0xff
    }

    /// The signal that ended it.
    pub const fn signal(&self) -> Option<u32> {
        match self.status & 0x7f {
            0 => None,
            signal => Some(signal),
        }
    }
}

/// An operation that a program gave to `io_uring`: no system call shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoUring {
    /// What the program knows it by: the same when it is submitted and when it is complete.
    pub user_data: u64,
    /// `IORING_OP_*`; None: an operation whose completion had to wait for room.
    pub opcode: Option<u8>,
    pub stage: Stage,
}

impl IoUring {
    /// Kernel error number of a failed operation.
    pub fn errno(&self) -> Option<u16> {
        match self.stage {
            Stage::Submit { .. } => None,
            Stage::Complete { ret } => errno(ret.into()),
        }
    }
}

/// Kernel error number in the result of a call.
fn errno(ret: i64) -> Option<u16> {
    // MAX_ERRNO; see tracer-ebpf.
    u16::try_from(ret.checked_neg()?).ok().filter(|errno| (1..=4095).contains(errno))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// `fd`: what it works on, a descriptor or the number of a file registered with the ring; without meaning for
    /// operations that work on none ([`crate::syscall::io_uring::works_on_descriptor`]).
    Submit { fd: i32, fixed_file: bool },
    /// `ret`: as of a system call.
    Complete { ret: i32 },
}

/// The process that an owner's workload began with is over. News for ctrace itself: it is in nobody's
/// books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// `CLOCK_MONOTONIC`, ns.
    pub ktime_ns: u64,
    pub owner: OwnerId,
    pub pid: u32,
    /// As `wait(2)` gives it.
    pub status: u32,
    /// It was the first one of its pid namespace: nobody is left in there.
    pub namespace: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cgroup<'a> {
    pub act: CgroupAct,
    pub id: u64,
    /// 0: cgroup v2; else the v1 hierarchy's number.
    pub hierarchy: u32,
    pub path: Text<'a>,
}

impl Cgroup<'_> {
    /// Of cgroups: 1 or 2.
    pub const fn version(&self) -> u32 {
        if self.hierarchy == 0 { 2 } else { 1 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CgroupAct {
    Mkdir,
    Rmdir,
    Freeze,
    Unfreeze,
    /// The path is the new one.
    Rename,
    Attach {
        pid: u32,
        tid: u32,
    },
}

/// Bytes from a process or the kernel: hostile, perhaps not UTF-8, perhaps not all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    Whole(&'a [u8]),
    /// The beginning of a longer one.
    Cut(&'a [u8]),
    /// The memory was not there.
    Unread,
}

impl<'a> Text<'a> {
    /// What was read of it.
    pub const fn bytes(&self) -> &'a [u8] {
        match self {
            Self::Whole(bytes) | Self::Cut(bytes) => bytes,
            Self::Unread => &[],
        }
    }

    pub fn lossy(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.bytes())
    }
}
