//! Events as NDJSON: the format of `ctrace trace --format json`, version 1.0.
//!
//! One JSON object a line, UTF-8, each line ended by `\n`, none longer than 8 KiB without it, or
//! than [`Style`] says. Objects are nested: `container.id` below stands for `{"container":{"id":..}}`; in the
//! flat layout it is a key as it stands, `{"container.id":..}`, except in the objects of lists. Names are those of the
//! OpenTelemetry semantic conventions where they have one. A member without value is absent, never
//! `null`. New members may come in any 1.x; none changes its meaning or type.
//!
//! This is the format in prose; [`super::schema`] has it for machines, and a test holds them together. A new member has its
//! place in both.
//!
//! # Every record
//!
//! | member | type | |
//! |---|---|---|
//! | `timestamp` | string | first member; RFC 3339, UTC, always nine digits: sorts as text |
//! | `level` | `info`, `warn` | `warn`: `ctrace.lost` and `syscall.denied`, and `ctrace.stop` of books that do not balance |
//! | `message` | string | one line for people; its wording may change |
//! | `event.name` | string | below |
//! | `event.seq` | integer | counts the records of this stream from 0, without gap |
//! | `schema_version` | string | `1.0` |
//! | `host.name` | string | |
//! | `truncated` | list of strings | members that are not all there is, by path: `process.command_line`; `*`: only the members of every record are left, in a line of less than 8 KiB |
//!
//! # Every event of a container
//!
//! | member | type | |
//! |---|---|---|
//! | `container.id`, `.name`, `.runtime.name`, `.image.name` | string | |
//! | `container.parent.id` | string | of the container around it |
//! | `k8s.pod.name`, `k8s.pod.uid`, `k8s.namespace.name`, `k8s.container.name` | string | in a pod |
//! | `owner.unknown` | string | why the owner cannot be told; instead of `container` |
//! | `owner.cgroup.id` | string | cgroup v2 id of that owner |
//! | `process.pid`, `.tid`, `.parent_pid` | integer | in the initial pid namespace |
//! | `process.vpid` | integer | `pid` inside the container |
//! | `process.executable.name` | string | the task's name, at most 15 bytes |
//! | `process.user.id` | integer | in the initial user namespace |
//! | `process.origin` | `exec`, `healthcheck`, `setup` | what the process is there for: somebody, or an engine's health check, entered the container; its runtime prepares it. Absent: it is the container's own |
//!
//! An event of the host itself has neither `container` nor `owner`. `container.start` and
//! `container.stop` are about a container and come from no process: of `process` they have what is
//! below. A container that was there before the trace has no `container.start`; one that is there after
//! it has no `container.stop`, and that event may come a second after its time, with the final counts.
//!
//! # By `event.name`
//!
//! | name | member | type | |
//! |---|---|---|---|
//! | `syscall`, `syscall.denied` | `syscall.name`, `.abi` | string | |
//! | | `syscall.number` | integer | as in the ABI's own table |
//! | | `syscall.args` | list of strings | the registers, as many as the call takes; hexadecimal, `0x1f` |
//! | | `syscall.arg` | object of strings | each argument that counts by its name, in the order of the call and as `strace` prints it, but strings without quotes: `{"dirfd":"AT_FDCWD","pathname":"/etc/hostname","flags":"O_RDONLY"}`; absent: a call that is not known |
//! | | `syscall.unread` | list of strings | the arguments whose memory was not there: in `arg` they are a pointer |
//! | | `file.path` | string | the first file that the call names, from the process's own root on: as the process gave it, with the directory that a relative path begins in before it. Absent: that directory was not read, as of `chdir`, `chroot` and `pivot_root` with a relative path, or where the path begins follows from rules, as of `openat2` |
//! | | `file.target_path` | string | the second one: of `rename`, `link` and their like, the new name |
//! | | `network.peer.address`, `.port` | string, integer | the socket address that the call passed or was given, of the other side: `192.0.2.1`, `2001:db8::1`; of a unix socket its path or `@abstract`; of a refused or failed call, too, if it came from the process |
//! | | `network.local.address`, `.port` | string, integer | instead, of `bind` and `getsockname`: the own one |
//! | | `network.type` | string | `ipv4`, `ipv6`; of sockets that are not the internet's `netlink`, `unspecified`, or the number of their family |
//! | | `network.transport` | `unix` | of a unix socket, instead of the type |
//! | | `syscall.return_value` | integer | as the kernel gave it; absent: it does not return |
//! | | `syscall.duration_ns` | integer | absent: not measured, or never begun |
//! | | `syscall.in_flight` | `true` | begun before the trace: arguments may be stale |
//! | | `error.type` | string | on failure: the error's name, or its number if it has none |
//! | | `error.errno_raw` | integer | on failure |
//! | `process.fork` | `process.child.pid`, `.tid`, `.vpid` | integer | `pid` as the parent's: a thread |
//! | `process.exec` | `process.executable.path` | string | as it was given to `execve` |
//! | | `process.command_args` | list of strings | |
//! | | `process.command_line` | string | the same, joined by spaces without quotes |
//! | `process.exit` | `process.exit.code` | integer | |
//! | | `process.exit.signal.name`, `.number` | string, integer | instead of `code` |
//! | | `process.exit.last_thread` | bool | the process is gone |
//! | `cgroup.mkdir`, `.rmdir`, `.attach`, `.freeze`, `.unfreeze`, `.rename` | `cgroup.id` | string | |
//! | | `cgroup.path` | string | from the hierarchy's root; of `rename`: the new one |
//! | | `cgroup.version` | 1, 2 | `freeze` and `unfreeze` are of 2, `rename` is of 1 |
//! | | `cgroup.hierarchy` | integer | 0: cgroup v2, else as in `/proc/cgroups` |
//! | | `cgroup.task.pid`, `.tid` | integer | of `attach`: who was moved |
//! | `io_uring.submit`, `io_uring.complete` | `io_uring.opcode` | string | `READV`; absent: one that this ctrace does not know |
//! | | `io_uring.opcode_raw` | integer | absent: a completion that had to wait for room |
//! | | `io_uring.user_data` | string | what the program knows the operation by: the same in both events |
//! | | `io_uring.fd`, `.fixed_file` | integer | of `submit`, where the operation works on one: a descriptor, or the number of a file registered with the ring |
//! | | `io_uring.return_value` | integer | of `complete`; with `error` on failure. Of `complete`, `process` is who ended it: it may be a worker of the kernel in that process |
//! | `container.start` | `process.pid` | integer | of its first process; the time is that of its program's `execve` |
//! | `container.stop` | `process.pid`, `process.exit` | as above | of its first process; absent: its end was not seen |
//! | | `container.lifetime_ns` | integer | from `container.start` on; absent: it ran before the trace |
//! | | `syscalls.count`, `.errors`, `.denied` | integer | what it called while it was traced, exact whatever was lost on the way; refused calls are errors, too |
//! | | `syscalls.setup` | integer | what its runtime called on its behalf before its program ran; not in `count` |
//! | `ctrace.start` | `ctrace.version`, `.kernel`, `.arch` | string | first record |
//! | | `ctrace.contract` | integer | version of the kernel programs' records |
//! | `ctrace.lost` | `lost.where` | string | the place |
//! | | `lost.count` | integer | what is missing; `container` says whose, where that is known |
//! | | `lost.sink` | string | at the places `queue` and `sink`: on the way to this one of several receivers; others may have it |
//! | `ctrace.stop` | `ledger.seen`, `.delivered`, `.filtered` | integer | last record |
//! | | `ledger.dropped` | list of `{where, count}` | |
//! | | `ledger.balanced` | bool | `seen = delivered + filtered + dropped` |
//! | | `ledger.sinks` | list of `{name, delivered, dropped}` | each receiver's own books, up to this record; `dropped` as above, at the places `queue` and `sink` |
//!
//! # Values
//!
//! * Integers are within ±(2^53-1). One beyond (a `return_value` that is an address) comes as a string
//!   of its decimal digits. What may be any 64 bits, an id or an argument, is a string always.
//! * Text that is not UTF-8 comes lossy, U+FFFD for what is not; beside it `.._bytes` has all its
//!   bytes in base64: `file.path_bytes`, `file.target_path_bytes`, `network.peer.address_bytes`, `network.local.address_bytes`, `cgroup.path_bytes`, `process.executable.name_bytes`,
//!   `process.executable.path_bytes`, and `process.command_args_bytes` with a NUL byte after each
//!   argument.
//! * In a line shorter than 8 KiB every text has its share of it, and what is left of a text that is not UTF-8 may have no
//!   bytes beside it.
//! * With `--redact`, `[redacted]` stands for what a pattern found in a text that a process passed; such a text has no bytes
//!   beside it. A directory with something to be hidden in the whole path is absent, and with it
//!   `file`. With `--no-args` what calls and programs were given is absent: `syscall.args`, `syscall.arg`, `syscall.unread`,
//!   `file`, `network`, command lines, `process.executable.path`, `io_uring.user_data`, `.fd` and `.fixed_file`.
//! * C0, DEL, C1, U+2028, U+2029 and the bidirectional controls are written as `\u....`: a line can be
//!   shown on a terminal as it is.

