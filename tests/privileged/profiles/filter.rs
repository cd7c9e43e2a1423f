//! The filter that the kernel holds for a container under a profile, asked for every number of every ABI.

use std::collections::BTreeSet;
use std::fs;

use tracer::batch::Arch;
use tracer::event::Abi;
use tracer::{kernel, seccomp, syscall};

use crate::support::bpf::{Answer, Filter};
use crate::support::ctrace::ctrace_over;
use crate::support::docker::Docker;
use crate::support::engine::{Container, Engine, Launch};
use crate::support::json::{list, parse};
use crate::support::oci::Oci;
use crate::support::podman::Podman;
use crate::support::process::run;

const X86_64: u32 = 0xc000_003e;
const I386: u32 = 0x4000_0003;
/// Of another machine.
const AARCH64: u32 = 0xc000_00b7;
const X32: u32 = 0x4000_0000;

/// More than any table has.
const NUMBERS: std::ops::Range<u32> = 0..1200;

const ENOSYS: u32 = 38;
const EPERM: u32 = 1;

/// `errno` is what the runtime makes of the default action for numbers that some profile could name.
fn is_as_meant(engine: &dyn Engine, program: &[&str], code: i32, errno: u32) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("profile.json");
    let inner = Container::new(engine).command(&Launch { unconfined: true, ..Launch::new(program) });
    run(&mut ctrace_over(&["profile", "record", "-o", path.to_str().unwrap()], &inner)).expect(code);
    let rules = parse(&fs::read_to_string(&path).unwrap());
    let allowed: BTreeSet<&str> = list(&rules["syscalls"])
        .iter()
        .filter(|rule| rule["action"] == "SCMP_ACT_ALLOW")
        .flat_map(|rule| list(&rule["names"]))
        .filter_map(|name| name.as_str())
        .collect();
    let has = |name: &str| list(&rules["architectures"]).iter().any(|arch| *arch == *name);

    // It calls the same, says "up" and stays.
    let hold = [program, &["hold"]].concat();
    let launch = Launch { seccomp: Some(&path), ..Launch::new(&hold) };
    let container = Container::new(engine).start(&launch);
    let filters = Filter::of(container.facts().pid);
    assert_eq!(filters.len(), 1, "{}", engine.runtime());
    let filter = &filters[0];
    let read = kernel::filters(container.facts().pid).unwrap();
    assert_eq!(read.len(), 1, "{}", engine.runtime());

    let mut wrong = Vec::new();
    let mut counts = [0; 3];
    for number in NUMBERS {
        let native = syscall::name(Arch::X86_64, Abi::Native, u16::try_from(number).unwrap());
        let compat = syscall::name(Arch::X86_64, Abi::Compat, u16::try_from(number).unwrap());
        let cases = [
            (X86_64, number, native, true),
            (I386, number, compat, has("SCMP_ARCH_X86")),
            (X86_64, number | X32, None, has("SCMP_ARCH_X32")),
            (AARCH64, number, None, false),
        ];
        for (arch, number, name, listed) in cases {
            let answer = filter.answer(arch, number);
            // What `profile surplus` goes by: these profiles have no conditions on arguments.
            let ours = read[0].answers(arch, number);
            if !ours.iter().map(|ours| plain(*ours)).eq([answer]) {
                wrong.push(format!("{arch:#x} {number} {name:?}: {answer:?}, read as {ours:?}"));
            }
            let meant = match name {
                _ if !listed => matches!(answer, Answer::KillThread | Answer::KillProcess),
                Some(name) if allowed.contains(name) => answer == Answer::Allow,
                // runc answers so for whatever is newer than what the profile names.
                _ => answer == Answer::Errno(errno) || answer == Answer::Errno(ENOSYS),
            };
            counts[match answer {
                Answer::Allow => 0,
                Answer::Errno(_) => 1,
                Answer::KillThread | Answer::KillProcess | Answer::Other(_) => 2,
            }] += 1;
            if !meant {
                wrong.push(format!("{arch:#x} {number} {name:?}: {answer:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}: {}", engine.runtime(), wrong.join("\n"));
    let named =
        allowed.iter().filter(|name| syscall::number(Arch::X86_64, Abi::Native, name).is_some()).count();
    assert!(counts[0] >= named && counts.iter().all(|count| *count > 0), "{counts:?}, {named} named");
}

fn plain(answer: seccomp::Answer) -> Answer {
    match answer {
        seccomp::Answer::Allow => Answer::Allow,
        seccomp::Answer::Errno(errno) => Answer::Errno(errno.into()),
        seccomp::Answer::KillThread => Answer::KillThread,
        seccomp::Answer::KillProcess => Answer::KillProcess,
        seccomp::Answer::Trap | seccomp::Answer::Notify | seccomp::Answer::Trace | seccomp::Answer::Log => {
            panic!("{answer:?} is in none of these profiles")
        }
    }
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn of_runc() {
    is_as_meant(&Oci::runc(), &["/bin/golike"], 6, ENOSYS);
    is_as_meant(&Oci::runc(), &["/bin/int80"], 5, ENOSYS);
}

#[test]
#[ignore = "needs root, BTF, crun, gcc, busybox"]
fn of_crun() {
    is_as_meant(&Oci::crun(), &["/bin/golike"], 6, ENOSYS);
    is_as_meant(&Oci::crun(), &["/bin/int80"], 5, ENOSYS);
}

#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn of_podman() {
    is_as_meant(&Podman::new(), &["/bin/golike"], 6, ENOSYS);
}

/// Docker knows of a default error since its version 23.
#[test]
#[ignore = "needs root, BTF, docker, dockerd, gcc, busybox"]
fn of_docker() {
    let docker = Docker::new();
    let major = docker.version().split('.').next().and_then(|major| major.parse::<u32>().ok()).unwrap();
    is_as_meant(&docker, &["/bin/golike"], 6, if major < 23 { EPERM } else { ENOSYS });
}
