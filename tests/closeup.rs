//! A closer look, from batches to rows: what is demanded, what the source is asked for, what is shown, and the
//! books.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at what it did not expect"
)]

use std::sync::Arc;
use std::time::Duration;

use tracer::batch::{
    Arch, Batch, CapabilitySample, Detail, Focus, OwnerId, ProcessSample, Sample, Session, Source, Status,
    TallySample,
};
use tracer::closeup::{Found, OpenFiles};
use tracer::container::{Container, Identity, Owner, Phase, Runtime, UnknownReason};
use tracer::filter::Wanted;
use tracer::list::ListSource;
use tracer::model::{GRACE_NS, Model};
use tracer::pipeline::Pipeline;
use tracer::recording::{Recorder, Replay};
use tracer::snapshot::{Aspect, Closeup, Demand, Only, SubjectId};
use tracer_common::config::feature;
use tracer_common::loss::{Loss, PLACES, Tally};
use tracer_common::record::kind;

const WEB: OwnerId = OwnerId { slot: 2, generation: 1 };
const SETUP: OwnerId = OwnerId { slot: 3, generation: 1 };
const HOST: OwnerId = OwnerId { slot: 4, generation: 1 };
const DB: OwnerId = OwnerId { slot: 5, generation: 1 };
const ENTERED: OwnerId = OwnerId { slot: 6, generation: 1 };

const READ: u16 = 0;
const OPENAT: u16 = 257;

fn session() -> Session {
    Session {
        version: "0".into(),
        host_name: "node".into(),
        kernel: "6.12".into(),
        arch: Arch::X86_64,
        wall_offset_ns: 1_000,
        started_ns: 0,
        features: 0,
    }
}

fn identity(id: OwnerId, phase: Phase, owner: Owner) -> Identity {
    Identity {
        id,
        cgroup_id: u64::from(id.slot) << 32,
        cgroup_path: None,
        pid_ns: 1,
        mnt_ns: 1,
        phase,
        first_ns: 0,
        first_pid: 1,
        running: false,
        lineage: false,
        ended: false,
        owner,
    }
}

fn container(id: &str, name: &str) -> Owner {
    let named = Container { name: Some(name.into()), ..Container::unnamed(Runtime::Podman, id) };
    Owner::Container(Arc::new(named))
}

fn web(id: OwnerId, phase: Phase) -> Identity {
    identity(id, phase, container("abc", "web"))
}

fn db() -> Identity {
    identity(DB, Phase::Workload, container("def", "db"))
}

/// A call of process 7, with a path as its second argument if there is one.
fn call(owner: OwnerId, number: u16, ret: i64, fd: u64, path: Option<&[u8]>) -> Vec<u8> {
    let kind = if path.is_some() { kind::SYSCALL_MEMORY } else { kind::SYSCALL };
    let len = 144 + path.map_or(0, |path| 8 + u32::try_from(path.len()).unwrap().next_multiple_of(8));
    let mut bytes = kind.to_le_bytes().to_vec();
    bytes.extend(0u16.to_le_bytes());
    bytes.extend(len.to_le_bytes());
    bytes.extend(7u64.to_le_bytes());
    bytes.extend(owner.slot.to_le_bytes());
    bytes.extend(owner.generation.to_le_bytes());
    bytes.resize(32, 0);
    bytes.extend(7u32.to_le_bytes());
    bytes.extend(7u32.to_le_bytes());
    bytes.resize(56, 0);
    bytes.extend(*b"cat\0\0\0\0\0\0\0\0\0\0\0\0\0");
    bytes.resize(78, 0);
    bytes.extend(number.to_le_bytes());
    bytes.extend(ret.to_le_bytes());
    bytes.extend(50u64.to_le_bytes());
    bytes.extend(fd.to_le_bytes());
    bytes.resize(144, 0);
    if let Some(path) = path {
        bytes.extend(1u32.to_le_bytes());
        bytes.extend(u32::try_from(path.len()).unwrap().to_le_bytes());
        bytes.extend(path);
        bytes.resize(len as usize, 0);
    }
    bytes
}

