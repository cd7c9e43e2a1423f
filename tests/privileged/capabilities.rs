//! The set of capabilities that was recorded is enough to do the same again, and not too large.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::support::ctrace::{attached, ctrace, ctrace_over};
use crate::support::docker::Docker;
use crate::support::engine::{Container, Engine, Launch};
use crate::support::json::{list, parse};
use crate::support::oci::Oci;
use crate::support::podman::Podman;
use crate::support::process::{Done, run};
use crate::support::steps::Steps;

/// What docker gives.
const USUAL: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

const ACTS: &[&str] = &["rights", "ports", "map", "bind", "chown", "hurry", "sandbox", "chroot"];

/// What each act takes, if it succeeds for want of nothing else.
const TRUTH: [(&str, &str); 3] =
    [("bind", "CAP_NET_BIND_SERVICE"), ("chown", "CAP_CHOWN"), ("chroot", "CAP_SYS_CHROOT")];

const EXIT_KERNEL_CANNOT: i32 = 4;

/// Where the kernel has no such tracepoint, ctrace must say so; and there is nothing else to see.
fn is_told() -> bool {
    let types = fs::read("/sys/kernel/btf/vmlinux").unwrap();
    let tracepoint = b"btf_trace_cap_capable\0";
    if types.windows(tracepoint.len()).any(|name| name == tracepoint) {
        return true;
    }
    let done = run(&mut ctrace(&["profile", "capabilities", "--duration", "1ms"])).expect(EXIT_KERNEL_CANNOT);
    assert!(done.stderr.contains("cap_capable") && done.stderr.contains("6.14"), "{done:?}");
    false
}

/// What the program printed, and the evidence.
fn record(engine: &dyn Engine, launch: &Launch) -> (Done, Value) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("needs.json");
    let out = file.to_str().expect("a temporary path is UTF-8");
    let container = Container::new(engine);
    let args = ["profile", "capabilities", "--format", "json", "-o", out];
    let done = if engine.mode() == "rootless" {
        // It stays in the cgroup of who starts it, which with a command is that of the command.
        let trace = attached(&[&args[..], &[&container.name]].concat());
        let done = container.run(launch).expect(0);
        trace.interrupt().expect(0);
        done
    } else {
        run(&mut ctrace_over(&args, &container.command(launch))).expect(0)
    };
    (done, parse(&fs::read_to_string(&file).expect("a set was written")))
}

fn needed(evidence: &Value) -> BTreeSet<&str> {
    list(&evidence["needed"]).iter().filter_map(Value::as_str).collect()
}

/// Capabilities and askers of checks that are there for this reason.
fn because<'a>(evidence: &'a Value, why: &str) -> BTreeSet<(&'a str, &'a str)> {
    let checks = list(&evidence["checks"]).iter().filter(|check| check["why"] == *why);
    let text = |value: &'a Value| value.as_str().unwrap_or_default();
    checks.map(|check| (text(&check["capability"]), text(&check["asked_by"]))).collect()
}

fn has(found: &BTreeSet<(&str, &str)>, capability: &str, asked_by: &str) -> bool {
    found.iter().any(|(name, asker)| *name == capability && asker.contains(asked_by))
}

