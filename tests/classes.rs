//! The classes of `-e %CLASS` against those of strace, which has the names.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "that is how a test fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tracer::batch::Arch;
use tracer::event::Abi;
use tracer::syscall::{self, class::CLASSES};

/// Number that `tests/programs/every_call.c` calls before those of each ABI.
const MARK: u16 = 600;
/// Native `exit_group`, which it ends with.
const LAST: u16 = 231;

/// Class, call, and why ctrace says something else.
const DIFFERENCES: [(&str, &str, &str); 8] = [
    ("clock", "stime", "it sets the clock, as settimeofday does"),
    ("desc", "close_range", "it closes descriptors; later releases of strace agree"),
    (
        "desc",
        "socketcall",
        "its descriptors are sockets, and those of other calls for sockets are not in %desc",
    ),
    ("memory", "break", "no kernel has it"),
    ("network", "getpmsg", "no kernel has it"),
    ("network", "putpmsg", "no kernel has it"),
    ("network", "socketcall", "strace looks at the call in it"),
    (
        "signal",
        "io_uring_enter",
        "it takes a mask of signals, as ppoll and others do that are not in %signal",
    ),
];

/// Native and compat calls that strace prints when it is asked for `what`, and has a name for.
fn traced(program: &Path, what: &str) -> [BTreeSet<u16>; 2] {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let output = Command::new("strace")
        .args(["-n", "-e", "signal=none", "-e", &format!("trace={what}"), "-o"])
        .args([&log, program])
        .output()
        .expect("strace starts");
    assert!(output.status.success(), "{what}: {output:?}");
    let log = fs::read(&log).unwrap();
    let mut parts: Vec<BTreeSet<u16>> = Vec::new();
    for line in String::from_utf8_lossy(&log).lines() {
        // `[ 257] openat(...`, and what strace does not know is `syscall_0x...`.
        let Some((number, call)) = line.strip_prefix('[').and_then(|line| line.split_once("] ")) else {
            continue;
        };
        let number: u16 = number.trim().parse().unwrap();
        if number == LAST && (call.starts_with("exit_group") || call.starts_with("+++")) {
            break;
        }
        if number == MARK {
            parts.push(BTreeSet::new());
        } else if let Some(part) = parts.last_mut().filter(|_| !call.starts_with("syscall_0x")) {
            part.insert(number);
        }
    }
    parts.try_into().expect("two marks")
}

fn every_call() -> PathBuf {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("every_call");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/programs/every_call.c");
    let output =
        Command::new("gcc").arg("-O1").arg("-o").arg(&program).arg(source).output().expect("gcc starts");
    assert!(output.status.success(), "{output:?}");
    program
}

#[test]
#[ignore = "needs strace, gcc"]
fn classes_are_those_of_strace() {
    let program = every_call();
    let known = traced(&program, "all");
    let mut differences = BTreeSet::new();
    for class in CLASSES {
        let theirs = traced(&program, &format!("%{}", class.name));
        for ((abi, known), theirs) in [Abi::Native, Abi::Compat].into_iter().zip(&known).zip(&theirs) {
            let mut compared = 0;
            for (number, name) in syscall::all(Arch::X86_64, abi).filter(|(number, _)| known.contains(number))
            {
                compared += 1;
                // It is not made like the others.
                if name != "exit_group" && class.contains(name) != theirs.contains(&number) {
                    differences.insert((class.name, name));
                }
            }
            assert!(compared > 300, "strace knows {compared} of our calls only");
        }
    }
    let expected: BTreeSet<_> = DIFFERENCES.iter().map(|(class, call, _)| (*class, *call)).collect();
    let new: Vec<_> = differences.difference(&expected).collect();
    assert!(new.is_empty(), "{new:?}");
}

#[test]
fn every_name_in_a_class_is_a_call_and_there_once() {
    for class in CLASSES {
        let mut calls: Vec<&str> = class.calls().collect();
        let all = calls.len();
        calls.sort_unstable();
        calls.dedup();
        assert_eq!(calls.len(), all, "%{} has a call twice", class.name);
        for call in calls {
            let known = [
                (Arch::X86_64, Abi::Native),
                (Arch::X86_64, Abi::Compat),
                (Arch::Aarch64, Abi::Native),
                (Arch::Aarch64, Abi::Compat),
            ]
            .into_iter()
            .any(|(arch, abi)| syscall::number(arch, abi, call).is_some());
            assert!(known, "%{}: {call}", class.name);
        }
    }
}
