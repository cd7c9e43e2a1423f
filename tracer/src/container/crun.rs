//! crun: `ID/status` in its root directory, with the container's spec beside it. The spec is there before
//! the cgroup is made, the status only after that: a container of a few milliseconds has none.

use std::path::Path;

use serde::Deserialize;

use super::Runtime;
use super::record::OciState;
use super::spec::{self, Spec};
use super::state::{self, Root, StateError};

pub const FILE: &str = "status";

/// What is there without a status.
pub const SPEC: &str = "config.json";

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Status {
    pid: Option<u32>,
    /// From the root of every hierarchy that it sees.
    cgroup_path: Option<String>,
    bundle: Option<String>,
    created: Option<String>,
}

/// `file` is a status or a spec alone. The container's id is the name of the directory.
pub fn read(root: &Root, file: &Path) -> Result<OciState, StateError> {
    let dir = file.parent().unwrap_or(file);
    let id = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (spec, status) = if file.ends_with(SPEC) {
        let spec = spec::read(root, file)?;
        let cgroup_path = Some(spec.linux.cgroups_path.clone().unwrap_or_else(|| format!("/{id}")));
        (spec, Status { cgroup_path, ..Status::default() })
    } else {
        (state::optional(spec::read(root, &dir.join(SPEC))).unwrap_or_default(), root.json(file)?)
    };
    let Spec { annotations, linux: _ } = spec;
    let Status { pid, cgroup_path, bundle, created } = status;
    Ok(OciState {
        id,
        runtime: Runtime::Crun,
        pid: pid.filter(|pid| *pid != 0),
        cgroup: cgroup_path,
        cgroup_v1: None,
        bundle: bundle.unwrap_or_default(),
        annotations: annotations.into_iter().collect(),
        user: root.user(),
        started_ns: created.as_deref().and_then(state::time_ns),
        file: root.shown(file),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fixture, put};
    use super::*;

    fn read_at(dir: &Path, file: &str) -> Result<OciState, StateError> {
        read(&Root::new(dir).unwrap(), Path::new(file))
    }

    #[test]
    fn a_status_has_pid_cgroup_start_and_bundle_and_the_spec_annotations() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "web/status", &fixture("crun-status.json"));
        let state = read_at(dir.path(), "/web/status").unwrap();
        assert_eq!((state.id.as_str(), state.pid), ("web", Some(21545)));
        assert_eq!((state.cgroup.as_deref(), state.bundle.as_str()), (Some("/web"), "/srv/web"));
        assert_eq!(
            (state.own_cgroup_v1(), state.started_ns),
            (Some("/web"), Some(1_795_465_986_752_006_000))
        );
        assert_eq!(state.annotations, []);
        put(dir.path(), "web/config.json", &fixture("containerd-config.json"));
        let state = read_at(dir.path(), "/web/status").unwrap();
        assert_eq!(state.annotations, [("tier".to_owned(), "front".to_owned())]);
    }

    #[test]
    fn the_spec_alone_tells_the_cgroup() {
        let dir = tempfile::tempdir().unwrap();
        for (spec, cgroup) in [
            ("{}", "/web"),
            (r#"{"linux":{}}"#, "/web"),
            (r#"{"linux":{"cgroupsPath":"/shop/web"}}"#, "/shop/web"),
        ] {
            put(dir.path(), "web/config.json", spec);
            let state = read_at(dir.path(), "/web/config.json").unwrap();
            assert_eq!((state.id.as_str(), state.pid, state.cgroup.as_deref()), ("web", None, Some(cgroup)));
        }
    }

    #[test]
    fn wrong_types_are_no_status() {
        let dir = tempfile::tempdir().unwrap();
        for json in [r#"{"pid":"1"}"#, r#"{"cgroup-path":[]}"#, "null"] {
            put(dir.path(), "web/status", json);
            assert!(read_at(dir.path(), "/web/status").is_err(), "{json}");
        }
    }
}
