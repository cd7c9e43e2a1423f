//! A recorded profile is enough to do the same again, and for nothing else.

use std::path::Path;

use crate::support::ctrace::ctrace_over;
use crate::support::engine::{Container, Engine, Kind, Launch};
use crate::support::json::{list, parse};
use crate::support::process::{Done, run};

const LS: &[&str] = &["ls", "/bin"];
const MKDIR: &[&str] = &["mkdir", "/tmp/made"];

/// Records `ls` in a container of its own and returns what it printed.
fn record(engine: &dyn Engine, profile: &Path) -> Done {
    let container = Container::new(engine);
    let inner = container.command(&Launch::new(LS));
    let out = profile.to_str().expect("a temporary path is UTF-8");
    let done = run(&mut ctrace_over(&["profile", "record", "-o", out], &inner)).expect(0);
    assert!(done.stdout.contains("busybox"), "ls printed nothing: {done:?}");
    let text = std::fs::read_to_string(profile).expect("a profile was written");
    let rules = parse(&text);
    assert_eq!(rules["defaultAction"], "SCMP_ACT_ERRNO", "{text}");
    assert_eq!(rules["defaultErrnoRet"], 38, "{text}");
    assert!(!list(&rules["syscalls"]).is_empty(), "{text}");
    done
}

fn under(engine: &dyn Engine, args: &[&str], profile: Option<&Path>) -> Done {
    Container::new(engine).run(&Launch { seccomp: profile, ..Launch::new(args) })
}

/// Records with one engine, runs again with all of them.
fn again(recorder: &dyn Engine, engines: &[&dyn Engine]) {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("profile.json");
    let first = record(recorder, &profile);
    for engine in engines {
        let second = under(*engine, LS, Some(&profile)).expect(0);
        assert_eq!(second.stdout, first.stdout, "under {}", engine.runtime());

        under(*engine, MKDIR, None).expect(0);
        let refused = under(*engine, MKDIR, Some(&profile));
        assert_ne!(refused.code, 0, "mkdir was never recorded: {refused:?}");
        assert!(refused.stderr.contains("Function not implemented"), "{refused:?}");
    }
}

#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn recorded_with_podman() {
    let (podman, runc) = (Kind::Podman.engine(), Kind::Runc.engine());
    again(&*podman, &[&*runc, &*podman]);
}

#[test]
#[ignore = "needs root, BTF, podman, runc, crun, gcc, busybox"]
fn recorded_with_runc() {
    let (runc, crun) = (Kind::Runc.engine(), Kind::Crun.engine());
    again(&*runc, &[&*runc, &*crun]);
}

/// A command that starts no container is recorded itself.
#[test]
#[ignore = "needs root, BTF, busybox"]
fn a_plain_command() {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("profile.json");
    let out = profile.to_str().unwrap();
    let mut busybox = std::process::Command::new("busybox");
    busybox.args(["ls", "/"]);
    run(&mut ctrace_over(&["profile", "record", "-o", out], &busybox)).expect(0);
    let rules = parse(&std::fs::read_to_string(&profile).unwrap());
    let allowed = list(&rules["syscalls"])
        .iter()
        .filter(|rule| rule["action"] == "SCMP_ACT_ALLOW")
        .flat_map(|rule| list(&rule["names"]));
    let allowed: Vec<_> = allowed.filter_map(|name| name.as_str()).collect();
    assert!(allowed.contains(&"getdents64") && !allowed.contains(&"mkdir"), "{allowed:?}");
}
