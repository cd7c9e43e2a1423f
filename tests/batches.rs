//! From batches to what the faces show, without a kernel: a list of batches, and the same from a
//! recording, whole and damaged.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at what it did not expect"
)]

use std::io::Cursor;
use std::sync::{Arc, Mutex};

use tracer::batch::{
    Arch, ArgumentSample, Batch, CallSample, OutcomeSample, OwnerId, Sample, Session, Source, Status,
    TallySample,
};
use tracer::container::{Container, Identity, Owner, Phase, Runtime, UnknownReason};
use tracer::decode;
use tracer::event::{Event, What};
use tracer::filter::Wanted;
use tracer::ledger::Ledger;
use tracer::lifecycle::{ContainerEvent, Stage};
use tracer::list::ListSource;
use tracer::model::{GRACE_NS, Model};
use tracer::origin::Origin;
use tracer::pipeline::{Events, Pipeline};
use tracer::recording::{Recorder, Replay};
use tracer::select::{Asked, Select};
use tracer::sink::{Lost, Sink};
use tracer::snapshot::{Snapshot, State, Subject, Used};
use tracer_common::key::{ArgumentKey, CallInfo, CallKey, Latency, OutcomeKey, kind as outcome};
use tracer_common::limits::BUCKETS;
use tracer_common::loss::{Loss, PLACES, Tally};
use tracer_common::record::kind;

const WEB: OwnerId = OwnerId { slot: 2, generation: 1 };
const SETUP: OwnerId = OwnerId { slot: 3, generation: 1 };
const HOST: OwnerId = OwnerId { slot: 4, generation: 1 };

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

fn web() -> Owner {
    let named = Container { name: Some("web".into()), ..Container::unnamed(Runtime::Podman, "abc") };
    Owner::Container(Arc::new(named))
}

fn call(owner: OwnerId, nr: u16, count: u64, timed: &[(usize, u64)]) -> CallSample {
    let mut buckets = [0; BUCKETS];
    for &(slot, calls) in timed {
        buckets[slot] = calls;
    }
    CallSample {
        owner,
        key: CallKey { owner: owner.slot, abi: 0, nr },
        info: CallInfo {
            cell: 1,
            first_tgid: 9,
            first_ns: 5,
            first_comm: *b"sh\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            first_session: 3,
            values: 17,
            again_ns: 6,
        },
        count,
        latency: Some(Box::new(Latency { total_ns: 100, max_ns: u64::MAX, buckets })),
    }
}

fn failed(owner: OwnerId, nr: u16, errno: u16, kind: u16, count: u64) -> OutcomeSample {
    let key = OutcomeKey { call: CallKey { owner: owner.slot, abi: 0, nr }, errno, kind, pad: 0 };
    OutcomeSample { owner, key, count }
}

/// An exit record, the shortest there is.
fn record(owner: OwnerId, code: u8) -> Vec<u8> {
    of_kind(kind::EXIT, owner, [0, code, 0, 0, 1, 0, 0, 0])
}

/// The end of an owner's first process, 1, at 7 ns.
fn ended(owner: OwnerId, code: u8) -> Vec<u8> {
    of_kind(kind::ENDED, owner, [0, code, 0, 0, 1, 0, 0, 0])
}

fn of_kind(kind: u16, owner: OwnerId, rest: [u8; 8]) -> Vec<u8> {
    let mut bytes = kind.to_le_bytes().to_vec();
    bytes.extend(0u16.to_le_bytes());
    bytes.extend(80u32.to_le_bytes());
    bytes.extend(7u64.to_le_bytes());
    bytes.extend(owner.slot.to_le_bytes());
    bytes.extend(owner.generation.to_le_bytes());
    // Cgroup and pid.
    bytes.resize(32, 0);
    bytes.extend(1u32.to_le_bytes());
    bytes.resize(72, 0);
    bytes.extend(rest);
    bytes
}

fn batch(now_ns: u64, fill: impl FnOnce(&mut Batch)) -> Batch {
    let mut batch = Batch { now_ns, ..Batch::default() };
    fill(&mut batch);
    batch
}

