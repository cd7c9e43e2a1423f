//! Files that ctrace writes, and the terminal.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};

use crate::batch::Session;
use crate::recording::Recorder;

/// A new file that only its owner can read: arguments and paths may hold secrets.
pub(super) fn create(path: &Path) -> Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot create {}", path.display()))
}

pub(super) fn recorder(path: &Path, session: &Session) -> Result<Recorder<BufWriter<File>>> {
    Recorder::new(BufWriter::new(create(path)?), session)
        .with_context(|| format!("cannot write the recording {}", path.display()))
}

/// On a terminal that can, unless the user said no: <https://no-color.org>.
pub(super) fn colour_wanted() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stdout().is_terminal() && !set("NO_COLOR") && !dumb
}
