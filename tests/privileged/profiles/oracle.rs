//! What was recorded, against what the kernel's filter was asked: the same containers at the same time under a filter
//! that logs every call, and ctrace.

use std::collections::BTreeSet;
use std::fs;

use tracer::batch::Arch;
use tracer::event::Abi;
use tracer::profile::base::{Runtimes, always, runtime_calls};

use crate::support::audit::{Audit, Record, log_all, names};
use crate::support::ctrace::ctrace_over;
use crate::support::engine::{Container, Engine, Launch};
use crate::support::json::{list, parse};
use crate::support::oci::Oci;
use crate::support::process::{Done, run};

/// Programs whose children, if any, have their name, with their exit codes.
const WORKLOADS: [(&[&str], i32); 7] = [
    (&["/bin/threads", "4"], 4),
    (&["/bin/int80"], 5),
    (&["/bin/golike"], 6),
    (&["/bin/signals"], 8),
    (&["/bin/naps", "19"], 9),
    (&["/bin/marks", "mkdir", "symlink", "socket", "mount"], 0),
    (&["/usr/bin/python3", "-c", "import json, threading; threading.Thread(target=print).start()"], 0),
];

fn agrees(oci: &Oci, no_new_privs: bool) {
    let folder = tempfile::tempdir().unwrap();
    let log = log_all(folder.path());
    let audit = Audit::listen();
    let mut wrong = Vec::new();
    for (args, code) in WORKLOADS {
        let container = Container::new(oci);
        let launch =
            Launch { seccomp: Some(&log), no_new_privs: Some(no_new_privs), usr: true, ..Launch::new(args) };
        let pid_file = folder.path().join("pid");
        let inner = oci.bundled(&["run", "--pid-file", pid_file.to_str().unwrap()], &container.name, &launch);
        let profile = folder.path().join("profile.json");
        let out = profile.to_str().unwrap();
        let done = run(&mut ctrace_over(&["profile", "record", "-o", out], &inner)).expect(code);
        let pid: u32 = fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
        let records = audit.until("its end", |record| record.pid == pid && record.name == "exit_group");
        let allowed = fs::read_to_string(&profile).unwrap();
        if let Some(difference) = compare(&records, pid, &allowed, &done) {
            wrong.push(format!("{args:?}: {difference}"));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", oci.runtime(), wrong.join("\n"));
}

fn compare(records: &[Record], pid: u32, profile: &str, done: &Done) -> Option<String> {
    let first = records.iter().position(|record| record.pid == pid && record.name == "execve").unwrap();
    let (before, program) = records.split_at(first);
    // The runtime's, with the execve that ends it; then the program's, and those of its children.
    let of_runtime = names(before.iter().filter(|record| record.pid == pid).chain(program.first()));
    let comm = &records.last().unwrap().comm;
    let program: Vec<_> =
        program[1..].iter().filter(|record| record.pid == pid || record.comm == *comm).collect();
    let seen = names(program.iter().copied());
    let abis: BTreeSet<Abi> = program.iter().map(|record| record.abi).chain([Abi::Native]).collect();

    let rules = parse(profile);
    let allowed: BTreeSet<&str> = list(&rules["syscalls"])
        .iter()
        .filter(|rule| rule["action"] == "SCMP_ACT_ALLOW")
        .flat_map(|rule| list(&rule["names"]))
        .filter_map(|name| name.as_str())
        .collect();
    let expected: BTreeSet<&str> = runtime_calls(Runtimes::default())
        .union(&always(Arch::X86_64, &abis))
        .copied()
        .collect::<BTreeSet<_>>()
        .union(&seen)
        .copied()
        .collect();
    let missing: Vec<_> = seen.union(&of_runtime).filter(|name| !allowed.contains(*name)).collect();
    let beyond: Vec<_> = allowed.difference(&expected).collect();
    // "N system calls allowed: M observed, .."
    let observed =
        done.stderr.split_once(" observed").and_then(|(text, _)| text.rsplit(' ').next()?.parse().ok());
    let architectures = list(&rules["architectures"]).len();
    let right = missing.is_empty()
        && beyond.is_empty()
        && architectures == abis.len()
        && observed == Some(seen.len());
    (!right).then(|| {
        format!(
            "missing {missing:?}, beyond {beyond:?}, {architectures} architectures of {}, {observed:?} observed of {}: {seen:?}",
            abis.len(),
            seen.len(),
        )
    })
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox, /usr/bin/python3"]
fn runc() {
    agrees(&Oci::runc(), true);
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox, /usr/bin/python3"]
fn runc_with_privileges_to_gain() {
    agrees(&Oci::runc(), false);
}

#[test]
#[ignore = "needs root, BTF, crun, gcc, busybox, /usr/bin/python3"]
fn crun() {
    agrees(&Oci::crun(), true);
}

#[test]
#[ignore = "needs root, BTF, crun, gcc, busybox, /usr/bin/python3"]
fn crun_with_privileges_to_gain() {
    agrees(&Oci::crun(), false);
}
