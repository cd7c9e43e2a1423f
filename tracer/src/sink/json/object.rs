//! JSON objects written straight into a byte buffer, with strings that no reader and no terminal
//! can be hurt by.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::escape::{escape, hex_digit};
use super::field::Field;

/// The largest integer that every reader of JSON keeps exact: 2^53-1.
pub const EXACT: u64 = (1 << 53) - 1;

/// An object whose members are being written. Keys are literals and need no escape.
pub struct Object<'b> {
    out: &'b mut Vec<u8>,
    /// Where the paths of shortened fields are noted. None: no field has a limit.
    cut: Option<&'b mut Vec<&'static str>>,
    empty: bool,
}

impl<'b> Object<'b> {
    /// Writes `{...}`.
    pub fn write(
        out: &'b mut Vec<u8>,
        cut: Option<&'b mut Vec<&'static str>>,
        fill: impl FnOnce(&mut Object<'_>),
    ) {
        out.push(b'{');
        let mut object = Object { out, cut, empty: true };
        fill(&mut object);
        object.out.push(b'}');
    }

    /// Writes members alone, to be put into an object later with [`Object::members`].
    pub fn write_members(
        out: &'b mut Vec<u8>,
        cut: Option<&'b mut Vec<&'static str>>,
        fill: impl FnOnce(&mut Object<'_>),
    ) {
        fill(&mut Object { out, cut, empty: true });
    }

    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    pub fn object(&mut self, key: &'static str, fill: impl FnOnce(&mut Object<'_>)) {
        self.key(key);
        Object::write(self.out, self.cut.as_deref_mut(), fill);
    }

    /// An object for each item.
    pub fn objects<T>(
        &mut self,
        key: &'static str,
        items: impl IntoIterator<Item = T>,
        mut fill: impl FnMut(&mut Object<'_>, T),
    ) {
        self.key(key).push(b'[');
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            Object::write(self.out, self.cut.as_deref_mut(), |object| fill(object, item));
        }
        self.out.push(b']');
    }

    /// A list of strings that are ours.
    pub fn words(&mut self, key: &'static str, words: impl IntoIterator<Item = impl AsRef<str>>) {
        self.key(key).push(b'[');
        for (at, word) in words.into_iter().enumerate() {
            self.out.extend_from_slice(if at > 0 { b",\"" } else { b"\"" });
            escape(self.out, word.as_ref().as_bytes(), usize::MAX);
            self.out.push(b'"');
        }
        self.out.push(b']');
    }

    /// What [`Object::write_members`] wrote.
    pub fn members(&mut self, members: &[u8]) {
        if members.is_empty() {
            return;
        }
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.extend_from_slice(members);
    }

    /// A string that is ours: short, and not a container's.
    pub fn word(&mut self, key: &'static str, word: &str) {
        self.key(key).push(b'"');
        escape(self.out, word.as_bytes(), usize::MAX);
        self.out.push(b'"');
    }

    /// Lossy, and shortened to the field's room. Returns whether all of it is there.
    pub fn text(&mut self, field: &Field, bytes: &[u8]) -> bool {
        let room = self.room(field);
        self.key(field.key).push(b'"');
        let whole = escape(self.out, bytes, room);
        self.out.push(b'"');
        self.note(field, whole);
        whole
    }

    /// As [`Object::text`], with the bytes themselves beside it when they are not UTF-8.
    pub fn bytes(&mut self, field: &Field, bytes: &[u8]) -> bool {
        let whole = self.text(field, bytes);
        self.exact(field, bytes);
        whole
    }

    /// A list of strings that share the field's room; `joined` are the bytes that they were made of.
    pub fn texts<'t>(&mut self, field: &Field, items: impl Iterator<Item = &'t [u8]>, joined: &[u8]) -> bool {
        let end = self.out.len().saturating_add(self.room(field));
        self.key(field.key).push(b'[');
        let mut whole = true;
        for (at, item) in items.enumerate() {
            // The comma and the quotes.
            let Some(room) = end.checked_sub(self.out.len() + 3) else {
                whole = false;
                break;
            };
            self.out.extend_from_slice(if at > 0 { b",\"" } else { b"\"" });
            whole = escape(self.out, item, room);
            self.out.push(b'"');
            if !whole {
                break;
            }
        }
        self.out.push(b']');
        self.note(field, whole);
        self.exact(field, joined);
        whole
    }

