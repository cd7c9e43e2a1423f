//! The table of all metrics: name, type, help, and where the numbers come from.

use std::borrow::Cow;

use super::{Family, Kind, Readings, Sample, SeriesRow, SinkReading, Value};
use crate::batch::OwnSample;

const fn counter(
    name: &'static str,
    help: &'static str,
    samples: for<'a> fn(&'a Readings) -> Vec<Sample<'a>>,
) -> Family {
    Family { name, kind: Kind::Counter, help, samples }
}

const fn gauge(
    name: &'static str,
    help: &'static str,
    samples: for<'a> fn(&'a Readings) -> Vec<Sample<'a>>,
) -> Family {
    Family { name, kind: Kind::Gauge, help, samples }
}

/// In the order in which they are printed.
pub(super) const FAMILIES: &[Family] = &[
    gauge("ctrace_build_info", "Which ctrace this is, and on what.", |all| {
        let Some(session) = &all.session else { return Vec::new() };
        let labels =
            vec![("version", session.version.as_str().into()), ("kernel", session.kernel.as_str().into())];
        vec![Sample { labels, value: Value::Count(1) }]
    }),
    counter("ctrace_events_seen_total", "Events that happened, by the kernel's count.", |all| {
        count(all.ledger.seen)
    }),
    counter("ctrace_events_delivered_total", "Events that every sink took, by type.", |all| {
        by("event", all.delivered.all())
    }),
    counter(
        "ctrace_events_filtered_total",
        "Events that nobody asked for, in the kernel or after it.",
        |all| count(all.ledger.filtered),
    ),
    counter("ctrace_events_dropped_total", "Events that were lost, by the place where.", |all| {
        by("place", all.ledger.dropped.iter().map(|(place, count)| (*place, *count)))
    }),
    counter("ctrace_lost_total", "Events and counts that the kernel side lost, by the place where.", |all| {
        by("place", all.lost.iter().copied())
    }),
    gauge("ctrace_containers", "Containers that are known now.", |all| count(all.containers)),
    counter("ctrace_sink_delivered_total", "Events that a sink took.", |all| {
        sinks(all, |sink| sink.delivered)
    }),
    counter("ctrace_sink_dropped_total", "Events that a sink lost, by the reason.", |all| {
        all.sinks
            .iter()
            .flat_map(|sink| sink.dropped.iter().map(move |dropped| (sink, dropped)))
            .map(|(sink, (place, count))| Sample {
                labels: vec![("sink", sink.name.as_str().into()), ("place", (*place).into())],
                value: Value::Count(*count),
            })
            .collect()
    }),
    gauge("ctrace_sink_queue_bytes", "What waits for a sink.", |all| sinks(all, |sink| sink.queue_bytes)),
    gauge("ctrace_sink_up", "Whether a sink takes what is sent to it.", |all| {
        sinks(all, |sink| u64::from(sink.up))
    }),
    counter("process_cpu_seconds_total", "CPU time that ctrace took, of all threads.", |all| {
        own(all, |own| Value::Nanoseconds(own.cpu_ns))
    }),
    gauge("process_resident_memory_bytes", "Memory that ctrace has.", |all| {
        own(all, |own| Value::Count(own.memory_bytes))
    }),
    gauge(
        "ctrace_ring_fill_bytes",
        "The most that waited in the ring buffer at a time in the last second.",
        |all| own(all, |own| Value::Count(own.ring_bytes)),
    ),
    gauge("ctrace_ring_size_bytes", "Size of the ring buffer.", |all| {
        own(all, |own| Value::Count(own.ring_size))
    }),
    counter(
        "ctrace_container_syscalls_total",
        "System calls of a container, counted in the kernel.",
        |all| series(all, |row| row.used.calls),
    ),
    counter("ctrace_container_syscalls_failed_total", "Of these, calls that failed.", |all| {
        series(all, |row| row.used.errors)
    }),
    counter(
        "ctrace_container_syscalls_denied_total",
        "Of these, calls that a seccomp filter refused.",
        |all| series(all, |row| row.used.denied),
    ),
];

fn count<'a>(count: u64) -> Vec<Sample<'a>> {
    vec![Sample { labels: Vec::new(), value: Value::Count(count) }]
}

fn by<'a>(label: &'static str, counts: impl Iterator<Item = (&'static str, u64)>) -> Vec<Sample<'a>> {
    counts
        .map(|(value, count)| Sample { labels: vec![(label, value.into())], value: Value::Count(count) })
        .collect()
}

fn sinks(all: &Readings, value: impl Fn(&SinkReading) -> u64) -> Vec<Sample<'_>> {
    let samples = all.sinks.iter().map(|sink| Sample {
        labels: vec![("sink", sink.name.as_str().into())],
        value: Value::Count(value(sink)),
    });
    samples.collect()
}

fn own(all: &Readings, value: impl Fn(&OwnSample) -> Value) -> Vec<Sample<'_>> {
    all.own.iter().map(|own| Sample { labels: Vec::new(), value: value(own) }).collect()
}

fn series(all: &Readings, value: impl Fn(&SeriesRow) -> u64) -> Vec<Sample<'_>> {
    let samples = all.series.iter().map(|row| Sample {
        labels: vec![
            ("container", Cow::Borrowed(row.name.as_str())),
            ("container_id", row.id.as_str().into()),
            ("parent_id", row.parent.as_str().into()),
        ],
        value: Value::Count(value(row)),
    });
    samples.collect()
}
