//! What stands in every line, put together once for each kind of record.

use std::collections::HashMap;

use super::SCHEMA_VERSION;
use super::field;
use super::object::{Fragment, Object, push_decimal};
use super::style::Style;

/// The parts of a line's beginning between what is different in each.
pub struct Head {
    level: &'static str,
    name: &'static str,
    /// From behind the time to the message.
    to_message: Vec<u8>,
    /// From behind the message to `event.seq`.
    to_number: Vec<u8>,
    /// From there to the members of the subject.
    to_subject: Vec<u8>,
    /// As in [`Fragment`].
    pub cut: Vec<&'static str>,
}

/// Those that were needed so far: as many as there are names of events.
pub struct Heads {
    style: Style,
    host_name: String,
    /// Of the last record: mostly the next one's, too.
    last: Head,
    known: HashMap<(&'static str, &'static str), Head>,
}

impl Heads {
    pub fn new(style: Style, host_name: &str) -> Self {
        let last = Head::new(style, host_name, "info", "syscall");
        Self { style, host_name: host_name.to_owned(), last, known: HashMap::new() }
    }

    /// `name`: `event.name`.
    pub fn of(&mut self, level: &'static str, name: &'static str) -> &Head {
        let Self { style, host_name, last, known } = self;
        if last.name != name || last.level != level {
            let next = known.remove(&(level, name));
            let next = next.unwrap_or_else(|| Head::new(*style, host_name, level, name));
            let before = std::mem::replace(last, next);
            known.insert((before.level, before.name), before);
        }
        last
    }

    /// The members of every record behind its message, one by one.
    pub fn write(&self, line: &mut Object<'_>, name: &'static str, seq: u64) {
        event(line, name, seq);
        always(line, &self.host_name);
    }
}

impl Head {
    fn new(style: Style, host_name: &str, level: &'static str, name: &'static str) -> Self {
        let Style { layout, max_bytes, .. } = style;
        let fragment = |fill: &dyn Fn(&mut Object<'_>)| Fragment::new(layout, max_bytes, |line| fill(line));
        let before = fragment(&|line| {
            line.word("level", level);
            line.word(field::MESSAGE.key, "");
        });
        let number = fragment(&|line| event(line, name, 0));
        let after = fragment(&|line| always(line, host_name));
        // The number is the last of its members: what is behind it belongs to the object around.
        let digit = number.bytes.iter().rposition(|byte| *byte == b'0').unwrap_or_default();
        let (to_number, end) = number.bytes.split_at(digit);
        let open = before.bytes.strip_suffix(b"\"").unwrap_or(&before.bytes);
        Self {
            level,
            name,
            to_message: [b"\",", open].concat(),
            to_number: [b"\",", to_number].concat(),
            to_subject: [end.get(1..).unwrap_or_default(), b",", &after.bytes].concat(),
            cut: after.cut,
        }
    }

    /// Behind the time.
    pub fn begin_message(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_message);
    }

    /// Behind the message's text.
    pub fn finish(&self, out: &mut Vec<u8>, seq: u64) {
        out.extend_from_slice(&self.to_number);
        push_decimal(out, seq);
        out.extend_from_slice(&self.to_subject);
    }
}

fn event(line: &mut Object<'_>, name: &'static str, seq: u64) {
    line.object("event", |event| {
        event.word("name", name);
        event.number("seq", seq);
    });
}

fn always(line: &mut Object<'_>, host_name: &str) {
    line.word("schema_version", SCHEMA_VERSION);
    line.object("host", |host| _ = host.text(&field::HOST_NAME, host_name.as_bytes()));
}
