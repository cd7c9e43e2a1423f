//! Events as lines for people: `strace -f` with the container in front.
//!
//! ```text
//! 12:00:01.123456 web-1 4242 cat openat(AT_FDCWD, "/etc/hostname", O_RDONLY|O_CLOEXEC) = 3 <4.1µs>
//! 12:00:01.123458 web-1 4242 curl connect(3, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("192.0.2.1")}, 16) = 0 <9.1µs>
//! 12:00:01.123460 web-1 4242 cat unshare(CLONE_NEWNS) = -1 EPERM DENIED by seccomp
//! 12:00:01.123470 web-1 4242 cat +++ exited with 0 +++
//! 12:00:01.123480 --- lost 12 events (ring) ---
//! 12:00:01.123481 web-1 4242 fio io_uring READ user_data=0x7f02 fd=3
//! 12:00:01.123485 web-1 4242 fio io_uring READ user_data=0x7f02 = 4096
//! 12:00:01.123490 web-1 [exec] 4250 sh exec "/bin/sh" ["sh"]
//! 12:00:01.123500 web-1 === container exited with 0 after 20.1ms, 230 calls, 9 failed, 0 denied, 912 of set-up ===
//! ```
//!
//! What is not the container's own program has a mark: `[exec]`, `[health]` (an engine's check) or `[setup]`
//! (its runtime). Times are UTC, ids those of the initial pid namespace. For programs there is [`super::json`].

use std::fmt::Write as _;
use std::io;

use super::clock::Clock;
use super::output::{Output, Receive};
use super::{Lost, Sink, arguments, errno_name, passed, returned, short_name};
use crate::argument::{self, Arguments, Value};
use crate::batch::{Arch, Session};
use crate::container::{Container, Identity, Owner};
use crate::event::{self, Cgroup, CgroupAct, Event, Exit, How, IoUring, Syscall, What};
use crate::ledger::Ledger;
use crate::lifecycle::{ContainerEvent, Stage};
use crate::origin::Origin;
use crate::snapshot::Used;
use crate::syscall;
use crate::syscall::signature::{self, Signature};
use crate::text::safe;

/// Writes the format that this module shows.
pub struct Text<W> {
    out: Output<W>,
    clock: Clock,
    arch: Arch,
    arguments: Arguments,
    /// Reused from line to line.
    line: Line,
}

impl<W: Receive> Text<W> {
    /// `colour`: with the terminal's own 16 colours.
    pub fn new(writer: W, colour: bool) -> Self {
        Self {
            out: Output::new(writer),
            clock: Clock::new(0),
            arch: Arch::X86_64,
            arguments: Arguments::new(Arch::X86_64),
            line: Line { text: String::new(), value: String::new(), colour, args: true },
        }
    }

    /// False: calls show nothing of what they were given.
    #[must_use]
    pub const fn with_args(mut self, args: bool) -> Self {
        self.line.args = args;
        self
    }

    fn end_line(&mut self) -> io::Result<bool> {
        let lines = self.out.lines();
        lines.extend_from_slice(self.line.text.as_bytes());
        lines.push(b'\n');
        self.out.written()
    }

    fn begin_line(&mut self, at_ns: u64) -> &mut Line {
        let (time, ns) = self.clock.read(at_ns);
        let time = time.split_once('T').map_or(time, |(_, time)| time);
        let line = &mut self.line;
        line.text.clear();
        line.colour(DIM, |line| line.push(format_args!("{time}.{:06}", ns / 1000)));
        line
    }
}

impl<W: Receive> Sink for Text<W> {
    /// Says nothing: the first line is the first event.
    fn start(&mut self, session: &Session) -> io::Result<bool> {
        self.clock = Clock::new(session.wall_offset_ns);
        self.arch = session.arch;
        self.arguments = Arguments::new(session.arch);
        Ok(true)
    }

