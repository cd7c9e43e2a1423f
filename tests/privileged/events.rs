//! Containers begin and end, somebody enters them, cgroups freeze and get other names: events of their own.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::ctrace::{attached, ctrace};
use crate::support::engine::{Container, Engine, Kind, Launch};
use crate::support::json::{at, is, lines, list, number, parse};
use crate::support::process::{Process, program, run};
use crate::support::unique;

/// A trace of one container.
fn traced(container: &Container, words: &[&str]) -> Process {
    attached(&[&["trace", &container.name, "--format", "json"], words].concat())
}

/// Waits for the container's end in the stream, then ends the stream.
fn told(trace: Process, id: &str) -> Vec<Value> {
    trace.stdout_line("the container's end", |line| is(&parse(line), "container.stop", id).then_some(()));
    lines(&trace.interrupt().expect(0).stdout)
}

fn only<'a>(events: &'a [Value], name: &str, id: &str) -> &'a Value {
    let found: Vec<_> = events.iter().filter(|event| is(event, name, id)).collect();
    let [event] = found.as_slice() else { panic!("not one {name}: {events:?}") };
    event
}

/// It began, lived less than a minute, and ended; returns its end.
fn lived<'a>(events: &'a [Value], container: &Container, engine: &dyn Engine) -> &'a Value {
    let id = container.id();
    let (start, stop) = (only(events, "container.start", &id), only(events, "container.stop", &id));
    for event in [start, stop] {
        assert_eq!(at(event, "container.name").as_str().unwrap_or(&id), container.name, "{event}");
        assert_eq!(*at(event, "container.runtime.name"), *engine.runtime(), "{event}");
        assert_eq!(at(event, "container.image.name").as_str(), engine.image(), "{event}");
    }
    assert_eq!(at(start, "process.pid"), at(stop, "process.pid"));
    let lifetime = number(stop, "container.lifetime_ns");
    assert!((1..60_000_000_000).contains(&lifetime), "{stop}");
    assert!(number(stop, "syscalls.setup") > 0, "its runtime prepared it: {stop}");
    assert_eq!(*at(events.last().unwrap(), "ledger.balanced"), true, "{events:?}");
    stop
}

/// A container that is gone in 20 ms, one that fails, and one that is killed.
fn lives(engine: &dyn Engine) {
    for (args, code) in [(["sh", "-c", "exit 3"].as_slice(), 3), (&["true"], 0)] {
        let container = Container::new(engine);
        let trace = traced(&container, &["-e", "container.*"]);
        container.run(&Launch::new(args)).expect(code);
        let events = told(trace, &container.id());
        let stop = lived(&events, &container, engine);
        assert_eq!(*at(stop, "process.exit.code"), code, "{stop}");
        assert!(number(stop, "syscalls.count") > 0, "{stop}");
    }
    let container = Container::new(engine);
    let trace = traced(&container, &["-e", "container.*"]);
    let container = container.start(&Launch::new(&["pulse"]));
    let id = container.id();
    let pid = trace.stdout_line("its start", |line| {
        let event = parse(line);
        is(&event, "container.start", &id).then(|| number(&event, "process.pid"))
    });
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL).unwrap();
    let events = told(trace, &id);
    let stop = lived(&events, &container, engine);
    assert_eq!(*at(stop, "process.exit.signal.name"), *"SIGKILL", "{stop}");
}

#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn podman_lives() {
    lives(&*Kind::Podman.engine());
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn runc_lives() {
    lives(&*Kind::Runc.engine());
}

#[test]
#[ignore = "needs root, BTF, crun, gcc, busybox"]
fn crun_lives() {
    lives(&*Kind::Crun.engine());
}

