use super::*;
use crate::container::Runtime;

const S: u64 = 1_000_000_000;

fn id(slot: u32) -> OwnerId {
    OwnerId { slot, generation: 1 }
}

fn web() -> Container {
    Container { name: Some("web".into()), ..Container::unnamed(Runtime::Podman, "abc") }
}

/// Of [`web`]; in slot N it came N seconds after the start, its first process has pid 100 + N.
fn owner(slot: u32, phase: Phase) -> Identity {
    Identity {
        id: id(slot),
        cgroup_id: 7,
        cgroup_path: Some("/web".into()),
        pid_ns: 9,
        mnt_ns: 9,
        phase,
        first_ns: u64::from(slot) * S,
        first_pid: 100 + slot,
        running: false,
        lineage: false,
        ended: false,
        owner: Owner::Container(Arc::new(web())),
    }
}

fn of(container: Container, identity: Identity) -> Identity {
    Identity { owner: Owner::Container(Arc::new(container)), ..identity }
}

fn gone(identity: Identity) -> Identity {
    Identity { ended: true, ..identity }
}

/// `exit(code)` of a process that no pid namespace depends on.
fn end(slot: u32, pid: u32, code: u32) -> Ended {
    Ended { ktime_ns: 50 * S, owner: id(slot), pid, status: code << 8, namespace: false }
}

fn init_end(slot: u32, pid: u32, code: u32) -> Ended {
    Ended { namespace: true, ..end(slot, pid, code) }
}

/// As an owner in slot N calls: 10 * N, of which N fail.
fn used(owner: OwnerId) -> Used {
    let slot = u64::from(owner.slot);
    if slot == 1 {
        return Used { setup: 5, ..Used::default() };
    }
    Used { calls: 10 * slot, errors: slot, denied: 1, setup: 0 }
}

/// What is told after what has come so far, and a sample where there is one.
fn told(lifecycle: &mut Lifecycle, sample: bool) -> Vec<ContainerEvent> {
    let mut events = lifecycle.starts(|_| Verdict::Yes);
    if sample {
        lifecycle.settle(u64::MAX, used);
    }
    events.extend(lifecycle.stops(|_| Verdict::Yes));
    events.into_iter().map(|(event, _)| event).collect()
}

/// Its events' names and, of ends, the exit code, if known.
fn lived(happened: &[ContainerEvent]) -> Vec<(&'static str, Option<u32>)> {
    let code = |stage: &Stage| match stage {
        Stage::Start => None,
        Stage::Stop { exit, .. } => exit.map(|exit| exit.code()),
    };
    happened.iter().map(|event| (event.what.name(), code(&event.what))).collect()
}

const STARTED: (&str, Option<u32>) = (Stage::START, None);
const fn stopped(code: Option<u32>) -> (&'static str, Option<u32>) {
    (Stage::STOP, code)
}

#[test]
fn a_life() {
    let mut lifecycle = Lifecycle::default();
    lifecycle.learn(&[owner(1, Phase::Setup)], 0);
    assert_eq!(told(&mut lifecycle, true), []);
    lifecycle.learn(&[owner(2, Phase::Workload)], 0);
    let start = told(&mut lifecycle, true);
    let [ContainerEvent { ktime_ns, container, pid, what: Stage::Start }] = start.as_slice() else {
        panic!("{start:?}")
    };
    assert_eq!((*ktime_ns, container.display_name(), *pid), (2 * S, "web", Some(102)));
    lifecycle.learn(&[owner(3, Phase::Exec)], 0);
    lifecycle.ended(end(2, 102, 3));
    lifecycle.learn(&[gone(owner(1, Phase::Setup)), gone(owner(2, Phase::Workload))], 60 * S);
    assert_eq!(told(&mut lifecycle, true), [], "its exec session is still there");
    lifecycle.learn(&[gone(owner(3, Phase::Exec))], 61 * S);
    assert_eq!(told(&mut lifecycle, false), [], "its counts are not final");
    let stop = told(&mut lifecycle, true);
    let expected = ContainerEvent {
        ktime_ns: 50 * S,
        container: Arc::new(web()),
        pid: Some(102),
        what: Stage::Stop {
            exit: Some(Exit { status: 3 << 8, process: true }),
            lifetime_ns: Some(48 * S),
            used: Used { calls: 50, errors: 5, denied: 2, setup: 5 },
        },
    };
    assert_eq!(stop, [expected]);
    assert_eq!(told(&mut lifecycle, true), []);
    assert!(lifecycle.lives.is_empty() && lifecycle.early.is_empty());
}

