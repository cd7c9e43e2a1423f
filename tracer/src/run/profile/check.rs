//! `ctrace profile check`: what a profile would have refused, without applying it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use tracer_common::config::feature;

use super::super::drive;
use super::super::signals::Stop;
use super::super::{live, say};
use super::files::{print, read};
use super::record::{plan, watch};
use super::{FOR_EVER, is_container, machine, replayed};
use crate::batch::{Session, Source};
use crate::cli::CheckArgs;
use crate::container::Roots;
use crate::exit::{Code, Refusal};
use crate::filter::Wanted;
use crate::model::Model;
use crate::pipeline::Pipeline;
use crate::profile::{self, File, Finding, Matcher};
use crate::snapshot::Snapshot;

/// What was looked at and what was found, over all recordings.
#[derive(Default)]
struct Tally {
    containers: usize,
    calls: usize,
    breaking: usize,
    others: usize,
}

pub(super) fn check(args: &CheckArgs) -> Result<ExitCode> {
    let file = read(&args.profile)?;
    let (recordings, containers) = split(&args.of)?;
    let mut tally = Tally::default();
    if recordings.is_empty() {
        let mut pipeline = live(args, &file, containers)?;
        let snapshot = pipeline.snapshot();
        tally.add(&file, args, pipeline.source.session(), &snapshot)?;
    }
    for path in recordings {
        let wanted = Wanted { filters: args.filters.clone(), ..Wanted::default() };
        let mut pipeline = replayed(&path, wanted)?;
        let snapshot = pipeline.snapshot();
        tally.add(&file, args, pipeline.source.session(), &snapshot)?;
    }
    tally.end(&args.profile)
}

fn live(args: &CheckArgs, file: &File, names: Vec<String>) -> Result<Pipeline<impl Source + use<>>> {
    live::preflight()?;
    let roots = Roots::detect()?;
    let conditional =
        file.syscalls.iter().any(|rule| rule.args.as_ref().is_some_and(|args| !args.is_empty()));
    let features = if conditional { feature::ARGUMENTS } else { 0 };
    let source = live::open(&plan(None, features), &roots, |_| {})?;
    let model = Model::new(source.session().clone(), FOR_EVER);
    let wanted = Wanted { names, filters: args.filters.clone(), ..Wanted::default() };
    let mut pipeline = Pipeline::new(source, model, wanted);
    let stop = Stop::on_signals()?;
    say("tracing; Ctrl-C ends and prints what the profile would have refused");
    watch(&mut pipeline, &stop, args.duration, || Ok(false))?;
    drive::drain(&mut pipeline)?;
    Ok(pipeline)
}

/// Recordings are files, everything else is the name of a container.
fn split(words: &[String]) -> Result<(Vec<PathBuf>, Vec<String>)> {
    let is_file = |word: &&String| fs::metadata(word.as_str()).is_ok_and(|found| found.is_file());
    let (recordings, names): (Vec<_>, Vec<_>) = words.iter().partition(is_file);
    let looks_like_file = |word: &&&String| word.contains('/') || word.ends_with(".ctrace");
    if let Some(missing) = names.iter().find(looks_like_file) {
        let message = format!("there is no recording {}", crate::text::safe(missing));
        return Err(Refusal { code: Code::Failed, message }.into());
    }
    if !recordings.is_empty() && !names.is_empty() {
        let message = "give recordings or containers, not both; `--filter name=NAME` chooses in recordings";
        return Err(Refusal { code: Code::Usage, message: message.to_owned() }.into());
    }
    Ok((recordings.into_iter().map(PathBuf::from).collect(), names.into_iter().cloned().collect()))
}

impl Tally {
    fn add(&mut self, file: &File, args: &CheckArgs, session: &Session, snapshot: &Snapshot) -> Result<()> {
        let matcher = Matcher::new(file, &machine(snapshot.arch, &session.kernel, &args.capabilities));
        for row in snapshot.rows.iter().filter(|row| is_container(row) && row.sum.total > 0) {
            let findings = profile::check(row, snapshot.arch, &matcher);
            let breaking = findings.iter().filter(|finding| Finding::breaks(finding)).count();
            self.containers += 1;
            self.calls += row.calls.iter().filter(|call| call.counts.total > 0).count();
            self.breaking += breaking;
            self.others += findings.len() - breaking;
            print(&profile::findings(row.name(), &findings))?;
        }
        for loss in snapshot.losses.iter().filter(|loss| loss.count > 0) {
            say(&format!("{} lost in {}: there may be more", loss.count, loss.place));
        }
        Ok(())
    }

    fn end(&self, profile: &Path) -> Result<ExitCode> {
        let Self { containers, calls, breaking, others } = self;
        if *containers == 0 {
            let message = "no container called anything; `ctrace ps` lists the containers there are";
            return Err(Refusal { code: Code::NoContainer, message: message.to_owned() }.into());
        }
        let undecided = match others {
            0 => String::new(),
            others => format!("; {others} more depend on more than their number, or were refused already"),
        };
        say(&format!(
            "{}: would refuse {breaking} of {calls} system calls; containers: {containers}{undecided}",
            profile.display(),
        ));
        Ok(if *breaking == 0 { Code::Done } else { Code::Finding }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn files_are_recordings_and_other_words_containers() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        assert_eq!(split(&words(&[path])).unwrap(), (vec![file.path().to_owned()], vec![]));
        assert_eq!(split(&words(&["web", "db"])).unwrap(), (vec![], words(&["web", "db"])));
        assert_eq!(split(&[]).unwrap(), (vec![], vec![]));
        for (wrong, code) in [
            (vec![path, "web"], Code::Usage),
            (vec!["/nowhere/x"], Code::Failed),
            (vec!["mistyped.ctrace"], Code::Failed),
        ] {
            assert_eq!(Code::of(&split(&words(&wrong)).unwrap_err()), code);
        }
    }
}
