//! A recorded profile is enough to do the same again, and for nothing else.

use std::path::Path;

use crate::support::ctrace::{attached, ctrace, ctrace_over};
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

/// The profile of `ls` against a container that does more: told, not stopped.
#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn checked_without_being_applied() {
    let runc = Kind::Runc.engine();
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("profile.json");
    record(&*runc, &profile);
    let evidence = parse(&std::fs::read_to_string(folder.path().join("profile.evidence.json")).unwrap());
    let ended = &evidence["recordings"][0];
    assert_eq!(
        (&ended["complete"], &ended["container"]["runtime"]),
        (&true.into(), &"runc".into()),
        "{ended}"
    );
    let first = list(&evidence["syscalls"]).iter().find(|call| call["name"] == "getdents64").unwrap();
    assert_eq!(first["first"]["executable"], "ls", "{first}");

    for (args, code, finding) in [(LS, 0, None), (MKDIR, 6, Some("mkdir: fails with ENOSYS"))] {
        let container = Container::new(&*runc);
        let check = attached(&["profile", "check", profile.to_str().unwrap(), &container.name]);
        container.run(&Launch::new(args)).expect(0);
        let done = check.interrupt();
        assert_eq!(done.code, code, "{done:?}");
        let found = done.stdout.lines().any(|line| finding.is_some_and(|finding| line.contains(finding)));
        assert_eq!(found, finding.is_some(), "{done:?}");
    }
}

/// podman's own default profile, which has all that its form can have, refuses nothing of what podman runs under it.
#[test]
#[ignore = "needs root, BTF, podman, gcc, busybox"]
fn the_default_profile_would_have_refused_nothing() {
    let podman = Kind::Podman.engine();
    let container = Container::new(&*podman);
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("ls.ctrace");
    let recording = recording.to_str().unwrap();
    let trace = attached(&["record", "-o", recording, "--filter", &format!("name={}", container.name)]);
    container.run(&Launch::new(LS)).expect(0);
    trace.interrupt().expect(0);
    let done =
        run(&mut ctrace(&["profile", "check", "/usr/share/containers/seccomp.json", recording])).expect(0);
    assert!(done.stderr.contains("would refuse 0 of"), "{done:?}");
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
