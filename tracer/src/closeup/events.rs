//! The last events, as they came; made into lines when somebody looks.

use std::collections::VecDeque;
use std::sync::Arc;

use super::count::Outcome;
use super::descriptors::{Thing, Uses};
use super::subjects::{Number, Subjects};
use crate::batch::Session;
use crate::decode;
use crate::event::{Event, What};
use crate::model::{Model, wall};
use crate::origin::Origin;
use crate::sink::{json, text};
use crate::snapshot::{EventRow, Only};

/// Events that are kept, and of these the last that are shown: more than anybody reads in an interval.
const KEPT: usize = 1000;
const SHOWN: usize = 500;

pub(super) struct Events {
    only: Only,
    seen: u64,
    /// Those that match.
    kept: VecDeque<Kept>,
    session: Session,
    printer: json::Printer,
    line: Vec<u8>,
}

struct Kept {
    number: u64,
    subject: Number,
    origin: Option<Origin>,
    /// The record.
    bytes: Vec<u8>,
    uses: Uses,
    /// Once it was shown.
    row: Option<EventRow>,
}

impl Events {
    pub fn new(session: &Session, only: Only) -> Self {
        Self {
            only,
            seen: 0,
            kept: VecDeque::new(),
            session: session.clone(),
            printer: json::Printer::of(session),
            line: Vec::new(),
        }
    }

    pub fn fold(
        &mut self,
        subject: Number,
        event: &Event<'_>,
        record: &[u8],
        origin: Option<Origin>,
        uses: Uses,
    ) {
        self.seen += 1;
        if !matches(&self.only, event, &uses) {
            return;
        }
        let reused = if self.kept.len() >= KEPT { self.kept.pop_front() } else { None };
        let mut bytes = reused.map(|kept| kept.bytes).unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(record);
        self.kept.push_back(Kept { number: self.seen, subject, origin, bytes, uses, row: None });
    }

    /// Shows others from now on, and what it still has of them.
    pub fn narrow(&mut self, only: Only) {
        self.kept
            .retain(|kept| decode::decode(&kept.bytes).is_ok_and(|event| matches(&only, &event, &kept.uses)));
        self.only = only;
    }

    pub fn rows(&mut self, subjects: &Subjects, model: &Model) -> Vec<EventRow> {
        let Self { kept, session, printer, line, .. } = self;
        let first = kept.len().saturating_sub(SHOWN);
        let shown = kept.range_mut(first..).filter_map(|kept| {
            if kept.row.is_none() {
                kept.row = row(kept, subjects, model, session, printer, line);
            }
            kept.row.clone()
        });
        shown.collect()
    }
}

fn row(
    kept: &Kept,
    subjects: &Subjects,
    model: &Model,
    session: &Session,
    printer: &mut json::Printer,
    line: &mut Vec<u8>,
) -> Option<EventRow> {
    let event = decode::decode(&kept.bytes).ok()?;
    let Outcome { failed, denied, errno: _ } = Outcome::of(&event);
    line.clear();
    // Lines are counted from 0, rows from 1.
    printer.numbered(line, kept.number - 1, &event, model.identity(event.owner), kept.origin);
    Some(EventRow {
        number: kept.number,
        wall_ns: wall(event.ktime_ns, session.wall_offset_ns),
        subject: subjects.get(kept.subject)?.clone(),
        pid: event.process.pid,
        comm: String::from_utf8_lossy(event.process.comm).into_owned(),
        failed,
        denied,
        text: text::deed(&event, session.arch).into(),
        json: Arc::from(String::from_utf8_lossy(line).trim_end()),
    })
}

