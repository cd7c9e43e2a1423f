//! What an event costs after the kernel, on one core: `cargo xtask bench pipeline`.
//!
//! Batches as the ring buffer gives them, 4 MiB each, go through the pipeline to a sink that writes nowhere: of calls
//! without memory (`getppid`) and with a path (`openat`). Each line says what the parts before it take, too.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "it prints a measurement, and stops at what it did not expect"
)]

use std::hint::black_box;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tracer::batch::{Arch, Batch, OwnerId, Session, Status};
use tracer::container::{Container, Identity, Owner, Phase, Runtime};
use tracer::decode;
use tracer::event::Event;
use tracer::filter::Wanted;
use tracer::ledger::Ledger;
use tracer::lifecycle::ContainerEvent;
use tracer::list::ListSource;
use tracer::model::{GRACE_NS, Model};
use tracer::origin::Origin;
use tracer::pipeline::{Events, Pipeline};
use tracer::select::{Asked, Select};
use tracer::sink::{Json, Lost, Sink, Text};
use tracer_common::record::{kind, piece};

/// What the ring buffer's reader takes at a time.
const BATCH_BYTES: usize = 4 << 20;
const BATCHES: usize = 20;
const ROUNDS: usize = 7;
const OWNER: OwnerId = OwnerId { slot: 2, generation: 1 };

fn main() {
    for (name, record) in [("getppid", getppid()), ("openat", openat())] {
        let records = record.repeat(BATCH_BYTES / record.len());
        let events = records.len() / record.len() * BATCHES;
        let of = |what: &str, times: &mut dyn FnMut() -> Duration, bytes: u64| {
            let mut rounds: Vec<Duration> = (0..ROUNDS).map(|_| times()).collect();
            rounds.sort_unstable();
            let median = rounds.get(ROUNDS / 2).copied().unwrap_or_default().as_secs_f64();
            let each = median / events as f64;
            println!(
                "{name}, {} bytes: {what}: {:.1} ns/event, {:.2} M events/s, {} bytes/event",
                record.len(),
                each * 1e9,
                1e-6 / each,
                bytes / events as u64
            );
        };
        of("decoded", &mut || decoded(&records), 0);
        of("delivered", &mut || through(&records, Box::new(Nobody)), 0);
        let written = Arc::new(AtomicU64::new(0));
        let counter = || Counter(Arc::clone(&written));
        let mut json = || through(&records, Box::new(Json::new(counter())));
        json();
        let bytes = written.swap(0, Ordering::Relaxed);
        of("printed as JSON", &mut json, bytes);
        written.store(0, Ordering::Relaxed);
        let mut text = || through(&records, Box::new(Text::new(counter(), false)));
        text();
        let bytes = written.swap(0, Ordering::Relaxed);
        of("printed as text", &mut text, bytes);
    }
}

/// Cut and decoded, and nothing else.
fn decoded(records: &[u8]) -> Duration {
    let start = Instant::now();
    for _ in 0..BATCHES {
        for record in decode::records(records) {
            black_box(decode::decode(record.unwrap().bytes).unwrap());
        }
    }
    start.elapsed()
}

/// All the way.
fn through(records: &[u8], sink: Box<dyn Sink + Send>) -> Duration {
    let session = Session {
        version: "0".into(),
        host_name: "bench".into(),
        kernel: "6.12".into(),
        arch: Arch::X86_64,
        wall_offset_ns: 1_700_000_000_000_000_000,
        started_ns: 0,
        features: 0,
    };
    let batch = |number| Batch {
        now_ns: number,
        identities: if number == 0 { vec![identity()] } else { Vec::new() },
        records: if number == 0 { Vec::new() } else { records.to_vec() },
        sample: None,
    };
    let source = ListSource::new(session.clone(), (0..=BATCHES as u64).map(batch));
    let select = Select::parse(&Asked::default(), Arch::X86_64).unwrap();
    let mut pipeline = Pipeline::new(source, Model::new(session, GRACE_NS), Wanted::default())
        .with_events(Events { sink, select });
    assert!(pipeline.start().unwrap());
    pipeline.step(false).unwrap();
    let start = Instant::now();
    while pipeline.step(false).unwrap() != Some(Status::End) {}
    let elapsed = start.elapsed();
    let ledger = pipeline.ledger();
    assert!(ledger.delivered > 0 && ledger.filtered == 0, "{ledger:?}");
    elapsed
}

