//! What the kernel programs read of a call's memory.

use super::{Kind, Shape, of};
use crate::batch::Arch;
use crate::event::Abi;

/// At most that many of a call.
pub const READS: usize = 3;

/// Memory that an argument points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// The register, from 0.
    pub argument: u8,
    pub what: ReadWhat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadWhat {
    /// Ends with a NUL byte.
    String,
    /// `struct sockaddr`; the next argument is its length.
    AddressIn,
    /// The same, filled by the kernel; the next argument points to its length.
    AddressOut,
    /// A structure of that size. `out`: the kernel fills it if the call succeeds.
    Bytes { len: u16, out: bool },
    /// Elements of that size, as many as an argument says, or as the result does if the kernel fills them. `text`: bytes of one.
    Array { element: u16, count: Option<u8>, text: bool },
    /// Pointers to strings.
    Vector,
}

/// Strings and addresses first, then structures, each in the order of the arguments. A call that is not known has
/// none.
pub fn reads(arch: Arch, abi: Abi, number: u16) -> [Option<Read>; READS] {
    let mut reads = [None; READS];
    let Some(signature) = of(arch, abi, number) else {
        return reads;
    };
    let places = || {
        signature.places(arch, abi).filter_map(|(argument, at)| {
            Some(Read { argument: u8::try_from(at).ok()?, what: what(argument.kind, at, arch, abi)? })
        })
    };
    let structure =
        |read: &Read| matches!(read.what, ReadWhat::Bytes { .. } | ReadWhat::Array { .. } | ReadWhat::Vector);
    let ordered = places().filter(|read| !structure(read)).chain(places().filter(structure));
    for (place, read) in reads.iter_mut().zip(ordered) {
        *place = Some(read);
    }
    reads
}

#[expect(clippy::wildcard_enum_match_arm, reason = "most kinds point to nothing that is read")]
fn what(kind: Kind, at: usize, arch: Arch, abi: Abi) -> Option<ReadWhat> {
    match kind {
        Kind::Path | Kind::Target | Kind::Name => Some(ReadWhat::String),
        Kind::SocketAddress { out: false } => Some(ReadWhat::AddressIn),
        Kind::SocketAddress { out: true } => Some(ReadWhat::AddressOut),
        Kind::Struct { shape, out } => Some(ReadWhat::Bytes { len: shape.len(arch, abi)?, out }),
        Kind::FcntlArgument => Some(ReadWhat::Bytes { len: Shape::Lock.len(arch, abi)?, out: false }),
        Kind::IoctlArgument => Some(ReadWhat::Bytes { len: Shape::Control.len(arch, abi)?, out: false }),
        Kind::Array { element, count } => Some(ReadWhat::Array {
            element: element.len(arch, abi),
            count: count.argument(at).and_then(|at| u8::try_from(at).ok()),
            text: false,
        }),
        Kind::Buffer { count } => Some(ReadWhat::Array {
            element: 1,
            count: count.argument(at).and_then(|at| u8::try_from(at).ok()),
            text: true,
        }),
        Kind::Vector => Some(ReadWhat::Vector),
        Kind::FutexTimeout { wide } => {
            let shape = if wide { Shape::Timespec64 } else { Shape::Timespec };
            Some(ReadWhat::Bytes { len: shape.len(arch, abi)?, out: false })
        }
        _ => None,
    }
}
