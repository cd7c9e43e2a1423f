//! From where a process is to its container, with everything that cgroup paths, namespaces and state
//! files say.
//!
//! ```text
//!  cgroup v2 path ─┐                              ┌─ state files of the host
//!  cgroup v1 path ─┼─▶ which container, and whose ┼─ state files inside the container around it
//!  pid namespace  ─┘                              └─ command lines (systemd-nspawn)
//! ```

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::files::Files;
use super::inside::{self, Answer, Inside, Question};
use super::process::{Namespace, Paths};
use super::record::{OciState, Record};
use super::state::{Root, StateError};
use super::{Container, Pod, Roots, Runtime, nspawn, path, process};

/// How we know of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    StateFile(PathBuf),
    /// Its cgroup is named like one.
    CgroupPath,
    /// The command line of the program that started it.
    CommandLine,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StateFile(file) => file.display().fmt(f),
            Self::CgroupPath => f.write_str("cgroup path"),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}

/// Where a process is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    pub paths: Paths,
    /// None: the host's.
    pub ns: Option<Namespace>,
    /// Who made its user namespace, if that is not root.
    pub user: Option<u32>,
}

/// What could be found out of a container.
#[derive(Clone, Debug)]
pub struct Known {
    pub container: Container,
    pub evidence: Evidence,
    /// What is its own and nobody else's: a cgroup's path, or a namespace.
    pub own: String,
    /// The process is in a pid namespace inside the container's, as far as we know.
    pub inside: bool,
    /// There is no more to find.
    pub complete: bool,
}

/// The container that a process is in, before its name is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    /// The container's own cgroup, at or above the process's. None: it has none, and its pid namespace tells.
    cgroup: Option<String>,
    runtime: Runtime,
    id: String,
    pod: Option<String>,
    parent: Option<String>,
    /// How many containers the path goes through.
    depth: usize,
    /// Whether our state files speak of this container. They do not when it runs inside another one,
    /// whose processes may name a cgroup as they like, also after a neighbour.
    ours: bool,
    user: Option<u32>,
}

/// Deeper nesting than anybody runs: it bounds the work on a hostile tree of processes.
const NESTING_MAX: usize = 8;

/// Users whose stores are looked at.
const USERS_MAX: usize = 256;

pub struct Lookup {
    roots: Roots,
    /// What turns `CLOCK_BOOTTIME` into ns since 1970.
    boot_offset_ns: i64,
    host: Files,
    inside: Inside<Known>,
    /// How long one look-up may wait for these.
    pub patience: Duration,
    users: BTreeSet<u32>,
}

#[derive(Clone, Copy)]
enum Hierarchy {
    V1,
    V2,
}

impl Lookup {
    /// `boot_offset_ns`: see [`crate::clock::boot_offset_ns`].
    pub fn new(roots: Roots, boot_offset_ns: i64) -> Result<Self, StateError> {
        let host = Files::new(Root::new(&roots.root)?, roots.cgroup_mounts());
        let inside = Inside::new(roots.proc.clone(), roots.cgroup_mounts());
        Ok(Self { roots, boot_offset_ns, host, inside, patience: inside::PATIENCE, users: BTreeSet::new() })
    }

    /// Takes notice of state files that came, changed or went.
    pub fn refresh(&mut self) {
        self.host.refresh(&self.users);
    }

    /// The innermost container that a process there is in.
    pub fn find(&mut self, unit: &Unit) -> Option<Known> {
        self.find_at(unit, 0)
    }

    fn find_at(&mut self, unit: &Unit, depth: usize) -> Option<Known> {
        if let Some(user) = unit.user
            && self.users.len() < USERS_MAX
            && self.users.insert(user)
        {
            self.host.refresh(&self.users);
        }
        let around = unit.ns.and_then(|ns| ns.around).filter(|_| depth < NESTING_MAX);
        let outer = around.and_then(|init| self.find_at(&self.unit(init)?, depth + 1));
        let known = match (unit.ns, outer) {
            (Some(ns), Some(outer)) => self.inner(unit, ns, outer),
            (ns, _) => self.outermost(unit, ns),
        };
        let mut known = known.or_else(|| service(unit).filter(|_| unit.ns.is_none()))?;
        if let Some(ns) = unit.ns
            && known.container.started_ns.is_none()
            && known.container.pid == Some(ns.init)
        {
            let started = i64::try_from(ns.started_ns).unwrap_or(i64::MAX);
            known.container.started_ns = Some(started.saturating_add(self.boot_offset_ns));
        }
        Some(known)
    }