/// The end has the number of all calls, the container's and its runtime's.
#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn an_end_has_exact_counts() {
    let engine = Kind::Podman.engine();
    let container = Container::new(&*engine);
    let trace = traced(&container, &["-e", "container.*,syscall", "--setup"]);
    container.run(&Launch::new(&["calls", "1000", "5"])).expect(0);
    let id = container.id();
    let events = told(trace, &id);
    let stop = lived(&events, &container, &*engine);
    let calls = events.iter().filter(|event| is(event, "syscall", &id));
    let (setup, own): (Vec<&Value>, Vec<&Value>) =
        calls.partition(|event| *at(event, "process.origin") == *"setup");
    // The call that begins the program was entered by the runtime, and counts as its.
    let (first, own) = own.split_first().expect("it called something");
    assert_eq!(*at(first, "syscall.name"), *"execve", "{first}");
    let named = |name: &str| own.iter().filter(|event| *at(event, "syscall.name") == *name).count();
    assert_eq!(named("getppid"), 1000);
    let failed = |event: &&&Value| *at(event, "error.type") == *"ENOENT";
    assert_eq!(own.iter().filter(failed).count(), 5);
    assert_eq!(number(stop, "syscalls.count"), own.len() as u64);
    let errors = own.iter().filter(|event| at(event, "error.type").is_string()).count();
    assert_eq!(number(stop, "syscalls.errors"), errors as u64);
    assert!(own.iter().all(|event| at(event, "process.origin").is_null()));
    assert!(!setup.is_empty() && number(stop, "syscalls.setup") > 0, "{stop}");
}

/// The program that makes a container, with the same settings and other words.
fn beside(container: &Container, words: &[&str]) -> Command {
    let run = container.command(&Launch::new(&[]));
    let mut command = Command::new(run.get_program());
    command.args(words);
    command.envs(run.get_envs().filter_map(|(key, value)| Some((key, value?))));
    command
}

/// It ran before, is entered, and is killed: whoever entered it had another end.
#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn who_enters_a_container_is_marked() {
    let engine = Kind::Podman.engine();
    let container = Container::new(&*engine).start(&Launch::new(&["pulse"]));
    let trace = traced(&container, &["-e", "container.*,process.exec,process.exit,getppid"]);
    run(&mut beside(&container, &["exec", &container.name, "sh", "-c", "calls 7 0; exit 5"])).expect(5);
    run(&mut beside(&container, &["kill", &container.name])).expect(0);
    let id = container.id();
    let events = told(trace, &id);

    let origin = |event: &Value| at(event, "process.origin").as_str().map(str::to_owned);
    let execs: Vec<_> = events.iter().filter(|event| is(event, "process.exec", &id)).collect();
    for words in [["sh", "-c", "calls 7 0; exit 5"], ["calls", "7", "0"]] {
        let exec = execs.iter().find(|event| list(at(event, "process.command_args")) == words);
        let exec = exec.unwrap_or_else(|| panic!("no exec of {words:?}: {execs:?}"));
        assert_eq!(origin(exec).as_deref(), Some("exec"), "{exec}");
    }
    let calls: Vec<_> = events.iter().filter(|event| is(event, "syscall", &id)).collect();
    let of = |comm: &str| -> Vec<Option<String>> {
        let calls = calls.iter().filter(|event| *at(event, "process.executable.name") == *comm);
        calls.map(|event| origin(event)).collect()
    };
    assert_eq!(of("calls"), vec![Some("exec".to_owned()); 7]);
    let own = of("pulse");
    assert!(!own.is_empty() && own.iter().all(Option::is_none), "its own program: {own:?}");

    assert!(!events.iter().any(|event| is(event, "container.start", &id)), "it ran before");
    let stop = only(&events, "container.stop", &id);
    assert_eq!(*at(stop, "process.exit.signal.name"), *"SIGKILL", "{stop}");
    assert!(at(stop, "container.lifetime_ns").is_null(), "{stop}");
}

#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn a_health_check_is_marked_as_such() {
    let engine = Kind::Podman.engine();
    let container = Container::new(&*engine);
    let command = container.command(&Launch::new(&["pulse"]));
    let words: Vec<_> = command.get_args().map(|word| word.to_str().unwrap()).collect();
    let check = ["--health-cmd", "calls 3 0", "--health-interval", "disable"];
    let (run_word, rest) = words.split_first().unwrap();
    let checked = [&[*run_word], check.as_slice(), rest].concat();
    let process = Process::start(&mut beside(&container, &checked));
    process.stdout_line("`up`", |line| (line == "up").then_some(()));

    let trace = traced(&container, &["-e", "container.*,process.exec,getppid"]);
    run(&mut beside(&container, &["healthcheck", "run", &container.name])).expect(0);
    run(&mut beside(&container, &["exec", &container.name, "calls", "2", "0"])).expect(0);
    run(&mut beside(&container, &["kill", &container.name])).expect(0);
    let id = container.id();
    let events = told(trace, &id);
    let calls = |origin: &str| {
        // The check runs in a shell, which asks once by itself.
        let calls = |event: &&Value| *at(event, "process.executable.name") == *"calls";
        let of = |event: &&Value| is(event, "syscall", &id) && *at(event, "process.origin") == *origin;
        events.iter().filter(calls).filter(of).count()
    };
    assert_eq!((calls("healthcheck"), calls("exec")), (3, 2), "{events:?}");
}

