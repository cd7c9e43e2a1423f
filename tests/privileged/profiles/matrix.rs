//! {runtimes} × {`no_new_privs` or not} × {run, create and start, exec} × {workloads}: recorded, written as a profile, and
//! run again under it, with the same output and exit code.
//!
//! What became of each goes to `CARGO_TARGET_TMPDIR/matrix`, of which `cargo xtask test` prints a table.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::cells::{Cell, Filter};
use crate::support::ctrace::attached;
use crate::support::docker::Docker;
use crate::support::engine::{Container, Engine, Launch};
use crate::support::oci::Oci;
use crate::support::podman::Podman;
use crate::support::process::Done;
use crate::support::steps::Steps;
use crate::support::unique;

/// Under what the workloads are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recorded {
    Unconfined,
    UnderDockersDefault,
}

impl Recorded {
    const fn name(self) -> &'static str {
        match self {
            Self::Unconfined => "unconfined",
            Self::UnderDockersDefault => "under docker's default profile",
        }
    }
}

/// Every cell of one engine: all of them recorded at a time by one ctrace, then each replayed.
fn hold(engine: &dyn Steps, recorded: Recorded, default: Option<&Path>, turn: usize) {
    let filter = match recorded {
        Recorded::Unconfined => Filter::Unconfined,
        Recorded::UnderDockersDefault => Filter::Default(default),
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("profiles");
    fs::create_dir(&out).unwrap();
    let cells: Vec<_> = Cell::chosen(turn, recorded == Recorded::Unconfined)
        .into_iter()
        .map(|cell| (cell, unique("recorded")))
        .collect();

    let mut args = vec!["profile", "record", "-o", out.to_str().unwrap()];
    args.extend(cells.iter().map(|(_, name)| name.as_str()));
    let ctrace = attached(&args);
    let first: Vec<_> = cells.iter().map(|(cell, name)| cell.perform(engine, name, filter)).collect();
    let said = ctrace.interrupt().expect(0).stderr;

    let mut outcomes = Vec::new();
    for ((cell, name), first) in cells.iter().zip(&first) {
        let outcome = match profile(&out, name) {
            None => Some(format!("no profile; ctrace said\n{said}")),
            Some(profile) => {
                let again = cell.perform(engine, &unique("replayed"), Filter::Made(&profile));
                differs(first, &again)
            }
        };
        outcomes.push((*cell, outcome));
    }
    write(engine, recorded, &outcomes);
    let failed: Vec<_> = outcomes
        .iter()
        .filter_map(|(cell, outcome)| {
            let outcome = outcome.as_ref()?;
            Some(format!("{}, {}: {outcome}", cell.workload.name, cell.column()))
        })
        .collect();
    let of = format!("{}, recorded {}", engine.runtime(), recorded.name());
    assert!(failed.is_empty(), "{of}: {} of {}:\n{}", failed.len(), cells.len(), failed.join("\n"));
}

/// That of the container of that name. Files are called NAME-ID.json.
fn profile(folder: &Path, name: &str) -> Option<PathBuf> {
    let begin = format!("{name}-");
    let entries = fs::read_dir(folder).expect("ctrace made it").flatten().map(|entry| entry.path());
    let mut ours = entries.filter(|path| {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        file.starts_with(&begin) && file.ends_with(".json") && !file.ends_with(".evidence.json")
    });
    ours.next()
}

/// What is not as it was; None: all is.
fn differs(first: &Done, again: &Done) -> Option<String> {
    // What could not run at all has no code of a workload.
    let ran = first.code >= 0 && first.code < 64;
    let same = ran && first.code == again.code && first.stdout == again.stdout;
    (!same).then(|| format!("unlike when it was recorded\n{first:?}\n{again:?}"))
}

fn write(engine: &dyn Engine, recorded: Recorded, outcomes: &[(Cell, Option<String>)]) {
    let mut rows: BTreeMap<&str, BTreeMap<String, &str>> = BTreeMap::new();
    for (cell, outcome) in outcomes {
        let outcome = if outcome.is_none() { "ok" } else { "FAILED" };
        rows.entry(cell.workload.name).or_default().insert(cell.column(), outcome);
    }
    let result = json!({
        "runtime": engine.runtime(),
        "version": engine.version(),
        "recorded": recorded.name(),
        "rows": rows,
    });
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("matrix");
    fs::create_dir_all(&folder).expect("the target folder can be written to");
    let name = format!("{}-{}.json", engine.runtime(), recorded.name().replace([' ', '\''], "-"));
    fs::write(folder.join(name), result.to_string()).expect("a file can be written");
}

/// Docker's default profile in the form of the OCI, made by docker for a container that has no more
/// capabilities than usual.
pub fn dockers_default(folder: &Path) -> PathBuf {
    let docker = Docker::new();
    let container = Container::new(&docker).start(&Launch::new(&["pulse"]));
    let profile = docker.given_profile(&container.id());
    assert_eq!(profile["defaultAction"], "SCMP_ACT_ERRNO", "{profile}");
    let path = folder.join("docker.json");
    fs::write(&path, profile.to_string()).unwrap();
    path
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox, redis-server, gosu, /usr/bin/python3"]
fn runc() {
    hold(&Oci::runc(), Recorded::Unconfined, None, 0);
}

#[test]
#[ignore = "needs root, BTF, crun, gcc, busybox, redis-server, gosu, /usr/bin/python3"]
fn crun() {
    hold(&Oci::crun(), Recorded::Unconfined, None, 1);
}

#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox, redis-server, gosu, /usr/bin/python3"]
fn podman() {
    hold(&Podman::new(), Recorded::Unconfined, None, 2);
}

#[test]
#[ignore = "needs root, BTF, docker, dockerd, gcc, busybox, redis-server, gosu, /usr/bin/python3"]
fn docker() {
    hold(&Docker::new(), Recorded::Unconfined, None, 3);
}

#[test]
#[ignore = "needs root, BTF, runc, docker, dockerd, gcc, busybox, redis-server, gosu, /usr/bin/python3"]
fn runc_under_dockers_default() {
    let folder = tempfile::tempdir().unwrap();
    let default = dockers_default(folder.path());
    hold(&Oci::runc(), Recorded::UnderDockersDefault, Some(&default), 4);
}

#[test]
#[ignore = "needs root, BTF, crun, docker, dockerd, gcc, busybox, redis-server, gosu, /usr/bin/python3"]
fn crun_under_dockers_default() {
    let folder = tempfile::tempdir().unwrap();
    let default = dockers_default(folder.path());
    hold(&Oci::crun(), Recorded::UnderDockersDefault, Some(&default), 5);
}

#[test]
#[ignore = "needs root, BTF, podman, runc, docker, dockerd, gcc, busybox, redis-server, gosu, /usr/bin/python3"]
fn podman_under_dockers_default() {
    let folder = tempfile::tempdir().unwrap();
    let default = dockers_default(folder.path());
    hold(&Podman::new(), Recorded::UnderDockersDefault, Some(&default), 0);
}

#[test]
#[ignore = "needs root, BTF, docker, dockerd, gcc, busybox, redis-server, gosu, /usr/bin/python3"]
fn docker_under_its_default() {
    hold(&Docker::new(), Recorded::UnderDockersDefault, None, 1);
}
