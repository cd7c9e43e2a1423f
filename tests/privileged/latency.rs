//! Durations are what the workload measured itself.

use crate::support::ctrace::{attached, ctrace};
use crate::support::engine::{Container, Kind, Launch};
use crate::support::json::{lines, number, row, syscall};
use crate::support::process::run;

/// Slots of the histogram are powers of two.
fn slot(ns: u64) -> u32 {
    ns.max(1).ilog2()
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn quantiles_are_within_a_slot_of_the_workloads_own() {
    let engine = Kind::Runc.engine();
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("recording");
    let record = attached(&["record", "-o", recording.to_str().unwrap()]);
    let container = Container::new(&*engine);
    let said = container.run(&Launch::new(&["slow"])).expect(0).stdout;
    record.interrupt().expect(0);
    let own: Vec<u64> = said.split_whitespace().map(|ns| ns.parse().unwrap()).collect();

    // All of a recording is one interval.
    let replay = &["top", "--replay", recording.to_str().unwrap(), "--once", "--format", "json"];
    let samples = lines(&run(&mut ctrace(replay)).expect(0).stdout);
    let row = row(&samples[0], &container.id()).unwrap();
    let sleep = syscall(row, "clock_nanosleep").unwrap();
    assert_eq!(number(sleep, "total"), 100);
    for (name, own) in ["p50", "p95", "p99", "max"].into_iter().zip(own) {
        let seen = number(sleep, &format!("duration_ns.{name}"));
        assert!(slot(seen).abs_diff(slot(own)) <= 1, "{name}: {seen} ns, and the workload says {own} ns");
    }
    // The long ones are not the usual ones.
    let [p50, p99] = ["p50", "p99"].map(|name| number(sleep, &format!("duration_ns.{name}")));
    assert!(p99 > p50, "p50 {p50} ns, p99 {p99} ns");
}
