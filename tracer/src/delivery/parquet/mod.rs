//! Events to Parquet files, for analysis. [`columns`] says what is in them.
//!
//! A Parquet file is readable from its last byte on. So the one that is being written is called `..partial`, and
//! what has the name that was asked for is whole. After a kill the partial one is of no use: `rotate_age` says how much
//! that is at most.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::rotation::{Generations, Rotation};
use super::{Failure, Late, Progress, Receiver};

mod columns;

use columns::Rows;

/// Rows that are handed to the writer at once: many enough for its vectors, few enough for memory.
const ROWS: usize = 4096;

/// And bytes of their lines.
const BYTES: usize = 4 << 20;

/// Encoded bytes of a row group, which is held in memory until it is written. Readers like them large.
const GROUP: usize = 16 << 20;

pub struct Parquet {
    path: PathBuf,
    rotation: Option<Rotation>,
    rows: Rows,
    file: Option<Unfinished>,
}

/// What has no end yet.
struct Unfinished {
    writer: ArrowWriter<File>,
    since: Instant,
    /// Rows in it, with those that wait.
    rows: u32,
}

impl Parquet {
    /// Makes the file, so that one that cannot be made is told at once. `rotation`: None: one file, whatever its size.
    pub fn create(path: &Path, rotation: Option<Rotation>) -> io::Result<Self> {
        let mut parquet = Self { path: path.to_owned(), rotation, rows: Rows::new(), file: None };
        parquet.file()?;
        Ok(parquet)
    }

    fn partial(&self) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(".partial");
        name.into()
    }

    /// The one at hand, or a new one.
    fn file(&mut self) -> io::Result<&mut Unfinished> {
        if self.file.is_none() {
            // Arguments and paths may hold secrets.
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(self.partial())?;
            let properties = WriterProperties::builder()
                .set_compression(Compression::SNAPPY)
                .set_created_by(concat!("ctrace ", env!("CARGO_PKG_VERSION")).to_owned())
                .build();
            let writer = ArrowWriter::try_new(file, self.rows.schema(), Some(properties)).map_err(cause)?;
            self.file = Some(Unfinished { writer, since: Instant::now(), rows: 0 });
        }
        self.file.as_mut().ok_or_else(|| io::Error::other("no file"))
    }

    fn push(&mut self, lines: &[u8]) -> io::Result<()> {
        let mut rest = lines;
        while !rest.is_empty() {
            self.file()?.rows += 1;
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            self.rows.push(rest.get(..end).unwrap_or(rest));
            rest = rest.get(end + 1..).unwrap_or_default();
            if self.rows.count() >= ROWS || self.rows.bytes() >= BYTES {
                self.write()?;
            }
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        let batch = self.rows.take().map_err(io::Error::other)?;
        let writer = &mut self.file()?.writer;
        writer.write(&batch).map_err(cause)?;
        if writer.in_progress_size() >= GROUP {
            writer.flush().map_err(cause)?;
        }
        Ok(())
    }

    /// Whether the file at hand is large or old enough.
    fn is_due(&self) -> bool {
        let (Some(rotation), Some(Unfinished { writer, since, rows })) = (&self.rotation, &self.file) else {
            return false;
        };
        let len = writer.bytes_written() + writer.in_progress_size();
        *rows > 0 && rotation.is_due((len as u64).max(1), self.rows.bytes() as u64, since.elapsed())
    }

    /// Ends the file at hand and gives it its name.
    fn finish(&mut self) -> io::Result<()> {
        if self.rows.count() > 0 {
            self.write()?;
        }
        let Some(Unfinished { writer, .. }) = &mut self.file else { return Ok(()) };
        writer.finish().map_err(cause)?;
        writer.inner().sync_all()?;
        if let Some(rotation) = &self.rotation
            && self.path.exists()
        {
            Generations::new(&self.path, rotation).shift()?;
        }
        fs::rename(self.partial(), &self.path)?;
        self.file = None;
        Ok(())
    }

    /// Without what is in the file at hand, of which nobody can read a beginning. Returns how many rows these are.
    fn give_up(&mut self) -> u32 {
        // They are in there, or would have been.
        let _ = self.rows.take();
        let Some(Unfinished { rows, .. }) = self.file.take() else { return 0 };
        // On a full disk its room is what is needed.
        let _ = fs::remove_file(self.partial());
        rows
    }

    fn finish_late(&mut self) -> Late {
        match self.finish() {
            Ok(()) => Late::default(),
            Err(error) => Late { lost: self.give_up(), error: Some(error) },
        }
    }
}

impl Receiver for Parquet {
    fn deliver(&mut self, lines: &[u8]) -> Progress {
        let before = self.file.as_ref().map_or(0, |file| file.rows);
        let done = self.push(lines).and_then(|()| if self.is_due() { self.finish() } else { Ok(()) });
        match done {
            Ok(()) => Progress::all(),
            Err(error) => {
                // Of these lines none is done.
                self.give_up();
                Progress { late: before, ..Progress::none(Failure::NoRoom(error)) }
            }
        }
    }

    fn tick(&mut self) -> Late {
        if self.is_due() { self.finish_late() } else { Late::default() }
    }

    /// A file ends here, and the next begins.
    fn reopen(&mut self) {
        if self.rotation.is_some()
            && self.file.as_ref().is_some_and(|file| file.rows > 0)
            && let Err(error) = self.finish()
        {
            log::warn!("{}: {}", self.path.display(), super::cause(&error));
        }
    }

    fn close(&mut self) -> Late {
        self.finish_late()
    }
}

/// The system's error behind it, where there is one.
fn cause(error: ParquetError) -> io::Error {
    let ParquetError::External(inner) = error else { return io::Error::other(error) };
    match inner.downcast::<io::Error>() {
        Ok(error) => *error,
        Err(other) => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests;
