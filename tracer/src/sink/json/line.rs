//! A line: what stands in every one, and how it is kept short.

use super::escape::escape;
use super::field;
use super::head::Heads;
use super::object::{Object, Rooms};
use super::style::Style;
use super::task::Task;
use crate::sink::clock::{Clock, rfc3339};

/// In `truncated`: members are missing, and there is no room to name them.
const EVERYTHING: &str = "*";

/// What a line needs besides its subject.
pub struct State {
    style: Style,
    clock: Clock,
    heads: Heads,
    /// Of the next line.
    pub seq: u64,
    /// Reused from line to line, as those below.
    rooms: Rooms,
    /// Of the next line, behind what a task has said already; not escaped.
    pub message: Vec<u8>,
    whole: Vec<u8>,
}

/// `level` and `event.name`.
pub type Kind = (&'static str, &'static str);

impl State {
    /// `wall_offset_ns`: as in [`Clock::new`].
    pub fn new(style: Style, wall_offset_ns: i64, host_name: &str) -> Self {
        Self {
            style,
            clock: Clock::new(wall_offset_ns),
            heads: Heads::new(style, host_name),
            seq: 0,
            rooms: Rooms::new(style.max_bytes),
            message: Vec::new(),
            whole: Vec::new(),
        }
    }

    /// Appends a line. `task`: who begins the message.
    pub fn line(
        &mut self,
        out: &mut Vec<u8>,
        at_ns: u64,
        kind: Kind,
        task: Option<&Task>,
        fill: impl Fn(&mut Object<'_>),
    ) {
        self.rooms.reset();
        let start = out.len();
        self.ordinary(out, at_ns, kind, task, &fill);
        if out.len() - start > self.rooms.limit() {
            self.shortened(out, start, at_ns, kind, task, &fill);
        }
        out.push(b'\n');
        self.seq += 1;
    }

    fn ordinary(
        &mut self,
        out: &mut Vec<u8>,
        at_ns: u64,
        (level, name): Kind,
        task: Option<&Task>,
        fill: &impl Fn(&mut Object<'_>),
    ) {
        let Self { style, clock, heads, seq, rooms, message, whole: _ } = self;
        let head = heads.of(level, name);
        out.extend_from_slice(b"{\"timestamp\":\"");
        rfc3339(out, clock.read(at_ns));
        head.begin_message(out);
        let (said, escaped) = task.map_or((&[][..], &[][..]), |task| (&task.said, &task.escaped));
        let room = rooms.of(field::MESSAGE.room);
        let whole = match room.checked_sub(escaped.len()) {
            Some(room) => {
                out.extend_from_slice(escaped);
                escape(out, message, room)
            }
            None => escape(out, said, room),
        };
        if !whole {
            rooms.note(field::MESSAGE.path);
        }
        head.finish(out, *seq);
        head.cut.iter().for_each(|path| rooms.note(path));
        Object::go_on(out, style.layout, rooms, |line| {
            fill(line);
            line.truncated();
        });
    }

    /// In place of a line that began at `start` and became too long.
    #[cold]
    fn shortened(
        &mut self,
        out: &mut Vec<u8>,
        start: usize,
        at_ns: u64,
        (level, name): Kind,
        task: Option<&Task>,
        fill: &impl Fn(&mut Object<'_>),
    ) {
        let Self { style, clock, heads, seq, rooms, message, whole } = self;
        whole.clear();
        whole.extend_from_slice(task.map_or(&[], |task| &task.said));
        whole.extend_from_slice(message);
        while out.len() - start > rooms.limit() {
            out.truncate(start);
            let more = rooms.narrow();
            if !more {
                rooms.reset();
                rooms.note(EVERYTHING);
            }
            Object::write(out, style.layout, Some(rooms), |line| {
                line.time("timestamp", clock.read(at_ns));
                line.word("level", level);
                line.text(&field::MESSAGE, whole);
                heads.write(line, name, *seq);
                if more {
                    fill(line);
                }
                line.truncated();
            });
            if !more {
                break;
            }
        }
    }
}
