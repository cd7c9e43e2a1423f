use std::sync::Arc;

use super::*;
use crate::batch::Arch;
use crate::container::{Container, Pod, Runtime, UnknownReason};
use crate::event::Abi;
use crate::snapshot::{
    CallRow, Counts, FirstCall, Life, LossRow, Quantiles, Resources, Row, Spectrum, State, Subject,
};

fn container(name: &str) -> Arc<Container> {
    Arc::new(Container {
        name: Some(name.to_owned()),
        image: Some("alpine:3".into()),
        ..Container::unnamed(Runtime::Podman, &format!("{name}-id"))
    })
}

fn call(number: u16, count: u64) -> CallRow {
    let counts = Counts { count, total: count * 2, ..Counts::default() };
    let first = FirstCall { wall_ns: 0, pid: 1, comm: "sh".into(), origin: None };
    CallRow {
        abi: Abi::Native,
        number,
        counts,
        errnos: Vec::new(),
        duration: None,
        spectrum: Spectrum::default(),
        time_ns: 0,
        first,
        life: Life::default(),
    }
}

fn row(subject: Subject, calls: Vec<CallRow>) -> Row {
    let count = calls.iter().map(|call| call.counts.count).sum();
    let sum = Counts { count, errors: 3, denied: 1, total: count * 2, total_errors: 9, total_denied: 2 };
    Row {
        subject,
        state: State::Running,
        calls,
        sum,
        duration: None,
        spectrum: Spectrum::default(),
        resources: Resources::default(),
        setup_calls: 0,
    }
}

fn snapshot() -> Snapshot {
    let mut hostile = container("日本,\"\x1b[2J\n");
    let pod = Pod { name: Some("\x1b[2J".into()), ..Pod::default() };
    Arc::get_mut(&mut hostile).unwrap().pod = Some(pod);
    let mut web = row(Subject::Container(container("web-1")), vec![call(257, 10), call(231, 90)]);
    web.duration = Some(Quantiles { p50: 1, p95: 2, p99: 3, max: 4 });
    web.resources =
        Resources { cpu_ns: Some(3_100_000_000), memory_bytes: Some(5 << 29), processes: Some(12) };
    let mut ended = row(Subject::Container(hostile), Vec::new());
    ended.state = State::Ended;
    let unknown = Subject::Unknown { cgroup_id: 7, cgroup_path: None, reason: UnknownReason::CgroupGone };
    Snapshot {
        wall_ns: 1_795_435_200_123_456_789,
        interval_ns: 2_000_000_000,
        elapsed_ns: 9_000_000_000,
        arch: Arch::X86_64,
        losses: vec![
            LossRow { place: "ring", container: None, count: 5 },
            LossRow { place: "call_table", container: Some(container("web-1")), count: 2 },
        ],
        rows: vec![web, ended, row(Subject::Host, vec![call(257, 1)]), row(unknown, Vec::new())],
        own: None,
        closeup: None,
    }
}

fn printed(format: Format, samples: usize) -> String {
    let mut out = Vec::new();
    let mut sink = Samples::new(&mut out, format);
    for _ in 0..samples {
        assert!(sink.sample(&snapshot()).unwrap());
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn table_is_aligned_by_columns_of_a_terminal() {
    insta::assert_snapshot!(printed(Format::Table, 1), @r#"
    2026-11-23T12:00:00Z, 2.0 s
    LOST 5 (ring)
    LOST 2 of web-1 (call_table)
    CONTAINER          POD      STATE    CALLS/S  ERRORS/S  ERRORS%  DENIED  TOTAL   CPU%  MEMORY  PROCS  BUSIEST
    web-1              -        running     50.0       1.5      3.0       2    200  155.0    2.5G     12  exit_group openat
    日本,"\x1b[2J\x0a  \x1b[2J  ended        0.0       1.5        -       2      0      -       -      -
    (host)             -        running      0.5       1.5    300.0       2      2      -       -      -  openat
    (unknown)          -        running      0.0       1.5        -       2      0      -       -      -
    "#);
}

#[test]
fn csv_has_one_heading_and_a_row_for_each_container_and_sample() {
    insta::assert_snapshot!(printed(Format::Csv, 1), @r#"
    timestamp,interval_ns,container_id,container_name,runtime,image,owner,state,count,errors,denied,total,total_errors,total_denied,duration_p50_ns,duration_p99_ns,duration_max_ns,lost,lost_anywhere,pod,errors_percent,cpu_percent,memory_bytes,processes
    2026-11-23T12:00:00.123456789Z,2000000000,web-1-id,web-1,podman,alpine:3,container,running,100,3,1,200,9,2,1,3,4,2,7,,3.0,155.0,2684354560,12
    2026-11-23T12:00:00.123456789Z,2000000000,"日本,""\x1b[2J\x0a-id","日本,""\x1b[2J\x0a",podman,alpine:3,container,ended,0,3,1,0,9,2,,,,0,7,\x1b[2J,,,,
    2026-11-23T12:00:00.123456789Z,2000000000,,(host),,,host,running,1,3,1,2,9,2,,,,0,7,,300.0,,,
    2026-11-23T12:00:00.123456789Z,2000000000,,(unknown),,,its cgroup was gone before its path was learnt,running,0,3,1,0,9,2,,,,0,7,,,,,
    "#);
    let twice = printed(Format::Csv, 2);
    assert_eq!(twice.lines().count(), 1 + 2 * 4);
    assert_eq!(twice.matches("timestamp").count(), 1);
}

#[test]
fn nothing_of_a_container_reaches_the_terminal_as_it_is() {
    for format in [Format::Table, Format::Csv, Format::Json] {
        let text = printed(format, 1);
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    }
    assert_eq!(printed(Format::Json, 3).lines().count(), 3);
}

#[test]
fn a_long_name_leaves_room_for_the_rest() {
    let mut snapshot = snapshot();
    snapshot.rows = vec![row(Subject::Container(container(&"日".repeat(300))), Vec::new())];
    snapshot.interval_ns = 0;
    let mut out = Vec::new();
    Samples::new(&mut out, Format::Table).sample(&snapshot).unwrap();
    let text = String::from_utf8(out).unwrap();
    let last = text.lines().last().unwrap();
    // 19 wide characters and the mark; a rate needs an interval.
    assert!(last.starts_with(&format!("{}…  -    running        -         -", "日".repeat(19))), "{last}");
}

#[test]
fn memory_has_the_unit_that_it_is_bought_in() {
    let mut snapshot = snapshot();
    for (bytes, text) in [
        (0, "0"),
        (1023, "1023"),
        (1024, "1.0K"),
        (1536 << 10, "1.5M"),
        (5 << 29, "2.5G"),
        (u64::MAX, "16.0E"),
    ] {
        snapshot.rows[0].resources.memory_bytes = Some(bytes);
        let mut out = Vec::new();
        Samples::new(&mut out, Format::Table).sample(&snapshot).unwrap();
        let line = String::from_utf8(out).unwrap().lines().nth(4).unwrap().to_owned();
        assert!(line.split_whitespace().any(|word| word == text), "{bytes}: {line}");
    }
}
