//! What a line of `ctrace trace --format json` costs: `cargo xtask bench json`.
//!
//! A failed `openat` of a container in a pod, which is the longest of the common lines, printed again and again. The best of
//! several rounds: the others were disturbed.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it prints a measurement, and stops at what it did not expect"
)]

use std::hint::black_box;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracer::batch::{Arch, OwnerId, Session};
use tracer::container::{Container, Identity, Owner, Phase, Pod, Runtime};
use tracer::event::{Abi, Event, How, Memory, Piece, PieceKind, Process, Syscall, Text, What};
use tracer::redact::{Pattern, Patterns};
use tracer::sink::json::{Layout, Style};
use tracer::sink::{Json, Redacted, Sink};

const LINES: u32 = 500_000;
const ROUNDS: u32 = 9;

fn main() {
    measure("nested", &mut Json::new(io::sink()));
    let flat = Style { layout: Layout::Flat, ..Style::default() };
    measure("flat", &mut Json::styled(io::sink(), flat));
    let short = Style { max_bytes: *Style::BYTES.start(), ..Style::default() };
    measure("nested, in 1 KiB", &mut Json::styled(io::sink(), short));
    let pattern = Pattern::parse(r"--password[= ](\S+)").unwrap();
    measure("nested, a pattern that is not there", &mut hidden(Json::new(io::sink()), vec![pattern]));
    let pattern = Pattern::parse("certs").unwrap();
    measure("nested, a pattern that is there", &mut hidden(Json::new(io::sink()), vec![pattern]));
}

const fn hidden<S>(sink: S, patterns: Vec<Pattern>) -> Redacted<S> {
    Redacted::new(sink, Patterns::new(patterns), true)
}

fn measure(layout: &str, sink: &mut dyn Sink) {
    let identity = identity();
    sink.start(&session()).unwrap();
    let best = (0..ROUNDS).map(|_| round(sink, &identity)).min().unwrap();
    println!("{layout}: {} ns a line", (best / LINES).as_nanos());
}

fn round(sink: &mut dyn Sink, identity: &Identity) -> Duration {
    let start = Instant::now();
    for number in 0..LINES {
        let event = event(u64::from(number) * 1000);
        sink.event(black_box(&event), Some(identity), None).unwrap();
    }
    sink.flush().unwrap();
    start.elapsed()
}

fn session() -> Session {
    Session {
        version: "0".into(),
        host_name: "node-a".into(),
        kernel: "6.12".into(),
        arch: Arch::X86_64,
        wall_offset_ns: 1_795_435_200_000_000_000,
        started_ns: 0,
        features: 0,
    }
}

fn identity() -> Identity {
    let container = Container {
        name: Some("web-1".into()),
        image: Some("nginx:1.27".into()),
        pod: Some(Pod {
            name: Some("web".into()),
            uid: Some("u-1".into()),
            namespace: Some("default".into()),
            container_name: Some("nginx".into()),
        }),
        ..Container::unnamed(Runtime::Docker, &"3f".repeat(32))
    };
    Identity {
        id: OwnerId { slot: 3, generation: 1 },
        cgroup_id: 77,
        cgroup_path: Some("/a".into()),
        pid_ns: 1,
        mnt_ns: 2,
        phase: Phase::Workload,
        first_ns: 0,
        first_pid: 1,
        running: false,
        lineage: false,
        ended: false,
        owner: Owner::Container(Arc::new(container)),
    }
}

fn event(ktime_ns: u64) -> Event<'static> {
    let process = Process {
        pid: 4242,
        tid: 4243,
        vpid: Some(7),
        parent_pid: 4100,
        uid: 1000,
        session: None,
        comm: b"cat",
    };
    let path = b"/etc/ssl/certs/ca-certificates.crt";
    let call = Syscall {
        abi: Abi::Native,
        number: 257,
        ret: -2,
        duration_ns: Some(4_123),
        args: [0xffff_ff9c, 0x7ffc_1000, 0, 0, 5, 6],
        memory: Memory::new([Some(Piece { index: 1, kind: PieceKind::String, text: Text::Whole(path) })]),
        how: How::Done,
    };
    let owner = OwnerId { slot: 3, generation: 1 };
    Event { ktime_ns, owner, cgroup_id: u64::MAX, process, what: What::Syscall(call) }
}
