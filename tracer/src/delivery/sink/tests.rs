use std::time::Duration;

use super::super::fanout::{Patience, Route};
use super::super::spec::OnFull;
use super::super::{Progress, Receiver};
use super::*;
use crate::batch::{Arch, OwnerId};
use crate::event::{Exit, Process, What};
use crate::sink::{Json, Text};

#[derive(Clone, Default)]
struct Chunks(Arc<Mutex<Vec<String>>>);

impl Receiver for Chunks {
    fn deliver(&mut self, lines: &[u8]) -> Progress {
        self.0.lock().unwrap().push(String::from_utf8(lines.to_vec()).unwrap());
        Progress::all()
    }
}

fn delivery(receivers: &[(&Chunks, usize)]) -> Delivery {
    let routes = receivers.iter().map(|(receiver, format)| Route {
        name: "a list".into(),
        format: *format,
        receiver: Box::new((*receiver).clone()),
        limit: 1 << 20,
        on_full: OnFull::Block,
    });
    let patience = Patience { interrupted: Box::new(|| false), timeout: Duration::from_mins(1) };
    let fanout = Fanout::start(routes.collect(), patience).unwrap();
    let json = Printer::new(|lines| Box::new(Json::new(lines)));
    let text = Printer::new(|lines| Box::new(Text::new(lines, false)));
    Delivery::new(vec![json, text], fanout)
}

fn session() -> Session {
    Session {
        version: "0".into(),
        host_name: "node".into(),
        kernel: "6.12".into(),
        arch: Arch::X86_64,
        wall_offset_ns: 0,
        started_ns: 0,
        features: 0,
    }
}

fn event() -> Event<'static> {
    let process = Process { pid: 1, tid: 1, vpid: None, parent_pid: 0, uid: 0, session: None, comm: b"true" };
    Event {
        ktime_ns: 1,
        owner: OwnerId::default(),
        cgroup_id: 1,
        process,
        what: What::Exit(Exit { status: 0, process: true }),
    }
}

const EVENTS: usize = 1000;

#[test]
fn each_receiver_gets_whole_lines_in_its_format() {
    let (json, text, too) = (Chunks::default(), Chunks::default(), Chunks::default());
    let mut delivery = delivery(&[(&json, 0), (&text, 1), (&too, 0)]);
    assert!(delivery.start(&session()).unwrap());
    for _ in 0..EVENTS {
        assert!(delivery.event(&event(), None, None).unwrap());
    }
    delivery.settle().unwrap();
    assert_eq!(delivery.fate(), Fate::default());
    let lost = Lost { place: "queue", container: None, sink: Some("a list"), count: 3 };
    assert!(delivery.lost(2, &lost).unwrap());
    let ledger = Ledger { sinks: delivery.books(), ..Ledger::default() };
    delivery.stop(3, &ledger).unwrap();

    let chunks = json.0.lock().unwrap();
    assert!(chunks.len() < 20, "many lines at once: {}", chunks.len());
    assert!(chunks.iter().all(|chunk| chunk.ends_with('\n')));
    let lines: String = chunks.concat();
    assert_eq!(lines, too.0.lock().unwrap().concat());
    assert_eq!(lines.lines().count(), EVENTS + 3);
    assert!(lines.contains(r#""lost":{"where":"queue","sink":"a list","count":3}"#), "{lines}");
    let books = r#""sinks":[{"name":"a list","delivered":1000,"dropped":[{"where":"queue","count":0}"#;
    assert!(lines.contains(books), "{}", chunks.last().unwrap());
    let lines = text.0.lock().unwrap().concat();
    assert_eq!(lines.lines().count(), EVENTS + 1);
    assert!(lines.ends_with("--- lost 3 events for a list (queue) ---\n"), "{lines}");
}

#[test]
fn nothing_waits_for_company_once_it_is_flushed() {
    let chunks = Chunks::default();
    let mut delivery = delivery(&[(&chunks, 1)]);
    delivery.start(&session()).unwrap();
    for _ in 0..3 {
        delivery.event(&event(), None, None).unwrap();
        assert!(delivery.flush().unwrap());
    }
    delivery.settle().unwrap();
    assert_eq!(chunks.0.lock().unwrap().len(), 3);
}
