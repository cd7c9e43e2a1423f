//! Events without what nobody shall see, handed on to another sink: so that no printer can forget it.

use std::borrow::Cow;
use std::io;

use super::{Lost, Sink};
use crate::address::{self, Family};
use crate::batch::Session;
use crate::container::Identity;
use crate::event::{Cgroup, Event, Memory, Piece, PieceKind, Process, Syscall, Text, What};
use crate::ledger::Ledger;
use crate::lifecycle::ContainerEvent;
use crate::origin::Origin;
use crate::redact::Patterns;

/// Hides what processes passed. What engines and the kernel say, as the names of containers, is not theirs and stays.
pub struct Redacted<S> {
    sink: S,
    patterns: Patterns,
    /// False: nothing that a call or a program was given is left. The printer is told, too, so that
    /// it shows no zeroes for it.
    args: bool,
}

impl<S> Redacted<S> {
    pub const fn new(sink: S, patterns: Patterns, args: bool) -> Self {
        Self { sink, patterns, args }
    }
}

impl<S: Sink> Sink for Redacted<S> {
    fn start(&mut self, session: &Session) -> io::Result<bool> {
        self.sink.start(session)
    }

    fn event(
        &mut self,
        event: &Event<'_>,
        identity: Option<&Identity>,
        origin: Option<Origin>,
    ) -> io::Result<bool> {
        let Self { sink, patterns, args } = self;
        let Event { ktime_ns, owner, cgroup_id, process, what } = event;
        let comm = patterns.text(process.comm);
        let process = Process { comm: &comm, ..*process };
        let mut hand_on = |what| {
            let event = Event { ktime_ns: *ktime_ns, owner: *owner, cgroup_id: *cgroup_id, process, what };
            sink.event(&event, identity, origin)
        };
        match what {
            What::Syscall(call) if !*args => {
                hand_on(What::Syscall(Syscall { args: [0; 6], memory: Memory::default(), ..*call }))
            }
            What::Syscall(call) => {
                let hidden: Vec<_> =
                    call.memory.pieces().map(|piece| (piece, hide(patterns, call, piece))).collect();
                let pieces = hidden.iter().map(|(piece, bytes)| {
                    bytes.as_ref().map(|bytes| Piece { text: with(piece.text, bytes), ..*piece })
                });
                hand_on(What::Syscall(Syscall { memory: Memory::new(pieces), ..*call }))
            }
            What::Exec { .. } if !*args => hand_on(What::Exec { filename: Text::Unread, args: Text::Unread }),
            What::Exec { filename, args } => {
                let path = patterns.text(filename.bytes());
                let vector = patterns.arguments(args.bytes());
                hand_on(What::Exec { filename: with(*filename, &path), args: with(*args, &vector) })
            }
            What::Cgroup(cgroup) => {
                let path = patterns.text(cgroup.path.bytes());
                hand_on(What::Cgroup(Cgroup { path: with(cgroup.path, &path), ..*cgroup }))
            }
            What::Fork { .. } | What::Exit(_) | What::IoUring(_) => hand_on(what.clone()),
        }
    }

    fn container(&mut self, event: &ContainerEvent) -> io::Result<bool> {
        self.sink.container(event)
    }

    fn lost(&mut self, at_ns: u64, lost: &Lost<'_>) -> io::Result<bool> {
        self.sink.lost(at_ns, lost)
    }

    fn flush(&mut self) -> io::Result<bool> {
        self.sink.flush()
    }

    fn stop(&mut self, at_ns: u64, ledger: &Ledger) -> io::Result<bool> {
        self.sink.stop(at_ns, ledger)
    }
}

/// As much of it as before, in other words.
const fn with<'a>(text: Text<'_>, bytes: &'a [u8]) -> Text<'a> {
    match text {
        Text::Whole(_) => Text::Whole(bytes),
        Text::Cut(_) => Text::Cut(bytes),
        Text::Unread => Text::Unread,
    }
}

