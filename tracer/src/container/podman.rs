//! The store that podman and CRI-O share: `containers/storage` below `/var/lib` and `/run`. Labels and
//! pod names are in podman's database alone.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use super::record::Record;
use super::state::{self, Cached, StateError};
use super::{Container, Runtime};

const STORE: &str = "containers/storage/overlay-containers";

#[derive(Deserialize)]
struct Entry {
    id: String,
    names: Option<Vec<String>>,
    image: Option<String>,
    /// JSON in a string.
    metadata: Option<String>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(rename = "image-name")]
    image_name: Option<String>,
}

/// The list of containers, in memory.
#[derive(Default)]
pub struct Store(Cached<HashMap<String, Entry>>);

impl Store {
    /// `runtime` is whose container it is; `id` is one by [`super::path::is_id`].
    pub fn read(&mut self, var_lib: &Path, run: &Path, runtime: Runtime, id: &str) -> Option<Record> {
        let file = var_lib.join(STORE).join("containers.json");
        let entry = self.0.get(&file, list)?.get(id)?;
        let metadata = entry.metadata.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let Metadata { image_name } = metadata.unwrap_or_default();
        let container = Container {
            name: entry.names.iter().flatten().next().cloned(),
            image: image_name.filter(|name| !name.is_empty()),
            image_id: entry
                .image
                .as_ref()
                .filter(|image| !image.is_empty())
                .map(|image| format!("sha256:{image}")),
            pid: state::optional(state::pid(&run.join(STORE).join(id).join("userdata/pidfile"))),
            ..Container::unnamed(runtime, id)
        };
        Some(Record { container, file })
    }
}

fn list(file: &Path) -> Result<HashMap<String, Entry>, StateError> {
    let entries: Vec<Entry> = state::json(file)?;
    Ok(entries.into_iter().map(|entry| (entry.id.clone(), entry)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fixture, id, put};
    use super::*;

    fn read(json: &str, id: &str) -> Option<Container> {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), &format!("lib/{STORE}/containers.json"), json);
        put(dir.path(), &format!("run/{STORE}/{id}/userdata/pidfile"), "21933");
        let (lib, run) = (dir.path().join("lib"), dir.path().join("run"));
        Store::default().read(&lib, &run, Runtime::Podman, id).map(|record| record.container)
    }

    #[test]
    fn a_container_has_name_image_and_pid() {
        let container = read(&fixture("podman-containers.json"), &id('b')).unwrap();
        assert_eq!(
            container,
            Container {
                name: Some("web".to_owned()),
                image: Some("localhost/shop:1".to_owned()),
                image_id: Some(
                    "sha256:cb417a26afe19b6c336954aed4483092e08b30265b70a1c6cdfd612c49dd11d8".to_owned()
                ),
                pid: Some(21933),
                ..Container::unnamed(Runtime::Podman, &id('b'))
            }
        );
        assert_eq!(read(&fixture("podman-containers.json"), &id('9')), None);
    }

    #[test]
    fn metadata_that_is_no_json_costs_the_image_alone() {
        let json = format!(r#"[{{"id":"{}","names":["web"],"metadata":"{{"}}]"#, id('b'));
        let container = read(&json, &id('b')).unwrap();
        assert_eq!((container.name.as_deref(), container.image), (Some("web"), None));
    }

    #[test]
    fn a_list_that_cannot_be_read_names_nobody() {
        for json in ["", "{}", "[1]", r#"[{"names":["x"]}]"#] {
            assert_eq!(read(json, &id('b')), None, "{json}");
        }
    }
}
