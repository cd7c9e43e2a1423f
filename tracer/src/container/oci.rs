//! The states that OCI runtimes keep, runc and crun, whoever started them: which container is in which
//! cgroup, and who stands behind it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::record::OciState;
use super::state::{self, Stamp};
use super::{crun, path, runc};

/// Root directories of runtimes below `/run`; a `*` at the end of a component stands for anything.
const ROOTS: [&str; 4] = ["runc*", "crun*", "docker/runtime-*/*", "containerd/runc/*"];

/// All states, read anew when their files change.
#[derive(Default)]
pub struct OciIndex {
    states: HashMap<PathBuf, (Stamp, Option<OciState>)>,
}

impl OciIndex {
    /// `mounts`: see [`runc::read`].
    pub fn refresh(&mut self, run: &Path, mounts: &[PathBuf]) {
        let before = std::mem::take(&mut self.states);
        let roots = ROOTS.iter().flat_map(|root| expand(run, root));
        let files = roots.flat_map(|root| state::names(&root)).filter_map(|dir| {
            let files = [runc::FILE, crun::FILE, crun::SPEC].map(|name| dir.join(name));
            files.into_iter().find_map(|file| Some((Stamp::of(&file)?, file)))
        });
        for (stamp, file) in files.take(state::DIR_MAX) {
            let known = before.get(&file).filter(|(of, _)| *of == stamp).cloned();
            let entry = known.unwrap_or_else(|| (stamp, state::optional(read(&file, mounts))));
            self.states.insert(file, entry);
        }
    }

    fn states(&self) -> impl Iterator<Item = &OciState> {
        self.states.values().filter_map(|(_, state)| state.as_ref())
    }

    /// The innermost container whose cgroup is at or above `cgroup`, with that cgroup.
    pub fn around(&self, cgroup: &str) -> Option<(&OciState, &str)> {
        let all = self.states().filter_map(|state| Some((state, state.own_cgroup()?)));
        all.filter(|(_, own)| path::is_within(cgroup, own)).max_by_key(|(_, own)| own.len())
    }

    pub fn by_id(&self, id: &str) -> impl Iterator<Item = &OciState> {
        self.states().filter(move |state| state.id == id)
    }
}

fn read(file: &Path, mounts: &[PathBuf]) -> Result<OciState, state::StateError> {
    if file.ends_with(runc::FILE) { runc::read(file, mounts) } else { crun::read(file) }
}

fn expand(run: &Path, pattern: &str) -> Vec<PathBuf> {
    pattern.split('/').fold(vec![run.to_owned()], |dirs, component| match component.strip_suffix('*') {
        None => dirs.into_iter().map(|dir| dir.join(component)).collect(),
        Some(head) => {
            let names = dirs.iter().flat_map(|dir| state::names(dir));
            names
                .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(head)))
                .collect()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::Runtime;
    use super::super::testing::{put, runc_state};
    use super::*;

    fn state(bundle: &str, manager: Option<&str>) -> OciState {
        OciState {
            id: "x".to_owned(),
            runtime: Runtime::Runc,
            pid: None,
            cgroup: None,
            bundle: bundle.to_owned(),
            annotations: manager
                .map(|m| ("io.container.manager".to_owned(), m.to_owned()))
                .into_iter()
                .collect(),
            file: PathBuf::new(),
        }
    }

    #[test]
    fn the_bundle_tells_the_engine() {
        for (bundle, manager, engine) in [
            ("/run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby/x", None, Runtime::Docker),
            ("/run/containerd/io.containerd.runtime.v2.task/default/x", None, Runtime::Containerd),
            ("/var/lib/containers/storage/overlay-containers/x/userdata", Some("libpod"), Runtime::Podman),
            ("/run/containers/storage/overlay-containers/x/userdata", Some("cri-o"), Runtime::Crio),
            ("/srv/web", Some("libpod"), Runtime::Runc),
            ("/srv/moby/x", None, Runtime::Runc),
            ("", None, Runtime::Runc),
            ("/", None, Runtime::Runc),
        ] {
            assert_eq!(state(bundle, manager).engine(), engine, "{bundle}");
        }
    }

    #[test]
    fn every_root_is_searched_and_the_innermost_cgroup_wins() {
        let run = tempfile::tempdir().unwrap();
        put(run.path(), "runc/outer/state.json", &runc_state("outer", 1, "/a"));
        put(run.path(), "runc-user/inner/state.json", &runc_state("inner", 2, "/a/b"));
        put(run.path(), "crun/c/status", r#"{"pid":3,"cgroup-path":"/c"}"#);
        put(run.path(), "docker/runtime-runc/moby/d/state.json", &runc_state("d", 4, "/d"));
        put(run.path(), "containerd/runc/default/e/state.json", &runc_state("e", 5, "/e"));
        put(run.path(), "elsewhere/f/state.json", &runc_state("f", 6, "/f"));
        let mut index = OciIndex::default();
        put(run.path(), "crun/soon/config.json", "{}");
        put(run.path(), "crun/c/config.json", r#"{"linux":{"cgroupsPath":"/status/goes/first"}}"#);
        index.refresh(run.path(), &["/sys/fs/cgroup".into()]);
        for (cgroup, expected) in [
            ("/soon", Some("soon")),
            ("/status/goes/first", None),
            ("/a", Some("outer")),
            ("/a/x", Some("outer")),
            ("/a/b/c", Some("inner")),
            ("/ab", None),
            ("/c", Some("c")),
            ("/d", Some("d")),
            ("/e/sub", Some("e")),
            ("/f", None),
            ("/", None),
        ] {
            assert_eq!(index.around(cgroup).map(|(state, _)| state.id.as_str()), expected, "{cgroup}");
        }
    }

    #[test]
    fn a_changed_state_is_read_anew_and_a_removed_one_forgotten() {
        let run = tempfile::tempdir().unwrap();
        let mut index = OciIndex::default();
        let mut pid = || {
            index.refresh(run.path(), &["/sys/fs/cgroup".into()]);
            index.by_id("a").next().map(|state| state.pid)
        };
        assert_eq!(pid(), None);
        put(run.path(), "runc/a/state.json", r#"{"id":"a","#);
        assert_eq!(pid(), None);
        put(run.path(), "runc/a/state.json", &runc_state("a", 7, "/a"));
        assert_eq!(pid(), Some(Some(7)));
        std::fs::remove_file(run.path().join("runc/a/state.json")).unwrap();
        assert_eq!(pid(), None);
    }

    #[test]
    fn a_cgroup_that_tells_nothing_is_none() {
        for cgroup in ["", "/", "relative", "/a/../b", "//", "/a/"] {
            let state = OciState { cgroup: Some(cgroup.to_owned()), ..state("", None) };
            assert_eq!(state.own_cgroup(), None, "{cgroup}");
        }
    }
}
