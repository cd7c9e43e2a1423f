//! The published schemas, against what is printed: each member is described, in the schema and in prose, and lines with
//! the worst of everything come out of other people's validators and readers as they went in.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "that is how a test fails")]

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tracer::batch::{Arch, OwnerId, Session};
use tracer::container::{Container, Identity, Owner, Phase, Pod, Runtime, UnknownReason};
use tracer::event::{
    Abi, Cgroup, CgroupAct, Event, Exit, How, IoUring, Memory, Piece, PieceKind, Process, Syscall, Text, What,
};
use tracer::ledger::{Ledger, SinkBooks};
use tracer::lifecycle::{ContainerEvent, Stage};
use tracer::origin::Origin;
use tracer::sink::json::{Layout, SINKS, Style};
use tracer::sink::{Json, Lost, Sink};
use tracer::snapshot::Used;
use tracer::syscall::signature::{Kind, Signature};
use tracer::{argument, event, syscall};

#[path = "support/schema.rs"]
mod formats;
#[path = "support/readers.rs"]
mod readers;
#[path = "support/wait.rs"]
mod wait;

use formats::{EVENT, FLAT, PS, TOP};

/// Where an integer stops being one for somebody.
const EDGES: [u64; 6] = [0, 1, (1 << 53) - 1, 1 << 53, i64::MAX as u64, u64::MAX];
/// Of x86_64.
const OPENAT: u64 = 257;
const RENAMEAT2: u64 = 316;
const MOUNT: u64 = 165;
const NEWSTAT: u64 = 4;
const CONNECT: u64 = 42;
const BIND: u64 = 49;
const LAYOUTS: [Layout; 2] = [Layout::Nested, Layout::Flat];

/// Bytes that others have stumbled over.
fn hostile() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [
        &b""[..],
        b"plain",
        b"\"quoted\" \\back\\slash\\",
        b"{\"timestamp\":\"2000-01-01T00:00:00Z\"}\n{}",
        b"\x1b[2J\x1b]0;title\x07\x7f",
        "\u{80}\u{9b}2J\u{9f}".as_bytes(),
        "line\u{2028}paragraph\u{2029}\u{feff}".as_bytes(),
        "\u{202e}txt.exe\u{2066}\u{2069}\u{61c}\u{200e}\u{200f}".as_bytes(),
        "grüße 日本 \u{1f980} e\u{301}".as_bytes(),
        b"\xff\xfe\x00\x80",
        // A lone surrogate, an overlong slash, beginnings of characters, and one beyond the last.
        b"\xed\xa0\x80|\xed\xbf\xbf|\xc0\xaf|\xe2\x82|\xf0\x9f\xa6|\xf4\x90\x80\x80",
        b"-123 0x1f 1e999 NaN null true",
    ]
    .map(<[u8]>::to_vec)
    .into();
    all.push((0..=u8::MAX).collect());
    all.push(b"/very-long".repeat(400));
    all.push(b"\x01\xff".repeat(500));
    all
}

fn session(host_name: &str) -> Session {
    Session {
        version: "0.1.0".into(),
        host_name: host_name.into(),
        kernel: "6.18.0".into(),
        arch: Arch::X86_64,
        wall_offset_ns: 1_795_435_200_000_000_000,
        started_ns: 7,
        features: 0,
    }
}

fn container(said: &str) -> Container {
    let said = Some(said.to_owned());
    Container {
        name: said.clone(),
        image: said.clone(),
        parent: said.clone(),
        pod: Some(Pod {
            name: said.clone(),
            uid: said.clone(),
            namespace: said.clone(),
            container_name: said,
        }),
        ..Container::unnamed(Runtime::Docker, &"3f".repeat(32))
    }
}

const OWNER: OwnerId = OwnerId { slot: 3, generation: 1 };

