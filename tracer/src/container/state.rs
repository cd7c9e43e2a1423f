//! Reading the files in which runtimes keep their state. They may be half written, huge, or not what
//! their name says; whatever is wrong is an error that names the file, and the container goes
//! without the name.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::de::DeserializeOwned;
use thiserror::Error;

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
    #[error("cannot use {}: it has more than {FILE_MAX} bytes", path.display())]
    TooLarge { path: PathBuf },
    #[error("cannot understand {}: {cause}", path.display())]
    Json { path: PathBuf, cause: serde_json::Error },
    #[error("cannot understand {}: it should hold {expected}", path.display())]
    Content { path: PathBuf, expected: &'static str },
}

/// The text of a file, lossy where it is not UTF-8.
pub fn text(path: &Path) -> Result<String, StateError> {
    let failed = |cause| StateError::Read { path: path.to_owned(), cause };
    let file = open(path)?;
    let mut bytes = Vec::new();
    file.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(StateError::TooLarge { path: path.to_owned() });
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) => String::from_utf8_lossy(e.as_bytes()).into_owned(),
    })
}

/// The fields of `T` from a JSON file.
pub fn json<T: DeserializeOwned>(path: &Path) -> Result<T, StateError> {
    let text = text(path)?;
    serde_json::from_str(&text).map_err(|cause| StateError::Json { path: path.to_owned(), cause })
}

/// A process id, alone in a file.
pub fn pid(path: &Path) -> Result<u32, StateError> {
    let text = text(path)?;
    let pid = text.trim().parse().ok().filter(|pid| *pid != 0);
    pid.ok_or_else(|| StateError::Content { path: path.to_owned(), expected: "a process id" })
}

/// What can be had of `result`; what cannot goes to the log, since state files come and go.
pub fn optional<T>(result: Result<T, StateError>) -> Option<T> {
    result.map_err(|e| log::debug!("{e}")).ok()
}

/// The names in a directory, at most [`DIR_MAX`]; none if it is not there.
pub fn names(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = dir.read_dir() else { return Vec::new() };
    entries.filter_map(Result::ok).take(DIR_MAX).map(|entry| entry.path()).collect()
}

/// Without following a link at the end: runtimes write none, and a link could lead anywhere. Without
/// blocking: a FIFO would never open.
fn open(path: &Path) -> Result<File, StateError> {
    let failed = |cause| StateError::Read { path: path.to_owned(), cause };
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file =
        OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_file() {
        Ok(file)
    } else {
        Err(StateError::NotAFile { path: path.to_owned() })
    }
}

/// Tells one content of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

impl Stamp {
    pub fn of(path: &Path) -> Option<Self> {
        let meta = path.symlink_metadata().ok()?;
        Some(Self { inode: meta.ino(), size: meta.size(), changed: (meta.ctime(), meta.ctime_nsec()) })
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
    pub fn get(&mut self, path: &Path, read: impl FnOnce(&Path) -> Result<T, StateError>) -> Option<&T> {
        let stamp = Stamp::of(path);
        if stamp.is_none() || stamp != self.stamp {
            self.stamp = stamp;
            self.value = stamp.and_then(|_| optional(read(path)));
        }
        self.value.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, FileType, Mode, mknodat};
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
        symlink(at("loop"), at("loop")).unwrap();
        symlink("/dev/zero", at("zero")).unwrap();
        mknodat(CWD, at("fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        fs::create_dir(at("dir")).unwrap();
        File::create(at("huge")).unwrap().set_len(FILE_MAX + 1).unwrap();
        fs::write(at("cut"), r#"{"pid": 1"#).unwrap();
        fs::write(at("type"), r#"{"pid": "1"}"#).unwrap();
        fs::write(at("negative"), r#"{"pid": -1}"#).unwrap();
        fs::write(at("deep"), "[".repeat(1 << 20)).unwrap();
        fs::write(at("empty"), "").unwrap();
        for name in
            ["missing", "loop", "zero", "fifo", "dir", "huge", "cut", "type", "negative", "deep", "empty"]
        {
            let error = json::<Pid>(&at(name)).expect_err(name).to_string();
            assert!(error.contains(&format!("/{name}: ")), "{error}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_kept_lossy() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        fs::write(&path, b"a\xffb").unwrap();
        assert_eq!(text(&path).unwrap(), "a\u{fffd}b");
    }

    #[test]
    fn a_pid_file_holds_a_pid() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pid");
        for (content, expected) in
            [("12\n", Some(12)), ("7", Some(7)), ("0", None), ("", None), ("-1", None), ("99999999999", None)]
        {
            fs::write(&path, content).unwrap();
            assert_eq!(pid(&path).ok(), expected, "{content:?}");
        }
    }

    #[test]
    fn a_file_is_read_again_only_when_it_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let reads = Cell::new(0);
        let mut cached = Cached::default();
        let mut get = |path: &Path| {
            cached
                .get(path, |path| {
                    reads.set(reads.get() + 1);
                    text(path)
                })
                .cloned()
        };
        assert_eq!(get(&path), None);
        fs::write(&path, "one").unwrap();
        assert_eq!(get(&path).as_deref(), Some("one"));
        assert_eq!(get(&path).as_deref(), Some("one"));
        assert_eq!(reads.get(), 1);
        fs::write(&path, "three").unwrap();
        assert_eq!(get(&path).as_deref(), Some("three"));
        fs::remove_file(&path).unwrap();
        assert_eq!(get(&path), None);
    }
}