fn open(owner: OwnerId, path: &[u8], fd: i64) -> Vec<u8> {
    call(owner, OPENAT, fd, 0xffff_ff9c, Some(path))
}

fn read(owner: OwnerId, fd: u64, bytes: i64) -> Vec<u8> {
    call(owner, READ, bytes, fd, None)
}

fn batch(now_ns: u64, fill: impl FnOnce(&mut Batch)) -> Batch {
    let mut batch = Batch { now_ns, ..Batch::default() };
    fill(&mut batch);
    batch
}

fn tally(owner: OwnerId, seen: u64, ring: u64) -> TallySample {
    let mut lost = [0; PLACES];
    lost[Loss::Ring as usize] = ring;
    TallySample { owner, tally: Tally { seen, filtered: 0, sent: seen - ring, lost } }
}

fn counters(tallies: Vec<TallySample>) -> Sample {
    Sample { tallies, ..Sample::default() }
}

fn pipeline<S: Source>(source: S) -> Pipeline<S> {
    Pipeline::new(source, Model::new(session(), GRACE_NS), Wanted::default())
}

fn list(batches: impl IntoIterator<Item = Batch>) -> Pipeline<ListSource> {
    pipeline(ListSource::new(session(), batches))
}

fn demand(aspect: Aspect, of: Option<&str>) -> Demand {
    let of = of.map(|id| SubjectId::Container { id: id.to_owned(), parent: None });
    Demand { aspect, of, only: Only::default() }
}

fn closeup<S: Source>(pipeline: &mut Pipeline<S>) -> Closeup {
    Closeup::clone(&pipeline.snapshot().closeup.unwrap())
}

fn everybody() -> Vec<Identity> {
    vec![
        web(WEB, Phase::Workload),
        web(SETUP, Phase::Setup),
        identity(HOST, Phase::Workload, Owner::Host),
        db(),
    ]
}

#[test]
fn the_source_is_asked_for_whom_the_demand_means() {
    let pending = Owner::Unknown(UnknownReason::Pending);
    let mut ended = db();
    ended.ended = true;
    let mut pipeline = list([
        batch(100, |b| b.identities = everybody()),
        batch(200, |b| b.identities.push(identity(ENTERED, Phase::Exec, pending))),
        batch(300, |b| b.identities.push(web(ENTERED, Phase::Exec))),
        batch(400, |b| b.identities.push(ended)),
    ]);
    pipeline.demand(Some(demand(Aspect::Files, None))).unwrap();
    assert_eq!(pipeline.source.focus, (Some(Detail::Records), vec![]), "nobody is known yet");
    pipeline.step(true).unwrap();
    assert_eq!(pipeline.source.focus, (Some(Detail::Records), vec![WEB, DB]), "neither set-up nor the host");
    pipeline.step(true).unwrap();
    assert_eq!(pipeline.source.focus.1, [WEB, DB], "whose it is, is not known yet");
    pipeline.step(true).unwrap();
    assert_eq!(pipeline.source.focus.1, [WEB, DB, ENTERED]);
    pipeline.step(true).unwrap();
    assert_eq!(pipeline.source.focus.1, [WEB, ENTERED]);

    pipeline.demand(Some(demand(Aspect::Capabilities, Some("abc")))).unwrap();
    assert_eq!(pipeline.source.focus, (Some(Detail::Capabilities), vec![WEB, ENTERED]));
    pipeline.demand(Some(demand(Aspect::Processes, Some("def")))).unwrap();
    assert_eq!(pipeline.source.focus, (Some(Detail::Processes), vec![]), "it has ended");
    pipeline.demand(None).unwrap();
    assert_eq!(pipeline.source.focus, (None, vec![]));
    assert_eq!(pipeline.snapshot().closeup, None);
}

