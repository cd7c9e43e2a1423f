//! Arguments whose meaning another one decides.

use super::number::{hex, low, mode, pointer, push, signal_name};
use super::{Call, Rendered};
use crate::syscall::constants::{
    CAP, CLONE, DNOTIFY, FCNTL, FD, IOCTL, IPPROTO, LEASE, MREMAP, NETLINK, OPEN, PR, PR_CAP_AMBIENT,
    PR_SET_MM, SEAL, SECCOMP_MODE, SO, SOL_IP_OPTION, SOL_IPV6_OPTION, SOL_NETLINK_OPTION, SOL_PACKET_OPTION,
    SOL_TCP_OPTION, SOL_UDP_OPTION,
};
use crate::syscall::set::Set;
use crate::syscall::signature::{Kind, Shape};

/// The operation of `futex`, without its flags.
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/futex.h#L12>
mod futex {
    pub const WAKE: u32 = 1;
    pub const FD: u32 = 2;
    pub const REQUEUE: u32 = 3;
    pub const CMP_REQUEUE: u32 = 4;
    pub const WAKE_OP: u32 = 5;
    pub const LOCK_PI: u32 = 6;
    pub const UNLOCK_PI: u32 = 7;
    pub const TRYLOCK_PI: u32 = 8;
    pub const WAIT_BITSET: u32 = 9;
    pub const WAKE_BITSET: u32 = 10;
    pub const WAIT_REQUEUE_PI: u32 = 11;
    pub const CMP_REQUEUE_PI: u32 = 12;
    pub const LOCK_PI2: u32 = 13;
    pub const OPERATION: u32 = 0x7f;
}

impl<'c> Call<'c> {
    /// The symbol of a command.
    pub fn symbol(self, set: &'static Set, at: usize) -> &'static str {
        set.names(self.arch, self.call.abi).value(u64::from(self.uint(at))).unwrap_or_default()
    }

    fn has(self, set: &'static Set, at: usize, symbol: &str) -> bool {
        let bits = set.value(self.arch, self.call.abi, symbol).unwrap_or_default();
        bits != 0 && self.word(at) & bits == bits
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are those of `futex`")]
    pub fn command(self, kind: Kind, at: usize, out: &mut String) -> Rendered<'c> {
        let shown = match kind {
            Kind::CreateMode => {
                let makes = |symbol| self.has(&OPEN, at.saturating_sub(1), symbol);
                let counts = makes("O_CREAT") || makes("O_TMPFILE");
                if counts {
                    mode(out, self.uint(at) & 0xffff);
                }
                counts
            }
            Kind::FcntlArgument if self.symbol(&FCNTL, at.saturating_sub(1)).contains("LK") => {
                return self.structure(Shape::Lock, at, false, out);
            }
            Kind::FcntlArgument => self.fcntl(at, out),
            Kind::IoctlArgument => return self.ioctl(at, out),
            Kind::Cloned(flags) => {
                let counts = flags.iter().any(|flag| self.has(&CLONE, 0, flag));
                if counts {
                    pointer(out, self.word(at));
                }
                counts
            }
            Kind::PrctlArgument { index } => self.prctl(index, at, out),
            Kind::MremapAddress => {
                let moved = |symbol| self.has(&MREMAP, at.saturating_sub(1), symbol);
                let counts = moved("MREMAP_FIXED") || moved("MREMAP_DONTUNMAP");
                if counts {
                    pointer(out, self.word(at));
                }
                counts
            }
            Kind::Protocol => {
                self.protocol(at, out);
                true
            }
            Kind::SocketOption => {
                match self.options(at.saturating_sub(1)) {
                    Some(set) => self.set(out, set, u64::from(self.uint(at))),
                    None => push(out, format_args!("{}", self.int(at))),
                }
                true
            }
            _ => return self.futex(kind, at, out),
        };
        if shown { Rendered::Shown } else { Rendered::Nothing }
    }

    fn fcntl(self, at: usize, out: &mut String) -> bool {
        let command = self.symbol(&FCNTL, at.saturating_sub(1));
        match command {
            "F_GETFD" | "F_GETFL" | "F_GETOWN" | "F_GETSIG" | "F_GETLEASE" | "F_GETPIPE_SZ"
            | "F_GET_SEALS" => {
                return false;
            }
            "F_SETFD" => self.set(out, &FD, u64::from(self.uint(at))),
            "F_SETFL" => self.set(out, &OPEN, u64::from(self.uint(at))),
            "F_DUPFD" | "F_DUPFD_CLOEXEC" | "F_SETOWN" | "F_SETPIPE_SZ" => {
                push(out, format_args!("{}", self.int(at)));
            }
            "F_SETSIG" => signal_name(out, self.uint(at)),
            "F_SETLEASE" => self.set(out, &LEASE, u64::from(self.uint(at))),
            "F_NOTIFY" => self.set(out, &DNOTIFY, u64::from(self.uint(at))),
            "F_ADD_SEALS" => self.set(out, &SEAL, u64::from(self.uint(at))),
            _ => hex(out, self.word(at)),
        }
        true
    }

    /// What it returned, with the flags that it is made of.
    pub fn fcntl_result(self, value: i64, out: &mut String) {
        let (what, set) = match self.symbol(&FCNTL, 1) {
            "F_GETFL" => ("flags", &OPEN),
            "F_GETFD" if value != 0 => ("flags", &FD),
            "F_GET_SEALS" if value != 0 => ("seals", &SEAL),
            "F_GETLEASE" => ("lease", &LEASE),
            "F_GETSIG" if value != 0 => {
                push(out, format_args!("{value} (signal "));
                signal_name(out, low(value.cast_unsigned()));
                out.push(')');
                return;
            }
            _ => return push(out, format_args!("{value}")),
        };
        hex(out, value.cast_unsigned());
        push(out, format_args!(" ({what} "));
        self.set(out, set, value.cast_unsigned());
        out.push(')');
    }

    /// A number, where the request takes one; what it points to, where that is known; else the pointer.
    fn ioctl(self, at: usize, out: &mut String) -> Rendered<'c> {
        match self.symbol(&IOCTL, at.saturating_sub(1)) {
            "FICLONE" | "TCFLSH" | "TCSBRK" | "TCSBRKP" | "TCXONC" | "TIOCSCTTY" => {
                push(out, format_args!("{}", self.int(at)));
                Rendered::Shown
            }
            "FIOCLEX" | "FIONCLEX" | "TIOCEXCL" | "TIOCNXCL" | "TIOCNOTTY" => Rendered::Nothing,
            "FIONREAD" | "TIOCOUTQ" | "TIOCGPGRP" | "TIOCGSID" | "TIOCGETD" | "TIOCGPTN" | "TIOCGWINSZ"
            | "TCGETS" => self.structure(Shape::Control, at, true, out),
            "FIONBIO" | "FIOASYNC" | "TIOCSPGRP" | "TIOCSPTLCK" | "TIOCSETD" | "TIOCSWINSZ" | "TCSETS"
            | "TCSETSW" | "TCSETSF" => self.structure(Shape::Control, at, false, out),
            _ => {
                hex(out, self.word(at));
                Rendered::Shown
            }
        }
    }

