//! What the filter that is really installed allows in vain.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::ctrace::{attached, ctrace};
use crate::support::docker::Docker;
use crate::support::engine::{Container, Engine, Launch};
use crate::support::json::{list, parse};
use crate::support::oci::Oci;
use crate::support::podman::Podman;
use crate::support::process::{Done, run};
use crate::support::wait::until;

/// Its program calls `getppid` from time to time, for ever.
const PULSE: &[&str] = &["pulse"];

/// Starts watching, and ends once the container was seen to call something.
fn surplus(container: &Container, more: &[&str]) -> Done {
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("pulse.ctrace");
    let recording = recording.to_str().unwrap();
    let trace = attached(&["record", "-o", recording, &container.name]);
    until("calls in the recording", || {
        let seen = run(&mut ctrace(&["top", "--once", "--format", "json", &container.name]));
        seen.stdout.contains("\"getppid\"").then_some(())
    });
    trace.interrupt().expect(0);
    run(&mut ctrace(&[&["profile", "surplus", &container.name, recording][..], more].concat()))
}

fn native(object: &Value) -> &Value {
    list(&object["abis"])
        .iter()
        .find(|abi| abi["abi"] == "x86_64")
        .expect("calls of this machine are allowed")
}

fn names(abi: &Value) -> Vec<&str> {
    list(&abi["surplus"]).iter().filter_map(|spare| spare["name"].as_str()).collect()
}

/// Under an engine's default profile: much is allowed, and little is done.
fn under_the_default(engine: &dyn Engine) {
    let container = Container::new(engine).start(&Launch::new(PULSE));
    let done = surplus(&container, &["--format", "json"]).expect(6);
    let object = parse(&done.stdout);
    assert_eq!(object["container"]["id"], *container.id(), "{object}");
    assert_eq!(object["filters"], 1, "{object}");
    let abi = native(&object);
    let names = names(abi);
    assert!(names.contains(&"mkdir") && names.contains(&"symlink"), "{names:?}");
    // Refused by default, used, and what runtimes need.
    for name in ["bpf", "init_module", "getppid", "execve", "exit_group"] {
        assert!(!names.contains(&name), "{name}: {names:?}");
    }
    // `personality` is allowed with few values.
    let personality = list(&abi["surplus"]).iter().find(|spare| spare["name"] == "personality").unwrap();
    assert_eq!(personality["conditional"], true, "{personality}");
    let number = |member: &str| abi[member].as_u64().unwrap();
    assert!((250..360).contains(&number("allowed")), "{abi}");
    assert_eq!(number("allowed"), number("used") + number("kept") + names.len() as u64);
    // It goes on as if nothing had been.
    assert_eq!(container.facts().state, "running");
    surplus(&container, &["--powerful"]).expect(6);
}

#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn of_podmans_default() {
    under_the_default(&Podman::new());
}

#[test]
#[ignore = "needs root, BTF, docker, dockerd, gcc, busybox"]
fn of_dockers_default() {
    under_the_default(&Docker::new());
}

/// The filter is the profile, so both have the same surplus; watched live, nothing else is found.
#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn of_a_profile_and_of_its_filter() {
    let runc = Oci::runc();
    let folder = tempfile::tempdir().unwrap();
    let (profile, recording) = (folder.path().join("wide.json"), folder.path().join("pulse.ctrace"));
    wide(&profile);
    let container = Container::new(&runc).start(&Launch { seccomp: Some(&profile), ..Launch::new(PULSE) });
    let trace = attached(&["record", "-o", recording.to_str().unwrap(), &container.name]);
    let live = attached(&["profile", "surplus", &container.name, "--format", "json"]);
    until("calls of the container", || {
        let seen = run(&mut ctrace(&["top", "--once", "--format", "json", &container.name]));
        seen.stdout.contains("\"getppid\"").then_some(())
    });
    let live = live.interrupt().expect(6);
    trace.interrupt().expect(0);
    assert!(live.stderr.contains("the start was not watched"), "{live:?}");
    let live = parse(&live.stdout);
    let words = |of: &str| {
        let recording = recording.to_str().unwrap();
        let done = run(&mut ctrace(&["profile", "surplus", of, recording, "--format", "json"])).expect(6);
        parse(&done.stdout)
    };
    for object in [&live, &words(profile.to_str().unwrap()), &words(&container.name)] {
        let abi = native(object);
        assert!(names(abi).contains(&"mount") && !names(abi).contains(&"getppid"), "{object}");
        let ptrace = list(&abi["surplus"]).iter().find(|spare| spare["name"] == "ptrace").unwrap();
        assert_eq!((&ptrace["conditional"], &ptrace["power"]), (&json!(true), &json!("other processes")));
        assert_eq!(list(&object["abis"]).len(), 2, "{object}");
    }
    assert_eq!(
        native(&words(profile.to_str().unwrap()))["allowed"],
        native(&words(&container.name))["allowed"]
    );
}

/// Allows what there is not to be afraid of, `mount`, and `ptrace` with one argument, to i386 as well.
fn wide(path: &Path) {
    let folder = path.parent().unwrap();
    let made = folder.join("made.json");
    let runc = Oci::runc();
    let inner = Container::new(&runc);
    let trace = attached(&["profile", "record", "-o", made.to_str().unwrap(), &inner.name]);
    let inner = inner.start(&Launch { unconfined: true, ..Launch::new(PULSE) });
    drop(inner);
    trace.interrupt().expect(0);
    let mut profile = parse(&fs::read_to_string(made).unwrap());
    profile["architectures"] = json!(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]);
    let rules = profile["syscalls"].as_array_mut().unwrap();
    rules.push(json!({"names": ["mount"], "action": "SCMP_ACT_ALLOW"}));
    rules.push(json!({"names": ["ptrace"], "action": "SCMP_ACT_ALLOW",
        "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_EQ"}]}));
    fs::write(path, profile.to_string()).unwrap();
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn without_a_filter_everything_is_allowed() {
    let runc = Oci::runc();
    let container = Container::new(&runc).start(&Launch { unconfined: true, ..Launch::new(PULSE) });
    let done = surplus(&container, &[]).expect(6);
    assert!(done.stdout.contains(": no seccomp filter, everything is allowed\n"), "{done:?}");
    assert!(done.stdout.contains("\n  mounts: chroot fsconfig fsmount "), "{done:?}");
}
