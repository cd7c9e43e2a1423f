//! The table of what runtimes call under the filter (`tracer/src/profile/runtimes.txt`), measured again on the
//! runtimes that are here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use tracer::profile::base::{
    Act, Engine as Runtime, GO_RUNTIME, Measured, Runtimes, measured, runtime_calls,
};

use crate::support::audit::{Audit, log_all, names};
use crate::support::engine::{Container, Engine, Launch};
use crate::support::oci::Oci;
use crate::support::process::{Process, run};
use crate::support::steps::Steps;
use crate::support::unique;
use crate::support::view::View;

/// A Go program's way depends on its scheduler.
const REPEATS: usize = 4;

/// Not in the table, with its reasons.
const LEFT_OUT: [&str; 4] = ["fsconfig", "fsmount", "fsopen", "open_tree"];

const USERS: [Option<u32>; 2] = [None, Some(1000)];

/// What one way calls; `pid` is a file that the runtime writes.
fn once(oci: &Oci, audit: &Audit, act: Act, launch: &Launch, pid: &Path) -> BTreeSet<&'static str> {
    let pid_file = ["--pid-file", pid.to_str().unwrap()];
    let name = unique("measured");
    let container = Container::named(oci, &name);
    let words = |act| [&[act][..], &pid_file].concat();
    match act {
        Act::Run => drop(run(&mut oci.bundled(&words("run"), &name, launch)).expect(0)),
        Act::Create => {
            // The container keeps the pipe that `create` was given.
            let create = Process::start(&mut oci.bundled(&words("create"), &name, launch));
            crate::support::wait::until("the container", || {
                let state = run(oci.runtime_command().args(["state", &name]));
                (state.code == 0 && state.stdout.contains("\"created\"")).then_some(())
            });
            run(oci.runtime_command().args(["start", &name])).expect(0);
            create.wait().expect(0);
        }
        Act::Exec => {
            let holder = Launch { args: &["sh", "-c", "echo up; sleep 100000"], ..*launch };
            let _holder = container.start(&holder);
            let plain = oci.exec(&name, launch);
            let mut exec = Command::new(plain.get_program());
            let mut args: Vec<_> = plain.get_args().collect();
            let at = args.iter().position(|word| *word == "exec").unwrap() + 1;
            args.splice(at..at, pid_file.map(AsRef::as_ref));
            run(exec.args(args)).expect(0);
        }
    }
    let pid: u32 = std::fs::read_to_string(pid).unwrap().trim().parse().unwrap();
    let records = audit.until("the program's execve", |record| record.pid == pid && record.name == "execve");
    names(records.iter().filter(|record| record.pid == pid))
}

/// What no row of this version has, and what a row has that was not met; by row.
fn differences(oci: &Oci, runtime: Runtime) -> BTreeMap<String, String> {
    let version = oci.version();
    let version = version.split('+').next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let log = log_all(folder.path());
    let go: BTreeSet<_> = match runtime {
        Runtime::Runc => GO_RUNTIME.split_ascii_whitespace().collect(),
        Runtime::Crun => BTreeSet::new(),
    };
    let mut found = BTreeMap::new();
    for act in [Act::Run, Act::Create, Act::Exec] {
        for no_new_privs in [true, false] {
            let audit = Audit::listen();
            let mut calls = BTreeSet::new();
            for user in USERS.into_iter().cycle().take(REPEATS) {
                let launch = Launch {
                    seccomp: Some(&log),
                    no_new_privs: Some(no_new_privs),
                    user,
                    ..Launch::new(&["/bin/true"])
                };
                calls.extend(once(oci, &audit, act, &launch, &folder.path().join("pid")));
            }
            let fits = |row: &Measured| {
                row.engine == runtime
                    && row.versions.contains(&version)
                    && row.act == act
                    && row.no_new_privs == no_new_privs
            };
            let row = measured().find(fits).map(|row| row.calls);
            // Of a version that nobody has measured, a profile has all that others need.
            let any = || runtime_calls(Runtimes { engine: Some(runtime), ..Runtimes::default() });
            let known = row.clone().unwrap_or_else(any);
            let new: Vec<_> = calls
                .iter()
                .copied()
                .filter(|name| !known.contains(name) && !go.contains(name) && !LEFT_OUT.contains(name))
                .collect();
            let gone: Vec<_> =
                row.iter().flatten().filter(|name| !calls.contains(*name) && !go.contains(*name)).collect();
            if !new.is_empty() || !gone.is_empty() {
                let calls = Vec::from_iter(calls).join(" ");
                found.insert(
                    format!("{} {version} {act:?} no_new_privs {no_new_privs}", oci.runtime()),
                    format!("not in the table {new:?}, not met {gone:?}; met: {calls}"),
                );
            }
        }
    }
    found
}

fn as_before(oci: &Oci, runtime: Runtime) {
    let found = differences(oci, runtime);
    let lines: Vec<_> = found.iter().map(|(row, what)| format!("{row}: {what}")).collect();
    assert!(lines.is_empty(), "the table of runtimes is another:\n{}", lines.join("\n"));
}

#[test]
#[ignore = "needs root, runc, gcc, busybox"]
fn runc() {
    as_before(&Oci::runc(), Runtime::Runc);
}

#[test]
#[ignore = "needs root, crun, gcc, busybox"]
fn crun() {
    as_before(&Oci::crun(), Runtime::Crun);
}

#[test]
#[ignore = "needs root, newer runtimes, unshare, gcc, busybox"]
fn newer_runc() {
    View::Newer.run(|| as_before(&Oci::runc(), Runtime::Runc));
}

#[test]
#[ignore = "needs root, newer runtimes, unshare, gcc, busybox"]
fn newer_crun() {
    View::Newer.run(|| as_before(&Oci::crun(), Runtime::Crun));
}