    /// Options that are not named here take what they are given in hexadecimal.
    fn prctl(self, index: u8, at: usize, out: &mut String) -> bool {
        let option = self.symbol(&PR, 0);
        let taken = match option {
            "PR_GET_DUMPABLE"
            | "PR_GET_KEEPCAPS"
            | "PR_GET_SECCOMP"
            | "PR_GET_TIMERSLACK"
            | "PR_GET_SECUREBITS"
            | "PR_TASK_PERF_EVENTS_DISABLE"
            | "PR_TASK_PERF_EVENTS_ENABLE"
            | "PR_MCE_KILL_GET"
            | "PR_GET_TIMING"
            | "PR_GET_IO_FLUSHER"
            | "PR_GET_TAGGED_ADDR_CTRL" => 0,
            "PR_SET_PDEATHSIG"
            | "PR_GET_PDEATHSIG"
            | "PR_SET_DUMPABLE"
            | "PR_SET_KEEPCAPS"
            | "PR_SET_NAME"
            | "PR_GET_NAME"
            | "PR_CAPBSET_READ"
            | "PR_CAPBSET_DROP"
            | "PR_SET_TIMERSLACK"
            | "PR_SET_SECUREBITS"
            | "PR_GET_TSC"
            | "PR_SET_TSC"
            | "PR_SET_CHILD_SUBREAPER"
            | "PR_GET_CHILD_SUBREAPER"
            | "PR_SET_PTRACER"
            | "PR_GET_TID_ADDRESS" => 1,
            "PR_SET_SECCOMP" => 2,
            _ => 4,
        };
        if index > taken {
            return false;
        }
        let value = u64::from(self.uint(at));
        match (option, index) {
            ("PR_SET_PDEATHSIG", 1) => signal_name(out, self.uint(at)),
            ("PR_CAP_AMBIENT", 1) => self.set(out, &PR_CAP_AMBIENT, value),
            ("PR_CAPBSET_READ" | "PR_CAPBSET_DROP", 1) | ("PR_CAP_AMBIENT", 2) => self.set(out, &CAP, value),
            ("PR_SET_SECCOMP", 1) => self.set(out, &SECCOMP_MODE, value),
            ("PR_SET_MM", 1) => self.set(out, &PR_SET_MM, value),
            (
                "PR_SET_DUMPABLE"
                | "PR_SET_KEEPCAPS"
                | "PR_SET_CHILD_SUBREAPER"
                | "PR_SET_TIMERSLACK"
                | "PR_SET_NO_NEW_PRIVS"
                | "PR_GET_NO_NEW_PRIVS"
                | "PR_SET_THP_DISABLE",
                _,
            ) => push(out, format_args!("{}", self.word(at))),
            _ => hex(out, self.word(at)),
        }
        true
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "only those of `futex` come here")]
    #[expect(clippy::match_same_arms, reason = "by argument, then by operation")]
    fn futex(self, kind: Kind, at: usize, out: &mut String) -> Rendered<'c> {
        let operation = self.uint(1) & futex::OPERATION;
        let requeues = matches!(operation, futex::REQUEUE | futex::CMP_REQUEUE | futex::CMP_REQUEUE_PI);
        let counts = match (kind, operation) {
            (Kind::FutexValue, _) => {
                !matches!(operation, futex::LOCK_PI | futex::UNLOCK_PI | futex::TRYLOCK_PI | futex::LOCK_PI2)
            }
            (_, futex::WAKE | futex::FD | futex::UNLOCK_PI | futex::TRYLOCK_PI) => false,
            (Kind::FutexTimeout { .. }, futex::WAKE_BITSET) => false,
            (Kind::FutexTimeout { .. }, _) => true,
            (Kind::FutexUaddr2, futex::WAKE_OP | futex::WAIT_REQUEUE_PI) => true,
            (Kind::FutexUaddr2, _) => requeues,
            (_, futex::WAIT_BITSET | futex::WAKE_BITSET | futex::WAKE_OP) => true,
            (_, operation) => matches!(operation, futex::CMP_REQUEUE | futex::CMP_REQUEUE_PI),
        };
        if !counts {
            return Rendered::Nothing;
        }
        match kind {
            Kind::FutexTimeout { wide } if !requeues && operation != futex::WAKE_OP => {
                let shape = if wide { Shape::Timespec64 } else { Shape::Timespec };
                return self.structure(shape, at, false, out);
            }
            Kind::FutexUaddr2 => pointer(out, self.word(at)),
            Kind::FutexVal3 if matches!(operation, futex::WAIT_BITSET | futex::WAKE_BITSET) => {
                if self.uint(at) == u32::MAX {
                    out.push_str("FUTEX_BITSET_MATCH_ANY");
                } else {
                    hex(out, u64::from(self.uint(at)));
                }
            }
            Kind::FutexVal3 if operation == futex::WAKE_OP => hex(out, u64::from(self.uint(at))),
            _ => push(out, format_args!("{}", self.uint(at))),
        }
        Rendered::Shown
    }

    fn protocol(self, at: usize, out: &mut String) {
        match (self.uint(0), self.uint(at)) {
            (2 | 10, protocol) => self.set(out, &IPPROTO, u64::from(protocol)),
            (16, protocol) => self.set(out, &NETLINK, u64::from(protocol)),
            (17, protocol) => {
                out.push_str("htons(");
                hex(out, u64::from((protocol & 0xffff) << 8 & 0xff00 | (protocol & 0xffff) >> 8));
                out.push(')');
            }
            (_, protocol) => push(out, format_args!("{}", protocol.cast_signed())),
        }
    }

    /// The options of the socket level in that register,
    /// <https://github.com/torvalds/linux/blob/v6.12/include/linux/socket.h#L349>.
    fn options(self, level: usize) -> Option<&'static Set> {
        Some(match self.uint(level) {
            0 => &SOL_IP_OPTION,
            1 => &SO,
            6 => &SOL_TCP_OPTION,
            17 => &SOL_UDP_OPTION,
            41 => &SOL_IPV6_OPTION,
            263 => &SOL_PACKET_OPTION,
            270 => &SOL_NETLINK_OPTION,
            _ => return None,
        })
    }

    /// Whether a socket option is one `int`.
    pub fn option_is_int(self, level: usize, option: usize) -> bool {
        let set = self.options(level);
        let name = set.map_or("", |set| self.symbol(set, option));
        !name.is_empty() && !STRUCTURES.contains(&name)
    }
}