fn identity(owner: Owner) -> Identity {
    Identity {
        id: OWNER,
        cgroup_id: 77,
        cgroup_path: None,
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

fn event<'a>(comm: &'a [u8], what: What<'a>) -> Event<'a> {
    let process = Process {
        pid: u32::MAX,
        tid: 4243,
        vpid: Some(7),
        parent_pid: 0,
        uid: u32::MAX,
        session: None,
        comm: &comm[..comm.len().min(15)],
    };
    Event { ktime_ns: 1_123_456_789, owner: OWNER, cgroup_id: u64::MAX, process, what }
}

fn call(number: u64, edge: u64) -> Syscall<'static> {
    Syscall {
        abi: Abi::Native,
        number: u16::try_from(number).unwrap(),
        ret: edge.cast_signed(),
        duration_ns: Some(edge),
        args: [edge; 6],
        memory: Memory::default(),
        how: How::Done,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as the memory of a call takes it")]
const fn piece(index: usize, kind: PieceKind, text: Text<'_>) -> Option<Piece<'_>> {
    Some(Piece { index, kind, text })
}

/// Two paths, the first one's directory, and a structure, as `renameat2` might have them.
fn paths<'a>(text: Text<'a>, base: &'a [u8]) -> Memory<'a> {
    Memory::new([
        piece(1, PieceKind::String, text),
        piece(1, PieceKind::Base, Text::Whole(base)),
        piece(3, PieceKind::String, text),
        piece(3, PieceKind::Base, Text::Cut(base)),
    ])
}

fn operations() -> Vec<IoUring> {
    let ends = [i32::MIN, -4096, -2, 0, i32::MAX];
    let submitted = ends.map(|fd| [false, true].map(|fixed_file| event::Stage::Submit { fd, fixed_file }));
    let stages = submitted.concat().into_iter().chain(ends.map(|ret| event::Stage::Complete { ret }));
    let opcodes = [None, Some(0), Some(1), Some(u8::MAX)];
    let all = stages.flat_map(|stage| opcodes.map(|opcode| IoUring { user_data: u64::MAX, opcode, stage }));
    all.collect()
}

/// Books that do not balance, with as many sinks as there may be.
fn ledger() -> Ledger {
    Ledger {
        seen: 0,
        delivered: u64::MAX,
        filtered: 0,
        dropped: [("ring", 1 << 53), ("sink", 1)].into(),
        sinks: hostile()
            .iter()
            .take(SINKS)
            .map(|name| SinkBooks {
                name: String::from_utf8_lossy(name).into(),
                delivered: u64::MAX,
                queue: 1 << 53,
                sink: 0,
            })
            .collect(),
    }
}

/// A stream with each kind of record, and the worst of everything in each of its members.
fn corpus(style: Style) -> String {
    let mut out = Vec::new();
    let mut sink = Json::styled(&mut out, style);
    sink.start(&session("node \u{202e}a")).unwrap();
    for bytes in hostile() {
        let said = String::from_utf8_lossy(&bytes).into_owned();
        let web = Arc::new(container(&said));
        let known = identity(Owner::Container(Arc::clone(&web)));
        let mut tell = |what: What<'_>, origin| {
            sink.event(&event(&bytes, what), Some(&known), origin).unwrap();
        };
        for text in [Text::Whole(&bytes), Text::Cut(&bytes), Text::Unread] {
            for number in [OPENAT, RENAMEAT2] {
                let memory = paths(text, b"inner\0\xff\"outer\0");
                tell(What::Syscall(Syscall { memory, ..call(number, 3) }), None);
            }
            let memory = Memory::new(
                [0, 1, 2].map(|index| piece(index, PieceKind::String, text)).into_iter().chain([piece(
                    4,
                    PieceKind::Bytes,
                    text,
                )]),
            );
            tell(What::Syscall(Syscall { memory, ..call(MOUNT, 3) }), None);
            let memory = Memory::new([piece(1, PieceKind::Bytes, text)]);
            tell(What::Syscall(Syscall { memory, ..call(NEWSTAT, 0) }), None);
            tell(What::Exec { filename: text, args: text }, Some(Origin::Exec));
            let act = CgroupAct::Attach { pid: 1, tid: 2 };
            tell(What::Cgroup(Cgroup { act, id: u64::MAX, hierarchy: 4, path: text }), None);
        }
        // Each family with words of its own, one without, and no family at all.
        for (family, number) in
            [0_u16, 1, 2, 10, 16, 40, u16::MAX].into_iter().zip([CONNECT, BIND].into_iter().cycle())
        {
            let address = [&family.to_le_bytes()[..], &bytes].concat();
            let memory =
                Memory::new([piece(1, PieceKind::Address, Text::Whole(&address[..address.len().min(128)]))]);
            let refused = Syscall { memory, how: How::Denied, duration_ns: None, ..call(number, 0) };
            tell(What::Syscall(refused), None);
        }
        let memory = Memory::new([piece(1, PieceKind::Address, Text::Unread)]);
        tell(What::Syscall(Syscall { memory, ..call(CONNECT, 0) }), None);
        sink.container(&ContainerEvent {
            ktime_ns: 1,
            container: Arc::clone(&web),
            pid: Some(1),
            what: Stage::Start,
        })
        .unwrap();
        sink.lost(8, &Lost { place: "ring", container: Some(&web), sink: None, count: 1 }).unwrap();
        sink.lost(8, &Lost { place: "queue", container: Some(&web), sink: Some(&said), count: 1 }).unwrap();
    }
    let megabyte = b"argument\xff\0".repeat(100_000);
    let unknown = identity(Owner::Unknown(UnknownReason::NoRuntime));
    let what = What::Exec { filename: Text::Whole(b"/bin/sh"), args: Text::Cut(&megabyte) };
    sink.event(&event(b"sh", what), Some(&unknown), Some(Origin::Setup)).unwrap();
    for edge in EDGES {
        for how in [How::Done, How::InFlight] {
            let what = What::Syscall(Syscall { how, ..call(9, edge) });
            sink.event(&event(b"sh", what), None, None).unwrap();
        }
        let lost = Lost { place: "ring", container: None, sink: None, count: edge };
        sink.lost(edge, &lost).unwrap();
        let used = Used { calls: edge, errors: edge, denied: edge, setup: edge };
        for exit in [None, Some(0x300), Some(9), Some(99)] {
            sink.container(&ContainerEvent {
                ktime_ns: edge,
                container: Arc::new(container("web")),
                pid: exit.map(|_| 1),
                what: Stage::Stop {
                    exit: exit.map(|status| Exit { status, process: true }),
                    lifetime_ns: exit.is_some().then_some(edge),
                    used,
                },
            })
            .unwrap();
        }
        let status = u32::try_from(edge & 0xff7f).unwrap();
        sink.event(&event(b"sh", What::Exit(Exit { status, process: false })), None, None).unwrap();
        let fork = What::Fork { pid: 1, tid: 2, vpid: Some(3) };
        sink.event(&event(b"sh", fork), Some(&identity(Owner::Host)), Some(Origin::Healthcheck)).unwrap();
    }
    for operation in operations() {
        sink.event(&event(b"sh", What::IoUring(operation)), None, None).unwrap();
    }
    for number in 0..64 {
        sink.event(&event(b"sh", What::Syscall(call(number, number.wrapping_neg()))), None, None).unwrap();
    }
    sink.stop(9, &ledger()).unwrap();
    sink.stop(9, &Ledger::default()).unwrap();
    String::from_utf8(out).unwrap()
}

fn style(layout: Layout) -> Style {
    Style { layout, ..Style::default() }
}

fn values(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// Objects as members with dots in their keys, those in lists as objects of their own.
fn flattened(value: &Value) -> Value {
    fn put(prefix: &str, value: &Value, out: &mut Map<String, Value>) {
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                    put(&path, value, out);
                }
            }
            Value::Array(items) => {
                let flat = |item: &Value| if item.is_object() { flattened(item) } else { item.clone() };
                out.insert(prefix.to_owned(), items.iter().map(flat).collect());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                out.insert(prefix.to_owned(), value.clone());
            }
        }
    }
    let mut out = Map::new();
    put("", value, &mut out);
    out.into()
}

#[test]
fn every_line_is_described() {
    for (layout, format) in [(Layout::Nested, &EVENT), (Layout::Flat, &FLAT)] {
        let lines = values(&corpus(style(layout)));
        for line in &lines {
            format.check(line);
        }
        let truncated = lines.iter().filter(|line| line.get("truncated").is_some()).count();
        assert!(truncated > 20 && lines.len() > truncated * 2, "{truncated} of {}", lines.len());
    }
}

#[test]
fn flat_is_the_same_in_another_form() {
    let [nested, flat] = LAYOUTS.map(|layout| values(&corpus(Style { max_bytes: 1 << 20, ..style(layout) })));
    assert_eq!(nested.len(), flat.len());
    let whole =
        |line: &&(&Value, &Value)| line.0.get("truncated").is_none() && line.1.get("truncated").is_none();
    let lines: Vec<_> = nested.iter().zip(&flat).collect();
    assert!(lines.iter().filter(whole).count() > 200);
    for (nested, flat) in lines.iter().filter(whole) {
        assert_eq!(flattened(nested), **flat);
    }
}

#[test]
fn no_line_is_longer_than_asked_for() {
    for layout in LAYOUTS {
        let mut before = 0;
        for max_bytes in [1 << 10, 1200, 1500, 1 << 11, 1 << 12, 1 << 13, 1 << 16, 1 << 20] {
            let lines = corpus(Style { max_bytes, ..style(layout) });
            let longest = lines.lines().map(str::len).max().unwrap();
            assert!(longest <= max_bytes, "{longest} of {max_bytes}");
            let format = if layout == Layout::Flat { &FLAT } else { &EVENT };
            for (seq, line) in values(&lines).iter().enumerate() {
                format.check(line);
                let said = line.pointer("/event/seq").unwrap_or(&line["event.seq"]);
                assert_eq!(*said, seq);
            }
            assert!(lines.len() >= before, "less is said in {max_bytes}");
            before = lines.len();
        }
    }
}

#[test]
fn a_line_that_cannot_be_short_has_what_all_have() {
    let unnamed = "n".repeat(5000);
    let known = identity(Owner::Container(Arc::new(container(&unnamed))));
    let mut call = Syscall { ret: i64::MAX, duration_ns: Some(u64::MAX), ..call(OPENAT, u64::MAX) };
    call.memory = paths(Text::Cut(b"/x"), b"");
    let [nested, flat] = LAYOUTS.map(|layout| {
        let mut out = Vec::new();
        let mut sink = Json::styled(&mut out, Style { max_bytes: 1 << 10, ..style(layout) });
        sink.start(&session("node")).unwrap();
        sink.event(&event(&[b'c'; 15], What::Syscall(call)), Some(&known), Some(Origin::Healthcheck))
            .unwrap();
        sink.flush().unwrap();
        values(&String::from_utf8(out).unwrap()).swap_remove(1)
    });
    EVENT.check(&nested);
    FLAT.check(&flat);
    assert_eq!((&flat["event.name"], &flat["event.seq"]), (&json!("syscall"), &json!(1)));
    assert_eq!((&flat["truncated"][0], flat.get("process.pid")), (&json!("*"), None), "{flat}");
    assert!(nested["process"]["pid"].is_number() || nested["truncated"][0] == "*", "{nested}");
}

#[test]
fn what_comes_later_is_allowed_and_noticed() {
    let lines = values(&corpus(style(Layout::Nested)));
    let called = |name: &str| lines.iter().find(|line| line["event"]["name"] == name).unwrap().clone();
    let changed = |name: &str, at: &str, value: Value| {
        let mut line = called(name);
        let (object, key) = at.rsplit_once('/').unwrap();
        line.pointer_mut(object).unwrap()[key] = value;
        (EVENT.published.is_valid(&line), EVENT.strict.is_valid(&line))
    };
    for (name, at) in [
        ("syscall", "/new"),
        ("syscall", "/syscall/new"),
        ("syscall", "/process/executable/new"),
        ("syscall", "/ledger"),
        ("process.exit", "/process/exit/new"),
        ("container.stop", "/container/runtime/new"),
        ("ctrace.stop", "/ledger/dropped/0/new"),
        ("container.start", "/container/lifetime_ns"),
    ] {
        assert_eq!(changed(name, at, json!(1)), (true, false), "{at} of {name}");
    }
    assert_eq!(changed("ctrace.start", "/event/name", json!("file.delete")), (true, false));
    for (name, at, value) in [
        ("syscall", "/level", json!("notice")),
        ("syscall", "/schema_version", json!("2.0")),
        ("syscall", "/timestamp", json!("2026-11-23T12:00:01Z")),
        ("syscall", "/syscall/duration_ns", json!(1_u64 << 53)),
        ("syscall", "/syscall/duration_ns", json!("12")),
        ("syscall", "/syscall/return_value", json!(0.5)),
        ("syscall", "/syscall/number", json!("257")),
        ("syscall", "/container/id", json!(null)),
        ("cgroup.attach", "/cgroup/id", json!(7)),
        ("syscall", "/event", json!({ "name": "syscall" })),
        ("syscall", "/truncated", json!([])),
    ] {
        assert_eq!(changed(name, at, value), (false, false), "{at} of {name}");
    }
    let mut headless = called("syscall");
    headless.as_object_mut().unwrap().remove("syscall");
    assert!(!EVENT.published.is_valid(&headless));
    headless["truncated"] = json!(["*"]);
    assert!(EVENT.published.is_valid(&headless));
}

#[test]
fn every_member_has_a_description() {
    fn look(path: &str, schema: &Value, found: &mut Vec<String>) {
        for (keyword, value) in schema.as_object().into_iter().flatten() {
            match keyword.as_str() {
                "if" | "required" | "dependentRequired" | "examples" => {}
                "properties" | "patternProperties" => {
                    for (key, value) in value.as_object().unwrap() {
                        let path = format!("{path}/{key}");
                        let described = value["description"].as_str().is_some_and(|text| text.ends_with('.'));
                        if !described {
                            found.push(path.clone());
                        }
                        look(&path, value, found);
                    }
                }
                _ if value.is_array() => {
                    for value in value.as_array().unwrap() {
                        look(path, value, found);
                    }
                }
                _ => look(&format!("{path}/{keyword}"), value, found),
            }
        }
    }
    for format in [&EVENT, &FLAT, &TOP, &PS] {
        let mut found = Vec::new();
        look("", &format.schema, &mut found);
        assert_eq!(found, [""; 0], "without a description");
        jsonschema::meta::validate(&format.schema).unwrap();
    }
}

/// Members by path, from the schema of the flat layout.
fn described() -> BTreeSet<String> {
    fn look(schema: &Value, found: &mut BTreeSet<String>) {
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            found.extend(properties.keys().cloned());
        }
        // Objects whose keys are data.
        for pattern in schema.get("patternProperties").and_then(Value::as_object).into_iter().flatten() {
            let prefix = pattern.0.strip_prefix('^').and_then(|key| key.strip_suffix("\\."));
            found.insert(prefix.unwrap().replace("\\.", "."));
        }
        for part in ["allOf", "else", "then"].iter().filter_map(|part| schema.get(part)) {
            for part in part.as_array().map_or(std::slice::from_ref(part), Vec::as_slice) {
                look(part, found);
            }
        }
    }
    let mut found = BTreeSet::new();
    look(&FLAT.schema, &mut found);
    found
}

