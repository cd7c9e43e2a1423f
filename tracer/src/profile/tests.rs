use std::sync::Arc;

use tracer_common::limits::INVALID_NR;

use super::*;
use crate::batch::{Arch, Session};
use crate::container::{Container, Runtime};
use crate::origin::Origin;
use crate::snapshot::{Counts, ErrnoRow, FirstCall, Life, LossRow, Resources, Spectrum, Subject};

const MKDIR: u16 = 83;
const CLONE3: u16 = 435;
const EPERM: u16 = 1;

fn container(id: &str) -> Arc<Container> {
    Arc::new(Container {
        name: Some("\x1b[31mweb".into()),
        pid: Some(7),
        ..Container::unnamed(Runtime::Runc, id)
    })
}

pub(super) fn call(abi: Abi, number: u16, total: u64, denied: u64) -> CallRow {
    let errnos = if denied > 0 {
        vec![ErrnoRow {
            errno: EPERM,
            count: 0,
            first_wall_ns: 0,
            last_wall_ns: 0,
            total: denied,
            total_denied: denied,
        }]
    } else {
        vec![]
    };
    CallRow {
        abi,
        number,
        counts: Counts { total, total_errors: denied, total_denied: denied, ..Counts::default() },
        errnos,
        duration: None,
        spectrum: Spectrum::default(),
        time_ns: 0,
        first: FirstCall { wall_ns: 1_000_000_000, pid: 7, comm: "\x1b[2J".into(), origin: None },
        life: Life::default(),
    }
}

pub(super) fn native(number: u16) -> CallRow {
    call(Abi::Native, number, 3, 0)
}

pub(super) fn snapshot(calls: Vec<CallRow>) -> Snapshot {
    let row = Row {
        subject: Subject::Container(container("aaaa")),
        state: State::Ended,
        calls,
        sum: Counts::default(),
        duration: None,
        spectrum: Spectrum::default(),
        resources: Resources::default(),
        setup_calls: 40,
    };
    Snapshot {
        wall_ns: 61_500_000_000,
        interval_ns: 0,
        elapsed_ns: 70_000_000_000,
        arch: Arch::X86_64,
        losses: vec![],
        rows: vec![row],
        own: None,
        closeup: None,
    }
}

fn of(snapshot: &Snapshot) -> Generated {
    generate(&snapshot.rows[0], snapshot, &Options::default())
}

fn loss(place: &'static str, container: Option<Arc<Container>>) -> LossRow {
    LossRow { place, container, count: 5 }
}

#[test]
fn golden() {
    // The smallest set of additions, so that every name can be read here.
    let options = Options {
        runtimes: Runtimes { engine: Some(Engine::Crun), no_new_privs: Some(true), exec: false },
        ..Options::default()
    };
    let snapshot = snapshot(vec![native(1), native(257), native(MKDIR), call(Abi::Compat, 20, 1, 0)]);
    let generated = generate(&snapshot.rows[0], &snapshot, &options);
    assert_eq!(generated.verdict, Verdict::Complete);
    insta::assert_snapshot!(generated.profile.to_json().unwrap());
}

#[test]
fn summary_of_a_good_recording() {
    insta::assert_snapshot!(of(&snapshot(vec![native(0), native(1), native(257)])));
}

#[test]
fn summary_of_a_bad_recording() {
    let mut snapshot = snapshot(vec![
        native(0),
        native(425),
        call(Abi::Native, CLONE3, 2, 2),
        call(Abi::Native, 1, 9, 1),
        call(Abi::Compat, 39, 1, 1),
        call(Abi::X32, 700, 1, 0),
    ]);
    snapshot.losses = vec![loss("call_table", Some(container("aaaa"))), loss("owner_table", None)];
    snapshot.rows[0].setup_calls = 0;
    snapshot.rows[0].state = State::Running;
    insta::assert_snapshot!(of(&snapshot));
}