fn identity() -> Identity {
    let container = Container {
        name: Some("web".into()),
        image: Some("docker.io/library/nginx:1.27".into()),
        ..Container::unnamed(Runtime::Docker, &format!("{:064x}", 7))
    };
    Identity {
        id: OWNER,
        cgroup_id: 7,
        cgroup_path: None,
        pid_ns: 1,
        mnt_ns: 1,
        phase: Phase::Workload,
        first_ns: 0,
        first_pid: 1,
        running: true,
        lineage: false,
        ended: false,
        owner: Owner::Container(Arc::new(container)),
    }
}

/// As `tracer_common::record` describes them.
fn call(kind: u16, number: u16, result: i64, args: [u64; 6], memory: &[u8]) -> Vec<u8> {
    let mut bytes = kind.to_le_bytes().to_vec();
    bytes.extend(0_u16.to_le_bytes());
    bytes.extend(u32::try_from(144 + memory.len()).unwrap().to_le_bytes());
    bytes.extend(123_456_789_012_345_u64.to_le_bytes());
    bytes.extend(OWNER.slot.to_le_bytes());
    bytes.extend(OWNER.generation.to_le_bytes());
    bytes.extend(7_u64.to_le_bytes());
    // tgid, tid, vtgid, uid, parent, session.
    bytes.extend([123_456_u32, 123_457, 17, 1000, 123_400, 0].into_iter().flat_map(u32::to_le_bytes));
    bytes.extend(b"nginx-worker\0\0\0\0");
    bytes.extend(OWNER.slot.to_le_bytes());
    bytes.extend(0_u16.to_le_bytes());
    bytes.extend(number.to_le_bytes());
    bytes.extend(result.to_le_bytes());
    bytes.extend(1_234_u64.to_le_bytes());
    bytes.extend(args.into_iter().flat_map(u64::to_le_bytes));
    bytes.extend(memory);
    bytes
}

fn getppid() -> Vec<u8> {
    call(kind::SYSCALL, 110, 123_400, [0; 6], &[])
}

fn openat() -> Vec<u8> {
    let path = b"/usr/lib/x86_64-linux-gnu/libc.so.6";
    let mut memory = vec![1, piece::STRING, 0, 0];
    memory.extend(u32::try_from(path.len()).unwrap().to_le_bytes());
    memory.extend(path);
    memory.resize(memory.len().next_multiple_of(8), 0);
    call(kind::SYSCALL_MEMORY, 257, 3, [0xffff_ff9c, 0x7f12_3456_7000, 0x8_0000, 0, 0, 0], &memory)
}

/// Takes all, and prints nothing.
struct Nobody;

impl Sink for Nobody {
    fn start(&mut self, _: &Session) -> io::Result<bool> {
        Ok(true)
    }

    fn event(&mut self, event: &Event<'_>, _: Option<&Identity>, _: Option<Origin>) -> io::Result<bool> {
        black_box(event);
        Ok(true)
    }

    fn container(&mut self, _: &ContainerEvent) -> io::Result<bool> {
        Ok(true)
    }

    fn lost(&mut self, _: u64, _: &Lost<'_>) -> io::Result<bool> {
        Ok(true)
    }

    fn flush(&mut self) -> io::Result<bool> {
        Ok(true)
    }

    fn stop(&mut self, _: u64, _: &Ledger) -> io::Result<bool> {
        Ok(true)
    }
}

/// Counts bytes.
struct Counter(Arc<AtomicU64>);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.fetch_add(black_box(bytes).len() as u64, Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