use std::cell::RefCell;
use std::io;

use tracer_common::CONTRACT_VERSION;

use super::output::{Output, Receive};
use super::{Lost, Sink, short_name};
use crate::batch::{Arch, Session};
use crate::container::Identity;
use crate::event::{Event, What};
use crate::ledger::Ledger;
use crate::lifecycle::ContainerEvent;
use crate::origin::Origin;

mod call;
mod escape;
mod field;
mod head;
mod line;
mod object;
mod owner;
mod record;
mod style;
mod task;

use call::Calls;
pub use field::SINKS;
use line::State;
pub(crate) use object::Object;
pub(crate) use owner::{container_members, pod_object, unknown_owner, who};
pub use style::{Layout, Style};
use task::Tasks;

/// Version of this format and of [`super::top`]'s.
pub const SCHEMA_VERSION: &str = "1.0";

/// Writes the format that this module describes.
pub struct Json<W> {
    out: Output<W>,
    printer: Printer,
}

/// Makes lines of events, for those who collect them in another way.
pub struct Printer {
    arch: Arch,
    style: Style,
    places: owner::Places,
    tasks: Tasks,
    calls: Calls,
    buffers: record::Buffers,
    state: State,
}

impl<W: Receive> Json<W> {
    pub fn new(writer: W) -> Self {
        Self::styled(writer, Style::default())
    }

