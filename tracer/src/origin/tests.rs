use super::*;
use crate::batch::OwnerId;
use crate::container::{Runtime, UnknownReason};
use crate::event::Process;

fn identity(phase: Phase, owner: Owner) -> Identity {
    Identity {
        id: OwnerId { slot: 2, generation: 1 },
        cgroup_id: 7,
        cgroup_path: None,
        pid_ns: 9,
        mnt_ns: 9,
        phase,
        first_ns: 0,
        first_pid: 1,
        running: false,
        lineage: false,
        ended: false,
        owner,
    }
}

fn web(phase: Phase) -> Identity {
    let healthcheck = ["/bin/sh", "-c", "curl -f localhost"].map(str::to_owned).to_vec();
    let container = Container { healthcheck, ..Container::unnamed(Runtime::Docker, "abc") };
    identity(phase, Owner::Container(Arc::new(container)))
}

fn event(pid: u32, session: Option<u32>, what: What<'_>) -> Event<'_> {
    let process = Process { pid, tid: pid, vpid: None, parent_pid: 1, uid: 0, session, comm: b"sh" };
    Event { ktime_ns: 0, owner: OwnerId { slot: 2, generation: 1 }, cgroup_id: 7, process, what }
}

const CHECK: Text<'_> = Text::Whole(b"/bin/sh\0-c\0curl -f localhost\0");
const SHELL: Text<'_> = Text::Whole(b"/bin/sh\0");

const fn exec(args: Text<'_>) -> What<'_> {
    What::Exec { filename: Text::Unread, args }
}

const fn exit() -> What<'static> {
    What::Exit(Exit { status: 0, process: true })
}

/// What its executions and ends of process 50, a session, and its child 51 are said to be.
fn origins(acts: Vec<(u32, What<'_>)>) -> Vec<&'static str> {
    let (mut origins, web) = (Origins::default(), web(Phase::Exec));
    let of = |(pid, what)| origins.of(&event(pid, Some(50), what), &web).unwrap().name();
    acts.into_iter().map(of).collect()
}

#[test]
fn a_check_is_known_by_what_its_session_executes_first() {
    assert_eq!(
        origins(vec![(50, exec(CHECK)), (51, exec(SHELL)), (50, exec(SHELL)), (51, exit()), (50, exit())]),
        ["healthcheck"; 5]
    );
    assert_eq!(
        origins(vec![(50, exec(SHELL)), (50, exec(CHECK)), (51, exec(CHECK)), (50, exit())]),
        ["exec"; 4],
        "somebody tries the check by hand, from a shell"
    );
    assert_eq!(origins(vec![(51, exec(CHECK)), (51, exit())]), ["exec"; 2], "it began before the trace");
    let threads_end = What::Exit(Exit { status: 0, process: false });
    assert_eq!(origins(vec![(50, exec(CHECK)), (50, threads_end), (50, exit())]), ["healthcheck"; 3]);
}

#[test]
fn a_pid_used_again_is_another_session() {
    let acts = vec![(50, exec(CHECK)), (50, exit()), (50, exec(SHELL)), (50, exit()), (50, exec(CHECK))];
    assert_eq!(origins(acts), ["healthcheck", "healthcheck", "exec", "exec", "healthcheck"]);
    // Its end was lost, and now it is in another container.
    let mut origins = Origins::default();
    origins.of(&event(50, Some(50), exec(CHECK)), &web(Phase::Exec));
    let other = Container { healthcheck: vec!["x".into()], ..Container::unnamed(Runtime::Docker, "def") };
    let other = identity(Phase::Exec, Owner::Container(Arc::new(other)));
    assert_eq!(origins.of(&event(50, Some(50), exec(SHELL)), &other), Some(Origin::Exec));
}

#[test]
fn arguments_are_compared_as_far_as_they_were_read() {
    let long = ["/bin/check".to_owned(), "x".repeat(1000)];
    let bytes = [b"/bin/check\0".as_slice(), &[b'x'; 501]].concat();
    assert!(is_healthcheck(&Text::Cut(&bytes), &long));
    assert!(!is_healthcheck(&Text::Whole(&bytes), &long));
    assert!(!is_healthcheck(&Text::Cut(b""), &long) && !is_healthcheck(&Text::Unread, &long));
    assert!(!is_healthcheck(&Text::Cut(b"/bin/check\0y"), &long));
    assert!(!is_healthcheck(&Text::Whole(b""), &[]), "no check at all");
    // Words must not run together.
    assert!(!is_healthcheck(&Text::Whole(b"a b\0"), &["a".to_owned(), "b".to_owned()]));
}

#[test]
fn the_containers_own_and_the_hosts_have_none() {
    let of = |identity: &Identity| Origins::default().of(&event(5, None, exit()), identity);
    assert_eq!(of(&web(Phase::Workload)), None);
    assert_eq!(of(&web(Phase::Setup)), Some(Origin::Setup));
    assert_eq!(of(&web(Phase::Exec)), Some(Origin::Exec), "its session is not known");
    for owner in [Owner::Host, Owner::Unknown(UnknownReason::Pending)] {
        assert_eq!(of(&identity(Phase::Setup, owner.clone())), None);
        assert_eq!(of(&identity(Phase::Exec, owner)), None);
    }
}

#[test]
fn it_remembers_only_so_many() {
    let (mut origins, web) = (Origins::default(), web(Phase::Exec));
    for pid in 1..10_000 {
        origins.of(&event(pid, Some(pid), exec(SHELL)), &web);
        assert!(origins.sessions.len() <= SESSIONS_MAX);
    }
}
