//! The store that podman and CRI-O share, `containers/storage`. What is in podman's database alone: labels,
//! pod names, health checks.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::database::{self, Kind};
use super::record::{Extra, Record};
use super::state::{self, Cached, Root, StateError};
use super::storage::{self, Places};
use super::{Container, Runtime, crio, path, spec};

/// Storage drivers of one store, each with a directory of its own: there are six.
const DRIVERS_MAX: usize = 8;

/// The containers that do not outlive a reboot (`podman run --rm`, all of CRI-O's), in either of a
/// driver's directories.
const VOLATILE: &str = "volatile-containers.json";

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

type List = HashMap<String, Entry>;

/// One user's store, or root's, in memory.
#[derive(Default)]
pub struct Store {
    config: storage::Config,
    lists: HashMap<PathBuf, Cached<List>>,
    databases: [Cached<Database>; DATABASES.len()],
}

/// By full id.
type Database = HashMap<String, Extra>;

/// Below the graph root: that of podman 5, which may have been moved to from that of podman 4.
const DATABASES: [(&str, Kind); 2] = [("db.sql", Kind::Sqlite), ("libpod/bolt_state.db", Kind::Bolt)];

/// A storage driver's directories.
struct Driver {
    graph: PathBuf,
    run: PathBuf,
}

impl Driver {
    fn lists(&self) -> [PathBuf; 3] {
        [self.graph.join("containers.json"), self.graph.join(VOLATILE), self.run.join(VOLATILE)]
    }

    /// A file that belongs to a container, in the directories where it may be.
    fn files(&self, id: &str, name: &str) -> [PathBuf; 2] {
        [&self.run, &self.graph].map(|dir| dir.join(id).join("userdata").join(name))
    }
}

impl Store {
    /// `runtime` is whose container it is; `home` is that of the root's user.
    pub fn read(&mut self, root: &Root, home: Option<&Path>, runtime: Runtime, id: &str) -> Option<Record> {
        if !path::is_id(id) {
            return None;
        }
        let places = self.config.places(root, home);
        let graph = places.graph.clone();
        let drivers = drivers(root, places);
        let mut before = std::mem::take(&mut self.lists);
        let files = drivers.iter().flat_map(Driver::lists);
        self.lists = files.map(|file| (file.clone(), before.remove(&file).unwrap_or_default())).collect();
        let record = drivers.iter().find_map(|driver| self.read_from(root, driver, runtime, id))?;
        Some(match self.extra(root, &graph, id).filter(|_| runtime == Runtime::Podman) {
            Some(extra) => record.complete(extra),
            None => record,
        })
    }

    fn extra(&mut self, root: &Root, graph: &Path, id: &str) -> Option<Extra> {
        let mut databases = self.databases.iter_mut().zip(DATABASES);
        databases.find_map(|(cached, (name, kind))| {
            cached.get(root, &graph.join(name), |root, file| database(root, file, kind))?.get(id).cloned()
        })
    }

    fn read_from(&mut self, root: &Root, driver: &Driver, runtime: Runtime, id: &str) -> Option<Record> {
        let lists = &mut self.lists;
        let (entry, file) = driver.lists().into_iter().find_map(|file| {
            let container = lists.get_mut(&file)?.get(root, &file, list)?.get(id)?.container(runtime);
            Some((container, file))
        })?;
        let pid = driver.files(id, "pidfile").iter().find_map(|file| state::optional(root.pid(file)));
        let mut container = Container { pid, ..entry };
        if runtime == Runtime::Crio {
            let specs = driver.files(id, "config.json");
            if let Some(spec) = specs.iter().find_map(|file| state::optional(spec::read(root, file))) {
                container = crio::describe(container, &spec.annotations);
            }
        }
        Some(Record { container, file: root.shown(&file) })
    }
}

impl Entry {
    fn container(&self, runtime: Runtime) -> Container {
        let metadata = self.metadata.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let Metadata { image_name } = metadata.unwrap_or_default();
        let image_id = self.image.as_ref().filter(|image| !image.is_empty());
        Container {
            name: self.names.iter().flatten().next().cloned(),
            image: image_name.filter(|name| !name.is_empty()),
            image_id: image_id.map(|image| format!("sha256:{image}")),
            ..Container::unnamed(runtime, &self.id)
        }
    }
}