/// Calls of a container, of the runtime on its behalf, and of the host; one event of each, and losses.
fn story() -> Vec<Batch> {
    vec![
        batch(100, |b| {
            b.identities.push(identity(WEB, Phase::Workload, Owner::Unknown(UnknownReason::Pending)));
            b.identities.push(identity(SETUP, Phase::Setup, web()));
            b.records.extend(record(WEB, 1));
            b.records.extend(record(SETUP, 2));
        }),
        batch(1_000_000_000, |b| {
            b.identities.push(identity(WEB, Phase::Workload, web()));
            b.identities.push(identity(HOST, Phase::Workload, Owner::Host));
            b.records.extend(record(HOST, 3));
            b.records.extend(record(WEB, 4));
            b.sample = Some(Sample {
                calls: vec![
                    call(WEB, 257, 10, &[(10, 10)]),
                    call(SETUP, 165, 5, &[]),
                    call(HOST, 0, 99, &[]),
                ],
                outcomes: vec![
                    failed(WEB, 257, 2, outcome::FAILED, 3),
                    failed(WEB, 257, 1, outcome::DENIED, 2),
                ],
                tallies: vec![TallySample {
                    owner: WEB,
                    tally: Tally { seen: 7, filtered: 1, sent: 4, lost: lost(&[(Loss::Ring, 2)]) },
                }],
                arguments: vec![ArgumentSample {
                    owner: WEB,
                    key: ArgumentKey {
                        call: CallKey { owner: WEB.slot, abi: 0, nr: 257 },
                        values: [7, u32::MAX],
                    },
                    count: 10,
                }],
                ..Sample::default()
            });
        }),
        batch(3_000_000_000, |b| {
            let mut gone = identity(WEB, Phase::Workload, web());
            gone.ended = true;
            b.identities.push(gone);
            b.sample = Some(Sample {
                calls: vec![call(WEB, 257, 14, &[(10, 10), (20, 4)])],
                outcomes: vec![failed(WEB, 257, 2, outcome::FAILED, 4)],
                tallies: Vec::new(),
                ..Sample::default()
            });
        }),
    ]
}

fn lost(places: &[(Loss, u64)]) -> [u64; PLACES] {
    let mut all = [0; PLACES];
    for &(place, count) in places {
        all[place as usize] = count;
    }
    all
}

/// What a sink was told.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

impl Sink for Notes {
    fn start(&mut self, _: &Session) -> std::io::Result<bool> {
        self.note("start".into());
        Ok(true)
    }
    fn event(
        &mut self,
        event: &Event<'_>,
        identity: Option<&Identity>,
        origin: Option<Origin>,
    ) -> std::io::Result<bool> {
        let name = match identity.map(|i| &i.owner) {
            Some(Owner::Container(container)) => container.display_name().to_owned(),
            other => format!("{other:?}"),
        };
        let What::Exit(exit) = event.what else { panic!("{event:?}") };
        let origin = origin.map(|origin| format!(" [{}]", origin.name())).unwrap_or_default();
        self.note(format!("{name}{origin} {}", exit.code()));
        Ok(true)
    }
    fn container(&mut self, event: &ContainerEvent) -> std::io::Result<bool> {
        let name = event.container.display_name();
        self.note(match event.what {
            Stage::Start => format!("{name} started at {}", event.ktime_ns),
            Stage::Stop { exit, lifetime_ns, used: Used { calls, errors, denied, setup } } => {
                let code = exit.map(|exit| exit.code());
                format!("{name} ended {code:?} after {lifetime_ns:?}: {calls} {errors} {denied} {setup}")
            }
        });
        Ok(true)
    }
    fn lost(&mut self, _: u64, lost: &Lost<'_>) -> std::io::Result<bool> {
        self.note(format!("lost {} {}", lost.place, lost.count));
        Ok(true)
    }
    fn flush(&mut self) -> std::io::Result<bool> {
        Ok(true)
    }
    fn stop(&mut self, _: u64, ledger: &Ledger) -> std::io::Result<bool> {
        self.note(format!("stop {}", ledger.balances()));
        Ok(true)
    }
}

