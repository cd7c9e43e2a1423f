//! The JSON formats from the consumer's side: types written from the documentation alone, that know
//! no other member, read what the printers print. Every string of a container is hostile here.
#![expect(clippy::unwrap_used, clippy::panic, reason = "that is how a test fails")]

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::collection::vec;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use tracer::batch::{Arch, OwnerId, Session};
use tracer::container::{Container, Identity, Owner, Phase, Pod, Runtime, UnknownReason};
use tracer::event::{
    Abi, Cgroup, CgroupAct, Event, Exit, How, Memory, Piece, PieceKind, Process, Syscall, Text, What,
};
use tracer::ledger::{Ledger, SinkBooks};
use tracer::lifecycle::{ContainerEvent, Stage};
use tracer::origin::Origin;
use tracer::sink::json::{Layout, SINKS, Style};
use tracer::sink::top::Format;
use tracer::sink::{Json, Lost, Samples, Sink, json};
use tracer::snapshot::{
    CallRow, Counts, ErrnoRow, FirstCall, Life, LossRow, Own, Quantiles, Resources, Row, Snapshot, Spectrum,
    State, Subject, Used,
};
use tracer_common::limits::BUCKETS;

#[path = "support/schema.rs"]
mod schema;

mod wire {
    //! What a consumer declares.
    #![expect(dead_code, reason = "members that are declared so that they are accepted")]

    use std::collections::BTreeMap;

    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Record {
        pub timestamp: String,
        pub level: Level,
        pub message: String,
        pub event: EventName,
        pub schema_version: String,
        pub host: Name,
        pub container: Option<Container>,
        pub k8s: Option<K8s>,
        pub owner: Option<Owner>,
        pub process: Option<Process>,
        pub file: Option<File>,
        pub network: Option<Network>,
        pub syscall: Option<Syscall>,
        pub syscalls: Option<Syscalls>,
        pub error: Option<Error>,
        pub cgroup: Option<Cgroup>,
        pub ctrace: Option<Ctrace>,
        pub lost: Option<Missing>,
        pub ledger: Option<Ledger>,
        #[serde(default)]
        pub truncated: Vec<String>,
    }

