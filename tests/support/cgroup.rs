//! Cgroups that runtimes make for all their containers and never remove.

use std::fs;
use std::path::{Path, PathBuf};

/// Of every hierarchy, the directories that were not there before; removed in the end.
pub struct Parent(Vec<PathBuf>);

impl Parent {
    /// `path` is absolute from the root of the hierarchies.
    pub fn new(path: &str) -> Self {
        let top = Path::new("/sys/fs/cgroup");
        let hierarchies = subfolders(top).into_iter().chain([top.to_owned()]);
        let folders = hierarchies.map(|root| root.join(path.trim_start_matches('/')));
        Self(folders.filter(|folder| !folder.exists()).collect())
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        for folder in &self.0 {
            // What is in use refuses.
            for child in subfolders(folder) {
                let _ = fs::remove_dir(child);
            }
            let _ = fs::remove_dir(folder);
        }
    }
}

/// None of what does not exist.
pub fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

/// Directories of all hierarchies whose own name is as `wanted` says.
pub fn find(wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut left = vec![PathBuf::from("/sys/fs/cgroup")];
    let mut found = Vec::new();
    while let Some(folder) = left.pop() {
        for child in subfolders(&folder) {
            if child.file_name().is_some_and(|name| wanted(&name.to_string_lossy())) {
                found.push(child.clone());
            }
            left.push(child);
        }
    }
    found.sort();
    found
}
