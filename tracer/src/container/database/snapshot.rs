//! A database's bytes as they are between two transactions of its writer, without a lock.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::param::page_size;
use rustix::process::{Flock, FlockType, fcntl_getlk};

use super::{DatabaseError, Kind};

/// podman takes 14 to 20 KiB for a container, containerd 8: room for three thousand.
pub const BYTES_MAX: usize = 64 << 20;

/// A transaction takes a few milliseconds, and engines make them one by one.
pub const TRIES: usize = 3;

/// A database's first bytes, by which SQLite tells one content from another.
/// <https://www.sqlite.org/fileformat.html#file_change_counter>
const SQLITE_HEAD: usize = 100;

/// What SQLite's writer locks while it writes.
/// <https://github.com/sqlite/sqlite/blob/version-3.46.1/src/os.h#L160-L162>
const SQLITE_SHARED: (u64, u64) = (0x4000_0002, 510);

/// How one sees that a file was written to.
struct Signs<'a> {
    /// Bytes at the start that each transaction changes.
    head: usize,
    /// Whether somebody is writing now.
    writing: &'a dyn Fn(&File) -> io::Result<bool>,
}

pub fn read(file: &File, kind: Kind) -> Result<Vec<u8>, DatabaseError> {
    read_with(
        file,
        &match kind {
            // The two meta pages. A transaction writes to pages that the one before it does not use,
            // and then to a meta page: until that changes, all that belongs to it is whole.
            // https://github.com/etcd-io/bbolt/blob/v1.3.11/tx.go#L139
            Kind::Bolt => Signs { head: 2 * page_size(), writing: &|_| Ok(false) },
            // SQLite writes over what is there, so it must not be writing. The first page, which has
            // the counter of changes, comes first.
            Kind::Sqlite => Signs { head: SQLITE_HEAD, writing: &sqlite_writes },
        },
    )
}

fn read_with(file: &File, signs: &Signs) -> Result<Vec<u8>, DatabaseError> {
    for _ in 0..TRIES {
        let before = start(file, signs.head)?;
        if (signs.writing)(file)? {
            continue;
        }
        let bytes = start(file, usize::MAX)?;
        if !(signs.writing)(file)? && start(file, signs.head)? == before && bytes.starts_with(&before) {
            return Ok(bytes);
        }
    }
    Err(DatabaseError::Busy)
}

/// A file's first bytes; all of them if there are fewer.
fn start(file: &File, bytes: usize) -> Result<Vec<u8>, DatabaseError> {
    let size = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    if size > BYTES_MAX {
        return Err(DatabaseError::TooLarge);
    }
    let mut buffer = vec![0; size.min(bytes)];
    file.read_exact_at(&mut buffer, 0)?;
    Ok(buffer)
}

/// Asks whether a lock could be had, and takes none.
fn sqlite_writes(file: &File) -> io::Result<bool> {
    let (start, length) = SQLITE_SHARED;
    let shared = Flock { start, length, ..Flock::from(FlockType::ReadLock) };
    Ok(fcntl_getlk(file, &shared)?.is_some())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;

    use rustix::fs::{FlockOperation, flock};

    use super::super::testing::file_of;
    use super::*;

    /// What is read of 8 bytes of which `change` may change the first 2.
    fn read_while(change: impl Fn(&File, u8) -> bool) -> Result<Vec<u8>, DatabaseError> {
        let asked = Cell::new(0);
        let file = file_of(b"01234567");
        let writing = |file: &File| {
            asked.set(asked.get() + 1);
            Ok(change(file, asked.get()))
        };
        read_with(&file, &Signs { head: 2, writing: &writing })
    }

    #[test]
    fn what_nobody_writes_to_is_read_at_once() {
        assert_eq!(read_while(|_, _| false).unwrap(), b"01234567");
        assert_eq!(read_while(|_, asked| asked == 1).unwrap(), b"01234567");
    }

    #[test]
    fn a_change_under_the_read_makes_it_read_again() {
        let written_once = |at| {
            move |file: &File, asked| {
                if asked == at {
                    file.write_all_at(b"ab", 0).unwrap();
                }
                false
            }
        };
        assert_eq!(read_while(written_once(1)).unwrap(), b"ab234567");
        assert_eq!(read_while(written_once(2)).unwrap(), b"ab234567");
        let always = |file: &File, asked: u8| {
            file.write_all_at(&[asked], 1).unwrap();
            false
        };
        assert!(matches!(read_while(always), Err(DatabaseError::Busy)));
        assert!(matches!(read_while(|_, _| true), Err(DatabaseError::Busy)));
    }

    #[test]
    fn a_lock_does_not_stop_the_read_and_nothing_appears_beside_the_file() {
        for kind in [Kind::Bolt, Kind::Sqlite] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("db");
            fs::write(&path, b"0123").unwrap();
            let engine = File::options().read(true).write(true).open(&path).unwrap();
            flock(&engine, FlockOperation::NonBlockingLockExclusive).unwrap();
            assert_eq!(read(&File::open(&path).unwrap(), kind).unwrap(), b"0123");
            assert_eq!(dir.path().read_dir().unwrap().count(), 1);
        }
    }

    #[test]
    fn what_is_too_large_is_not_read() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(BYTES_MAX as u64 + 1).unwrap();
        assert!(matches!(read(&file, Kind::Bolt), Err(DatabaseError::TooLarge)));
        let dir = File::open("/").unwrap();
        assert!(matches!(read(&dir, Kind::Bolt), Err(DatabaseError::Read(_))));
    }
}