/// Members by path, from the tables in the documentation of the module that prints them: `` `a.b`, `.c` `` is `a.b` and
/// `a.c`; with the `.._bytes` of the list below them.
fn documented() -> BTreeSet<String> {
    let source = include_str!("../tracer/src/sink/json/mod.rs");
    let docs = source.lines().map_while(|line| line.strip_prefix("//!"));
    let mut found = BTreeSet::new();
    for line in docs.map(str::trim) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let in_code =
            |text: &str| -> Vec<String> { text.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
        // A table of three columns is of all records, one of four by `event.name`.
        let members = match cells.as_slice() {
            ["", member, _, _, ""] | ["", _, member, _, _, ""] => in_code(member),
            _ => in_code(line)
                .into_iter()
                .filter(|word| word.ends_with("_bytes") && !word.starts_with('.'))
                .collect(),
        };
        let parent =
            members.first().and_then(|first| first.rsplit_once('.')).map_or("", |(parent, _)| parent);
        found.extend(members.iter().map(|member| {
            if member.starts_with('.') { format!("{parent}{member}") } else { member.clone() }
        }));
    }
    found
}

#[test]
fn the_schema_and_the_prose_have_the_same_members() {
    let (described, documented) = (described(), documented());
    // Objects are spoken of, and are no members of flat lines.
    let part = |member: &&String| described.iter().any(|other| other.starts_with(&format!("{member}.")));
    let only_prose: Vec<_> = documented.difference(&described).filter(|member| !part(member)).collect();
    assert_eq!(only_prose, [""; 0], "in tracer/src/sink/json/mod.rs, and not in the schema");
    let only_schema: Vec<_> = described.difference(&documented).collect();
    assert_eq!(only_schema, [""; 0], "in the schema, and not in tracer/src/sink/json/mod.rs");
}

