//! Structures about processes, terminals and the system, in the form of `strace`.

use super::number::{hex, low, pointer, push};
use super::structure::{Fields, time};
use super::{Call, quoted};
use crate::event::PieceKind;
use crate::syscall::constants::{
    CAP, CAP_VERSION, FCNTL, FS_MAGIC, IOCTL, IORING_FEAT, IORING_SETUP, LEASE, MSG, SEEK, SS, ST,
};
use crate::syscall::signature::Shape;

impl Call<'_> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are those of `fields`")]
    pub fn system(self, shape: Shape, fields: Fields<'_>, out: &mut String) -> Option<()> {
        match shape {
            Shape::Sysinfo => sysinfo(fields, out),
            Shape::Utsname => {
                out.push_str("{sysname=");
                quoted(out, name(fields.bytes, 0)?, false);
                out.push_str(", nodename=");
                quoted(out, name(fields.bytes, 1)?, false);
                out.push_str(", ...}");
                Some(())
            }
            Shape::Statfs => self.statfs(fields, out),
            Shape::Rusage | Shape::ChildRusage => {
                out.push_str("{ru_utime=");
                time(out, fields, 0, "tv_usec")?;
                out.push_str(", ru_stime=");
                time(out, fields, 2, "tv_usec")?;
                out.push_str(", ...}");
                Some(())
            }
            Shape::Stack => {
                out.push_str("{ss_sp=");
                pointer(out, fields.u64(0)?);
                out.push_str(", ss_flags=");
                self.set(out, &SS, u64::from(fields.u32(8)?));
                push(out, format_args!(", ss_size={}}}", fields.u64(16)?));
                Some(())
            }
            Shape::CapHeader => {
                out.push_str("{version=");
                self.set(out, &CAP_VERSION, u64::from(fields.u32(0)?));
                push(out, format_args!(", pid={}}}", fields.i32(4)?));
                Some(())
            }
            Shape::CapData => self.capabilities(fields, out),
            Shape::Msghdr => self.message(fields, out),
            Shape::Lock => self.lock(fields, out),
            Shape::Control => self.control(fields, out),
            Shape::UringParams => self.uring(fields, out),
            _ => None,
        }
    }

    /// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/asm-generic/statfs.h#L23>
    fn statfs(self, fields: Fields<'_>, out: &mut String) -> Option<()> {
        out.push_str("{f_type=");
        self.set(out, &FS_MAGIC, fields.u64(0)?);
        let numbers = ["f_bsize", "f_blocks", "f_bfree", "f_bavail", "f_files", "f_ffree"];
        for (index, name) in numbers.into_iter().enumerate() {
            push(out, format_args!(", {name}={}", fields.u64(8 + 8 * index)?));
        }
        out.push_str(", f_fsid={val=[");
        hex(out, u64::from(fields.u32(56)?));
        out.push_str(", ");
        hex(out, u64::from(fields.u32(60)?));
        push(out, format_args!("]}}, f_namelen={}, f_frsize={}, f_flags=", fields.u64(64)?, fields.u64(72)?));
        self.set(out, &ST, fields.u64(80)?);
        out.push('}');
        Some(())
    }

    /// Whether the header before them is of a version with two words of each.
    pub fn has_long_capabilities(self) -> bool {
        let header = self.call.memory.of(0).filter(|piece| piece.kind == PieceKind::Bytes);
        let version = header.and_then(|piece| Fields { bytes: piece.text.bytes(), narrow: false }.u32(0));
        let names = CAP_VERSION.names(self.arch, self.call.abi);
        let version = version.and_then(|version| names.value(u64::from(version)));
        version.is_some_and(|version| version != "_LINUX_CAPABILITY_VERSION_1")
    }

    /// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/capability.h#L44>
    fn capabilities(self, fields: Fields<'_>, out: &mut String) -> Option<()> {
        for (index, name) in ["{effective=", ", permitted=", ", inheritable="].into_iter().enumerate() {
            out.push_str(name);
            let words = (fields.u32(4 * index)?, fields.u32(12 + 4 * index)?);
            let set = u64::from(words.0) | u64::from(words.1) << 32;
            let mut separator = "";
            for number in (0..u64::BITS).filter(|number| set >> number & 1 == 1) {
                push(out, format_args!("{separator}1<<"));
                self.set(out, &CAP, u64::from(number));
                separator = "|";
            }
            out.push_str(if set == 0 { "0" } else { "" });
        }
        out.push('}');
        Some(())
    }

    /// The message, and not what it points to: <https://github.com/torvalds/linux/blob/v6.12/include/linux/socket.h>.
    fn message(self, fields: Fields<'_>, out: &mut String) -> Option<()> {
        out.push_str("{msg_name=");
        pointer(out, fields.u64(0)?);
        push(out, format_args!(", msg_namelen={}, msg_iov=", fields.i32(8)?));
        pointer(out, fields.u64(16)?);
        push(out, format_args!(", msg_iovlen={}", fields.u64(24)?));
        let control = fields.u64(40)?;
        if control != 0 {
            out.push_str(", msg_control=");
            pointer(out, fields.u64(32)?);
        }
        push(out, format_args!(", msg_controllen={control}, msg_flags="));
        self.set(out, &MSG, u64::from(fields.u32(48)?));
        out.push('}');
        Some(())
    }

    /// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/asm-generic/fcntl.h>
    fn lock(self, fields: Fields<'_>, out: &mut String) -> Option<()> {
        out.push_str("{l_type=");
        self.set(out, &LEASE, u64::from(fields.u16(0)?));
        out.push_str(", l_whence=");
        self.set(out, &SEEK, u64::from(fields.u16(2)?));
        let (start, len) = (fields.u64(8)?.cast_signed(), fields.u64(16)?.cast_signed());
        push(out, format_args!(", l_start={start}, l_len={len}"));
        if self.symbol(&FCNTL, 1).contains("GETLK") {
            push(out, format_args!(", l_pid={}", fields.i32(24)?));
        }
        out.push('}');
        Some(())
    }

    /// The requests are those that `ioctl` reads memory for.
    fn control(self, fields: Fields<'_>, out: &mut String) -> Option<()> {
        let request = self.symbol(&IOCTL, 1);
        match request {
            "TIOCGWINSZ" | "TIOCSWINSZ" => {
                let names = ["{ws_row", ", ws_col", ", ws_xpixel", ", ws_ypixel"];
                for (index, name) in names.into_iter().enumerate() {
                    push(out, format_args!("{name}={}", fields.u16(2 * index)?));
                }
                out.push('}');
            }
            _ if request.starts_with("TC") => {
                for (index, name) in
                    ["{c_iflag", ", c_oflag", ", c_cflag", ", c_lflag"].into_iter().enumerate()
                {
                    push(out, format_args!("{name}={:#x}", fields.u32(4 * index)?));
                }
                out.push_str(", ...}");
            }
            _ => push(out, format_args!("[{}]", fields.i32(0)?)),
        }
        Some(())
    }

    /// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/io_uring.h>
    fn uring(self, fields: Fields<'_>, out: &mut String) -> Option<()> {
        out.push_str("{flags=");
        self.set(out, &IORING_SETUP, u64::from(fields.u32(8)?));
        push(out, format_args!(", sq_thread_cpu={}, sq_thread_idle={}", fields.u32(12)?, fields.u32(16)?));
        if !self.failed() {
            push(
                out,
                format_args!(", sq_entries={}, cq_entries={}, features=", fields.u32(0)?, fields.u32(4)?),
            );
            self.set(out, &IORING_FEAT, u64::from(fields.u32(20)?));
        }
        out.push_str(", ...}");
        Some(())
    }
}

/// One of the names of 65 bytes, up to its NUL byte.
fn name(bytes: &[u8], index: usize) -> Option<&[u8]> {
    bytes.chunks(65).nth(index)?.split(|byte| *byte == 0).next()
}

/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/sysinfo.h#L8>
fn sysinfo(fields: Fields<'_>, out: &mut String) -> Option<()> {
    push(out, format_args!("{{uptime={}, loads=[", fields.u64(0)?.cast_signed()));
    push(out, format_args!("{}, {}, {}]", fields.u64(8)?, fields.u64(16)?, fields.u64(24)?));
    let sizes = ["totalram", "freeram", "sharedram", "bufferram", "totalswap", "freeswap"];
    for (index, name) in sizes.into_iter().enumerate() {
        push(out, format_args!(", {name}={}", fields.u64(32 + 8 * index)?));
    }
    let (processes, unit) = (fields.u16(80)?, low(fields.u64(104)?));
    let (total, free) = (fields.u64(88)?, fields.u64(96)?);
    push(out, format_args!(", procs={processes}, totalhigh={total}, freehigh={free}, mem_unit={unit}}}"));
    Some(())
}
