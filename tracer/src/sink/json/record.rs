//! An event as the members of its line.

use std::cell::RefCell;
use std::fmt::Write as _;

use super::call::Call;
use super::field;
use super::object::{Object, push_decimal};
use super::owner::{container_members, pod_object};
use crate::address::{self, Family};
use crate::argument::{self, Value};
use crate::batch::Arch;
use crate::event::{self, CgroupAct, Event, Exit, How, IoUring, Process, Syscall, Text, What};
use crate::lifecycle::{ContainerEvent, Stage};
use crate::origin::Origin;
use crate::sink::{arguments, errno_name, returned, short_name};
use crate::snapshot::Used;
use crate::syscall;
use crate::syscall::signature::{Kind, Signature};

/// `level`: a warning is what somebody should look at.
pub const fn level(what: &What<'_>) -> &'static str {
    match what {
        What::Syscall(Syscall { how: How::Denied, .. }) => "warn",
        What::Syscall(_)
        | What::Fork { .. }
        | What::Exec { .. }
        | What::Exit(_)
        | What::Cgroup(_)
        | What::IoUring(_) => "info",
    }
}

/// What a record is told with.
pub struct Words<'w> {
    pub arch: Arch,
    /// Of a call.
    pub call: Option<&'w Call>,
    /// Calls show what was in their registers, and behind them.
    pub args: bool,
    /// A line may have to be written twice.
    pub buffers: RefCell<&'w mut Buffers>,
}

/// Where what an argument is, and where a file is, are put together. Reused from line to line.
#[derive(Default)]
pub struct Buffers {
    value: String,
    path: Vec<u8>,
}

/// Whether `process` tells more than who did it.
pub const fn adds_to_process(what: &What<'_>) -> bool {
    match what {
        What::Exec { .. } | What::Fork { .. } | What::Exit(_) => true,
        What::Syscall(_) | What::Cgroup(_) | What::IoUring(_) => false,
    }
}

/// What belongs to the event's kind, behind `process`.
pub fn members(line: &mut Object<'_>, event: &Event<'_>, words: &Words<'_>) {
    match &event.what {
        What::Syscall(call) => {
            if let Some(known) = words.call {
                syscall(line, call, known, words);
            }
        }
        What::Cgroup(cgroup) => line.object("cgroup", |object| {
            object.id("id", cgroup.id);
            text(object, &field::CGROUP_PATH, &cgroup.path);
            object.number("version", cgroup.version());
            object.number("hierarchy", cgroup.hierarchy);
            if let CgroupAct::Attach { pid, tid } = cgroup.act {
                object.object("task", |task| {
                    task.number("pid", pid);
                    task.number("tid", tid);
                });
            }
        }),
        What::IoUring(operation) => io_uring(line, operation, words.args),
        What::Fork { .. } | What::Exec { .. } | What::Exit(_) => {}
    }
}

fn io_uring(line: &mut Object<'_>, operation: &IoUring, args: bool) {
    let IoUring { user_data, opcode, stage } = *operation;
    line.object("io_uring", |object| {
        if let Some(opcode) = opcode {
            if let Some(name) = syscall::io_uring::name(opcode) {
                object.word("opcode", name);
            }
            object.number("opcode_raw", opcode);
        }
        if args {
            object.id("user_data", user_data);
        }
        match stage {
            event::Stage::Submit { fd, fixed_file } => {
                if args && opcode.is_some_and(syscall::io_uring::works_on_descriptor) {
                    object.signed(if fixed_file { "fixed_file" } else { "fd" }, fd.into());
                }
            }
            event::Stage::Complete { ret } => object.signed("return_value", ret.into()),
        }
    });
    if let Some(errno) = operation.errno() {
        error(line, errno);
    }
}

/// `error`.
fn error(line: &mut Object<'_>, errno: u16) {
    line.object("error", |error| {
        error.word("type", &errno_name(errno));
        error.number("errno_raw", errno);
    });
}

/// `process`. `adds`: the event, if it adds to it.
pub fn process(
    line: &mut Object<'_>,
    process: &Process<'_>,
    origin: Option<Origin>,
    adds: Option<(&What<'_>, &Words<'_>)>,
) {
    line.object("process", |object| {
        task(object, process, adds);
        if let Some(origin) = origin {
            object.word("origin", origin.name());
        }
    });
}