#[test]
fn counts_add_up_and_names_come_once() {
    let generated = of(&snapshot(vec![native(0), native(MKDIR), call(Abi::X32, MKDIR, 1, 0)]));
    let Generated { profile, observed, added_for_runtime, always, .. } = generated;
    assert_eq!(observed, 2);
    assert_eq!(profile.names.len(), observed + added_for_runtime.len() + always.len());
    assert!(!added_for_runtime.contains(&"read") && added_for_runtime.contains(&"openat2"));
    assert_eq!(profile.architectures(), ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"]);
}

#[test]
fn the_order_of_calls_does_not_matter() {
    let calls = vec![native(1), native(MKDIR), native(257), call(Abi::Native, CLONE3, 2, 2)];
    let reversed = calls.iter().rev().cloned().collect();
    assert_eq!(of(&snapshot(calls)), of(&snapshot(reversed)));
}

#[test]
fn a_refused_call_is_reported_and_not_allowed() {
    let generated = of(&snapshot(vec![native(0), call(Abi::Native, CLONE3, 5, 5)]));
    assert!(!generated.profile.names.contains("clone3"));
    assert_eq!(generated.refused, [Refused { name: "clone3", abi: Abi::Native, count: 5, allowed: false }]);
    assert_eq!(generated.observed, 1);
}

#[test]
fn a_call_that_was_refused_only_sometimes_is_allowed_and_reported() {
    let generated = of(&snapshot(vec![call(Abi::Native, CLONE3, 5, 4)]));
    assert!(generated.profile.names.contains("clone3"));
    assert_eq!(generated.refused, [Refused { name: "clone3", abi: Abi::Native, count: 4, allowed: true }]);
}

#[test]
fn an_abi_that_was_only_refused_is_not_listed() {
    let generated = of(&snapshot(vec![native(0), call(Abi::Compat, 39, 1, 1)]));
    assert_eq!(generated.profile.architectures(), ["SCMP_ARCH_X86_64"]);
}

#[test]
fn arm64_has_its_own_architectures() {
    let mut snapshot = snapshot(vec![native(63), call(Abi::Compat, 39, 1, 0)]);
    snapshot.arch = Arch::Aarch64;
    let profile = of(&snapshot).profile;
    assert_eq!(profile.architectures(), ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]);
    assert!(profile.names.contains("mkdir") && profile.names.contains("set_tls"));
    assert!(!profile.names.contains("time"));
}

#[test]
fn a_number_without_a_name_is_reported_and_spoils_the_profile() {
    let generated = of(&snapshot(vec![native(0), call(Abi::Native, 480, 2, 0)]));
    assert_eq!(
        generated.unknown_numbers,
        [UnknownNumber { abi: Abi::Native, number: 480, total: 2, missing_in_kernel: false }]
    );
    assert_eq!(
        generated.verdict,
        Verdict::Partial(vec![Reason::Unnamed { arch: Arch::X86_64, abi: Abi::Native, number: 480 }])
    );
    assert_eq!(generated.profile.names, of(&snapshot(vec![native(0)])).profile.names);
}

#[test]
fn a_number_that_the_kernel_has_not_either_is_harmless() {
    let mut nonsense = call(Abi::Native, INVALID_NR, 1000, 0);
    nonsense.errnos = vec![ErrnoRow {
        errno: ENOSYS,
        count: 0,
        first_wall_ns: 0,
        last_wall_ns: 0,
        total: 1000,
        total_denied: 0,
    }];
    let generated = of(&snapshot(vec![native(0), nonsense]));
    assert_eq!(generated.unknown_numbers.len(), 1);
    assert_eq!(generated.verdict, Verdict::Complete);
}

#[test]
fn losses_in_the_tables_make_it_partial() {
    for place in ["owner_table", "call_table", "outcome_table", "task_table", "recording"] {
        for owner in [None, Some(container("aaaa"))] {
            let mut snapshot = snapshot(vec![native(0)]);
            let own = owner.is_some();
            snapshot.losses = vec![loss(place, owner)];
            let expected = Verdict::Partial(vec![Reason::Lost { place, count: 5, own }]);
            assert_eq!(of(&snapshot).verdict, expected);
        }
    }
}

