//! Elements one after another in memory, texts whose length a number says, and the arguments of a program.

use super::number::{pointer, push};
use super::structure::Fields;
use super::{Call, Rendered, quoted};
use crate::event::{PieceKind, Text, arguments};
use crate::syscall::constants::POLL;
use crate::syscall::signature::{Count, Element};

impl<'c> Call<'c> {
    /// `...` at the end, as `strace` has it: there are more than were read.
    pub fn array(self, element: Element, count: Count, at: usize, out: &mut String) -> Rendered<'c> {
        let piece = self.call.memory.of(at).filter(|piece| piece.kind == PieceKind::Bytes);
        let Some(text) = piece.map(|piece| piece.text).filter(|text| self.counts(count, *text)) else {
            return self.not_there(at, piece.is_some() && !self.unfilled(count), out);
        };
        if element == Element::Processors {
            processors(out, text.bytes());
            return Rendered::Shown;
        }
        let len = usize::from(element.len(self.arch, self.call.abi));
        out.push('[');
        for (index, bytes) in text.bytes().chunks_exact(len).enumerate() {
            out.push_str(if index == 0 { "" } else { ", " });
            let fields = Fields { bytes, narrow: self.narrow() };
            // The length was looked at.
            _ = self.element(element, fields, out);
        }
        out.push_str(if matches!(text, Text::Cut(_)) { ", ...]" } else { "]" });
        Rendered::Shown
    }

    fn element(self, element: Element, fields: Fields<'_>, out: &mut String) -> Option<()> {
        match element {
            Element::Iovec => {
                out.push_str("{iov_base=");
                pointer(out, self.as_word(fields.word(0)?));
                push(out, format_args!(", iov_len={}}}", self.as_word(fields.word(1)?)));
            }
            Element::Pollfd => self.pollfd(fields, out)?,
            Element::EpollEvent => self.epoll_event(fields, out)?,
            Element::OldId if fields.bytes.len() == 2 => push(out, format_args!("{}", fields.u16(0)?)),
            Element::Id | Element::OldId => push(out, format_args!("{}", fields.u32(0)?)),
            // Not one by one.
            Element::Processors => {}
        }
        Some(())
    }

    fn as_word(self, word: i64) -> u64 {
        if self.narrow() { word.cast_unsigned() & 0xffff_ffff } else { word.cast_unsigned() }
    }

    /// `revents` where it says something: <https://github.com/torvalds/linux/blob/v6.12/include/uapi/asm-generic/poll.h#L36>.
    fn pollfd(self, fields: Fields<'_>, out: &mut String) -> Option<()> {
        let (fd, events, revents) = (fields.i32(0)?, fields.u16(4)?, fields.u16(6)?);
        push(out, format_args!("{{fd={fd}"));
        if fd >= 0 {
            out.push_str(", events=");
            self.set(out, &POLL, u64::from(events));
            if revents != 0 && self.call.ret > 0 {
                out.push_str(", revents=");
                self.set(out, &POLL, u64::from(revents));
            }
        }
        out.push('}');
        Some(())
    }

    /// A text that is not ended by a NUL byte, or counts it.
    pub fn buffer(self, count: Count, at: usize, out: &mut String) -> Rendered<'c> {
        let piece = self.call.memory.of(at).filter(|piece| piece.kind == PieceKind::String);
        match piece.map(|piece| piece.text).filter(|text| self.counts(count, *text)) {
            Some(Text::Whole(bytes)) => {
                Rendered::String(Text::Whole(bytes.strip_suffix(b"\0").unwrap_or(bytes)))
            }
            Some(text) => Rendered::String(text),
            None => self.not_there(at, piece.is_some() && !self.unfilled(count), out),
        }
    }

    /// `["ls", "-l"]`.
    pub fn vector(self, at: usize, out: &mut String) -> Rendered<'c> {
        let piece = self.call.memory.of(at).filter(|piece| piece.kind == PieceKind::Strings);
        let Some(text) = piece.map(|piece| piece.text).filter(|text| *text != Text::Unread) else {
            return self.not_there(at, piece.is_some(), out);
        };
        out.push('[');
        for (index, string) in arguments(text.bytes()).enumerate() {
            out.push_str(if index == 0 { "" } else { ", " });
            quoted(out, string, false);
        }
        out.push_str(if matches!(text, Text::Cut(_)) { ", ...]" } else { "]" });
        Rendered::Shown
    }

    fn counts(self, count: Count, text: Text<'_>) -> bool {
        text != Text::Unread && !self.unfilled(count)
    }

    /// The kernel should have filled it and has not.
    fn unfilled(self, count: Count) -> bool {
        count == Count::Result && self.failed()
    }

    fn not_there(self, at: usize, unread: bool, out: &mut String) -> Rendered<'c> {
        pointer(out, self.word(at));
        if unread && self.word(at) != 0 { Rendered::Unread } else { Rendered::Shown }
    }
}

fn processors(out: &mut String, mask: &[u8]) {
    let bits = mask.iter().enumerate().flat_map(|(byte, bits)| {
        (0..8).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| 8 * byte + bit)
    });
    out.push('[');
    for (at, number) in bits.enumerate() {
        out.push_str(if at == 0 { "" } else { " " });
        push(out, format_args!("{number}"));
    }
    out.push(']');
}
