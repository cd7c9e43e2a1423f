//! What containers use is what their cgroups say, and nobody else's.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::ctrace::{attached, ctrace};
use crate::support::engine::{Container, Engine, Kind, Launch};
use crate::support::json::{at, lines, number, parse, row};
use crate::support::nested::{Inside, Nested};
use crate::support::nspawn::Nspawn;
use crate::support::podman::Podman;
use crate::support::process::{Process, run};

/// One process that burns CPU time, and makes a system call now and then, by which it is seen; and its child,
/// that does nothing.
const BURNER: Launch<'static> = Launch::new(&[
    "sh",
    "-c",
    "sleep 100000 & echo up
     while :; do n=0; while [ $n -lt 10000 ]; do n=$((n+1)); done; : < /etc/hostname; done",
]);
const PROCESSES: u64 = 2;

/// Memory that comes and goes between two looks: what a CPU has in stock, a page table or two.
const MEMORY_BAND: u64 = 2 << 20;

/// The files of a container's own cgroup, wherever the machine has them.
struct Cgroup {
    cpu: PathBuf,
    memory: Option<PathBuf>,
}

impl Cgroup {
    /// Of the container whose first process is `pid`.
    fn of(pid: u32) -> Self {
        let places = fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("it runs");
        let mountinfo = fs::read_to_string("/proc/self/mountinfo").expect("/proc can be read");
        let path = |wanted: &dyn Fn(&str) -> bool| {
            let line = places.lines().map(|line| line.splitn(3, ':').collect::<Vec<_>>());
            line.filter(|line| wanted(line[1])).map(|line| line[2].trim_start_matches('/').to_owned()).next()
        };
        let file = |v2: &str, controller: &str, v1: &str| {
            let v2_mount = mountinfo.lines().find(|line| line.contains(" - cgroup2 "));
            let v2_file = v2_mount.map(|line| {
                let mount = Path::new(line.split(' ').nth(4).expect("a mount point"));
                mount.join(path(&str::is_empty).expect("a place in version 2")).join(v2)
            });
            let v1_file = || {
                let dir = path(&|names| names.split(',').any(|name| name == controller))?;
                Some(Path::new("/sys/fs/cgroup").join(controller).join(dir).join(v1))
            };
            v2_file.filter(|file| file.exists()).or_else(v1_file)
        };
        Self {
            cpu: file("cpu.stat", "cpuacct", "cpuacct.usage").expect("every kernel counts CPU time"),
            memory: file("memory.current", "memory", "memory.usage_in_bytes"),
        }
    }

    fn cpu_ns(&self) -> u64 {
        let text = fs::read_to_string(&self.cpu).expect("it runs");
        match text.strip_prefix("usage_usec ") {
            Some(usec) => usec.lines().next().unwrap().parse::<u64>().unwrap() * 1000,
            None => text.trim().parse().unwrap(),
        }
    }

    fn memory_bytes(&self) -> Option<u64> {
        let text = fs::read_to_string(self.memory.as_ref()?).expect("it runs");
        Some(text.trim().parse().unwrap())
    }
}

/// The first sample, of those to come, in which the container used CPU time; with the sample before.
fn two(top: &Process, id: &str) -> [Value; 2] {
    let mut before = None;
    top.stdout_line("CPU time of the container", |line| {
        let sample = parse(line);
        let used = row(&sample, id).and_then(|row| at(row, "resources.cpu_ns").as_u64());
        let before = before.replace(sample.clone());
        used.filter(|used| *used > 0)?;
        Some([before.expect("the first has no CPU time"), sample])
    })
}

fn told(engine: &dyn Engine) {
    let container = Container::new(engine).start(&BURNER);
    let id = container.id();
    let cgroup = Cgroup::of(container.facts().pid);
    let start = cgroup.cpu_ns();
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("recording");
    let record = recording.to_str().unwrap();
    let top = attached(&["top", "-n", "1000", "--interval", "500ms", "--format", "json", "--record", record]);
    let [first, second] = two(&top, &id);
    let all = cgroup.cpu_ns() - start;
    let used = row(&second, &id).unwrap();
    let cpu = number(used, "resources.cpu_ns");
    assert!(*at(row(&first, &id).unwrap(), "resources.cpu_ns") == Value::Null, "{first}");
    // It runs alone on a CPU, which others want too.
    let interval = number(&second, "interval_ns");
    assert!(cpu <= all && cpu <= interval + interval / 2, "{cpu} ns of {interval}, {all} in all");
    assert!(cpu >= interval / 20, "{cpu} ns of {interval}");
    assert_eq!(number(used, "resources.processes"), PROCESSES, "{used}");
    if let Some(memory) = cgroup.memory_bytes() {
        let told = number(used, "resources.memory_bytes");
        assert!(told.abs_diff(memory) <= MEMORY_BAND && told > 0, "{told} of {memory} bytes");
    }
    let own = &second["own"];
    assert!(number(own, "cpu_ns") < interval && number(own, "cpu_ns") > 0, "{own}");
    assert!(number(own, "memory_bytes") > 1 << 20, "{own}");
    assert!(number(own, "ring_bytes") <= number(own, "ring_size"), "{own}");
    top.interrupt().expect(0);

    let replay = run(&mut ctrace(&["top", "--replay", record, "-n", "1000", "--format", "json"])).expect(0);
    let again = lines(&replay.stdout);
    let again =
        again.iter().find(|sample| sample["timestamp"] == second["timestamp"]).expect("the same sample");
    assert_eq!(again["own"], *own);
    assert_eq!(row(again, &id).unwrap()["resources"], used["resources"]);
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn runc_is_told() {
    told(&*Kind::Runc.engine());
}

#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn podman_is_told() {
    told(&*Kind::Podman.engine());
}

/// And not those of the container around it, that has more processes.
#[test]
#[ignore = "needs root, BTF, podman, runc, catatonit, gcc, busybox"]
fn podman_in_podman_is_told() {
    told(&Nested::new(Inside::Podman));
}

/// Who shares a cgroup has no numbers rather than another one's.
fn untold(engine: &dyn Engine) {
    let container = Container::new(engine).start(&BURNER);
    let id = container.id();
    let top = attached(&["top", "-n", "1000", "--interval", "200ms", "--format", "json"]);
    let mut seen = 0;
    let used = top.stdout_line("three samples of the container", |line| {
        let sample = parse(line);
        let row = row(&sample, &id)?;
        seen += 1;
        (seen == 3).then(|| row["resources"].clone())
    });
    assert_eq!(used, Value::Null);
    top.interrupt().expect(0);
}

/// With cgroupfs it stays in the cgroup that it was started from.
#[test]
#[ignore = "needs root, BTF, podman, runc, newuidmap, useradd, setpriv, gcc, busybox"]
fn rootless_podman_is_not_told() {
    untold(&Podman::rootless());
}

/// It stays in the outer container's.
#[test]
#[ignore = "needs root, BTF, podman, runc, catatonit, gcc, busybox"]
fn rootless_podman_in_podman_is_not_told() {
    untold(&Nested::new(Inside::PodmanRootless));
}

/// All machines have one.
#[test]
#[ignore = "needs root, BTF, systemd-nspawn, gcc, busybox"]
fn nspawn_in_a_shared_unit_is_not_told() {
    untold(&Nspawn::new());
}