#[test]
fn a_sample_may_come_too_early() {
    let mut lifecycle = Lifecycle::default();
    lifecycle.learn(&[owner(2, Phase::Workload)], 0);
    lifecycle.learn(&[gone(owner(2, Phase::Workload))], 5 * S);
    lifecycle.settle(5 * S + 1, |_| panic!("who was killed with it may still call"));
    assert_eq!(lifecycle.stops(|_| Verdict::Yes), []);
    lifecycle.settle(6 * S, used);
    assert_eq!(lifecycle.starts(|_| Verdict::Yes).len() + lifecycle.stops(|_| Verdict::Yes).len(), 2);
}

/// It was there and gone between two polls, and its end came before its name.
#[test]
fn a_short_life() {
    let mut lifecycle = Lifecycle::default();
    let pending = Owner::Unknown(UnknownReason::Pending);
    lifecycle.learn(&[Identity { owner: pending, ..owner(2, Phase::Workload) }], 0);
    lifecycle.ended(init_end(2, 102, 0));
    lifecycle.learn(&[gone(owner(1, Phase::Setup)), gone(owner(2, Phase::Workload))], 0);
    assert_eq!(lived(&told(&mut lifecycle, true)), [STARTED, stopped(Some(0))]);
}

#[test]
fn what_ran_before_has_no_beginning() {
    let running = Identity { running: true, ..owner(2, Phase::Workload) };
    let entered = [owner(2, Phase::Exec), Identity { running: true, ..owner(3, Phase::Workload) }];
    // Somebody entered it and made a sandbox, before its own program called anything.
    let sandbox = [owner(2, Phase::Exec), Identity { pid_ns: 11, ..owner(3, Phase::Workload) }];
    for owners in [vec![running], entered.to_vec(), sandbox.to_vec()] {
        let mut lifecycle = Lifecycle::default();
        lifecycle.learn(&owners, 0);
        assert_eq!(told(&mut lifecycle, true), [], "{owners:?}");
        lifecycle.learn(&owners.into_iter().map(gone).collect::<Vec<_>>(), 70 * S);
        let stop = told(&mut lifecycle, true);
        let [ContainerEvent { what: Stage::Stop { exit: None, lifetime_ns: None, .. }, ktime_ns, .. }] =
            stop.as_slice()
        else {
            panic!("{stop:?}")
        };
        assert_eq!(*ktime_ns, 70 * S, "when it became known");
    }
}

#[test]
fn an_entrypoint_known_late_was_still_first() {
    let mut lifecycle = Lifecycle::default();
    lifecycle.learn(&[owner(3, Phase::Exec)], 0);
    assert_eq!(told(&mut lifecycle, true), []);
    lifecycle.learn(&[owner(2, Phase::Workload)], 0);
    assert_eq!(lived(&told(&mut lifecycle, true)), [STARTED]);
}