/// A text as JSON has it, and beside it its bytes if they are no text.
fn put_text(object: &mut Value, key: &str, bytes: &[u8]) {
    object[key] = String::from_utf8_lossy(bytes).into();
    if str::from_utf8(bytes).is_err() {
        object[format!("{key}_bytes")] = readers::base64(bytes).into();
    }
}

fn number(value: impl Into<i128>) -> Value {
    let value = value.into();
    if value.abs() < 1 << 53 { json!(i64::try_from(value).unwrap()) } else { json!(value.to_string()) }
}

/// An event as the documentation describes it, made with `serde_json`, without message.
fn rendition(event: &Event<'_>, session: &Session, container: &Container) -> Value {
    let wall =
        jiff::Timestamp::from_nanosecond(i128::from(event.ktime_ns) + i128::from(session.wall_offset_ns));
    let Process { pid, tid, vpid, parent_pid, uid, session: _, comm } = event.process;
    let mut line = json!({
        "timestamp": wall.unwrap().strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string(),
        "level": "info",
        "event": { "name": event.what.name(), "seq": 1 },
        "schema_version": "1.0",
        "host": { "name": session.host_name },
        "container": {
            "id": container.id,
            "name": container.name,
            "runtime": { "name": "docker" },
            "image": { "name": container.image },
            "parent": { "id": container.parent },
        },
        "process": { "pid": pid, "tid": tid, "parent_pid": parent_pid, "executable": {}, "user": { "id": uid } },
    });
    if let Some(vpid) = vpid {
        line["process"]["vpid"] = vpid.into();
    }
    put_text(&mut line["process"]["executable"], "name", comm);
    match &event.what {
        What::Syscall(call) => {
            let name = syscall::label(session.arch, call.abi, call.number);
            let signature = syscall::signature::of(session.arch, call.abi, call.number);
            let taken = signature.map_or(6, |signature| signature.registers(session.arch, call.abi));
            let args = &call.args[..taken];
            let mut object = json!({
                "name": name,
                "number": call.number,
                "abi": "x86_64",
                "args": args.iter().map(|arg| format!("{arg:#x}")).collect::<Vec<_>>(),
            });
            if let Some(signature) = signature {
                words(&mut object, call, signature, session.arch);
                put_files(&mut line, call, signature, session.arch);
                put_network(&mut line, call, &name);
            }
            if !name.starts_with("exit") || call.how == How::Denied {
                object["return_value"] = number(call.ret);
            }
            if let Some(duration) = call.duration_ns {
                object["duration_ns"] = number(duration);
            }
            if call.how == How::Denied {
                line["level"] = "warn".into();
            }
            put_error(&mut line, call.ret);
            line["syscall"] = object;
        }
        What::Exec { filename, args } => {
            put_text(&mut line["process"]["executable"], "path", filename.bytes());
            let vector = args.bytes().strip_suffix(b"\0").unwrap();
            let words: Vec<_> = vector.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
            line["process"]["command_line"] = words.join(" ").into();
            line["process"]["command_args"] = json!(words);
            if str::from_utf8(args.bytes()).is_err() {
                line["process"]["command_args_bytes"] = readers::base64(args.bytes()).into();
            }
        }
        What::Fork { pid, tid, vpid } => {
            line["process"]["child"] = json!({ "pid": pid, "tid": tid, "vpid": vpid.unwrap() });
        }
        What::Exit(exit) => {
            line["process"]["exit"] = json!({ "code": exit.status >> 8, "last_thread": exit.process });
        }
        What::Cgroup(cgroup) => {
            let version = if cgroup.hierarchy == 0 { 2 } else { 1 };
            line["cgroup"] =
                json!({ "id": cgroup.id.to_string(), "version": version, "hierarchy": cgroup.hierarchy });
            put_text(&mut line["cgroup"], "path", cgroup.path.bytes());
        }
        What::IoUring(IoUring { user_data, opcode, stage }) => {
            let mut object = json!({ "user_data": user_data.to_string() });
            if let Some(opcode) = opcode {
                object["opcode_raw"] = (*opcode).into();
                if let Some(name) = syscall::io_uring::name(*opcode) {
                    object["opcode"] = name.into();
                }
            }
            match *stage {
                event::Stage::Submit { fd, fixed_file } => {
                    if opcode.is_some_and(syscall::io_uring::works_on_descriptor) {
                        object[if fixed_file { "fixed_file" } else { "fd" }] = fd.into();
                    }
                }
                event::Stage::Complete { ret } => {
                    object["return_value"] = ret.into();
                    put_error(&mut line, ret.into());
                }
            }
            line["io_uring"] = object;
        }
    }
    line
}

