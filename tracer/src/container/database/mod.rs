//! What engines keep in databases: names, labels, pods. Read from the file, without asking the engine,
//! without its locks, and without writing anything.
//!
//! ```text
//! podman containerd   what is where in an engine's database
//! bolt sqlite         the formats, over bytes in memory
//! snapshot            a file's bytes between two of its writer's transactions
//! ```
//!
//! A user's own store is whatever the user makes of it. So whatever is read is charged to a
//! [`Budget`] that only a file that says the same thing again and again can exhaust.

mod bolt;
pub mod containerd;
pub mod podman;
mod snapshot;
mod sqlite;

use std::cell::Cell;
use std::io;

use thiserror::Error;

pub use super::record::Extra;

/// How a database is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// podman 4's `libpod/bolt_state.db`, containerd's `meta.db`.
    Bolt,
    /// podman 5's `db.sql`.
    Sqlite,
}

/// Why a database told nothing. It does not name the file: that is the caller's.
#[derive(Debug, Error)]
pub enum DatabaseError {
    #[error("cannot read it: {0}")]
    Read(#[from] io::Error),
    #[error("it has more than {} bytes", snapshot::BYTES_MAX)]
    TooLarge,
    #[error(
        "its engine changed it during each of {} reads; it is read again when next asked for",
        snapshot::TRIES
    )]
    Busy,
    #[error("it is damaged, or no database of this kind: {0}")]
    Damaged(&'static str),
    #[error("SQLite refused it: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// Bytes that may still be read of a database, and kept of what was read.
struct Budget {
    read: Cell<usize>,
    kept: Cell<usize>,
}

impl Budget {
    /// An honest file holds each thing once. A bucket inside a page is read with the page, and then
    /// by itself; and there is something to spare.
    const READS: usize = 4;

    /// Enough for forty thousand containers with ten labels.
    const KEPT: usize = 64 << 20;

    /// What a container or a label takes beside its text.
    const ENTRY: usize = 256;
    const LABEL: usize = 96;

    fn of(file: &[u8]) -> Self {
        let read = file.len().saturating_mul(Self::READS);
        Self { read: Cell::new(read), kept: Cell::new(Self::KEPT) }
    }

    fn charge(&self, bytes: usize) -> Result<(), DatabaseError> {
        let left = self.read.get().checked_sub(bytes);
        self.read.set(left.ok_or(DatabaseError::Damaged("it leads back to the same bytes again and again"))?);
        Ok(())
    }

    fn keep(&self, bytes: usize) -> Result<(), DatabaseError> {
        let left = self.kept.get().checked_sub(bytes);
        self.kept.set(left.ok_or(DatabaseError::Damaged("it says more than all containers of a host need"))?);
        Ok(())
    }

    fn keep_entry(&self, id: &str, extra: &Extra) -> Result<(), DatabaseError> {
        let Extra { name, image, image_id, labels, pod_id, pod_name, healthcheck, started_ns: _, pid: _ } =
            extra;
        let texts = [name, image, image_id, pod_id, pod_name].into_iter().flatten().chain(healthcheck);
        let labels = labels.iter().map(|(key, value)| Self::LABEL + key.len() + value.len());
        self.keep(Self::ENTRY + id.len() + texts.map(String::len).chain(labels).sum::<usize>())
    }
}

#[cfg(test)]
mod testing {
    use std::fs::{self, File};
    use std::path::{Path, PathBuf};

    use proptest::prelude::*;
    use proptest::sample::Index;

    pub fn path(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/database").join(name)
    }

    /// A file of `tests/fixtures/database`.
    pub fn bytes(name: &str) -> Vec<u8> {
        fs::read(path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub fn file(name: &str) -> File {
        File::open(path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// A file in memory of the test's own.
    pub fn file_of(bytes: &[u8]) -> File {
        use std::io::Write;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is what an Extra has")]
    pub fn text(s: &str) -> Option<String> {
        Some(s.to_owned())
    }

    pub fn labels(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    /// Bytes to change, at which place of the file, and where to end it. Most of a database is text,
    /// or free: half of the places are in the heads of pages.
    #[derive(Debug)]
    pub struct Damage {
        bytes: Vec<(Index, u8)>,
        end: Option<Index>,
    }

    pub fn damage() -> impl Strategy<Value = Damage> {
        let end = proptest::option::weighted(0.2, any::<Index>());
        let bytes = proptest::collection::vec(any::<(Index, u8)>(), 1..32);
        (bytes, end).prop_map(|(bytes, end)| Damage { bytes, end })
    }

    pub fn damaged(mut file: Vec<u8>, damage: &Damage) -> Vec<u8> {
        const PAGE: usize = 4096;
        for (n, (at, byte)) in damage.bytes.iter().enumerate() {
            let at = at.index(file.len());
            let in_head = at / PAGE * PAGE + at % 128;
            file[if n % 2 == 0 { in_head } else { at }] = *byte;
        }
        let end = damage.end.map_or(file.len(), |end| end.index(file.len()));
        file.truncate(end);
        file
    }
}