struct Told {
    snapshots: Vec<Snapshot>,
    notes: Vec<String>,
    ledger: Ledger,
}

fn tell(source: impl Source, wanted: Wanted) -> Told {
    let model = Model::new(source.session().clone(), GRACE_NS);
    let notes = Notes::default();
    let select = Select::parse(&Asked::default(), Arch::X86_64).unwrap();
    let mut pipeline =
        Pipeline::new(source, model, wanted).with_events(Events { sink: Box::new(notes.clone()), select });
    assert!(pipeline.start().unwrap());
    let mut snapshots = Vec::new();
    while let Some(Status::Busy | Status::Idle) = pipeline.step(true).unwrap() {
        if pipeline.sampled() {
            snapshots.push(pipeline.snapshot());
        }
    }
    let ledger = pipeline.finish().unwrap();
    let notes = notes.0.lock().unwrap().clone();
    Told { snapshots, notes, ledger }
}

const ENTERED: OwnerId = OwnerId { slot: 5, generation: 1 };

/// [`WEB`] is entered by somebody, ends with 3 and is started again: its slot, but another owner.
fn two_lives() -> Vec<Batch> {
    let again = OwnerId { generation: 2, ..WEB };
    let all = || {
        [(WEB, Phase::Workload), (SETUP, Phase::Setup), (ENTERED, Phase::Exec)]
            .map(|(id, phase)| identity(id, phase, web()))
    };
    let tally = |seen| Tally { seen, filtered: 0, sent: seen, lost: lost(&[]) };
    let tallies = |owner, seen| vec![TallySample { owner, tally: tally(seen) }];
    vec![
        batch(100, |b| {
            let pending = Owner::Unknown(UnknownReason::Pending);
            b.identities.push(identity(WEB, Phase::Workload, pending));
            b.records.extend(ended(WEB, 3));
        }),
        batch(200, |b| {
            b.identities.extend(all());
            b.records.extend(record(SETUP, 9));
            b.records.extend(record(ENTERED, 4));
        }),
        batch(300, |b| b.identities.extend(all().map(|i| Identity { ended: true, ..i }))),
        batch(1_000_000_000, |b| {
            let next = Identity { first_ns: 900, ..identity(again, Phase::Workload, web()) };
            b.identities.push(next);
            b.sample = Some(Sample {
                calls: vec![call(WEB, 257, 10, &[]), call(ENTERED, 0, 7, &[]), call(SETUP, 165, 5, &[])],
                outcomes: vec![
                    failed(WEB, 257, 2, outcome::FAILED, 3),
                    failed(ENTERED, 0, 1, outcome::DENIED, 2),
                ],
                tallies: tallies(SETUP, 2),
                ..Sample::default()
            });
        }),
        batch(2_000_000_000, |b| {
            let over = Identity { ended: true, first_ns: 900, ..identity(again, Phase::Workload, web()) };
            b.identities.push(over);
            b.sample = Some(Sample { calls: vec![call(again, 1, 1, &[])], ..Sample::default() });
        }),
        batch(3_000_000_000, |b| {
            b.identities.push(Identity { running: true, ..identity(HOST, Phase::Workload, web()) });
            b.sample = Some(Sample::default());
        }),
    ]
}

fn recorded(batches: &[Batch]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut recorder = Recorder::new(&mut file, &session()).unwrap();
    for batch in batches {
        recorder.write(batch).unwrap();
    }
    recorder.finish().unwrap();
    file
}

