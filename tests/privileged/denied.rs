//! Calls that a seccomp filter refuses are seen, though they never begin.

use std::fs;

use serde_json::json;

use crate::support::ctrace::attached;
use crate::support::engine::{Container, Engine, Kind, Launch};
use crate::support::json::{at, errno, is, number, parse, row, syscall};

const TRIES: u64 = 5;
const EPERM: i64 = 1;

fn refused(engine: &dyn Engine) {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("no-mkdir.json");
    let rules = json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": EPERM}]
    });
    fs::write(&profile, rules.to_string()).unwrap();
    let tries = TRIES.to_string();
    let args = ["denied", &tries];
    let launch = Launch { seccomp: Some(&profile), ..Launch::new(&args) };

    let top = attached(&["top", "-n", "1000", "--interval", "200ms", "--format", "json"]);
    let trace = attached(&["trace", "--denied", "--format", "json"]);
    let container = Container::new(engine);
    let done = container.run(&launch).expect(0);
    assert_eq!(done.stdout, "1\n".repeat(5), "the filter gives EPERM");
    let id = container.id();

    let ended = top.stdout_line("the container's end", |line| {
        let sample = parse(line);
        row(&sample, &id).filter(|row| *at(row, "container.state") == *"ended").cloned()
    });
    let mkdirat = syscall(&ended, "mkdirat").unwrap_or_else(|| panic!("no mkdirat: {ended}"));
    for key in ["total", "total_errors", "total_denied"] {
        assert_eq!(number(mkdirat, key), TRIES, "{key}: {mkdirat}");
    }
    assert_eq!(errno(mkdirat, "EPERM"), TRIES);
    assert_eq!(number(&ended, "total_denied"), TRIES);
    top.interrupt();

    let mut seen = 0;
    trace.stdout_line("the last refusal", |line| {
        let event = parse(line);
        if is(&event, "syscall.denied", &id) {
            seen += 1;
            assert_eq!(*at(&event, "syscall.name"), *"mkdirat", "{event}");
            assert_eq!(*at(&event, "error.type"), *"EPERM", "{event}");
            assert_eq!(*at(&event, "syscall.return_value"), -EPERM, "{event}");
        }
        (seen == TRIES).then_some(())
    });
    let done = trace.interrupt().expect(0);
    let others = done.stdout.lines().map(parse).filter(|event| is(event, "syscall", &id)).count();
    assert_eq!(others, 0, "calls that were not refused: {done:?}");
}

#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn podman_refusals_are_seen() {
    refused(&*Kind::Podman.engine());
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn runc_refusals_are_seen() {
    refused(&*Kind::Runc.engine());
}

#[test]
#[ignore = "needs root, BTF, crun, gcc, busybox"]
fn crun_refusals_are_seen() {
    refused(&*Kind::Crun.engine());
}
