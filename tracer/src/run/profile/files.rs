//! `show`, `diff` and `merge`: profiles that lie in files.

use std::collections::BTreeSet;
use std::fs::File as Input;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};

use super::super::say;
use super::write::{evidence_of, write_evidence, write_text};
use crate::cli::{DiffArgs, MergeArgs, ShowArgs};
use crate::exit::Code;
use crate::profile::{self, Evidence, File, How, MAX_BYTES};

pub(super) fn show(args: &ShowArgs) -> Result<ExitCode> {
    let file = read(&args.profile)?;
    let evidence = evidence(&args.profile)?;
    let report = profile::report(&args.profile.display().to_string(), &file, evidence.as_ref());
    print(&report)?;
    Ok(Code::Done.into())
}

pub(super) fn diff(args: &DiffArgs) -> Result<ExitCode> {
    let lines = profile::diff(&read(&args.a)?, &read(&args.b)?);
    let mut text = lines.join("\n");
    if lines.is_empty() {
        return Ok(Code::Done.into());
    }
    text.push('\n');
    print(&text)?;
    Ok(Code::Finding.into())
}

pub(super) fn merge(args: &MergeArgs) -> Result<ExitCode> {
    let mut files = Vec::new();
    let mut known = Vec::new();
    let mut missing = Vec::new();
    for path in &args.profiles {
        files.push((path.display().to_string(), read(path)?));
        match evidence(path)? {
            Some(evidence) => known.push(evidence),
            None => missing.push(path.display().to_string()),
        }
    }
    let how = if args.intersection { How::Intersection } else { How::Union };
    let merged = profile::merge(&files, how).context("cannot merge")?;
    let names = written(&args.output, &merged)?;
    if known.is_empty() {
        return Ok(Code::Done.into());
    }
    let evidence = Evidence::merge(known, |name| names.contains(name));
    if let Some(beside) = write_evidence(&args.output, &evidence)? {
        say(&format!("  evidence: {}", beside.display()));
    }
    if !missing.is_empty() {
        say(&format!("  without evidence: {}", missing.join(", ")));
    }
    Ok(Code::Done.into())
}

/// The names that it allows.
pub(super) fn written(output: &Path, profile: &File) -> Result<BTreeSet<String>> {
    let mut text = serde_json::to_string_pretty(profile).context("cannot print the profile")?;
    text.push('\n');
    // What is written is what will be read.
    let profile = File::parse(&text).context("cannot print the profile")?;
    write_text(output, &text)?;
    let names = profile.allowed_names();
    say(&format!("{}: {} system calls allowed", output.display(), names.len()));
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// A profile, checked.
pub(super) fn read(path: &Path) -> Result<File> {
    let text = text(path).with_context(|| format!("cannot read the profile {}", path.display()))?;
    File::parse(&text).with_context(|| format!("cannot use the profile {}", path.display()))
}

/// None: there is none beside it.
pub(super) fn evidence(profile: &Path) -> Result<Option<Evidence>> {
    let path = evidence_of(profile);
    let what = || format!("cannot read the evidence {}", path.display());
    match text(&path) {
        Ok(text) => {
            let evidence = Evidence::parse(&text).map_err(|why| anyhow!(why)).with_context(what)?;
            Ok(Some(evidence))
        }
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error).with_context(what),
    }
}

fn is_missing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::NotFound)
}

fn text(path: &Path) -> Result<String> {
    let mut text = String::new();
    Input::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        bail!("it is larger than {} MiB, and no such file", MAX_BYTES >> 20);
    }
    Ok(text)
}

pub(super) fn print(text: &str) -> Result<()> {
    io::stdout().write_all(text.as_bytes()).context("cannot write to standard output")
}
