//! CRI-O: what it knows of a container is among the spec's annotations:
//! <https://github.com/cri-o/cri-o/blob/v1.30.0/internal/factory/container/container.go>
//! (`SpecAddAnnotations`).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Container, record};

const PREFIX: &str = "io.kubernetes.cri-o.";

/// JSON in a string.
#[derive(Default, Deserialize)]
struct Metadata {
    name: Option<String>,
}

/// The container with what its annotations say.
pub fn describe(container: Container, annotations: &BTreeMap<String, String>) -> Container {
    let own = |key: &str| annotations.get(&format!("{PREFIX}{key}")).filter(|value| !value.is_empty());
    let labels: Option<BTreeMap<String, String>> =
        own("Labels").and_then(|text| serde_json::from_str(text).ok());
    let labels = labels.unwrap_or_default();
    let metadata: Option<Metadata> = own("Metadata").and_then(|text| serde_json::from_str(text).ok());
    // The kubelet's labels are annotations of their own, too.
    let pod = record::kubelet_pod(&labels).or_else(|| record::kubelet_pod(annotations));
    let name = pod.as_ref().and_then(|pod| pod.container_name.clone());
    Container {
        name: name.or_else(|| metadata?.name).filter(|name| !name.is_empty()).or(container.name),
        // `Image` is often the digest that the kubelet found for the name.
        image: own("ImageName").or_else(|| own("Image")).cloned().or(container.image),
        labels: labels.into_iter().collect(),
        pod,
        ..container
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::fixture;
    use super::super::{Pod, Runtime, spec};
    use super::*;

    fn described(spec: &str) -> Container {
        let spec: spec::Spec = serde_json::from_str(spec).unwrap();
        let before = Container {
            name: Some("k8s_nginx_web-0_shop_0d3c_0".to_owned()),
            image: Some("listed".to_owned()),
            ..Container::unnamed(Runtime::Crio, "x")
        };
        describe(before, &spec.annotations)
    }

    #[test]
    fn a_container_has_name_image_labels_and_pod() {
        let container = described(&fixture("crio-config.json"));
        assert_eq!(
            container.pod,
            Some(Pod {
                name: Some("web-0".to_owned()),
                uid: Some("0d3c2f1e-5b6a-4c7d-8e9f-001122334455".to_owned()),
                namespace: Some("shop".to_owned()),
                container_name: Some("nginx".to_owned()),
            })
        );
        assert_eq!(container.name.as_deref(), Some("nginx"));
        assert_eq!(container.image.as_deref(), Some("docker.io/library/nginx:1.27"));
        let label = |key: &str| container.labels.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str());
        assert_eq!(label("app"), Some("web"));
    }

    #[test]
    fn the_kubelets_annotations_do_without_labels() {
        let container = described(
            r#"{"annotations":{"io.kubernetes.pod.name":"web-0","io.kubernetes.cri-o.Labels":"{",
                "io.kubernetes.cri-o.Metadata":"{\"name\":\"nginx\"}","io.kubernetes.cri-o.ImageName":"",
                "io.kubernetes.cri-o.Image":"asked"}}"#,
        );
        assert_eq!(container.pod.unwrap().name.as_deref(), Some("web-0"));
        assert_eq!((container.name.as_deref(), container.image.as_deref()), (Some("nginx"), Some("asked")));
    }

    #[test]
    fn what_is_not_there_stays_as_it_was_listed() {
        for spec in [
            "{}",
            r#"{"annotations":{"io.kubernetes.cri-o.Labels":"[1]","io.kubernetes.cri-o.Metadata":"7"}}"#,
        ] {
            let container = described(spec);
            assert_eq!(container.name.as_deref(), Some("k8s_nginx_web-0_shop_0d3c_0"));
            assert_eq!((container.image.as_deref(), container.pod), (Some("listed"), None));
        }
    }
}
