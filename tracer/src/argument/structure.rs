//! Structures that were read, in the form of `strace`.

use super::number::{device, file_mode, handler, hex, low, mode, pointer, push, signal_name};
use super::{Call, Rendered};
use crate::batch::Arch;
use crate::event::{PieceKind, Text};
use crate::syscall::constants::{CLD, CLONE3, EPOLL_CTL, EPOLL_EVENT, OPEN, RESOLVE, SA, STATX, STATX_ATTR};
use crate::syscall::signal;
use crate::syscall::signature::Shape;

/// The memory of a structure, little-endian as every machine that ctrace runs on.
#[derive(Clone, Copy)]
pub struct Fields<'b> {
    pub bytes: &'b [u8],
    /// Machine words have 4 bytes.
    pub narrow: bool,
}

impl Fields<'_> {
    pub fn u16(self, at: usize) -> Option<u16> {
        Some(u16::from_le_bytes(*self.bytes.get(at..)?.first_chunk()?))
    }

    pub fn u32(self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(*self.bytes.get(at..)?.first_chunk()?))
    }

    pub fn u64(self, at: usize) -> Option<u64> {
        Some(u64::from_le_bytes(*self.bytes.get(at..)?.first_chunk()?))
    }

    pub fn i32(self, at: usize) -> Option<i32> {
        self.u32(at).map(u32::cast_signed)
    }

    /// The word with that index of a structure of machine words.
    pub fn word(self, index: usize) -> Option<i64> {
        if self.narrow {
            self.i32(4 * index).map(i64::from)
        } else {
            self.u64(8 * index).map(u64::cast_signed)
        }
    }
}

