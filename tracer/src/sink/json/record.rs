//! An event as the members of its line.

use super::field;
use super::object::{Object, push_decimal};
use super::owner::{container_members, pod_object};
use crate::address;
use crate::batch::Arch;
use crate::event::{CgroupAct, Event, Exit, How, Process, Syscall, Text, What};
use crate::lifecycle::{ContainerEvent, Stage};
use crate::origin::Origin;
use crate::sink::{arguments, errno_name, passed, returned, short_name};
use crate::snapshot::Used;
use crate::syscall;

/// `level`: a warning is what somebody should look at.
pub const fn level(what: &What<'_>) -> &'static str {
    match what {
        What::Syscall(Syscall { how: How::Denied, .. }) => "warn",
        What::Syscall(_) | What::Fork { .. } | What::Exec { .. } | What::Exit(_) | What::Cgroup(_) => "info",
    }
}

/// `process`, and what belongs to the event's kind.
pub fn members(line: &mut Object<'_>, event: &Event<'_>, origin: Option<Origin>, arch: Arch) {
    line.object("process", |object| {
        process(object, &event.process, &event.what);
        if let Some(origin) = origin {
            object.word("origin", origin.name());
        }
    });
    match &event.what {
        What::Syscall(call) => syscall(line, call, arch),
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
        What::Fork { .. } | What::Exec { .. } | What::Exit(_) => {}
    }
}

fn process(object: &mut Object<'_>, process: &Process<'_>, what: &What<'_>) {
    let Process { pid, tid, vpid, parent_pid, uid, session: _, comm } = process;
    object.number("pid", *pid);
    if let Some(vpid) = vpid {
        object.number("vpid", *vpid);
    }
    object.number("tid", *tid);
    object.number("parent_pid", *parent_pid);
    object.object("executable", |executable| {
        executable.bytes(&field::COMM, comm);
        if let What::Exec { filename, .. } = what {
            text(executable, &field::FILENAME, filename);
        }
    });
    object.object("user", |user| user.number("id", *uid));
    match what {
        What::Exec { args, .. } => command(object, args),
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
        What::Syscall(_) | What::Cgroup(_) => {}
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

fn command(object: &mut Object<'_>, args: &Text<'_>) {
    let (bytes, cut) = match args {
        Text::Whole(bytes) => (bytes, false),
        Text::Cut(bytes) => (bytes, true),
        Text::Unread => return,
    };
    let line = bytes.strip_suffix(&[0]).unwrap_or(bytes).iter();
    let line: Vec<u8> = line.map(|byte| if *byte == 0 { b' ' } else { *byte }).collect();
    object.text(&field::COMMAND_LINE, &line);
    object.texts(&field::COMMAND_ARGS, arguments(bytes), bytes);
    if cut {
        object.shortened(&field::COMMAND_LINE);
        object.shortened(&field::COMMAND_ARGS);
    }
}

fn syscall(line: &mut Object<'_>, call: &Syscall<'_>, arch: Arch) {
    let Syscall { abi, number, ret: _, duration_ns, args: _, path, address, how } = call;
    let name = syscall::label(arch, *abi, *number);
    line.object("syscall", |object| {
        object.word("name", &name);
        object.number("number", *number);
        object.word("abi", syscall::abi_name(arch, *abi));
        object.hex("args", passed(call, &name));
        if let Some((index, path)) = path {
            object.number("path_index", u64::try_from(*index).unwrap_or(u64::MAX));
            text(object, &field::PATH, path);
        }
        if let Some((index, text)) = address {
            object.number("address_index", u64::try_from(*index).unwrap_or(u64::MAX));
            if let Some(address) = address::parse(text.bytes()) {
                object.word("address_family", &address.family.to_string());
                object.bytes(&field::ADDRESS, &address.text);
            }
        }
        if let Some(ret) = returned(call, &name) {
            object.signed("return_value", ret);
        }
        if let Some(duration) = duration_ns {
            object.number("duration_ns", *duration);
        }
        if *how == How::InFlight {
            object.bool("in_flight", true);
        }
    });
    if let Some(errno) = call.errno() {
        line.object("error", |error| {
            error.word("type", &errno_name(errno));
            error.number("errno_raw", errno);
        });
    }
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

/// The line for people: who, where, what. Not escaped, not necessarily UTF-8.
pub fn message(out: &mut Vec<u8>, event: &Event<'_>, place: &[u8], arch: Arch) {
    out.extend_from_slice(event.process.comm);
    out.extend_from_slice(b" (");
    push_decimal(out, event.process.pid.into());
    out.push(b')');
    out.extend_from_slice(place);
    out.extend_from_slice(b": ");
    match &event.what {
        What::Syscall(call) => say_syscall(out, call, arch),
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

fn say_syscall(out: &mut Vec<u8>, call: &Syscall<'_>, arch: Arch) {
    let name = syscall::label(arch, call.abi, call.number);
    out.extend_from_slice(name.as_bytes());
    if let Some((_, path)) = &call.path {
        out.push(b' ');
        out.extend_from_slice(path.bytes());
    }
    if let Some(address) = call.address.and_then(|(_, text)| address::parse(text.bytes())) {
        out.push(b' ');
        out.extend_from_slice(&address.text);
    }
    if call.how == How::Denied {
        out.extend_from_slice(b" refused by seccomp");
    }
    match (call.errno(), returned(call, &name)) {
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