fn task(object: &mut Object<'_>, process: &Process<'_>, adds: Option<(&What<'_>, &Words<'_>)>) {
    let Process { pid, tid, vpid, parent_pid, uid, session: _, comm } = process;
    object.number("pid", *pid);
    if let Some(vpid) = vpid {
        object.number("vpid", *vpid);
    }
    object.number("tid", *tid);
    object.number("parent_pid", *parent_pid);
    object.object("executable", |executable| {
        executable.bytes(&field::COMM, comm);
        if let Some((What::Exec { filename, .. }, _)) = adds {
            text(executable, &field::FILENAME, filename);
        }
    });
    object.object("user", |user| user.number("id", *uid));
    let Some((what, words)) = adds else { return };
    match what {
        What::Exec { args, .. } => command(object, args, &mut words.buffers.borrow_mut().path),
        What::Fork { pid, tid, vpid } => object.object("child", |child| {
            child.number("pid", *pid);
            if let Some(vpid) = vpid {
                child.number("vpid", *vpid);
            }
            child.number("tid", *tid);
        }),
        What::Exit(exit) => object.object("exit", |object| {
            status(object, *exit);
            object.bool("last_thread", exit.process);
        }),
        What::Syscall(_) | What::Cgroup(_) | What::IoUring(_) => {}
    }
}

/// The inside of `process.exit`: how a process ended.
fn status(object: &mut Object<'_>, exit: Exit) {
    match exit.signal() {
        None => object.number("code", exit.code()),
        Some(signal) => object.object("signal", |object| {
            if let Some(name) = syscall::signal::name(signal) {
                object.word("name", name);
            }
            object.number("number", signal);
        }),
    }
}

/// A container that began or is over.
pub fn container(line: &mut Object<'_>, event: &ContainerEvent) {
    let ContainerEvent { ktime_ns: _, container, pid, what } = event;
    line.object("container", |object| {
        container_members(object, container);
        if let Stage::Stop { lifetime_ns: Some(lifetime), .. } = what {
            object.number("lifetime_ns", *lifetime);
        }
    });
    if let Some(pod) = &container.pod {
        pod_object(line, pod);
    }
    if let Some(pid) = pid {
        line.object("process", |object| {
            object.number("pid", *pid);
            if let Stage::Stop { exit: Some(exit), .. } = what {
                object.object("exit", |object| status(object, *exit));
            }
        });
    }
    if let Stage::Stop { used: Used { calls, errors, denied, setup }, .. } = what {
        line.object("syscalls", |object| {
            object.number("count", *calls);
            object.number("errors", *errors);
            object.number("denied", *denied);
            object.number("setup", *setup);
        });
    }
}

/// As [`message`], for what [`container`] writes.
pub fn container_message(out: &mut Vec<u8>, event: &ContainerEvent) {
    out.extend_from_slice(short_name(&event.container).as_bytes());
    match &event.what {
        Stage::Start => out.extend_from_slice(b" started"),
        Stage::Stop { exit, lifetime_ns: _, used } => {
            match exit {
                Some(exit) => {
                    out.push(b' ');
                    say_exit(out, *exit);
                }
                None => out.extend_from_slice(b" ended"),
            }
            out.extend_from_slice(b" after ");
            push_decimal(out, used.calls);
            out.extend_from_slice(b" calls");
        }
    }
}

fn command(object: &mut Object<'_>, args: &Text<'_>, line: &mut Vec<u8>) {
    let (bytes, cut) = match args {
        Text::Whole(bytes) => (bytes, false),
        Text::Cut(bytes) => (bytes, true),
        Text::Unread => return,
    };
    let joined = bytes.strip_suffix(&[0]).unwrap_or(bytes).iter();
    line.clear();
    line.extend(joined.map(|byte| if *byte == 0 { b' ' } else { *byte }));
    object.text(&field::COMMAND_LINE, line);
    object.texts(&field::COMMAND_ARGS, arguments(bytes), bytes);
    if cut {
        object.shortened(&field::COMMAND_LINE);
        object.shortened(&field::COMMAND_ARGS);
    }
}