fn put_error(line: &mut Value, ret: i64) {
    if (-4095..0).contains(&ret) {
        let errno = u16::try_from(-ret).unwrap();
        let name = syscall::errno::name(errno).map_or(errno.to_string(), str::to_owned);
        line["error"] = json!({ "type": name, "errno_raw": errno });
    }
}

/// `arg` and `unread`.
fn words(object: &mut Value, call: &Syscall<'_>, signature: &'static Signature, arch: Arch) {
    let (mut words, mut unread) = (Map::new(), Vec::new());
    argument::each(arch, call, signature, &mut String::new(), |name, value| {
        let word = match value {
            argument::Value::Shown(shown) => shown.to_owned(),
            argument::Value::String { bytes, cut: _ } => String::from_utf8_lossy(bytes).into_owned(),
            argument::Value::Unread(shown) => {
                unread.push(name);
                shown.to_owned()
            }
        };
        assert!(words.insert(name.to_owned(), word.into()).is_none(), "{name} twice");
    });
    object["arg"] = words.into();
    if !unread.is_empty() {
        object["unread"] = json!(unread);
    }
}

/// `file`: what begins with a slash as it is, else with the names of its directory, the last one first.
fn put_files(line: &mut Value, call: &Syscall<'_>, signature: &'static Signature, arch: Arch) {
    if signature.name == "openat2" {
        return;
    }
    let places = signature.places(arch, call.abi).filter(|(argument, _)| matches!(argument.kind, Kind::Path));
    for (key, (_, at)) in ["path", "target_path"].into_iter().zip(places) {
        let of = |kind| call.memory.pieces().find(|piece| (piece.index, piece.kind) == (at, kind));
        let Some(Piece { text: Text::Whole(path), .. }) = of(PieceKind::String) else { continue };
        let path = match (path, of(PieceKind::Base)) {
            ([], _) => continue,
            ([b'/', ..], _) => path.to_vec(),
            (_, Some(Piece { text: Text::Whole(names), .. })) => {
                let mut all: Vec<&[u8]> =
                    names.split(|byte| *byte == 0).filter(|name| !name.is_empty()).collect();
                all.push(b"");
                all.reverse();
                // The empty one, and with it the first slash, is in front now.
                all.push(path);
                all.join(&b'/')
            }
            _ => continue,
        };
        if line.get("file").is_none() {
            line["file"] = json!({});
        }
        put_text(&mut line["file"], key, &path);
    }
}

