//! The states that runtimes keep, whoever started them: which container is in which cgroup and has which
//! process, and who stands behind it.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::record::OciState;
use super::state::{self, Root, Stamp, StateError};
use super::{crun, machined, runc, users};

/// Root directories of OCI runtimes in a run-time directory; a `*` at the end of a component stands for
/// anything.
const ROOTS: [&str; 4] = ["runc*", "crun*", "docker/runtime-*/*", "containerd/runc/*"];

/// All states, read anew when their files change.
#[derive(Default)]
pub struct OciIndex {
    states: HashMap<PathBuf, (Stamp, Option<OciState>)>,
}

impl OciIndex {
    /// `mounts`: see [`runc::read`]; `users`: see [`users::run_dirs`].
    pub fn refresh(&mut self, root: &Root, mounts: &[PathBuf], users: &BTreeSet<u32>) {
        let mut before = std::mem::take(&mut self.states);
        for StateFile { path, stamp, user } in state_files(root, users).take(state::DIR_MAX) {
            let known = before.remove(&path).filter(|(of, _)| *of == stamp);
            let read = || (stamp, state::optional(read(&root.of(user), &path, mounts)));
            let entry = known.unwrap_or_else(read);
            self.states.insert(path, entry);
        }
    }

    pub fn states(&self) -> impl Iterator<Item = &OciState> {
        self.states.values().filter_map(|(_, state)| state.as_ref())
    }
}

struct StateFile {
    path: PathBuf,
    stamp: Stamp,
    /// Below whose run-time directory it lies.
    user: Option<u32>,
}

fn state_files(root: &Root, users: &BTreeSet<u32>) -> impl Iterator<Item = StateFile> {
    let users = users::run_dirs(root, users).into_iter().map(|(user, dir)| (dir, Some(user)));
    // Where root has not all its rights, in a container say, its runtimes take it for an ordinary user.
    let roots = ["/run", "/run/user/0"].map(|dir| (PathBuf::from(dir), None));
    let runs = roots.into_iter().chain(users);
    let dirs = runs.flat_map(move |(run, user)| {
        let roots = ROOTS.iter().flat_map(move |pattern| expand(root, &run, pattern));
        roots.flat_map(|dir| root.names(&dir)).map(move |dir| (dir, user))
    });
    let state_file =
        move |path: PathBuf, user| root.stamp(&path).map(|stamp| StateFile { path, stamp, user });
    let containers = dirs.filter_map(move |(dir, user)| {
        [runc::FILE, crun::FILE, crun::SPEC].iter().find_map(|name| state_file(dir.join(name), user))
    });
    let machines = root.names(Path::new(machined::DIR)).into_iter().filter(|file| machined::is_machine(file));
    containers.chain(machines.filter_map(move |path| state_file(path, None)))
}

fn read(root: &Root, file: &Path, mounts: &[PathBuf]) -> Result<OciState, StateError> {
    if file.parent() == Some(Path::new(machined::DIR)) {
        machined::read(root, file)
    } else if file.ends_with(runc::FILE) {
        runc::read(root, file, mounts)
    } else {
        crun::read(root, file)
    }
}

fn expand(root: &Root, run: &Path, pattern: &str) -> Vec<PathBuf> {
    pattern.split('/').fold(vec![run.to_owned()], |dirs, component| match component.strip_suffix('*') {
        None => dirs.into_iter().map(|dir| dir.join(component)).collect(),
        Some(head) => {
            let names = dirs.iter().flat_map(|dir| root.names(dir));
            names
                .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(head)))
                .collect()
        }
    })
}
