//! What an event costs in allocations from a batch to the bytes of its line: none, once each task and call is known.
#![expect(clippy::unwrap_used, reason = "that is how a test fails")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io;
use std::sync::Arc;

use tracer::batch::{Arch, Batch, OwnerId, Session, Status};
use tracer::container::{Container, Identity, Owner, Phase, Runtime};
use tracer::filter::Wanted;
use tracer::list::ListSource;
use tracer::model::{GRACE_NS, Model};
use tracer::pipeline::{Events, Pipeline};
use tracer::select::{Asked, Select};
use tracer::sink::json::Style;
use tracer::sink::{Json, Sink, Text, json};
use tracer_common::record::{flag, kind, piece};

/// Counts the allocations of each thread.
struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "an allocator is made of nothing else")]
// SAFETY: all that it does is to hand on what it is asked; the count needs no memory and no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: as promised to us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: as promised to us.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as promised to us.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const OWNER: OwnerId = OwnerId { slot: 2, generation: 1 };
/// Of each kind in a batch.
const EACH: usize = 200;
const WARM: usize = 3;
const MEASURED: usize = 5;

#[test]
fn no_event_of_the_usual_kinds_allocates() {
    for (name, record) in kinds() {
        for style in [Style::default(), Style { layout: json::Layout::Flat, ..Style::default() }] {
            let sink = Box::new(Json::styled(io::sink(), style));
            assert_eq!(allocations(&record, sink), 0, "{name} as JSON, {:?}", style.layout);
        }
        assert_eq!(allocations(&record, Box::new(Text::new(io::sink(), false))), 0, "{name} as text");
    }
}

/// Of the pipeline and `sink` while they deliver records of which they have seen some.
fn allocations(record: &[u8], sink: Box<dyn Sink + Send>) -> u64 {
    let batch = |number| Batch {
        now_ns: number,
        identities: if number == 0 { vec![identity()] } else { Vec::new() },
        records: if number == 0 { Vec::new() } else { record.repeat(EACH) },
        sample: None,
    };
    let batches = WARM + MEASURED;
    let source = ListSource::new(session(), (0..=batches as u64).map(batch));
    let select = Select::parse(&Asked::default(), Arch::X86_64).unwrap();
    let mut pipeline = Pipeline::new(source, Model::new(session(), GRACE_NS), Wanted::default())
        .with_events(Events { sink, select });
    assert!(pipeline.start().unwrap());
    for _ in 0..=WARM {
        assert_eq!(pipeline.step(false).unwrap(), Some(Status::Busy));
    }
    let before = COUNT.get();
    assert!(before > 0, "it counts");
    for _ in 0..MEASURED {
        pipeline.step(false).unwrap();
    }
    let made = COUNT.get() - before;
    assert_eq!(pipeline.ledger().delivered, (batches * EACH) as u64);
    made
}

fn session() -> Session {
    Session {
        version: "0".into(),
        host_name: "node".into(),
        kernel: "6.12".into(),
        arch: Arch::X86_64,
        wall_offset_ns: 1_700_000_000_000_000_000,
        started_ns: 0,
        features: 0,
    }
}

