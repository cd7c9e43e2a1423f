//! Containers in containers: each has its own row, and its calls are its own, not those of the container
//! around it.

use std::fs;
use std::time::{Duration, Instant};

use crate::known::{RIGHTS, same_whatever_its_rights};
use crate::support::cgroup;
use crate::support::ctrace::{attached, ctrace};
use crate::support::engine::{Container, Engine, Launch};
use crate::support::json::{at, lines, number, parse, row, syscall};
use crate::support::known::known;
use crate::support::nested::{Inside, Nested};
use crate::support::podman::Podman;
use crate::support::process::run;
use crate::support::wait::{here, until};

const GETPPID: u64 = 1000;
/// Of the outer container's own programs: a runtime asks for its parent's pid now and then.
const FEW: u64 = 100;

/// Without ctrace: the containers are what the tests take them for, and go without a trace.
fn runs(inside: Inside) {
    let engine = Nested::new(inside);
    let container = Container::new(&engine).start(&Launch::new(&["pulse"]));
    let facts = container.facts();
    assert_eq!(facts.state, "running");
    let proc = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", facts.pid));
    assert_eq!(proc("comm").unwrap().trim(), "pulse");
    let status = proc("status").unwrap();
    let pids = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap();
    assert_eq!(pids.split_whitespace().count(), 3, "one pid here, one in each container: {pids}");
    let outer = facts.parent.clone().expect("a nested container is in another");
    assert_eq!(outer.len(), 64, "{outer} is no full id");
    drop(container);
    assert!(proc("comm").is_err(), "{facts:?} is left");
    drop(engine);
    let left = cgroup::find(|name| name.contains(&facts.id) || name.contains(&outer));
    assert!(left.is_empty(), "{left:?} are left");
}

/// Counted from its start to its end, exactly, and not as the outer container's.
fn counted(inside: Inside) {
    let engine = Nested::new(inside);
    let top = attached(&["top", "-n", "1000", "--interval", "200ms", "--format", "json"]);
    let container = Container::new(&engine);
    container.run(&Launch::new(&["calls", &GETPPID.to_string(), "0"])).expect(0);
    let id = container.id();
    let sample = top.stdout_line("the container's end", |line| {
        let sample = parse(line);
        let ended = *at(row(&sample, &id)?, "container.state") == *"ended";
        ended.then_some(sample)
    });
    let inner = row(&sample, &id).unwrap();
    let calls = |row| syscall(row, "getppid").map_or(0, |call| number(call, "total"));
    assert_eq!(calls(inner), GETPPID, "of the inner container: {inner}");
    assert_eq!(*at(inner, "container.parent.id"), *engine.outer_id(), "{inner}");
    let outer = row(&sample, &engine.outer_id()).unwrap_or_else(|| panic!("no outer container: {sample}"));
    assert!(calls(outer) < FEW, "the inner container's calls count as the outer's: {outer}");
    top.interrupt().expect(0);
}

macro_rules! nested {
    ($($module:ident: $inside:ident, $needs:literal;)*) => {$(
        mod $module {
            use super::*;

            #[test]
            #[ignore = $needs]
            fn runs() {
                super::runs(Inside::$inside);
            }

            #[test]
            #[ignore = $needs]
            fn is_known() {
                known(&Nested::new(Inside::$inside));
            }

            #[test]
            #[ignore = $needs]
            fn is_counted() {
                counted(Inside::$inside);
            }
        }
    )*};
}

nested! {
    podman_in_podman: Podman, "needs root, BTF, podman, runc, catatonit, gcc, busybox";
    privileged_podman_in_podman: PodmanPrivileged, "needs root, BTF, podman, runc, catatonit, gcc, busybox";
    podman_over_host_cgroups: PodmanOverHostCgroups, "needs root, BTF, podman, runc, catatonit, gcc, busybox";
    rootless_podman_in_podman: PodmanRootless, "needs root, BTF, podman, runc, catatonit, gcc, busybox";
    podman_in_unprivileged_podman: PodmanUnprivileged, "needs root, BTF, podman, runc, catatonit, gcc, busybox";
    docker_in_podman: Docker, "needs root, BTF, podman, docker, dockerd, runc, catatonit, gcc, busybox";
    runc_in_podman: Runc, "needs root, BTF, podman, runc, catatonit, gcc, busybox";
}