/// Ends come in any order; the runtime's word on the pid may come last.
#[test]
fn the_exit_status_is_that_of_the_first_process() {
    let with_pid = |pid| Container { pid: Some(pid), ..web() };
    let hook = end(2, 102, 9);
    let sandbox = Ended { ktime_ns: 49 * S, ..init_end(3, 150, 137) };
    let joined = end(2, 160, 4);
    let init = init_end(2, 130, 3);
    for (container, ends, code) in [
        (web(), vec![end(2, 102, 3), sandbox, joined], Some(3)),
        (web(), vec![sandbox, init, hook, joined], Some(3)),
        (web(), vec![hook, sandbox, init], Some(3)),
        (with_pid(130), vec![hook, sandbox, end(2, 130, 3)], Some(3)),
        (with_pid(130), vec![end(2, 130, 3), hook], Some(3)),
        // Another life's pid.
        (with_pid(77), vec![sandbox, init], Some(3)),
        (web(), vec![sandbox, joined], None),
        (web(), vec![], None),
    ] {
        let inner = Identity { pid_ns: 11, ..owner(3, Phase::Workload) };
        let main = of(container, owner(2, Phase::Workload));
        for (first, sandboxes) in [(main.clone(), 100), (owner(2, Phase::Workload), 0)] {
            let mut lifecycle = Lifecycle::default();
            lifecycle.learn(&[first, inner.clone()], 0);
            let others = (0..sandboxes).map(|pid| init_end(3, 200 + pid, 1));
            for end in ends.iter().copied().chain(others) {
                lifecycle.ended(end);
            }
            lifecycle.learn(&[gone(main.clone()), gone(inner.clone())], 70 * S);
            let expected = [STARTED, stopped(code)];
            assert_eq!(lived(&told(&mut lifecycle, true)), expected, "{sandboxes}: {ends:?}");
        }
    }
}

#[test]
fn of_a_container_that_ran_before_the_namespace_tells_unless_there_are_several() {
    let running = |slot, pid_ns| Identity { running: true, pid_ns, ..owner(slot, Phase::Workload) };
    for (owners, code) in [
        (vec![running(2, 9)], Some(3)),
        (vec![running(2, 9), running(3, 11)], None),
        (vec![of(Container { pid: Some(102), ..web() }, running(2, 9)), running(3, 11)], Some(3)),
    ] {
        let mut lifecycle = Lifecycle::default();
        lifecycle.learn(&owners, 0);
        lifecycle.ended(init_end(2, 102, 3));
        lifecycle.ended(end(2, 104, 7));
        // The last word on a container need not have its pid.
        let last: Vec<_> = owners.into_iter().rev().map(gone).collect();
        lifecycle.learn(&last, 0);
        assert_eq!(lived(&told(&mut lifecycle, true)), [stopped(code)]);
    }
}

#[test]
fn killed_is_told_as_such() {
    let mut lifecycle = Lifecycle::default();
    lifecycle.learn(&[gone(owner(2, Phase::Workload))], 0);
    lifecycle.ended(Ended { status: 9, ..end(2, 102, 0) });
    let events = told(&mut lifecycle, true);
    let Stage::Stop { exit: Some(exit), .. } = &events[1].what else { panic!("{events:?}") };
    assert_eq!(exit.signal(), Some(9));
}

#[test]
fn a_restarted_container_lives_twice() {
    let mut lifecycle = Lifecycle::default();
    lifecycle.learn(&[owner(2, Phase::Workload)], 0);
    assert_eq!(lived(&told(&mut lifecycle, true)), [STARTED]);
    lifecycle.ended(end(2, 102, 1));
    // In one batch, the new one first; the slot is used again.
    let again =
        Identity { id: OwnerId { slot: 2, generation: 2 }, cgroup_id: 8, ..owner(4, Phase::Workload) };
    lifecycle.learn(&[again.clone(), gone(owner(2, Phase::Workload))], 0);
    assert_eq!(lived(&told(&mut lifecycle, true)), [stopped(Some(1))]);
    assert_eq!(lived(&told(&mut lifecycle, false)), [STARTED], "not before the end of the life before");
    // What is known late of the first life is no third one.
    lifecycle.learn(&[gone(owner(2, Phase::Workload))], 0);
    lifecycle.ended(end(2, 102, 1));
    assert_eq!(told(&mut lifecycle, true), []);
    lifecycle.ended(Ended { owner: again.id, ..end(2, 104, 2) });
    lifecycle.learn(&[gone(again)], 0);
    assert_eq!(lived(&told(&mut lifecycle, true)), [stopped(Some(2))]);
    assert!(lifecycle.lives.is_empty() && lifecycle.early.is_empty());
}

