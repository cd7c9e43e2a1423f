//! Older generations of a file: `x.json.1` is the youngest. From the second one on they may be compressed; a reader of
//! the first can finish it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress};

use super::spec::Compression;

/// When a file is put aside and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Before it is larger, bytes.
    pub size: Option<u64>,
    /// When it is older.
    pub age: Option<Duration>,
    /// Generations that are kept beside the file itself.
    pub keep: u32,
    pub compression: Compression,
}

impl Rotation {
    pub fn is_due(&self, len: u64, more: u64, age: Duration) -> bool {
        let large = self.size.is_some_and(|size| len.saturating_add(more) > size);
        // An empty file is as good as a new one.
        len > 0 && (large || self.age.is_some_and(|limit| age >= limit))
    }
}

/// The generations of one file.
pub struct Generations {
    path: PathBuf,
    keep: u32,
    compression: Compression,
    /// Compressing takes longer than a receiver may: one at a time does it beside.
    compressor: Option<JoinHandle<()>>,
}

impl Generations {
    pub fn new(path: &Path, rotation: &Rotation) -> Self {
        let Rotation { keep, compression, .. } = *rotation;
        Self { path: path.to_owned(), keep, compression, compressor: None }
    }

    /// Names move while nobody compresses.
    pub fn is_busy(&self) -> bool {
        self.compressor.as_ref().is_some_and(|compressor| !compressor.is_finished())
    }

    /// Makes room for a new file: the oldest goes, the others move up.
    pub fn shift(&mut self) -> io::Result<()> {
        for suffix in Compression::SUFFIXES {
            forgive(fs::remove_file(self.nth(self.keep, suffix)))?;
        }
        for generation in (1..self.keep).rev() {
            for suffix in Compression::SUFFIXES {
                forgive(fs::rename(self.nth(generation, suffix), self.nth(generation + 1, suffix)))?;
            }
        }
        fs::rename(&self.path, self.nth(1, ""))?;
        self.compress()
    }

    fn nth(&self, generation: u32, suffix: &str) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{generation}{suffix}"));
        name.into()
    }

    fn compress(&mut self) -> io::Result<()> {
        let Some(suffix) = self.compression.suffix() else { return Ok(()) };
        let plain = (2..=self.keep).map(|nth| (self.nth(nth, ""), self.nth(nth, suffix)));
        let plain: Vec<_> = plain.filter(|(from, _)| from.exists()).collect();
        if plain.is_empty() {
            return Ok(());
        }
        let compression = self.compression;
        let work = move || {
            for (from, to) in plain {
                if let Err(error) = replace(&from, &to, compression) {
                    log::warn!("cannot compress {}: {}", from.display(), super::cause(&error));
                }
            }
        };
        self.compressor = Some(thread::Builder::new().name("compress".to_owned()).spawn(work)?);
        Ok(())
    }

    pub fn finish(&mut self) {
        if let Some(compressor) = self.compressor.take() {
            // What it could not do it has said.
            _ = compressor.join();
        }
    }
}

fn forgive(outcome: io::Result<()>) -> io::Result<()> {
    outcome.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// The compressed file takes the place of the plain one once it is whole.
fn replace(from: &Path, to: &Path, compression: Compression) -> io::Result<()> {
    let mut name = to.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let made = pack(from, &part, compression).and_then(|()| fs::rename(&part, to));
    if made.is_err() {
        // It may never have been there.
        _ = fs::remove_file(&part);
    }
    made.and_then(|()| fs::remove_file(from))
}

fn pack(from: &Path, to: &Path, compression: Compression) -> io::Result<()> {
    let mut from = File::open(from)?;
    let to = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(to)?;
    match compression {
        Compression::None => io::copy(&mut from, &mut &to).map(drop),
        Compression::Gzip => {
            let mut encoder = GzEncoder::new(to, flate2::Compression::default());
            io::copy(&mut from, &mut encoder)?;
            encoder.finish().map(drop)
        }
        Compression::Zstd => {
            let (mut source, mut drain) = (Kept::new(from), Kept::new(to));
            compress(&mut source, &mut drain, CompressionLevel::Fastest);
            source.outcome()?;
            drain.outcome()
        }
    }
}

/// The encoder takes no error for an answer: what fails looks like an end to it, and is told afterwards.
struct Kept<F> {
    file: F,
    error: Option<io::Error>,
}

impl<F> Kept<F> {
    const fn new(file: F) -> Self {
        Self { file, error: None }
    }

    fn outcome(self) -> io::Result<()> {
        self.error.map_or(Ok(()), Err)
    }
}

impl<F: Read> Read for Kept<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.file.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
            Err(error) => {
                self.error = Some(error);
                Ok(0)
            }
            read => read,
        }
    }
}

impl<F: Write> Write for Kept<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.error.is_none() {
            self.error = self.file.write_all(bytes).err();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn rotation(compression: Compression) -> Rotation {
        Rotation { size: Some(10), age: Some(Duration::from_mins(1)), keep: 3, compression }
    }

    #[test]
    fn size_and_age_are_limits_of_what_is_not_empty() {
        let rotation = rotation(Compression::None);
        let young = Duration::ZERO;
        assert!(!rotation.is_due(0, 100, Duration::MAX));
        assert_eq!([rotation.is_due(4, 6, young), rotation.is_due(4, 7, young)], [false, true]);
        assert!(rotation.is_due(1, 1, Duration::from_mins(1)));
    }

    #[test]
    fn generations_move_up_and_the_oldest_goes() {
        for (compression, unpack) in
            [(Compression::None, "cat"), (Compression::Gzip, "zcat"), (Compression::Zstd, "zstdcat")]
        {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x.json");
            let mut generations = Generations::new(&path, &rotation(compression));
            for round in 0..5 {
                fs::write(&path, format!("{round} ").repeat(100_000)).unwrap();
                generations.shift().unwrap();
                generations.finish();
            }
            let mut names: Vec<_> = fs::read_dir(folder.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            let suffix = compression.suffix().unwrap_or_default();
            assert_eq!(
                names,
                ["x.json.1".to_owned(), format!("x.json.2{suffix}"), format!("x.json.3{suffix}")]
            );
            let oldest = Command::new(unpack).arg(folder.path().join(&names[2])).output().unwrap();
            assert!(oldest.stdout == "2 ".repeat(100_000).into_bytes(), "{unpack}: {oldest:?}");
        }
    }

    #[test]
    fn what_cannot_be_compressed_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("x");
        fs::write(&from, "lines\n".repeat(100_000)).unwrap();
        // No room for a single byte.
        let full = Path::new("/dev/full");
        for compression in [Compression::Gzip, Compression::Zstd] {
            let error = pack(&from, full, compression).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::StorageFull);
        }
        assert!(replace(&from, &folder.path().join("no/such"), Compression::Gzip).is_err());
        assert!(from.exists());
    }
}