    pub fn styled(writer: W, style: Style) -> Self {
        Self { out: Output::new(writer), printer: Printer::new(style, 0, Arch::X86_64, "") }
    }

    /// A record of our own, with `message` as it is.
    fn own(
        &mut self,
        at_ns: u64,
        level: &'static str,
        name: &'static str,
        message: &str,
        fill: impl Fn(&mut Object<'_>),
    ) -> io::Result<bool> {
        let Self { out, printer: Printer { state, .. } } = self;
        state.message.clear();
        state.message.extend_from_slice(message.as_bytes());
        state.line(out.lines(), at_ns, (level, name), None, fill);
        out.written()
    }
}

impl Printer {
    fn new(style: Style, wall_offset_ns: i64, arch: Arch, host_name: &str) -> Self {
        Self {
            arch,
            style,
            places: owner::Places::new(style),
            tasks: Tasks::new(style),
            calls: Calls::new(arch, style),
            buffers: record::Buffers::default(),
            state: State::new(style, wall_offset_ns, host_name),
        }
    }

    pub fn of(session: &Session) -> Self {
        Self::styled(session, Style::default())
    }

    pub fn styled(session: &Session, style: Style) -> Self {
        Self::new(style, session.wall_offset_ns, session.arch, &session.host_name)
    }

    /// Appends the line of the event that has number `seq`, `\n` included.
    pub fn numbered(
        &mut self,
        out: &mut Vec<u8>,
        seq: u64,
        event: &Event<'_>,
        identity: Option<&Identity>,
        origin: Option<Origin>,
    ) {
        self.state.seq = seq;
        self.event(out, event, identity, origin);
    }