    /// Where the first process of a pid namespace is.
    pub fn unit(&self, init: u32) -> Option<Unit> {
        let Roots { proc, .. } = &self.roots;
        let paths = process::paths(proc, init, self.roots.controller())?;
        Some(Unit { paths, ns: Some(process::begun(proc, init)?), user: process::user(proc, init) })
    }

    /// In a container that runs on the host itself.
    fn outermost(&mut self, unit: &Unit, ns: Option<Namespace>) -> Option<Known> {
        let by_path = by_path(&self.host, &unit.paths);
        let by_pid = ns.and_then(|ns| self.host.by_pid(ns.init));
        // A state that is left over may have the pid of somebody else by now: who has a cgroup must be in it.
        let by_pid = by_pid.filter(|state| match state.user {
            // A user may claim any process, and runc a cgroup that it could not make.
            Some(user) => unit.user == Some(user),
            None => state.own_cgroup().is_none_or(|own| {
                let paths = [&unit.paths.v2, &unit.paths.v1];
                paths.into_iter().flatten().any(|path| path::is_within(path, own))
            }),
        });
        let shared = by_pid.filter(|state| by_path.as_ref().is_none_or(|place| place.id != state.id));
        let shared = shared.map(|state| by_namespace(state, by_path.as_ref().map(|place| place.id.clone())));
        if let Some(place) = shared.or(by_path) {
            return Some(known(&mut self.host, place, ns));
        }
        let ns = ns?;
        let container = nspawn::find(&self.roots.proc, ns.init)?;
        let own = ns_name(ns);
        Some(Known { container, evidence: Evidence::CommandLine, own, inside: false, complete: true })
    }

    /// In a container inside another one, or just in a pid namespace that a program there has made.
    fn inner(&mut self, unit: &Unit, ns: Namespace, outer: Known) -> Option<Known> {
        let by_path = by_path(&self.host, &unit.paths).filter(|place| place.id != outer.container.id);
        let parent = outer.container.id.clone();
        let read = move |files: &mut Files| named_inside(files, ns, by_path, parent);
        // The runtime's, as it sees them, or the container's around it.
        let starter = process::parent(&self.roots.proc, ns.init).or(ns.around)?;
        match self
            .inside
            .ask(Question { pid: starter, about: ns.started_ns, read: Box::new(read) }, self.patience)
        {
            Answer::Known(Some(known)) => Some(known),
            // Its state may be still to be written.
            Answer::Known(None) | Answer::Later => Some(Known { inside: true, complete: false, ..outer }),
        }
    }
}

/// The container inside one whose state files these are.
fn named_inside(files: &mut Files, ns: Namespace, by_path: Option<Place>, parent: String) -> Option<Known> {
    let by_pid = files.by_pid(ns.init_outer).map(|state| by_namespace(state, None));
    let by_path = by_path.filter(|_| by_pid.as_ref().is_none_or(|state| is_engines(state.runtime)));
    let place = Place { parent: Some(parent), ours: true, ..by_path.or(by_pid)? };
    let mut known = known(files, place, Some(ns));
    known.complete = matches!(known.evidence, Evidence::StateFile(_));
    // Pids in there are of no use here.
    known.container.pid = Some(ns.init);
    Some(known)
}

/// The service of systemd that a process belongs to: no container, but the next best thing.
pub fn service(unit: &Unit) -> Option<Known> {
    let paths = [&unit.paths.v2, &unit.paths.v1];
    let service = paths.into_iter().flatten().find_map(|path| path::service(path))?;
    let container = Container {
        name: Some(service.name.to_owned()),
        ..Container::unnamed(Runtime::Systemd, service.name)
    };
    let own = service.cgroup.to_owned();
    Some(Known { container, evidence: Evidence::CgroupPath, own, inside: false, complete: true })
}

/// Whether engines put containers of that runtime below a cgroup of their own.
fn is_engines(runtime: Runtime) -> bool {
    !matches!(runtime, Runtime::Runc | Runtime::Crun)
}

fn ns_name(ns: Namespace) -> String {
    format!("pid:[{}] {}", ns.inum, ns.started_ns)
}

/// By the hierarchy that tells more.
fn by_path(files: &Files, paths: &Paths) -> Option<Place> {
    let v2 = paths.v2.as_deref().and_then(|path| place(files, path, Hierarchy::V2));
    let v1 = paths.v1.as_deref().and_then(|path| place(files, path, Hierarchy::V1));
    match (v2, v1) {
        (Some(v2), Some(v1)) => Some(if v1.depth > v2.depth { v1 } else { v2 }),
        (v2, v1) => v2.or(v1),
    }
}