    /// Notes that a field's value is not all there is.
    pub fn shortened(&mut self, field: &Field) {
        self.note(field, false);
    }

    /// A number up to [`EXACT`], else its decimal digits in a string.
    pub fn number(&mut self, key: &'static str, value: impl Into<u64>) {
        let value = value.into();
        let out = self.key(key);
        quoted_if(value > EXACT, out, |out| push_decimal(out, value));
    }

    /// As [`Object::number`].
    pub fn signed(&mut self, key: &'static str, value: i64) {
        let out = self.key(key);
        quoted_if(value.unsigned_abs() > EXACT, out, |out| {
            out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        });
    }

    /// A number that may be any 64 bits: always a string, so that its type does not depend on it.
    pub fn id(&mut self, key: &'static str, value: u64) {
        let out = self.key(key);
        quoted_if(true, out, |out| push_decimal(out, value));
    }

    /// Numbers as strings in hexadecimal.
    pub fn hex(&mut self, key: &'static str, values: &[u64]) {
        self.key(key).push(b'[');
        for (at, value) in values.iter().enumerate() {
            self.out.extend_from_slice(if at > 0 { b",\"0x" } else { b"\"0x" });
            push_hex(self.out, *value);
            self.out.push(b'"');
        }
        self.out.push(b']');
    }

    pub fn bool(&mut self, key: &'static str, value: bool) {
        self.key(key).extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// RFC 3339, from [`crate::sink::clock`].
    pub fn time(&mut self, key: &'static str, time: (&str, u32)) {
        let out = self.key(key);
        quoted_if(true, out, |out| crate::sink::clock::rfc3339(out, time));
    }

    /// `truncated`, where something was.
    pub fn truncated(&mut self, before: &[&'static str]) {
        let cut = self.cut.take();
        let here = cut.as_ref().map_or(&[][..], |cut| cut.as_slice());
        if !before.is_empty() || !here.is_empty() {
            self.words("truncated", before.iter().chain(here));
        }
        self.cut = cut;
    }

    const fn room(&self, field: &Field) -> usize {
        if self.cut.is_some() { field.room } else { usize::MAX }
    }

    fn note(&mut self, field: &Field, whole: bool) {
        let Some(cut) = self.cut.as_deref_mut() else { return };
        if !whole && !cut.contains(&field.path) {
            cut.push(field.path);
        }
    }

    fn exact(&mut self, field: &Field, bytes: &[u8]) {
        if str::from_utf8(bytes).is_ok() {
            return;
        }
        let out = self.key(field.bytes_key);
        out.push(b'"');
        let start = out.len();
        // Base64 makes 4 bytes of 3.
        out.resize(start + bytes.len().div_ceil(3) * 4, b'=');
        if let Some(space) = out.get_mut(start..) {
            // It cannot fail: the space is there.
            _ = STANDARD.encode_slice(bytes, space);
        }
        out.push(b'"');
    }
}

fn quoted_if(quoted: bool, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    if quoted {
        out.push(b'"');
    }
    write(out);
    if quoted {
        out.push(b'"');
    }
}

pub fn push_decimal(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn push_hex(out: &mut Vec<u8>, value: u64) {
    let digits = (u64::BITS - value.leading_zeros()).div_ceil(4).max(1);
    for digit in (0..digits).rev() {
        out.push(hex_digit(value >> (4 * digit)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_a_reader_would_bend_are_strings() {
        let mut out = Vec::new();
        Object::write(&mut out, None, |object| {
            object.number("exact", EXACT);
            object.number("more", EXACT + 1);
            object.signed("least", -9_007_199_254_740_991);
            object.signed("less", i64::MIN);
            object.id("id", 7);
            object.hex("hex", &[0, 0xffff_ff9c, u64::MAX]);
        });
        let expected = concat!(
            r#"{"exact":9007199254740991,"more":"9007199254740992","least":-9007199254740991,"#,
            r#""less":"-9223372036854775808","id":"7","hex":["0x0","0xffffff9c","0xffffffffffffffff"]}"#,
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
