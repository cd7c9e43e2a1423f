//! The containers that there are at one moment.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::cgroupfs::{self, Walk};
use super::lookup::{Evidence, Known, Lookup, Unit};
use super::process::Paths;
use super::{Container, Roots, process};

/// A container that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub container: Arc<Container>,
    /// Of the cgroup that it has to itself, or that it shares, from the root of the hierarchy; lossy where
    /// it is not UTF-8.
    pub cgroup_path: String,
    pub cgroup_id: Option<u64>,
    /// Of that hierarchy: 1 or 2.
    pub cgroup_version: u8,
    /// Inode numbers of the namespaces of `pid`.
    pub pid_ns: Option<u32>,
    pub mnt_ns: Option<u32>,
    /// Its first process, or some other one. None: it has none, or we may not see it.
    pub pid: Option<u32>,
    pub activity: Activity,
    /// How we know of it.
    pub source: Evidence,
}

/// How long a container may take to show the state files in it.
const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Without a process, or before its program runs.
    Created,
    Running,
    Paused,
}

impl Activity {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
        }
    }
}

/// All containers: those that have a cgroup, and those that have but a pid namespace.
pub fn take(lookup: &mut Lookup, roots: &Roots) -> Vec<Found> {
    lookup.refresh();
    // There is no second try.
    let patience = std::mem::replace(&mut lookup.patience, PATIENCE);
    let mut found: HashMap<String, (Found, Vec<u32>)> = HashMap::new();
    let mut take = |lookup: &mut Lookup, unit: &Unit, pids: Vec<u32>| {
        let Some(known) = lookup.find(unit) else { return };
        let (_, all) =
            found.entry(known.own.clone()).or_insert_with(|| (place(known, unit, roots), Vec::new()));
        all.extend(pids);
    };
    for pid in process::all(&roots.proc) {
        if let Some(unit) = lookup.unit(pid) {
            take(lookup, &unit, vec![pid]);
        }
    }
    let v2 = roots.cgroup2.iter().map(|mount| (2, mount));
    let v1 = roots.cgroup1.iter().map(|v1| (1, &v1.mount));
    for (version, mount) in v2.chain(v1) {
        for cgroup in Walk::new(mount) {
            let path = Some(cgroup.path);
            let paths =
                if version == 2 { Paths { v2: path, v1: None } } else { Paths { v2: None, v1: path } };
            let unit = Unit { paths, ..Unit::default() };
            take(lookup, &unit, cgroupfs::processes(&cgroup.dir));
        }
    }
    lookup.patience = patience;
    let mut all: Vec<_> =
        found.into_values().map(|(found, pids)| with_process(found, &pids, roots)).collect();
    all.sort_by(|a, b| (&a.cgroup_path, &a.container.id).cmp(&(&b.cgroup_path, &b.container.id)));
    all
}

/// A container's own cgroup comes before those in it.
fn place(known: Known, unit: &Unit, roots: &Roots) -> Found {
    let Known { container, evidence, own, .. } = known;
    let v2 = || Some((2, unit.paths.v2.clone()?, roots.cgroup2.as_deref()?));
    let v1 = || Some((1, unit.paths.v1.clone()?, roots.cgroup1.as_ref().map(|v1| v1.mount.as_path())?));
    let is_own = |(_, path, _): &(u8, String, &Path)| super::path::is_within(path, &own);
    let at = v2()
        .filter(is_own)
        .or_else(|| v1().filter(is_own))
        .map(|(version, _, mount)| (version, own.clone(), mount));
    let (cgroup_version, cgroup_path, mount) =
        at.or_else(v2).or_else(v1).unwrap_or((2, "/".to_owned(), Path::new("/")));
    let frozen = is_frozen(mount, &cgroup_path, cgroup_version, roots);
    Found {
        container: Arc::new(container),
        cgroup_id: cgroupfs::id_at(mount, &cgroup_path),
        cgroup_path,
        cgroup_version,
        pid_ns: None,
        mnt_ns: None,
        pid: None,
        activity: if frozen { Activity::Paused } else { Activity::Running },
        source: evidence,
    }
}

/// By the freezer of either version.
fn is_frozen(mount: &Path, path: &str, version: u8, roots: &Roots) -> bool {
    let relative = path.trim_start_matches('/');
    let holds = |file: PathBuf, wanted: &str| {
        std::fs::read_to_string(file).is_ok_and(|text| text.lines().any(|line| line == wanted))
    };
    if version == 2 && holds(mount.join(relative).join("cgroup.events"), "frozen 1") {
        return true;
    }
    let freezer = roots.cgroup1.as_ref().and_then(|v1| v1.mount.parent()).map(|all| all.join("freezer"));
    freezer.is_some_and(|freezer| holds(freezer.join(relative).join("freezer.state"), "FROZEN"))
}

/// runc and crun keep a FIFO beside the state until they are told to start.
fn is_to_start(source: &Evidence) -> bool {
    matches!(source, Evidence::StateFile(file) if file.with_file_name("exec.fifo").exists())
}

fn with_process(found: Found, pids: &[u32], roots: &Roots) -> Found {
    let first = found.container.pid.filter(|first| pids.contains(first));
    let pid = first.or_else(|| pids.iter().min().copied());
    let namespace = |kind| pid.and_then(|pid| process::namespace(&roots.proc, pid, kind));
    let activity =
        if pid.is_none() || is_to_start(&found.source) { Activity::Created } else { found.activity };
    Found { pid, pid_ns: namespace("pid"), mnt_ns: namespace("mnt"), activity, ..found }
}
