use super::*;
use crate::batch::Arch;
use crate::snapshot::Used;

fn readings() -> Readings {
    let mut delivered = Delivered::default();
    delivered.container(&Stage::Start);
    delivered.event(&What::Fork { pid: 1, tid: 1, vpid: None });
    let session = Session {
        version: "1.2.3".into(),
        host_name: "node".into(),
        kernel: "6.12.1".into(),
        arch: Arch::X86_64,
        wall_offset_ns: 0,
        started_ns: 0,
        features: 0,
    };
    Readings {
        session: Some(session),
        delivered,
        ledger: Ledger {
            seen: 7,
            delivered: 2,
            filtered: 4,
            dropped: [("ring", 1)].into(),
            sinks: Vec::new(),
        },
        lost: vec![("ring", 1), ("owner_table", 0)],
        sinks: vec![SinkReading {
            name: "tcp://x:1".into(),
            delivered: 2,
            dropped: vec![("full", 3), ("error", 0)],
            queue_bytes: 10,
            up: true,
        }],
        own: Some(OwnSample { cpu_ns: 1_500_000_000, memory_bytes: 1 << 20, ring_bytes: 5, ring_size: 4096 }),
        containers: 3,
        series: vec![SeriesRow {
            name: "web\"\\\n\u{1b}[2J\u{202e}".into(),
            id: "abc".into(),
            parent: String::new(),
            used: Used { calls: 9, errors: 2, denied: 1, setup: 5 },
        }],
    }
}

#[test]
fn all_that_there_is() {
    insta::assert_snapshot!(text(&readings()));
}

#[test]
fn what_nobody_knows_is_left_out() {
    let text = text(&Readings::default());
    assert!(text.contains("ctrace_events_seen_total 0\n"));
    for absent in ["process_", "ctrace_build_info", "ctrace_sink", "ctrace_container_"] {
        assert!(!text.contains(absent), "{absent}: {text}");
    }
}

#[test]
fn a_label_is_bounded() {
    let mut all = readings();
    all.series[0].name = "\u{e9}".repeat(10_000);
    assert!(text(&all).lines().all(|line| line.chars().count() < 300));
}

#[test]
fn names_are_used_once_and_say_their_unit() {
    let names: Vec<&str> = families::FAMILIES.iter().map(|family| family.name).collect();
    for family in families::FAMILIES {
        assert_eq!(names.iter().filter(|name| **name == family.name).count(), 1, "{}", family.name);
        assert_eq!(family.kind == Kind::Counter, family.name.ends_with("_total"), "{}", family.name);
        assert!(family.help.ends_with('.') && !family.help.contains('\n'), "{}", family.name);
    }
}

#[test]
fn every_type_of_event_has_a_count() {
    let mut all = Delivered::default();
    for name in names() {
        all.count(name);
    }
    assert!(all.all().all(|(_, count)| count == 1));
}