/// Options of the levels above that are something else.
const STRUCTURES: &[&str] = &[
    "SO_LINGER",
    "SO_RCVTIMEO_OLD",
    "SO_SNDTIMEO_OLD",
    "SO_RCVTIMEO_NEW",
    "SO_SNDTIMEO_NEW",
    "SO_PEERCRED",
    "SO_ATTACH_FILTER",
    "SO_ATTACH_REUSEPORT_CBPF",
    "SO_BINDTODEVICE",
    "SO_PEERNAME",
    "SO_PEERSEC",
    "SO_PEERGROUPS",
    "SO_MEMINFO",
    "SO_COOKIE",
    "SO_NETNS_COOKIE",
    "SO_TXTIME",
    "SO_BPF_EXTENSIONS",
    "SO_DEVMEM_DONTNEED",
    "TCP_INFO",
    "TCP_CONGESTION",
    "TCP_MD5SIG",
    "TCP_MD5SIG_EXT",
    "TCP_REPAIR_OPTIONS",
    "TCP_REPAIR_WINDOW",
    "TCP_CC_INFO",
    "TCP_ULP",
    "TCP_FASTOPEN_KEY",
    "TCP_ZEROCOPY_RECEIVE",
    "TCP_AO_ADD_KEY",
    "TCP_AO_DEL_KEY",
    "TCP_AO_INFO",
    "TCP_AO_GET_KEYS",
    "TCP_AO_REPAIR",
    "TCP_COOKIE_TRANSACTIONS",
    "TCP_SAVED_SYN",
];
