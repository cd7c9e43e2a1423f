//! Events say who did it, and the books balance.

use serde_json::Value;

use crate::support::ctrace::attached;
use crate::support::engine::{Container, Engine, Kind, Launch};
use crate::support::json::{at, is, lines, list, number, parse};

/// `cat` and a shell's exit, in a container that runs nothing else.
fn exec_and_exit(engine: &dyn Engine) {
    let trace = attached(&["trace", "-e", "process.exec,process.exit", "--format", "json"]);
    let container = Container::new(engine);
    let done = container.run(&Launch::new(&["sh", "-c", "cat /etc/hostname; exit 3"])).expect(3);
    assert!(!done.stdout.is_empty(), "cat printed nothing: {done:?}");
    let id = container.id();
    // The shell is the last to leave.
    trace.stdout_line("the shell's exit", |line| {
        let event = parse(line);
        (is(&event, "process.exit", &id) && *at(&event, "process.exit.code") == 3).then_some(())
    });
    let events = lines(&trace.interrupt().expect(0).stdout);

    let of = |name: &str| events.iter().filter(|event| is(event, name, &id)).cloned().collect::<Vec<Value>>();
    let execs = of("process.exec");
    let cat = execs.iter().find(|event| list(at(event, "process.command_args")) == ["cat", "/etc/hostname"]);
    assert!(cat.is_some(), "no exec of cat: {execs:?}");
    let exits = of("process.exit");
    let shell = exits.iter().find(|event| *at(event, "process.exit.code") == 3).expect("seen above");
    assert_eq!(number(shell, "process.vpid"), 1, "the shell is the container's first process");
    for event in execs.iter().chain(&exits) {
        let name = at(event, "container.name").as_str().unwrap_or(&id);
        assert_eq!(name, container.name, "{event}");
        assert_eq!(at(event, "container.image.name").as_str(), engine.image(), "{event}");
        assert_eq!(*at(event, "container.runtime.name"), *engine.runtime(), "{event}");
        assert!(number(event, "process.pid") > number(event, "process.vpid"), "{event}");
    }

    assert_eq!(*at(&events[0], "event.name"), *"ctrace.start");
    balanced(events.last().expect("a last record"), &events);
}

fn balanced(stop: &Value, events: &[Value]) {
    assert_eq!(*at(stop, "event.name"), *"ctrace.stop");
    assert_eq!(*at(stop, "ledger.balanced"), true, "{stop}");
    let dropped: u64 = list(at(stop, "ledger.dropped")).iter().map(|place| number(place, "count")).sum();
    let delivered = number(stop, "ledger.delivered");
    assert_eq!(number(stop, "ledger.seen"), delivered + number(stop, "ledger.filtered") + dropped, "{stop}");
    let own =
        |event: &&Value| at(event, "event.name").as_str().is_some_and(|name| !name.starts_with("ctrace."));
    assert_eq!(delivered, events.iter().filter(own).count() as u64, "delivered is what was printed");
    for (index, event) in events.iter().enumerate() {
        assert_eq!(number(event, "event.seq"), index as u64, "{event}");
    }
}

#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn podman_exec_and_exit() {
    exec_and_exit(&*Kind::Podman.engine());
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn runc_exec_and_exit() {
    exec_and_exit(&*Kind::Runc.engine());
}

#[test]
#[ignore = "needs root, BTF, docker, dockerd, gcc, busybox"]
fn docker_exec_and_exit() {
    exec_and_exit(&*Kind::Docker.engine());
}

/// Of two containers, the events of the one that was asked for.
#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn a_filter_keeps_others_out() {
    let engine = Kind::Runc.engine();
    let (wanted, other) = (Container::new(&*engine), Container::new(&*engine));
    let trace = attached(&[
        "trace",
        "-e",
        "process.exec,process.exit",
        "--format",
        "json",
        "--filter",
        &format!("id={}", wanted.name),
    ]);
    other.run(&Launch::new(&["true"])).expect(0);
    wanted.run(&Launch::new(&["true"])).expect(0);
    trace.stdout_line("the wanted container's exit", |line| {
        is(&parse(line), "process.exit", &wanted.id()).then_some(())
    });
    let events = lines(&trace.interrupt().expect(0).stdout);
    let foreign =
        events.iter().find(|event| at(event, "container.id").as_str().is_some_and(|id| id != wanted.name));
    assert!(foreign.is_none(), "{foreign:?}");
    balanced(events.last().expect("a last record"), &events);
}
