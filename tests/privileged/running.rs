//! Containers that were there before ctrace are known by name.

use crate::support::ctrace::{attached, ctrace};
use crate::support::engine::{Container, Engine, Kind, Launch};
use crate::support::json::{at, lines, number, parse, row, syscall};
use crate::support::process::run;

fn known(engine: &dyn Engine) {
    let container = Container::new(engine).start(&Launch::new(&["pulse"]));
    let id = container.id();

    let done = run(&mut ctrace(&["ps", "--format", "json"])).expect(0);
    let all = lines(&done.stdout);
    let entry = all.iter().find(|entry| *at(entry, "container.id") == *id);
    let entry = entry.unwrap_or_else(|| panic!("ps does not know {id}: {done:?}"));
    assert_eq!(at(entry, "container.name").as_str().unwrap_or(&id), container.name);
    assert_eq!(*at(entry, "container.runtime.name"), *engine.runtime());
    assert_eq!(at(entry, "container.image.name").as_str(), engine.image());
    let comm = std::fs::read_to_string(format!("/proc/{}/comm", number(entry, "process.pid"))).unwrap();
    assert_eq!(comm.trim(), "pulse", "the pid is that of the container's first process");

    let top = attached(&["top", "-n", "1000", "--interval", "200ms", "--format", "json"]);
    let seen = top.stdout_line("its calls", |line| {
        let sample = parse(line);
        let row = row(&sample, &id)?;
        syscall(row, "getppid").is_some_and(|call| number(call, "count") > 0).then(|| row.clone())
    });
    assert_eq!(at(&seen, "container.name").as_str().unwrap_or(&id), container.name);
    assert_eq!(*at(&seen, "container.state"), *"running");
    top.interrupt();
}

#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn podman_is_known() {
    known(&*Kind::Podman.engine());
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn runc_is_known() {
    known(&*Kind::Runc.engine());
}

#[test]
#[ignore = "needs root, BTF, crun, gcc, busybox"]
fn crun_is_known() {
    known(&*Kind::Crun.engine());
}

#[test]
#[ignore = "needs root, BTF, docker, dockerd, gcc, busybox"]
fn docker_is_known() {
    known(&*Kind::Docker.engine());
}
