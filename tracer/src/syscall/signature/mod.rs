//! What is known of each system call: its arguments' names and types. The one table of it; what the kernel
//! programs read of a call's memory follows from the types.

use crate::batch::Arch;
use crate::event::Abi;

use super::set::Set;

mod layout;
mod read;
mod table;

pub use layout::{Element, Shape};
pub use read::{READS, Read, ReadWhat, reads};
pub use table::SIGNATURES;

#[derive(Debug)]
pub struct Signature {
    pub name: &'static str,
    /// In the order of the call.
    pub arguments: &'static [Argument],
    pub result: Result,
}

#[derive(Debug)]
pub struct Argument {
    /// As the man page names it.
    pub name: &'static str,
    pub kind: Kind,
}

/// What comes back from a call that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Result {
    Number,
    Address,
    /// File mode bits, octal.
    Mode,
    /// What `fcntl`'s command gives.
    Fcntl,
    /// The call does not come back.
    Never,
}

/// How an argument is to be read. Each takes one register but [`Kind::Wide`], [`Kind::WideFlags`] and
/// [`Kind::Halves`], see [`Signature::registers`].
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A file descriptor: `int`.
    Fd,
    /// One that paths may be relative to, or `AT_FDCWD`.
    DirFd,
    /// `int`.
    Int,
    /// `unsigned int`.
    Uint,
    /// `long`.
    Long,
    /// `size_t`, `unsigned long`, in decimal.
    Size,
    /// `unsigned long`, in hexadecimal.
    Hex,
    /// `unsigned int`, in hexadecimal.
    HexInt,
    /// A user or group; -1 leaves it as it is.
    Id,
    /// `loff_t`: two registers on 32-bit ABIs.
    Wide,
    /// `loff_t` in two registers on all ABIs but x32; on 64-bit ones the second counts for nothing.
    /// <https://github.com/torvalds/linux/blob/v6.12/fs/read_write.c#L1064>
    Halves,
    /// `unsigned long`, an offset in hexadecimal.
    HexOffset,
    /// In pages of 4096 bytes, on all page sizes.
    PageOffset,
    /// Memory that is not read, or not as a structure that we know.
    Pointer,
    /// A file's path, relative to the [`Kind::DirFd`] before it or else the working directory.
    Path,
    /// A path that the call does not look up from there: what a symbolic link will say.
    Target,
    /// Another NUL-terminated string.
    Name,
    /// `struct sockaddr`, its length in the next argument. `out`: from the kernel, and the next argument points to
    /// the length.
    SocketAddress {
        out: bool,
    },
    /// Symbols of a set, `int`.
    Flags(&'static Set),
    /// Symbols of a set, `long`.
    LongFlags(&'static Set),
    /// Symbols of a set, 64 bits: two registers on 32-bit ABIs.
    WideFlags(&'static Set),
    /// Permission bits, octal.
    Mode,
    /// Permission bits of a file that is made only if the flags before it say so.
    CreateMode,
    /// File type and permission bits.
    FileMode,
    /// `dev_t`, as `mknod` has it.
    Device,
    Signal,
    SignalHandler,
    /// A structure in memory. `out`: the kernel fills it.
    Struct {
        shape: Shape,
        out: bool,
    },
    /// Elements one after another in memory, filled by the kernel if the result says how many.
    Array {
        element: Element,
        count: Count,
    },
    /// Bytes of a text, filled by the kernel if the result says how many.
    Buffer {
        count: Count,
    },
    /// Pointers to strings, a null pointer at the end.
    Vector,
    /// What `clone` takes if one of these flags is set.
    Cloned(&'static [&'static str]),
    /// `IPC_PRIVATE` or a number in hexadecimal.
    IpcKey,
    /// Symbols of a set and permission bits.
    IpcMode(&'static Set),
    /// What `fcntl`'s command takes.
    FcntlArgument,
    /// What `ioctl`'s request takes.
    IoctlArgument,
    /// What `prctl`'s option takes. `index`: which argument it is.
    PrctlArgument {
        index: u8,
    },
    /// What the operation of `futex` takes.
    FutexValue,
    FutexTimeout {
        wide: bool,
    },
    FutexUaddr2,
    FutexVal3,
    /// `mremap`'s new place, if the flags say so.
    MremapAddress,
    /// A protocol of the socket family.
    Protocol,
    /// An option of the level before it.
    SocketOption,
    /// `quotactl`'s command.
    Quota,
}

/// What says how many elements there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    Next,
    Before,
    Result,
}

impl Count {
    /// The argument that says so, of the one that points to them; None: the result.
    pub const fn argument(self, at: usize) -> Option<usize> {
        match self {
            Self::Next => Some(at + 1),
            Self::Before => at.checked_sub(1),
            Self::Result => None,
        }
    }
}

/// The signature of a call. Looks its name up in the table: what asks for each event keeps what it got.
pub fn of(arch: Arch, abi: Abi, number: u16) -> Option<&'static Signature> {
    super::name(arch, abi, number).and_then(|name| find(arch, abi, name))
}

/// The signature of a call by its name, in the form that the ABI has.
pub fn find(arch: Arch, abi: Abi, name: &str) -> Option<&'static Signature> {
    let other: &[Signature] = match (arch, abi, name) {
        (Arch::X86_64, Abi::Compat, "mmap" | "select") => table::ARGUMENTS_IN_MEMORY,
        (Arch::X86_64, Abi::Compat, "clone") | (Arch::Aarch64 | Arch::Riscv64, _, "clone") => {
            table::CLONE_BACKWARDS
        }
        _ => SIGNATURES,
    };
    let index = other.binary_search_by(|known| known.name.cmp(name)).ok()?;
    other.get(index)
}

impl Signature {
    /// Each argument, and its first register.
    pub fn places(&self, arch: Arch, abi: Abi) -> impl Iterator<Item = (&'static Argument, usize)> {
        self.arguments.iter().scan(0, move |next, argument| {
            let (at, taken) = place(argument.kind, *next, arch, abi);
            *next = at + taken;
            Some((argument, at))
        })
    }

    /// How many registers the call takes.
    pub fn registers(&self, arch: Arch, abi: Abi) -> usize {
        self.arguments.iter().fold(0, |next, argument| {
            let (at, taken) = place(argument.kind, next, arch, abi);
            at + taken
        })
    }
}

/// First register and number of registers of an argument, if `next` is the next free one. On arm 64-bit values
/// begin in an even one.
/// <https://github.com/torvalds/linux/blob/v6.12/arch/arm64/kernel/sys32.c#L40>
const fn place(kind: Kind, next: usize, arch: Arch, abi: Abi) -> (usize, usize) {
    match (kind, abi) {
        (Kind::Wide | Kind::WideFlags(_), Abi::Compat) => match arch {
            Arch::Aarch64 => (next + next % 2, 2),
            Arch::X86_64 | Arch::Riscv64 => (next, 2),
        },
        (Kind::Halves, Abi::Native | Abi::Compat) => (next, 2),
        _ => (next, 1),
    }
}
