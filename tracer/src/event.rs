//! Records as values: what the rest of ctrace talks about. Borrowed from the batch, so that an event
//! costs no allocation.

use std::borrow::Cow;

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
pub enum What<'a> {
    Syscall(Syscall<'a>),
    Fork { pid: u32, tid: u32, vpid: Option<u32> },
    Exec { filename: Text<'a>, args: Text<'a> },
    Exit(Exit),
    Cgroup(Cgroup<'a>),
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
    /// The argument that is a path, and the path.
    pub path: Option<(usize, Text<'a>)>,
    /// The argument that is a socket address, and its bytes as it was when the call was over: see
    /// [`crate::address`].
    pub address: Option<(usize, Text<'a>)>,
    pub how: How,
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

impl Syscall<'_> {
    /// Kernel error number of a failed call.
    pub fn errno(&self) -> Option<u16> {
        // MAX_ERRNO; see tracer-ebpf.
        u16::try_from(self.ret.checked_neg()?).ok().filter(|errno| (1..=4095).contains(errno))
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
