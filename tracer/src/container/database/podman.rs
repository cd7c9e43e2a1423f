//! podman's database. Both kinds hold the same JSON, a container's configuration and its state.
//!
//! ```text
//! bolt     ctr/ID/{config,state}, allPods/ID -> name
//! SQLite   ContainerConfig, ContainerState: ID, JSON; PodConfig: ID, Name
//! ```
//!
//! <https://github.com/containers/podman/blob/v4.9.5/libpod/boltdb_state_internal.go>
//! <https://github.com/containers/podman/blob/v5.4.2/libpod/sqlite_state_internal.go>

use std::collections::{BTreeMap, HashMap};
use std::fs::File;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::bolt::{Bolt, Value};
use super::sqlite::Sqlite;
use super::{Budget, DatabaseError, Extra, Kind, snapshot};

/// States in which a container has a process: running, paused, stopping.
/// <https://github.com/containers/podman/blob/v5.4.2/libpod/define/containerstate.go>
const ALIVE: [i64; 3] = [3, 5, 8];

/// Bytes of what is said of one container: mostly its command line and environment, which the kernel
/// limits to 2 MiB.
const JSON_MAX: usize = 8 << 20;

/// <https://github.com/containers/podman/blob/v5.4.2/libpod/container_config.go>
#[derive(Deserialize)]
struct Config {
    name: Option<String>,
    #[serde(rename = "rootfsImageName")]
    image: Option<String>,
    #[serde(rename = "rootfsImageID")]
    image_id: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    pod: Option<String>,
    healthcheck: Option<Healthcheck>,
}

#[derive(Deserialize)]
struct Healthcheck {
    #[serde(rename = "Test")]
    test: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct State {
    #[serde(rename = "state")]
    phase: i64,
    pid: Option<u32>,
    #[serde(rename = "startedTime")]
    started: Option<String>,
}

type Containers = HashMap<String, Extra>;

/// All containers, by full id.
pub fn read(file: &File, kind: Kind) -> Result<Containers, DatabaseError> {
    let bytes = snapshot::read(file, kind)?;
    match kind {
        Kind::Bolt => Store::from_bolt(&bytes),
        Kind::Sqlite => Store::from_sqlite(&bytes),
    }
}

#[derive(Default)]
struct Store {
    containers: Containers,
    pods: HashMap<String, String>,
}

impl Store {
    fn from_bolt(bytes: &[u8]) -> Result<Containers, DatabaseError> {
        let mut store = Self::default();
        let bolt = Bolt::open(bytes)?;
        let buckets = bolt.root().fields(["ctr", "allPods"])?.map(|value| value.and_then(Value::bucket));
        let [Some(containers), Some(pods)] = buckets else {
            return Err(DatabaseError::Damaged("it does not have podman's buckets"));
        };
        containers.each(|id, container| {
            let Value::Bucket(container) = container else { return Ok(()) };
            let [config, state] =
                container.fields(["config", "state"])?.map(|value| value.and_then(Value::bytes));
            store.config(&bolt.budget, Some(id), config)?;
            store.state(Some(id), state);
            Ok(())
        })?;
        pods.each(|id, name| store.pod(&bolt.budget, Some(id), name.bytes()))?;
        store.name_pods(&bolt.budget)
    }

    fn from_sqlite(bytes: &[u8]) -> Result<Containers, DatabaseError> {
        let mut store = Self::default();
        let sqlite = Sqlite::open(bytes)?;
        let budget = &sqlite.budget;
        sqlite.rows("ContainerConfig", ["ID", "JSON"], |[id, json]| store.config(budget, id, json))?;
        // Its column State is from when the container was made; the JSON is kept up.
        sqlite.rows("ContainerState", ["ID", "JSON"], |[id, json]| {
            store.state(id, json);
            Ok(())
        })?;
        sqlite.rows("PodConfig", ["ID", "Name"], |[id, name]| store.pod(budget, id, name))?;
        store.name_pods(budget)
    }

    fn config(
        &mut self,
        budget: &Budget,
        id: Option<&[u8]>,
        json: Option<&[u8]>,
    ) -> Result<(), DatabaseError> {
        let Some((id, config)) = parse::<Config>(id, json) else { return Ok(()) };
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let extra = Extra {
            name: given(config.name),
            image: given(config.image),
            image_id: given(config.image_id).map(|id| format!("sha256:{id}")),
            labels: config.labels.unwrap_or_default().into_iter().collect(),
            pod_id: given(config.pod),
            healthcheck: command(config.healthcheck.and_then(|check| check.test).unwrap_or_default()),
            ..Extra::default()
        };
        budget.keep_entry(id, &extra)?;
        self.containers.insert(id.to_owned(), extra);
        Ok(())
    }

    /// After the container's configuration.
    fn state(&mut self, id: Option<&[u8]>, json: Option<&[u8]>) {
        let Some((id, state)) = parse::<State>(id, json) else { return };
        if let Some(extra) = self.containers.get_mut(id)
            && ALIVE.contains(&state.phase)
        {
            extra.pid = state.pid.filter(|pid| *pid != 0);
            let started = state.started.and_then(|time| time.parse::<Timestamp>().ok());
            extra.started_ns = started.and_then(|time| i64::try_from(time.as_nanosecond()).ok());
        }
    }