/// `network`, of addresses that are whole.
fn put_network(line: &mut Value, call: &Syscall<'_>, name: &str) {
    let address = call.memory.pieces().find(|piece| piece.kind == PieceKind::Address);
    let Some((family, rest)) = address.and_then(|piece| piece.text.bytes().split_first_chunk::<2>()) else {
        return;
    };
    let side = if name == "bind" || name == "getsockname" { "local" } else { "peer" };
    let mut network = json!({ side: {} });
    match u16::from_le_bytes(*family) {
        1 => {
            network["transport"] = "unix".into();
            let path = match rest {
                [0, ..] => rest.iter().map(|byte| if *byte == 0 { b'@' } else { *byte }).collect(),
                path => path.split(|byte| *byte == 0).next().unwrap().to_vec(),
            };
            put_text(&mut network[side], "address", &path);
        }
        2 => {
            network["type"] = "ipv4".into();
            let (port, host) = rest.split_at(2);
            let host: Vec<_> = host.iter().map(u8::to_string).collect();
            let port = u16::from_be_bytes(port.try_into().unwrap());
            network[side] = json!({ "address": host.join("."), "port": port });
        }
        other => panic!("no address of the family {other} is made here"),
    }
    line["network"] = network;
}

/// Any bytes, those that formats care about more often than chance would have it.
fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    let all = hostile();
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..8),
        (0..all.len()).prop_map(move |at| all[at].iter().copied().take(40).collect()),
        any::<char>().prop_map(|c| c.to_string().into_bytes()),
    ];
    proptest::collection::vec(piece, 0..20).prop_map(move |pieces| {
        let all = pieces.concat();
        all.into_iter().take(most).collect()
    })
}

