//! Reading the files in which runtimes keep their state. They may be half written, huge, or not what
//! their name says; whatever is wrong is an error that names the file, and the container goes
//! without the name.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::Stat;
use thiserror::Error;

use super::database::DatabaseError;

pub use super::root::Root;

/// Bytes of a state file. The largest, the list of podman's containers, has 700 bytes a container:
/// room for ten thousand.
const FILE_MAX: u64 = 8 << 20;

/// Entries looked at in one directory of containers. The kernel runs out of other things earlier.
pub const DIR_MAX: usize = 16_384;

#[derive(Debug, Error)]
pub enum StateError {
    #[error("cannot read {}: {cause}", path.display())]
    Read { path: PathBuf, cause: io::Error },
    #[error("cannot use {}: it is no regular file", path.display())]
    NotAFile { path: PathBuf },
    #[error("cannot use {}: it belongs to user {owner}, not to user {user}", path.display())]
    Foreign { path: PathBuf, owner: u32, user: u32 },
    #[error("cannot use {}: it has more than {FILE_MAX} bytes", path.display())]
    TooLarge { path: PathBuf },
    #[error("cannot understand {}: {cause}", path.display())]
    Json { path: PathBuf, cause: serde_json::Error },
    #[error("cannot understand {}: {cause}", path.display())]
    Toml { path: PathBuf, cause: Box<toml::de::Error> },
    #[error("cannot understand {}: {cause}", path.display())]
    Database { path: PathBuf, cause: DatabaseError },
    #[error("cannot understand {}: it should hold {expected}", path.display())]
    Content { path: PathBuf, expected: &'static str },
}

/// The text of a file that the kernel makes up, lossy where it is not UTF-8.
pub fn text(path: &Path) -> Result<String, StateError> {
    let file = File::open(path).map_err(|cause| StateError::Read { path: path.to_owned(), cause })?;
    read(file, || path.to_owned())
}

/// The rest of a file, lossy where it is not UTF-8; `path` is its name in messages.
pub fn read(file: impl Read, path: impl Fn() -> PathBuf) -> Result<String, StateError> {
    let mut bytes = Vec::new();
    file.take(FILE_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|cause| StateError::Read { path: path(), cause })?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(StateError::TooLarge { path: path() });
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) => String::from_utf8_lossy(e.as_bytes()).into_owned(),
    })
}

/// What can be had of `result`; what cannot goes to the log, since state files come and go.
pub fn optional<T>(result: Result<T, StateError>) -> Option<T> {
    result.map_err(|e| log::debug!("{e}")).ok()
}

/// A time as in RFC 3339, in ns since 1970. None: it is none, or the one that means never.
pub fn time_ns(text: &str) -> Option<i64> {
    let time: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok().filter(|ns| *ns > 0)
}

/// Tells one content of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    size: i64,
    changed: (i64, u64),
}

impl Stamp {
    pub fn of(stat: &Stat) -> Self {
        Self { inode: stat.st_ino, size: stat.st_size, changed: (stat.st_ctime, stat.st_ctime_nsec) }
    }
}

/// A file's meaning, read anew only when the file has changed.
#[derive(Debug)]
pub struct Cached<T> {
    stamp: Option<Stamp>,
    value: Option<T>,
}

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Self { stamp: None, value: None }
    }
}

impl<T> Cached<T> {
    pub fn get(
        &mut self,
        root: &Root,
        path: &Path,
        read: impl FnOnce(&Root, &Path) -> Result<T, StateError>,
    ) -> Option<&T> {
        let stamp = root.stamp(path);
        if stamp.is_none() || stamp != self.stamp {
            self.stamp = stamp;
            self.value = stamp.and_then(|_| optional(read(root, path)));
        }
        self.value.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Pid {
        pid: u32,
    }

    #[test]
    fn what_is_no_state_file_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("dir")).unwrap();
        File::create(at("huge")).unwrap().set_len(FILE_MAX + 1).unwrap();
        fs::write(at("cut"), r#"{"pid": 1"#).unwrap();
        fs::write(at("type"), r#"{"pid": "1"}"#).unwrap();
        fs::write(at("negative"), r#"{"pid": -1}"#).unwrap();
        fs::write(at("deep"), "[".repeat(1 << 20)).unwrap();
        fs::write(at("empty"), "").unwrap();
        let root = Root::new(dir.path()).unwrap();
        for name in ["missing", "dir", "huge", "cut", "type", "negative", "deep", "empty"] {
            let path = Path::new("/").join(name);
            let error = root.json::<Pid>(&path).expect_err(name).to_string();
            assert!(error.contains(&format!("/{name}: ")), "{error}");
            let error = root.toml::<Pid>(&path).expect_err(name).to_string();
            assert!(error.contains(&format!("/{name}: ")), "{error}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_kept_lossy() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        fs::write(&path, b"a\xffb").unwrap();
        assert_eq!(text(&path).unwrap(), "a\u{fffd}b");
        assert!(text(&dir.path().join("y")).unwrap_err().to_string().contains("/y: No such file"));
    }

    #[test]
    fn times_are_those_after_1970() {
        for (text, expected) in [
            ("2026-11-23T20:33:06.752006Z", Some(1_795_465_986_752_006_000)),
            ("2026-11-23T21:33:06.752006001+01:00", Some(1_795_465_986_752_006_001)),
            ("0001-01-01T00:00:00Z", None),
            ("9999-12-30T00:00:00Z", None),
            ("", None),
            ("today", None),
        ] {
            assert_eq!(time_ns(text), expected, "{text}");
        }
    }

    #[test]
    fn a_file_is_read_again_only_when_it_changed() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path()).unwrap();
        let path = dir.path().join("x");
        let reads = Cell::new(0);
        let mut cached = Cached::default();
        let mut get = || {
            cached
                .get(&root, Path::new("/x"), |root, path| {
                    reads.set(reads.get() + 1);
                    root.text(path)
                })
                .cloned()
        };
        assert_eq!(get(), None);
        fs::write(&path, "one").unwrap();
        assert_eq!(get().as_deref(), Some("one"));
        assert_eq!(get().as_deref(), Some("one"));
        assert_eq!(reads.get(), 1);
        fs::write(&path, "three").unwrap();
        assert_eq!(get().as_deref(), Some("three"));
        fs::remove_file(&path).unwrap();
        assert_eq!(get(), None);
    }
}
