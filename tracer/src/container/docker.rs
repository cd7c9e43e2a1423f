//! Docker: `docker/containers/ID/config.v2.json` below `/var/lib`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::record::Record;
use super::state::{self, StateError};
use super::{Container, Pod, Runtime};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    #[serde(default)]
    name: String,
    /// `sha256:...`
    image: Option<String>,
    #[serde(rename = "Config")]
    settings: Settings,
    #[serde(default)]
    state: State,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Settings {
    image: Option<String>,
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    /// 0: not started.
    pid: u32,
}

/// `id` is one by [`super::path::is_id`].
pub fn read(var_lib: &Path, id: &str) -> Result<Record, StateError> {
    let file = var_lib.join("docker/containers").join(id).join("config.v2.json");
    let Config { name, image, settings, state } = state::json(&file)?;
    let labels = settings.labels.unwrap_or_default();
    let container = Container {
        name: name.strip_prefix('/').or(Some(&name)).filter(|name| !name.is_empty()).map(str::to_owned),
        image: settings.image,
        image_id: image,
        pod: kubelet_pod(&labels),
        pid: Some(state.pid).filter(|pid| *pid != 0),
        labels: labels.into_iter().collect(),
        ..Container::unnamed(Runtime::Docker, id)
    };
    Ok(Record { container, file })
}

/// What the kubelet tells docker of the pod.
fn kubelet_pod(labels: &BTreeMap<String, String>) -> Option<Pod> {
    let label = |key: &str| labels.get(key).cloned();
    let pod = Pod {
        name: label("io.kubernetes.pod.name"),
        uid: label("io.kubernetes.pod.uid"),
        namespace: label("io.kubernetes.pod.namespace"),
        container_name: label("io.kubernetes.container.name"),
    };
    (pod != Pod::default()).then_some(pod)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fixture, id, put};
    use super::*;

    fn read_json(json: &str) -> Option<Container> {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), &format!("docker/containers/{}/config.v2.json", id('4')), json);
        state::optional(read(dir.path(), &id('4'))).map(|record| record.container)
    }

    #[test]
    fn a_container_has_name_image_labels_and_pid() {
        let container = read_json(&fixture("docker-config.v2.json")).unwrap();
        assert_eq!(
            container,
            Container {
                name: Some("web".to_owned()),
                image: Some("shop/web:1".to_owned()),
                image_id: Some(
                    "sha256:4e4d3180ecd2208e2db3d6ef8a828b5d0992b7efff4b5e1218e2017f6ad78e08".to_owned()
                ),
                labels: vec![("role".to_owned(), "front".to_owned())],
                pid: Some(28784),
                ..Container::unnamed(Runtime::Docker, &id('4'))
            }
        );
    }

    #[test]
    fn what_is_not_there_is_not_known() {
        let container = read_json(r#"{"Name":"/","Config":{"Labels":null},"State":{"Pid":0}}"#).unwrap();
        assert_eq!(container, Container::unnamed(Runtime::Docker, &id('4')));
    }

    #[test]
    fn the_kubelets_labels_tell_the_pod() {
        let container = read_json(
            r#"{"Config":{"Labels":{"io.kubernetes.pod.name":"web-0","io.kubernetes.container.name":"nginx"}}}"#,
        );
        let pod = container.unwrap().pod.unwrap();
        assert_eq!((pod.name.as_deref(), pod.container_name.as_deref()), (Some("web-0"), Some("nginx")));
    }

    #[test]
    fn wrong_types_leave_it_unnamed() {
        for json in [r#"{"Name":7,"Config":{}}"#, r#"{"Name":"/a"}"#, r#"{"Config":{"Labels":[1]}}"#, "[]"] {
            assert_eq!(read_json(json), None, "{json}");
        }
    }
}