/// A container that has nothing but its namespaces.
fn by_namespace(state: &OciState, parent: Option<String>) -> Place {
    Place {
        cgroup: None,
        runtime: state.engine(),
        id: state.id.clone(),
        pod: None,
        parent,
        depth: 0,
        ours: true,
        user: state.user,
    }
}

/// The innermost container that the cgroup at `path` is part of.
fn place(files: &Files, path: &str, hierarchy: Hierarchy) -> Option<Place> {
    let around = |path: &str| match hierarchy {
        Hierarchy::V1 => files.around_v1(path),
        Hierarchy::V2 => files.around(path),
    };
    // The container around the one whose own cgroup is `cgroup`.
    let parent = |cgroup: &str, id: &str| {
        let (above, _) = cgroup.rsplit_once('/')?;
        around(above).filter(|(state, _)| state.id != id).map(|(state, _)| state.id.clone())
    };
    let by_state = |state: &OciState, own: &str, outer: Option<&str>, depth| Place {
        cgroup: Some(own.to_owned()),
        runtime: state.engine(),
        id: state.id.clone(),
        pod: None,
        parent: outer.map(str::to_owned).or_else(|| parent(own, &state.id)),
        depth,
        ours: true,
        user: state.user,
    };
    let chain = path::containers(path);
    let state = around(path);
    let Some((named, outer)) = chain.split_last() else {
        return state.map(|(state, own)| by_state(state, own, None, 1));
    };
    if let Some((state, own)) = state
        && own.len() > named.cgroup.len()
        && state.id != named.id
    {
        return Some(by_state(state, own, Some(&named.id), chain.len() + 1));
    }
    let parent =
        outer.last().map(|outer| outer.id.clone().into_owned()).or_else(|| parent(named.cgroup, &named.id));
    let elsewhere = {
        let mut cgroups = files.by_id(&named.id).filter_map(OciState::own_cgroup).peekable();
        cgroups.peek().is_some() && !cgroups.any(|own| path::is_within(own, named.cgroup))
    };
    Some(Place {
        cgroup: Some(named.cgroup.to_owned()),
        runtime: named.runtime,
        id: named.id.clone().into_owned(),
        pod: named.pod.clone(),
        depth: chain.len(),
        ours: parent.is_none() && !elsewhere,
        parent,
        user: None,
    })
}

fn known(files: &mut Files, place: Place, ns: Option<Namespace>) -> Known {
    let Place { cgroup, runtime, id, pod, parent, depth: _, ours, user } = place;
    let record = if ours { files.record(runtime, &id, user) } else { None };
    let is_it = |state: &&OciState| match (&cgroup, state.own_cgroup()) {
        (Some(cgroup), Some(own)) => path::is_within(own, cgroup) || path::is_within(cgroup, own),
        _ => true,
    };
    let state = files.by_id(&id).filter(|_| ours).find(is_it).cloned();
    let record = record.or_else(|| {
        let bare = state.as_ref().filter(|state| state.engine() == runtime && state.runtime == runtime)?;
        Some(Record { container: bare.container(), file: bare.file.clone() })
    });
    // LXC keeps nothing; the cgroup tells it all.
    let stateless = matches!(runtime, Runtime::Lxc | Runtime::Nspawn);
    let found = record.is_some() || stateless;
    let (mut container, evidence) = match (record, &state) {
        (Some(record), _) => (record.container, Evidence::StateFile(record.file)),
        (None, Some(state)) => (Container::unnamed(runtime, &id), Evidence::StateFile(state.file.clone())),
        (None, None) => (Container::unnamed(runtime, &id), Evidence::CgroupPath),
    };
    if stateless {
        container.pid = container.pid.or(ns.map(|ns| ns.init));
    }
    // The OCI runtime's is the one of this very cgroup; an engine's may be left from before a restart.
    let pid = state.as_ref().and_then(|state| state.pid);
    container.pid = pid.or(container.pid);
    container.parent = parent;
    container.started_ns = container.started_ns.or(state.as_ref().and_then(|state| state.started_ns));
    container.user = container.user.or(user).filter(|user| *user != 0);
    if let Some(uid) = pod {
        container.pod.get_or_insert_with(Pod::default).uid.get_or_insert(uid);
    }
    let complete = !ours || found && (pid.is_some() || stateless && container.pid.is_some());
    let own = match (cgroup, ns) {
        (Some(cgroup), _) => cgroup,
        (None, Some(ns)) => ns_name(ns),
        (None, None) => id,
    };
    Known { container, evidence, own, inside: false, complete }
}

#[cfg(test)]
mod tests;
