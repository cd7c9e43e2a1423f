//! Everything that the state files below one root say of its containers.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::oci::OciIndex;
use super::record::{Extra, OciState, Record};
use super::runc::{CGROUP_V1, CONTROLLERS};
use super::state::{self, Root};
use super::users::Homes;
use super::{Runtime, containerd, docker, path, podman};

pub struct Files {
    root: Root,
    mounts: Vec<PathBuf>,
    oci: OciIndex,
    homes: Homes,
    /// By user; None: root's.
    engines: HashMap<Option<u32>, Engines>,
    containerd: containerd::Metadata,
}

/// What one user's engines keep in files of many containers.
#[derive(Default)]
struct Engines {
    docker: docker::Data,
    store: podman::Store,
}

impl Files {
    /// `mounts`: where runtimes may have seen cgroup v2, the likeliest first.
    pub fn new(root: Root, mounts: Vec<PathBuf>) -> Self {
        let (oci, homes) = (OciIndex::default(), Homes::default());
        let containerd = containerd::Metadata::default();
        Self { root, mounts, oci, homes, engines: HashMap::new(), containerd }
    }

    /// Takes notice of state files that came, changed or went. `users`: those whose own (rootless) stores
    /// count, besides root's; and so do those that have a directory in `/run/user`.
    pub fn refresh(&mut self, users: &BTreeSet<u32>) {
        self.oci.refresh(&self.root, &self.mounts, users);
    }

    /// In no order. What a user's says of others' containers is no more than his word.
    pub fn states(&self) -> impl Iterator<Item = &OciState> {
        self.oci.states()
    }

    /// The innermost container whose cgroup is at or above `cgroup`, with that cgroup.
    pub fn around(&self, cgroup: &str) -> Option<(&OciState, &str)> {
        let may_have = |user, own: &str| self.has(user, own, self.mounts.iter().cloned());
        innermost(self.states(), cgroup, OciState::own_cgroup, may_have)
    }

    /// As [`Self::around`], with a path from the root of a cgroup v1 hierarchy.
    pub fn around_v1(&self, cgroup: &str) -> Option<(&OciState, &str)> {
        let hierarchies = || CONTROLLERS.iter().map(|controller| Path::new(CGROUP_V1).join(controller));
        let may_have = |user, own: &str| self.has(user, own, hierarchies());
        innermost(self.states(), cgroup, OciState::own_cgroup_v1, may_have)
    }

    /// Whether a user may have containers in that cgroup: it is below his own slice, or was given to him.
    fn has(&self, user: u32, cgroup: &str, mut mounts: impl Iterator<Item = PathBuf>) -> bool {
        let relative = cgroup.trim_start_matches('/');
        path::is_within(cgroup, &format!("/user.slice/user-{user}.slice"))
            || mounts.any(|mount| self.root.owner(&mount.join(relative)) == Some(user))
    }

    pub fn by_id<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a OciState> {
        self.states().filter(move |state| state.id == id)
    }

    /// By the pid of its first process, as the runtime that wrote it counts pids. Root's files come before
    /// those of users, of whom anybody can claim any process.
    pub fn by_pid(&self, pid: u32) -> Option<&OciState> {
        self.states().filter(|state| state.pid == Some(pid)).min_by_key(|state| state.user)
    }

    /// What the engine's own files say of a container. `user`: whose store, None: root's. Only files that
    /// belong to that user are used.
    pub fn record(&mut self, runtime: Runtime, id: &str, user: Option<u32>) -> Option<Record> {
        let root = self.root.of(user);
        let home = match user {
            Some(user) => Some(self.homes.of(&self.root, user)?),
            None => None,
        };
        let home = home.as_deref();
        let Engines { docker, store } = self.engines.entry(user).or_default();
        let record = match runtime {
            Runtime::Docker => docker.read(&root, home, id),
            Runtime::Podman | Runtime::Crio => store.read(&root, home, runtime, id),
            Runtime::Containerd => {
                let bundle = is_file_name(id).then(|| containerd::find(&root, id)).flatten();
                let record = bundle.and_then(|bundle| {
                    let record = state::optional(containerd::read(&root, &bundle, id))?;
                    Some(self.containerd.complete(&root, &bundle, record))
                });
                // A pod's cgroup looks the same with docker.
                record.or_else(|| docker.read(&root, home, id))
            }
            Runtime::Lxc | Runtime::Nspawn => {
                let machine = self.by_id(id).find(|state| state.runtime == runtime && state.user == user)?;
                Some(Record { container: machine.container(), file: machine.file.clone() })
            }
            Runtime::Runc | Runtime::Crun | Runtime::Systemd | Runtime::Ctrace => None,
        };
        let mut record = record?.complete(self.extra(runtime, id, user));
        record.container.user = user;
        Some(record)
    }

    /// What its OCI runtime adds.
    fn extra(&self, runtime: Runtime, id: &str, user: Option<u32>) -> Extra {
        let state = self.by_id(id).find(|state| state.user == user && state.engine() == runtime);
        state.map_or_else(Extra::default, |OciState { pid, started_ns, .. }| Extra {
            pid: *pid,
            started_ns: *started_ns,
            ..Extra::default()
        })
    }
}

fn innermost<'a>(
    states: impl Iterator<Item = &'a OciState>,
    cgroup: &str,
    own: impl Fn(&'a OciState) -> Option<&'a str>,
    may_have: impl Fn(u32, &str) -> bool,
) -> Option<(&'a OciState, &'a str)> {
    let all = states.filter_map(|state| Some((state, own(state)?)));
    let around = all.filter(|(_, own)| path::is_within(cgroup, own));
    let allowed = around.filter(|(state, own)| state.user.is_none_or(|user| may_have(user, own)));
    // Of two that claim the same one, root's.
    allowed.max_by_key(|(state, own)| (own.len(), std::cmp::Reverse(state.user)))
}

fn is_file_name(id: &str) -> bool {
    !matches!(id, "" | "." | "..") && !id.contains(['/', '\0'])
}

#[cfg(test)]
mod tests;
