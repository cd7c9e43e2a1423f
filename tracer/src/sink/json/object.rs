//! JSON objects written straight into a byte buffer, with strings that no reader and no terminal
//! can be hurt by.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::escape::{escape, hex_digit};
use super::field::{Field, LINE};
use super::style::Layout;

/// The largest integer that every reader of JSON keeps exact: 2^53-1.
pub const EXACT: u64 = (1 << 53) - 1;

/// What an object's texts have for themselves, and which needed more.
#[derive(Debug)]
pub struct Rooms {
    /// Longest line.
    limit: usize,
    /// Each step halves what a field has; [`Rooms::NONE`]: nothing is left.
    step: u32,
    /// Paths of the fields that are not all there is.
    pub cut: Vec<&'static str>,
}

impl Rooms {
    /// The step at which every field is empty.
    const NONE: u32 = usize::BITS - 1;

    pub const fn new(limit: usize) -> Self {
        Self { limit, step: 0, cut: Vec::new() }
    }

    /// As much as the fields have in a line of ordinary length.
    pub fn reset(&mut self) {
        self.step = 0;
        self.cut.clear();
    }

    /// After a line that became too long. False: there was nothing left to shorten.
    pub fn narrow(&mut self) -> bool {
        let more = self.step < Self::NONE;
        // Lines that need the second step are rare, the fourth nobody but those who try to.
        self.step = if self.step < 3 { self.step + 1 } else { Self::NONE };
        self.cut.clear();
        more
    }

    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Notes a field that is not all there is.
    pub fn note(&mut self, path: &'static str) {
        if !self.cut.contains(&path) {
            self.cut.push(path);
        }
    }

    pub const fn narrowed(&self) -> bool {
        self.step > 0
    }

    /// `ordinary`: in a line of [`LINE`] bytes.
    pub const fn of(&self, ordinary: usize) -> usize {
        (ordinary * self.limit / LINE) >> self.step
    }
}

/// The keys around an object that is written flat, the nearest first.
#[derive(Clone, Copy)]
struct Prefix<'p> {
    around: Option<&'p Self>,
    key: &'static str,
}

impl Prefix<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        if let Some(around) = self.around {
            around.write(out);
        }
        out.extend_from_slice(self.key.as_bytes());
        out.push(b'.');
    }
}

/// Members that are written once and copied into many lines.
#[derive(Debug, Default)]
pub struct Fragment {
    pub bytes: Vec<u8>,
    /// Paths of the fields among them that are not all there is.
    pub cut: Vec<&'static str>,
}

