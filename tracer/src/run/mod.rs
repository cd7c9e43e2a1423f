//! The composition root: picks a source, builds the pipeline, picks a face. The only place that sees
//! all of them.

mod child;
mod drive;
mod live;
mod output;
mod profile;
mod ps;
mod record;
mod signals;
mod top;
mod trace;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::cli::{Command, Containers, DoctorArgs, ReportFormat};
use crate::doctor;
use crate::filter::Wanted;

/// Does what was asked for. The exit code is not always ctrace's own: `run` passes that of its command on.
pub fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Top(args) => top::top(&args),
        Command::Trace(args) => trace::trace(&args),
        Command::Profile(command) => profile::profile(command),
        Command::Record(args) => record::record(&args),
        Command::Run(args) => trace::run(&args),
        Command::Ps(args) => ps::ps(&args),
        Command::Doctor(args) => doctor(&args),
        Command::InternalExec(args) => child::become_command(&args),
    }
}

fn doctor(args: &DoctorArgs) -> Result<ExitCode> {
    let host = doctor::Host::read(&doctor::Roots::default(), doctor::Process::current());
    let checks = doctor::checks(&host);
    let report = match args.format {
        ReportFormat::Table => doctor::text(&checks),
        ReportFormat::Json => doctor::json(&host, &checks).context("cannot print the report")? + "\n",
    };
    io::stdout().write_all(report.as_bytes()).context("cannot write the report")?;
    Ok(doctor::code(&checks).into())
}

impl From<&Containers> for Wanted {
    fn from(args: &Containers) -> Self {
        let Containers { names, filters, host } = args.clone();
        Self { names, filters, host, lineage: false }
    }
}

/// A line for people, on stderr. That it cannot be written is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "ctrace: {line}");
}