/// No process can pass one in a path.
fn without_nul(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(|byte| *byte != 0).collect()
}

/// Calls, those with memory more often than there are of them.
fn numbers() -> impl Strategy<Value = u16> {
    let calls =
        [OPENAT, RENAMEAT2, MOUNT, NEWSTAT, CONNECT, BIND].map(|number| u16::try_from(number).unwrap());
    prop_oneof![0..500_u16, (0..calls.len()).prop_map(move |at| calls[at])]
}

fn edge() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), any::<u16>().prop_map(u64::from), (0..EDGES.len()).prop_map(|at| EDGES[at])]
}

proptest! {
    #[test]
    fn the_writer_says_what_serde_json_says(
        (comm, one, two) in (bytes(15), bytes(500), bytes(500)),
        (said, image) in (any::<String>(), any::<String>()),
        (pid, vpid, flag, kind) in (any::<u32>(), any::<Option<u32>>(), any::<bool>(), 0..6),
        (args, ret, duration) in (any::<[u64; 6]>(), edge(), proptest::option::of(edge())),
        (number, hierarchy, status) in (numbers(), any::<u32>(), any::<u8>()),
        (names, port, at) in (bytes(100), any::<[u8; 6]>(), 0..4_usize),
        (wall_offset_ns, ktime_ns) in (any::<i32>(), any::<u32>()),
        small in -5000..5000_i64,
    ) {
        let mut vector = two.clone();
        vector.push(0);
        let how = if flag { How::Denied } else { How::Done };
        // Memory of the right kind, and of the wrong one.
        let one = without_nul(&one);
        let absolute = [&b"/"[..], &one].concat();
        let known = piece(at, PieceKind::String, Text::Whole(if small % 2 == 0 { &one } else { &absolute }));
        let base = if small % 3 == 0 { Text::Cut(&names) } else { Text::Whole(&names) };
        let base = piece(at, PieceKind::Base, base).filter(|_| small % 5 > 0);
        let second = if ret % 3 == 0 { Text::Unread } else { Text::Whole(&absolute) };
        let second = piece(at + 2, PieceKind::String, second);
        let unix = [&[1, 0][..], &two[..two.len().min(108)]].concat();
        let internet = [&[2, 0][..], &port].concat();
        let address = piece(1, PieceKind::Address, Text::Whole(if small % 2 == 0 { &unix } else { &internet }));
        let address = address.filter(|_| at != 1 && small % 7 > 0);
        let stage = if flag {
            event::Stage::Submit { fd: pid.cast_signed(), fixed_file: small % 2 == 0 }
        } else {
            event::Stage::Complete { ret: i32::try_from(small).unwrap() }
        };
        let what = match kind {
            0 => What::Syscall(Syscall {
                abi: Abi::Native,
                number,
                ret: if ret % 2 == 0 { small } else { ret.cast_signed() },
                duration_ns: duration,
                args,
                memory: Memory::new([known, base, second, address]),
                how,
            }),
            1 => What::Exec { filename: Text::Whole(&one), args: Text::Whole(&vector) },
            2 => What::Fork { pid, tid: pid, vpid: Some(7) },
            4 => What::IoUring(IoUring { user_data: ret, opcode: vpid.map(|word| word.to_le_bytes()[0]), stage }),
            3 => What::Exit(Exit { status: u32::from(status) << 8, process: flag }),
            _ => What::Cgroup(Cgroup { act: CgroupAct::Mkdir, id: ret, hierarchy, path: Text::Whole(&one) }),
        };
        let process = Process { pid, tid: 1, vpid, parent_pid: pid / 2, uid: 0, session: None, comm: &comm };
        let event = Event { ktime_ns: ktime_ns.into(), owner: OWNER, cgroup_id: ret, process, what };
        let session = Session { wall_offset_ns: wall_offset_ns.into(), ..session(&said) };
        let container = Container { pod: None, image: Some(image), ..container(&said) };
        let expected = rendition(&event, &session, &container);
        let known = identity(Owner::Container(Arc::new(container)));
        for layout in LAYOUTS {
            let mut out = Vec::new();
            // Enough for all of it.
            let mut sink = Json::styled(&mut out, Style { max_bytes: 1 << 20, ..style(layout) });
            sink.start(&session).unwrap();
            sink.event(&event, Some(&known), None).unwrap();
            sink.flush().unwrap();
            let mut line = values(&String::from_utf8(out).unwrap()).swap_remove(1);
            assert!(line.as_object_mut().unwrap().remove("message").unwrap().is_string());
            if layout == Layout::Flat {
                assert_eq!(line, flattened(&expected));
            } else {
                assert_eq!(line, expected);
            }
        }
    }
}