fn drivers(root: &Root, Places { graph, run }: Places) -> Vec<Driver> {
    let names = root.names(&graph).into_iter().filter_map(|dir| dir.file_name().map(ToOwned::to_owned));
    names
        .filter(|name| name.as_encoded_bytes().ends_with(b"-containers"))
        .take(DRIVERS_MAX)
        .map(|name| Driver { graph: graph.join(&name), run: run.join(&name) })
        .collect()
}

fn database(root: &Root, path: &Path, kind: Kind) -> Result<Database, StateError> {
    let file = root.open(path)?;
    database::podman::read(&file, kind)
        .map_err(|cause| StateError::Database { path: root.shown(path), cause })
}

fn list(root: &Root, file: &Path) -> Result<List, StateError> {
    let entries: Vec<Entry> = root.json(file)?;
    Ok(entries.into_iter().map(|entry| (entry.id.clone(), entry)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fixture, id, put};
    use super::*;

    const GRAPH: &str = "var/lib/containers/storage/overlay-containers";
    const RUN: &str = "run/containers/storage/overlay-containers";

    fn read_from(dir: &Path, runtime: Runtime, id: &str) -> Option<Container> {
        let root = Root::new(dir).unwrap();
        Store::default().read(&root, None, runtime, id).map(|record| record.container)
    }

    fn read(json: &str, id: &str) -> Option<Container> {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), &format!("{GRAPH}/containers.json"), json);
        put(dir.path(), &format!("{RUN}/{id}/userdata/pidfile"), "21933");
        read_from(dir.path(), Runtime::Podman, id)
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
    fn every_drivers_lists_are_looked_at() {
        for list in [
            "var/lib/containers/storage/vfs-containers/containers.json",
            &format!("{GRAPH}/volatile-containers.json"),
            &format!("{RUN}/volatile-containers.json"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            put(dir.path(), &format!("{GRAPH}/containers.json"), "[]");
            put(dir.path(), list, &fixture("podman-containers.json"));
            let container = read_from(dir.path(), Runtime::Podman, &id('b')).expect(list);
            assert_eq!(container.name.as_deref(), Some("web"), "{list}");
        }
    }

    #[test]
    fn a_list_is_forgotten_with_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path()).unwrap();
        put(dir.path(), &format!("{GRAPH}/containers.json"), &fixture("podman-containers.json"));
        let mut store = Store::default();
        assert!(store.read(&root, None, Runtime::Podman, &id('b')).is_some());
        std::fs::remove_dir_all(dir.path().join(GRAPH)).unwrap();
        assert_eq!(store.read(&root, None, Runtime::Podman, &id('b')), None);
        assert!(store.lists.is_empty());
    }

    #[test]
    fn cri_o_tells_the_pod() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), &format!("{GRAPH}/volatile-containers.json"), &fixture("crio-containers.json"));
        put(dir.path(), &format!("{RUN}/{}/userdata/pidfile", id('d')), "7");
        let name = |container: Container| (container.name.unwrap(), container.pod.and_then(|pod| pod.name));
        let listed = "k8s_nginx_web-0_shop_0d3c2f1e-5b6a-4c7d-8e9f-001122334455_0".to_owned();
        assert_eq!(name(read_from(dir.path(), Runtime::Crio, &id('d')).unwrap()), (listed, None));
        put(dir.path(), &format!("{RUN}/{}/userdata/config.json", id('d')), &fixture("crio-config.json"));
        let container = read_from(dir.path(), Runtime::Crio, &id('d')).unwrap();
        assert_eq!((container.pid, container.image_id.as_ref().map(String::len)), (Some(7), Some(71)));
        assert_eq!(name(container), ("nginx".to_owned(), Some("web-0".to_owned())));
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
        assert_eq!(read(&fixture("podman-containers.json"), "../../../etc"), None);
    }
}