#[test]
fn losses_elsewhere_do_not() {
    let mut snapshot = snapshot(vec![native(0)]);
    snapshot.losses = vec![
        loss("ring", None),
        loss("latency_table", Some(container("aaaa"))),
        loss("sink", None),
        loss("call_table", Some(container("bbbb"))),
    ];
    assert_eq!(of(&snapshot).verdict, Verdict::Complete);
}

#[test]
fn a_container_older_than_the_trace_is_partial() {
    let mut snapshot = snapshot(vec![native(0)]);
    let verdict = |snapshot: &Snapshot, from_start| {
        let options = Options { from_start, ..Options::default() };
        generate(&snapshot.rows[0], snapshot, &options).verdict
    };
    let missed = Verdict::Partial(vec![Reason::StartMissed]);
    assert_eq!(verdict(&snapshot, Some(false)), missed);
    snapshot.rows[0].setup_calls = 0;
    assert_eq!(verdict(&snapshot, None), missed);
    assert_eq!(verdict(&snapshot, Some(true)), Verdict::Complete);
}

#[test]
fn an_empty_recording_is_partial_and_still_valid() {
    let generated = of(&snapshot(vec![call(Abi::Native, MKDIR, 0, 0)]));
    assert_eq!(generated.verdict, Verdict::Partial(vec![Reason::NothingSeen]));
    assert_eq!(generated.settled_ns, None);
    assert!(generated.profile.names.contains("execve"));
}

#[test]
fn injected_probes_are_left_out() {
    let generated = of(&snapshot(vec![native(0), native(335)]));
    assert!(!generated.profile.names.contains("uretprobe"));
    assert_eq!(generated.notes, [Note::Probes]);
}

#[test]
fn counts_that_contradict_each_other_do_no_harm() {
    let mut broken = call(Abi::Native, 480, 1, u64::MAX);
    broken.errnos = vec![ErrnoRow {
        errno: ENOSYS,
        count: 0,
        first_wall_ns: 0,
        last_wall_ns: 0,
        total: 0,
        total_denied: u64::MAX,
    }];
    let mut snapshot = snapshot(vec![broken, call(Abi::Native, MKDIR, 1, 9)]);
    snapshot.wall_ns = i64::MIN;
    assert!(!of(&snapshot).profile.names.contains("mkdir"));
}

fn session() -> Session {
    Session {
        version: "0.1.0".into(),
        host_name: "host".into(),
        kernel: "6.12.0".into(),
        arch: Arch::X86_64,
        wall_offset_ns: 0,
        started_ns: 0,
        features: 0,
    }
}

/// One of everything that can be said of a call.
fn of_all_kinds() -> Snapshot {
    let mut snapshot = snapshot(vec![
        native(0),
        native(335),
        call(Abi::Native, CLONE3, 2, 2),
        call(Abi::Native, MKDIR, 9, 1),
        call(Abi::Compat, 39, 1, 0),
        call(Abi::Native, 480, 2, 0),
    ]);
    snapshot.losses =
        vec![loss("call_table", Some(container("aaaa"))), loss("ring", Some(container("bbbb")))];
    snapshot
}

fn evidence_for(snapshot: &Snapshot, options: Options) -> (Generated, Evidence) {
    let generated = generate(&snapshot.rows[0], snapshot, &options);
    let evidence = Evidence::new(&generated, &snapshot.rows[0], snapshot, &session());
    (generated, evidence)
}

/// Few additions, so that all of it can be read.
const SMALL: Runtimes = Runtimes { engine: Some(Engine::Crun), no_new_privs: Some(true), exec: false };

#[test]
fn evidence_golden() {
    let options = Options { runtimes: SMALL, ..Options::default() };
    let (_, evidence) = evidence_for(&of_all_kinds(), options);
    insta::assert_snapshot!(evidence.to_json().unwrap());
}

