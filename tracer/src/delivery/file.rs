//! Lines at the end of a file, which others may move away, cut short or remove meanwhile.
//!
//! The file is opened for appending: who copies it and cuts it off (`copytruncate`) makes no hole. Whole lines go in one
//! `write(2)`; of a line that a full disk has cut nothing stays.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::line::{self, Wire};
use super::rotation::{Generations, Rotation};
use super::{Failure, Late, Progress, Receiver};

/// Who moves a file away may want to make the new one himself: that long nothing is put in its place.
const GRACE: Duration = Duration::from_secs(1);

/// A rotation that failed is not tried again before.
const AGAIN: Duration = Duration::from_mins(1);

pub struct LogFile {
    path: PathBuf,
    rotation: Rotation,
    generations: Generations,
    now: Box<dyn Fn() -> SystemTime + Send>,
    open: Option<Open>,
    /// Since when there is nothing at the path.
    missing: Option<Instant>,
    rotation_failed: Option<Instant>,
}

struct Open {
    file: File,
    device: u64,
    inode: u64,
    began: SystemTime,
    /// Others cannot be cut, moved or rotated.
    regular: bool,
}

impl LogFile {
    /// Opens it, and makes it if need be, for its owner alone: arguments and paths may hold secrets.
    pub fn open(
        path: &Path,
        rotation: Rotation,
        now: impl Fn() -> SystemTime + Send + 'static,
    ) -> io::Result<Self> {
        let mut file = Self {
            path: path.to_owned(),
            rotation,
            generations: Generations::new(path, &rotation),
            now: Box::new(now),
            open: None,
            missing: None,
            rotation_failed: None,
        };
        file.open_anew()?;
        Ok(file)
    }

    fn open_anew(&mut self) -> io::Result<()> {
        self.open = None;
        self.missing = None;
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
        let metadata = file.metadata()?;
        let regular = metadata.is_file();
        if regular && !ends_in_newline(&self.path, &metadata) {
            // Somebody was killed here in the middle of a line.
            file.write_all(b"\n")?;
        }
        let began = match metadata.created() {
            Ok(created) if metadata.len() > 0 => created,
            Ok(_) | Err(_) => (self.now)(),
        };
        self.open = Some(Open { file, device: metadata.dev(), inode: metadata.ino(), began, regular });
        Ok(())
    }

    /// Opens what is now at the path, if that is not the file that is open.
    fn follow(&mut self) -> io::Result<()> {
        let Some(open) = &self.open else { return self.open_anew() };
        if !open.regular {
            return Ok(());
        }
        match self.path.metadata() {
            Ok(there) if (there.dev(), there.ino()) == (open.device, open.inode) => {
                self.missing = None;
                Ok(())
            }
            Ok(_) => self.open_anew(),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let since = *self.missing.get_or_insert_with(Instant::now);
                let removed = open.file.metadata().is_ok_and(|metadata| metadata.nlink() == 0);
                if removed || since.elapsed() >= GRACE { self.open_anew() } else { Ok(()) }
            }
            Err(error) => {
                self.open = None;
                Err(error)
            }
        }
    }

    /// Puts the file aside if `more` bytes are too many for it, or it is too old.
    fn rotate(&mut self, more: usize) -> io::Result<()> {
        let Some(open) = &self.open else { return Ok(()) };
        let Rotation { size, age, .. } = self.rotation;
        let lately = self.rotation_failed.is_some_and(|failed| failed.elapsed() < AGAIN);
        if (size.is_none() && age.is_none()) || !open.regular || lately || self.missing.is_some() {
            return Ok(());
        }
        let age = (self.now)().duration_since(open.began).unwrap_or_default();
        let len = open.file.metadata()?.len();
        if !self.rotation.is_due(len, more as u64, age) || self.generations.is_busy() {
            return Ok(());
        }
        match self.generations.shift() {
            Ok(()) => {
                self.rotation_failed = None;
                self.open_anew()
            }
            Err(error) => {
                // A file that is too large is better than none.
                self.rotation_failed = Some(Instant::now());
                log::warn!("cannot rotate {}: {}; it grows on", self.path.display(), super::cause(&error));
                self.follow()
            }
        }
    }
}

impl Receiver for LogFile {
    fn deliver(&mut self, lines: &[u8]) -> Progress {
        if let Err(error) = self.follow().and_then(|()| self.rotate(lines.len())) {
            let failure = line::failure(error);
            return Progress::none(if let Failure::Refused(error) = failure {
                Failure::Unreachable(error)
            } else {
                failure
            });
        }
        let Some(Open { file, regular, .. }) = &mut self.open else {
            return Progress::none(Failure::Unreachable(ErrorKind::NotFound.into()));
        };
        let (written, stop) = line::write(file, lines);
        let cut = Wire { bytes: lines, ends: None }.cut(written);
        if cut.begun.is_some() && *regular {
            let whole = lines.get(..written).and_then(|lines| memchr::memrchr(b'\n', lines));
            let torn = written - whole.map_or(0, |end| end + 1);
            if let Err(error) = cut_off(file, torn as u64) {
                return Progress {
                    done: cut.whole,
                    stop: Some(Failure::Refused(error)),
                    ..Progress::default()
                };
            }
        }
        Progress { done: cut.whole, stop, ..Progress::default() }
    }

    fn tick(&mut self) -> Late {
        let error = self.follow().and_then(|()| self.rotate(0)).err();
        Late { lost: 0, error }
    }

    fn reopen(&mut self) {
        // What it was is forgotten even if there is nothing new: the next line tells.
        _ = self.open_anew();
    }

    fn close(&mut self) -> Late {
        self.generations.finish();
        Late::default()
    }
}

/// Takes the last `torn` bytes away.
fn cut_off(file: &File, torn: u64) -> io::Result<()> {
    file.set_len(file.metadata()?.len().saturating_sub(torn))
}

fn ends_in_newline(path: &Path, metadata: &Metadata) -> bool {
    if metadata.len() == 0 || metadata.file_type().is_fifo() {
        return true;
    }
    let last = || -> io::Result<[u8; 1]> {
        let mut file = File::open(path)?;
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        Ok(last)
    };
    // One that cannot be read is not mended either.
    last().map_or(true, |last| last == *b"\n")
}

#[cfg(test)]
mod tests;