#[test]
fn files_from_records_and_the_books_balance() {
    let mut pipeline = list([
        batch(100, |b| {
            b.identities = everybody();
            b.records = [open(WEB, b"/before", 3), read(HOST, 0, 1)].concat();
        }),
        batch(200, |b| {
            b.records = [
                open(WEB, b"/etc/passwd", 3),
                read(WEB, 3, 100),
                open(DB, b"/data", 3),
                open(SETUP, b"/etc/passwd", 3),
                read(HOST, 3, 1),
            ]
            .concat();
        }),
        batch(1_000_000_000, |b| b.sample = Some(counters(vec![tally(WEB, 5, 2), tally(DB, 2, 1)]))),
        batch(2_000_000_000, |b| {
            b.records = [read(WEB, 3, 11), open(DB, b"/other", -13)].concat();
            b.sample = Some(counters(vec![
                tally(WEB, 6, 2),
                tally(DB, 3, 1),
                tally(HOST, 2, 0),
                tally(SETUP, 1, 0),
            ]));
        }),
    ]);
    pipeline.step(true).unwrap();
    assert_eq!(pipeline.ledger().filtered, 2, "nobody looked");
    pipeline.demand(Some(demand(Aspect::Files, Some("abc")))).unwrap();
    pipeline.step(true).unwrap();
    pipeline.step(true).unwrap();
    let first = closeup(&mut pipeline);
    assert_eq!((first.since_ns, first.lost, first.others), (100, 2, 0));
    assert_eq!(first.unavailable, None);
    let [file] = first.files.as_slice() else { panic!("{first:?}") };
    assert_eq!((file.path.as_str(), file.subject.name()), ("/etc/passwd", "web"));
    assert_eq!((file.opens, file.read_bytes, file.time_ns, file.pid), (1, 100, 100, 7));
    assert_eq!((file.counts.count, file.counts.total), (2, 2));

    pipeline.step(true).unwrap();
    let second = closeup(&mut pipeline);
    assert_eq!((second.files[0].counts.count, second.files[0].counts.total), (1, 3));
    assert_eq!(second.files[0].read_bytes, 111);

    pipeline.demand(None).unwrap();
    let ledger = pipeline.finish().unwrap();
    assert_eq!((ledger.seen, ledger.delivered, ledger.filtered, ledger.lost()), (12, 3, 6, 3));
    assert!(ledger.balances());
}

#[test]
fn books_of_a_list_of_records_balance() {
    let records = |owner| [open(owner, b"/a", 3), read(owner, 3, 1), read(owner, 3, 1)].concat();
    let pending = identity(WEB, Phase::Workload, Owner::Unknown(UnknownReason::Pending));
    let mut pipeline = list([
        batch(100, |b| {
            b.identities = vec![pending, db(), identity(HOST, Phase::Workload, Owner::Host)];
            b.records = [records(WEB), records(DB), records(HOST)].concat();
        }),
        batch(200, |b| b.identities.push(web(WEB, Phase::Workload))),
        batch(300, |b| b.records = [records(WEB), records(DB)].concat()),
        batch(400, |b| b.sample = Some(counters(vec![tally(WEB, 7, 1), tally(DB, 6, 0), tally(HOST, 3, 0)]))),
    ]);
    pipeline.demand(Some(demand(Aspect::Events, None))).unwrap();
    pipeline.step(true).unwrap();
    pipeline.step(true).unwrap();
    assert_eq!(closeup(&mut pipeline).events.len(), 6, "those of the one that got its name among them");
    pipeline.demand(Some(demand(Aspect::Processes, None))).unwrap();
    while pipeline.step(true).unwrap() != Some(Status::End) {}
    let ledger = pipeline.finish().unwrap();
    assert_eq!((ledger.delivered, ledger.filtered), (6, 9), "counts need no records");
    assert!(ledger.balances(), "{ledger:?}");
}

