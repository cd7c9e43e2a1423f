//! `ctrace profile`: what containers called, as seccomp profiles, and what profiles say.

mod capabilities;
mod check;
mod files;
mod record;
mod write;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use super::demo;
use super::drive::{self, Flow};
use super::signals::Stop;
use crate::batch::Source;
use crate::cli::{GenerateArgs, ProfileCommand};
use crate::filter::Wanted;
use crate::model::Model;
use crate::pipeline::Pipeline;
use crate::snapshot::{Row, Subject};

/// A container that ended is still there when the profile is written, however long the recording.
const FOR_EVER: u64 = u64::MAX;

pub(super) fn profile(command: ProfileCommand) -> Result<ExitCode> {
    match command {
        ProfileCommand::Record(args) => record::record(&args),
        ProfileCommand::Capabilities(args) => capabilities::capabilities(&args),
        ProfileCommand::Generate(args) => generate(&args),
        ProfileCommand::Show(args) => files::show(&args),
        ProfileCommand::Diff(args) => files::diff(&args),
        ProfileCommand::Merge(args) => files::merge(&args),
        ProfileCommand::Check(args) => check::check(&args),
    }
}

fn generate(args: &GenerateArgs) -> Result<ExitCode> {
    record::check_output(&args.print.output)?;
    let wanted = Wanted { filters: args.filters.clone(), ..Wanted::default() };
    let mut all = Vec::new();
    for path in &args.recordings {
        let mut pipeline = replayed(path, wanted.clone())?;
        let snapshot = pipeline.snapshot();
        let rows = snapshot.rows.iter().filter(|row| is_container(row));
        all.extend(write::profiles(rows, &snapshot, &pipeline, &args.print));
    }
    write::write(all, &args.print)
}

/// At the end of a recording.
fn replayed(path: &Path, wanted: Wanted) -> Result<Pipeline<impl Source + use<>>> {
    let source = demo::recording(Some(path))?;
    let model = Model::new(source.session().clone(), FOR_EVER);
    let mut pipeline = Pipeline::new(source, model, wanted);
    drive::replay(&mut pipeline, &Stop::default(), |_| Ok(Flow::On))?;
    Ok(pipeline)
}

fn container_id(row: &Row) -> Option<&str> {
    match &row.subject {
        Subject::Container(container) => Some(&container.id),
        Subject::Host | Subject::Unknown { .. } => None,
    }
}

fn is_container(row: &Row) -> bool {
    container_id(row).is_some()
}
