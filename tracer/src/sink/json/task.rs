//! Who did it, as members of a line and as the beginning of its message. Written once for many events of a task.

use super::escape::escape;
use super::object::{Fragment, push_decimal};
use super::owner::Place;
use super::record;
use super::style::Style;
use crate::event::Process;
use crate::origin::Origin;

/// Tasks that are remembered at a time, by thread id: of those that share a place, the last one.
const REMEMBERED: usize = 256;

pub struct Tasks {
    style: Style,
    known: Vec<Task>,
    /// For an id without a place; there is none.
    spare: Task,
}

/// What the lines of a task have in common while it stays the same.
#[derive(Default)]
pub struct Task {
    /// Whose; its `comm` is apart. None: nobody's yet.
    key: Option<(Process<'static>, Option<Origin>)>,
    comm: Vec<u8>,
    /// [`Place::number`].
    place: u64,
    /// `process` of an event that adds nothing to it.
    pub process: Fragment,
    /// The message up to what was done, `cat (4242) in web-1: `; not escaped, not necessarily UTF-8.
    pub said: Vec<u8>,
    /// The same, escaped.
    pub escaped: Vec<u8>,
}

impl Tasks {
    pub fn new(style: Style) -> Self {
        let known = std::iter::repeat_with(Task::default).take(REMEMBERED).collect();
        Self { style, known, spare: Task::default() }
    }

    pub fn of(&mut self, process: &Process<'_>, origin: Option<Origin>, place: &Place) -> &Task {
        let Self { style, known, spare } = self;
        let task = known.get_mut(process.tid as usize % REMEMBERED).unwrap_or(spare);
        if !task.is(process, origin, place) {
            task.become_that_of(process, origin, place, *style);
        }
        task
    }
}

impl Task {
    fn is(&self, process: &Process<'_>, origin: Option<Origin>, place: &Place) -> bool {
        self.place == place.number
            && self.comm == process.comm
            && self.key == Some((Process { comm: b"", ..*process }, origin))
    }

    fn become_that_of(&mut self, who: &Process<'_>, origin: Option<Origin>, place: &Place, style: Style) {
        let Self { key, comm, place: place_number, process, said, escaped } = self;
        *key = Some((Process { comm: b"", ..*who }, origin));
        *place_number = place.number;
        comm.clear();
        comm.extend_from_slice(who.comm);
        process.rewrite(style.layout, style.max_bytes, |line| {
            record::process(line, who, origin, None);
        });
        said.clear();
        said.extend_from_slice(who.comm);
        said.extend_from_slice(b" (");
        push_decimal(said, who.pid.into());
        said.push(b')');
        said.extend_from_slice(&place.said);
        said.extend_from_slice(b": ");
        escaped.clear();
        escape(escaped, said, usize::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::json::style::Layout;

    #[test]
    fn a_task_is_told_anew_when_anything_about_it_is_new() {
        let style = Style::default();
        let place = |number| Place { number, members: Fragment::default(), said: b" in web".to_vec() };
        let who = Process { pid: 4, tid: 5, vpid: None, parent_pid: 1, uid: 0, session: None, comm: b"a\"b" };
        // The same place in the table.
        let other = Process { tid: 5 + u32::try_from(REMEMBERED).unwrap(), ..who };
        let mut tasks = Tasks::new(style);
        let cases = [
            (who, None, 1),
            (who, None, 1),
            (who, None, 2),
            (who, Some(Origin::Exec), 2),
            (other, None, 2),
            (Process { pid: 6, ..who }, None, 2),
            (Process { vpid: Some(1), ..who }, None, 2),
            (Process { parent_pid: 2, ..who }, None, 2),
            (Process { uid: 7, ..who }, None, 2),
            (Process { comm: b"\xff", ..who }, None, 2),
            (who, None, 1),
        ];
        for (who, origin, number) in cases {
            let place = place(number);
            let task = tasks.of(&who, origin, &place);
            let fresh = Fragment::new(Layout::Nested, style.max_bytes, |line| {
                record::process(line, &who, origin, None);
            });
            assert_eq!(task.process.bytes, fresh.bytes);
            let said = [who.comm, format!(" ({}) in web: ", who.pid).as_bytes()].concat();
            assert_eq!(task.said, said);
            assert_eq!(task.place, number);
        }
        assert_eq!(tasks.of(&who, None, &place(1)).escaped, br#"a\"b (4) in web: "#);
    }
}
