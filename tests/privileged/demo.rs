//! The scene of `ctrace top --demo`, made of real containers. With `CTRACE_TEST_DEMO` (a file; `cargo xtask demo`
//! sets it) it is recorded in full and kept there, else only a few seconds of it are.

use std::collections::VecDeque;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::support::ctrace::{attached, ctrace};
use crate::support::engine::{Container, Engine, Launch};
use crate::support::json::{at, lines, list, number, parse};
use crate::support::nested::{Inside, Nested};
use crate::support::podman::Podman;
use crate::support::process::{Process, program, run};
use crate::support::scrub::{Part, scrub};
use crate::support::wait::here;

const KEEP: &str = "CTRACE_TEST_DEMO";
const SECONDS: u64 = 40;
const SHORT: Duration = Duration::from_secs(10);

/// A container that runs as long as the recording, or `after` a part of it.
struct Role {
    name: &'static str,
    image: &'static str,
    script: &'static str,
    /// In whose network it is; empty: in its own.
    network: &'static str,
    /// It may not make directories.
    confined: bool,
    /// It starts when that part of the recording is over, in tenths.
    after: Option<u64>,
}

const ROLE: Role = Role { name: "", image: "", script: "", network: "", confined: false, after: None };

/// Each script says `up` when it begins, and each does little: the recording holds every call.
const ROLES: [Role; 7] = [
    // Every second page does not exist.
    Role {
        name: "web-1",
        image: "registry.example/shop/web:2.4",
        script: "mkdir -p /srv; echo shop >/srv/index.html; echo up; exec httpd -f -p 8080 -h /srv",
        ..ROLE
    },
    Role {
        name: "client-1",
        image: "registry.example/shop/client:1.1",
        script: "echo up; while :; do wget -qO /dev/null http://127.0.0.1:8080/; \
            wget -qO /dev/null http://127.0.0.1:8080/offers.html; sleep 1.4; done 2>/dev/null",
        network: "web-1",
        ..ROLE
    },
    Role {
        name: "db-1",
        image: "registry.example/shop/db:17",
        script: "echo up; while :; do dd if=/dev/zero of=/wal bs=8k count=6 conv=fsync; sleep 0.8; \
            done 2>/dev/null",
        ..ROLE
    },
    Role {
        name: "search-1",
        image: "registry.example/shop/search:0.9",
        script: "echo up; while :; do cat /var/lib/search/synonyms /var/lib/search/stopwords; sleep 1; \
            done 2>/dev/null",
        ..ROLE
    },
    Role {
        name: "report-1",
        image: "registry.example/shop/report:3.0",
        script: "echo up; while :; do mkdir /srv/today /srv/archive; sleep 1.5; done 2>/dev/null",
        confined: true,
        ..ROLE
    },
    Role {
        name: "migrate-1",
        image: "registry.example/shop/web:2.4",
        script: "for step in 1 2 3; do cat /etc/migrations; sleep 1; done 2>/dev/null; exit 1",
        after: Some(2),
        ..ROLE
    },
    Role {
        name: "import-1",
        image: "registry.example/shop/import:1.7",
        script: "while :; do dd if=/dev/zero of=/tmp/part bs=64k count=4; sleep 0.8; done 2>/dev/null",
        after: Some(4),
        ..ROLE
    },
];

/// It is killed, as by a lack of memory.
const KILLED: (&str, u64) = ("import-1", 7);

#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox, zstd"]
fn the_demo_can_be_made() {
    let keep = env::var_os(KEEP).map(PathBuf::from);
    let seconds = if keep.is_some() { SECONDS } else { here(SHORT).as_secs() };
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("recording");
    let scrubbed = record(seconds, folder.path(), &recording);
    fs::write(&recording, &scrubbed).unwrap();
    if let Some(file) = keep {
        let words = ["-q", "-f", "--ultra", "-22", "-o"];
        run(program("zstd").args(words).arg(file).arg(&recording)).expect(0);
    }
    check(&recording);
}

