//! The cgroup v2 file system: where it is mounted, and which cgroup has which path.
//!
//! A cgroup's 64-bit id is the inode number of its directory:
//! <https://github.com/torvalds/linux/blob/v6.12/include/linux/kernfs.h> (`kernfs_ino`).

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::state;

/// Directories that one walk looks at; a host with 500 pods has under 5,000.
const WALK_MAX: usize = 131_072;

/// A cgroup that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: u64,
    /// From the hierarchy's root, which is `/`; lossy where it is not UTF-8.
    pub path: String,
    pub dir: PathBuf,
}

/// The id of the cgroup at `path`, if it is there.
pub fn id_at(mount: &Path, path: &str) -> Option<u64> {
    let relative = path.strip_prefix('/')?;
    // `..` leads out of the mount: a path from another cgroup namespace.
    if relative.split('/').any(|component| component == "..") {
        return None;
    }
    fs::symlink_metadata(mount.join(relative)).ok().filter(fs::Metadata::is_dir).map(|meta| meta.ino())
}

/// Goes through the tree, one directory a step, parents before their children.
#[derive(Debug)]
pub struct Walk {
    waiting: Vec<(PathBuf, String)>,
    left: usize,
}

impl Walk {
    pub fn new(mount: &Path) -> Self {
        Self { waiting: vec![(mount.to_owned(), "/".to_owned())], left: WALK_MAX }
    }
}

impl Iterator for Walk {
    type Item = Entry;

    /// The next cgroup; those that vanish meanwhile are left out.
    fn next(&mut self) -> Option<Entry> {
        loop {
            self.left = self.left.checked_sub(1)?;
            let (dir, path) = self.waiting.pop()?;
            let Ok(meta) = fs::symlink_metadata(&dir) else { continue };
            let children = fs::read_dir(&dir).into_iter().flatten().filter_map(Result::ok);
            for child in children.filter(|child| child.file_type().is_ok_and(|kind| kind.is_dir())) {
                let name = child.file_name();
                self.waiting
                    .push((child.path(), format!("{}/{}", path.trim_end_matches('/'), name.display())));
            }
            return Some(Entry { id: meta.ino(), path, dir });
        }
    }
}

/// The processes in a cgroup, not those in cgroups below it; none if they cannot be read.
pub fn processes(dir: &Path) -> Vec<u32> {
    let Ok(text) = state::text(&dir.join("cgroup.procs")) else { return Vec::new() };
    // 0: a process that has no id in our pid namespace.
    text.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_finds_every_cgroup_with_its_inode() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        fs::create_dir(dir.path().join("c")).unwrap();
        fs::write(dir.path().join("a/cgroup.procs"), "0\n12\n7\n").unwrap();
        std::os::unix::fs::symlink("/", dir.path().join("link")).unwrap();
        let mut found: Vec<_> = Walk::new(dir.path()).collect();
        found.sort_by(|a, b| a.path.cmp(&b.path));
        assert_eq!(found.iter().map(|e| e.path.as_str()).collect::<Vec<_>>(), ["/", "/a", "/a/b", "/c"]);
        for entry in &found {
            assert_eq!(id_at(dir.path(), &entry.path), Some(entry.id));
        }
        assert_eq!(processes(&dir.path().join("a")), [12, 7]);
        assert_eq!(processes(&dir.path().join("c")), [0u32; 0]);
    }

    #[test]
    fn a_path_that_leads_out_has_no_id() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["/..", "/../x", "relative", "", "/missing"] {
            assert_eq!(id_at(dir.path(), path), None, "{path}");
        }
    }
}