#[test]
fn events_are_narrowed_and_are_lines_of_trace() {
    let mut pipeline = list([
        batch(100, |b| b.identities = everybody()),
        batch(200, |b| {
            b.records = [
                open(WEB, b"/etc/\x1b[2J\n", 3),
                read(WEB, 3, 4),
                open(WEB, b"/gone", -2),
                open(DB, b"/gone", -2),
            ]
            .concat();
        }),
        batch(300, |b| b.records = [read(WEB, 3, 5), open(WEB, b"/gone", -2)].concat()),
    ]);
    let all = demand(Aspect::Events, Some("abc"));
    pipeline.demand(Some(all.clone())).unwrap();
    pipeline.step(true).unwrap();
    pipeline.step(true).unwrap();
    let texts = |closeup: &Closeup| -> Vec<String> {
        closeup.events.iter().map(|row| format!("{} {}", row.number, row.text)).collect()
    };
    let opened = r#"1 7 cat openat(AT_FDCWD, "/etc/\x1b[2J\x0a", O_RDONLY) = 3 <50ns>"#;
    let first_read = "2 7 cat read(3, NULL, 0) = 4 <50ns>";
    let gone = |n| format!(r#"{n} 7 cat openat(AT_FDCWD, "/gone", O_RDONLY) = -1 ENOENT <50ns>"#);
    assert_eq!(texts(&closeup(&mut pipeline)), [opened, first_read, &gone(3)]);

    let only = Only { path: Some("/etc/\u{1b}[2J\n".into()), ..Only::default() };
    let since = closeup(&mut pipeline).since_ns;
    pipeline.demand(Some(Demand { only, ..all.clone() })).unwrap();
    assert_eq!(texts(&closeup(&mut pipeline)), [opened, first_read], "calls on its descriptor, too");
    pipeline.step(true).unwrap();
    let narrowed = closeup(&mut pipeline);
    assert_eq!(texts(&narrowed), [opened, first_read, "4 7 cat read(3, NULL, 0) = 5 <50ns>"]);
    assert_eq!(narrowed.since_ns, since, "it is still the same look");
    let failed = Only { errno: Some(2), pid: Some(7), call: None, path: None, peer: None };
    pipeline.demand(Some(Demand { only: failed, ..all })).unwrap();
    assert!(closeup(&mut pipeline).events.is_empty(), "what was left out is not kept");
}

#[test]
fn a_look_from_all_into_one_keeps_what_it_knows() {
    let mut pipeline = list([
        batch(100, |b| b.identities = everybody()),
        batch(200, |b| b.records = open(WEB, b"/kept", 3)),
        batch(300, |b| b.records = read(WEB, 3, 4)),
        batch(400, |b| b.records = read(WEB, 3, 4)),
    ]);
    pipeline.demand(Some(demand(Aspect::Peers, None))).unwrap();
    pipeline.step(true).unwrap();
    pipeline.step(true).unwrap();
    pipeline.demand(Some(demand(Aspect::Files, Some("abc")))).unwrap();
    pipeline.step(true).unwrap();
    assert_eq!(closeup(&mut pipeline).files[0].path, "/kept");
    pipeline.demand(Some(demand(Aspect::Processes, Some("abc")))).unwrap();
    pipeline.demand(Some(demand(Aspect::Files, Some("abc")))).unwrap();
    pipeline.step(true).unwrap();
    assert!(closeup(&mut pipeline).files.is_empty(), "calls may have been missed in between");
}

/// Knows one socket.
struct Before;

impl OpenFiles for Before {
    fn of(&mut self, pid: u32, fd: u32) -> Option<Found> {
        let direction = tracer::snapshot::Direction::Unknown;
        let address = "192.0.2.1:443".to_owned();
        ((pid, fd) == (7, 5)).then_some(Found::Socket { protocol: "tcp", address, direction })
    }
}

#[test]
fn what_was_open_before_is_asked_for() {
    let mut pipeline = list([
        batch(100, |b| b.identities = everybody()),
        batch(200, |b| b.records = [read(WEB, 5, 9), read(WEB, 6, 9)].concat()),
    ])
    .with_open_files(Box::new(Before));
    pipeline.demand(Some(demand(Aspect::Peers, None))).unwrap();
    pipeline.step(true).unwrap();
    pipeline.step(true).unwrap();
    let closeup = closeup(&mut pipeline);
    let [peer] = closeup.peers.as_slice() else { panic!("{closeup:?}") };
    assert_eq!((peer.protocol, peer.address.as_str(), peer.received_bytes), ("tcp", "192.0.2.1:443", 9));
}

#[test]
fn processes_and_capabilities_are_counts_of_the_kernel() {
    let comm = *b"sh\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let process = |owner, pid, calls| ProcessSample { owner, pid, comm, calls, errors: 1, denied: 0 };
    let capability =
        |owner, refused| CapabilitySample { owner, capability: 21, granted: 1, refused, pid: 9, comm };
    let sample = |calls, refused| {
        Some(Sample {
            processes: vec![process(WEB, 9, calls), process(DB, 10, 5), process(HOST, 1, 1)],
            capabilities: vec![capability(WEB, refused), capability(DB, 1)],
            ..Sample::default()
        })
    };
    let batches = || {
        [
            batch(100, |b| b.identities = everybody()),
            batch(200, |b| b.sample = sample(10, 1)),
            batch(300, |b| b.sample = sample(25, 4)),
        ]
    };
    let told = |aspect, of| {
        let mut pipeline = list(batches());
        pipeline.demand(Some(demand(aspect, of))).unwrap();
        while pipeline.step(true).unwrap() != Some(Status::End) {
            if pipeline.sampled() {
                pipeline.snapshot();
            }
        }
        closeup(&mut pipeline)
    };
    let processes = told(Aspect::Processes, None).processes;
    let seen: Vec<_> = processes.iter().map(|row| (row.subject.name(), row.pid, row.counts.total)).collect();
    assert_eq!(seen, [("web", 9, 25), ("db", 10, 5)]);
    let capabilities = told(Aspect::Capabilities, Some("abc")).capabilities;
    let [row] = capabilities.as_slice() else { panic!("{capabilities:?}") };
    assert_eq!((row.capability, row.counts.total, row.counts.total_errors), (21, 5, 4));
}

#[test]
fn processes_are_told_by_records_where_every_call_has_one() {
    let comm = *b"sh\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let told = |features| {
        let session = Session { features, ..session() };
        let batches = [
            batch(100, |b| b.identities = everybody()),
            batch(200, |b| {
                b.records = [
                    read(WEB, 3, 1),
                    open(WEB, b"/gone", -2),
                    read(DB, 3, 1),
                    read(HOST, 3, 1),
                    read(SETUP, 3, 1),
                ]
                .concat();
                let other = ProcessSample { owner: WEB, pid: 9, comm, calls: 9, errors: 0, denied: 0 };
                b.sample = Some(Sample {
                    processes: vec![other],
                    tallies: vec![tally(WEB, 2, 0), tally(DB, 1, 0), tally(HOST, 1, 0), tally(SETUP, 1, 0)],
                    ..Sample::default()
                });
            }),
        ];
        let mut pipeline = pipeline(ListSource::new(session, batches));
        pipeline.demand(Some(demand(Aspect::Processes, None))).unwrap();
        while pipeline.step(true).unwrap() != Some(Status::End) {}
        let rows = closeup(&mut pipeline).processes;
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                let counts = &row.counts;
                (row.subject.name().to_owned(), row.pid, row.comm.clone(), counts.total, counts.total_errors)
            })
            .collect();
        let asked = pipeline.source.focus.0;
        let ledger = pipeline.finish().unwrap();
        assert!(ledger.balances(), "{ledger:?}");
        (asked.unwrap(), rows, ledger.delivered)
    };
    let [web, other, db] = [("web", 7, "cat", 2, 1), ("web", 9, "sh", 9, 0), ("db", 7, "cat", 1, 0)]
        .map(|(name, pid, comm, total, errors)| (name.to_owned(), pid, comm.to_owned(), total, errors));
    let (detail, mut rows, delivered) = told(feature::LATENCY | feature::SYSCALL_RECORDS);
    rows.sort();
    assert_eq!((detail, rows, delivered), (Detail::Records, vec![db, web], 3));
    for some in [feature::FOCUS, feature::ONLY_FAILED, feature::ONLY_DENIED] {
        let (detail, rows, delivered) = told(feature::SYSCALL_RECORDS | some);
        assert_eq!((detail, rows, delivered), (Detail::Processes, vec![other.clone()], 0));
    }
}

