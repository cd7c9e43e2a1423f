use std::sync::Arc;

use super::*;
use crate::batch::OwnerId;
use crate::container::{Container, Phase, Runtime, UnknownReason};
use crate::event::{Abi, Memory, Piece, PieceKind, Process};

/// Memory that argument 1 points to.
fn memory(kind: PieceKind, text: event::Text<'_>) -> Memory<'_> {
    Memory::new([Some(Piece { index: 1, kind, text }), None, None])
}

fn session() -> Session {
    Session {
        version: "0.1.0".into(),
        host_name: "node".into(),
        kernel: "6.18.0".into(),
        arch: Arch::X86_64,
        // 2026-11-23, noon.
        wall_offset_ns: 1_795_435_200_000_000_000,
        started_ns: 0,
        features: 0,
    }
}

fn container(name: Option<&str>) -> Arc<Container> {
    Arc::new(Container {
        name: name.map(str::to_owned),
        ..Container::unnamed(Runtime::Docker, "0123456789abcdef0123")
    })
}

fn identity(owner: Owner) -> Identity {
    Identity {
        id: OwnerId { slot: 1, generation: 1 },
        cgroup_id: 77,
        cgroup_path: None,
        pid_ns: 0,
        mnt_ns: 0,
        phase: Phase::Workload,
        first_ns: 0,
        first_pid: 0,
        running: false,
        lineage: false,
        ended: false,
        owner,
    }
}

fn event(what: What<'_>) -> Event<'_> {
    let process =
        Process { pid: 4242, tid: 4242, vpid: Some(7), parent_pid: 1, uid: 0, session: None, comm: b"cat" };
    let owner = OwnerId { slot: 1, generation: 1 };
    Event { ktime_ns: 1_123_456_789, owner, cgroup_id: 77, process, what }
}

fn call(number: u16, ret: i64) -> Syscall<'static> {
    Syscall {
        abi: Abi::Native,
        number,
        ret,
        duration_ns: Some(4_123),
        args: [0xffff_ff9c, 0x7ffc_1000, 0, 0, 5, 6],
        memory: Memory::default(),
        how: How::Done,
    }
}

/// What comes out without and with colour.
fn printed(colour: bool, write: impl FnOnce(&mut Text<&mut Vec<u8>>)) -> String {
    let mut out = Vec::new();
    let mut text = Text::new(&mut out, colour);
    assert!(text.start(&session()).unwrap());
    write(&mut text);
    assert!(text.stop(0, &Ledger::default()).unwrap());
    String::from_utf8(out).unwrap()
}

fn line(owner: Option<Owner>, what: What<'_>) -> String {
    let identity = owner.map(identity);
    printed(false, |text| assert!(text.event(&event(what), identity.as_ref(), None).unwrap()))
}

fn web(what: What<'_>) -> String {
    let line = line(Some(Owner::Container(container(Some("web-1")))), what);
    line.strip_prefix("12:00:01.123456 web-1 4242 cat ").unwrap().to_owned()
}

#[test]
fn calls_read_as_in_strace() {
    let memory = memory(PieceKind::String, event::Text::Whole(b"/etc/hostname".as_slice()));
    assert_eq!(
        web(What::Syscall(Syscall { memory, ..call(257, 3) })),
        "openat(AT_FDCWD, \"/etc/hostname\", O_RDONLY) = 3 <4.1µs>\n"
    );
    assert_eq!(
        web(What::Syscall(call(257, -2))),
        "openat(AT_FDCWD, 0x7ffc1000, O_RDONLY) = -1 ENOENT <4.1µs>\n"
    );
    let denied = Syscall { how: How::Denied, duration_ns: None, ..call(231, -1) };
    assert_eq!(web(What::Syscall(denied)), "exit_group(-100) = -1 EPERM DENIED by seccomp\n");
    assert_eq!(web(What::Syscall(Syscall { duration_ns: None, ..call(231, 0) })), "exit_group(-100) = ?\n");
    assert_eq!(
        web(What::Syscall(Syscall { how: How::InFlight, duration_ns: None, ..call(231, 1) })),
        "exit_group(-100) = 1 (begun before the trace)\n"
    );
    assert!(web(What::Syscall(call(9, 0x7f12_3456_7000))).contains(") = 0x7f1234567000 <"));
    assert!(web(What::Syscall(call(9, -4095))).contains(") = -1 4095 <"));
}

#[test]
fn socket_addresses_stand_where_they_were_passed() {
    let connect = |bytes| {
        let memory = memory(PieceKind::Address, event::Text::Whole(bytes));
        web(What::Syscall(Syscall { memory, ..call(42, -111) }))
    };
    assert_eq!(
        connect(&[2, 0, 0, 80, 127, 0, 0, 1]),
        "connect(-100, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"127.0.0.1\")}, 0) \
         = -1 ECONNREFUSED <4.1µs>\n"
    );
    assert!(connect(b"\x01\0/run/\x1b\"x").starts_with("connect(-100, {sa_family=AF_UNIX, sun_path=\"/run/"));
    assert!(!connect(b"\x01\0/run/\x1b\"x").contains('\x1b'));
    assert!(connect(b"\x02\0").starts_with("connect(-100, 0x7ffc1000, 0)"), "too short");
}

#[test]
fn strings_of_processes_cannot_leave_their_quotes() {
    let memory =
        memory(PieceKind::String, event::Text::Cut(b"a\"b\\\x1b]0;x\x07\n\xff\xe2\x80\xae".as_slice()));
    let line = web(What::Syscall(Syscall { memory, ..call(257, 3) }));
    assert!(line.starts_with(r#"openat(AT_FDCWD, "a\"b\\"#), "{line}");
    assert!(line.contains("\"..., O_RDONLY) = 3"), "{line}");
    assert!(!line.trim_end().contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?}");
    let hostile = identity(Owner::Container(container(Some("we\x1b[2Jb\n"))));
    let line = printed(true, |text| {
        let mut event = event(What::Exit(Exit { status: 0, process: true }));
        event.process.comm = b"c\x1bm\xff";
        text.event(&event, Some(&hostile), None).unwrap();
        text.lost(
            0,
            &Lost { place: "ring", container: Some(&container(Some("\x1b[2J"))), sink: None, count: 1 },
        )
        .unwrap();
    });
    assert_eq!(line.lines().count(), 2);
    assert!(!line.contains("\x1b[2J") && !line.contains("\x1bm"), "{line:?}");
}

#[test]
fn lives_of_processes() {
    let args = event::Text::Whole(b"cat\0/etc/host \"name\0".as_slice());
    let filename = event::Text::Whole(b"/bin/cat".as_slice());
    assert_eq!(web(What::Exec { filename, args }), "exec \"/bin/cat\" [\"cat\", \"/etc/host \\\"name\"]\n");
    let (args, filename) = (event::Text::Cut(b"cat\0a".as_slice()), event::Text::Unread);
    assert_eq!(web(What::Exec { filename, args }), "exec ? [\"cat\", \"a\"...]\n");
    assert_eq!(web(What::Fork { pid: 4243, tid: 4243, vpid: None }), "--- process 4243 ---\n");
    assert_eq!(web(What::Fork { pid: 4242, tid: 4244, vpid: None }), "--- thread 4244 ---\n");
    assert_eq!(web(What::Exit(Exit { status: 3 << 8, process: true })), "+++ exited with 3 +++\n");
    assert_eq!(web(What::Exit(Exit { status: 9, process: true })), "+++ killed by SIGKILL +++\n");
    assert_eq!(web(What::Exit(Exit { status: 0, process: false })), "+++ thread exited with 0 +++\n");
    let path = event::Text::Whole(b"/a/b".as_slice());
    let attach = Cgroup { act: CgroupAct::Attach { pid: 5, tid: 6 }, id: 9, hierarchy: 4, path };
    assert_eq!(web(What::Cgroup(attach)), "--- cgroup attach 6 to \"/a/b\" (v1 hierarchy 4, id 9) ---\n");
    let mkdir = Cgroup { act: CgroupAct::Mkdir, id: 9, hierarchy: 0, path };
    assert_eq!(web(What::Cgroup(mkdir)), "--- cgroup mkdir \"/a/b\" (v2, id 9) ---\n");
}

#[test]
fn lives_of_containers() {
    let web = container(Some("web-1"));
    let happened = |what| {
        let event = ContainerEvent { ktime_ns: 1_000, container: Arc::clone(&web), pid: Some(4), what };
        let line = printed(false, |text| assert!(text.container(&event).unwrap()));
        line.strip_prefix("12:00:00.000001 web-1 === container ").unwrap().to_owned()
    };
    assert_eq!(happened(Stage::Start), "started ===\n");
    let used = Used { calls: 230, errors: 9, denied: 1, setup: 912 };
    let stop = |exit, lifetime_ns| happened(Stage::Stop { exit, lifetime_ns, used });
    let ended = Some(Exit { status: 3 << 8, process: true });
    assert_eq!(
        stop(ended, Some(20_123_456)),
        "exited with 3 after 20.1ms, 230 calls, 9 failed, 1 denied, 912 of set-up ===\n"
    );
    let killed = Some(Exit { status: 9, process: true });
    assert!(stop(killed, None).starts_with("killed by SIGKILL, 230 calls, "));
    assert!(stop(None, Some(5)).starts_with("ended after 5ns, 230 calls, "));
}

#[test]
fn what_is_not_the_containers_own_has_a_mark() {
    let web = identity(Owner::Container(container(Some("web-1"))));
    for (origin, mark) in
        [(Origin::Exec, "[exec]"), (Origin::Healthcheck, "[health]"), (Origin::Setup, "[setup]")]
    {
        let exit = event(What::Exit(Exit { status: 0, process: true }));
        let line = printed(false, |text| assert!(text.event(&exit, Some(&web), Some(origin)).unwrap()));
        assert_eq!(line, format!("12:00:01.123456 web-1 {mark} 4242 cat +++ exited with 0 +++\n"));
    }
}

#[test]
fn every_owner_has_a_name() {
    let exit = || What::Exit(Exit { status: 0, process: true });
    let owner = |owner| line(owner, exit()).split(' ').nth(1).unwrap().to_owned();
    assert_eq!(owner(Some(Owner::Container(container(None)))), "0123456789ab");
    assert_eq!(owner(Some(Owner::Host)), "(host)");
    assert_eq!(owner(Some(Owner::Unknown(UnknownReason::CgroupGone))), "(unknown)");
    assert_eq!(owner(None), "(unknown)");
}

#[test]
fn losses_are_lines_of_their_own() {
    let line = printed(false, |text| {
        text.lost(0, &Lost { place: "ring", container: None, sink: None, count: 12 }).unwrap();
        let web = container(Some("web-1"));
        text.lost(1_000, &Lost { place: "call_table", container: Some(&web), sink: None, count: 3 }).unwrap();
    });
    assert_eq!(
        line,
        "12:00:00.000000 --- lost 12 events (ring) ---\n\
         12:00:00.000001 --- lost 3 counts of web-1 (call_table) ---\n"
    );
}

#[test]
fn colour_adds_nothing_but_colour() {
    let write = |text: &mut Text<&mut Vec<u8>>| {
        let web = identity(Owner::Container(container(Some("web-1"))));
        text.event(&event(What::Syscall(call(257, -2))), Some(&web), None).unwrap();
        text.lost(0, &Lost { place: "ring", container: None, sink: None, count: 12 }).unwrap();
    };
    let coloured = printed(true, write);
    assert!(coloured.contains("\x1b[31m-1 ENOENT\x1b[0m"), "{coloured:?}");
    let codes = ["90", "31", "1;31", "36", "32", "33", "34", "35", "92", "94", "0"];
    let plain = codes.iter().fold(coloured, |text, code| text.replace(&format!("\x1b[{code}m"), ""));
    assert_eq!(plain, printed(false, write));
}

#[test]
fn durations_have_a_fitting_unit() {
    let cases = [
        (0, "0ns"),
        (999, "999ns"),
        (1_000, "1.0µs"),
        (4_123, "4.1µs"),
        (999_999, "999.9µs"),
        (12_345_678, "12.3ms"),
        (61_000_000_000, "61.0s"),
    ];
    for (ns, expected) in cases {
        assert_eq!(Duration(ns).to_string(), expected);
    }
}