#[test]
#[ignore = "needs root, BTF, podman, runc, catatonit, gcc, busybox"]
fn an_inner_container_is_the_same_whatever_its_rights() {
    same_whatever_its_rights(&Nested::new(Inside::Podman), &RIGHTS);
}

#[test]
#[ignore = "needs root, BTF, podman, runc, catatonit, gcc, busybox"]
fn an_inner_container_of_a_user_is_the_same_whatever_its_rights() {
    // A user without subordinate ids has no other users in containers.
    same_whatever_its_rights(&Nested::new(Inside::PodmanRootless), &[(false, None), (true, None)]);
}

#[test]
#[ignore = "needs root, BTF, podman, runc, catatonit, gcc, busybox"]
fn a_tree_shows_who_is_in_whom() {
    let engine = Nested::new(Inside::Podman);
    let container = Container::new(&engine).start(&Launch::new(&["pulse"]));
    let done = run(&mut ctrace(&["ps", "--tree"])).expect(0);
    let depth = |line: &str| line.len() - line.trim_start().len();
    let find = |id: &str| {
        let is_it = |line: &&str| line.contains(id.get(..12).unwrap());
        let position = done.stdout.lines().position(|line| is_it(&line));
        position.unwrap_or_else(|| panic!("no {id}: {}", done.stdout))
    };
    let (outer, inner) = (find(&engine.outer_id()), find(&container.id()));
    let lines: Vec<_> = done.stdout.lines().collect();
    assert_eq!(inner, outer + 1, "{}", done.stdout);
    assert!(depth(lines[inner]) > depth(lines[outer]), "{}", done.stdout);
}

/// A service of a systemd in a container is the container's: it is no container of its own.
#[test]
#[ignore = "needs root, BTF, podman, runc, systemd, gcc, busybox"]
fn systemd_in_podman_is_one_container() {
    let podman = Podman::new();
    let container = Container::new(&podman);
    let units = podman.folder().join("units");
    fs::create_dir(&units).unwrap();
    // Nothing but this: a system that boots would change the machine's own settings.
    let unit = "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/pulse\n";
    fs::write(units.join("workload.service"), unit).unwrap();
    let units = format!("--volume={}:/etc/systemd/system:ro", units.display());
    let machine = ["--volume=/usr:/usr:ro", "--volume=/lib:/lib:ro", "--volume=/lib64:/lib64:ro"];
    let options = [["--systemd=always", &units].as_slice(), &machine].concat();
    let init = Launch::new(&["/lib/systemd/systemd", "--unit=workload.service"]);
    let mut command = podman.run_with(&options, &container.name, &init);
    let container = container.spawn_as(&mut command);

    let id = until("the container", || podman.id(&container.name));
    let top = attached(&["top", "-n", "1000", "--interval", "200ms", "--format", "json"]);
    let seen = top.stdout_line("the calls of the service", |line| {
        let sample = parse(line);
        let calls = number(syscall(row(&sample, &id)?, "getppid")?, "count");
        (calls > 0).then_some(sample)
    });
    let names = seen["containers"].as_array().unwrap().iter().map(|row| at(row, "container.name"));
    assert!(names.clone().all(|name| *name != *"workload.service"), "{:?}", names.collect::<Vec<_>>());
    top.interrupt().expect(0);
}

/// A file system that never answers, where state files are looked for: nobody waits for it but those inside.
#[test]
#[ignore = "needs root, BTF, podman, runc, catatonit, gcc, busybox"]
fn a_container_cannot_make_the_tracer_wait() {
    let outer = Nested::new(Inside::Runc);
    let top = attached(&["top", "-n", "1000", "--interval", "200ms", "--format", "json"]);
    outer.shell(
        "mkdir -p /run/runc && exec 3<>/dev/fuse && \
         mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 never /run/runc && \
         { unshare --fork --pid sleep 1000000 >/dev/null 2>&1 & }",
    );
    let start = Instant::now();
    let listed = run(&mut ctrace(&["ps", "--format", "json"])).expect(0);
    assert!(start.elapsed() < here(Duration::from_secs(10)), "it took {:?}", start.elapsed());
    let ids: Vec<String> = lines(&listed.stdout)
        .iter()
        .filter_map(|one| at(one, "container.id").as_str().map(Into::into))
        .collect();
    assert!(ids.contains(&outer.outer_id()), "{ids:?}");
    let samples = top.stdout().len();
    until("more samples", || (top.stdout().len() > samples + 5).then_some(()));
    top.interrupt().expect(0);
}