fn proven(engine: &dyn Engine) {
    if !is_told() {
        return;
    }
    let (first, evidence) = record(engine, &Launch { capabilities: Some(USUAL), ..Launch::new(ACTS) });
    let lines: Vec<&str> = first.stdout.lines().collect();
    // Engines may let anybody take any port.
    let free = lines.first().and_then(|line| line.strip_prefix("from ")).expect("the first line");
    let free = free.parse::<u32>().unwrap() <= 81;
    let truth: Vec<_> = TRUTH.into_iter().filter(|(act, _)| !(free && *act == "bind")).collect();
    assert_eq!(needed(&evidence), truth.iter().map(|(_, name)| *name).collect(), "{evidence}");
    assert_eq!(evidence["complete"], true, "{evidence}");
    // The host's own namespace is asked about.
    let refused = because(&evidence, if engine.mode() == "rootless" { "outside" } else { "refused" });
    let probes = because(&evidence, "probe");
    assert!(has(&refused, "CAP_SYS_NICE", "nice") || has(&refused, "CAP_SYS_NICE", "prio"), "{evidence}");
    assert!(has(&probes, "CAP_SYS_ADMIN", "vm_enough_memory"), "{evidence}");
    if lines.contains(&"sandbox 0") {
        assert!(has(&because(&evidence, "inner"), "CAP_SYS_ADMIN", "sethostname"), "{evidence}");
        assert!(!because(&evidence, "maker").is_empty(), "{evidence}");
    }
    let first_chown = list(&evidence["checks"]).iter().find(|check| check["capability"] == "CAP_CHOWN");
    assert_eq!(first_chown.unwrap()["first"]["executable"], "rights", "{evidence}");

    let again = |set: &[&str]| {
        let launch = Launch { capabilities: Some(set), ..Launch::new(ACTS) };
        Container::new(engine).run(&launch).expect(0).stdout
    };
    let short = |name: &'static str| name.trim_start_matches("CAP_");
    let set: Vec<&str> = truth.iter().map(|(_, name)| short(name)).collect();
    assert_eq!(again(&set), first.stdout, "with what is needed");
    for (act, name) in truth {
        let fewer: Vec<&str> = set.iter().copied().filter(|other| *other != short(name)).collect();
        let said = again(&fewer);
        let differs: Vec<&str> = said.lines().filter(|line| !lines.contains(line)).collect();
        assert!(matches!(differs.as_slice(), [line] if line.starts_with(act)), "without {name}: {said}");
    }
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn runc() {
    proven(&Oci::runc());
}

#[test]
#[ignore = "needs root, BTF, crun, gcc, busybox"]
fn crun() {
    proven(&Oci::crun());
}

#[test]
#[ignore = "needs root, BTF, podman, gcc, busybox"]
fn podman() {
    proven(&Podman::new());
}

#[test]
#[ignore = "needs root, BTF, docker, dockerd, gcc, busybox"]
fn docker() {
    proven(&Docker::new());
}

/// In a user namespace of its own, whose capabilities are the container's.
#[test]
#[ignore = "needs root, BTF, podman, runc, newuidmap, useradd, setpriv, gcc, busybox"]
fn rootless_podman() {
    proven(&Podman::rootless());
}

/// It asks without a line in the audit log, and fails without it all the same.
#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn a_quiet_question_can_decide() {
    if !is_told() {
        return;
    }
    let engine = Oci::runc();
    let args = ["rights", "confine"];
    for (set, printed, why) in
        [(&["SYS_ADMIN"][..], "confine 0\n", "needed"), (&[], "confine 13\n", "refused")]
    {
        let launch = Launch { capabilities: Some(set), no_new_privs: Some(false), ..Launch::new(&args) };
        let (done, evidence) = record(&engine, &launch);
        assert_eq!(done.stdout, printed);
        assert!(has(&because(&evidence, why), "CAP_SYS_ADMIN", "sec"), "{evidence}");
    }
}

/// A container that runs already, and what is brought into it.
#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn sessions_are_told_apart() {
    if !is_told() {
        return;
    }
    let engine = Oci::runc();
    let launch =
        Launch { capabilities: Some(USUAL), ..Launch::new(&["sh", "-c", "echo up; exec sleep 1000"]) };
    let container = Container::new(&engine).start(&launch);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("needs.yaml");
    let out = file.to_str().expect("a temporary path is UTF-8");
    let args = ["profile", "capabilities", &container.name, "--format", "kubernetes", "-o", out];
    let trace = attached(&args);
    run(&mut engine.exec(&container.name, &Launch::new(&["rights", "chroot"]))).expect(0);
    let done = trace.interrupt().expect(0);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.ends_with("    drop: [\"ALL\"]\n    add: [\"SYS_CHROOT\"]\n"), "{text}");
    let evidence = parse(&fs::read_to_string(folder.path().join("needs.evidence.json")).unwrap());
    let chroot = list(&evidence["checks"]).iter().find(|check| check["capability"] == "CAP_SYS_CHROOT");
    assert_eq!(chroot.unwrap()["origin"], "exec", "{evidence}");
    assert_eq!((&evidence["complete"], &evidence["running"]), (&false.into(), &true.into()), "{evidence}");
    assert!(done.stderr.contains("only exec sessions or health checks need SYS_CHROOT"), "{done:?}");
}