fn syscall(line: &mut Object<'_>, call: &Syscall<'_>, known: &Call, words: &Words<'_>) {
    let Syscall { abi: _, number: _, ret: _, duration_ns, args, memory: _, how } = call;
    let signature = known.signature.filter(|_| words.args);
    line.object_from("syscall", &known.begun, |object| {
        if words.args {
            object.hex("args", args.get(..known.registers).unwrap_or(args));
        }
        if let Some(signature) = signature {
            arguments_by_name(object, call, signature, words);
        }
        if let Some(ret) = returned(call, &known.name) {
            object.signed("return_value", ret);
        }
        if let Some(duration) = duration_ns {
            object.number("duration_ns", *duration);
        }
        if *how == How::InFlight {
            object.bool("in_flight", true);
        }
    });
    if let Some(signature) = signature {
        files(line, call, signature, words);
        network(line, call, signature.name, words);
    }
    if let Some(errno) = call.errno() {
        error(line, errno);
    }
}

fn arguments_by_name(
    object: &mut Object<'_>,
    call: &Syscall<'_>,
    signature: &'static Signature,
    words: &Words<'_>,
) {
    // No call has more.
    let mut unread: [Option<&str>; 6] = [None; 6];
    let mut places = unread.iter_mut();
    let buffers = &mut **words.buffers.borrow_mut();
    object.strings(&field::ARGUMENTS, |strings| {
        argument::each(words.arch, call, signature, &mut buffers.value, |name, value| match value {
            Value::Shown(shown) => strings.string(name, shown.as_bytes(), false),
            Value::String { bytes, cut } => strings.string(name, bytes, cut),
            Value::Unread(shown) => {
                strings.string(name, shown.as_bytes(), false);
                if let Some(place) = places.next() {
                    *place = Some(name);
                }
            }
        });
    });
    if unread.first().is_some_and(Option::is_some) {
        object.words("unread", unread.into_iter().flatten());
    }
}

/// `file`: paths from the process's root on.
fn files(line: &mut Object<'_>, call: &Syscall<'_>, signature: &Signature, words: &Words<'_>) {
    // Under some of its rules an absolute path begins at the directory of the first argument.
    if signature.name == "openat2" {
        return;
    }
    let places = signature.places(words.arch, call.abi);
    let mut paths = places.filter(|(argument, _)| matches!(argument.kind, Kind::Path)).map(|(_, at)| at);
    let (path, target) = (paths.next(), paths.next());
    let known = |at: &usize| call.memory.is_resolved(*at);
    let (path, target) = (path.filter(known), target.filter(known));
    if path.is_none() && target.is_none() {
        return;
    }
    line.object("file", |file| {
        for (field, at) in [(&field::PATH, path), (&field::TARGET_PATH, target)] {
            let Some(at) = at else { continue };
            let path = &mut words.buffers.borrow_mut().path;
            path.clear();
            let whole = call.memory.resolve(at, path);
            file.bytes(field, path);
            if !whole {
                file.shortened(field);
            }
        }
    });
}

/// `network`: the socket address that was passed.
fn network(line: &mut Object<'_>, call: &Syscall<'_>, name: &str, words: &Words<'_>) {
    let Some(address) = call.address().and_then(|(_, text)| address::parse(text.bytes())) else { return };
    let local = matches!(name, "bind" | "getsockname");
    let (side, field) = if local { ("local", &field::LOCAL_ADDRESS) } else { ("peer", &field::PEER_ADDRESS) };
    line.object("network", |network| {
        match address.family {
            Family::Inet => network.word("type", "ipv4"),
            Family::Inet6 => network.word("type", "ipv6"),
            Family::Unix => network.word("transport", "unix"),
            Family::Unspecified | Family::Netlink | Family::Redacted | Family::Other(_) => {
                let value = &mut words.buffers.borrow_mut().value;
                value.clear();
                // Writing to a `String` cannot fail.
                _ = write!(value, "{}", address.family);
                network.word("type", value);
            }
        }
        // Of the internet's the port is apart.
        let internet = matches!(address.family, Family::Inet | Family::Inet6);
        let colon = memchr::memrchr(b':', &address.text).filter(|_| internet);
        let Some((host, [_, port @ ..])) = colon.and_then(|colon| address.text.split_at_checked(colon))
        else {
            return network.object(side, |object| _ = object.bytes(field, &address.text));
        };
        let host = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host);
        network.object(side, |object| {
            object.bytes(field, host);
            object.number(
                "port",
                str::from_utf8(port).ok().and_then(|port| port.parse::<u16>().ok()).unwrap_or(0),
            );
        });
    });
}