#[test]
#[ignore = "needs root, BTF"]
fn a_command_of_its_own_begins_and_ends() {
    let words = ["run", "-e", "container.*", "--format", "json", "--", "sh", "-c", "exit 3"];
    let done = run(&mut ctrace(&words)).expect(3);
    let events = lines(&done.stdout);
    let id = at(&events[1], "container.id").as_str().unwrap_or_else(|| panic!("{done:?}")).to_owned();
    let (start, stop) = (only(&events, "container.start", &id), only(&events, "container.stop", &id));
    assert_eq!(
        (at(start, "container.name"), at(stop, "container.runtime.name")),
        (&"sh".into(), &"ctrace".into())
    );
    assert_eq!(*at(stop, "process.exit.code"), 3, "{stop}");
    assert!(number(stop, "container.lifetime_ns") > 0 && number(stop, "syscalls.count") > 0, "{stop}");
    assert_eq!(*at(events.last().unwrap(), "ledger.balanced"), true, "{done:?}");
}

/// Events of cgroups whose paths end so, in the order of their printing.
fn cgroup_events(trace: Process, last: &str, paths: &[&str]) -> Vec<(String, u64)> {
    let of = |event: &Value| {
        let path = at(event, "cgroup.path").as_str().unwrap_or_default();
        paths.iter().any(|end| path.ends_with(end))
    };
    trace.stdout_line(last, |line| {
        let event = parse(line);
        (of(&event) && *at(&event, "event.name") == *last).then_some(())
    });
    let events = lines(&trace.interrupt().expect(0).stdout);
    let named = |event: &Value| at(event, "event.name").as_str().unwrap().to_owned();
    events
        .iter()
        .filter(|event| of(event))
        .map(|event| (named(event), number(event, "cgroup.version")))
        .collect()
}

#[test]
#[ignore = "needs root, BTF"]
fn a_cgroup_freezes_and_thaws() {
    let hybrid = Path::new("/sys/fs/cgroup/unified");
    let mount = if hybrid.exists() { hybrid } else { Path::new("/sys/fs/cgroup") };
    let name = unique("frozen");
    let folder = mount.join(&name);
    let trace = attached(&["trace", "--format", "json", "-e", "cgroup.*"]);
    fs::create_dir(&folder).unwrap();
    let written = ["1", "0"].map(|value| fs::write(folder.join("cgroup.freeze"), value));
    fs::remove_dir(&folder).unwrap();
    assert!(written.iter().all(Result::is_ok), "{written:?}");
    let events = cgroup_events(trace, "cgroup.rmdir", &[&name]);
    let expected = ["mkdir", "freeze", "unfreeze", "rmdir"].map(|what| (format!("cgroup.{what}"), 2));
    assert_eq!(events, expected);
}

/// Only version 1 can do it; the hierarchy is the test's own.
#[test]
#[ignore = "needs root, BTF, unshare"]
fn a_cgroup_gets_another_name() {
    let (one, other) = (unique("one"), unique("other"));
    let folder = tempfile::tempdir().unwrap();
    let script = "cd \"$1\" && mount -t cgroup -o none,name=\"$2\" none . && cd \"$1\" && mkdir \"$2\" && \
                  mv \"$2\" \"$3\" && rmdir \"$3\"";
    let trace = attached(&["trace", "--format", "json", "-e", "cgroup.*"]);
    let mut command = program("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-ec", script, "sh"]);
    run(command.arg(folder.path()).args([&one, &other])).expect(0);
    let events = cgroup_events(trace, "cgroup.rmdir", &[&one, &other]);
    let expected = ["mkdir", "rename", "rmdir"].map(|what| (format!("cgroup.{what}"), 1));
    assert_eq!(events, expected);
}
