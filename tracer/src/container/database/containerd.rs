//! containerd's metadata: what clients said of a container.
//!
//! ```text
//! v1/NAMESPACE/containers/ID/{image, labels/KEY}
//! v1/NAMESPACE/images/NAME/target/digest
//! ```
//!
//! <https://github.com/containerd/containerd/blob/v1.7.24/metadata/buckets.go>

use std::collections::{BTreeMap, HashMap};
use std::fs::File;

use super::bolt::{Bolt, Bucket, Value};
use super::{Budget, DatabaseError, Extra, Kind, snapshot};

/// Labels with a container's name: nerdctl's and the kubelet's.
const NAMES: [&str; 2] = ["nerdctl/name", "io.kubernetes.container.name"];
const POD_ID: &str = "io.kubernetes.pod.uid";
const POD_NAME: &str = "io.kubernetes.pod.name";

/// Bytes of a digest: `sha512:` and 128 hex digits.
const DIGEST_MAX: usize = 135;

/// All containers, by namespace and id.
pub fn read(file: &File) -> Result<HashMap<(String, String), Extra>, DatabaseError> {
    parse(&snapshot::read(file, Kind::Bolt)?)
}

fn parse(bytes: &[u8]) -> Result<HashMap<(String, String), Extra>, DatabaseError> {
    let bolt = Bolt::open(bytes)?;
    let mut all = HashMap::new();
    // Not there before the first container.
    let [Some(Value::Bucket(namespaces))] = bolt.root().fields(["v1"])? else { return Ok(all) };
    namespaces.each(|namespace, objects| {
        let (Some(namespace), Value::Bucket(objects)) = (text(namespace), objects) else { return Ok(()) };
        let [images, containers] =
            objects.fields(["images", "containers"])?.map(|v| v.and_then(Value::bucket));
        let Some(containers) = containers else { return Ok(()) };
        let mut found = Vec::new();
        containers.each(|id, container| {
            let (Some(id), Value::Bucket(container)) = (text(id), container) else { return Ok(()) };
            let extra = extra(&bolt.budget, container)?;
            bolt.budget.keep_entry(id, &extra)?;
            bolt.budget.keep(namespace.len() + DIGEST_MAX)?;
            found.push((id, extra));
            Ok(())
        })?;
        let wanted = found.iter().filter_map(|(_, extra)| extra.image.clone());
        let digests = digests(images, wanted.map(|image| (image, None)).collect())?;
        for (id, mut extra) in found {
            extra.image_id = extra.image.as_ref().and_then(|image| digests.get(image)?.clone());
            all.insert((namespace.to_owned(), id.to_owned()), extra);
        }
        Ok(())
    })?;
    Ok(all)
}

fn extra(budget: &Budget, container: Bucket) -> Result<Extra, DatabaseError> {
    let [image, labels] = container.fields(["image", "labels"])?;
    let mut by_key = BTreeMap::new();
    if let Some(Value::Bucket(labels)) = labels {
        labels.each(|key, value| {
            budget.keep(Budget::LABEL)?;
            by_key.extend(value.bytes().map(|value| (lossy(key), lossy(value))));
            Ok(())
        })?;
    }
    let label = |key: &str| by_key.get(key).cloned();
    Ok(Extra {
        name: NAMES.into_iter().find_map(label),
        image: image.and_then(Value::bytes).filter(|image| !image.is_empty()).map(lossy),
        pod_id: label(POD_ID),
        pod_name: label(POD_NAME),
        labels: by_key.into_iter().collect(),
        ..Extra::default()
    })
}

/// Fills in what the images are.
fn digests(
    images: Option<Bucket>,
    mut wanted: HashMap<String, Option<String>>,
) -> Result<HashMap<String, Option<String>>, DatabaseError> {
    let Some(images) = images else { return Ok(wanted) };
    images.each(|name, image| {
        let digest = text(name).and_then(|name| wanted.get_mut(name));
        let (Some(digest), Value::Bucket(image)) = (digest, image) else { return Ok(()) };
        if let [Some(Value::Bucket(target))] = image.fields(["target"])? {
            let [value] = target.fields(["digest"])?;
            *digest = value.and_then(Value::bytes).filter(|digest| digest.len() <= DIGEST_MAX).map(lossy);
        }
        Ok(())
    })?;
    Ok(wanted)
}

fn text(bytes: &[u8]) -> Option<&str> {
    str::from_utf8(bytes).ok()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::super::testing::{bytes, damage, damaged, file, labels, text};
    use super::*;

    const FILE: &str = "containerd-1.6.db";

    #[test]
    fn containers_of_all_namespaces_have_labels_and_images() {
        let containers = read(&file(FILE)).unwrap();
        let signal = ("io.containerd.image.config.stop-signal", "SIGTERM");
        let of_image = Extra {
            image: text("localhost/shop/web:1.2"),
            image_id: text("sha256:b2a5b31c79589effd61924dbc6b7deebe7d57cd741461e6acbcfcec3c5495e9f"),
            ..Extra::default()
        };
        let expected = [
            (
                ("default", "web"),
                Extra {
                    labels: labels(&[
                        ("app", "shop"),
                        signal,
                        ("odd", "a\u{1b}[1mb"),
                        ("org.example.tier", "front end"),
                    ]),
                    ..of_image.clone()
                },
            ),
            (
                ("default", "4f1c2a"),
                Extra {
                    name: text("worker"),
                    labels: labels(&[signal, ("nerdctl/name", "worker")]),
                    ..of_image
                },
            ),
            (("other", "web"), Extra { labels: labels(&[("app", "other")]), ..Extra::default() }),
        ];
        let expected =
            expected.map(|((namespace, id), extra)| ((namespace.to_owned(), id.to_owned()), extra));
        assert_eq!(containers, HashMap::from(expected));
    }

    #[test]
    fn podmans_database_holds_none_of_its_containers() {
        assert_eq!(read(&file("podman-4.3.db")).unwrap(), HashMap::new());
        assert!(read(&file("podman-5.4.sql")).is_err());
    }

    proptest! {
        #[test]
        fn a_damaged_file_is_read_or_refused(damage in damage()) {
            let bytes = damaged(bytes(FILE), &damage);
            let start = Instant::now();
            let _ = parse(&bytes);
            prop_assert!(start.elapsed().as_secs() < 2);
        }
    }
}
