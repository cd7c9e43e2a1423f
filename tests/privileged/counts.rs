//! The numbers are exact, for a known workload on every runtime.

use std::time::Duration;

use serde_json::Value;

use crate::support::ctrace::attached;
use crate::support::engine::{Container, Engine, Kind, Launch};
use crate::support::json::{at, errno, lines, list, number, parse, row, syscall};
use crate::support::podman::Podman;
use crate::support::wait::here;

const GETPPID: u64 = 100_000;
const OPENAT: u64 = 1_000;
const WORKLOAD: Launch<'static> = Launch::new(&["calls", "100000", "1000"]);

/// What a runtime does in the container's name before the workload is there.
const SETUP: [&str; 9] =
    ["pivot_root", "mount", "umount2", "setns", "unshare", "seccomp", "sethostname", "capset", "setgroups"];

/// Reads `ctrace top` until it says that the container has ended.
pub fn live(engine: &dyn Engine) {
    let top = attached(&["top", "-n", "1000", "--interval", "200ms", "--format", "json"]);
    let container = Container::new(engine);
    container.run(&WORKLOAD).expect(0);
    let id = container.id();
    let last = top.stdout_line("the container's end", |line| {
        let sample = parse(line);
        row(&sample, &id).filter(|row| *at(row, "container.state") == *"ended").cloned()
    });
    exact(&last, &container, engine);
    top.interrupt();
}

fn exact(row: &Value, container: &Container, engine: &dyn Engine) {
    let id = container.id();
    assert_eq!(*at(row, "container.id"), *id);
    // Bare runtimes have no name beside the id.
    let name = at(row, "container.name").as_str().unwrap_or(&id);
    assert_eq!(name, container.name);
    assert_eq!(*at(row, "container.runtime.name"), *engine.runtime());
    assert_eq!(at(row, "container.image.name").as_str(), engine.image());

    let getppid = syscall(row, "getppid").expect("getppid was called");
    assert_eq!(number(getppid, "total"), GETPPID);
    assert_eq!(number(getppid, "total_errors"), 0);
    let openat = syscall(row, "openat").expect("openat was called");
    assert_eq!(errno(openat, "ENOENT"), OPENAT);
    assert_eq!(number(openat, "total_errors"), OPENAT);

    let calls = list(&row["syscalls"]);
    let sum = |key: &str| calls.iter().map(|call| number(call, key)).sum::<u64>();
    for key in ["total", "total_errors", "total_denied"] {
        assert_eq!(number(row, key), sum(key), "{key} of the row and of its calls");
    }
    let of_setup: Vec<_> = SETUP.iter().filter(|name| syscall(row, name).is_some()).collect();
    assert!(of_setup.is_empty(), "the runtime's {of_setup:?} count as the container's");
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn runc_is_exact() {
    live(&*Kind::Runc.engine());
}

#[test]
#[ignore = "needs root, BTF, crun, gcc, busybox"]
fn crun_is_exact() {
    live(&*Kind::Crun.engine());
}

#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn podman_is_exact() {
    live(&*Kind::Podman.engine());
}

#[test]
#[ignore = "needs root, BTF, podman, crun, gcc, busybox"]
fn podman_over_crun_is_exact() {
    live(&Podman::new().over_crun());
}

#[test]
#[ignore = "needs root, BTF, docker, dockerd, gcc, busybox"]
fn docker_is_exact() {
    live(&*Kind::Docker.engine());
}

/// Started before the workload, read after its end.
#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn once_is_exact() {
    let engine = Podman::new();
    let container = Container::new(&engine);
    let filter = format!("name={}", container.name);
    let interval = format!("{}s", here(Duration::from_secs(5)).as_secs());
    let top = attached(&["top", "--once", "--interval", &interval, "--format", "json", "--filter", &filter]);
    container.run(&WORKLOAD).expect(0);
    assert!(top.stdout().is_empty(), "the workload took longer than the interval");
    let done = top.wait().expect(0);
    let samples = lines(&done.stdout);
    let [sample] = samples.as_slice() else { panic!("one sample, one line: {done:?}") };
    assert_eq!(list(&sample["containers"]).len(), 1, "filtered by name: {sample}");
    let row = row(sample, &container.id()).unwrap_or_else(|| panic!("no row: {sample}"));
    exact(row, &container, &engine);
    assert!(list(&sample["loss"]).is_empty(), "{sample}");
}