    fn event(
        &mut self,
        event: &Event<'_>,
        identity: Option<&Identity>,
        origin: Option<Origin>,
    ) -> io::Result<bool> {
        let arch = self.arch;
        let signature = if let What::Syscall(call) = &event.what {
            self.arguments.signature(call.abi, call.number)
        } else {
            None
        };
        let line = self.begin_line(event.ktime_ns);
        line.owner(identity);
        if let Some(origin) = origin {
            line.push(format_args!(" "));
            line.colour(DIM, |line| line.push(format_args!("[{}]", origin.short_name())));
        }
        line.text.push(' ');
        line.event(event, signature, arch);
        self.end_line()
    }

    fn container(&mut self, event: &ContainerEvent) -> io::Result<bool> {
        let line = self.begin_line(event.ktime_ns);
        line.text.push(' ');
        line.container(&event.container);
        line.text.push(' ');
        line.colour(LIFE, |line| line.stage(&event.what));
        self.end_line()
    }

    fn lost(&mut self, at_ns: u64, lost: &Lost<'_>) -> io::Result<bool> {
        let Lost { place, container, sink, count } = *lost;
        // A full table of the kernel costs counts; every other place events.
        let what = if place.ends_with("_table") { "counts" } else { "events" };
        let line = self.begin_line(at_ns);
        line.push(format_args!(" "));
        line.colour(ALARM, |line| {
            line.push(format_args!("--- lost {count} {what}"));
            if let Some(container) = container {
                line.push(format_args!(" of {}", safe(short_name(container))));
            }
            if let Some(sink) = sink {
                line.push(format_args!(" for {}", safe(sink)));
            }
            line.push(format_args!(" ({place}) ---"));
        });
        self.end_line()
    }

    fn flush(&mut self) -> io::Result<bool> {
        self.out.flush()
    }

    /// Says nothing: the summary is for standard error.
    fn stop(&mut self, _at_ns: u64, _ledger: &Ledger) -> io::Result<bool> {
        self.out.flush()
    }
}

/// SGR parameters, all of the 16 colours that every terminal has and a user's theme decides.
const DIM: &str = "90";
const FAILED: &str = "31";
const ALARM: &str = "1;31";
const LIFE: &str = "36";
/// One for each container, by its id.
const CONTAINERS: [&str; 6] = ["32", "33", "34", "35", "92", "94"];

/// What stands behind time and owner: `4242 cat openat(...) = 3 <4.1µs>`. Without colours.
pub fn deed(event: &Event<'_>, arch: Arch) -> String {
    let signature =
        if let What::Syscall(call) = &event.what { signature::of(arch, call.abi, call.number) } else { None };
    let mut line = Line { text: String::new(), value: String::new(), colour: false, args: true };
    line.event(event, signature, arch);
    line.text
}

struct Line {
    text: String,
    /// An argument's, reused.
    value: String,
    colour: bool,
    args: bool,
}

impl Line {
    fn event(&mut self, event: &Event<'_>, signature: Option<&'static Signature>, arch: Arch) {
        self.push(format_args!("{} ", event.process.tid));
        self.bytes(event.process.comm);
        self.text.push(' ');
        match &event.what {
            What::Syscall(call) => self.syscall(call, signature, arch),
            What::Fork { pid, .. } if *pid != event.process.pid => {
                self.push(format_args!("--- process {pid} ---"));
            }
            What::Fork { tid, .. } => self.push(format_args!("--- thread {tid} ---")),
            What::Exec { filename, args } => self.exec(filename, args),
            What::Exit(exit) => self.exit(*exit),
            What::Cgroup(cgroup) => self.cgroup(cgroup),
            What::IoUring(operation) => self.io_uring(operation),
        }
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a `String` cannot fail.
        _ = self.text.write_fmt(text);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.text.push_str(&safe(&String::from_utf8_lossy(bytes)));
    }

    /// In quotes, `...` behind it if it is only the beginning.
    fn quoted(&mut self, bytes: &[u8], cut: bool) {
        argument::quoted(&mut self.text, bytes, cut);
    }

