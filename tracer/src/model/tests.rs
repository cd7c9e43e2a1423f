//! What is told of each call beside its counts.

use std::sync::Arc;

use tracer_common::key::{ArgumentKey, CallInfo, CallKey};
use tracer_common::limits::ARGUMENT_VALUES;

use super::*;
use crate::batch::{Arch, ArgumentSample, CallSample, Sample};
use crate::container::{Container, Owner, Runtime};
use crate::event::{Abi, Process, Text, What};
use crate::origin::Origin;
use crate::snapshot::{CallRow, Made};

const WEB: OwnerId = OwnerId { slot: 2, generation: 1 };
const EXEC: OwnerId = OwnerId { slot: 3, generation: 1 };
const SETUP: OwnerId = OwnerId { slot: 4, generation: 1 };

const READ: u16 = 0;
const WRITE: u16 = 1;
const SOCKET: u16 = 41;
const LISTEN: u16 = 50;
const MKDIR: u16 = 83;

fn model() -> Model {
    let session = Session {
        version: "0".into(),
        host_name: "node".into(),
        kernel: "6.12".into(),
        arch: Arch::X86_64,
        wall_offset_ns: 0,
        started_ns: 0,
        features: 0,
    };
    let mut model = Model::new(session, GRACE_NS);
    let healthcheck = vec!["probe".to_owned(), "1".to_owned()];
    let web = Arc::new(Container { healthcheck, ..Container::unnamed(Runtime::Podman, "abc") });
    let identities = [(WEB, Phase::Workload), (EXEC, Phase::Exec), (SETUP, Phase::Setup)];
    let identities = identities.map(|(id, phase)| Identity {
        id,
        cgroup_id: 7,
        cgroup_path: None,
        pid_ns: 1,
        mnt_ns: 1,
        phase,
        first_ns: 0,
        first_pid: 1,
        running: false,
        lineage: false,
        ended: false,
        owner: Owner::Container(Arc::clone(&web)),
    });
    model.apply(&Batch { now_ns: 1, identities: identities.into(), ..Batch::default() });
    model
}

/// Since when it was made, how often, and when again.
fn call(owner: OwnerId, nr: u16, first_ns: u64, count: u64, again_ns: u64) -> CallSample {
    let (first_session, values) = (0, 0);
    let info =
        CallInfo { cell: 1, first_tgid: 9, first_ns, first_comm: [0; 16], first_session, values, again_ns };
    CallSample { owner, key: CallKey { owner: owner.slot, abi: 0, nr }, info, count, latency: None }
}

fn sampled(model: &mut Model, now_ns: u64, sample: Sample) {
    model.apply(&Batch { now_ns, sample: Some(sample), ..Batch::default() });
}

fn row(model: &mut Model, number: u16) -> CallRow {
    let snapshot = model.snapshot();
    let call = snapshot.rows[0].calls.iter().find(|call| (call.abi, call.number) == (Abi::Native, number));
    call.cloned().unwrap_or_else(|| panic!("no call {number}"))
}

#[test]
fn what_comes_after_the_first_listen_is_known_to_the_call_or_to_the_sample() {
    let mut model = model();
    let first = [
        call(SETUP, WRITE, 10, 5, 0),
        call(WEB, READ, 20, 5, 0),
        call(WEB, WRITE, 30, 5, 0),
        call(EXEC, MKDIR, 40, 1, 0),
        call(EXEC, SOCKET, 50, 1, 0),
    ];
    sampled(&mut model, 100, Sample { calls: first.into(), ..Sample::default() });
    // The moment lies between two samples: of its owner each call is known, of the session none.
    let second = [
        call(WEB, READ, 20, 9, 0),
        call(WEB, WRITE, 30, 6, 170),
        call(WEB, LISTEN, 150, 1, 0),
        call(WEB, MKDIR, 160, 1, 0),
        call(EXEC, SOCKET, 50, 2, 0),
    ];
    sampled(&mut model, 200, Sample { calls: second.into(), ..Sample::default() });
    let made = |model: &mut Model, number| row(model, number).life.since_serving;
    assert_eq!(made(&mut model, READ), Made::No);
    assert_eq!(made(&mut model, WRITE), Made::Yes);
    assert_eq!(made(&mut model, LISTEN), Made::Yes);
    assert_eq!(made(&mut model, MKDIR), Made::Yes, "one of two owners made it");
    assert_eq!(made(&mut model, SOCKET), Made::Perhaps);
    let last = |model: &mut Model, number| {
        let life = row(model, number).life;
        (life.last_after_wall_ns, life.last_wall_ns)
    };
    assert_eq!(last(&mut model, READ), (100, 200));
    assert_eq!(last(&mut model, LISTEN), (150, 200), "not before it was made first");
    let in_setup = |model: &mut Model, number| row(model, number).life.in_setup;
    assert!(in_setup(&mut model, WRITE) && !in_setup(&mut model, READ));
    // What a whole interval lies behind needs no note.
    sampled(&mut model, 300, Sample { calls: vec![call(WEB, READ, 20, 10, 0)], ..Sample::default() });
    assert_eq!(made(&mut model, READ), Made::Yes);
}