fn matches(only: &Only, event: &Event<'_>, uses: &Uses) -> bool {
    let Only { pid, call, errno, path, peer } = only;
    let uses = || uses.iter().flatten().map(|used| &used.on);
    pid.is_none_or(|pid| event.process.pid == pid)
        && call.is_none_or(
            |wanted| matches!(&event.what, What::Syscall(call) if (call.abi, call.number) == wanted),
        )
        && errno.is_none_or(|errno| Outcome::of(event).errno == Some(errno))
        && path
            .as_ref()
            .is_none_or(|path| uses().any(|thing| matches!(thing, Thing::File(known) if **known == **path)))
        && peer.as_ref().is_none_or(|peer| {
            uses().any(|thing| matches!(thing, Thing::Socket(known) if *known.address == **peer))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::closeup::descriptors::{Deed, Use};
    use crate::closeup::testing::{Record, model, number, session, subjects};
    use crate::event::Abi;

    fn file(path: &str) -> Uses {
        [Some(Use { on: Thing::File(path.into()), deed: Deed::Other }), None]
    }

    fn shown(events: &mut Events) -> Vec<u64> {
        events.rows(&subjects().0, &model()).iter().map(|row| row.number).collect()
    }

    #[test]
    fn rows_are_lines_of_trace() {
        let (subjects, web) = subjects();
        let mut events = Events::new(&session(), Only::default());
        let record = Record::call("openat", -13).path(1, b"/etc/\x1b[2Jx\n").comm(b"c\xff").duration(4_123);
        events.fold(web, &record.event(), &record.bytes(), Some(Origin::Exec), Uses::default());
        let rows = events.rows(&subjects, &model());
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((row.number, row.pid, row.failed, row.denied), (1, Record::PID, true, false));
        assert_eq!(
            &*row.text,
            "4242 c\u{fffd} openat(0, \"/etc/\\x1b[2Jx\\x0a\", O_RDONLY) = -1 EACCES <4.1µs>"
        );
        let line: serde_json::Value = serde_json::from_str(&row.json).unwrap();
        assert_eq!(line["event"]["seq"], 0);
        assert_eq!(line["container"]["name"], "web");
        assert_eq!(line["process"]["origin"], "exec");
        assert_eq!(line["file"]["path"], "/etc/\u{1b}[2Jx\n");
        assert!(!row.json.contains(char::is_control));
        assert_eq!(row.wall_ns, session().wall_offset_ns + 7);
    }

    #[test]
    fn the_last_ones_that_match() {
        let web = subjects().1;
        let mut events = Events::new(&session(), Only::default());
        let (read, write) = (Record::call("read", 1), Record::call("write", -9));
        for number in 1..=3000_u64 {
            let record = if number % 100 == 0 { &write } else { &read };
            events.fold(web, &record.event(), &record.bytes(), None, file("/a"));
        }
        assert_eq!(shown(&mut events), (2501..=3000).collect::<Vec<_>>());
        let only = Only { call: Some((Abi::Native, number("write"))), ..Only::default() };
        events.narrow(only.clone());
        assert_eq!(shown(&mut events), (2100..=3000).step_by(100).collect::<Vec<_>>());
        for _ in 0..600 {
            events.fold(web, &read.event(), &read.bytes(), None, file("/a"));
        }
        assert_eq!(shown(&mut events).len(), 10, "what does not match pushes nothing out");
    }

    #[test]
    fn all_that_is_given_has_to_be_so() {
        let record = Record::call("openat", -2);
        let event = record.event();
        let peer: Uses = [
            Some(Use {
                on: Thing::Socket(super::super::descriptors::Peer {
                    protocol: "udp",
                    address: "192.0.2.1:53".into(),
                    direction: crate::snapshot::Direction::Unknown,
                }),
                deed: Deed::Other,
            }),
            None,
        ];
        let path = |path: &str| Only { path: Some(path.into()), ..Only::default() };
        let to = |peer: &str| Only { peer: Some(peer.into()), ..Only::default() };
        for (only, uses, expected) in [
            (Only { pid: Some(Record::PID), ..Only::default() }, Uses::default(), true),
            (Only { pid: Some(1), ..Only::default() }, Uses::default(), false),
            (Only { errno: Some(2), ..Only::default() }, Uses::default(), true),
            (Only { errno: Some(2), pid: Some(1), ..Only::default() }, Uses::default(), false),
            (path("/a"), file("/a"), true),
            (path("/a"), file("/b"), false),
            (path("192.0.2.1:53"), peer.clone(), false),
            (to("192.0.2.1:53"), peer.clone(), true),
            (to("192.0.2.1:54"), peer, false),
        ] {
            assert_eq!(matches(&only, &event, &uses), expected, "{only:?}");
        }
    }
}
