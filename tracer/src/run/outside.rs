//! What a key of the screen does outside of it: files, and the command line that gives the same.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use rustix::fs::OFlags;

use super::with_errno_names;
use crate::batch::Session;
use crate::cli::TopArgs;
use crate::container::Container;
use crate::doctor::shell_words;
use crate::export::{Format, Table, render};
use crate::profile::{Evidence, Options, Reason, Verdict, generate};
use crate::snapshot::{Row, Snapshot, Subject, SubjectId};
use crate::text::safe;
use crate::tui::{self, outside::Scope};

/// Files of the same second.
const ATTEMPTS: u32 = 100;

/// Views of what `ctrace trace` prints one by one.
const EVENTS: &[&str] = &["processes", "files", "network", "events"];

/// What the screen may ask for.
pub(super) struct Outside {
    folder: PathBuf,
    names: Vec<String>,
    filters: Vec<String>,
    host: bool,
    replay: Option<PathBuf>,
    demo: bool,
    session: Session,
}

impl Outside {
    pub(super) fn new(args: &TopArgs, session: Session) -> anyhow::Result<Self> {
        Ok(Self {
            session,
            folder: std::env::current_dir().context("cannot tell the working directory")?,
            names: args.containers.names.clone(),
            filters: args.containers.filters.iter().map(ToString::to_string).collect(),
            host: args.host,
            replay: args.replay.clone(),
            demo: args.demo,
        })
    }
}

impl tui::Outside for Outside {
    fn write_profile(&self, snapshot: &Snapshot, of: &SubjectId) -> Result<String, String> {
        let (path, worth) = write_profile(snapshot, &self.session, of, &self.folder)?;
        Ok(format!("{}: {worth}", path.display()))
    }

    fn command_line(&self, snapshot: &Snapshot, scope: &Scope) -> String {
        let opened = scope.of.as_ref().and_then(|of| designation(snapshot, &of.id()));
        let host = self.host || matches!(scope.of, Some(Subject::Host));
        let containers = opened.map_or_else(|| self.names.clone(), |name| vec![name]);
        let events: Vec<&str> = scope.call.as_deref().into_iter().collect();
        let only = if scope.errno.is_some() { Only::Failed } else { Only::All };
        // Words of the filter that was typed are looked for in texts; no command has them.
        let typed = scope.filter.split_whitespace().filter(|word| word.contains('=')).map(str::to_owned);
        let filters: Vec<String> = self.filters.iter().cloned().chain(typed).collect();
        let (filters, replay) = (filters.as_slice(), self.replay.as_deref());
        let (containers, events) = (containers.as_slice(), events.as_slice());
        command_line(&Shown {
            view: scope.view,
            containers,
            filters,
            host,
            events,
            only,
            replay,
            demo: self.demo,
        })
    }

    fn export(&self, table: &Table, format: Format, wall_ns: i64) -> Result<String, String> {
        let path = export(table, format, &self.folder, wall_ns)?;
        Ok(format!("wrote {}", path.display()))
    }
}

/// Writes the table into a new file of `folder`, named by its title and the time (ns since 1970, in UTC).
/// Only its owner can read it: names and paths may tell secrets. Under sudo that is who called sudo.
pub fn export(table: &Table, format: Format, folder: &Path, wall_ns: i64) -> Result<PathBuf, String> {
    let stem = format!("ctrace-{}-{}", plain(&table.title), stamp(wall_ns));
    write_new(folder, &stem, format.extension(), &render(table, format), Owner::wanted())
}