impl<'c> Call<'c> {
    pub fn structure(self, shape: Shape, at: usize, filled: bool, out: &mut String) -> Rendered<'c> {
        let piece = self.call.memory.of(at).filter(|piece| piece.kind == PieceKind::Bytes);
        let counts = (!filled || !self.failed() && self.fills(shape)) && self.is_such(shape, at);
        if let Some(piece) = piece.filter(|_| counts) {
            let wide = matches!(
                shape,
                Shape::Timespec64 | Shape::Timespecs64 | Shape::Itimerspec64 | Shape::Rlimit64
            );
            let fields = Fields { bytes: piece.text.bytes(), narrow: self.narrow() && !wide };
            if piece.text != Text::Unread && self.fields(shape, fields, out).is_some() {
                return Rendered::Shown;
            }
        }
        out.clear();
        pointer(out, self.word(at));
        let unread = piece.is_some_and(|piece| piece.text == Text::Unread) && counts && self.word(at) != 0;
        if unread { Rendered::Unread } else { Rendered::Shown }
    }

    /// Whether the call that succeeded filled it: `wait` does not if it found nobody.
    fn fills(self, shape: Shape) -> bool {
        !matches!(shape, Shape::Status | Shape::ChildRusage) || self.call.ret > 0
    }

    /// Socket options are structures of their own, too; what is taken from an epoll has no event; and the first version of
    /// capabilities is half as long.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are what they are")]
    fn is_such(self, shape: Shape, at: usize) -> bool {
        match shape {
            Shape::OptionValue => self.option_is_int(at.saturating_sub(2), at.saturating_sub(1)),
            Shape::EpollEvent => self.symbol(&EPOLL_CTL, 1) != "EPOLL_CTL_DEL",
            Shape::CapData => self.has_long_capabilities(),
            _ => true,
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are those of `system`")]
    fn fields(self, shape: Shape, fields: Fields<'_>, out: &mut String) -> Option<()> {
        match shape {
            Shape::IntValue | Shape::OptionValue => push(out, format_args!("[{}]", fields.i32(0)?)),
            Shape::Status => status(out, fields.u32(0)?),
            Shape::FdPair => push(out, format_args!("[{}, {}]", fields.i32(0)?, fields.i32(4)?)),
            Shape::Offset => push(out, format_args!("[{}]", fields.u64(0)?.cast_signed())),
            Shape::LongOffset => push(out, format_args!("[{}]", fields.word(0)?)),
            Shape::Sigset => signals(out, fields.u64(0)?),
            Shape::Sigaction => self.sigaction(fields, out)?,
            Shape::Siginfo => self.siginfo(fields, out)?,
            Shape::Timespec | Shape::Timespec64 => time(out, fields, 0, "tv_nsec")?,
            Shape::Timeval => time(out, fields, 0, "tv_usec")?,
            Shape::Timespecs | Shape::Timespecs64 => times(out, fields, "tv_nsec")?,
            Shape::Timevals => times(out, fields, "tv_usec")?,
            Shape::Utimbuf => {
                push(out, format_args!("{{actime={}, modtime={}}}", fields.word(0)?, fields.word(1)?));
            }
            Shape::Itimerval => timer(out, fields, "tv_usec")?,
            Shape::Itimerspec | Shape::Itimerspec64 => timer(out, fields, "tv_nsec")?,
            Shape::Rlimit | Shape::Rlimit64 => limits(out, fields)?,
            Shape::EpollEvent => self.epoll_event(fields, out)?,
            Shape::Stat => self.stat(fields, out)?,
            Shape::Statx => self.statx(fields, out)?,
            Shape::OpenHow => self.open_how(fields, out)?,
            Shape::CloneArgs => self.clone_args(fields, out)?,
            other => return self.system(other, fields, out),
        }
        Some(())
    }

    /// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/asm-generic/signal.h#L78>
    fn sigaction(self, fields: Fields<'_>, out: &mut String) -> Option<()> {
        out.push_str("{sa_handler=");
        handler(out, fields.u64(0)?);
        out.push_str(", sa_mask=");
        signals(out, fields.u64(24)?);
        out.push_str(", sa_flags=");
        let flags = fields.u64(8)?;
        self.set(out, &SA, flags);
        if flags & 0x0400_0000 != 0 {
            push(out, format_args!(", sa_restorer={:#x}", fields.u64(16)?));
        }
        out.push('}');
        Some(())
    }

    /// What `waitid` fills, <https://github.com/torvalds/linux/blob/v6.12/include/uapi/asm-generic/siginfo.h#L64>.
    fn siginfo(self, fields: Fields<'_>, out: &mut String) -> Option<()> {
        let signo = fields.u32(0)?;
        if signo == 0 {
            out.push_str("{}");
            return Some(());
        }
        out.push_str("{si_signo=");
        signal_name(out, signo);
        out.push_str(", si_code=");
        let code = fields.u32(8)?;
        self.set(out, &CLD, u64::from(code));
        push(out, format_args!(", si_pid={}, si_uid={}, si_status=", fields.i32(16)?, fields.u32(20)?));
        // CLD_EXITED: the value given to `exit`.
        if code == 1 {
            push(out, format_args!("{}", fields.i32(24)?));
        } else {
            signal_name(out, fields.u32(24)?);
        }
        push(out, format_args!(", si_utime={}, si_stime={}}}", fields.u64(32)?, fields.u64(40)?));
        Some(())
    }

    /// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/eventpoll.h#L83>
    pub fn epoll_event(self, fields: Fields<'_>, out: &mut String) -> Option<()> {
        let data = match self.arch {
            Arch::X86_64 => fields.u64(4)?,
            Arch::Aarch64 | Arch::Riscv64 => fields.u64(8)?,
        };
        out.push_str("{events=");
        self.set(out, &EPOLL_EVENT, u64::from(fields.u32(0)?));
        push(out, format_args!(", data={{u32={}, u64={data}}}}}", low(data)));
        Some(())
    }

    /// <https://github.com/torvalds/linux/blob/v6.12/arch/x86/include/uapi/asm/stat.h#L83>,
    /// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/asm-generic/stat.h#L24>.
    fn stat(self, fields: Fields<'_>, out: &mut String) -> Option<()> {
        let (mode_at, device_at) = match self.arch {
            Arch::X86_64 => (24, 40),
            Arch::Aarch64 | Arch::Riscv64 => (16, 32),
        };
        let bits = fields.u32(mode_at)?;
        out.push_str("{st_mode=");
        file_mode(out, self, bits);
        if matches!(bits & 0o170_000, 0o020_000 | 0o060_000) {
            out.push_str(", st_rdev=");
            device(out, low(fields.u64(device_at)?));
        } else {
            push(out, format_args!(", st_size={}", fields.u64(48)?.cast_signed()));
        }
        out.push_str(", ...}");
        Some(())
    }

    /// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/stat.h#L99>
    fn statx(self, fields: Fields<'_>, out: &mut String) -> Option<()> {
        out.push_str("{stx_mask=");
        self.set(out, &STATX, u64::from(fields.u32(0)?));
        out.push_str(", stx_attributes=");
        self.set(out, &STATX_ATTR, fields.u64(8)?);
        out.push_str(", stx_mode=");
        file_mode(out, self, fields.u32(28)? & 0xffff);
        push(out, format_args!(", stx_size={}, ...}}", fields.u64(40)?));
        Some(())
    }

    /// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/openat2.h#L20>
    fn open_how(self, fields: Fields<'_>, out: &mut String) -> Option<()> {
        let (flags, bits) = (fields.u64(0)?, fields.u64(8)?);
        out.push_str("{flags=");
        self.set(out, &OPEN, flags);
        let makes = OPEN.value(self.arch, self.call.abi, "O_CREAT").is_some_and(|make| flags & make != 0);
        if makes || bits != 0 {
            out.push_str(", mode=");
            mode(out, low(bits));
        }
        out.push_str(", resolve=");
        self.set(out, &RESOLVE, fields.u64(16)?);
        out.push('}');
        Some(())
    }

    /// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/sched.h#L92>; the optional members as their flags ask
    /// for them.
    fn clone_args(self, fields: Fields<'_>, out: &mut String) -> Option<()> {
        let flags = fields.u64(0)?;
        let has = |symbol| CLONE3.value(self.arch, self.call.abi, symbol).is_some_and(|bit| flags & bit != 0);
        let member = |out: &mut String, name: &str, value: u64| {
            push(out, format_args!(", {name}="));
            pointer(out, value);
        };
        out.push_str("{flags=");
        self.set(out, &CLONE3, flags);
        if has("CLONE_PIDFD") {
            member(out, "pidfd", fields.u64(8)?);
        }
        if has("CLONE_CHILD_SETTID") || has("CLONE_CHILD_CLEARTID") {
            member(out, "child_tid", fields.u64(16)?);
        }
        if has("CLONE_PARENT_SETTID") {
            member(out, "parent_tid", fields.u64(24)?);
        }
        out.push_str(", exit_signal=");
        signal_name(out, low(fields.u64(32)?));
        member(out, "stack", fields.u64(40)?);
        out.push_str(", stack_size=");
        hex(out, fields.u64(48)?);
        if has("CLONE_SETTLS") {
            out.push_str(", tls=");
            hex(out, fields.u64(56)?);
        }
        let known = self.call.args.get(1).copied().unwrap_or_default();
        if has("CLONE_INTO_CGROUP") && known >= 88 {
            push(out, format_args!(", cgroup={}", fields.u64(80)?));
        }
        out.push('}');
        Some(())
    }
}

fn status(out: &mut String, status: u32) {
    let signal = status & 0x7f;
    if status == 0xffff {
        out.push_str("[{WIFCONTINUED(s)}]");
    } else if status & 0xff == 0x7f {
        out.push_str("[{WIFSTOPPED(s) && WSTOPSIG(s) == ");
        signal_name(out, status >> 8 & 0xff);
        out.push_str("}]");
    } else if signal == 0 {
        push(out, format_args!("[{{WIFEXITED(s) && WEXITSTATUS(s) == {}}}]", status >> 8 & 0xff));
    } else {
        out.push_str("[{WIFSIGNALED(s) && WTERMSIG(s) == ");
        signal_name(out, signal);
        out.push_str(if status & 0x80 == 0 { "}]" } else { " && WCOREDUMP(s)}]" });
    }
}

/// If most are in it, those that are not.
fn signals(out: &mut String, set: u64) {
    let most = set.count_ones() >= 2 * u64::BITS / 3;
    let listed = if most { !set } else { set };
    out.push_str(if most { "~[" } else { "[" });
    let mut separator = "";
    for number in (1..=u64::BITS).filter(|number| listed >> (number - 1) & 1 == 1) {
        out.push_str(separator);
        separator = " ";
        match signal::name(number) {
            Some(name) => out.push_str(name.strip_prefix("SIG").unwrap_or(name)),
            None => push(out, format_args!("{number}")),
        }
    }
    out.push(']');
}

/// `index`: of its first word.
pub fn time(out: &mut String, fields: Fields<'_>, index: usize, part: &str) -> Option<()> {
    push(out, format_args!("{{tv_sec={}, {part}={}}}", fields.word(index)?, fields.word(index + 1)?));
    Some(())
}

fn times(out: &mut String, fields: Fields<'_>, part: &str) -> Option<()> {
    out.push('[');
    for index in [0, 2] {
        out.push_str(if index == 0 { "" } else { ", " });
        // <https://github.com/torvalds/linux/blob/v6.12/include/linux/stat.h#L18>
        match fields.word(index + 1)? {
            0x3fff_ffff if part == "tv_nsec" => out.push_str("UTIME_NOW"),
            0x3fff_fffe if part == "tv_nsec" => out.push_str("UTIME_OMIT"),
            _ => time(out, fields, index, part)?,
        }
    }
    out.push(']');
    Some(())
}

fn timer(out: &mut String, fields: Fields<'_>, part: &str) -> Option<()> {
    out.push_str("{it_interval=");
    time(out, fields, 0, part)?;
    out.push_str(", it_value=");
    time(out, fields, 2, part)?;
    out.push('}');
    Some(())
}

fn limits(out: &mut String, fields: Fields<'_>) -> Option<()> {
    let infinity = if fields.narrow { u64::from(u32::MAX) } else { u64::MAX };
    for (index, name) in [(0, "{rlim_cur="), (1, ", rlim_max=")] {
        out.push_str(name);
        match fields.word(index)?.cast_unsigned() & infinity {
            none if none == infinity => {
                out.push_str(if fields.narrow { "RLIM_INFINITY" } else { "RLIM64_INFINITY" });
            }
            many if many > 1024 && many % 1024 == 0 => push(out, format_args!("{}*1024", many / 1024)),
            other => push(out, format_args!("{other}")),
        }
    }
    out.push('}');
    Some(())
}