impl Fragment {
    /// `fill` writes them, with the room of an ordinary line of at most `limit` bytes.
    pub fn new(layout: Layout, limit: usize, fill: impl FnOnce(&mut Object<'_>)) -> Self {
        let mut fragment = Self::default();
        fragment.rewrite(layout, limit, fill);
        fragment
    }

    /// As [`Fragment::new`], in the same memory.
    pub fn rewrite(&mut self, layout: Layout, limit: usize, fill: impl FnOnce(&mut Object<'_>)) {
        let Self { bytes, cut } = self;
        let mut rooms = Rooms::new(limit);
        bytes.clear();
        fill(&mut Object { out: bytes, layout, prefix: None, rooms: Some(&mut rooms), empty: true });
        *cut = rooms.cut;
    }

    /// Of one object, without its end: more members can come ([`Object::object_from`]).
    pub fn open(mut self) -> Self {
        if self.bytes.last() == Some(&b'}') {
            self.bytes.pop();
        }
        self
    }
}

/// An object whose members are being written. Keys are literals and need no escape.
pub struct Object<'b> {
    out: &'b mut Vec<u8>,
    layout: Layout,
    /// Flat layout: what stands before each key.
    prefix: Option<&'b Prefix<'b>>,
    /// None: no field has a limit.
    rooms: Option<&'b mut Rooms>,
    empty: bool,
}

impl<'b> Object<'b> {
    /// Writes `{...}`.
    pub fn write(
        out: &'b mut Vec<u8>,
        layout: Layout,
        rooms: Option<&'b mut Rooms>,
        fill: impl FnOnce(&mut Object<'_>),
    ) {
        out.push(b'{');
        let mut object = Object { out, layout, prefix: None, rooms, empty: true };
        fill(&mut object);
        object.out.push(b'}');
    }

    /// Writes the members behind those that `out` ends with, and the end of the object.
    pub fn go_on(
        out: &'b mut Vec<u8>,
        layout: Layout,
        rooms: &'b mut Rooms,
        fill: impl FnOnce(&mut Object<'_>),
    ) {
        let mut object = Object { out, layout, prefix: None, rooms: Some(rooms), empty: false };
        fill(&mut object);
        object.out.push(b'}');
    }

    #[inline]
    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        self.out.extend_from_slice(if self.empty { b"\"" } else { b",\"" });
        self.empty = false;
        if let Some(prefix) = self.prefix {
            prefix.write(self.out);
        }
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// Flat: its members, with `key` and a dot before theirs.
    pub fn object(&mut self, key: &'static str, fill: impl FnOnce(&mut Object<'_>)) {
        match self.layout {
            Layout::Nested => {
                self.key(key);
                Object::write(self.out, self.layout, self.rooms.as_deref_mut(), fill);
            }
            Layout::Flat => {
                let prefix = Prefix { around: self.prefix, key };
                let mut inside = Object {
                    out: self.out,
                    layout: self.layout,
                    prefix: Some(&prefix),
                    rooms: self.rooms.as_deref_mut(),
                    empty: self.empty,
                };
                fill(&mut inside);
                self.empty = inside.empty;
            }
        }
    }

    /// As [`Object::object`], with members before those that `fill` writes: those of [`Fragment::open`] of an object with
    /// this `key`.
    pub fn object_from(&mut self, key: &'static str, before: &[u8], fill: impl FnOnce(&mut Object<'_>)) {
        self.copy(before);
        let prefix = Prefix { around: self.prefix, key };
        let nested = self.layout == Layout::Nested;
        let prefix = if nested { None } else { Some(&prefix) };
        let rooms = self.rooms.as_deref_mut();
        fill(&mut Object { out: self.out, layout: self.layout, prefix, rooms, empty: false });
        if nested {
            self.out.push(b'}');
        }
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
            Object::write(self.out, self.layout, self.rooms.as_deref_mut(), |object| fill(object, item));
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

    pub fn members(&mut self, members: &Fragment) {
        if !members.bytes.is_empty() {
            self.copy(&members.bytes);
            members.cut.iter().for_each(|path| self.note(path, false));
        }
    }

    /// `members`: at least one.
    fn copy(&mut self, members: &[u8]) {
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
        self.note(field.path, whole);
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
        let room = self.room(field);
        self.key(field.key).push(b'[');
        let end = self.out.len().saturating_add(room);
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
        self.note(field.path, whole);
        self.exact(field, joined);
        whole
    }

    /// Strings by name that share the field's room, keys included.
    pub fn strings(&mut self, field: &Field, fill: impl FnOnce(&mut Strings<'_, '_>)) {
        let end = self.out.len().saturating_add(self.room(field));
        let mut whole = true;
        self.object(field.key, |object| {
            let mut strings = Strings { object, end, whole: true };
            fill(&mut strings);
            whole = strings.whole;
        });
        self.note(field.path, whole);
    }

    /// Notes that a field's value is not all there is.
    pub fn shortened(&mut self, field: &Field) {
        self.note(field.path, false);
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
    pub fn truncated(&mut self) {
        let rooms = self.rooms.take();
        if let Some(rooms) = &rooms
            && !rooms.cut.is_empty()
        {
            self.words("truncated", &rooms.cut);
        }
        self.rooms = rooms;
    }

    /// Whether fields have less room than in an ordinary line.
    pub fn narrowed(&self) -> bool {
        self.rooms.as_ref().is_some_and(|rooms| rooms.narrowed())
    }

    fn room(&self, field: &Field) -> usize {
        self.rooms.as_ref().map_or(usize::MAX, |rooms| rooms.of(field.room))
    }

    fn note(&mut self, path: &'static str, whole: bool) {
        if let (false, Some(rooms)) = (whole, self.rooms.as_deref_mut()) {
            rooms.note(path);
        }
    }

    fn exact(&mut self, field: &Field, bytes: &[u8]) {
        if str::from_utf8(bytes).is_ok() {
            return;
        }
        // All of it or nothing: half of it would say less than the text.
        if self.rooms.as_ref().is_some_and(|rooms| bytes.len() > rooms.of(field.raw)) {
            self.note(field.path, false);
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

/// The members of [`Object::strings`].
pub struct Strings<'o, 'b> {
    object: &'o mut Object<'b>,
    end: usize,
    whole: bool,
}

impl Strings<'_, '_> {
    /// One more, if there is room for its name, and as much of it as there is room for. Lossy.
    pub fn string(&mut self, key: &'static str, bytes: &[u8], cut: bool) {
        let Self { object, end, whole } = self;
        // Comma, colon, four quotes, and what stands before a name in the flat layout.
        let Some(room) = end.checked_sub(object.out.len() + key.len() + 6 + FLAT_PREFIX.len()) else {
            *whole = false;
            return;
        };
        object.key(key).push(b'"');
        *whole &= escape(object.out, bytes, room) && !cut;
        object.out.push(b'"');
    }
}

/// The longest that stands before the names of [`Strings`].
const FLAT_PREFIX: &str = "syscall.arg.";

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

/// And the quote behind it.
fn push_hex(out: &mut Vec<u8>, value: u64) {
    let len = (u64::BITS - value.leading_zeros()).div_ceil(4).max(1);
    let mut digits = [b'"'; 17];
    for (digit, place) in digits.iter_mut().zip((0..len).rev()) {
        *digit = hex_digit(value >> (4 * place));
    }
    out.extend_from_slice(digits.get(..=len as usize).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_a_reader_would_bend_are_strings() {
        let mut out = Vec::new();
        Object::write(&mut out, Layout::Nested, None, |object| {
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

    #[test]
    fn flat_is_one_object_with_dots_in_its_keys() {
        let printed = |layout| {
            let mut out = Vec::new();
            Object::write(&mut out, layout, None, |object| {
                object.object("nothing", |_| {});
                object.object("a", |a| {
                    a.object("b", |b| b.number("c", 1u8));
                    a.objects("list", [2u8, 3], |item, value| item.object("d", |d| d.number("e", value)));
                    a.object("nothing", |_| {});
                    a.bool("f", true);
                });
                object.word("g", "h");
            });
            String::from_utf8(out).unwrap()
        };
        assert_eq!(printed(Layout::Flat), r#"{"a.b.c":1,"a.list":[{"d.e":2},{"d.e":3}],"a.f":true,"g":"h"}"#);
        assert_eq!(
            printed(Layout::Nested),
            r#"{"nothing":{},"a":{"b":{"c":1},"list":[{"d":{"e":2}},{"d":{"e":3}}],"nothing":{},"f":true},"g":"h"}"#
        );
    }
}