#[test]
fn a_recording_has_what_was_recorded() {
    let comm = *b"sh\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let told = |features, aspect, sample: Sample| {
        let mut file = Vec::new();
        let mut recorder = Recorder::new(&mut file, &Session { features, ..session() }).unwrap();
        recorder.write(&batch(100, |b| b.identities = everybody())).unwrap();
        let records = batch(200, |b| {
            b.records = read(WEB, 3, 1);
            b.sample = Some(sample);
        });
        recorder.write(&records).unwrap();
        recorder.finish().unwrap();
        let mut pipeline = pipeline(Replay::new(file.as_slice()).unwrap());
        pipeline.demand(Some(demand(aspect, None))).unwrap();
        while pipeline.step(true).unwrap() != Some(Status::End) {}
        closeup(&mut pipeline)
    };
    let reason = |what| {
        format!("the recording has no {what}: they are counted only while somebody looks at a live system")
    };
    let every = feature::SYSCALL_RECORDS;
    let processes = told(every, Aspect::Processes, Sample::default());
    assert_eq!((processes.unavailable, processes.processes.len()), (None, 1));
    let processes = told(every | feature::FOCUS, Aspect::Processes, Sample::default());
    assert_eq!((processes.unavailable, processes.processes.len()), (Some(reason("processes")), 0));
    let capabilities = told(every, Aspect::Capabilities, Sample::default());
    assert_eq!(capabilities.unavailable, Some(reason("capabilities")));
    let check = CapabilitySample { owner: WEB, capability: 21, granted: 1, refused: 0, pid: 9, comm };
    let looked = Sample { capabilities: vec![check], ..Sample::default() };
    let capabilities = told(every, Aspect::Capabilities, looked);
    assert_eq!((capabilities.unavailable, capabilities.capabilities.len()), (None, 1), "somebody looked");
    assert_eq!(told(every, Aspect::Files, Sample::default()).unavailable, None);
}