    fn pod(&mut self, budget: &Budget, id: Option<&[u8]>, name: Option<&[u8]>) -> Result<(), DatabaseError> {
        if let (Some(id), Some(name)) = (text(id), text(name)) {
            budget.keep(Budget::LABEL + id.len() + name.len())?;
            self.pods.insert(id.to_owned(), name.to_owned());
        }
        Ok(())
    }

    fn name_pods(mut self, budget: &Budget) -> Result<Containers, DatabaseError> {
        for extra in self.containers.values_mut() {
            extra.pod_name = extra.pod_id.as_ref().and_then(|id| self.pods.get(id)).cloned();
            budget.keep(extra.pod_name.as_ref().map_or(0, String::len))?;
        }
        Ok(self.containers)
    }
}

fn text(bytes: Option<&[u8]>) -> Option<&str> {
    str::from_utf8(bytes?).ok()
}

/// One container that cannot be understood does not cost the others their names.
fn parse<'a, T: DeserializeOwned>(id: Option<&'a [u8]>, json: Option<&[u8]>) -> Option<(&'a str, T)> {
    let (id, json) = (text(id)?, json?);
    if json.len() > JSON_MAX {
        log::debug!("podman says more than {JSON_MAX} bytes of container {id:?}: left out");
        return None;
    }
    let parsed = serde_json::from_slice(json);
    let parsed =
        parsed.map_err(|e| log::debug!("cannot understand what podman says of container {id:?}: {e}"));
    Some((id, parsed.ok()?))
}