/// Writes the seccomp profile of a container into a new file of `folder`, its evidence beside it, and says what it is
/// worth.
///
/// Whether the container was watched from its start is told by what its runtime did before: after an `exec`
/// into an older container it may be taken for complete.
pub fn write_profile(
    snapshot: &Snapshot,
    session: &Session,
    subject: &SubjectId,
    folder: &Path,
) -> Result<(PathBuf, String), String> {
    let row = snapshot.rows.iter().find(|row| row.subject.id() == *subject);
    let row = row.ok_or("no profile was written: the container is not there any more")?;
    let SubjectId::Container { id, .. } = subject else {
        return Err(format!(
            "no profile was written: {} is no container; choose one in the list of containers",
            safe(row.name())
        ));
    };
    let generated = generate(row, snapshot, &Options::default());
    let text = generated.profile.to_json().map_err(|error| format!("no profile was written: {error}"))?;
    let id: String = plain(id).chars().take(12).collect();
    let stem = format!("ctrace-seccomp-{}-{id}-{}", plain(row.name()), stamp(snapshot.wall_ns));
    let evidence = Evidence::new(&generated, row, snapshot, session);
    let evidence = evidence.to_json().map_err(|error| format!("no profile was written: {error}"))?;
    let path = write_new(folder, &stem, "json", &text, Owner::wanted())?;
    // The profile's name may have got a number.
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    write_new(folder, &stem, "evidence.json", &evidence, Owner::wanted())
        .map_err(|why| format!("{} was written, its evidence was not: {why}", path.display()))?;
    Ok((path, sentence(generated.profile.names.len(), &generated.verdict)))
}

/// `84 system calls allowed; complete: ..`, in one line.
fn sentence(allowed: usize, verdict: &Verdict) -> String {
    match verdict {
        Verdict::Complete => {
            format!("{allowed} system calls allowed; complete: watched from its start, nothing lost")
        }
        Verdict::Partial(reasons) => {
            let reasons: Vec<String> = reasons.iter().map(reason).collect();
            format!("{allowed} system calls allowed; partial: {}", reasons.join("; "))
        }
    }
}

fn reason(reason: &Reason) -> String {
    match reason {
        // On the screen there is no place for what else could be done.
        Reason::StartMissed => "the container was running before ctrace".to_owned(),
        Reason::NothingSeen | Reason::Lost { .. } | Reason::Unnamed { .. } => reason.to_string(),
    }
}

/// What is on the screen, as far as a command for scripts can say it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown<'a> {
    /// Its name; where it is not one of these, counts are shown: `processes`, `files`, `network`, `events`,
    /// which are made of events, and `problems`, of those that failed.
    pub view: &'a str,
    /// Names or beginnings of ids, as the user gave them or as one in the list is told from all others.
    pub containers: &'a [String],
    /// `key=value` or `key!=value`, as `--filter` takes them.
    pub filters: &'a [String],
    /// What runs in no container is shown too.
    pub host: bool,
    /// Names of calls or events, as `-e` takes them.
    pub events: &'a [&'a str],
    /// Only what failed, or what was refused. Of one errno or one process alone there is no such command.
    pub only: Only,
    /// What is shown if it is not the machine.
    pub replay: Option<&'a Path>,
    pub demo: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Only {
    #[default]
    All,
    Failed,
    Denied,
}

/// The command line for a shell. It has no control characters, whatever the names in it.
pub fn command_line(shown: &Shown) -> String {
    let Shown { view, containers, filters, host, events, only, replay, demo } = shown;
    let mut words: Vec<OsString> = Vec::new();
    let live = replay.is_none() && !demo;
    words.extend(live.then(|| "sudo".into()));
    words.push("ctrace".into());
    let only = if *view == "problems" && *only == Only::All { Only::Failed } else { *only };
    if EVENTS.contains(view) || only != Only::All || !events.is_empty() {
        words.push("trace".into());
        for event in *events {
            words.extend(["-e".into(), (*event).into()]);
        }
        match only {
            Only::All => {}
            Only::Failed => words.push("--failed".into()),
            Only::Denied => words.push("--denied".into()),
        }
    } else {
        words.extend(["top", "--once", "--format", "json"].map(OsString::from));
    }
    words.extend(host.then(|| "--host".into()));
    if let Some(file) = replay {
        words.extend(["--replay".into(), file.as_os_str().to_owned()]);
    }
    words.extend(demo.then(|| "--demo".into()));
    for filter in *filters {
        words.extend(["--filter".into(), filter.into()]);
    }
    // A name may look like an option.
    words.extend(containers.iter().any(|name| name.starts_with('-')).then(|| "--".into()));
    words.extend(containers.iter().map(OsString::from));
    shell_words(words.iter().map(OsString::as_os_str))
}

