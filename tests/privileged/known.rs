//! Every container has its name and its numbers: many at a time, and with whatever rights they run.

use std::time::{Duration, Instant};

use crate::support::ctrace::attached;
use crate::support::engine::{Container, Engine, Kind, Launch};
use crate::support::json::{at, is, number, parse, row, syscall};

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn fifty_are_known_within_a_second_of_each_attach() {
    const LIMIT: Duration = Duration::from_secs(1);
    let engine = Kind::Runc.engine();
    let pulse = Launch::new(&["pulse"]);
    let containers: Vec<_> = (0..50).map(|_| Container::new(&*engine).spawn(&pulse)).collect();
    containers.iter().for_each(Container::wait_up);
    for attach in ["first", "second"] {
        let top = attached(&["top", "-n", "1000", "--interval", "100ms", "--format", "json"]);
        let start = Instant::now();
        top.stdout_line("all containers", |line| {
            let sample = parse(line);
            let known = |container: &Container| {
                let row = row(&sample, &container.name)?;
                let calls = number(syscall(row, "getppid")?, "total");
                (*at(row, "container.runtime.name") == *"runc" && calls > 0).then_some(())
            };
            containers.iter().all(|container| known(container).is_some()).then_some(())
        });
        let took = start.elapsed();
        assert!(took < LIMIT, "{attach} attach: all 50 were known after {took:?}");
        top.interrupt().expect(0);
    }
}

const CALLS: u64 = 1000;
const EXIT: i32 = 7;

/// Each line of the matrix: what the container may do, and as whom it runs in it.
pub const RIGHTS: [(bool, Option<u32>); 4] =
    [(false, None), (false, Some(1000)), (true, None), (true, Some(1000))];

/// The same workload with all rights: its row has its id, its name and its exact number of calls, and
/// its exit is seen with its code.
pub fn same_whatever_its_rights(engine: &dyn Engine, rights: &[(bool, Option<u32>)]) {
    let top = attached(&["top", "-n", "1000", "--interval", "200ms", "--format", "json"]);
    let trace = attached(&["trace", "-e", "process.exit", "--format", "json"]);
    for &(privileged, user) in rights {
        let what = format!("privileged: {privileged}, user: {user:?}");
        let container = Container::new(engine);
        let args = ["calls", &CALLS.to_string(), "0", &EXIT.to_string()];
        container.run(&Launch { privileged, user, ..Launch::new(&args) }).expect(EXIT);
        let id = container.id();
        let last = top.stdout_line(&format!("the end ({what})"), |line| {
            let sample = parse(line);
            row(&sample, &id).filter(|row| *at(row, "container.state") == *"ended").cloned()
        });
        let exit = trace.stdout_line(&format!("the exit ({what})"), |line| {
            let event = parse(line);
            (is(&event, "process.exit", &id) && *at(&event, "process.vpid") == 1).then_some(event)
        });
        for seen in [&last, &exit] {
            assert_eq!(at(seen, "container.name").as_str().unwrap_or(&id), container.name, "{what}: {seen}");
            assert_eq!(*at(seen, "container.runtime.name"), *engine.runtime(), "{what}: {seen}");
        }
        let getppid = syscall(&last, "getppid").unwrap_or_else(|| panic!("{what}: no calls: {last}"));
        assert_eq!(number(getppid, "total"), CALLS, "{what}: {last}");
        assert_eq!(*at(&exit, "process.exit.code"), EXIT, "{what}: {exit}");
    }
    top.interrupt().expect(0);
    trace.interrupt().expect(0);
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn runc_is_the_same_whatever_its_rights() {
    same_whatever_its_rights(&*Kind::Runc.engine(), &RIGHTS);
}

#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn podman_is_the_same_whatever_its_rights() {
    same_whatever_its_rights(&*Kind::Podman.engine(), &RIGHTS);
}

#[test]
#[ignore = "needs root, BTF, podman, runc, newuidmap, useradd, setpriv, gcc, busybox"]
fn rootless_podman_is_the_same_whatever_its_rights() {
    same_whatever_its_rights(&*Kind::Rootless.engine(), &RIGHTS);
}

/// docker gives a privileged container every capability that there is, so its own root must have them.
#[test]
#[ignore = "needs root, BTF, docker, dockerd, gcc, busybox"]
fn docker_is_the_same_whoever_runs_in_it() {
    same_whatever_its_rights(&*Kind::Docker.engine(), &[(false, None), (false, Some(1000))]);
}
