//! What is lost is counted, to the last event.

use rustix::process::Signal;
use serde_json::Value;

use crate::support::ctrace::attached;
use crate::support::engine::{Container, Kind, Launch};
use crate::support::json::{at, is, lines, list, number};

const GETPPID: u64 = 500_000;
/// Its program begins and ends.
const EXEC_AND_EXIT: u64 = 2;

/// A container floods a tracer that is stopped: the ring buffer has room for a part only.
#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn a_stopped_tracer_knows_what_it_missed() {
    let engine = Kind::Podman.engine();
    let container = Container::new(&*engine);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events");
    let trace = attached(&[
        "trace",
        "-e",
        "getppid,process.exec,process.exit",
        "--format",
        "json",
        "--fail-on-loss",
        "-o",
        file.to_str().unwrap(),
        "--filter",
        &format!("name={}", container.name),
    ]);
    trace.signal(Signal::STOP);
    container.run(&Launch::new(&["calls", "500000", "0"])).expect(0);
    trace.signal(Signal::CONT);
    let done = trace.interrupt();
    assert_eq!(done.code, 7, "events were lost: {done:?}");

    let events = lines(&std::fs::read_to_string(&file).unwrap());
    let id = container.id();
    let of_process =
        |event: &&Value| ["syscall", "process.exec", "process.exit"].iter().any(|name| is(event, name, &id));
    let delivered = events.iter().filter(of_process).count() as u64;
    let lost: u64 = events
        .iter()
        .filter(|event| is(event, "ctrace.lost", &id))
        .inspect(|event| assert_eq!(*at(event, "lost.where"), *"ring", "{event}"))
        .map(|event| number(event, "lost.count"))
        .sum();
    assert!(lost > 0, "the ring buffer holds no {GETPPID} records");
    assert_eq!(delivered + lost, GETPPID + EXEC_AND_EXIT, "{delivered} delivered, {lost} lost");

    let stop = events.last().expect("a last record");
    assert_eq!(*at(stop, "ledger.balanced"), true, "{stop}");
    let dropped: u64 = list(at(stop, "ledger.dropped")).iter().map(|place| number(place, "count")).sum();
    assert!(dropped >= lost, "{stop}");
}