    fn colour(&mut self, code: &str, write: impl FnOnce(&mut Self)) {
        if self.colour {
            self.push(format_args!("\x1b[{code}m"));
        }
        write(self);
        if self.colour {
            self.text.push_str("\x1b[0m");
        }
    }

    fn owner(&mut self, identity: Option<&Identity>) {
        self.text.push(' ');
        match identity.map(|identity| &identity.owner) {
            Some(Owner::Container(container)) => self.container(container),
            Some(Owner::Host) => self.text.push_str("(host)"),
            Some(Owner::Unknown(_)) | None => self.text.push_str("(unknown)"),
        }
    }

    fn container(&mut self, container: &Container) {
        let sum = container.id.bytes().fold(0_usize, |sum, byte| sum + usize::from(byte));
        let code = CONTAINERS.get(sum % CONTAINERS.len()).copied().unwrap_or(DIM);
        self.colour(code, |line| line.text.push_str(&safe(short_name(container))));
    }

    fn syscall(&mut self, call: &Syscall<'_>, signature: Option<&'static Signature>, arch: Arch) {
        let name = syscall::label(arch, call.abi, call.number);
        self.push(format_args!("{name}("));
        match signature {
            _ if !self.args => self.text.push_str("..."),
            Some(signature) => self.arguments(call, signature, arch),
            None => {
                for (at, value) in passed(call, signature, arch).iter().enumerate() {
                    self.text.push_str(if at > 0 { ", " } else { "" });
                    self.push(format_args!("{value:#x}"));
                }
            }
        }
        self.text.push_str(") = ");
        match (call.errno(), returned(call, &name)) {
            (Some(errno), _) => {
                self.colour(FAILED, |line| line.push(format_args!("-1 {}", errno_name(errno))));
            }
            (None, Some(ret)) => {
                let kind = signature.map_or(signature::Result::Number, |signature| signature.result);
                argument::result(&mut self.text, arch, call, ret, kind);
            }
            (None, None) => self.text.push('?'),
        }
        match call.how {
            How::Done => {}
            How::Denied => {
                self.text.push(' ');
                self.colour(ALARM, |line| line.text.push_str("DENIED by seccomp"));
            }
            How::InFlight => self.text.push_str(" (begun before the trace)"),
        }
        if let Some(duration) = call.duration_ns {
            self.text.push(' ');
            self.colour(DIM, |line| line.push(format_args!("<{}>", Duration(duration))));
        }
    }

    fn arguments(&mut self, call: &Syscall<'_>, signature: &'static Signature, arch: Arch) {
        let Self { text, value, colour: _, args: _ } = self;
        let mut separator = "";
        argument::each(arch, call, signature, value, |name, value| {
            text.push_str(separator);
            separator = ", ";
            // The order of its arguments depends on the machine, so that they are named.
            if signature.name == "clone" {
                text.push_str(name);
                text.push('=');
            }
            match value {
                Value::Shown(shown) | Value::Unread(shown) => text.push_str(shown),
                Value::String { bytes, cut } => argument::quoted(text, bytes, cut),
            }
        });
    }

    fn exec(&mut self, filename: &event::Text<'_>, args: &event::Text<'_>) {
        self.colour(LIFE, |line| line.text.push_str("exec"));
        self.text.push(' ');
        match filename {
            event::Text::Whole(path) => self.quoted(path, false),
            event::Text::Cut(path) => self.quoted(path, true),
            event::Text::Unread => self.text.push('?'),
        }
        self.text.push_str(" [");
        for (at, argument) in arguments(args.bytes()).enumerate() {
            self.text.push_str(if at > 0 { ", " } else { "" });
            self.quoted(argument, false);
        }
        self.text.push_str(match args {
            event::Text::Whole(_) => "]",
            event::Text::Cut(_) => "...]",
            event::Text::Unread => "?]",
        });
    }

