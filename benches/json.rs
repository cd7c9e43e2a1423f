//! What a line of `ctrace trace --format json` costs: `cargo xtask bench json`.
//!
//! A failed `openat` of a container in a pod, which is the longest of the common lines, printed again and again; and the same
//! value as `serde_json` writes it, of structures that have all texts ready, and of a `Value`. The best of several rounds:
//! the others were disturbed.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it prints a measurement, and stops at what it did not expect"
)]

use std::hint::black_box;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracer::batch::{Arch, OwnerId, Session};
use tracer::container::{Container, Identity, Owner, Phase, Pod, Runtime};
use tracer::event::{Abi, Event, How, Memory, Piece, PieceKind, Process, Syscall, Text, What};
use tracer::redact::{Pattern, Patterns};
use tracer::sink::json::{Layout, Style};
use tracer::sink::{Json, Redacted, Sink};

const LINES: u32 = 500_000;
const ROUNDS: u32 = 9;

fn main() {
    let nested = measure("nested", &mut Json::new(io::sink()));
    compare(nested);
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

fn measure(layout: &str, sink: &mut dyn Sink) -> Duration {
    let identity = identity();
    sink.start(&session()).unwrap();
    let best = (0..ROUNDS).map(|_| round(sink, &identity)).min().unwrap();
    println!("{layout}: {} ns a line", (best / LINES).as_nanos());
    best
}

/// `ours`: the time of all lines.
fn compare(ours: Duration) {
    let mut printed = Vec::new();
    let mut sink = Json::new(&mut printed);
    sink.start(&session()).unwrap();
    sink.event(&event(0), Some(&identity()), None).unwrap();
    sink.flush().unwrap();
    drop(sink);
    let line = printed.split(|byte| *byte == b'\n').nth(1).unwrap();
    let value: Value = serde_json::from_slice(line).unwrap();
    let structures: Line = serde_json::from_slice(line).unwrap();
    assert_eq!(
        serde_json::to_value(&structures).unwrap(),
        value,
        "the structures say all that the line does"
    );
    serialize("structures", &structures, ours);
    serialize("a Value", &value, ours);
}

fn serialize(name: &str, value: &impl Serialize, ours: Duration) {
    let mut out = Vec::new();
    let round = |_| {
        let start = Instant::now();
        for _ in 0..LINES {
            out.clear();
            serde_json::to_writer(&mut out, black_box(value)).unwrap();
            black_box(&out);
        }
        start.elapsed()
    };
    let best = (0..ROUNDS).map(round).min().unwrap();
    let times = best.as_secs_f64() / ours.as_secs_f64();
    println!(
        "serde_json::to_writer of {name}: {} ns a line, {times:.2} times ours",
        (best / LINES).as_nanos()
    );
}

/// The line as structures.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    timestamp: &'a str,
    level: &'a str,
    message: &'a str,
    event: Numbered<'a>,
    schema_version: &'a str,
    host: Named<'a>,
    container: InContainer<'a>,
    k8s: K8s<'a>,
    process: OfProcess<'a>,
    syscall: Call<'a>,
    file: File<'a>,
    error: Failure<'a>,
}

#[derive(Serialize, Deserialize)]
struct Named<'a> {
    name: &'a str,
}

#[derive(Serialize, Deserialize)]
struct Numbered<'a> {
    name: &'a str,
    seq: u64,
}

#[derive(Serialize, Deserialize)]
struct InContainer<'a> {
    id: &'a str,
    name: &'a str,
    #[serde(borrow)]
    runtime: Named<'a>,
    image: Named<'a>,
}

#[derive(Serialize, Deserialize)]
struct K8s<'a> {
    #[serde(borrow)]
    pod: InPod<'a>,
    namespace: Named<'a>,
    container: Named<'a>,
}

#[derive(Serialize, Deserialize)]
struct InPod<'a> {
    name: &'a str,
    uid: &'a str,
}

#[derive(Serialize, Deserialize)]
struct OfProcess<'a> {
    pid: u32,
    vpid: u32,
    tid: u32,
    parent_pid: u32,
    #[serde(borrow)]
    executable: Named<'a>,
    user: User,
}

#[derive(Serialize, Deserialize)]
struct User {
    id: u32,
}

#[derive(Serialize, Deserialize)]
struct Call<'a> {
    name: &'a str,
    number: u32,
    abi: &'a str,
    #[serde(borrow)]
    args: Vec<&'a str>,
    arg: Arguments<'a>,
    return_value: i64,
    duration_ns: u64,
}

#[derive(Serialize, Deserialize)]
struct Arguments<'a> {
    dirfd: &'a str,
    pathname: &'a str,
    flags: &'a str,
}

#[derive(Serialize, Deserialize)]
struct File<'a> {
    path: &'a str,
}

#[derive(Serialize, Deserialize)]
struct Failure<'a> {
    r#type: &'a str,
    errno_raw: u32,
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
