//! Arguments of system calls as `strace` prints them: registers and memory → text. Pure; what it writes is safe to show
//! on a terminal, whatever the process passed.
#![deny(clippy::indexing_slicing)]

use crate::batch::Arch;
use crate::event::{Abi, PieceKind, Syscall, Text};
use crate::syscall::signature::{self, Kind, Result, Signature};
use crate::text::Charset;

mod array;
mod command;
mod number;
mod socket;
mod structure;
mod symbols;
mod system;

/// The signatures of an architecture's calls by ABI and number.
pub struct Arguments {
    native: Vec<Option<&'static Signature>>,
    compat: Vec<Option<&'static Signature>>,
    x32: Vec<Option<&'static Signature>>,
}

/// An argument's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'v> {
    /// As it is to be shown.
    Shown(&'v str),
    /// A string of the process: any bytes. `cut`: only its beginning.
    String { bytes: &'v [u8], cut: bool },
    /// The pointer to what should have been read and was not there.
    Unread(&'v str),
}

impl Arguments {
    pub fn new(arch: Arch) -> Self {
        let table = |abi| {
            let end = crate::syscall::all(arch, abi).last().map_or(0, |(number, _)| number + 1);
            (0..end).map(|number| signature::of(arch, abi, number)).collect()
        };
        Self { native: table(Abi::Native), compat: table(Abi::Compat), x32: table(Abi::X32) }
    }

    /// None: a call that we do not know.
    pub fn signature(&self, abi: Abi, number: u16) -> Option<&'static Signature> {
        let table = match abi {
            Abi::Native => &self.native,
            Abi::Compat => &self.compat,
            Abi::X32 => &self.x32,
        };
        table.get(usize::from(number)).copied().flatten()
    }
}

/// Tells each argument that counts, in the order of the call: its name and value. `buffer` is reused.
pub fn each(
    arch: Arch,
    call: &Syscall<'_>,
    signature: &'static Signature,
    buffer: &mut String,
    mut tell: impl FnMut(&'static str, Value<'_>),
) {
    let call = Call { arch, call };
    for (argument, at) in signature.places(arch, call.call.abi) {
        buffer.clear();
        match call.render(argument.kind, at, buffer) {
            Rendered::Shown => tell(argument.name, Value::Shown(buffer)),
            Rendered::Unread => tell(argument.name, Value::Unread(buffer)),
            Rendered::String(Text::Whole(bytes)) => tell(argument.name, Value::String { bytes, cut: false }),
            Rendered::String(text) => tell(argument.name, Value::String { bytes: text.bytes(), cut: true }),
            Rendered::Nothing => {}
        }
    }
}

/// Appends what a call that did not fail returned: `value`.
pub fn result(out: &mut String, arch: Arch, call: &Syscall<'_>, value: i64, kind: Result) {
    match kind {
        Result::Fcntl => Call { arch, call }.fcntl_result(value, out),
        Result::Address => number::push(out, format_args!("{value:#x}")),
        Result::Mode => number::mode(out, number::low(value.cast_unsigned())),
        Result::Number | Result::Never => number::push(out, format_args!("{value}")),
    }
}

/// Appends a string in quotes, `...` behind it if it is only the beginning.
pub fn quoted(out: &mut String, bytes: &[u8], cut: bool) {
    out.push('"');
    let end = if cut { "\"..." } else { "\"" };
    // As nearly all are.
    if let Ok(text) = str::from_utf8(bytes)
        && bytes.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'\\' | b'"'))
    {
        out.push_str(text);
        return out.push_str(end);
    }
    let lossy = bytes.utf8_chunks().flat_map(|chunk| {
        chunk.valid().chars().chain((!chunk.invalid().is_empty()).then_some(char::REPLACEMENT_CHARACTER))
    });
    let escaped = lossy.flat_map(|char| matches!(char, '\\' | '"').then_some('\\').into_iter().chain([char]));
    Charset::Unicode.push_safe(out, escaped);
    out.push_str(end);
}

/// What has become of an argument.
enum Rendered<'c> {
    Shown,
    String(Text<'c>),
    Unread,
    /// It does not count.
    Nothing,
}

/// A call with its machine.
#[derive(Clone, Copy)]
struct Call<'c> {
    arch: Arch,
    call: &'c Syscall<'c>,
}

impl<'c> Call<'c> {
    /// A register, as wide as the ABI's are.
    fn word(self, at: usize) -> u64 {
        let word = self.call.args.get(at).copied().unwrap_or_default();
        if self.narrow() { word & 0xffff_ffff } else { word }
    }

    fn narrow(self) -> bool {
        self.call.abi == Abi::Compat
    }

    fn uint(self, at: usize) -> u32 {
        number::low(self.word(at))
    }

    fn int(self, at: usize) -> i32 {
        self.uint(at).cast_signed()
    }

    fn long(self, at: usize) -> i64 {
        if self.narrow() { i64::from(self.int(at)) } else { self.word(at).cast_signed() }
    }

    /// 64 bits of two registers where one holds half of them.
    fn wide(self, at: usize) -> u64 {
        if self.narrow() { self.word(at) | self.word(at + 1) << 32 } else { self.word(at) }
    }

    fn failed(self) -> bool {
        self.call.errno().is_some()
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what a register alone tells is listed where it is told"
    )]
    fn render(self, kind: Kind, at: usize, out: &mut String) -> Rendered<'c> {
        match kind {
            Kind::Path | Kind::Target | Kind::Name => self.string(at, out),
            Kind::SocketAddress { out: filled } => self.address(at, filled, out),
            Kind::Array { element, count } => self.array(element, count, at, out),
            Kind::Buffer { count } => self.buffer(count, at, out),
            Kind::Vector => self.vector(at, out),
            Kind::Struct { shape, out: filled } => self.structure(shape, at, filled, out),
            Kind::FutexTimeout { .. }
            | Kind::FcntlArgument
            | Kind::IoctlArgument
            | Kind::PrctlArgument { .. }
            | Kind::FutexValue
            | Kind::FutexUaddr2
            | Kind::FutexVal3
            | Kind::MremapAddress
            | Kind::CreateMode
            | Kind::Cloned(_)
            | Kind::Protocol
            | Kind::SocketOption => self.command(kind, at, out),
            // Only a device has a number.
            Kind::Device if at > 0 && !matches!(self.uint(at - 1) & 0o170_000, 0o020_000 | 0o060_000) => {
                Rendered::Nothing
            }
            _ => {
                self.plain(kind, at, out);
                Rendered::Shown
            }
        }
    }

    fn string(self, at: usize, out: &mut String) -> Rendered<'c> {
        match self.call.memory.of(at) {
            Some(piece) if piece.kind == PieceKind::String && piece.text != Text::Unread => {
                Rendered::String(piece.text)
            }
            piece => {
                number::pointer(out, self.word(at));
                if piece.is_some() { Rendered::Unread } else { Rendered::Shown }
            }
        }
    }

    fn address(self, at: usize, filled: bool, out: &mut String) -> Rendered<'c> {
        let piece = self.call.memory.of(at).filter(|piece| piece.kind == PieceKind::Address);
        let known = piece.filter(|_| !filled || !self.failed());
        if known.is_some_and(|piece| socket::address(out, piece.text.bytes(), self.arch, self.call.abi)) {
            return Rendered::Shown;
        }
        number::pointer(out, self.word(at));
        if known.is_some() && self.word(at) != 0 { Rendered::Unread } else { Rendered::Shown }
    }
}

#[cfg(test)]
mod tests;