#[test]
fn evidence_explains_every_name_of_its_profile() {
    for target in [None, Some(Arch::Aarch64)] {
        let (generated, evidence) = evidence_for(&of_all_kinds(), Options { target, ..Options::default() });
        let allowed = evidence.syscalls.iter().filter(|call| call.allowed);
        let explained: BTreeSet<_> = allowed.filter_map(|call| call.name.as_deref()).collect();
        assert_eq!(explained, generated.profile.names);
        assert_eq!(Evidence::parse(&evidence.to_json().unwrap()), Ok(evidence));
    }
}

#[test]
fn evidence_that_is_none_is_refused() {
    let (_, mut evidence) = evidence_for(&of_all_kinds(), Options::default());
    evidence.schema_version = 2;
    let newer = Evidence::parse(&evidence.to_json().unwrap()).unwrap_err();
    assert!(newer.contains("schema_version 2"), "{newer}");
    for wrong in ["", "[]", "{\"schema_version\": \"\u{1b}\"}"] {
        let error = Evidence::parse(wrong).unwrap_err();
        assert!(error.contains("line") && !error.contains('\x1b'), "{error}");
    }
}

#[test]
fn merged_evidence_adds_up() {
    let (_, a) = evidence_for(&snapshot(vec![native(0), native(1)]), Options::default());
    let mut other = snapshot(vec![native(0), native(39), call(Abi::Native, CLONE3, 2, 2)]);
    other.rows[0].calls[0].first.wall_ns = 5;
    other.wall_ns += 1;
    let (_, b) = evidence_for(&other, Options::default());
    let allows = |name: &str| name != "clone3";
    let merged = Evidence::merge(vec![a.clone(), b.clone()], allows);
    assert_eq!(merged, Evidence::merge(vec![b.clone(), a.clone()], allows));
    let find = |name: &str| -> Vec<_> {
        merged.syscalls.iter().filter(|call| call.name.as_deref() == Some(name)).collect()
    };
    let read = find("read")[0];
    assert_eq!((read.count, read.refused), (Some(6), None));
    assert_eq!(read.first.as_ref().unwrap().at, "1970-01-01T00:00:00.000000005Z");
    // Observed in one of them, added for the runtime in the other.
    assert_eq!(find("getpid").len(), 1);
    let clone3 = find("clone3")[0];
    assert_eq!((clone3.allowed, clone3.count, clone3.refused), (false, Some(2), Some(2)));
    assert_eq!(merged.recordings.len(), 2);
    // What is in it already is not counted again.
    for again in [a, b, merged.clone()] {
        assert_eq!(Evidence::merge(vec![again, merged.clone()], allows), merged);
    }
}

/// A call of an `exec` session, made again while the container served; the values of its arguments.
fn lively(after: i64) -> Snapshot {
    let mut socket = native(41);
    socket.first.origin = Some(Origin::Healthcheck);
    socket.life = Life {
        last_after_wall_ns: after,
        last_wall_ns: after + 500_000_000,
        since_serving: Made::Perhaps,
        in_setup: true,
        values: [([2, 6], 1), ([2, 17], 1), ([16, 0], 1)].into(),
        more_values: false,
    };
    let mut listen = native(50);
    listen.first.wall_ns = 5_000_000_000;
    listen.life.since_serving = Made::Yes;
    snapshot(vec![native(0), socket, listen])
}