fn identity() -> Identity {
    let container = Container {
        name: Some("web".into()),
        image: Some("nginx:1.27".into()),
        ..Container::unnamed(Runtime::Docker, &"3f".repeat(32))
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

/// The usual ones, each with what it may have beside it.
fn kinds() -> Vec<(&'static str, Vec<u8>)> {
    let open = [u64::from(u32::MAX) - 99, 0x7fff_0000, 0o2_000_101, 0o644, 0, 0];
    let relative =
        [piece_of(1, piece::STRING, b"etc/\"hosts\\\n"), piece_of(1, piece::BASE, b"app\0srv\0")].concat();
    let hostile = piece_of(1, piece::STRING, b"/\xff\x1b[2J\xe2\x80\xae\"\\");
    let peer = |bytes: &[u8]| {
        let address = piece_of(1, piece::ADDRESS, bytes);
        call(0, 42, -111, [3, 0x7fff_0000, bytes.len() as u64, 0, 0, 0], &address)
    };
    let v4 = [&[2, 0, 1, 187, 192, 0, 2, 1][..], &[0; 8]].concat();
    let v6 = [&[10, 0, 0, 53, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8][..], &[0; 12], &[2, 0, 0, 0]].concat();
    let words =
        [piece_of(0, piece::STRING, b"/bin/ls"), piece_of(1, piece::STRINGS, b"ls\0-l\0/a b\0")].concat();
    let numbers =
        |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>();
    vec![
        ("getppid", call(0, 110, 1, [0; 6], &[])),
        ("read", call(0, 0, 4096, [3, 0x7fff_1234_5678, 4096, 0, 0, 0], &[])),
        ("mmap", call(0, 9, 0x7fff_0000_0000, [0, 4096, 3, 0x22, u64::MAX, 0], &[])),
        ("a refused call", call(flag::DENIED, 83, -1, [0x7fff_0000, 0o755, 0, 0, 0, 0], &[])),
        ("openat", call(0, 257, 3, open, &piece_of(1, piece::STRING, b"/etc/hosts"))),
        ("openat of a relative path", call(0, 257, -2, open, &relative)),
        ("openat of a hostile path", call(0, 257, -2, open, &hostile)),
        ("connect to IPv4", peer(&v4)),
        ("connect to IPv6", peer(&v6)),
        ("connect to a path", peer(b"\x01\0/run/app.sock\0")),
        ("connect to a name", peer(b"\x01\0\0app\0x")),
        ("connect to netlink", peer(&[16, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0])),
        ("execve", record(kind::EXEC, 0, &words)),
        ("an exit", record(kind::EXIT, 0, &numbers(&[256, 1]))),
        ("a death", record(kind::EXIT, 0, &numbers(&[9, 0]))),
        ("a fork", record(kind::FORK, 0, &numbers(&[500, 500, 20, 0]))),
    ]
}

/// As `tracer_common::record` describes them.
fn record(kind: u16, flags: u16, rest: &[u8]) -> Vec<u8> {
    let mut bytes = [kind, flags].map(u16::to_le_bytes).concat();
    bytes.extend(u32::try_from(72 + rest.len()).unwrap().to_le_bytes());
    bytes.extend(123_456_789_012_345_u64.to_le_bytes());
    bytes.extend([OWNER.slot, OWNER.generation].into_iter().flat_map(u32::to_le_bytes));
    bytes.extend(7_u64.to_le_bytes());
    // tgid, tid, vtgid, uid, parent, session.
    bytes.extend([500_u32, 501, 17, 1000, 400, 0].into_iter().flat_map(u32::to_le_bytes));
    bytes.extend(b"worker\0\0\0\0\0\0\0\0\0\0");
    bytes.extend(rest);
    bytes
}

fn call(flags: u16, number: u16, result: i64, args: [u64; 6], memory: &[u8]) -> Vec<u8> {
    let mut rest = OWNER.slot.to_le_bytes().to_vec();
    rest.extend([0, number].into_iter().flat_map(u16::to_le_bytes));
    rest.extend(result.to_le_bytes());
    rest.extend(1_234_u64.to_le_bytes());
    rest.extend(args.into_iter().flat_map(u64::to_le_bytes));
    rest.extend(memory);
    record(if memory.is_empty() { kind::SYSCALL } else { kind::SYSCALL_MEMORY }, flags, &rest)
}

fn piece_of(argument: u8, kind: u8, bytes: &[u8]) -> Vec<u8> {
    let mut piece = vec![argument, kind, 0, 0];
    piece.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
    piece.extend(bytes);
    piece.resize(piece.len().next_multiple_of(8), 0);
    piece
}
