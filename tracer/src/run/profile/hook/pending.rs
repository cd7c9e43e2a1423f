//! The file that stands beside a profile while its container is recorded: it is locked as long as the tracer lives, says
//! for whom, and afterwards why there is no profile. When the profile is there, it is gone.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::fs::OFlags;

use super::order::beside;
use crate::text::safe;

const SUFFIX: &str = ".tracing";

/// Between two looks whether the tracer has ended.
const PAUSE: Duration = Duration::from_millis(5);

/// What is read of it to be told: a line or two.
const READ_MAX: u64 = 16 << 10;

/// Of one container, by one tracer.
pub(super) struct Pending {
    path: PathBuf,
    file: File,
    /// It stays where it is when this value goes.
    kept: bool,
}

/// What became of a recording.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing is recorded: the profile is there, or no recording of that container ever began.
    Over,
    /// The tracer has ended without a profile, and said this.
    Failed(String),
    /// The tracer still works.
    Late,
}

impl Pending {
    /// Fails if another container is being recorded to the same place, or the folder cannot be written to.
    pub(super) fn begin(output: &Path, id: &str) -> Result<Self> {
        let path = beside(output, SUFFIX);
        let what =
            || format!("cannot write the profile to {}: cannot make {}", output.display(), path.display());
        let mut file = loop {
            let file =
                open(File::options().read(true).append(true).create(true), &path).with_context(what)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => bail!(
                    "cannot write the profile to {}: another container is being recorded to it; give each its \
                     own of:PATH",
                    output.display()
                ),
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("cannot lock {}", path.display()));
                }
            }
            // The one before may just have been removed.
            if file.metadata().with_context(what)?.nlink() > 0 {
                break file;
            }
        };
        // Or be that of a tracer which was killed.
        file.set_len(0).and_then(|()| file.write_all(first_line(id).as_bytes())).with_context(what)?;
        Ok(Self { path, file, kept: false })
    }

    /// Standard error goes there from now on, and stays for somebody to read.
    pub(super) fn take_stderr(&mut self) -> Result<()> {
        rustix::stdio::dup2_stderr(&self.file).context("cannot redirect standard error")?;
        self.kept = true;
        Ok(())
    }

    /// The profile is there.
    pub(super) fn done(mut self) {
        self.kept = false;
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.kept {
            // Before the lock goes with the file: who waits for it is told by its absence.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Waits for the end of the recording of that container to `output`.
pub(super) fn wait(output: &Path, id: &str, timeout: Duration) -> Result<Outcome> {
    let path = beside(output, SUFFIX);
    let what = || format!("cannot read {}", path.display());
    let mut file = match open(File::options().read(true), &path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Outcome::Over),
        Err(error) => return Err(error).with_context(what),
    };
    let deadline = Instant::now() + timeout;
    let text = read(&mut file).with_context(what)?;
    if after_first_line(&text, id).is_none() {
        return Ok(Outcome::Over);
    }
    loop {
        match file.try_lock_shared() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Ok(Outcome::Late),
            Err(TryLockError::Error(error)) => return Err(error).with_context(what),
        }
    }
    if file.metadata().with_context(what)?.nlink() == 0 {
        return Ok(Outcome::Over);
    }
    let text = text + &read(&mut file).with_context(what)?;
    let said = after_first_line(&text, id).unwrap_or_default().trim();
    let said = if said.is_empty() { "the tracer was killed" } else { said };
    Ok(Outcome::Failed(said.lines().map(safe).collect::<Vec<_>>().join("\n")))
}

/// Who may write to the folder must not lead us elsewhere.
fn open(options: &mut OpenOptions, path: &Path) -> std::io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    options.mode(0o600).custom_flags(i32::try_from(flags).unwrap_or(0)).open(path)
}

/// From where the last reading ended; lossy.
fn read(file: &mut File) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    file.take(READ_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

const BY: &str = "ctrace: process ";
const OF: &str = " records container ";

fn first_line(id: &str) -> String {
    format!("{BY}{}{OF}{}\n", std::process::id(), safe(id))
}

/// None: it is of another container.
fn after_first_line<'a>(text: &'a str, id: &str) -> Option<&'a str> {
    let (_, rest) = text.strip_prefix(BY)?.split_once(OF)?;
    rest.strip_prefix(&*safe(id))?.strip_prefix('\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(50);
    const LATE: Duration = Duration::from_mins(1);

    fn output() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("web.json");
        (folder, output)
    }

    #[test]
    fn its_end_is_waited_for() {
        let (_folder, output) = output();
        assert_eq!(wait(&output, "a", LATE).unwrap(), Outcome::Over);
        let pending = Pending::begin(&output, "a").unwrap();
        assert_eq!(wait(&output, "a", SOON).unwrap(), Outcome::Late);
        // Another container has nothing to wait for.
        assert_eq!(wait(&output, "ab", LATE).unwrap(), Outcome::Over);
        let waiter = thread::spawn({
            let output = output.clone();
            move || wait(&output, "a", LATE).unwrap()
        });
        pending.done();
        assert_eq!(waiter.join().unwrap(), Outcome::Over);
        assert!(!beside(&output, SUFFIX).exists());
    }

    #[test]
    fn one_container_at_a_time() {
        let (_folder, output) = output();
        let pending = Pending::begin(&output, "a").unwrap();
        let error = Pending::begin(&output, "b").err().unwrap().to_string();
        assert!(error.contains("another container is being recorded"), "{error}");
        drop(pending);
        Pending::begin(&output, "b").unwrap();
    }

    #[test]
    fn what_went_wrong_stays_until_the_next_recording() {
        let (_folder, output) = output();
        let fail = |said: &str| {
            let mut pending = Pending::begin(&output, "a\u{1b}").unwrap();
            pending.file.write_all(said.as_bytes()).unwrap();
            pending.kept = true;
            drop(pending);
            wait(&output, "a\u{1b}", LATE).unwrap()
        };
        assert_eq!(fail("ctrace: disk full\n"), Outcome::Failed("ctrace: disk full".into()));
        assert_eq!(fail(""), Outcome::Failed("the tracer was killed".into()));
        let Outcome::Failed(said) = fail("\u{1b}[2J\nx") else { panic!() };
        assert!(!said.contains('\u{1b}') && said.ends_with("\nx"), "{said:?}");
        Pending::begin(&output, "b").unwrap().done();
        assert!(!beside(&output, SUFFIX).exists());
    }

    #[test]
    fn no_link_leads_elsewhere() {
        let (folder, output) = output();
        std::os::unix::fs::symlink(folder.path().join("victim"), beside(&output, SUFFIX)).unwrap();
        assert!(Pending::begin(&output, "a").is_err());
        assert!(!folder.path().join("victim").exists());
        let missing = Pending::begin(&folder.path().join("no/web.json"), "a").err().unwrap();
        assert!(format!("{missing:#}").contains("No such file"), "{missing:#}");
    }
}
