//! Where `containers/storage`, which podman and CRI-O share, keeps its files: `storage.conf`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::state::{Cached, Root};

/// The administrator's, and the distribution's where there is none.
const SYSTEM: [&str; 2] = ["/etc/containers/storage.conf", "/usr/share/containers/storage.conf"];

/// The places of one user's store.
#[derive(Debug, PartialEq, Eq)]
pub struct Places {
    /// What outlives a reboot.
    pub graph: PathBuf,
    pub run: PathBuf,
}

#[derive(Default, Deserialize)]
struct Conf {
    #[serde(default)]
    storage: Storage,
}

#[derive(Clone, Default, Deserialize)]
struct Storage {
    graphroot: Option<String>,
    runroot: Option<String>,
    rootless_storage_path: Option<String>,
}

#[derive(Default)]
pub struct Config {
    system: [Cached<Conf>; SYSTEM.len()],
    own: Cached<Conf>,
}

impl Config {
    /// `home` is that of the root's user; None: root's own store.
    pub fn places(&mut self, root: &Root, home: Option<&Path>) -> Places {
        let everybodys = root.of(None);
        let mut system = self.system.iter_mut().zip(SYSTEM);
        let system =
            system.find_map(|(conf, file)| read(conf, &everybodys, file.as_ref())).unwrap_or_default();
        let (Some(home), Some(user)) = (home, root.user()) else {
            return Places {
                graph: system.graphroot.and_then(absolute).unwrap_or("/var/lib/containers/storage".into()),
                run: system.runroot.and_then(absolute).unwrap_or("/run/containers/storage".into()),
            };
        };
        let own =
            read(&mut self.own, root, &home.join(".config/containers/storage.conf")).unwrap_or_default();
        let expand = |path: String| absolute(expand(&path, home, user));
        Places {
            graph: own
                .graphroot
                .and_then(expand)
                .or_else(|| system.rootless_storage_path.and_then(expand))
                .unwrap_or_else(|| home.join(".local/share/containers/storage")),
            run: own
                .runroot
                .and_then(expand)
                .unwrap_or_else(|| format!("/run/user/{user}/containers").into()),
        }
    }
}

fn read(conf: &mut Cached<Conf>, root: &Root, file: &Path) -> Option<Storage> {
    conf.get(root, file, Root::toml).map(|conf| conf.storage.clone())
}

/// Rootless paths may name the user.
fn expand(path: &str, home: &Path, user: u32) -> String {
    let (home, user) = (home.to_string_lossy(), user.to_string());
    [("${HOME}", &*home), ("$HOME", &home), ("${UID}", &user), ("$UID", &user)]
        .into_iter()
        .fold(path.to_owned(), |path, (variable, value)| path.replace(variable, value))
}

fn absolute(path: String) -> Option<PathBuf> {
    Some(PathBuf::from(path)).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::super::testing::put;
    use super::*;

    #[test]
    fn the_places_are_the_usual_or_the_configured_ones() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path()).unwrap();
        let user = root.owner(Path::new("/")).unwrap();
        let mut config = Config::default();
        let mut places = |home: Option<&str>| {
            let root = root.of(home.map(|_| user));
            let Places { graph, run } = config.places(&root, home.map(Path::new));
            (graph.display().to_string(), run.display().to_string())
        };
        let pair = |graph: &str, run: &str| (graph.to_owned(), run.to_owned());
        let usual = pair("/var/lib/containers/storage", "/run/containers/storage");
        let users_run = format!("/run/user/{user}/containers");
        assert_eq!(places(None), usual);
        let home = Some("/home/ann");
        assert_eq!(places(home), pair("/home/ann/.local/share/containers/storage", &users_run));

        put(dir.path(), "usr/share/containers/storage.conf", "[storage]\ngraphroot = '/usr'\n");
        assert_eq!(places(None).0, "/usr");
        let system = "[storage]\ndriver = 'overlay'\ngraphroot = '/graph'\nrunroot = \"/state\"\n\
             rootless_storage_path = '/data/${UID}'\n[storage.options]\nadditionalimagestores = []\n";
        put(dir.path(), "etc/containers/storage.conf", system);
        assert_eq!(places(None), pair("/graph", "/state"));
        assert_eq!(places(home), pair(&format!("/data/{user}"), &users_run));
        let own = "[storage]\ngraphroot = '$HOME/store'\nrunroot = '/tmp/$UID/run'\n";
        put(dir.path(), "home/ann/.config/containers/storage.conf", own);
        assert_eq!(places(home), pair("/home/ann/store", &format!("/tmp/{user}/run")));
        assert_eq!(places(None), pair("/graph", "/state"));
    }

    #[test]
    fn what_is_no_place_is_not_taken_for_one() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path()).unwrap();
        for text in
            ["", "[storage]\ngraphroot = 'relative'", "[storage]\ngraphroot = 3", "storage = 1", "[", "\0"]
        {
            put(dir.path(), "etc/containers/storage.conf", text);
            let graph = Config::default().places(&root, None).graph;
            assert_eq!(graph, Path::new("/var/lib/containers/storage"), "{text}");
        }
    }
}
