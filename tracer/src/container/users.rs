//! The users of a root, as far as their containers are concerned.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::state::{Cached, Root, StateError};

/// Users whose directories are looked at. Each costs a few system calls a refresh.
const USERS_MAX: usize = 256;

const USER_DIRS: &str = "/run/user";

/// Run-time directories of a user, the last ones where nobody made the first:
/// <https://github.com/containers/storage/blob/v1.55.0/pkg/homedir/homedir_unix.go> (`GetRuntimeDir`),
/// <https://github.com/containers/podman/blob/v4.3.1/pkg/util/utils_supported.go> (`GetRuntimeDir`).
const RUN_DIRS: [&str; 3] = ["/run/user/", "/tmp/storage-run-", "/tmp/podman-run-"];

/// Home directories by uid, from `/etc/passwd`.
#[derive(Default)]
pub struct Homes(Cached<HashMap<u32, PathBuf>>);

impl Homes {
    pub fn of(&mut self, root: &Root, user: u32) -> Option<PathBuf> {
        self.0.get(root, Path::new("/etc/passwd"), passwd)?.get(&user).cloned()
    }
}

/// `NAME:PASSWORD:UID:GID:COMMENT:HOME:SHELL` in lines.
fn passwd(root: &Root, file: &Path) -> Result<HashMap<u32, PathBuf>, StateError> {
    let text = root.text(file)?;
    let user = |line: &str| {
        let mut fields = line.split(':').skip(2);
        let user = fields.next()?.parse().ok()?;
        let home = PathBuf::from(fields.nth(2)?);
        home.is_absolute().then_some((user, home))
    };
    Ok(text.lines().filter_map(user).collect())
}

/// The run-time directories that belong to their users: of `known` ones, and of whoever has one in
/// `/run/user`.
pub fn run_dirs(root: &Root, known: &BTreeSet<u32>) -> Vec<(u32, PathBuf)> {
    let named = root.names(Path::new(USER_DIRS)).into_iter().take(USERS_MAX);
    let named = named.filter_map(|dir| dir.file_name()?.to_str()?.parse().ok());
    let users: BTreeSet<u32> =
        known.iter().copied().take(USERS_MAX).chain(named).filter(|user| *user != 0).collect();
    let dirs =
        users.iter().flat_map(|user| RUN_DIRS.map(|dir| (*user, PathBuf::from(format!("{dir}{user}")))));
    dirs.filter(|(user, dir)| root.owner(dir) == Some(*user)).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::testing::{give, put, user};
    use super::*;

    #[test]
    fn a_home_is_found_by_uid() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path()).unwrap();
        let mut homes = Homes::default();
        assert_eq!(homes.of(&root, 1000), None);
        let text = "root:x:0:0:root:/root:/bin/bash\n\nann:x:1000:1000:Ann,,,:/home/ann:/bin/sh\n#x\ncut:x:1001\n\
             bad:x:-1:1::/home/bad:\nodd:x:1002:1::relative:\nempty:x:1003:1:::\nnoshell:x:1004:1::/h";
        put(dir.path(), "etc/passwd", text);
        for (user, home) in [
            (0, Some("/root")),
            (1000, Some("/home/ann")),
            (1001, None),
            (1002, None),
            (1003, None),
            (1004, Some("/h")),
        ] {
            assert_eq!(homes.of(&root, user), home.map(PathBuf::from), "{user}");
        }
    }

    #[test]
    fn only_a_users_own_directories_count() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path()).unwrap();
        let user = user();
        for name in [
            format!("run/user/{user}"),
            format!("run/user/{}", user + 1),
            "run/user/x".to_owned(),
            format!("tmp/podman-run-{user}"),
            format!("tmp/storage-run-{}", user + 2),
        ] {
            fs::create_dir_all(dir.path().join(&name)).unwrap();
            give(dir.path(), &name);
        }
        let own = |dir: &str| (user, PathBuf::from(format!("{dir}{user}")));
        assert_eq!(
            run_dirs(&root, &BTreeSet::from([0, user + 2])),
            [own("/run/user/"), own("/tmp/podman-run-")]
        );
    }
}