#[test]
fn losses_are_counted_from_the_demand_on() {
    let mut pipeline = list([
        batch(100, |b| {
            b.identities = everybody();
            b.sample = Some(counters(vec![tally(WEB, 9, 5), tally(DB, 9, 9)]));
        }),
        batch(200, |b| b.sample = Some(counters(vec![tally(WEB, 20, 8)]))),
        batch(300, |b| b.sample = Some(counters(vec![tally(DB, 20, 20)]))),
    ]);
    pipeline.step(true).unwrap();
    pipeline.demand(Some(demand(Aspect::Events, Some("abc")))).unwrap();
    assert_eq!(closeup(&mut pipeline).lost, 0);
    pipeline.step(true).unwrap();
    pipeline.step(true).unwrap();
    assert_eq!(closeup(&mut pipeline).lost, 3);
}

/// A source that cannot look closer.
struct Blind(ListSource);

impl Source for Blind {
    fn session(&self) -> &Session {
        self.0.session()
    }
    fn poll(&mut self, batch: &mut Batch, sample: bool) -> anyhow::Result<Status> {
        self.0.poll(batch, sample)
    }
    fn wait(&self, _: Duration) {}
    fn stop(&mut self) -> anyhow::Result<()> {
        Ok(())
    }
    fn ignore(&mut self, _: OwnerId) -> anyhow::Result<()> {
        Ok(())
    }
    fn focus(&mut self, _: Option<Detail>, _: &[OwnerId]) -> anyhow::Result<Focus> {
        Ok(Focus::Unavailable("this kernel has no such hook".into()))
    }
}

#[test]
fn why_there_is_nothing_to_see_is_told() {
    let mut pipeline = pipeline(Blind(ListSource::new(session(), [])));
    pipeline.demand(Some(demand(Aspect::Capabilities, None))).unwrap();
    assert_eq!(closeup(&mut pipeline).unavailable.as_deref(), Some("this kernel has no such hook"));
}