#[test]
fn totals_intervals_and_outcomes() {
    let told = tell(ListSource::new(session(), story()), Wanted::default());
    let [first, second] = told.snapshots.as_slice() else { panic!("two samples, two snapshots") };
    let [row] = first.rows.as_slice() else { panic!("the host was not asked for: {:?}", first.rows) };
    assert_eq!(row.name(), "web");
    assert_eq!(row.setup_calls, 5, "the runtime's calls are not the container's");
    assert_eq!((row.sum.count, row.sum.errors, row.sum.denied), (10, 5, 2));
    let [call] = row.calls.as_slice() else { panic!() };
    assert_eq!(
        call.errnos.iter().map(|e| (e.errno, e.total, e.total_denied)).collect::<Vec<_>>(),
        [(1, 2, 2), (2, 3, 0)]
    );
    assert_eq!(call.duration.unwrap().p50, 2047, "slot 10 holds 1024 to 2047 ns");
    assert_eq!((call.first.pid, call.first.comm.as_str(), call.first.wall_ns), (9, "sh", 1_005));

    let row = &second.rows[0];
    assert_eq!((second.interval_ns, row.sum.count, row.sum.errors), (2_000_000_000, 4, 1));
    assert_eq!((row.sum.total, row.sum.total_errors, row.sum.total_denied), (14, 6, 2));
    assert_eq!(row.calls[0].duration.unwrap().p50, 2_097_151, "only this interval's calls");
    assert_eq!(row.state, State::Running, "its set-up has not ended");
    assert_eq!(second.losses.iter().map(|l| (l.place, l.count)).collect::<Vec<_>>(), [("ring", 2)]);
}

#[test]
fn events_wait_for_their_owners_name_and_the_books_balance() {
    let told = tell(ListSource::new(session(), story()), Wanted::default());
    assert_eq!(told.notes, ["start", "web started at 0", "web 1", "web 4", "lost ring 2", "stop true"]);
    assert_eq!((told.ledger.seen, told.ledger.delivered, told.ledger.filtered), (8, 3, 3));
    assert_eq!(told.ledger.dropped["ring"], 2);
}

const LIVES: [&str; 7] = [
    "start",
    "web started at 0",
    "web [exec] 4",
    "web ended Some(3) after Some(7): 17 5 2 5",
    "web started at 900",
    "web ended None after Some(1999999100): 1 0 0 0",
    "stop true",
];

#[test]
fn containers_begin_and_end_live_and_from_a_recording() {
    let live = tell(ListSource::new(session(), two_lives()), Wanted::default());
    assert_eq!(live.notes, LIVES);
    assert_eq!((live.ledger.seen, live.ledger.delivered, live.ledger.filtered), (6, 5, 1));
    let replayed = tell(Replay::new(Cursor::new(recorded(&two_lives()))).unwrap(), Wanted::default());
    assert_eq!((replayed.notes, replayed.ledger), (live.notes, live.ledger));
}

#[test]
fn preparations_are_told_on_request() {
    let wanted = Wanted { setup: true, ..Wanted::default() };
    let told = tell(ListSource::new(session(), two_lives()), wanted);
    let mut expected = LIVES.to_vec();
    expected.insert(2, "web [setup] 9");
    assert_eq!(told.notes, expected);
    assert_eq!((told.ledger.delivered, told.ledger.filtered), (6, 0));
}

#[test]
fn containers_that_nobody_wants_begin_and_end_unheard() {
    let wanted = Wanted { names: vec!["db".into()], ..Wanted::default() };
    let told = tell(ListSource::new(session(), two_lives()), wanted);
    assert_eq!(told.notes, ["start", "stop true"]);
    assert_eq!((told.ledger.seen, told.ledger.delivered, told.ledger.filtered), (6, 0, 6));
}

#[test]
fn the_host_on_request() {
    let wanted = Wanted { host: true, ..Wanted::default() };
    let told = tell(ListSource::new(session(), story()), wanted);
    let subjects: Vec<_> = told.snapshots[0].rows.iter().map(|row| row.subject == Subject::Host).collect();
    assert_eq!(subjects, [false, true]);
    assert!(told.notes.contains(&"Some(Host) 3".to_owned()));
}

#[test]
fn what_nobody_wants_is_ignored_in_the_kernel() {
    let model = Model::new(session(), GRACE_NS);
    let wanted = Wanted { names: vec!["db".into()], ..Wanted::default() };
    let mut pipeline = Pipeline::new(ListSource::new(session(), story()), model, wanted);
    while pipeline.step(true).unwrap() != Some(Status::End) {}
    assert!(pipeline.source.ignored.contains(&HOST));
    assert!(pipeline.source.ignored.contains(&WEB), "its name is known and is another one");
}