#[test]
fn evidence_of_a_life() {
    let options = Options { runtimes: SMALL, arguments: Some(9), ..Options::default() };
    let (generated, evidence) = evidence_for(&lively(8_000_000_000), options);
    insta::assert_snapshot!(evidence.to_json().unwrap());
    insta::assert_snapshot!(report("web.json", &printed(&generated), Some(&evidence)));
    let mut later = lively(9_000_000_000);
    later.wall_ns += 1;
    let (_, later) = evidence_for(&later, options);
    let merged = Evidence::merge(vec![evidence.clone(), later.clone()], |_| true);
    let find = |evidence: &Evidence, name: &str| {
        evidence.syscalls.iter().find(|call| call.name.as_deref() == Some(name)).unwrap().clone()
    };
    let socket = find(&merged, "socket");
    assert_eq!(socket.last, find(&later, "socket").last);
    let arguments = socket.arguments.unwrap();
    assert_eq!(arguments.seen.iter().map(|seen| seen.count).collect::<Vec<_>>(), [4, 2]);
    assert!(!arguments.more);
    // In the other recording it was called, and nobody knows with which arguments.
    let (_, blind) = evidence_for(&snapshot(vec![native(0), native(41)]), options);
    let merged = Evidence::merge(vec![evidence.clone(), blind], |_| true);
    assert!(find(&merged, "socket").arguments.unwrap().more);
    // And here it was not.
    let (_, without) = evidence_for(&snapshot(vec![native(0)]), options);
    assert!(!find(&Evidence::merge(vec![evidence, without], |_| true), "socket").arguments.unwrap().more);
}

#[test]
fn a_profile_of_the_serving_phase_has_nothing_else() {
    let options = Options { phases: Phases::Serving, ..Options::default() };
    let (generated, evidence) = evidence_for(&lively(8_000_000_000), options);
    let Generated { profile, observed, added_for_runtime, always, .. } = &generated;
    assert_eq!((*observed, profile.names.len()), (2, 2 + always.len()));
    assert!(profile.names.contains("socket") && profile.names.contains("listen"));
    assert!(!profile.names.contains("read") && !profile.names.contains("execve"));
    assert!(added_for_runtime.is_empty() && generated.notes.contains(&Note::ServingOnly));
    let read = evidence.syscalls.iter().find(|call| call.name.as_deref() == Some("read")).unwrap();
    assert_eq!((read.allowed, read.why), (false, evidence::Why::Observed));
    let text = report("web.json", &printed(&generated), Some(&evidence));
    assert!(text.contains("a container cannot start with it"), "{text}");
    assert!(text.contains("observed before it served"), "{text}");
    let never = snapshot(vec![native(0)]);
    assert_eq!(generate(&never.rows[0], &never, &options).serving, None);
}

/// A profile's own rules allow what it was made from; and of what was not, the arguments are told.
#[test]
fn arguments_are_checked() {
    let socket = |values: &[([u32; 2], u64)]| {
        let mut socket = native(41);
        socket.life.values = values.iter().copied().collect();
        socket.counts.total = values.iter().map(|(_, count)| count).sum();
        snapshot(vec![native(0), socket])
    };
    let recorded = socket(&[([2, 6], 9), ([16, 9], 2)]);
    let options = Options { arguments: Some(5), ..Options::default() };
    let file = printed(&generate(&recorded.rows[0], &recorded, &options));
    let capabilities = BTreeSet::new();
    let machine = Machine { arch: Arch::X86_64, kernel: "6.12.0".into(), capabilities };
    let matcher = Matcher::new(&file, &machine);
    let lines = |snapshot: &Snapshot| findings("web", &check(&snapshot.rows[0], Arch::X86_64, &matcher));
    assert_eq!(lines(&recorded), "");
    assert_eq!(lines(&socket(&[([2, 17], 1)])), "");
    let more = socket(&[([2, 0], 4), ([16, 0], 1), ([1, 0], 2), ([1, 1], 1)]);
    let line = lines(&more);
    assert!(
        line.contains("socket with AF_UNIX; AF_NETLINK, NETLINK_ROUTE: fails with ENOSYS (4 made"),
        "{line}"
    );
    let unknown = snapshot(vec![native(41)]);
    assert!(lines(&unknown).contains("socket: depends on its arguments"));
}

#[test]
fn written_for_another_machine() {
    let snapshot = snapshot(vec![native(0), native(2), native(158), call(Abi::Compat, 39, 1, 0)]);
    let options = Options { target: Some(Arch::Aarch64), ..Options::default() };
    let generated = generate(&snapshot.rows[0], &snapshot, &options);
    assert_eq!(generated.profile.architectures(), ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]);
    assert_eq!(generated.not_there, ["arch_prctl"]);
    assert!(generated.siblings.iter().any(|sibling| sibling.name == "mkdirat" && sibling.of == "mkdir"));
    let Generated { profile, observed, added_for_runtime, always, siblings, .. } = &generated;
    assert_eq!(profile.names.len(), observed + added_for_runtime.len() + always.len() + siblings.len());
    insta::assert_snapshot!(generated);
}