/// <https://github.com/containers/podman/blob/v5.4.2/libpod/healthcheck.go#L80-L96>
fn command(test: Vec<String>) -> Vec<String> {
    match test.split_first() {
        None => Vec::new(),
        Some((how, rest)) => match how.as_str() {
            "" | "NONE" => Vec::new(),
            "CMD" => rest.to_vec(),
            "CMD-SHELL" => vec!["/bin/sh".to_owned(), "-c".to_owned(), rest.join(" ")],
            _ => test,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;
    use rusqlite::Connection;

    use super::super::testing::{bytes, damage, damaged, file, file_of, labels, text};
    use super::*;

    const FILES: [(&str, Kind); 2] = [("podman-4.3.db", Kind::Bolt), ("podman-5.4.sql", Kind::Sqlite)];

    fn by_name(containers: &Containers) -> BTreeMap<&str, &Extra> {
        containers.values().map(|extra| (extra.name.as_deref().unwrap_or_default(), extra)).collect()
    }

    #[test]
    fn both_kinds_tell_the_same() {
        for (name, kind) in FILES {
            let containers = read(&file(name), kind).unwrap();
            assert!(containers.keys().all(|id| super::super::super::path::is_id(id)), "{containers:?}");
            let named = by_name(&containers);
            assert_eq!(named.len(), 5, "{named:?}");

            let image_id = named["web"].image_id.clone();
            assert!(
                image_id.as_ref().is_some_and(|id| id.starts_with("sha256:") && id.len() == 71),
                "{image_id:?}"
            );
            let of_image = Extra { image: text("localhost/shop/web:1.2"), image_id, ..Extra::default() };
            let Extra { pid, started_ns, .. } = *named["web"];
            assert!(pid.is_some() && started_ns.is_some(), "{named:?}");
            let web = Extra {
                name: text("web"),
                labels: labels(&[
                    ("app", "shop"),
                    ("empty", ""),
                    ("odd", "a\u{1b}[1mb"),
                    ("org.example.tier", "front end"),
                ]),
                healthcheck: ["/bin/sh", "-c", "wget -q localhost || exit 1"].map(str::to_owned).to_vec(),
                pid,
                started_ns,
                ..of_image.clone()
            };
            assert_eq!(*named["web"], web);
            assert_eq!(*named["plain"], Extra { name: text("plain"), ..of_image.clone() });
            assert_eq!(*named["mute"], Extra { name: text("mute"), ..of_image });

            let (api, infra) = (named["api"], named.values().find(|extra| extra.image != web.image).unwrap());
            assert_eq!(api.healthcheck, ["/bin/true", "-v"]);
            assert_eq!((&api.pod_name, &infra.pod_name), (&text("basket"), &text("basket")));
            assert_eq!(api.pod_id, infra.pod_id);
            assert!(infra.labels.contains(&labels(&[("team", "checkout")])[0]), "{infra:?}");
        }
    }

    #[test]
    fn a_process_has_its_pid_and_its_start_in_nanoseconds() {
        let containers = read(&file("podman-5.4.sql"), Kind::Sqlite).unwrap();
        let web = by_name(&containers)["web"];
        assert_eq!((web.pid, web.started_ns), (Some(13_219), Some(1_795_474_540_674_945_622)));
    }

    #[test]
    fn the_other_kind_is_refused() {
        for (name, kind) in FILES {
            let other = if kind == Kind::Bolt { Kind::Sqlite } else { Kind::Bolt };
            read(&file(name), other).unwrap_err();
            read(&file_of(b""), kind).unwrap_err();
        }
        let error = read(&file("containerd-1.6.db"), Kind::Bolt).unwrap_err().to_string();
        assert!(error.contains("podman's buckets"), "{error}");
    }

    /// A database of podman's tables with what each holds.
    fn sqlite(script: &str) -> Result<Containers, DatabaseError> {
        let path = tempfile::NamedTempFile::new().unwrap();
        let tables = "CREATE TABLE ContainerConfig(ID TEXT PRIMARY KEY NOT NULL, Name TEXT UNIQUE NOT NULL, PodID TEXT, JSON TEXT NOT NULL);
            CREATE TABLE ContainerState(ID TEXT PRIMARY KEY NOT NULL, State INTEGER NOT NULL, ExitCode INTEGER, JSON TEXT NOT NULL);
            CREATE TABLE PodConfig(ID TEXT PRIMARY KEY NOT NULL, Name TEXT UNIQUE NOT NULL, JSON TEXT NOT NULL);";
        Connection::open(&path).unwrap().execute_batch(&format!("{tables}{script}")).unwrap();
        read(&File::open(&path).unwrap(), Kind::Sqlite)
    }

    fn state(json: &str) -> Extra {
        let config = r#"INSERT INTO ContainerConfig VALUES('1', 'x', NULL, '{"name":"x"}');"#;
        let state = format!("INSERT INTO ContainerState VALUES('1', 1, 0, '{json}');");
        sqlite(&format!("{config}{state}")).unwrap().remove("1").unwrap()
    }

    #[test]
    fn only_a_container_with_a_process_has_pid_and_start() {
        let alive = state(r#"{"state":5,"pid":7,"startedTime":"1970-01-01T01:00:01.5+01:00"}"#);
        assert_eq!((alive.pid, alive.started_ns), (Some(7), Some(1_500_000_000)));
        for json in [
            r#"{"state":6,"pid":7,"startedTime":"1970-01-01T00:00:01Z"}"#,
            r#"{"state":3,"pid":0,"startedTime":"yesterday"}"#,
            r#"{"state":3,"startedTime":"9999-01-01T00:00:00Z"}"#,
            r#"{"state":3,"pid":-1}"#,
            "{",
        ] {
            assert_eq!(state(json), Extra { name: text("x"), ..Extra::default() }, "{json}");
        }
    }

    #[test]
    fn a_container_that_cannot_be_understood_costs_the_others_nothing() {
        let containers = sqlite(
            "INSERT INTO ContainerConfig VALUES('1', 'a', NULL, '{}'), ('2', 'b', NULL, '{\"labels\": 1}'),
                ('3', 'c', NULL, x'ff'), (x'ff', 'd', NULL, '{}');",
        );
        assert_eq!(containers.unwrap(), HashMap::from([("1".to_owned(), Extra::default())]));
    }

    #[test]
    fn tables_that_would_run_something_are_refused() {
        for script in [
            "ALTER TABLE PodConfig RENAME TO Pods; CREATE VIEW PodConfig AS SELECT * FROM Pods;",
            "CREATE TRIGGER t AFTER INSERT ON PodConfig BEGIN SELECT 1; END;",
            "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema VALUES('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING fts5(ID)');",
            "ALTER TABLE PodConfig ADD COLUMN computed TEXT AS (upper(Name));",
        ] {
            let error = sqlite(script).unwrap_err().to_string();
            assert!(error.contains("plain tables"), "{script}: {error}");
        }
        let error = sqlite("DROP TABLE PodConfig;").unwrap_err().to_string();
        assert!(error.contains("no such table: PodConfig"), "{error}");
        let error = sqlite("PRAGMA journal_mode = WAL;").unwrap_err().to_string();
        assert!(error.contains("log beside it"), "{error}");
    }

    #[test]
    fn a_health_check_is_the_command_that_runs() {
        let argv = |test: &[&str]| command(test.iter().map(|word| (*word).to_owned()).collect());
        for (test, expected) in [
            (&[][..], &[][..]),
            (&["NONE"], &[]),
            (&[""], &[]),
            (&["CMD"], &[]),
            (&["CMD", "a", "b c"], &["a", "b c"]),
            (&["CMD-SHELL", "a | b"], &["/bin/sh", "-c", "a | b"]),
            (&["a", "b"], &["a", "b"]),
        ] {
            assert_eq!(argv(test), expected, "{test:?}");
        }
    }

    proptest! {
        #[test]
        fn a_damaged_file_is_read_or_refused(damage in damage()) {
            let start = Instant::now();
            let _ = Store::from_bolt(&damaged(bytes("podman-4.3.db"), &damage));
            let _ = Store::from_sqlite(&damaged(bytes("podman-5.4.sql"), &damage));
            prop_assert!(start.elapsed().as_secs() < 2);
        }
    }
}
