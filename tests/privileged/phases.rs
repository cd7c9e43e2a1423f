//! What a container called when, and who called it first.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::ctrace::{attached, ctrace, ctrace_over};
use crate::support::engine::{Container, Kind, Launch};
use crate::support::json::{list, parse};
use crate::support::oci::Oci;
use crate::support::process::{Process, program, run};

const SERVES: &[&str] = &["/bin/serves", "1", "2"];
const CODE: i32 = 4;

/// By name, those of the machine's own ABI.
fn calls(profile: &Path) -> BTreeMap<String, Value> {
    let evidence = parse(&fs::read_to_string(profile.with_extension("evidence.json")).unwrap());
    let of = |call: &Value| Some((call["name"].as_str()?.to_owned(), call.clone()));
    list(&evidence["syscalls"]).iter().filter_map(of).collect()
}

fn phases(calls: &BTreeMap<String, Value>, name: &str) -> Vec<String> {
    let phases = list(&calls.get(name).unwrap_or_else(|| panic!("no {name}: {calls:?}"))["phases"]);
    phases.iter().map(|phase| phase.as_str().unwrap().to_owned()).collect()
}

/// To the call, however soon one phase follows the other: no sample lies between.
fn told_apart(calls: &BTreeMap<String, Value>) {
    assert_eq!(phases(calls, "mkdir"), ["start-up"]);
    assert_eq!(phases(calls, "symlink"), ["serving"]);
    assert_eq!(phases(calls, "accept4"), ["serving"]);
    assert_eq!(phases(calls, "listen"), ["start-up", "serving"]);
    assert_eq!(phases(calls, "socket").last().map(String::as_str), Some("start-up"));
    assert_eq!(phases(calls, "exit_group").last().map(String::as_str), Some("serving"));
    let first = |name: &str| (calls[name]["first"]["phase"].clone(), calls[name]["first"]["origin"].clone());
    assert_eq!(first("mkdir"), ("start-up".into(), "workload".into()));
    assert_eq!(first("symlink"), ("serving".into(), "workload".into()));
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn a_server_starts_up_and_serves() {
    let runc = Oci::runc();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (all, serving) = (path("all.json"), path("serving.json"));
    let recording = path("serves.ctrace");
    let container = Container::new(&runc);
    let trace = attached(&["record", "-o", &recording, &container.name]);
    container.run(&Launch::new(SERVES)).expect(CODE);
    trace.interrupt().expect(0);
    let chosen = format!("id={}", container.name);
    run(&mut ctrace(&["profile", "generate", &recording, "--filter", &chosen, "-o", &all])).expect(0);
    told_apart(&calls(Path::new(&all)));

    let inner = Container::new(&runc).command(&Launch::new(SERVES));
    let words = ["profile", "record", "--phase", "serving", "-o", &serving];
    let done = run(&mut ctrace_over(&words, &inner)).expect(CODE);
    assert!(done.stderr.contains("a container cannot start with it"), "{done:?}");
    let calls = calls(Path::new(&serving));
    told_apart(&calls);
    let allowed = |name: &str| calls.get(name).is_some_and(|call| call["allowed"] == true);
    assert!(allowed("symlink") && allowed("accept4") && allowed("listen"));
    assert!(!allowed("mkdir") && !allowed("execve") && !allowed("socket"));
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn what_does_not_serve_has_no_such_profile() {
    let runc = Oci::runc();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("profile.json");
    let inner = Container::new(&runc).command(&Launch::new(&["true"]));
    let words = ["profile", "record", "--phase", "serving", "-o", out.to_str().unwrap()];
    let done = run(&mut ctrace_over(&words, &inner)).expect(1);
    assert!(done.stderr.contains("not seen to serve"), "{done:?}");
    assert!(!out.exists());
}

/// A health check and an `exec` are nothing that the container's program did.
#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn the_first_caller_has_an_origin() {
    let engine = Kind::Podman.engine();
    let container = Container::new(&*engine);
    let command = container.command(&Launch::new(&["pulse"]));
    let words: Vec<_> = command.get_args().map(|word| word.to_str().unwrap()).collect();
    let check = ["--health-cmd", "mkdir /tmp/checked", "--health-interval", "disable"];
    let (run_word, rest) = words.split_first().unwrap();
    let podman = |words: &[&str]| {
        let mut podman = program(command.get_program().to_str().unwrap());
        podman.args(words).envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
        podman
    };
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("profile.json");
    let record = attached(&["profile", "record", "-o", profile.to_str().unwrap(), &container.name]);
    let process = Process::start(&mut podman(&[&[*run_word], check.as_slice(), rest].concat()));
    process.stdout_line("`up`", |line| (line == "up").then_some(()));
    run(&mut podman(&["healthcheck", "run", &container.name])).expect(0);
    run(&mut podman(&["exec", &container.name, "ln", "-s", "checked", "/tmp/link"])).expect(0);
    record.interrupt().expect(0);
    let calls = calls(&profile);
    let origin = |name: &str| calls[name]["first"]["origin"].clone();
    assert_eq!(origin("mkdir"), "healthcheck", "{}", calls["mkdir"]);
    assert_eq!(origin("symlink"), "exec", "{}", calls["symlink"]);
    assert_eq!(origin("write"), "workload", "{}", calls["write"]);
    let last = &calls["write"]["last"];
    assert!(last["after"].as_str().unwrap() < last["until"].as_str().unwrap(), "{last}");
}