/// What tells a container from all others in the list: its name, else the beginning of its id. None: it is
/// no container, or nothing tells it.
pub fn designation(snapshot: &Snapshot, subject: &SubjectId) -> Option<String> {
    let container = |row: &Row| match &row.subject {
        Subject::Container(container) => Some(Arc::clone(container)),
        Subject::Host | Subject::Unknown { .. } => None,
    };
    let all: Vec<_> = snapshot.rows.iter().filter_map(container).collect();
    let found = snapshot.rows.iter().find(|row| row.subject.id() == *subject).and_then(container)?;
    let short: String = found.id.chars().take(12).collect();
    let is_meant = |c: &Container, word: &str| c.name.as_deref() == Some(word) || c.id.starts_with(word);
    let mut words = [found.name.clone(), Some(short), Some(found.id.clone())].into_iter().flatten();
    words.find(|word| !word.is_empty() && all.iter().filter(|c| is_meant(c, word)).count() == 1)
}

/// To whom a new file is given; None: it stays ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owner(Option<(u32, u32)>);

impl Owner {
    /// Under sudo, who called it.
    fn wanted() -> Self {
        let id = |name: &str| std::env::var(name).ok()?.parse().ok();
        Self::under(rustix::process::geteuid().is_root(), id("SUDO_UID"), id("SUDO_GID"))
    }

    /// Without root's rights nothing can be given away.
    fn under(root: bool, uid: Option<u32>, gid: Option<u32>) -> Self {
        Self(uid.zip(gid).filter(|_| root))
    }
}

/// A new file, never another one's: not one that is there, and not where a link points to.
fn write_new(
    folder: &Path,
    stem: &str,
    extension: &str,
    text: &str,
    owner: Owner,
) -> Result<PathBuf, String> {
    let nothing = |path: &Path, error: &io::Error| {
        let why = with_errno_names(&error.to_string());
        let path = path.display().to_string();
        format!("cannot write {}: {why}; start ctrace in a folder that can be written to", safe(&path))
    };
    for attempt in 1..=ATTEMPTS {
        let number = if attempt == 1 { String::new() } else { format!("-{attempt}") };
        let path = folder.join(format!("{stem}{number}.{extension}"));
        let no_follow = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
        match OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(no_follow).open(&path)
        {
            Ok(file) => {
                return match fill(file, text, owner) {
                    Ok(()) => Ok(path),
                    Err(error) => {
                        // Half a file is worse than none; it is the one that was just made.
                        let _ = std::fs::remove_file(&path);
                        Err(nothing(&path, &error))
                    }
                };
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(nothing(&path, &error)),
        }
    }
    let folder = folder.display().to_string();
    Err(format!(
        "cannot write {stem}.{extension}: {} has {ATTEMPTS} files of that name; remove some",
        safe(&folder)
    ))
}

fn fill(mut file: File, text: &str, Owner(owner): Owner) -> io::Result<()> {
    if let Some((uid, gid)) = owner {
        fchown(&file, Some(uid), Some(gid))?;
    }
    file.write_all(text.as_bytes())
}

/// A name is a container's own choice, a file's is ours.
fn plain(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let words: Vec<&str> = text.split(|c| !is_plain(c)).filter(|word| !word.is_empty()).collect();
    words.join("_").chars().take(64).collect()
}

/// `20261124T024135`, UTC.
fn stamp(wall_ns: i64) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(wall_ns)).unwrap_or_default();
    time.strftime("%Y%m%dT%H%M%S").to_string()
}

#[cfg(test)]
mod tests;