fn record(seconds: u64, folder: &Path, recording: &Path) -> Vec<u8> {
    let podman = Podman::new();
    let nested = Nested::new(Inside::Runc);
    let profile = no_directories(folder);
    let containers: Vec<Container> = ROLES.iter().map(|_| Container::new(&podman)).collect();
    let made_as = |name: &str| {
        let at = ROLES.iter().position(|role| role.name == name).unwrap();
        containers[at].name.clone()
    };
    let mut parts: Vec<Part> = ROLES
        .iter()
        .map(|role| Part { made_as: made_as(role.name), name: role.name, image: role.image })
        .collect();
    let commands: Vec<Command> = ROLES
        .iter()
        .map(|role| {
            let mut command = podman.podman();
            let network = match role.network {
                "" => "none".to_owned(),
                other => format!("container:{}", made_as(other)),
            };
            command.args(["run", "--network", &network, "--name", &made_as(role.name)]);
            if role.confined {
                command.arg(format!("--security-opt=seccomp={}", profile.display()));
            }
            command.arg(podman.image().unwrap()).args(["sh", "-c", role.script]);
            command
        })
        .collect();
    let mut later = Vec::new();
    // Who uses another one's network goes before it.
    let mut running = VecDeque::new();
    for ((role, mut container), mut command) in ROLES.iter().zip(containers).zip(commands) {
        if let Some(tenths) = role.after {
            later.push(delayed(seconds * tenths / 10, &command));
        } else {
            container = container.spawn_as(&mut command);
            container.wait_up();
        }
        running.push_front(container);
    }
    let inner = Container::new(&nested);
    let script = ["sh", "-c", "echo up; while :; do calls 8 1; sleep 1.4; done"];
    parts.push(Part { made_as: nested.outer_id(), name: "ci-1", image: "registry.example/ci:5" });
    parts.push(Part { made_as: inner.name.clone(), name: "unit-tests", image: "" });
    let _inner = inner.start(&Launch::new(&script));
    // Its first process only sleeps: nobody would see it.
    nested.shell("(while :; do cat /etc/hostname; sleep 3; done) >/dev/null 2>&1 &");

    let duration = format!("{seconds}s");
    let mut words = vec!["record", "-o", recording.to_str().unwrap(), "--duration", &duration];
    words.extend(parts.iter().map(|part| part.made_as.as_str()));
    let tracing = attached(&words);
    let (killed, tenths) = KILLED;
    let mut kill = podman.podman();
    kill.args(["kill", "--signal", "KILL", &parts.iter().find(|part| part.name == killed).unwrap().made_as]);
    later.push(delayed(seconds * tenths / 10, &kill));
    let processes: Vec<Process> = later.iter_mut().map(Process::start).collect();
    tracing.wait().expect(0);
    let ends: Vec<i32> = processes.into_iter().map(|process| process.wait().code).collect();
    assert_eq!(ends, [1, 137, 0], "migrate-1, import-1, and who killed it");
    scrub(recording, &parts)
}

fn no_directories(folder: &Path) -> PathBuf {
    const EPERM: i32 = 1;
    let profile = folder.join("no-directories.json");
    let rules = json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": EPERM}]
    });
    fs::write(&profile, rules.to_string()).unwrap();
    profile
}

/// Runs a command when that many seconds have passed.
fn delayed(seconds: u64, command: &Command) -> Command {
    let mut later = Command::new("sh");
    later.args(["-c", &format!("sleep {seconds}; exec \"$@\""), "sh"]);
    later.arg(command.get_program()).args(command.get_args());
    later.envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
    later
}

/// What a newcomer is to be shown is in it.
fn check(recording: &Path) {
    let file = recording.to_str().unwrap();
    let top = run(&mut ctrace(&["top", "--replay", file, "--once", "--format", "json"])).expect(0);
    let sample = parse(&top.stdout);
    let row = |name: &str| {
        let found = list(&sample["containers"]).iter().find(|row| *at(row, "container.name") == *name);
        found.unwrap_or_else(|| panic!("no {name}: {sample}"))
    };
    assert!(number(row("report-1"), "total_denied") > 0, "{sample}");
    for failing in ["web-1", "search-1", "migrate-1"] {
        assert!(number(row(failing), "total_errors") > 0, "{failing}: {sample}");
    }
    for ended in ["migrate-1", "import-1"] {
        assert_eq!(*at(row(ended), "container.state"), *"ended", "{sample}");
    }
    let inner = list(&sample["containers"]).iter().find(|row| *at(row, "container.id") == *"unit-tests");
    assert_eq!(*at(inner.unwrap(), "container.parent.id"), *at(row("ci-1"), "container.id"), "{sample}");
    let trace =
        run(&mut ctrace(&["trace", "--replay", file, "--format", "json", "--fail-on-loss"])).expect(0);
    assert!(!trace.stderr.contains("unaccounted"), "{}", trace.stderr);
    let events = lines(&trace.stdout);
    for call in ["fsync", "accept", "connect"] {
        assert!(events.iter().any(|event| *at(event, "syscall.name") == *call), "no {call}");
    }
}