/// Each layout with its schema, the lines in a file, and what they say.
fn in_files(mut look: impl FnMut(&formats::Format, &std::path::Path, &[Value])) {
    for (layout, format) in [(Layout::Nested, &*EVENT), (Layout::Flat, &*FLAT)] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("events.json");
        let lines = corpus(style(layout));
        std::fs::write(&file, &lines).unwrap();
        look(format, &file, &values(&lines));
    }
}

#[track_caller]
fn same(read: &[Value], printed: &[Value]) {
    assert_eq!(read.len(), printed.len());
    for (read, printed) in read.iter().zip(printed) {
        assert_eq!(read, printed);
    }
}

#[test]
#[ignore = "needs python"]
fn another_validator_says_the_same() {
    in_files(|format, _, lines| {
        for schema in [&format.schema, &formats::strict(&format.schema)] {
            readers::check_jsonschema(schema, lines).unwrap();
        }
        let mut wrong = lines.to_vec();
        wrong[1]["process"] = json!("a string");
        wrong[1]["process.pid"] = json!("a string");
        let error = readers::check_jsonschema(&format.schema, &wrong).unwrap_err();
        assert!(error.contains("process"), "{error}");
    });
}

#[test]
#[ignore = "needs python"]
fn python_reads_what_was_said() {
    in_files(|_, file, lines| same(&readers::python_json(file), lines));
}

#[test]
#[ignore = "needs python"]
fn duckdb_reads_what_was_said() {
    in_files(|format, file, lines| same(&readers::duckdb(file, &format.schema, lines), lines));
}

#[test]
#[ignore = "needs jq"]
fn jq_reads_what_was_said() {
    in_files(|_, file, lines| same(&readers::jq(file), lines));
}

#[test]
#[ignore = "needs node"]
fn node_reads_what_was_said() {
    in_files(|_, file, lines| same(&readers::node(file), lines));
}

#[test]
#[ignore = "needs rsyslogd"]
fn rsyslog_reads_what_was_said() {
    for layout in LAYOUTS {
        let lines = corpus(style(layout));
        // Strings of C end at a NUL byte. No process can pass one in a path, an argument or a name.
        let printed: Vec<_> = values(&lines).into_iter().map(up_to_nul).collect();
        same(&readers::rsyslog(&lines), &printed);
    }
}

fn up_to_nul(value: Value) -> Value {
    match value {
        Value::String(text) => text.split('\0').next().unwrap().into(),
        Value::Array(items) => items.into_iter().map(up_to_nul).collect(),
        Value::Object(members) => members.into_iter().map(|(key, value)| (key, up_to_nul(value))).collect(),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_)) => plain,
    }
}
