//! Structures in a process's memory, and how many bytes of them are read.

use crate::batch::Arch;
use crate::event::Abi;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `int`, or `int[1]`.
    IntValue,
    /// A socket option's value: its first `int`.
    OptionValue,
    /// What `wait` tells.
    Status,
    /// `int[2]`.
    FdPair,
    /// `loff_t`.
    Offset,
    /// `off_t`: a machine word.
    LongOffset,
    /// `sigset_t` of the kernel: 64 bits.
    Sigset,
    Sigaction,
    Siginfo,
    /// With machine words.
    Timespec,
    Timespec64,
    /// Two of them.
    Timespecs,
    Timespecs64,
    Timeval,
    Timevals,
    Utimbuf,
    Itimerval,
    Itimerspec,
    Itimerspec64,
    Rlimit,
    Rlimit64,
    EpollEvent,
    /// The part before and with `st_size`.
    Stat,
    /// The part before and with `stx_btime`'s seconds.
    Statx,
    OpenHow,
    CloneArgs,
    Sysinfo,
    /// The names of the system and of the host.
    Utsname,
    Statfs,
    /// The times.
    Rusage,
    /// Of a child that was waited for.
    ChildRusage,
    /// What `sigaltstack` takes.
    Stack,
    CapHeader,
    CapData,
    Msghdr,
    /// `struct flock`.
    Lock,
    /// What an `ioctl` of a terminal or of a number takes.
    Control,
    /// The part before `sq_off`.
    UringParams,
}

/// An element of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    Iovec,
    Pollfd,
    EpollEvent,
    /// A user or group.
    Id,
    /// One of the calls whose 32-bit ABI has 16 bits for it.
    OldId,
    /// Eight processors, a bit each.
    Processors,
}

impl Element {
    /// Bytes of one.
    pub const fn len(self, arch: Arch, abi: Abi) -> u16 {
        match (self, abi) {
            (Self::Processors, _) => 1,
            (Self::OldId, Abi::Compat) => 2,
            (Self::Id | Self::OldId, _) => 4,
            (Self::Pollfd, _) | (Self::Iovec, Abi::Compat) => 8,
            // Packed on x86, <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/eventpoll.h#L77>.
            (Self::EpollEvent, _) => match arch {
                Arch::X86_64 => 12,
                Arch::Aarch64 | Arch::Riscv64 => 16,
            },
            (Self::Iovec, Abi::Native | Abi::X32) => 16,
        }
    }
}

impl Shape {
    /// Bytes to read of it; None where we do not know what it looks like.
    pub const fn len(self, arch: Arch, abi: Abi) -> Option<u16> {
        let narrow = matches!(abi, Abi::Compat);
        Some(match self {
            Self::IntValue | Self::OptionValue | Self::Status => 4,
            // <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/capability.h#L39>
            Self::FdPair | Self::Offset | Self::Sigset | Self::CapHeader => 8,
            Self::LongOffset => {
                if narrow {
                    4
                } else {
                    8
                }
            }
            Self::Timespec | Self::Timeval | Self::Rlimit | Self::Utimbuf => {
                if narrow {
                    8
                } else {
                    16
                }
            }
            Self::Timespec64 | Self::Rlimit64 => 16,
            Self::Timespecs | Self::Timevals | Self::Itimerval | Self::Itimerspec => {
                if narrow {
                    16
                } else {
                    32
                }
            }
            Self::Timespecs64 | Self::Itimerspec64 => 32,
            Self::EpollEvent => Element::EpollEvent.len(arch, abi),
            // <https://github.com/torvalds/linux/blob/v6.12/include/uapi/asm-generic/signal.h#L78>; x32 has
            // 32-bit pointers in it.
            Self::Sigaction => match abi {
                Abi::Native => 32,
                Abi::Compat | Abi::X32 => return None,
            },
            Self::Siginfo | Self::Stat => match abi {
                Abi::Native => 64,
                Abi::Compat | Abi::X32 => return None,
            },
            Self::Statx => 64,
            // <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/openat2.h#L20>
            Self::OpenHow | Self::CapData => 24,
            // <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/sched.h#L92>
            Self::CloneArgs => 88,
            // <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/utsname.h#L25>
            Self::Utsname => 130,
            // `struct termios` is the longest, <https://github.com/torvalds/linux/blob/v6.12/include/uapi/asm-generic/termbits.h#L10>.
            Self::Control => 36,
            // <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/io_uring.h>
            Self::UringParams => 40,
            // <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/resource.h#L24>
            Self::Rusage | Self::ChildRusage | Self::Lock => match abi {
                Abi::Native => 32,
                Abi::Compat | Abi::X32 => return None,
            },
            Self::Stack => match abi {
                Abi::Native => 24,
                Abi::Compat | Abi::X32 => return None,
            },
            Self::Msghdr => match abi {
                Abi::Native => 56,
                Abi::Compat | Abi::X32 => return None,
            },
            // <https://github.com/torvalds/linux/blob/v6.12/include/uapi/asm-generic/statfs.h#L23>
            Self::Statfs => match abi {
                Abi::Native => 88,
                Abi::Compat | Abi::X32 => return None,
            },
            // <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/sysinfo.h#L8>
            Self::Sysinfo => match abi {
                Abi::Native => 112,
                Abi::Compat | Abi::X32 => return None,
            },
        })
    }
}
