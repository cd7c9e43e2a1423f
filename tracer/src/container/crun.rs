//! crun: `ID/status` in its root directory, with the container's spec beside it. The spec is there before
//! the cgroup is made, the status only after that: a container of a few milliseconds has none.

use std::path::Path;

use serde::Deserialize;

use super::Runtime;
use super::record::OciState;
use super::spec::{self, Spec};
use super::state::{self, StateError};

pub const FILE: &str = "status";

/// What is there without a status.
pub const SPEC: &str = "config.json";

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Status {
    pid: Option<u32>,
    /// From the hierarchy's root.
    cgroup_path: Option<String>,
    bundle: Option<String>,
}

/// `file` is a status or a spec alone. The container's id is the name of the directory.
pub fn read(file: &Path) -> Result<OciState, StateError> {
    let dir = file.parent().unwrap_or(file);
    let id = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (spec, status) = if file.ends_with(SPEC) {
        let spec = spec::read(file)?;
        let cgroup_path = Some(spec.linux.cgroups_path.clone().unwrap_or_else(|| format!("/{id}")));
        (spec, Status { pid: None, cgroup_path, bundle: None })
    } else {
        (state::optional(spec::read(&dir.join(SPEC))).unwrap_or_default(), state::json(file)?)
    };
    let Spec { annotations, linux: _ } = spec;
    let Status { pid, cgroup_path, bundle } = status;
    Ok(OciState {
        id,
        runtime: Runtime::Crun,
        pid: pid.filter(|pid| *pid != 0),
        cgroup: cgroup_path,
        bundle: bundle.unwrap_or_default(),
        annotations: annotations.into_iter().collect(),
        file: file.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fixture, put};
    use super::*;

    #[test]
    fn a_status_has_pid_cgroup_and_bundle_and_the_spec_annotations() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "web/status", &fixture("crun-status.json"));
        let state = read(&dir.path().join("web/status")).unwrap();
        assert_eq!((state.id.as_str(), state.pid), ("web", Some(21545)));
        assert_eq!((state.cgroup.as_deref(), state.bundle.as_str()), (Some("/web"), "/srv/web"));
        assert_eq!(state.annotations, []);
        put(dir.path(), "web/config.json", &fixture("containerd-config.json"));
        let state = read(&dir.path().join("web/status")).unwrap();
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
            let state = read(&dir.path().join("web/config.json")).unwrap();
            assert_eq!((state.id.as_str(), state.pid, state.cgroup.as_deref()), ("web", None, Some(cgroup)));
        }
    }

    #[test]
    fn wrong_types_are_no_status() {
        let dir = tempfile::tempdir().unwrap();
        for json in [r#"{"pid":"1"}"#, r#"{"cgroup-path":[]}"#, "null"] {
            put(dir.path(), "web/status", json);
            assert!(read(&dir.path().join("web/status")).is_err(), "{json}");
        }
    }
}