#[test]
fn nothing_serves_that_never_listened() {
    let mut model = model();
    sampled(&mut model, 100, Sample { calls: vec![call(WEB, READ, 20, 5, 0)], ..Sample::default() });
    assert_eq!(row(&mut model, READ).life.since_serving, Made::No);
}

#[test]
fn arguments_are_added_up_and_others_are_not_forgotten() {
    let mut model = model();
    let with = |owner: OwnerId, value: u32, count| ArgumentSample {
        owner,
        key: ArgumentKey { call: CallKey { owner: owner.slot, abi: 0, nr: SOCKET }, values: [value, 0] },
        count,
    };
    let calls = vec![call(WEB, SOCKET, 1, 3, 0), call(EXEC, SOCKET, 2, 4, 0)];
    let arguments = vec![with(WEB, 2, 3), with(EXEC, 2, 3), with(EXEC, 1, 1)];
    sampled(&mut model, 100, Sample { calls, arguments, ..Sample::default() });
    let life = row(&mut model, SOCKET).life;
    assert_eq!(life.values, [([1, 0], 1), ([2, 0], 6)].into());
    assert!(!life.more_values);
    let mut more = call(EXEC, SOCKET, 2, 5, 0);
    more.info.values = ARGUMENT_VALUES + 1;
    let arguments = vec![with(WEB, 2, 4)];
    sampled(&mut model, 200, Sample { calls: vec![more], arguments, ..Sample::default() });
    let life = row(&mut model, SOCKET).life;
    assert_eq!(life.values[&[2, 0]], 7, "they are totals");
    assert!(life.more_values);
}

#[test]
fn the_first_caller_is_of_the_program_or_of_a_session() {
    let mut model = model();
    let began = |model: &mut Model, pid: u32, args: &[u8], session: u32| {
        let process =
            Process { pid, tid: pid, vpid: None, parent_pid: 1, uid: 0, session: Some(session), comm: b"" };
        model.executed(&Event {
            ktime_ns: 1,
            owner: EXEC,
            cgroup_id: 7,
            process,
            what: What::Exec { filename: Text::Unread, args: Text::Whole(args) },
        });
    };
    began(&mut model, 50, b"probe\x001\0", 50);
    // What a session executes later makes it nothing else.
    began(&mut model, 50, b"other\0", 50);
    began(&mut model, 60, b"sh\0", 60);
    began(&mut model, 61, b"probe\x001\0", 60);
    let first = |mut call: CallSample, session| {
        call.info.first_session = session;
        call
    };
    let calls = vec![
        call(WEB, READ, 5, 1, 0),
        first(call(EXEC, READ, 4, 1, 0), 60),
        first(call(EXEC, WRITE, 4, 1, 0), 50),
        call(WEB, LISTEN, 3, 1, 0),
        first(call(EXEC, LISTEN, 4, 1, 0), 50),
        first(call(EXEC, MKDIR, 4, 1, 0), 61),
    ];
    sampled(&mut model, 100, Sample { calls, ..Sample::default() });
    let origin = |model: &mut Model, number| row(model, number).first.origin;
    assert_eq!(origin(&mut model, READ), Some(Origin::Exec));
    assert_eq!(origin(&mut model, WRITE), Some(Origin::Healthcheck));
    assert_eq!(origin(&mut model, LISTEN), None);
    assert_eq!(origin(&mut model, MKDIR), Some(Origin::Exec), "a session of which nothing is known");
}
