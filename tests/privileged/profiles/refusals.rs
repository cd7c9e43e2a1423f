//! What was not recorded is refused, with the error that lets libraries go on, and what was recorded is not. Calls
//! whose effect can be seen: of many others a program does not say what became of them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::ctrace::ctrace_over;
use crate::support::docker::Docker;
use crate::support::engine::{Container, Engine, Launch};
use crate::support::json::parse;
use crate::support::oci::Oci;
use crate::support::podman::Podman;
use crate::support::process::{Done, run};

const MARKS: [&str; 4] = ["mkdir", "symlink", "socket", "mount"];
const ENOSYS: i32 = 38;
const EPERM: i32 = 1;
const SIGSYS: i32 = 31;

fn record(engine: &dyn Engine, args: &[&str], profile: &Path) -> Done {
    let launch = Launch { unconfined: true, ..Launch::new(args) };
    let inner = Container::new(engine).command(&launch);
    let out = profile.to_str().expect("a temporary path is UTF-8");
    run(&mut ctrace_over(&["profile", "record", "-o", out], &inner))
}

fn under(engine: &dyn Engine, args: &[&str], profile: &Path) -> Done {
    Container::new(engine).run(&Launch { seccomp: Some(profile), ..Launch::new(args) })
}

fn marks() -> Vec<&'static str> {
    [&["/bin/marks"][..], &MARKS].concat()
}

/// `errno` is what the runtime makes of the default action.
fn refused(engine: &dyn Engine, errno: i32) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (none, all) = (path("none.json"), path("all.json"));
    record(engine, &["/bin/marks"], &none).expect(0);
    let made = record(engine, &marks(), &all).expect(0).stdout;
    // Without a filter a container may do all but the last, and that is for want of rights.
    assert_eq!(made, "mkdir 0\nsymlink 0\nsocket 0\nmount 1\n");

    let expected = MARKS.map(|name| format!("{name} {errno}\n")).concat();
    assert_eq!(under(engine, &marks(), &none).expect(0).stdout, expected, "not recorded");
    assert_eq!(under(engine, &marks(), &all).expect(0).stdout, made, "recorded");
    for (index, name) in MARKS.iter().enumerate() {
        let profile = without(&all, name);
        let said = under(engine, &marks(), &profile).expect(0).stdout;
        let lines: Vec<_> = said.lines().collect();
        assert_eq!(lines[index], format!("{name} {errno}"), "taken out");
        assert_eq!(said.lines().count(), MARKS.len());
        let others = lines.iter().zip(made.lines()).enumerate().filter(|(other, _)| *other != index);
        assert!(others.into_iter().all(|(_, (now, before))| *now == before), "{said}");
    }
}

/// A copy of the profile that does not name the call.
fn without(profile: &Path, name: &str) -> PathBuf {
    let mut rules = parse(&fs::read_to_string(profile).unwrap());
    let mut removed = 0;
    for rule in rules["syscalls"].as_array_mut().unwrap() {
        if let Some(names) = rule["names"].as_array_mut() {
            let before = names.len();
            names.retain(|other: &Value| other != name);
            removed += before - names.len();
        }
    }
    assert_eq!(removed, 1, "{name} in {rules}");
    let copy = profile.with_file_name(format!("without-{name}.json"));
    fs::write(&copy, rules.to_string()).unwrap();
    copy
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn by_runc() {
    refused(&Oci::runc(), ENOSYS);
}

#[test]
#[ignore = "needs root, BTF, crun, gcc, busybox"]
fn by_crun() {
    refused(&Oci::crun(), ENOSYS);
}

#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn by_podman() {
    refused(&Podman::new(), ENOSYS);
}

/// Docker knows of a default error since its version 23.
#[test]
#[ignore = "needs root, BTF, docker, dockerd, gcc, busybox"]
fn by_docker() {
    let docker = Docker::new();
    let major = docker.version().split('.').next().and_then(|major| major.parse::<u32>().ok()).unwrap();
    refused(&docker, if major < 23 { EPERM } else { ENOSYS });
}

/// A call that only a stopped process makes: what its maker has not seen, a profile allows all the same.
#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn what_is_always_allowed_is_needed() {
    let runc = Oci::runc();
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("profile.json");
    record(&runc, &["/bin/naps", "18"], &profile).expect(9);
    let stopped = &["/bin/naps", "19"];
    assert_eq!(under(&runc, stopped, &profile).expect(9).stdout, "slept: 0\n");
    let refused = under(&runc, stopped, &without(&profile, "restart_syscall"));
    assert_eq!(refused.expect(1).stdout, format!("slept: -{ENOSYS}\n"));
}

/// A 32-bit call is no 64-bit one of the same number, and without its ABI in the profile it is the end.
#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn another_abi_is_not_let_in() {
    let runc = Oci::runc();
    let folder = tempfile::tempdir().unwrap();
    let (native, compat) = (folder.path().join("native.json"), folder.path().join("compat.json"));
    record(&runc, &["/bin/marks"], &native).expect(0);
    record(&runc, &["/bin/int80"], &compat).expect(5);
    let architectures = |path| parse(&fs::read_to_string(path).unwrap())["architectures"].clone();
    assert_eq!(architectures(&native), serde_json::json!(["SCMP_ARCH_X86_64"]));
    assert_eq!(architectures(&compat), serde_json::json!(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]));
    under(&runc, &["/bin/int80"], &compat).expect(5);
    under(&runc, &["/bin/int80"], &native).expect(128 + SIGSYS);
}
