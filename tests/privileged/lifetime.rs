//! Nothing stays behind in the kernel or in cgroupfs, however ctrace ends.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;

use rustix::process::Signal;

use crate::support::ctrace::{attached, cgroups, ctrace, programs_of, wait_unloaded};
use crate::support::process::{Process, run};
use crate::support::wait::until;

/// The commands that trace until they are told to stop.
const ENDLESS: [&[&str]; 2] =
    [&["top", "-n", "1000", "--interval", "200ms", "--format", "json"], &["trace", "--format", "json"]];

#[test]
#[ignore = "needs root, BTF"]
fn an_interrupt_is_an_orderly_end() {
    for words in ENDLESS {
        let process = attached(words);
        let programs = programs_of(process.pid());
        process.interrupt().expect(0);
        wait_unloaded(&programs);
    }
}

#[test]
#[ignore = "needs root, BTF"]
fn a_recording_survives_an_interrupt() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("recording");
    let record = attached(&["record", "-o", file.to_str().unwrap()]);
    record.interrupt().expect(0);
    run(&mut ctrace(&["top", "--once", "--format", "json", "--replay", file.to_str().unwrap()])).expect(0);
}

#[test]
#[ignore = "needs root, BTF"]
fn even_a_kill_leaves_nothing() {
    for words in ENDLESS {
        let process = attached(words);
        let programs = programs_of(process.pid());
        process.signal(Signal::KILL);
        process.wait().expect(128 + 9);
        wait_unloaded(&programs);
    }
}

/// `ctrace run` needs no container runtime: the command has a cgroup of its own while it runs.
#[test]
#[ignore = "needs root, BTF"]
fn run_passes_the_exit_code_and_removes_its_cgroup() {
    let folder = tempfile::tempdir().unwrap();
    let seen = folder.path().join("cgroup");
    let before = cgroups();
    let script = format!("cat /proc/self/cgroup > {}; exit 7", seen.display());
    run(&mut ctrace(&["run", "--", "sh", "-c", &script])).expect(7);
    let own = fs::read_to_string(&seen).unwrap();
    let path = own.lines().find_map(|line| line.strip_prefix("0::")).expect("a v2 path");
    assert!(path.contains("ctrace"), "{own}");
    for root in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] {
        let folder = Path::new(root).join(path.trim_start_matches('/'));
        assert!(!folder.exists(), "{} is left", folder.display());
    }
    assert_eq!(cgroups(), before);
}

#[test]
#[ignore = "needs root, BTF"]
fn an_interrupted_run_removes_its_cgroup() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("up");
    let script = format!("touch {}; exec sleep 1000", mark.display());
    let before = cgroups();
    let process = Process::start(ctrace(&["run", "--", "sh", "-c", &script]).process_group(0));
    until("the command's start", || mark.exists().then_some(()));
    assert_ne!(cgroups(), before, "the command has no cgroup of its own");
    process.interrupt_group();
    assert_eq!(cgroups(), before);
}
