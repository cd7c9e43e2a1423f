//! runc: `ID/state.json` in its root directory.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Runtime;
use super::record::OciState;
use super::state::{self, StateError};

pub const FILE: &str = "state.json";

#[derive(Deserialize)]
struct State {
    id: String,
    init_process_pid: Option<u32>,
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
pub fn read(file: &Path, mounts: &[PathBuf]) -> Result<OciState, StateError> {
    let State { id, init_process_pid, mut cgroup_paths, config } = state::json(file)?;
    let labels = config.labels.into_iter().flatten();
    let mut annotations: Vec<_> =
        labels.filter_map(|label| label.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()))).collect();
    // The last one is runc's own; an annotation may have the same name.
    let bundle = annotations.iter().rposition(|(key, _)| key == "bundle").map(|at| annotations.remove(at).1);
    annotations.sort();
    Ok(OciState {
        id,
        runtime: Runtime::Runc,
        pid: init_process_pid.filter(|pid| *pid != 0),
        cgroup: cgroup_paths.remove("").and_then(|path| below(&path, mounts)),
        bundle: bundle.unwrap_or_default(),
        annotations,
        file: file.to_owned(),
    })
}

fn below(path: &Path, mounts: &[PathBuf]) -> Option<String> {
    let relative = mounts.iter().find_map(|mount| path.strip_prefix(mount).ok())?;
    Some(format!("/{}", relative.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fixture, put};
    use super::*;

    fn read_json(json: &str) -> Option<OciState> {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), FILE, json);
        let mounts = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map(PathBuf::from);
        state::optional(read(&dir.path().join(FILE), &mounts))
    }

    #[test]
    fn a_state_has_pid_cgroup_annotations_and_bundle() {
        let state = read_json(&fixture("runc-state.json")).unwrap();
        assert_eq!((state.id.as_str(), state.pid), ("web", Some(21197)));
        assert_eq!(state.cgroup.as_deref(), Some("/shop/web"));
        assert_eq!(state.bundle, "/srv/web");
        assert_eq!(state.annotations, [("org.example.tier".to_owned(), "front".to_owned())]);
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