    fn event(
        &mut self,
        out: &mut Vec<u8>,
        event: &Event<'_>,
        identity: Option<&Identity>,
        origin: Option<Origin>,
    ) {
        let Self { arch, style, places, tasks, calls, buffers, state } = self;
        let place = places.of(event, identity);
        let task = tasks.of(&event.process, origin, place);
        let call = if let What::Syscall(call) = &event.what { calls.of(call) } else { None };
        state.message.clear();
        record::message(&mut state.message, event, call.map_or("", |call| &call.name));
        let kind = (record::level(&event.what), event.what.name());
        let adds_to_process = record::adds_to_process(&event.what);
        let words = record::Words { arch: *arch, call, args: style.args, buffers: RefCell::new(buffers) };
        state.line(out, event.ktime_ns, kind, Some(task), |line| {
            let narrowed = line.narrowed();
            if narrowed {
                owner::whose(line, event, identity);
            } else {
                line.members(&place.members);
            }
            if narrowed || adds_to_process {
                record::process(line, &event.process, origin, Some((&event.what, &words)));
            } else {
                line.members(&task.process);
            }
            record::members(line, event, &words);
        });
    }
}

impl<W: Receive> Sink for Json<W> {
    fn start(&mut self, session: &Session) -> io::Result<bool> {
        let Session { version, kernel, arch, started_ns, host_name: _, wall_offset_ns: _, features: _ } =
            session;
        self.printer = Printer::styled(session, self.printer.style);
        let message = format!("ctrace {version} on Linux {kernel}");
        self.own(*started_ns, "info", "ctrace.start", &message, |line| {
            line.object("ctrace", |object| {
                object.text(&field::VERSION, version.as_bytes());
                object.text(&field::KERNEL, kernel.as_bytes());
                object.word("arch", arch_name(*arch));
                object.number("contract", CONTRACT_VERSION);
            });
        })
    }

    fn event(
        &mut self,
        event: &Event<'_>,
        identity: Option<&Identity>,
        origin: Option<Origin>,
    ) -> io::Result<bool> {
        let Self { out, printer } = self;
        printer.event(out.lines(), event, identity, origin);
        out.written()
    }

    fn container(&mut self, event: &ContainerEvent) -> io::Result<bool> {
        let Self { out, printer: Printer { state, .. } } = self;
        state.message.clear();
        record::container_message(&mut state.message, event);
        state.line(out.lines(), event.ktime_ns, ("info", event.what.name()), None, |line| {
            record::container(line, event);
        });
        out.written()
    }

    fn lost(&mut self, at_ns: u64, lost: &Lost<'_>) -> io::Result<bool> {
        let Lost { place, container, sink, count } = *lost;
        let of = container.map(|container| format!(" of {}", short_name(container))).unwrap_or_default();
        let on_the_way = sink.map(|sink| format!(" for {sink}")).unwrap_or_default();
        let message = format!("lost {count}{of}{on_the_way} ({place})");
        self.own(at_ns, "warn", "ctrace.lost", &message, |line| {
            if let Some(container) = container {
                who(line, container);
            }
            line.object("lost", |object| {
                object.word("where", place);
                if let Some(sink) = sink {
                    object.text(&field::SINK, sink.as_bytes());
                }
                object.number("count", count);
            });
        })
    }

    fn flush(&mut self) -> io::Result<bool> {
        self.out.flush()
    }

    fn stop(&mut self, at_ns: u64, ledger: &Ledger) -> io::Result<bool> {
        let Ledger { seen, delivered, filtered, dropped, sinks } = ledger;
        let message = format!("{delivered} events delivered, {filtered} filtered, {} lost", ledger.lost());
        let level = if ledger.balances() { "info" } else { "warn" };
        let more = self.own(at_ns, level, "ctrace.stop", &message, |line| {
            line.object("ledger", |object| {
                object.number("seen", *seen);
                object.number("delivered", *delivered);
                object.number("filtered", *filtered);
                object.objects("dropped", dropped, |object, (place, count)| {
                    object.word("where", place);
                    object.number("count", *count);
                });
                object.bool("balanced", ledger.balances());
                object.objects("sinks", sinks, |object, books| {
                    object.text(&field::SINK_NAME, books.name.as_bytes());
                    object.number("delivered", books.delivered);
                    object.objects("dropped", books.dropped(), |object, (place, count)| {
                        object.word("where", place);
                        object.number("count", count);
                    });
                });
            });
        })?;
        Ok(more && self.out.flush()?)
    }
}

/// As `uname -m` prints it.
const fn arch_name(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => "x86_64",
        Arch::Aarch64 => "aarch64",
        Arch::Riscv64 => "riscv64",
    }
}