fn text(object: &mut Object<'_>, field: &field::Field, text: &Text<'_>) {
    match text {
        Text::Whole(bytes) => _ = object.bytes(field, bytes),
        Text::Cut(bytes) => {
            object.bytes(field, bytes);
            object.shortened(field);
        }
        Text::Unread => {}
    }
}

/// What was done, as the line for people says it. Not escaped, not necessarily UTF-8. `name`: of a call.
pub fn message(out: &mut Vec<u8>, event: &Event<'_>, name: &str) {
    match &event.what {
        What::Syscall(call) => say_syscall(out, call, name),
        What::Fork { pid, .. } if *pid != event.process.pid => say_number(out, "started process ", *pid),
        What::Fork { tid, .. } => say_number(out, "started thread ", *tid),
        What::Exec { filename, args } => {
            let said = if args.bytes().is_empty() { filename.bytes() } else { args.bytes() };
            out.extend_from_slice(b"executed");
            for argument in arguments(said) {
                out.push(b' ');
                out.extend_from_slice(argument);
            }
        }
        What::Exit(exit) => say_exit(out, *exit),
        What::IoUring(operation) => {
            out.extend_from_slice(b"io_uring ");
            match operation.opcode.and_then(syscall::io_uring::name) {
                Some(name) => out.extend_from_slice(name.as_bytes()),
                None => out.extend_from_slice(b"operation"),
            }
            match (operation.errno(), operation.stage) {
                (Some(errno), _) => {
                    out.extend_from_slice(b": ");
                    out.extend_from_slice(errno_name(errno).as_bytes());
                }
                (None, event::Stage::Complete { ret }) => {
                    out.extend_from_slice(b" = ");
                    out.extend_from_slice(itoa::Buffer::new().format(ret).as_bytes());
                }
                (None, event::Stage::Submit { .. }) => out.extend_from_slice(b" submitted"),
            }
        }
        What::Cgroup(cgroup) => {
            match cgroup.act {
                CgroupAct::Mkdir => out.extend_from_slice(b"made cgroup "),
                CgroupAct::Rmdir => out.extend_from_slice(b"removed cgroup "),
                CgroupAct::Freeze => out.extend_from_slice(b"froze cgroup "),
                CgroupAct::Unfreeze => out.extend_from_slice(b"thawed cgroup "),
                CgroupAct::Rename => out.extend_from_slice(b"renamed cgroup to "),
                CgroupAct::Attach { tid, .. } => {
                    say_number(out, "moved task ", tid);
                    out.extend_from_slice(b" to cgroup ");
                }
            }
            out.extend_from_slice(cgroup.path.bytes());
        }
    }
}

fn say_syscall(out: &mut Vec<u8>, call: &Syscall<'_>, name: &str) {
    out.extend_from_slice(name.as_bytes());
    if let Some((_, path)) = call.path() {
        out.push(b' ');
        out.extend_from_slice(path.bytes());
    }
    if let Some(address) = call.address().and_then(|(_, text)| address::parse(text.bytes())) {
        out.push(b' ');
        out.extend_from_slice(&address.text);
    }
    if call.how == How::Denied {
        out.extend_from_slice(b" refused by seccomp");
    }
    match (call.errno(), returned(call, name)) {
        (Some(errno), _) => {
            out.extend_from_slice(b": ");
            out.extend_from_slice(errno_name(errno).as_bytes());
        }
        (None, Some(ret)) => {
            out.extend_from_slice(b" = ");
            out.extend_from_slice(itoa::Buffer::new().format(ret).as_bytes());
        }
        (None, None) => {}
    }
}

fn say_exit(out: &mut Vec<u8>, exit: Exit) {
    let who = if exit.process { "" } else { "a thread " };
    out.extend_from_slice(who.as_bytes());
    match exit.signal() {
        None => say_number(out, "exited with ", exit.code()),
        Some(signal) => match syscall::signal::name(signal) {
            Some(name) => {
                out.extend_from_slice(b"was killed by ");
                out.extend_from_slice(name.as_bytes());
            }
            None => say_number(out, "was killed by signal ", signal),
        },
    }
}

fn say_number(out: &mut Vec<u8>, what: &str, number: u32) {
    out.extend_from_slice(what.as_bytes());
    push_decimal(out, number.into());
}