    #[derive(Debug, Deserialize, PartialEq, Eq)]
    #[serde(rename_all = "lowercase")]
    pub enum Level {
        Info,
        Warn,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct EventName {
        pub name: String,
        pub seq: u64,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Name {
        pub name: String,
    }

    #[derive(Debug, Deserialize, PartialEq, Eq)]
    #[serde(deny_unknown_fields)]
    pub struct Id<T> {
        pub id: T,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Container {
        pub id: String,
        pub name: Option<String>,
        pub runtime: Name,
        pub image: Option<Name>,
        pub parent: Option<Id<String>>,
        pub lifetime_ns: Option<Int>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct K8s {
        pub pod: Option<Pod>,
        pub namespace: Option<Name>,
        pub container: Option<Name>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Pod {
        pub name: Option<String>,
        pub uid: Option<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Owner {
        pub unknown: String,
        pub cgroup: Id<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Process {
        pub pid: u32,
        pub vpid: Option<u32>,
        pub tid: Option<u32>,
        pub parent_pid: Option<u32>,
        pub executable: Option<Executable>,
        pub user: Option<Id<u32>>,
        pub origin: Option<Origin>,
        pub command_line: Option<String>,
        pub command_args: Option<Vec<String>>,
        pub command_args_bytes: Option<String>,
        pub child: Option<Child>,
        pub exit: Option<Exit>,
    }

    #[derive(Debug, Deserialize, PartialEq, Eq)]
    #[serde(rename_all = "lowercase")]
    pub enum Origin {
        Exec,
        Healthcheck,
        Setup,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Executable {
        pub name: String,
        pub name_bytes: Option<String>,
        pub path: Option<String>,
        pub path_bytes: Option<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Child {
        pub pid: u32,
        pub tid: u32,
        pub vpid: Option<u32>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Exit {
        pub code: Option<u32>,
        pub signal: Option<Signal>,
        pub last_thread: Option<bool>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Signal {
        pub name: Option<String>,
        pub number: u32,
    }

    #[derive(Debug, Deserialize, PartialEq, Eq)]
    #[serde(deny_unknown_fields)]
    pub struct Syscalls {
        pub count: u64,
        pub errors: u64,
        pub denied: u64,
        pub setup: u64,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Syscall {
        pub name: String,
        pub number: u16,
        pub abi: String,
        pub args: Vec<String>,
        pub arg: Option<BTreeMap<String, String>>,
        #[serde(default)]
        pub unread: Vec<String>,
        pub return_value: Option<Int>,
        pub duration_ns: Option<Int>,
        pub in_flight: Option<bool>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct File {
        pub path: Option<String>,
        pub path_bytes: Option<String>,
        pub target_path: Option<String>,
        pub target_path_bytes: Option<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Network {
        pub r#type: Option<String>,
        pub transport: Option<String>,
        pub peer: Option<SocketAddress>,
        pub local: Option<SocketAddress>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct SocketAddress {
        pub address: String,
        pub address_bytes: Option<String>,
        pub port: Option<u16>,
    }

    /// A number, or its digits where a reader would not keep it exact.
    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    pub enum Int {
        Exact(i64),
        Digits(String),
    }

    impl Int {
        pub fn value(&self) -> i128 {
            let exact = |value: i128| value.abs() < 1 << 53;
            match self {
                Self::Exact(value) => Some(i128::from(*value)).filter(|value| exact(*value)).unwrap(),
                Self::Digits(text) => text.parse().ok().filter(|value| !exact(*value)).unwrap(),
            }
        }
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Error {
        pub r#type: String,
        pub errno_raw: u16,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Cgroup {
        pub id: String,
        pub path: Option<String>,
        pub path_bytes: Option<String>,
        pub version: u8,
        pub hierarchy: u32,
        pub task: Option<Task>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Task {
        pub pid: u32,
        pub tid: u32,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Ctrace {
        pub version: String,
        pub kernel: String,
        pub arch: String,
        pub contract: u32,
    }

    #[derive(Debug, Deserialize, PartialEq, Eq)]
    #[serde(deny_unknown_fields)]
    pub struct Missing {
        pub r#where: String,
        pub sink: Option<String>,
        pub count: u64,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Ledger {
        pub seen: u64,
        pub delivered: u64,
        pub filtered: u64,
        pub dropped: Vec<Missing>,
        pub balanced: bool,
        pub sinks: Vec<Books>,
    }

    #[derive(Debug, Deserialize, PartialEq, Eq)]
    #[serde(deny_unknown_fields)]
    pub struct Books {
        pub name: String,
        pub delivered: u64,
        pub dropped: Vec<Missing>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Sample {
        pub timestamp: String,
        pub schema_version: String,
        pub interval_ns: u64,
        pub own: Option<Own>,
        pub loss: Vec<Loss>,
        pub containers: Vec<Row>,
    }

    #[derive(Debug, Deserialize, PartialEq, Eq)]
    #[serde(deny_unknown_fields)]
    pub struct Own {
        pub cpu_ns: Option<u64>,
        pub memory_bytes: u64,
        pub ring_bytes: u64,
        pub ring_size: u64,
    }

    #[derive(Debug, Deserialize, PartialEq, Eq)]
    #[serde(deny_unknown_fields)]
    pub struct Resources {
        pub cpu_ns: Option<u64>,
        pub memory_bytes: Option<u64>,
        pub processes: Option<u32>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Loss {
        pub r#where: String,
        pub container: Option<Container>,
        pub count: u64,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Row {
        pub container: RowContainer,
        pub k8s: Option<K8s>,
        pub owner: Option<RowOwner>,
        pub resources: Option<Resources>,
        pub duration_ns: Option<Durations>,
        pub syscalls: Vec<Call>,
        pub count: u64,
        pub errors: u64,
        pub denied: u64,
        pub total: u64,
        pub total_errors: u64,
        pub total_denied: u64,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct RowContainer {
        pub id: Option<String>,
        pub name: Option<String>,
        pub runtime: Option<Name>,
        pub image: Option<Name>,
        pub parent: Option<Id<String>>,
        pub state: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct RowOwner {
        pub host: Option<bool>,
        pub unknown: Option<String>,
        pub cgroup: Option<RowCgroup>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct RowCgroup {
        pub id: String,
        pub path: Option<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Call {
        pub name: String,
        pub number: u16,
        pub abi: String,
        pub count: u64,
        pub errors: u64,
        pub denied: u64,
        pub total: u64,
        pub total_errors: u64,
        pub total_denied: u64,
        pub errnos: Vec<Errno>,
        pub duration_ns: Option<Durations>,
        pub time_ns: Option<u64>,
        pub spectrum: Option<Vec<Slot>>,
    }

    #[derive(Debug, Deserialize, PartialEq, Eq)]
    #[serde(deny_unknown_fields)]
    pub struct Slot {
        pub from_ns: u64,
        pub count: u64,
    }

    #[derive(Debug, Deserialize, PartialEq, Eq)]
    #[serde(deny_unknown_fields)]
    pub struct Errno {
        pub name: String,
        pub count: u64,
        pub total: u64,
        pub total_denied: u64,
        pub first: String,
        pub last: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Durations {
        pub p50: u64,
        pub p95: u64,
        pub p99: u64,
        pub max: u64,
    }
}

/// Longest line without its `\n`.
const LINE: usize = 8192;

fn session() -> Session {
    Session {
        version: "0.1.0".into(),
        host_name: "node-a".into(),
        kernel: "6.18.0".into(),
        arch: Arch::X86_64,
        // 2026-11-23T12:00:00Z.
        wall_offset_ns: 1_795_435_200_000_000_000,
        started_ns: 7,
        features: 0,
    }
}

fn container() -> Container {
    Container {
        name: Some("web-1".into()),
        image: Some("nginx:1.27".into()),
        image_id: Some("sha256:00".into()),
        labels: vec![("a".into(), "b".into())],
        parent: Some("ab".repeat(32)),
        pod: Some(Pod {
            name: Some("web".into()),
            uid: Some("u-1".into()),
            namespace: Some("default".into()),
            container_name: Some("nginx".into()),
        }),
        pid: Some(1),
        ..Container::unnamed(Runtime::Docker, &"3f".repeat(32))
    }
}

fn identity(owner: Owner) -> Identity {
    Identity {
        id: OWNER,
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
        owner,
    }
}

const OWNER: OwnerId = OwnerId { slot: 3, generation: 1 };

fn event(what: What<'_>) -> Event<'_> {
    let process = Process {
        pid: 4242,
        tid: 4243,
        vpid: Some(7),
        parent_pid: 4100,
        uid: 1000,
        session: None,
        comm: b"cat",
    };
    Event { ktime_ns: 1_123_456_789, owner: OWNER, cgroup_id: u64::MAX, process, what }
}

/// Memory that the argument points to.
fn memory(index: usize, kind: PieceKind, text: Text<'_>) -> Memory<'_> {
    Memory::new([Some(Piece { index, kind, text }), None, None])
}

fn call(number: u16, ret: i64) -> Syscall<'static> {
    Syscall {
        abi: Abi::Native,
        number,
        ret,
        duration_ns: Some(4_123),
        args: [0xffff_ff9c, 0x7ffc_1000, 0, u64::MAX, 5, 6],
        memory: Memory::default(),
        how: How::Done,
    }
}

/// What a sink prints between start and stop.
fn printed(session: &Session, write: impl FnOnce(&mut Json<&mut Vec<u8>>)) -> String {
    printed_in(Layout::Nested, session, write)
}

fn printed_in(layout: Layout, session: &Session, write: impl FnOnce(&mut Json<&mut Vec<u8>>)) -> String {
    let mut out = Vec::new();
    let mut sink = Json::styled(&mut out, Style { layout, ..Style::default() });
    assert!(sink.start(session).unwrap());
    write(&mut sink);
    assert!(sink.stop(9, &Ledger::default()).unwrap());
    String::from_utf8(out).unwrap()
}

/// Checks what holds for every line, then reads it.
fn read<'a, T: Deserialize<'a>>(line: &'a str) -> T {
    assert!(line.starts_with("{\"timestamp\":\""), "{line}");
    let hostile = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
    };
    assert!(!line.contains(hostile), "{line:?}");
    schema::check(&serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn records(text: &str) -> Vec<wire::Record> {
    assert!(text.ends_with('\n'));
    let records: Vec<wire::Record> = text
        .strip_suffix('\n')
        .unwrap()
        .split('\n')
        .map(|line| {
            assert!(line.len() <= LINE, "{} bytes: {line}", line.len());
            read(line)
        })
        .collect();
    for (seq, record) in records.iter().enumerate() {
        assert_eq!(record.event.seq, seq as u64);
        assert_eq!(record.schema_version, "1.0");
        assert_eq!(record.timestamp.len(), "2026-11-23T12:00:01.123456789Z".len());
        assert!(!record.message.is_empty() && !record.host.name.is_empty());
        let warned = matches!(record.event.name.as_str(), "ctrace.lost" | "syscall.denied");
        let unbalanced = record.ledger.as_ref().is_some_and(|ledger| !ledger.balanced);
        assert_eq!(record.level, if warned || unbalanced { wire::Level::Warn } else { wire::Level::Info });
    }
    records
}

/// One event of [`container`].
fn record(what: What<'_>) -> wire::Record {
    let identity = identity(Owner::Container(Arc::new(container())));
    let text = printed(&session(), |sink| assert!(sink.event(&event(what), Some(&identity), None).unwrap()));
    records(&text).swap_remove(1)
}

#[test]
fn the_documented_line() {
    let identity = identity(Owner::Container(Arc::new(container())));
    let memory = memory(1, PieceKind::String, Text::Whole(b"/etc/shadow"));
    let what = What::Syscall(Syscall { memory, ..call(257, -2) });
    let text = printed(&session(), |sink| assert!(sink.event(&event(what), Some(&identity), None).unwrap()));
    let id = "3f".repeat(32);
    let parent = "ab".repeat(32);
    let expected = [
        r#"{"timestamp":"2026-11-23T12:00:01.123456789Z","level":"info","#,
        r#""message":"cat (4242) in web-1: openat /etc/shadow: ENOENT","#,
        r#""event":{"name":"syscall","seq":1},"schema_version":"1.0","host":{"name":"node-a"},"#,
        &format!(r#""container":{{"id":"{id}","name":"web-1","runtime":{{"name":"docker"}},"#),
        &format!(r#""image":{{"name":"nginx:1.27"}},"parent":{{"id":"{parent}"}}}},"#),
        r#""k8s":{"pod":{"name":"web","uid":"u-1"},"namespace":{"name":"default"},"container":{"name":"nginx"}},"#,
        r#""process":{"pid":4242,"vpid":7,"tid":4243,"parent_pid":4100,"executable":{"name":"cat"},"user":{"id":1000}},"#,
        r#""syscall":{"name":"openat","number":257,"abi":"x86_64","#,
        r#""args":["0xffffff9c","0x7ffc1000","0x0","0xffffffffffffffff"],"#,
        r#""arg":{"dirfd":"AT_FDCWD","pathname":"/etc/shadow","flags":"O_RDONLY"},"#,
        r#""return_value":-2,"duration_ns":4123},"file":{"path":"/etc/shadow"},"error":{"type":"ENOENT","errno_raw":2}}"#,
    ];
    assert_eq!(text.lines().nth(1).unwrap(), expected.concat());
}

#[test]
fn a_stream_begins_with_the_machine_and_ends_with_the_books() {
    let dropped = [("ring", 3), ("sink", 1)].into_iter().collect();
    let books =
        |at: u32| SinkBooks { name: format!("tcp://{at}/{}", "é".repeat(400)), ..SinkBooks::default() };
    let sinks = (0..u32::try_from(SINKS).unwrap()).map(books).collect();
    let ledger = Ledger { seen: 10, delivered: 4, filtered: 2, dropped, sinks };
    let mut out = Vec::new();
    let mut sink = Json::new(&mut out);
    let web = container();
    sink.start(&session()).unwrap();
    sink.lost(8, &Lost { place: "ring", container: None, sink: None, count: 2 }).unwrap();
    sink.lost(8, &Lost { place: "ring", container: Some(&web), sink: None, count: 1 }).unwrap();
    sink.stop(9, &ledger).unwrap();
    sink.stop(9, &Ledger { seen: 11, ..ledger }).unwrap();
    let records = records(&String::from_utf8(out).unwrap());
    let names: Vec<_> = records.iter().map(|record| record.event.name.as_str()).collect();
    assert_eq!(names, ["ctrace.start", "ctrace.lost", "ctrace.lost", "ctrace.stop", "ctrace.stop"]);
    assert_eq!(records[0].timestamp, "2026-11-23T12:00:00.000000007Z");
    let ctrace = records[0].ctrace.as_ref().unwrap();
    assert_eq!((ctrace.version.as_str(), ctrace.kernel.as_str()), ("0.1.0", "6.18.0"));
    assert_eq!((ctrace.arch.as_str(), ctrace.contract), ("x86_64", tracer_common::CONTRACT_VERSION));
    let missing = |place: &str, count| wire::Missing { r#where: place.to_owned(), sink: None, count };
    assert_eq!(records[1].lost, Some(missing("ring", 2)));
    assert!(records[1].container.is_none());
    assert_eq!(records[2].lost, Some(missing("ring", 1)));
    assert_eq!(records[2].container.as_ref().unwrap().id, web.id);
    let stop = records[3].ledger.as_ref().unwrap();
    assert_eq!((stop.seen, stop.delivered, stop.filtered, stop.balanced), (10, 4, 2, true));
    assert_eq!(stop.dropped, [missing("ring", 3), missing("sink", 1)]);
    assert_eq!(stop.sinks.len(), SINKS, "as many as there may be fit into a line");
    assert_eq!(stop.sinks[0].dropped, [missing("queue", 0), missing("sink", 0)]);
    assert!(!records[4].ledger.as_ref().unwrap().balanced);
}

#[test]
fn calls_say_how_they_went() {
    let denied = record(What::Syscall(Syscall { how: How::Denied, duration_ns: None, ..call(165, -1) }));
    assert_eq!(denied.event.name, "syscall.denied");
    assert_eq!(denied.error.as_ref().unwrap().r#type, "EPERM");
    assert_eq!(denied.message, "cat (4242) in web-1: mount refused by seccomp: EPERM");
    assert!(denied.syscall.unwrap().duration_ns.is_none());
    let pretended = record(What::Syscall(Syscall { how: How::Denied, ..call(165, 0) }));
    assert!(pretended.error.is_none());
    assert_eq!(pretended.syscall.unwrap().return_value.unwrap().value(), 0);
    let gone = record(What::Syscall(Syscall { duration_ns: None, ..call(231, 0) })).syscall.unwrap();
    assert_eq!((gone.name.as_str(), gone.args.len()), ("exit_group", 1));
    assert!(gone.return_value.is_none());
    let flying = record(What::Syscall(Syscall { how: How::InFlight, ..call(257, 3) }));
    assert_eq!((flying.event.name.as_str(), flying.syscall.unwrap().in_flight), ("syscall", Some(true)));
    let unnamed = record(What::Syscall(call(9, -4095))).error.unwrap();
    assert_eq!((unnamed.r#type.as_str(), unnamed.errno_raw), ("4095", 4095));
    for ret in [i64::MAX, i64::MIN, (1 << 53) - 1, 1 << 53, 0x7fff_1234_5000] {
        let call = record(What::Syscall(call(9, ret))).syscall.unwrap();
        assert_eq!(call.return_value.unwrap().value(), i128::from(ret));
    }
    let memory = memory(1, PieceKind::String, Text::Unread);
    let unread = record(What::Syscall(Syscall { memory, ..call(257, -14) }));
    assert!(unread.file.is_none());
    let unread = unread.syscall.unwrap();
    assert_eq!(
        (unread.arg.unwrap()["pathname"].as_str(), unread.unread),
        ("0x7ffc1000", vec!["pathname".into()])
    );
    let unknown = record(What::Syscall(call(1023, 0))).syscall.unwrap();
    assert!(unknown.arg.is_none() && unknown.args.len() == 6);
}

#[test]
fn files_are_told_where_the_path_is_absolute() {
    let piece =
        |index, text: &'static [u8]| Some(Piece { index, kind: PieceKind::String, text: Text::Whole(text) });
    let renamed = |from, to| {
        let memory = Memory::new([piece(1, from), piece(3, to), None]);
        record(What::Syscall(Syscall { memory, ..call(264, 0) })).file
    };
    let file = renamed(b"/a", b"/b\xff").unwrap();
    assert_eq!((file.path.as_deref(), file.target_path.as_deref()), (Some("/a"), Some("/b\u{fffd}")));
    assert_eq!(STANDARD.decode(file.target_path_bytes.unwrap()).unwrap(), b"/b\xff");
    let file = renamed(b"a", b"/b").unwrap();
    assert_eq!((file.path.as_deref(), file.target_path.as_deref()), (None, Some("/b")));
    assert!(renamed(b"a", b"").is_none());
    let memory = Memory::new([piece(1, b"/a"), None, None]);
    let beneath = record(What::Syscall(Syscall { memory, ..call(437, 0) }));
    assert!(beneath.file.is_none(), "its rules may put the root elsewhere");
}

#[test]
fn socket_addresses_are_told_with_their_family() {
    let called = |number, address| {
        let memory = memory(1, PieceKind::Address, address);
        record(What::Syscall(Syscall { memory, ..call(number, -111) }))
    };
    let connect = |address| called(42, address);
    let inet = [2, 0, 1, 187, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let told = connect(Text::Whole(&inet));
    assert_eq!(told.message, "cat (4242) in web-1: connect 192.0.2.1:443: ECONNREFUSED");
    let address = "{sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr(\"192.0.2.1\")}";
    assert_eq!(told.syscall.unwrap().arg.unwrap()["addr"], address);
    let network = told.network.unwrap();
    let peer = network.peer.unwrap();
    assert_eq!(
        (network.r#type.as_deref(), network.transport, network.local.is_none()),
        (Some("ipv4"), None, true)
    );
    assert_eq!((peer.address.as_str(), peer.port, peer.address_bytes), ("192.0.2.1", Some(443), None));

    let mut inet6 = [0; 28];
    inet6[..4].copy_from_slice(&[10, 0, 0, 53]);
    inet6[23] = 1;
    let network = called(49, Text::Whole(&inet6)).network.unwrap();
    let local = network.local.unwrap();
    assert_eq!(
        (network.r#type.as_deref(), local.address.as_str(), local.port),
        (Some("ipv6"), "::1", Some(53))
    );

    let hostile = connect(Text::Whole(b"\x01\0/\xff\x1b]:0;")).network.unwrap();
    assert_eq!((hostile.transport.as_deref(), hostile.r#type), (Some("unix"), None));
    let peer = hostile.peer.unwrap();
    assert_eq!((peer.address.as_str(), peer.port), ("/\u{fffd}\u{1b}]:0;", None));
    assert_eq!(STANDARD.decode(peer.address_bytes.unwrap()).unwrap(), b"/\xff\x1b]:0;");

    for text in [Text::Unread, Text::Whole(&inet[..7]), Text::Whole(b"")] {
        let nothing = connect(text);
        assert!(nothing.network.is_none());
        assert_eq!(nothing.syscall.unwrap().unread, ["addr"]);
    }
}

#[test]
fn processes_and_cgroups() {
    let fork = record(What::Fork { pid: 5, tid: 5, vpid: Some(2) });
    assert_eq!(fork.event.name, "process.fork");
    let child = fork.process.unwrap().child.unwrap();
    assert_eq!((child.pid, child.tid, child.vpid), (5, 5, Some(2)));
    let filename = Text::Whole(b"/usr/bin/curl".as_slice());
    let exec = record(What::Exec { filename, args: Text::Whole(b"curl\0\0a b\0") });
    assert_eq!(exec.event.name, "process.exec");
    assert_eq!(exec.message, "cat (4242) in web-1: executed curl  a b");
    let process = exec.process.unwrap();
    assert_eq!(process.command_args.unwrap(), ["curl", "", "a b"]);
    assert_eq!(process.command_line.unwrap(), "curl  a b");
    assert_eq!(process.executable.unwrap().path.unwrap(), "/usr/bin/curl");
    let cut = record(What::Exec { filename, args: Text::Cut(b"curl\0htt") });
    assert_eq!(cut.truncated, ["process.command_line", "process.command_args"]);
    let unread = record(What::Exec { filename: Text::Unread, args: Text::Unread }).process.unwrap();
    assert!(
        unread.command_args.is_none()
            && unread.command_line.is_none()
            && unread.executable.unwrap().path.is_none()
    );
    let exit = record(What::Exit(Exit { status: 3 << 8, process: true }));
    assert_eq!(exit.event.name, "process.exit");
    let exit = exit.process.unwrap().exit.unwrap();
    assert_eq!((exit.code, exit.last_thread, exit.signal.is_none()), (Some(3), Some(true), true));
    let killed = record(What::Exit(Exit { status: 9, process: false })).process.unwrap().exit.unwrap();
    assert_eq!((killed.code, killed.last_thread), (None, Some(false)));
    let signal = killed.signal.unwrap();
    assert_eq!((signal.name.as_deref(), signal.number), (Some("SIGKILL"), 9));
    let acts = [
        (CgroupAct::Mkdir, "cgroup.mkdir", 4),
        (CgroupAct::Rmdir, "cgroup.rmdir", 4),
        (CgroupAct::Attach { pid: 8, tid: 9 }, "cgroup.attach", 4),
        (CgroupAct::Rename, "cgroup.rename", 4),
        (CgroupAct::Freeze, "cgroup.freeze", 0),
        (CgroupAct::Unfreeze, "cgroup.unfreeze", 0),
    ];
    for (act, name, hierarchy) in acts {
        let cgroup = Cgroup { act, id: u64::MAX, hierarchy, path: Text::Whole(b"/a/b") };
        let record = record(What::Cgroup(cgroup));
        assert_eq!(record.event.name, name);
        let cgroup = record.cgroup.unwrap();
        assert_eq!((cgroup.id.as_str(), cgroup.path.as_deref()), ("18446744073709551615", Some("/a/b")));
        assert_eq!((cgroup.hierarchy, cgroup.version), (hierarchy, if hierarchy == 0 { 2 } else { 1 }));
        let moved = cgroup.task.map(|task| (task.pid, task.tid));
        assert_eq!(moved, matches!(act, CgroupAct::Attach { .. }).then_some((8, 9)));
    }
}

#[test]
fn what_a_process_is_there_for() {
    let identity = identity(Owner::Container(Arc::new(container())));
    let event = event(What::Exit(Exit { status: 0, process: true }));
    for (origin, expected) in [
        (None, None),
        (Some(Origin::Exec), Some(wire::Origin::Exec)),
        (Some(Origin::Healthcheck), Some(wire::Origin::Healthcheck)),
        (Some(Origin::Setup), Some(wire::Origin::Setup)),
    ] {
        let text = printed(&session(), |sink| _ = sink.event(&event, Some(&identity), origin).unwrap());
        assert_eq!(records(&text).swap_remove(1).process.unwrap().origin, expected);
    }
}

fn happened(container: Container, pid: Option<u32>, what: Stage) -> wire::Record {
    let event = ContainerEvent { ktime_ns: 1_123_456_789, container: Arc::new(container), pid, what };
    let text = printed(&session(), |sink| assert!(sink.container(&event).unwrap()));
    records(&text).swap_remove(1)
}

#[test]
fn containers_begin_and_end() {
    let start = happened(container(), Some(4242), Stage::Start);
    assert_eq!((start.event.name.as_str(), start.message.as_str()), ("container.start", "web-1 started"));
    assert_eq!(start.timestamp, "2026-11-23T12:00:01.123456789Z");
    let whose = start.container.unwrap();
    assert_eq!((whose.name.as_deref(), whose.image.unwrap().name.as_str()), (Some("web-1"), "nginx:1.27"));
    assert_eq!((start.k8s.unwrap().pod.unwrap().uid.as_deref(), start.owner.is_none()), (Some("u-1"), true));
    let process = start.process.unwrap();
    assert_eq!((process.pid, process.exit.is_none(), start.syscalls.is_none()), (4242, true, true));

    let used = Used { calls: 230, errors: 9, denied: 1, setup: 912 };
    let stop = |status: Option<u32>, lifetime_ns| {
        let exit = status.map(|status| Exit { status, process: true });
        happened(container(), exit.map(|_| 4242), Stage::Stop { exit, lifetime_ns, used })
    };
    let exited = stop(Some(3 << 8), Some(20_123_456));
    assert_eq!(
        (exited.event.name.as_str(), exited.message.as_str()),
        ("container.stop", "web-1 exited with 3 after 230 calls")
    );
    assert_eq!(exited.container.unwrap().lifetime_ns.unwrap().value(), 20_123_456);
    assert_eq!(exited.syscalls, Some(wire::Syscalls { count: 230, errors: 9, denied: 1, setup: 912 }));
    let process = exited.process.unwrap();
    assert_eq!((process.pid, process.exit.unwrap().code), (4242, Some(3)));
    let killed = stop(Some(9), Some(u64::MAX));
    assert_eq!(killed.container.unwrap().lifetime_ns.unwrap().value(), i128::from(u64::MAX));
    let exit = killed.process.unwrap().exit.unwrap();
    assert_eq!((exit.code, exit.signal.unwrap().number), (None, 9));
    // It ran before the trace, and the record of its end was lost.
    let unseen = stop(None, None);
    assert_eq!(unseen.message, "web-1 ended after 230 calls");
    assert!(unseen.process.is_none() && unseen.container.unwrap().lifetime_ns.is_none());
}

#[test]
fn an_owner_is_named_as_soon_as_it_is_known_and_never_guessed() {
    let what = || event(What::Exit(Exit { status: 0, process: true }));
    let known = [
        None,
        Some(identity(Owner::Unknown(UnknownReason::Pending))),
        Some(identity(Owner::Container(Arc::new(container())))),
        Some(identity(Owner::Host)),
        Some(identity(Owner::Unknown(UnknownReason::CgroupGone))),
    ];
    let text = printed(&session(), |sink| {
        for identity in &known {
            sink.event(&what(), identity.as_ref(), None).unwrap();
        }
        let nobody = Event { owner: OwnerId::default(), ..what() };
        sink.event(&nobody, None, None).unwrap();
    });
    let records = records(&text);
    let owners: Vec<_> = records[1..=6]
        .iter()
        .map(|record| {
            let owner = record.owner.as_ref();
            if let Some(owner) = owner {
                assert_eq!(owner.cgroup.id, "18446744073709551615");
            }
            assert_eq!(record.container.is_some(), record.k8s.is_some());
            (record.container.is_some(), owner.map(|owner| owner.unknown.as_str()))
        })
        .collect();
    assert_eq!(
        owners,
        [
            (false, Some("being looked up")),
            (false, Some("being looked up")),
            (true, None),
            (false, None),
            (false, Some("its cgroup was gone before its path was learnt")),
            (false, Some("the owner table was full")),
        ]
    );
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    struct Gone;
    impl std::io::Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut sink = Json::new(Gone);
    assert!(sink.start(&session()).unwrap());
    assert!(!sink.flush().unwrap());
    assert!(!sink.event(&event(What::Exit(Exit { status: 0, process: true })), None, None).unwrap());
    assert!(!sink.stop(0, &Ledger::default()).unwrap());
}

#[test]
fn the_worst_of_everything_fits_into_a_line() {
    let worst = |len| "\u{202e}".repeat(len);
    let container = Container {
        id: worst(5000),
        name: Some(worst(5000)),
        runtime: Runtime::Containerd,
        image: Some(worst(5000)),
        parent: Some(worst(5000)),
        pod: Some(Pod {
            name: Some(worst(5000)),
            uid: Some(worst(5000)),
            namespace: Some(worst(5000)),
            container_name: Some(worst(5000)),
        }),
        ..container()
    };
    let identity = identity(Owner::Container(Arc::new(container)));
    let session = Session { host_name: worst(64), version: worst(99), kernel: worst(99), ..session() };
    let args = [[1; 255].as_slice(), &[0], &[0xff; 255]].concat();
    let path = [[1; 600].as_slice(), &[0xff; 424]].concat();
    let cut = Text::Cut(&path[..512]);
    // Absolute, and long beyond what a line has room for.
    let long = [b"/".as_slice(), &[1; 1000], &[0xff; 3000]].concat();
    let piece = |index| Some(Piece { index, kind: PieceKind::String, text: Text::Cut(&long) });
    let two = Memory::new([piece(1), piece(3), None]);
    let socket = [[1, 0].as_slice(), &[1; 63], &[0xff; 63]].concat();
    let whats = [
        What::Exec { filename: Text::Cut(&path[512..]), args: Text::Cut(&args) },
        What::Exec { filename: cut, args: Text::Cut(&[0; 512]) },
        What::Syscall(Syscall { memory: two, args: [u64::MAX; 6], ..call(316, i64::MIN) }),
        What::Syscall(Syscall {
            memory: memory(4, PieceKind::Address, Text::Cut(&socket)),
            args: [u64::MAX; 6],
            ..call(44, i64::MIN)
        }),
        What::Cgroup(Cgroup {
            act: CgroupAct::Attach { pid: u32::MAX, tid: u32::MAX },
            id: u64::MAX,
            hierarchy: u32::MAX,
            path: Text::Cut(&path),
        }),
        What::Exit(Exit { status: 0x7f, process: true }),
    ];
    let write = |sink: &mut Json<&mut Vec<u8>>| {
        for what in &whats {
            let mut event = event(what.clone());
            event.process = Process {
                pid: u32::MAX,
                tid: u32::MAX,
                vpid: Some(u32::MAX),
                parent_pid: u32::MAX,
                uid: u32::MAX,
                session: None,
                comm: &[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0xff],
            };
            sink.event(&event, Some(&identity), Some(Origin::Healthcheck)).unwrap();
        }
        let most = (1 << 53) - 1;
        let used = Used { calls: most, errors: most, denied: most, setup: most };
        let exit = Some(Exit { status: 0x7f, process: true });
        let what = Stage::Stop { exit, lifetime_ns: Some(u64::MAX), used };
        let Owner::Container(container) = &identity.owner else { panic!() };
        let container = Arc::clone(container);
        sink.container(&ContainerEvent { ktime_ns: 0, container, pid: Some(u32::MAX), what }).unwrap();
    };
    let text = printed(&session, write);
    let flat = printed_in(Layout::Flat, &session, write);
    let records = records(&text);
    assert_eq!(records.len(), 9);
    // The longer keys of the flat layout leave all texts as much room: none was written again with less. But names of
    // arguments are part of what they share.
    for (nested, flat) in text.lines().zip(flat.lines()).take(8) {
        let [nested, flat] = [nested, flat].map(|line| serde_json::from_str::<Value>(line).unwrap());
        for (key, value) in flat.as_object().unwrap() {
            if key != "truncated" && !key.starts_with("syscall.arg.") {
                assert_eq!(nested.pointer(&format!("/{}", key.replace('.', "/"))), Some(value), "{key}");
            }
        }
    }
    for record in &records[1..=7] {
        for path in ["host.name", "container.name", "k8s.pod.uid", "container.image.name", "message"] {
            assert!(record.truncated.iter().any(|cut| cut == path), "{path}: {:?}", record.truncated);
        }
    }
    // What the escapes leave no room for is whole in base64.
    let process = records[1].process.as_ref().unwrap();
    assert_eq!(STANDARD.decode(process.command_args_bytes.as_ref().unwrap()).unwrap(), args);
}

/// Bytes that go wrong: any, and those that formats and terminals care about.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let pieces: [&[u8]; 12] = [
        b"\"",
        b"\\",
        b"\n",
        b"\0",
        b"\x1b[2J",
        b"\x7f",
        b"\xc2\x9b",
        b"\xe2\x80\xae",
        b"\xe2\x80\xa8",
        b"\xff",
        b"\xe2\x82",
        b"/plain/path",
    ];
    let piece = prop_oneof![
        prop::sample::select(pieces.to_vec()).prop_map(<[u8]>::to_vec),
        vec(any::<u8>(), 0..8),
        any::<char>().prop_map(|c| c.to_string().into_bytes()),
    ];
    vec(piece, 0..60).prop_map(|pieces| pieces.concat().into_iter().take(512).collect())
}

fn hostile_text() -> impl Strategy<Value = String> {
    hostile().prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// `read` is the lossy form of `bytes`, or its beginning where `truncated` says so; if they are not
/// UTF-8, `exact` has them all.
fn faithful(read: &str, exact: Option<&String>, bytes: &[u8], path: &str, truncated: &[String]) {
    let lossy = String::from_utf8_lossy(bytes);
    if truncated.iter().any(|cut| cut == path) {
        assert!(lossy.starts_with(read), "{path}");
    } else {
        assert_eq!(read, lossy, "{path}");
    }
    match exact {
        Some(exact) => assert_eq!(STANDARD.decode(exact).unwrap(), bytes, "{path}"),
        None => assert!(str::from_utf8(bytes).is_ok(), "{path}"),
    }
}

proptest! {
    #[test]
    fn what_is_read_is_what_happened(
        (name, id, image) in (hostile_text(), hostile_text(), hostile_text()),
        (host_name, pod) in (hostile_text(), hostile_text()),
        comm in vec(any::<u8>(), 0..16),
        (one, two) in (hostile(), hostile()),
        kind in 0_usize..4,
        cut in any::<bool>(),
        (args, ret, duration) in (any::<[u64; 6]>(), any::<i64>(), any::<u64>()),
        (wall_offset_ns, ktime_ns) in (any::<i64>(), any::<u64>()),
        number in any::<u16>(),
        seen in any::<u32>(),
    ) {
        let pod = Pod { name: Some(pod), ..Pod::default() };
        let container = Container {
            id, name: Some(name), image: Some(image), pod: Some(pod), parent: None, ..container()
        };
        let container = Arc::new(container);
        let identity = identity(Owner::Container(Arc::clone(&container)));
        let session = Session { host_name: format!("h{host_name}"), wall_offset_ns, ..session() };
        let text = |bytes| if cut { Text::Cut(bytes) } else { Text::Whole(bytes) };
        let how = [How::Done, How::Denied, How::InFlight][seen as usize % 3];
        let act = CgroupAct::Mkdir;
        let what = match kind {
            0 => What::Syscall(Syscall {
                number, args, ret, how, duration_ns: Some(duration), memory: memory(1, PieceKind::String, text(&one)), ..call(0, 0)
            }),
            1 => What::Exec { filename: text(&one), args: text(&two) },
            2 => What::Cgroup(Cgroup { act, id: duration, hierarchy: seen, path: text(&one) }),
            _ => What::Exit(Exit { status: seen, process: cut }),
        };
        let mut event = event(what);
        event.ktime_ns = ktime_ns;
        event.process.comm = &comm;
        let printed = printed(&session, |sink| assert!(sink.event(&event, Some(&identity), None).unwrap()));
        let record = records(&printed).swap_remove(1);
        let truncated = &record.truncated;

        faithful(&record.host.name, None, session.host_name.as_bytes(), "host.name", truncated);
        let read = record.container.as_ref().unwrap();
        faithful(&read.id, None, container.id.as_bytes(), "container.id", truncated);
        let name = container.name.as_ref().unwrap();
        faithful(read.name.as_ref().unwrap(), None, name.as_bytes(), "container.name", truncated);
        let image = container.image.as_ref().unwrap();
        faithful(&read.image.as_ref().unwrap().name, None, image.as_bytes(), "container.image.name", truncated);
        let pod = container.pod.as_ref().unwrap().name.as_ref().unwrap();
        let read = record.k8s.as_ref().unwrap().pod.as_ref().unwrap().name.as_ref().unwrap();
        faithful(read, None, pod.as_bytes(), "k8s.pod.name", truncated);
        let process = record.process.as_ref().unwrap();
        let executable = process.executable.as_ref().unwrap();
        faithful(&executable.name, executable.name_bytes.as_ref(), &comm, "process.executable.name", truncated);
        match kind {
            0 => {
                let read = record.syscall.as_ref().unwrap();
                let given = read.arg.iter().flat_map(BTreeMap::values);
                prop_assert!(given.map(String::len).sum::<usize>() <= 1536);
                let file = record.file.as_ref().and_then(|file| Some((file.path.as_ref()?, &file.path_bytes)));
                if let Some((path, exact)) = file {
                    faithful(path, exact.as_ref(), &one, "file.path", truncated);
                }
                prop_assert_eq!(read.number, number);
                prop_assert_eq!(read.duration_ns.as_ref().unwrap().value(), i128::from(duration));
                for (read, arg) in read.args.iter().zip(args) {
                    prop_assert_eq!(read, &format!("{arg:#x}"));
                }
                if let Some(read) = &read.return_value {
                    prop_assert_eq!(read.value(), i128::from(ret));
                }
                prop_assert_eq!(record.error.is_some(), (-4095..0).contains(&ret));
            }
            1 => {
                let path = executable.path.as_ref().unwrap();
                faithful(path, executable.path_bytes.as_ref(), &one, "process.executable.path", truncated);
                let args = process.command_args.as_ref().unwrap();
                let mut expected = two.split(|byte| *byte == 0).collect::<Vec<_>>();
                if expected.last().is_some_and(|last| last.is_empty()) {
                    expected.pop();
                }
                let whole = !truncated.iter().any(|cut| cut == "process.command_args");
                prop_assert!(args.len() == expected.len() || !whole);
                for (at, (read, bytes)) in args.iter().zip(expected).enumerate() {
                    let lossy = String::from_utf8_lossy(bytes);
                    let last = at + 1 == args.len() && !whole;
                    prop_assert!(*read == lossy || last && lossy.starts_with(read.as_str()));
                }
                if let Some(exact) = &process.command_args_bytes {
                    prop_assert_eq!(&STANDARD.decode(exact).unwrap(), &two);
                }
                prop_assert_eq!(process.command_args_bytes.is_none(), str::from_utf8(&two).is_ok());
            }
            2 => {
                let read = record.cgroup.as_ref().unwrap();
                faithful(read.path.as_ref().unwrap(), read.path_bytes.as_ref(), &one, "cgroup.path", truncated);
                prop_assert_eq!(&read.id, &duration.to_string());
            }
            _ => {
                let exit = process.exit.as_ref().unwrap();
                prop_assert_eq!(exit.code.is_some(), exit.signal.is_none());
                prop_assert_eq!(exit.last_thread, Some(cut));
            }
        }
        if cut {
            // A call has it only of a path.
            let path = ["", "process.command_args", "cgroup.path"];
            prop_assert!(kind == 0 || path.get(kind).is_none_or(|path| truncated.iter().any(|cut| cut == path)));
        }
    }
}

proptest! {
    /// What is written once for many lines is the same as if it were written for each.
    #[test]
    fn a_line_does_not_depend_on_those_before_it(
        comms in vec(hostile(), 1..4),
        names in vec(hostile(), 1..3),
        events in vec((any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>(), hostile()), 1..40),
        flat in any::<bool>(),
        max_bytes in prop_oneof![Just(8 << 10), 1_usize << 10..2 << 10],
    ) {
        let style = Style { layout: if flat { Layout::Flat } else { Layout::Nested }, max_bytes, args: true };
        let session = session();
        let containers: Vec<Identity> = names.iter().map(|name| {
            let name = Some(String::from_utf8_lossy(name).into_owned());
            identity(Owner::Container(Arc::new(Container { name, ..container() })))
        }).collect();
        let mut all = json::Printer::styled(&session, style);
        for (seq, (who, place, origin, kind, path)) in (0..).zip(&events) {
            let comm = &comms[usize::from(*who) % comms.len()];
            let origin = [None, Some(Origin::Exec), Some(Origin::Setup)][usize::from(*origin) % 3];
            // The last one is of nobody that is known.
            let place = containers.get(usize::from(*place) % (containers.len() + 1));
            let text = Text::Whole(path);
            let call = call([257, 110, 9, 60_000][usize::from(*who) / 4 % 4], i64::from(*kind) - 128);
            let what = match kind % 5 {
                0 => What::Exec { filename: text, args: text },
                1 => What::Exit(Exit { status: 9, process: true }),
                2 => What::Syscall(Syscall { how: How::Denied, ..call }),
                _ => What::Syscall(Syscall { memory: memory(1, PieceKind::String, text), ..call }),
            };
            let mut event = event(what);
            event.process.comm = &comm[..comm.len().min(15)];
            event.process.tid = 7 + 256 * u32::from(*who % 3);
            event.process.vpid = (*who > 128).then_some(3);
            let (mut in_line, mut alone) = (Vec::new(), Vec::new());
            all.numbered(&mut in_line, seq, &event, place, origin);
            json::Printer::styled(&session, style).numbered(&mut alone, seq, &event, place, origin);
            prop_assert_eq!(String::from_utf8(in_line).unwrap(), String::from_utf8(alone.clone()).unwrap());
            prop_assert!(alone.len() <= max_bytes + 1);
            let Value::Object(line) = serde_json::from_slice(&alone).unwrap() else { panic!() };
            let message = line["message"].as_str().unwrap();
            let said = [event.process.comm, format!(" ({})", event.process.pid).as_bytes()].concat();
            let (said, message) = (String::from_utf8_lossy(&said), message.to_owned());
            let cut = line.get("truncated").is_some_and(|cut| cut.as_array().unwrap().contains(&"message".into()));
            prop_assert!(message.starts_with(&*said) || cut && said.starts_with(&message), "{}", message);
        }
    }
}

fn snapshot(name: &str) -> Snapshot {
    let container = Arc::new(Container { name: Some(name.to_owned()), ..container() });
    let counts = Counts { count: 10, errors: 4, denied: 1, total: 100, total_errors: 40, total_denied: 10 };
    let mut buckets = [0; BUCKETS];
    (buckets[10], buckets[12]) = (7, 3);
    let call = CallRow {
        abi: Abi::Native,
        number: 257,
        counts,
        errnos: vec![
            ErrnoRow {
                errno: 2,
                count: 3,
                first_wall_ns: 0,
                last_wall_ns: 1_795_435_200_000_000_001,
                total: 30,
                total_denied: 0,
            },
            ErrnoRow {
                errno: 4095,
                count: 0,
                first_wall_ns: 0,
                last_wall_ns: 0,
                total: 10,
                total_denied: 10,
            },
        ],
        duration: Some(Quantiles { p50: 1, p95: 2, p99: 3, max: 4 }),
        spectrum: Spectrum::new(&buckets),
        time_ns: 5,
        first: FirstCall { wall_ns: 0, pid: 1, comm: "cat".into(), origin: None },
        life: Life::default(),
    };
    let row = |subject, calls| Row {
        subject,
        state: State::Running,
        calls,
        sum: counts,
        duration: None,
        spectrum: Spectrum::default(),
        resources: Resources::default(),
        setup_calls: 9,
    };
    let unknown = |cgroup_path: Option<&str>| Subject::Unknown {
        cgroup_id: u64::MAX,
        cgroup_path: cgroup_path.map(str::to_owned),
        reason: UnknownReason::NoRuntime,
    };
    let untimed = CallRow { duration: None, errnos: Vec::new(), ..call.clone() };
    let web = Row {
        state: State::Ended,
        duration: call.duration,
        resources: Resources { cpu_ns: None, memory_bytes: Some(4096), processes: Some(3) },
        ..row(Subject::Container(Arc::clone(&container)), vec![call, untimed])
    };
    Snapshot {
        wall_ns: 1_795_435_200_000_000_001,
        interval_ns: 1_000_000_000,
        elapsed_ns: 2,
        arch: Arch::X86_64,
        losses: vec![
            LossRow { place: "ring", container: None, count: 5 },
            LossRow { place: "call_table", container: Some(container), count: 2 },
        ],
        rows: vec![
            web,
            row(Subject::Host, Vec::new()),
            row(unknown(None), Vec::new()),
            row(unknown(Some("/x/y")), Vec::new()),
        ],
        own: Some(Own { cpu_ns: Some(7), memory_bytes: 8, ring_bytes: 9, ring_size: 10 }),
        closeup: None,
    }
}

fn sample(snapshot: &Snapshot) -> wire::Sample {
    let mut out = Vec::new();
    assert!(Samples::new(&mut out, Format::Json).sample(snapshot).unwrap());
    let text = String::from_utf8(out).unwrap();
    let line = text.strip_suffix('\n').unwrap();
    read(line)
}

#[test]
fn a_sample_is_one_object() {
    let sample = sample(&snapshot("web-1"));
    assert_eq!(
        (sample.timestamp.as_str(), sample.schema_version.as_str()),
        ("2026-11-23T12:00:00.000000001Z", "1.0")
    );
    assert_eq!(sample.interval_ns, 1_000_000_000);
    let losses: Vec<_> = sample
        .loss
        .iter()
        .map(|loss| (loss.r#where.as_str(), loss.container.as_ref().map(|of| of.id.len()), loss.count))
        .collect();
    assert_eq!(losses, [("ring", None, 5), ("call_table", Some(64), 2)]);
    let [web, host, unknown, path] = sample.containers.as_slice() else { panic!("{sample:?}") };
    assert_eq!((web.container.name.as_deref(), web.container.state.as_str()), (Some("web-1"), "ended"));
    assert_eq!(web.container.runtime.as_ref().unwrap().name, "docker");
    assert_eq!(web.container.image.as_ref().unwrap().name, "nginx:1.27");
    assert_eq!(web.container.parent, Some(wire::Id { id: "ab".repeat(32) }));
    assert_eq!(web.k8s.as_ref().unwrap().namespace.as_ref().unwrap().name, "default");
    assert!(web.owner.is_none());
    assert_eq!((web.count, web.errors, web.denied), (10, 4, 1));
    assert_eq!((web.total, web.total_errors, web.total_denied), (100, 40, 10));
    let [call, untimed] = web.syscalls.as_slice() else { panic!("{web:?}") };
    assert_eq!((call.name.as_str(), call.number, call.abi.as_str()), ("openat", 257, "x86_64"));
    assert_eq!((call.count, call.errors, call.denied), (10, 4, 1));
    assert_eq!((call.total, call.total_errors, call.total_denied), (100, 40, 10));
    let errno = |name: &str, [count, total, total_denied]: [u64; 3], last: &str| wire::Errno {
        name: name.to_owned(),
        count,
        total,
        total_denied,
        first: "1970-01-01T00:00:00.000000000Z".to_owned(),
        last: last.to_owned(),
    };
    assert_eq!(
        call.errnos,
        [
            errno("ENOENT", [3, 30, 0], "2026-11-23T12:00:00.000000001Z"),
            errno("4095", [0, 10, 10], "1970-01-01T00:00:00.000000000Z"),
        ]
    );
    let duration = call.duration_ns.as_ref().unwrap();
    assert_eq!((duration.p50, duration.p95, duration.p99, duration.max), (1, 2, 3, 4));
    let slot = |from_ns, count| wire::Slot { from_ns, count };
    assert_eq!((call.time_ns, &call.spectrum), (Some(5), &Some(vec![slot(1024, 7), slot(4096, 3)])));
    assert!(untimed.duration_ns.is_none() && untimed.errnos.is_empty());
    assert!(untimed.time_ns.is_none() && untimed.spectrum.is_none());
    assert_eq!(web.duration_ns.as_ref().unwrap().p99, 3);
    let resources = wire::Resources { cpu_ns: None, memory_bytes: Some(4096), processes: Some(3) };
    assert_eq!((&web.resources, &host.resources), (&Some(resources), &None));
    let own = wire::Own { cpu_ns: Some(7), memory_bytes: 8, ring_bytes: 9, ring_size: 10 };
    assert_eq!(sample.own, Some(own));
    assert_eq!(host.container.name.as_deref(), Some("(host)"));
    assert_eq!((host.owner.as_ref().unwrap().host, host.container.id.is_none()), (Some(true), true));
    let reason = "own pid namespace, but of no known runtime";
    for (row, name, cgroup_path) in [(unknown, "(unknown)", None), (path, "/x/y", Some("/x/y"))] {
        assert_eq!((row.container.name.as_deref(), row.container.state.as_str()), (Some(name), "running"));
        let owner = row.owner.as_ref().unwrap();
        assert_eq!((owner.host, owner.unknown.as_deref()), (None, Some(reason)));
        let cgroup = owner.cgroup.as_ref().unwrap();
        assert_eq!((cgroup.id.as_str(), cgroup.path.as_deref()), ("18446744073709551615", cgroup_path));
    }
}

proptest! {
    #[test]
    fn names_in_a_sample_are_whole(name in hostile_text()) {
        let sample = sample(&snapshot(&name));
        prop_assert_eq!(sample.containers[0].container.name.as_deref(), Some(name.as_str()));
    }
}
