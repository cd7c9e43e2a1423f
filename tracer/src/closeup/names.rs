//! One copy of each path and address: a call on a known one allocates nothing.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

/// Names that are remembered at a time. Then all are forgotten: who uses one keeps it.
const REMEMBERED: usize = 8192;

#[derive(Default)]
pub(super) struct Names {
    known: HashSet<Arc<str>>,
    /// Reused from path to path.
    joined: String,
}

/// Bytes of a joined path; a longer one is left as it was called, or one could be made ever longer.
const JOINED_MAX: usize = 1024;

impl Names {
    pub fn name(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.known.get(text) {
            return Arc::clone(known);
        }
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        let name: Arc<str> = text.into();
        self.known.insert(Arc::clone(&name));
        name
    }

    /// Of bytes that need not be UTF-8.
    pub fn lossy(&mut self, bytes: &[u8]) -> Arc<str> {
        match String::from_utf8_lossy(bytes) {
            Cow::Borrowed(text) => self.name(text),
            Cow::Owned(text) => self.name(&text),
        }
    }

    /// `path` below `dir`.
    pub fn below(&mut self, dir: &str, path: &[u8]) -> Arc<str> {
        if dir.len() + path.len() >= JOINED_MAX {
            return self.lossy(path);
        }
        let mut joined = std::mem::take(&mut self.joined);
        joined.clear();
        joined.push_str(dir);
        if !dir.ends_with('/') {
            joined.push('/');
        }
        joined.push_str(&String::from_utf8_lossy(path));
        let name = self.name(&joined);
        self.joined = joined;
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_the_same_name() {
        let mut names = Names::default();
        let (one, other) = (names.name("/a"), names.lossy(b"/a"));
        assert!(Arc::ptr_eq(&one, &other));
        assert_eq!(&*names.lossy(b"\xff\n\0"), "\u{fffd}\n\0");
        assert_eq!((&*names.below("/a", b"b"), &*names.below("/", b"b")), ("/a/b", "/b"));
    }

    #[test]
    fn memory_is_bounded() {
        let mut names = Names::default();
        for number in 0..3 * REMEMBERED {
            names.name(&number.to_string());
        }
        assert!(names.known.len() <= REMEMBERED);
        let mut path = names.name("/");
        for _ in 0..100 {
            path = names.below(&path, &[b'x'; 100]);
        }
        assert!(path.len() <= JOINED_MAX);
    }
}