    fn exit(&mut self, exit: Exit) {
        let who = if exit.process { "" } else { "thread " };
        self.colour(LIFE, |line| {
            line.push(format_args!("+++ {who}"));
            line.status(exit);
            line.push(format_args!(" +++"));
        });
    }

    fn status(&mut self, exit: Exit) {
        match exit.signal() {
            None => self.push(format_args!("exited with {}", exit.code())),
            Some(signal) => match syscall::signal::name(signal) {
                Some(name) => self.push(format_args!("killed by {name}")),
                None => self.push(format_args!("killed by signal {signal}")),
            },
        }
    }

    fn io_uring(&mut self, operation: &IoUring) {
        let IoUring { user_data, opcode, stage } = *operation;
        self.colour(LIFE, |line| line.text.push_str("io_uring"));
        match (opcode.and_then(syscall::io_uring::name), opcode) {
            (Some(name), _) => self.push(format_args!(" {name}")),
            (None, Some(opcode)) => self.push(format_args!(" operation {opcode}")),
            (None, None) => self.text.push_str(" operation ?"),
        }
        if self.args {
            self.push(format_args!(" user_data={user_data:#x}"));
        }
        match stage {
            event::Stage::Submit { fd, fixed_file } => {
                if self.args && opcode.is_some_and(syscall::io_uring::works_on_descriptor) {
                    self.push(format_args!(" {}={fd}", if fixed_file { "file" } else { "fd" }));
                }
            }
            event::Stage::Complete { ret } => {
                self.text.push_str(" = ");
                match operation.errno() {
                    Some(errno) => {
                        self.colour(FAILED, |line| line.push(format_args!("-1 {}", errno_name(errno))));
                    }
                    None => self.push(format_args!("{ret}")),
                }
            }
        }
    }

    fn stage(&mut self, stage: &Stage) {
        match stage {
            Stage::Start => self.text.push_str("=== container started ==="),
            Stage::Stop { exit, lifetime_ns, used } => {
                self.text.push_str("=== container ");
                match exit {
                    Some(exit) => self.status(*exit),
                    None => self.text.push_str("ended"),
                }
                if let Some(lifetime) = lifetime_ns {
                    self.push(format_args!(" after {}", Duration(*lifetime)));
                }
                let Used { calls, errors, denied, setup } = used;
                self.push(format_args!(
                    ", {calls} calls, {errors} failed, {denied} denied, {setup} of set-up ==="
                ));
            }
        }
    }

    fn cgroup(&mut self, cgroup: &Cgroup<'_>) {
        let Cgroup { act, id, hierarchy, path } = cgroup;
        self.text.push_str("--- cgroup ");
        match act {
            CgroupAct::Mkdir => self.text.push_str("mkdir "),
            CgroupAct::Rmdir => self.text.push_str("rmdir "),
            CgroupAct::Freeze => self.text.push_str("freeze "),
            CgroupAct::Unfreeze => self.text.push_str("unfreeze "),
            CgroupAct::Rename => self.text.push_str("rename to "),
            CgroupAct::Attach { tid, .. } => self.push(format_args!("attach {tid} to ")),
        }
        self.quoted(path.bytes(), matches!(path, event::Text::Cut(_)));
        match hierarchy {
            0 => self.push(format_args!(" (v2, id {id}) ---")),
            v1 => self.push(format_args!(" (v1 hierarchy {v1}, id {id}) ---")),
        }
    }
}

/// Nanoseconds in the unit that leaves one to three digits before the point.
struct Duration(u64);

impl std::fmt::Display for Duration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs")];
        match units.iter().find(|(size, _)| self.0 >= *size) {
            Some((size, unit)) => write!(f, "{}.{}{unit}", self.0 / size, self.0 % size / (size / 10)),
            None => write!(f, "{}ns", self.0),
        }
    }
}

#[cfg(test)]
mod tests;
