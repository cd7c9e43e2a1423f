//! Docker: `containers/ID/config.v2.json` in its data directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::record::{self, Record};
use super::state::{self, Cached, Root, StateError};
use super::{Container, Runtime, path};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    #[serde(default)]
    name: String,
    /// `sha256:...`
    image: Option<String>,
    /// Where containerd keeps the images.
    image_manifest: Option<Manifest>,
    #[serde(rename = "Config")]
    settings: Settings,
    #[serde(default)]
    state: State,
}

#[derive(Deserialize)]
struct Manifest {
    digest: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Settings {
    image: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    healthcheck: Option<Healthcheck>,
    /// For the health check's command line.
    shell: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Healthcheck {
    test: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    /// 0: not started.
    pid: u32,
    started_at: Option<String>,
}

/// `daemon.json`
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Daemon {
    data_root: Option<PathBuf>,
}

/// One daemon's data directory: the machine's, or a user's.
#[derive(Default)]
pub struct Data(Cached<Daemon>);

impl Data {
    /// `home` is the user's whose daemon it is.
    pub fn read(&mut self, root: &Root, home: Option<&Path>, id: &str) -> Option<Record> {
        let (config, data) = match home {
            None => ("/etc/docker/daemon.json".into(), "/var/lib/docker".into()),
            Some(home) => (home.join(".config/docker/daemon.json"), home.join(".local/share/docker")),
        };
        let daemon = self.0.get(root, &config, Root::json);
        let configured = daemon.and_then(|daemon| daemon.data_root.clone()).filter(|dir| dir.is_absolute());
        let data = configured.unwrap_or(data);
        path::is_id(id).then(|| state::optional(read(root, &data, id))).flatten()
    }
}

fn read(root: &Root, data: &Path, id: &str) -> Result<Record, StateError> {
    let file = data.join("containers").join(id).join("config.v2.json");
    let Config { name, image, image_manifest, settings, state } = root.json(&file)?;
    let Settings { image: asked_for, labels, healthcheck, shell } = settings;
    let labels = labels.unwrap_or_default();
    let test = healthcheck.and_then(|check| check.test).unwrap_or_default();
    let container = Container {
        name: name.strip_prefix('/').or(Some(&name)).filter(|name| !name.is_empty()).map(str::to_owned),
        image: asked_for,
        image_id: image.filter(|id| !id.is_empty()).or_else(|| image_manifest?.digest),
        pod: record::kubelet_pod(&labels),
        pid: Some(state.pid).filter(|pid| *pid != 0),
        started_ns: state.started_at.as_deref().and_then(state::time_ns),
        labels: labels.into_iter().collect(),
        healthcheck: record::healthcheck(test, shell.unwrap_or_default()),
        ..Container::unnamed(Runtime::Docker, id)
    };
    Ok(Record { container, file: root.shown(&file) })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fixture, id, put};
    use super::*;

    fn read_json(json: &str) -> Option<Container> {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), &format!("var/lib/docker/containers/{}/config.v2.json", id('4')), json);
        let root = Root::new(dir.path()).unwrap();
        Data::default().read(&root, None, &id('4')).map(|record| record.container)
    }

    #[test]
    fn a_container_has_name_image_labels_pid_and_start() {
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
                started_ns: Some(1_795_466_316_615_809_079),
                ..Container::unnamed(Runtime::Docker, &id('4'))
            }
        );
    }

    #[test]
    fn what_is_not_there_is_not_known() {
        let never = r#"{"Name":"/","Config":{"Labels":null,"Healthcheck":null},"State":{"Pid":0,"StartedAt":"0001-01-01T00:00:00Z"}}"#;
        assert_eq!(read_json(never).unwrap(), Container::unnamed(Runtime::Docker, &id('4')));
    }

    #[test]
    fn containerd_may_keep_the_image() {
        let json = r#"{"Image":"","ImageManifest":{"digest":"sha256:7"},"Config":{}}"#;
        assert_eq!(read_json(json).unwrap().image_id.as_deref(), Some("sha256:7"));
    }

    #[test]
    fn the_health_check_runs_in_the_images_shell() {
        let json = r#"{"Config":{"Healthcheck":{"Test":["CMD-SHELL","up"]},"Shell":["/bin/ash","-c"]}}"#;
        assert_eq!(read_json(json).unwrap().healthcheck, ["/bin/ash", "-c", "up"]);
        let json = r#"{"Config":{"Healthcheck":{"Test":["CMD","/up"],"Interval":5}}}"#;
        assert_eq!(read_json(json).unwrap().healthcheck, ["/up"]);
    }

    #[test]
    fn the_data_directory_is_the_configured_one() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path()).unwrap();
        let file = |data: &str| format!("{data}/containers/{}/config.v2.json", id('4'));
        put(dir.path(), &file("data"), r#"{"Name":"/moved","Config":{}}"#);
        put(dir.path(), &file("var/lib/docker"), r#"{"Name":"/usual","Config":{}}"#);
        put(dir.path(), &file("home/ann/.local/share/docker"), r#"{"Name":"/hers","Config":{}}"#);
        let name = |data: &mut Data, home: Option<&str>| {
            data.read(&root, home.map(Path::new), &id('4')).unwrap().container.name.unwrap()
        };
        let mut data = Data::default();
        for (config, expected) in [
            (r#"{"data-root":"/data"}"#, "moved"),
            ("{}", "usual"),
            (r#"{"data-root":"x"}"#, "usual"),
            ("{", "usual"),
        ] {
            put(dir.path(), "etc/docker/daemon.json", config);
            assert_eq!(name(&mut data, None), expected, "{config}");
        }
        assert_eq!(name(&mut Data::default(), Some("/home/ann")), "hers");
        put(dir.path(), "home/ann/.config/docker/daemon.json", r#"{"data-root":"/data"}"#);
        assert_eq!(name(&mut Data::default(), Some("/home/ann")), "moved");
        assert_eq!(data.read(&root, None, "../../etc"), None);
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