#[test]
fn duplicates_and_contradictions_add_nothing() {
    let mut lifecycle = Lifecycle::default();
    let all = [owner(1, Phase::Setup), owner(2, Phase::Workload)];
    for _ in 0..3 {
        lifecycle.learn(&all, 0);
    }
    lifecycle.learn(&all.clone().map(gone), 0);
    lifecycle.learn(&all, 0);
    lifecycle.learn(&all.clone().map(gone), 0);
    let events = told(&mut lifecycle, true);
    assert_eq!(lived(&events), [STARTED, stopped(None)]);
    let Stage::Stop { used, .. } = events[1].what else { panic!() };
    assert_eq!((used.calls, used.setup), (20, 5));
    lifecycle.learn(&all, 0);
    assert_eq!(told(&mut lifecycle, true), []);
}

#[test]
fn what_never_ran_a_program_is_not_told_of() {
    let mut lifecycle = Lifecycle::default();
    lifecycle.learn(&[gone(owner(1, Phase::Setup))], 0);
    assert_eq!(told(&mut lifecycle, true), []);
    assert!(lifecycle.lives.is_empty());
    // What prepares may be gone before the program is known.
    lifecycle.learn(&[gone(owner(1, Phase::Setup))], 0);
    lifecycle.learn(&[Identity { id: id(6), ..gone(owner(1, Phase::Setup)) }], 0);
    lifecycle.learn(&[owner(2, Phase::Workload)], 0);
    assert_eq!(lived(&told(&mut lifecycle, true)), [STARTED]);
}

#[test]
fn containers_inside_containers_have_lives_of_their_own() {
    let inner = || Container { parent: Some("abc".into()), ..Container::unnamed(Runtime::Runc, "inner") };
    let mut lifecycle = Lifecycle::default();
    // At first the inner one looks like a part of the outer one.
    lifecycle.learn(&[owner(2, Phase::Workload), owner(3, Phase::Workload)], 0);
    lifecycle.learn(&[of(inner(), owner(3, Phase::Workload))], 0);
    assert_eq!(lived(&told(&mut lifecycle, true)), [STARTED, STARTED]);
    lifecycle.ended(init_end(3, 103, 5));
    lifecycle.learn(&[gone(of(inner(), owner(3, Phase::Workload)))], 0);
    let stop = told(&mut lifecycle, true);
    assert_eq!(
        (lived(&stop).as_slice(), stop[0].container.id.as_str()),
        ([stopped(Some(5))].as_slice(), "inner")
    );
    lifecycle.learn(&[gone(owner(2, Phase::Workload))], 0);
    assert_eq!(lived(&told(&mut lifecycle, true)), [stopped(None)]);
}

#[test]
fn what_nobody_can_judge_yet_waits_and_keeps_its_order() {
    let mut lifecycle = Lifecycle::default();
    let unnamed = || Container { name: None, ..web() };
    lifecycle.learn(&[gone(of(unnamed(), owner(2, Phase::Workload)))], 0);
    let named = |identity: &Identity| match &identity.owner {
        Owner::Container(container) if container.name.is_some() => Verdict::No,
        Owner::Container(_) | Owner::Host | Owner::Unknown(_) => Verdict::Wait,
    };
    assert_eq!(lifecycle.starts(named), []);
    lifecycle.settle(u64::MAX, used);
    assert_eq!(lifecycle.stops(|_| Verdict::Yes), [], "not before its beginning");
    assert_eq!(lifecycle.stops(named), []);
    // The name comes when all is over.
    lifecycle.learn(&[gone(owner(2, Phase::Workload))], 0);
    let start = lifecycle.starts(named);
    assert_eq!((start.len(), start[0].1), (1, Verdict::No));
    let stop = lifecycle.stops(named);
    assert_eq!((stop.len(), stop[0].1, stop[0].0.container.name.as_deref()), (1, Verdict::No, Some("web")));
}

#[test]
fn no_container_leaves_no_trace() {
    let mut lifecycle = Lifecycle::default();
    for slot in 0..10_000 {
        lifecycle.ended(init_end(slot, slot, 0));
    }
    assert_eq!(lifecycle.early.len(), EARLY_MAX);
    for slot in 0..10_000 {
        lifecycle.learn(&[Identity { owner: Owner::Host, ..owner(slot, Phase::Workload) }], 0);
    }
    assert!(lifecycle.early.is_empty() && told(&mut lifecycle, true).is_empty());
}