/// None: even that it is there would tell.
fn hide<'a>(patterns: &Patterns, call: &Syscall<'_>, piece: Piece<'a>) -> Option<Cow<'a, [u8]>> {
    let bytes = piece.text.bytes();
    match piece.kind {
        PieceKind::String if call.memory.is_resolved(piece.index) => {
            Some(patterns.path(&resolved(call, piece.index), bytes))
        }
        PieceKind::String => Some(patterns.text(bytes)),
        PieceKind::Strings => Some(patterns.arguments(bytes)),
        PieceKind::Address => Some(hidden(patterns, bytes)),
        // Numbers of the call's.
        PieceKind::Bytes => Some(bytes.into()),
        // Where the path is is told only if nothing in all of it is to be hidden.
        PieceKind::Base => {
            let path = resolved(call, piece.index);
            matches!(patterns.text(&path), Cow::Borrowed(_)).then_some(bytes.into())
        }
    }
}

/// From the process's root on.
fn resolved(call: &Syscall<'_>, index: usize) -> Vec<u8> {
    let mut path = Vec::new();
    call.memory.resolve(index, &mut path);
    path
}

/// The patterns are looked for in the address as it is printed.
fn hidden<'a>(patterns: &Patterns, bytes: &'a [u8]) -> Cow<'a, [u8]> {
    let Some(parsed) = address::parse(bytes) else { return bytes.into() };
    // Of a family without words of its own all bytes are printed.
    let raw = if matches!(parsed.family, Family::Other(_)) { bytes.get(2..) } else { None };
    if let Some(Cow::Owned(text)) = raw.map(|raw| patterns.text(raw)) {
        return address::redacted(parsed.family, &text).into();
    }
    match patterns.text(&parsed.text) {
        Cow::Borrowed(_) => bytes.into(),
        Cow::Owned(text) => address::redacted(parsed.family, &text).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Arch, OwnerId};
    use crate::event::{Abi, CgroupAct, How};
    use crate::redact::Pattern;
    use crate::sink::{Json, Text as TextSink, json};

    fn event<'a>(comm: &'a [u8], what: What<'a>) -> Event<'a> {
        let process = Process { pid: 1, tid: 1, vpid: None, parent_pid: 0, uid: 0, session: None, comm };
        Event { ktime_ns: 0, owner: OwnerId::default(), cgroup_id: 0, process, what }
    }

    /// `openat`, or `connect` with an address.
    fn call<'a>(path: Option<&'a [u8]>, address: Option<&'a [u8]>) -> What<'a> {
        What::Syscall(Syscall {
            abi: Abi::Native,
            number: if address.is_some() { 42 } else { 257 },
            ret: -2,
            duration_ns: Some(7777),
            args: [0xdead_beef; 6],
            memory: Memory::new([
                path.map(|path| Piece { index: 1, kind: PieceKind::String, text: Text::Whole(path) }),
                address.map(|text| Piece { index: 1, kind: PieceKind::Address, text: Text::Whole(text) }),
            ]),
            how: How::Done,
        })
    }

    fn print(patterns: &[&str], args: bool) -> [String; 2] {
        print_all(&said(), patterns, args)
    }

    /// Everything a process can say, each with the secret in it.
    fn said() -> [Event<'static>; 7] {
        let exec = |args| What::Exec { filename: Text::Whole(b"/bin/hunter2\xff"), args };
        let mkdir = Cgroup { act: CgroupAct::Mkdir, id: 1, hierarchy: 0, path: Text::Whole(b"/hunter2\xff") };
        [
            event(b"hunter2", call(Some(b"/tmp/hunter2\xff/x"), None)),
            event(b"curl", call(None, Some(b"\x01\0/run/hunter2\xff\0"))),
            event(b"curl", call(None, Some(b"\x01\0\0hunter2"))),
            // AF_ALG.
            event(b"curl", call(None, Some(b"\x26\0hunter2"))),
            event(b"curl", exec(Text::Whole(b"curl\0--password\0hunter2\0\xff\0"))),
            event(b"curl", exec(Text::Cut(b"curl\0--password=hunter2"))),
            event(b"curl", What::Cgroup(mkdir)),
        ]
    }

    fn print_all(events: &[Event<'_>], patterns: &[&str], args: bool) -> [String; 2] {
        let patterns = || Patterns::new(patterns.iter().map(|text| Pattern::parse(text).unwrap()).collect());
        let session = Session {
            version: "0".into(),
            host_name: "h".into(),
            kernel: "6".into(),
            arch: Arch::X86_64,
            wall_offset_ns: 0,
            started_ns: 0,
            features: 0,
        };
        let (mut json, mut text) = (Vec::new(), Vec::new());
        let style = json::Style { args, ..json::Style::default() };
        let sinks: [Box<dyn Sink>; 2] = [
            Box::new(Redacted::new(Json::styled(&mut json, style), patterns(), args)),
            Box::new(Redacted::new(TextSink::new(&mut text, false).with_args(args), patterns(), args)),
        ];
        for mut sink in sinks {
            sink.start(&session).unwrap();
            for event in events {
                sink.event(event, None, None).unwrap();
            }
            sink.stop(1, &Ledger::default()).unwrap();
        }
        [json, text].map(|out| String::from_utf8(out).unwrap())
    }

    #[test]
    fn what_matches_is_nowhere() {
        for out in print(&["hunter2"], true) {
            assert!(!out.contains("hunter2") && !out.contains("_bytes"), "{out}");
            let shown = ["/tmp/[redacted]\u{fffd}/x", "/run/[redacted]", "@[redacted]", "/bin/[redacted]"];
            for text in shown {
                assert!(out.contains(text), "{text}: {out}");
            }
        }
        let [json, text] = print(&["hunter2"], true);
        assert!(json.contains("0xdeadbeef") && json.contains(r#""pathname":"/tmp/[redacted]"#), "{json}");
        // The address of the family that has no words.
        assert!(json.contains(r#""addr":"[redacted]""#), "{json}");
        assert!(text.contains("connect(-559038737, [redacted], -559038737)"), "{text}");
        let base64 = |bytes: &[u8]| {
            use base64::Engine;
            base64::engine::general_purpose::STANDARD.encode(bytes)
        };
        let [plain, _] = print(&[], true);
        assert!(plain.contains("hunter2") && plain.contains(&base64(b"/tmp/hunter2\xff/x")), "{plain}");
        let [named, _] = print(&[r"--password[= ](\S+)"], true);
        assert!(named.contains(r#""command_args":["curl","--password","[redacted]","#), "{named}");
        assert!(named.contains(r#""command_line":"curl --password=[redacted]""#), "{named}");
    }

    #[test]
    fn a_relative_path_is_seen_with_its_directory() {
        let rename = |target: &'static [u8]| {
            let piece = |index, kind, text| Some(Piece { index, kind, text: Text::Whole(text) });
            let memory = Memory::new([
                piece(1, PieceKind::String, b"db/key"),
                piece(1, PieceKind::Base, b"secrets\0run\0"),
                piece(3, PieceKind::String, target),
                piece(3, PieceKind::Base, b"secrets\0run\0"),
            ]);
            let (abi, how) = (Abi::Native, How::Done);
            let call = Syscall { abi, number: 316, ret: 0, duration_ns: None, args: [0; 6], memory, how };
            event(b"mv", What::Syscall(call))
        };
        let hidden = |pattern| print_all(&[rename(b"other")], &[pattern], true);
        let [plain, _] = hidden("nothing like it");
        assert!(
            plain.contains(r#""file":{"path":"/run/secrets/db/key","target_path":"/run/secrets/other"}"#)
        );
        // It is in neither of the two pieces.
        let [json, text] = hidden("^/run/secrets/db/k");
        assert!(json.contains(r#""file":{"target_path":"/run/secrets/other"}"#), "{json}");
        assert!(json.contains(r#""oldpath":"[redacted]ey""#), "{json}");
        assert!(text.contains("[redacted]ey") && text.contains("other"), "{text}");
        // In the directory alone.
        let [json, text] = hidden("^/run/(secrets)");
        assert!(!json.contains("secrets") && !json.contains("\"file\""), "{json}");
        assert!(json.contains(r#""oldpath":"db/key""#) && !text.contains("secrets"), "{json}{text}");
    }

    #[test]
    fn without_arguments_names_and_results_are_left() {
        let [json, text] = print(&[], false);
        for out in [&json, &text] {
            for gone in ["/tmp", "/run", "password", "/bin", "0xdead", "0x0"] {
                assert!(!out.contains(gone), "{gone}: {out}");
            }
            for left in ["openat", "ENOENT", "curl"] {
                assert!(out.contains(left), "{left}: {out}");
            }
        }
        assert!(text.contains("openat(...) = -1 ENOENT <7.7µs>"), "{text}");
        for gone in ["\"args\"", "\"arg\"", "\"file\"", "\"network\"", "command_", "_bytes\":\"Y3V"] {
            assert!(!json.contains(gone), "{gone}: {json}");
        }
        assert!(json.contains("\"duration_ns\":7777"), "{json}");
    }
}
