//! From a cgroup's path to its container, with everything that the path and the state files say.

use std::fmt;
use std::path::PathBuf;

use super::oci::OciIndex;
use super::record::{OciState, Record};
use super::{Container, Pod, Roots, Runtime, containerd, docker, path, podman, state};

/// How we know of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    StateFile(PathBuf),
    /// Its cgroup is named like one.
    CgroupPath,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StateFile(file) => file.display().fmt(f),
            Self::CgroupPath => f.write_str("cgroup path"),
        }
    }
}

/// The container that a cgroup is part of, before its name is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The container's own cgroup: at or above the one asked for.
    pub cgroup: String,
    runtime: Runtime,
    id: String,
    pod: Option<String>,
    parent: Option<String>,
    /// Whether the host's state files speak of this container. They do not when it runs inside another
    /// one, whose processes may name a cgroup as they like, also after a neighbour.
    ours: bool,
}

/// What could be found out of a container.
#[derive(Clone, Debug)]
pub struct Known {
    pub container: Container,
    pub evidence: Evidence,
    /// There is no more to find.
    pub complete: bool,
}

pub struct Lookup {
    roots: Roots,
    oci: OciIndex,
    store: podman::Store,
}

impl Lookup {
    pub fn new(roots: Roots) -> Self {
        Self { roots, oci: OciIndex::default(), store: podman::Store::default() }
    }

    /// Takes notice of state files that came, changed or went.
    pub fn refresh(&mut self) {
        self.oci.refresh(&self.roots.run, &self.roots.cgroup_mounts());
    }

    /// The innermost container that the cgroup at `path` is part of.
    pub fn place(&self, path: &str) -> Option<Place> {
        let chain = path::containers(path);
        let state = self.oci.around(path);
        let Some((named, outer)) = chain.split_last() else {
            return state.map(|(state, own)| self.place_by_state(state, own, None));
        };
        if let Some((state, own)) = state
            && own.len() > named.cgroup.len()
            && state.id != named.id
        {
            return Some(self.place_by_state(state, own, Some(named.id)));
        }
        let parent = outer.last().map(|outer| outer.id.to_owned());
        let parent = parent.or_else(|| self.parent(named.cgroup, named.id));
        let elsewhere = {
            let mut cgroups = self.oci.by_id(named.id).filter_map(|state| state.cgroup.as_deref()).peekable();
            cgroups.peek().is_some() && !cgroups.any(|own| path::is_within(own, named.cgroup))
        };
        Some(Place {
            cgroup: named.cgroup.to_owned(),
            runtime: named.runtime,
            id: named.id.to_owned(),
            pod: named.pod.clone(),
            ours: parent.is_none() && !elsewhere,
            parent,
        })
    }

    fn place_by_state(&self, state: &OciState, cgroup: &str, parent: Option<&str>) -> Place {
        Place {
            cgroup: cgroup.to_owned(),
            runtime: state.engine(),
            id: state.id.clone(),
            pod: None,
            parent: parent.map(str::to_owned).or_else(|| self.parent(cgroup, &state.id)),
            ours: true,
        }
    }

    /// The container around the one whose own cgroup is `cgroup`.
    fn parent(&self, cgroup: &str, id: &str) -> Option<String> {
        let (above, _) = cgroup.rsplit_once('/')?;
        self.oci.around(above).filter(|(state, _)| state.id != id).map(|(state, _)| state.id.clone())
    }

    pub fn known(&mut self, place: Place) -> Known {
        let Place { cgroup, runtime, id, pod, parent, ours } = place;
        let record = if ours { self.record(runtime, &id) } else { None };
        let state = self
            .oci
            .by_id(&id)
            .find(|state| ours && state.cgroup.as_deref().is_some_and(|own| path::is_within(own, &cgroup)));
        let record = record.or_else(|| {
            let bare = state.filter(|state| state.engine() == runtime && state.runtime == runtime)?;
            Some(Record { container: bare.container(), file: bare.file.clone() })
        });
        let found = record.is_some();
        let (mut container, evidence) = match (record, state) {
            (Some(record), _) => (record.container, Evidence::StateFile(record.file)),
            (None, Some(state)) => {
                (Container::unnamed(runtime, &id), Evidence::StateFile(state.file.clone()))
            }
            (None, None) => (Container::unnamed(runtime, &id), Evidence::CgroupPath),
        };
        // The OCI runtime's is the one of this very cgroup; an engine's may be left from before a restart.
        let pid = state.and_then(|state| state.pid);
        container.pid = pid.or(container.pid);
        container.parent = parent;
        if let Some(uid) = pod {
            container.pod.get_or_insert_with(Pod::default).uid.get_or_insert(uid);
        }
        let complete = !ours || found && pid.is_some();
        Known { container, evidence, complete }
    }

    /// What the engine's own files say.
    fn record(&mut self, runtime: Runtime, id: &str) -> Option<Record> {
        let Roots { run, var_lib, .. } = &self.roots;
        let docker = || path::is_id(id).then(|| state::optional(docker::read(var_lib, id))).flatten();
        match runtime {
            Runtime::Docker => docker(),
            Runtime::Podman | Runtime::Crio => {
                self.store.read(var_lib, run, runtime, id).filter(|_| path::is_id(id))
            }
            Runtime::Containerd => {
                let bundle = is_file_name(id).then(|| containerd::find(run, id)).flatten();
                match bundle {
                    Some(bundle) => state::optional(containerd::read(&bundle, id)),
                    // A pod's cgroup looks the same with docker.
                    None => docker(),
                }
            }
            Runtime::Runc
            | Runtime::Crun
            | Runtime::Lxc
            | Runtime::Nspawn
            | Runtime::Systemd
            | Runtime::Ctrace => None,
        }
    }
}

fn is_file_name(id: &str) -> bool {
    !matches!(id, "" | "." | "..") && !id.contains(['/', '\0'])
}

#[cfg(test)]
mod tests;
