//! runc: `ID/state.json` in its root directory.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Runtime;
use super::record::OciState;
use super::state::{self, Root, StateError};

pub const FILE: &str = "state.json";

/// Whose cgroup v1 hierarchy tells a container, the likeliest first. Each is mounted at its name below
/// [`CGROUP_V1`].
pub const CONTROLLERS: [&str; 5] = ["pids", "devices", "freezer", "memory", "cpu"];

pub const CGROUP_V1: &str = "/sys/fs/cgroup";

#[derive(Deserialize)]
struct State {
    id: String,
    init_process_pid: Option<u32>,
    created: Option<String>,
    /// By controller; cgroup v2 is `""`. Paths of the file system.
    #[serde(default)]
    cgroup_paths: HashMap<String, PathBuf>,
    config: Config,
}

#[derive(Deserialize)]
struct Config {
    /// `key=value`: the annotations, then `bundle=DIR`.
    labels: Option<Vec<String>>,
}

/// `mounts` are the places where runc may have seen cgroup v2, the likeliest first.
pub fn read(root: &Root, file: &Path, mounts: &[PathBuf]) -> Result<OciState, StateError> {
    let State { id, init_process_pid, created, cgroup_paths, config } = root.json(file)?;
    let labels = config.labels.into_iter().flatten();
    let mut annotations: Vec<_> =
        labels.filter_map(|label| label.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()))).collect();
    // The last one is runc's own; an annotation may have the same name.
    let bundle = annotations.iter().rposition(|(key, _)| key == "bundle").map(|at| annotations.remove(at).1);
    annotations.sort();
    let cgroup = cgroup_paths.get("").and_then(|path| below(path, mounts));
    Ok(OciState {
        id,
        runtime: Runtime::Runc,
        pid: init_process_pid.filter(|pid| *pid != 0),
        cgroup_v1: CONTROLLERS
            .iter()
            .find_map(|controller| in_v1(cgroup_paths.get(*controller)?))
            .filter(|v1| cgroup.as_ref() != Some(v1)),
        cgroup,
        bundle: bundle.unwrap_or_default(),
        annotations,
        user: root.user(),
        started_ns: created.as_deref().and_then(state::time_ns),
        file: root.shown(file),
    })
}

fn below(path: &Path, mounts: &[PathBuf]) -> Option<String> {
    let relative = mounts.iter().find_map(|mount| path.strip_prefix(mount).ok())?;
    Some(format!("/{}", relative.to_string_lossy()))
}

/// Without the mount point: `cpu` and `cpu,cpuacct` are both found.
fn in_v1(path: &Path) -> Option<String> {
    let mut components = path.strip_prefix(CGROUP_V1).ok()?.components();
    components.next()?;
    Some(format!("/{}", components.as_path().to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fixture, put};
    use super::*;

    fn read_json(json: &str) -> Option<OciState> {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), FILE, json);
        let mounts = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map(PathBuf::from);
        state::optional(read(&Root::new(dir.path()).unwrap(), &Path::new("/").join(FILE), &mounts))
    }

    #[test]
    fn a_state_has_pid_cgroup_start_annotations_and_bundle() {
        let state = read_json(&fixture("runc-state.json")).unwrap();
        assert_eq!((state.id.as_str(), state.pid), ("web", Some(21197)));
        assert_eq!((state.cgroup.as_deref(), state.cgroup_v1), (Some("/shop/web"), None));
        assert_eq!(state.started_ns, Some(1_795_465_984_805_818_026));
        assert_eq!(state.bundle, "/srv/web");
        assert_eq!(state.annotations, [("org.example.tier".to_owned(), "front".to_owned())]);
    }

    #[test]
    fn where_it_has_no_cgroup_v2_that_of_v1_is_kept() {
        for (paths, v2, v1) in [
            (r#""pids":"/sys/fs/cgroup/pids/web","cpu":"/sys/fs/cgroup/cpu/x""#, None, Some("/web")),
            (r#""cpu":"/sys/fs/cgroup/cpu,cpuacct/web","rdma":"/sys/fs/cgroup/rdma/x""#, None, Some("/web")),
            (r#""":"/sys/fs/cgroup/unified/","pids":"/sys/fs/cgroup/pids/web""#, Some("/"), Some("/web")),
            (
                r#""":"/sys/fs/cgroup/unified/web","pids":"/sys/fs/cgroup/pids/a/web""#,
                Some("/web"),
                Some("/a/web"),
            ),
            (r#""pids":"/sys/fs/cgroup","cpu":"/elsewhere/web""#, None, None),
        ] {
            let state =
                read_json(&format!(r#"{{"id":"x","cgroup_paths":{{{paths}}},"config":{{}}}}"#)).unwrap();
            assert_eq!((state.cgroup.as_deref(), state.cgroup_v1.as_deref()), (v2, v1), "{paths}");
        }
    }

    #[test]
    fn an_annotation_cannot_pass_for_the_bundle() {
        let labels = r#"{"id":"x","config":{"labels":["bundle=/forged","no equals sign","bundle=/real"]}}"#;
        let state = read_json(labels).unwrap();
        assert_eq!((state.bundle.as_str(), state.cgroup, state.pid), ("/real", None, None));
    }

    #[test]
    fn a_cgroup_outside_of_v2_is_none() {
        let state = read_json(r#"{"id":"x","cgroup_paths":{"":"/elsewhere/x"},"config":{"labels":null}}"#);
        assert_eq!(state.unwrap().cgroup, None);
    }

    #[test]
    fn wrong_types_are_no_state() {
        for json in
            [r#"{"id":1,"config":{}}"#, r#"{"id":"x"}"#, r#"{"id":"x","config":{},"init_process_pid":-4}"#]
        {
            assert_eq!(read_json(json), None, "{json}");
        }
    }
}
