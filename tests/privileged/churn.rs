//! Containers that come and go as fast as the machine can.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;

use crate::support::ctrace::attached;
use crate::support::engine::{Engine, Launch};
use crate::support::json::{at, lines, number, parse};
use crate::support::oci::Oci;
use crate::support::process::run;
use crate::support::unique;

const CONTAINERS: usize = 1000;
const AT_A_TIME: usize = 8;
/// Exit codes, one container after the other.
const CODES: usize = 5;

/// Of container `number`: no two have the same.
fn calls(number: usize) -> usize {
    1000 + number
}

/// Every one has its id, its exit code and exactly its calls, so nobody has another one's or the host's.
#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn a_thousand_containers_are_told_apart() {
    let (engine, prefix) = (Oci::runc(), unique("churn"));
    let ids: Vec<String> = (0..CONTAINERS).map(|number| format!("{prefix}-{number}")).collect();
    let trace = attached(&["trace", &prefix, "-e", "container.*", "--format", "json"]);
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(id) = ids.get(number) else { break };
                    let args = ["calls", &calls(number).to_string(), "0", &(number % CODES).to_string()];
                    let code = i32::try_from(number % CODES).unwrap();
                    run(&mut engine.command(id, &Launch::new(&args))).expect(code);
                }
            });
        }
    });
    let mut alive: BTreeSet<String> = ids.iter().cloned().collect();
    trace.stdout_line("the end of every container", |line| {
        let event = parse(line);
        if *at(&event, "event.name") == *"container.stop" {
            alive.remove(at(&event, "container.id").as_str().unwrap_or_default());
        }
        alive.is_empty().then_some(())
    });
    let done = trace.interrupt().expect(0);
    let events = lines(&done.stdout);
    let starts = by_container(&events, "container.start");
    let stops = by_container(&events, "container.stop");
    assert_eq!((starts.len(), stops.len()), (CONTAINERS, CONTAINERS));
    // What every run of the program calls besides.
    let others: BTreeSet<u64> = ids
        .iter()
        .enumerate()
        .map(|(at, id)| number(stops[id.as_str()], "syscalls.count") - calls(at) as u64)
        .collect();
    assert_eq!(others.len(), 1, "every one has its own calls, and as many others: {others:?}");
    for (number, id) in ids.iter().enumerate() {
        let (start, stop) = (starts[id.as_str()], stops[id.as_str()]);
        assert_eq!(*at(stop, "process.exit.code"), number % CODES, "{stop}");
        assert_eq!(at(start, "process.pid"), at(stop, "process.pid"), "{start}\n{stop}");
        assert_eq!(*at(stop, "container.runtime.name"), *"runc", "{stop}");
    }
}

/// Fails if a container has two.
fn by_container<'a>(events: &'a [Value], name: &str) -> BTreeMap<&'a str, &'a Value> {
    let mut found = BTreeMap::new();
    for event in events.iter().filter(|event| *at(event, "event.name") == *name) {
        let before = found.insert(at(event, "container.id").as_str().unwrap_or_default(), event);
        assert!(before.is_none(), "two of {name}: {event}");
    }
    found
}