#[test]
fn suggestions_are_told_where_nothing_falls_back_by_itself() {
    let snapshot = snapshot(vec![native(0), native(56)]);
    for (default, told) in [(DefaultAction::Errno, false), (DefaultAction::Kill, true)] {
        let generated = generate(&snapshot.rows[0], &snapshot, &Options { default, ..Options::default() });
        assert_eq!(generated.suggestions, [Sibling { name: "clone3", of: "clone" }]);
        assert!(!generated.profile.names.contains("clone3"));
        assert_eq!(generated.to_string().contains("clone3 (for clone)"), told);
    }
}

fn printed(generated: &Generated) -> File {
    File::parse(&generated.profile.to_json().unwrap()).unwrap()
}

#[test]
fn the_report_of_everything() {
    let options = Options { runtimes: SMALL, ..Options::default() };
    let (generated, evidence) = evidence_for(&of_all_kinds(), options);
    let mut file = printed(&generated);
    file.syscalls[0].names.retain(|name| name != "brk");
    file.syscalls[0].names.extend(["bpf".into(), "fstatat".into()]);
    insta::assert_snapshot!(report("web.json", &file, Some(&evidence)));
}

#[test]
fn the_report_without_evidence() {
    let options = Options { runtimes: SMALL, ..Options::default() };
    let (generated, _) = evidence_for(&snapshot(vec![native(0)]), options);
    let text = report("\x1b[2J", &printed(&generated), None);
    assert!(text.contains("no evidence") && text.contains("\nread: allowed\n"), "{text}");
    assert!(!text.contains('\x1b'));
}

/// Evidence that somebody else wrote can say anything, but not to the terminal.
#[test]
fn a_report_is_safe() {
    let (generated, evidence) = evidence_for(&of_all_kinds(), Options::default());
    let hostile = evidence.to_json().unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&hostile).unwrap();
    poison(&mut value);
    let evidence = Evidence::parse(&value.to_string()).unwrap();
    let text = report("p", &printed(&generated), Some(&evidence));
    assert!(!text.contains(['\x1b', '\u{202e}', '\u{9b}']), "{text}");
}

/// Puts control characters into every text that is free.
fn poison(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => text.push_str("\x1b[2J\u{202e}\u{9b}"),
        serde_json::Value::Array(items) => items.iter_mut().for_each(poison),
        serde_json::Value::Object(members) => {
            members.iter_mut().filter(|(key, _)| *key != "why").for_each(|(_, value)| poison(value));
        }
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}

fn matcher(file: &File) -> Matcher {
    let machine = Machine { arch: Arch::X86_64, kernel: "6.12".into(), capabilities: BTreeSet::default() };
    Matcher::new(file, &machine)
}

#[test]
fn a_profile_would_have_let_its_own_recording_through() {
    let snapshot = snapshot(vec![native(0), native(335), native(MKDIR), call(Abi::Compat, 39, 1, 0)]);
    let findings = check(&snapshot.rows[0], Arch::X86_64, &matcher(&printed(&of(&snapshot))));
    assert_eq!(findings, []);
}

#[test]
fn what_would_be_refused_is_found() {
    let narrow = printed(&of(&snapshot(vec![native(0)])));
    let findings = check(&of_all_kinds().rows[0], Arch::X86_64, &matcher(&narrow));
    let breaking: Vec<_> = findings.iter().filter(|finding| finding.breaks()).collect();
    assert_eq!(
        breaking.iter().map(|f| (f.abi, f.number)).collect::<Vec<_>>(),
        [(Abi::Native, MKDIR), (Abi::Native, 480), (Abi::Compat, 39)]
    );
    insta::assert_snapshot!(super::findings("\x1b[31mweb", &findings));
}
