//! A cgroup hierarchy: which cgroup has which path, as far as that is known.

use std::collections::HashMap;
use std::path::PathBuf;

use tracer_common::limits::CGROUP_PATH_LEN;

use super::cgroupfs::{self, Walk};

/// Directories that a search of the tree looks at in one call: two system calls each and more, together
/// no more than a few ms.
const WALK_STEPS: usize = 128;

/// Cgroups known at a time. Above that those that nobody needs are forgotten; they are searched for
/// when somebody does.
const CGROUPS_MAX: usize = 65_536;

pub struct Tree {
    mount: PathBuf,
    nodes: HashMap<u64, Node>,
    walk: Option<Walk>,
    /// Number of the search under way, or of the last one.
    number: u64,
    /// Another one is asked for.
    wanted: bool,
}

#[derive(Debug, Default)]
pub struct Node {
    pub path: Option<String>,
    /// Not there when we started, as far as we know.
    pub fresh: bool,
    pub ended: bool,
    /// Its path is unknown, and the search of that number has to tell.
    sought: Option<u64>,
}

impl Tree {
    /// Takes stock of the cgroups that there are. None: they cannot be read.
    pub fn new(mount: PathBuf) -> Option<Self> {
        let there = Walk::new(&mount).take(CGROUPS_MAX);
        let nodes: HashMap<u64, Node> =
            there.map(|entry| (entry.id, Node { path: Some(entry.path), ..Node::default() })).collect();
        (!nodes.is_empty()).then_some(Self { mount, nodes, walk: None, number: 0, wanted: false })
    }

    /// A cgroup was made. True: its path is news.
    pub fn made(&mut self, id: u64, path: &[u8]) -> bool {
        // One that fills its buffer may be the beginning of a longer one: it is better searched for.
        let whole = path.len() + 1 < CGROUP_PATH_LEN;
        let node = self.node(id);
        let news = node.path.is_none() && whole;
        if news {
            node.path = Some(String::from_utf8_lossy(path).into_owned());
        }
        news
    }

    /// A cgroup was removed. What is known of it stays until it is forgotten.
    pub fn removed(&mut self, id: u64) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.ended = true;
        }
    }

    /// What is known of a cgroup; of one that is new to us, that it is.
    pub fn node(&mut self, id: u64) -> &mut Node {
        self.nodes.entry(id).or_insert_with(|| Node { fresh: true, ..Node::default() })
    }

    pub fn get(&self, id: u64) -> Option<&Node> {
        self.nodes.get(&id)
    }

    /// `path` may be where the cgroup is: it is believed if it is.
    pub fn learn(&mut self, id: u64, path: String) {
        if cgroupfs::id_at(&self.mount, &path) == Some(id) {
            self.node(id).path = Some(path);
        }
    }

    /// Has a cgroup searched for; [`Self::search`] tells when it was.
    pub fn seek(&mut self, id: u64) {
        // One that is under way may have passed it already.
        let number = self.number + 1;
        let node = self.node(id);
        if node.path.is_none() && node.sought.is_none() && !node.ended {
            node.sought = Some(number);
            self.wanted = true;
        }
    }

    /// Searches on, and returns the cgroups that were found or, with [`Node::ended`], given up.
    pub fn search(&mut self) -> Vec<u64> {
        if self.walk.is_none() && std::mem::take(&mut self.wanted) {
            self.walk = Some(Walk::new(&self.mount));
            self.number += 1;
        }
        let mut news = Vec::new();
        let Some(walk) = &mut self.walk else { return news };
        for _ in 0..WALK_STEPS {
            let Some(entry) = walk.next() else {
                self.walk = None;
                self.give_up(&mut news);
                break;
            };
            if let Some(node) = self.nodes.get_mut(&entry.id)
                && node.path.is_none()
            {
                node.path = Some(entry.path);
                node.sought = None;
                news.push(entry.id);
            }
        }
        news
    }

    fn give_up(&mut self, news: &mut Vec<u64>) {
        for (id, node) in &mut self.nodes {
            if node.path.is_none() && node.sought.is_some_and(|by| by <= self.number) {
                node.sought = None;
                node.ended = true;
                news.push(*id);
            }
        }
    }

    /// Cgroups that are gone though nobody said so.
    pub fn vanished(&self, in_use: impl Fn(u64) -> bool) -> Vec<u64> {
        let is_gone = |id: u64, node: &Node| {
            let path = node.path.as_deref().filter(|_| !node.ended && in_use(id));
            path.is_some_and(|path| cgroupfs::id_at(&self.mount, path) != Some(id))
        };
        self.nodes.iter().filter(|(id, node)| is_gone(**id, node)).map(|(id, _)| *id).collect()
    }

    pub fn forget(&mut self, id: u64) {
        self.nodes.remove(&id);
    }

    /// Forgets what nobody needs if there is too much.
    pub fn make_room(&mut self, in_use: impl Fn(u64) -> bool) {
        if self.nodes.len() >= CGROUPS_MAX {
            self.nodes.retain(|id, _| in_use(*id));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn tree(cgroups: &[&str]) -> (tempfile::TempDir, Tree) {
        let dir = tempfile::tempdir().unwrap();
        for cgroup in cgroups {
            fs::create_dir_all(dir.path().join(cgroup)).unwrap();
        }
        let tree = Tree::new(dir.path().to_owned()).unwrap();
        (dir, tree)
    }

    #[test]
    fn memory_is_bounded() {
        let (dir, mut tree) = tree(&["a"]);
        let needed = cgroupfs::id_at(dir.path(), "/a").unwrap();
        for id in 0..=CGROUPS_MAX as u64 {
            tree.make_room(|id| id == needed);
            tree.made(u64::MAX - id, b"/spam");
        }
        assert!(tree.nodes.len() <= CGROUPS_MAX);
        assert!(tree.get(needed).is_some());
    }

    #[test]
    fn what_is_not_found_is_given_up() {
        let (dir, mut tree) = tree(&["a"]);
        fs::create_dir(dir.path().join("b")).unwrap();
        let there = cgroupfs::id_at(dir.path(), "/b").unwrap();
        tree.seek(there);
        tree.seek(u64::MAX);
        let mut news = tree.search();
        news.sort_unstable();
        assert_eq!(news, [there, u64::MAX]);
        assert_eq!(tree.get(there).unwrap().path.as_deref(), Some("/b"));
        assert!(tree.get(u64::MAX).unwrap().ended && !tree.get(there).unwrap().ended);
    }

    #[test]
    fn a_path_is_believed_only_if_the_cgroup_is_there() {
        let (dir, mut tree) = tree(&["a", "b"]);
        let id = cgroupfs::id_at(dir.path(), "/a").unwrap();
        tree.forget(id);
        tree.learn(id, "/b".to_owned());
        assert!(tree.get(id).is_none());
        tree.learn(id, "/a".to_owned());
        assert_eq!(tree.get(id).unwrap().path.as_deref(), Some("/a"));
    }
}
