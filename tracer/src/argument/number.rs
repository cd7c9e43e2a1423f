//! Values that their register alone tells.

use std::fmt::Write as _;

use super::Call;
use super::symbols::symbols;
use crate::syscall::constants::{QUOTA_COMMAND, QUOTA_TYPE, S_IFMT};
use crate::syscall::set::Set;
use crate::syscall::signal;
use crate::syscall::signature::Kind;

/// The low half.
pub const fn low(word: u64) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
    let low = word as u32;
    low
}

pub fn pointer(out: &mut String, word: u64) {
    if word == 0 { out.push_str("NULL") } else { hexadecimal(out, word) }
}

pub fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a `String` cannot fail.
    _ = out.write_fmt(text);
}

pub fn decimal(out: &mut String, number: impl itoa::Integer) {
    out.push_str(itoa::Buffer::new().format(number));
}

/// `0x1f`.
fn hexadecimal(out: &mut String, word: u64) {
    out.push_str("0x");
    let len = (u64::BITS - word.leading_zeros()).div_ceil(4).max(1);
    out.extend((0..len).rev().filter_map(|place| char::from_digit(low(word >> (4 * place)) & 15, 16)));
}

/// 0 has no `0x` in front.
pub fn hex(out: &mut String, word: u64) {
    if word == 0 { out.push('0') } else { hexadecimal(out, word) }
}

/// Permission bits, as `strace` pads them: `000`, `022`, `0644`.
pub fn mode(out: &mut String, mode: u32) {
    push(out, format_args!("0{mode:02o}"));
}

/// File type and permission bits.
pub fn file_mode(out: &mut String, call: Call<'_>, bits: u32) {
    let kind = bits & 0o170_000;
    if kind != 0 {
        symbols(out, &S_IFMT, call.arch, call.call.abi, u64::from(kind));
        out.push('|');
    }
    for (bit, name) in [(0o4000, "S_ISUID|"), (0o2000, "S_ISGID|"), (0o1000, "S_ISVTX|")] {
        out.push_str(if bits & bit == 0 { "" } else { name });
    }
    mode(out, bits & !0o177_000);
}

/// As `mknod` and `stat` have it, <https://github.com/torvalds/linux/blob/v6.12/include/linux/kdev_t.h#L39>.
pub fn device(out: &mut String, device: u32) {
    let (major, minor) = (device >> 8 & 0xfff, device & 0xff | device >> 12 & 0xf_ff00);
    out.push_str("makedev(");
    hex(out, u64::from(major));
    out.push_str(", ");
    hex(out, u64::from(minor));
    out.push(')');
}

pub fn signal_name(out: &mut String, number: u32) {
    match signal::name(number) {
        Some(name) => out.push_str(name),
        None => push(out, format_args!("{}", number.cast_signed())),
    }
}

impl Call<'_> {
    pub fn set(self, out: &mut String, set: &Set, value: u64) {
        symbols(out, set, self.arch, self.call.abi, value);
    }

    /// Appends what one register tells, or two that are halves of one.
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is left is a pointer")]
    #[expect(clippy::match_same_arms, reason = "a row for each kind")]
    pub fn plain(self, kind: Kind, at: usize, out: &mut String) {
        match kind {
            Kind::Fd | Kind::Int => decimal(out, self.int(at)),
            Kind::DirFd if self.int(at) == AT_FDCWD => out.push_str("AT_FDCWD"),
            Kind::DirFd => decimal(out, self.int(at)),
            Kind::Uint => decimal(out, self.uint(at)),
            Kind::Long => decimal(out, self.long(at)),
            Kind::Size => decimal(out, self.word(at)),
            Kind::Hex | Kind::HexOffset => hex(out, self.word(at)),
            Kind::HexInt => hex(out, u64::from(self.uint(at))),
            Kind::PageOffset => hex(out, self.word(at) << 12),
            Kind::Id if self.uint(at) == u32::MAX => out.push_str("-1"),
            Kind::Id => decimal(out, self.uint(at)),
            Kind::Wide | Kind::Halves => decimal(out, self.wide(at).cast_signed()),
            Kind::Flags(set) => self.set(out, set, u64::from(self.uint(at))),
            Kind::LongFlags(set) => self.set(out, set, self.word(at)),
            Kind::WideFlags(set) => self.set(out, set, self.wide(at)),
            Kind::Mode => mode(out, self.uint(at) & 0xffff),
            Kind::FileMode => file_mode(out, self, self.uint(at) & 0xffff),
            Kind::Device => device(out, self.uint(at)),
            Kind::Signal => signal_name(out, self.uint(at)),
            Kind::SignalHandler => handler(out, self.word(at)),
            Kind::IpcKey if self.uint(at) == 0 => out.push_str("IPC_PRIVATE"),
            Kind::IpcKey => hex(out, u64::from(self.uint(at))),
            Kind::IpcMode(set) => {
                let flags = self.uint(at) & !0o777;
                if flags != 0 {
                    self.set(out, set, u64::from(flags));
                    out.push('|');
                }
                mode(out, self.uint(at) & 0o777);
            }
            Kind::Quota => {
                out.push_str("QCMD(");
                self.set(out, &QUOTA_COMMAND, u64::from(self.uint(at) >> 8));
                out.push_str(", ");
                self.set(out, &QUOTA_TYPE, u64::from(self.uint(at) & 0xff));
                out.push(')');
            }
            _ => pointer(out, self.word(at)),
        }
    }
}

/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/fcntl.h#L94>
pub const AT_FDCWD: i32 = -100;

pub fn handler(out: &mut String, word: u64) {
    match word {
        0 => out.push_str("SIG_DFL"),
        1 => out.push_str("SIG_IGN"),
        other => push(out, format_args!("{other:#x}")),
    }
}
