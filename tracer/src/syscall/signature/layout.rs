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
}

impl Shape {
    /// Bytes to read of it; None where we do not know what it looks like.
    pub const fn len(self, arch: Arch, abi: Abi) -> Option<u16> {
        let narrow = matches!(abi, Abi::Compat);
        Some(match self {
            Self::IntValue | Self::OptionValue | Self::Status => 4,
            Self::FdPair | Self::Offset | Self::Sigset => 8,
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
            // Packed on x86, <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/eventpoll.h#L77>.
            Self::EpollEvent => match arch {
                Arch::X86_64 => 12,
                Arch::Aarch64 | Arch::Riscv64 => 16,
            },
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
            Self::OpenHow => 24,
            // <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/sched.h#L92>
            Self::CloneArgs => 88,
        })
    }
}
