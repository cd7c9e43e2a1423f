//! `ctrace profile`: what containers called, as seccomp profiles, and what profiles say.

mod capabilities;
mod check;
mod files;
pub(super) mod hook;
mod minimise;
mod record;
mod surplus;
mod write;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use tracer_common::config::feature;

use super::demo;
use super::drive::{self, Flow};
use super::signals::Stop;
use crate::batch::{Arch, Source};
use crate::cli::{Capabilities, GenerateArgs, ProfileCommand};
use crate::exit::{Code, Refusal};
use crate::filter::Wanted;
use crate::model::Model;
use crate::pipeline::Pipeline;
use crate::profile::{DOCKER_CAPABILITIES, Machine};
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
        ProfileCommand::Surplus(args) => surplus::surplus(&args),
        ProfileCommand::Minimise(args) => minimise::minimise(&args),
    }
}

fn generate(args: &GenerateArgs) -> Result<ExitCode> {
    record::check_print(&args.print)?;
    let wanted = Wanted { filters: args.filters.clone(), ..Wanted::default() };
    let mut all = Vec::new();
    for path in &args.recordings {
        let mut pipeline = replayed(path, wanted.clone())?;
        if args.print.arguments.is_some() && pipeline.source.session().features & feature::ARGUMENTS == 0 {
            let message = format!(
                "{} was recorded without counts of arguments, which `ctrace record` makes; leave out --arguments",
                path.display()
            );
            return Err(Refusal { code: Code::Failed, message }.into());
        }
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

/// With Docker's default capabilities, but for what was said of them.
fn machine(arch: Arch, kernel: &str, capabilities: &Capabilities) -> Machine {
    let Capabilities { cap_add, cap_drop } = capabilities;
    let usual = DOCKER_CAPABILITIES.iter().map(|cap| (*cap).to_owned());
    let all = usual.chain(cap_add.iter().cloned());
    Machine {
        arch,
        kernel: kernel.to_owned(),
        capabilities: all.filter(|cap| !cap_drop.contains(cap)).collect(),
    }
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
