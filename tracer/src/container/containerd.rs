//! containerd: `io.containerd.runtime.v2.task/NAMESPACE/ID` in its state directory. With CRI on top the
//! spec's annotations tell the pod; what plain clients say of an image is in its database alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::record::{Record, TASKS};
use super::spec::{self, Spec};
use super::state::{self, StateError};
use super::{Container, Pod, Runtime};

/// State directories below `/run`: its own, and those of products that bring their own.
const ROOTS: [&str; 2] = ["containerd", "k3s/containerd"];

/// Annotations that its CRI plugin makes.
const CRI: &str = "io.kubernetes.cri.";

/// `id` is a file name.
pub fn find(run: &Path, id: &str) -> Option<PathBuf> {
    let tasks = ROOTS.iter().map(|root| run.join(root).join(TASKS));
    let mut bundles = tasks.flat_map(|tasks| state::names(&tasks)).map(|namespace| namespace.join(id));
    bundles.find(|bundle| bundle.is_dir())
}

/// Reads a bundle that [`find`] found.
pub fn read(bundle: &Path, id: &str) -> Result<Record, StateError> {
    let file = bundle.join("config.json");
    let Spec { annotations, .. } = spec::read(&file)?;
    let cri = |key: &str| annotations.get(&format!("{CRI}{key}")).cloned();
    let pod = Pod {
        name: cri("sandbox-name"),
        uid: cri("sandbox-uid"),
        namespace: cri("sandbox-namespace"),
        container_name: cri("container-name"),
    };
    let container = Container {
        name: pod.container_name.clone(),
        image: cri("image-name"),
        labels: labels(&annotations),
        pod: (pod != Pod::default()).then_some(pod),
        pid: state::optional(state::pid(&bundle.join("init.pid"))),
        ..Container::unnamed(Runtime::Containerd, id)
    };
    Ok(Record { container, file })
}

/// Plain clients put a container's labels among the annotations.
fn labels(annotations: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let own = annotations.iter().filter(|(key, _)| !key.starts_with(CRI));
    own.map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fixture, put};
    use super::*;

    fn read_as(namespace: &str, id: &str, spec: &str) -> Option<Container> {
        let run = tempfile::tempdir().unwrap();
        let bundle = format!("containerd/{TASKS}/{namespace}/{id}");
        put(run.path(), &format!("{bundle}/config.json"), spec);
        put(run.path(), &format!("{bundle}/init.pid"), "22159");
        let found = find(run.path(), id).unwrap();
        assert_eq!(find(run.path(), "other"), None);
        state::optional(read(&found, id)).map(|record| record.container)
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
    fn a_spec_without_annotations_is_one() {
        let container = read_as("default", "c1", r#"{"annotations":null}"#).unwrap();
        assert_eq!(container.labels, []);
        assert_eq!(read_as("default", "c1", r#"{"annotations":3}"#), None);
    }
}
