//! containerd: `io.containerd.runtime.v2.task/NAMESPACE/ID` in its state directory. What CRI and nerdctl
//! know of a container is among the spec's annotations; what plain clients say of an image is in
//! containerd's database alone.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::database;
use super::record::{self, Extra, Record, TASKS};
use super::spec::{self, Spec};
use super::state::{self, Cached, Root, StateError};
use super::{Container, Pod, Runtime};

/// Its state directory, and those of products that bring their own.
const ROOTS: [&str; 2] = ["/run/containerd", "/run/k3s/containerd"];

/// Annotations that its CRI plugin makes.
const CRI: &str = "io.kubernetes.cri.";

/// Labels that it makes for itself, and tells nobody.
const CRI_OWN: &str = "io.cri-containerd.";

/// Annotations that nerdctl makes:
/// <https://github.com/containerd/nerdctl/blob/v2.1.2/pkg/labels/labels.go>.
const NERDCTL: &str = "nerdctl/";

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Healthcheck {
    #[serde(default)]
    test: Vec<String>,
}

/// By namespace and id.
type Database = HashMap<(String, String), Extra>;

/// containerd's database, in memory.
#[derive(Default)]
pub struct Metadata(Cached<Database>);

const DATABASE: &str = "/var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db";

impl Metadata {
    /// What it knows of a container whose bundle this is. With Kubernetes the bundle tells it all.
    pub fn complete(&mut self, root: &Root, bundle: &Path, record: Record) -> Record {
        let namespace = bundle.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        let key = (namespace.into_owned(), record.container.id.clone());
        let database = self.0.get(root, Path::new(DATABASE), read_database);
        match database.and_then(|database| database.get(&key)).cloned() {
            Some(mut extra) => {
                extra.labels.retain(|(key, _)| !key.starts_with(CRI_OWN));
                record.complete(extra)
            }
            None => record,
        }
    }
}

fn read_database(root: &Root, path: &Path) -> Result<Database, StateError> {
    let file = root.open(path)?;
    database::containerd::read(&file).map_err(|cause| StateError::Database { path: root.shown(path), cause })
}

/// A container's bundle, `NAMESPACE/ID` in some directory. `id` is a file name.
pub fn find(root: &Root, id: &str) -> Option<PathBuf> {
    let tasks = ROOTS.iter().map(|state| Path::new(state).join(TASKS));
    let mut bundles = tasks.flat_map(|tasks| root.names(&tasks)).map(|namespace| namespace.join(id));
    bundles.find(|bundle| root.is_dir(bundle))
}

/// Reads a bundle that [`find`] found.
pub fn read(root: &Root, bundle: &Path, id: &str) -> Result<Record, StateError> {
    let file = bundle.join("config.json");
    let Spec { annotations, .. } = spec::read(root, &file)?;
    let of = |maker: &str, key: &str| annotations.get(&format!("{maker}{key}")).cloned();
    let cri = |key: &str| of(CRI, key);
    let pod = Pod {
        name: cri("sandbox-name"),
        uid: cri("sandbox-uid"),
        namespace: cri("sandbox-namespace"),
        container_name: cri("container-name"),
    };
    let check = of(NERDCTL, "healthcheck").and_then(|text| serde_json::from_str(&text).ok());
    let Healthcheck { test } = check.unwrap_or_default();
    let container = Container {
        name: pod.container_name.clone().or_else(|| of(NERDCTL, "name")).filter(|name| !name.is_empty()),
        image: cri("image-name"),
        labels: labels(&annotations),
        pod: (pod != Pod::default()).then_some(pod),
        pid: state::optional(root.pid(&bundle.join("init.pid"))),
        healthcheck: record::healthcheck(test, Vec::new()),
        ..Container::unnamed(Runtime::Containerd, id)
    };
    Ok(Record { container, file: root.shown(&file) })
}

/// Plain clients put a container's labels among the annotations.
fn labels(annotations: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let own = annotations.iter().filter(|(key, _)| !key.starts_with(CRI) && !key.starts_with(NERDCTL));
    own.map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fixture, put};
    use super::*;

    fn read_as(namespace: &str, id: &str, spec: &str) -> Option<Container> {
        let dir = tempfile::tempdir().unwrap();
        let bundle = format!("run/containerd/{TASKS}/{namespace}/{id}");
        put(dir.path(), &format!("{bundle}/config.json"), spec);
        put(dir.path(), &format!("{bundle}/init.pid"), "22159");
        let root = Root::new(dir.path()).unwrap();
        let found = find(&root, id).unwrap();
        assert_eq!(find(&root, "other"), None);
        state::optional(read(&root, &found, id)).map(|record| record.container)
    }

    #[test]
    fn a_plain_container_has_labels_and_pid() {
        assert_eq!(
            read_as("default", "c1", &fixture("containerd-config.json")).unwrap(),
            Container {
                labels: vec![("tier".to_owned(), "front".to_owned())],
                pid: Some(22159),
                ..Container::unnamed(Runtime::Containerd, "c1")
            }
        );
    }

    #[test]
    fn cri_tells_the_pod() {
        assert_eq!(
            read_as("k8s.io", "c1", &fixture("containerd-cri-config.json")).unwrap(),
            Container {
                name: Some("nginx".to_owned()),
                image: Some("docker.io/library/nginx:1.27".to_owned()),
                pod: Some(Pod {
                    name: Some("web-0".to_owned()),
                    uid: Some("0d3c2f1e-5b6a-4c7d-8e9f-001122334455".to_owned()),
                    namespace: Some("shop".to_owned()),
                    container_name: Some("nginx".to_owned()),
                }),
                pid: Some(22159),
                ..Container::unnamed(Runtime::Containerd, "c1")
            }
        );
    }

    #[test]
    fn nerdctl_tells_the_name_and_the_health_check() {
        let container = read_as("default", "c1", &fixture("containerd-nerdctl-config.json")).unwrap();
        assert_eq!(
            container,
            Container {
                name: Some("web".to_owned()),
                labels: vec![("tier".to_owned(), "front".to_owned())],
                pid: Some(22159),
                healthcheck: ["/bin/sh", "-c", "wget -q localhost"].map(str::to_owned).into(),
                ..Container::unnamed(Runtime::Containerd, "c1")
            }
        );
    }

    #[test]
    fn a_spec_without_annotations_is_one() {
        let container = read_as("default", "c1", r#"{"annotations":null}"#).unwrap();
        assert_eq!(container.labels, []);
        assert_eq!(read_as("default", "c1", r#"{"annotations":3}"#), None);
    }
}