#[test]
fn an_ended_container_leaves_after_its_grace() {
    let mut batches = story();
    batches.push(batch(1_000_000_000 + 2 * GRACE_NS, |b| {
        let mut gone = identity(SETUP, Phase::Setup, web());
        gone.ended = true;
        b.identities.push(gone);
        b.sample = Some(Sample::default());
    }));
    batches.push(batch(1_000_000_000 + 4 * GRACE_NS, |b| b.sample = Some(Sample::default())));
    let told = tell(ListSource::new(session(), batches), Wanted::default());
    let rows: Vec<_> = told.snapshots.iter().map(|s| s.rows.len()).collect();
    assert_eq!(rows, [1, 1, 1, 0]);
    assert_eq!(told.snapshots[2].rows[0].state, State::Ended);
}

#[test]
fn a_recording_tells_the_same_story() {
    let live = tell(ListSource::new(session(), story()), Wanted::default());
    let replay = Replay::new(Cursor::new(recorded(&story()))).unwrap();
    assert_eq!(replay.session(), &session());
    let replayed = tell(replay, Wanted::default());
    assert_eq!(replayed.snapshots, live.snapshots);
    let openat = &live.snapshots[0].rows[0].calls[0].life;
    assert_eq!(openat.values, [([7, u32::MAX], 10)].into());
    assert!(openat.more_values);
    assert_eq!(replayed.notes, live.notes);
    assert_eq!(replayed.ledger, live.ledger);
}

/// Records are put together in memory that is reused, and a text seldom ends where the next one begins.
#[test]
fn a_recording_has_nothing_of_other_processes() {
    let path = b"/etc/hostname";
    let mut record = vec![0; 144];
    record[..2].copy_from_slice(&kind::SYSCALL_MEMORY.to_le_bytes());
    record[4..8].copy_from_slice(&168_u32.to_le_bytes());
    record.extend(1_u32.to_le_bytes());
    record.extend(u32::try_from(path.len()).unwrap().to_le_bytes());
    record.extend(path);
    // Of the process that was here before.
    record.resize(168, b'!');
    let story = [batch(100, |b| b.records.clone_from(&record))];
    let file = recorded(&story);
    let has = |what: &[u8]| file.windows(what.len()).any(|bytes| bytes == what);
    assert!(has(path) && !has(b"!"));
    let mut replayed = Batch::default();
    Replay::new(Cursor::new(file.clone())).unwrap().poll(&mut replayed, true).unwrap();
    assert_eq!(decode::decode(&replayed.records), decode::decode(&record));
}

#[test]
fn a_recording_cut_anywhere_gives_what_is_whole() {
    let file = recorded(&story());
    let whole = tell(Replay::new(Cursor::new(file.clone())).unwrap(), Wanted::default());
    for len in 0..file.len() {
        let Ok(replay) = Replay::new(Cursor::new(file[..len].to_vec())) else { continue };
        let told = tell(replay, Wanted::default());
        assert!(whole.snapshots.starts_with(&told.snapshots), "cut at byte {len}");
    }
}

#[test]
fn a_recording_changed_anywhere_says_so() {
    let file = recorded(&story());
    for at in 0..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 0x40;
        let Ok(mut replay) = Replay::new(Cursor::new(damaged)) else { continue };
        let mut batch = Batch::default();
        while replay.poll(&mut batch, true).unwrap() != Status::End {
            batch.clear();
        }
        assert!(replay.problem().is_some(), "byte {at} was changed and nobody noticed");
    }
}

#[test]
fn other_files_are_refused() {
    for (bytes, part) in
        [(&b""[..], "no recording"), (b"{\"json\":1}", "no recording"), (b"ctrace\0\x02rest", "no recording")]
    {
        let error = Replay::new(Cursor::new(bytes)).err().unwrap().to_string();
        assert!(error.contains(part), "{bytes:?}: {error}");
    }
}
