//! The composition root: picks a source, builds the pipeline, picks a face. The only place that sees
//! all of them.

mod child;
mod config;
pub mod demo;
mod drive;
mod explain;
mod exports;
mod live;
mod manual;
mod metrics;
mod output;
pub mod outside;
mod profile;
mod ps;
mod record;
mod settings;
mod signals;
mod sinks;
mod top;
mod trace;

use std::borrow::Cow;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::cli::{Command, Containers, DoctorArgs, JsonLayout, ReportFormat, SchemaArgs, SchemaOf, WELCOME};
use crate::doctor;
use crate::exit::{Code, Refusal};
use crate::filter::Wanted;
use crate::sink::schema;
use crate::syscall::errno;
use settings::Given;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    match settings::read().and_then(told) {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => Code::Done.into(),
        Err(error) => {
            // Nothing is left to tell it to if stderr is closed, too.
            let _ = writeln!(io::stderr(), "ctrace: {}", with_errno_names(&format!("{error:#}")));
            Code::of(&error).into()
        }
    }
}

fn told(given: Given) -> Result<ExitCode> {
    start_log(given.cli.verbose);
    let prints = match &given.cli.command {
        Some(Command::Trace(args)) => args.setup.print_config,
        Some(Command::Run(args)) => args.setup.print_config,
        _ => false,
    };
    match given.printed() {
        Some(text) if prints => print(&text),
        _ => given.cli.command.map_or_else(welcome, run),
    }
}

/// Data that are there at once.
fn print(text: &str) -> Result<ExitCode> {
    io::stdout().write_all(text.as_bytes()).context("cannot write to standard output")?;
    Ok(Code::Done.into())
}

/// Diagnostics go to stderr; the data have stdout for themselves.
fn start_log(verbose: u8) {
    let level = match verbose {
        0 => log::LevelFilter::Warn,
        1 => log::LevelFilter::Info,
        _ => log::LevelFilter::Debug,
    };
    env_logger::Builder::new()
        .filter_level(log::LevelFilter::Error)
        .filter_module("tracer", level)
        .format(|out, record| writeln!(out, "ctrace: {}: {}", record.level(), record.args()))
        .init();
}

/// Whoever read our output has gone: no reason to complain.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Does what was asked for. The exit code is not always ctrace's own: `run` passes that of its command on.
fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Top(args) => top::top(&args),
        Command::Trace(args) => trace::trace(&args),
        Command::Profile(command) => profile::profile(command),
        Command::Record(args) => record::record(&args),
        Command::Run(args) => trace::run(&args),
        Command::Ps(args) => ps::ps(&args),
        Command::Doctor(args) => doctor(&args),
        Command::Schema(args) => print_schema(&args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(&args),
        Command::OciHook(args) => profile::hook::hook(&args),
        Command::InternalOciTrace => profile::hook::trace(),
        Command::InternalExec(args) => child::become_command(&args),
    }
}

/// Who gives no command has made no mistake.
fn welcome() -> Result<ExitCode> {
    print(WELCOME)
}

fn print_schema(args: &SchemaArgs) -> Result<ExitCode> {
    let SchemaArgs { of, json_layout } = args;
    let text: Cow<'static, str> = match (of, json_layout) {
        (SchemaOf::Trace, JsonLayout::Nested) => schema::EVENT.into(),
        (SchemaOf::Trace, JsonLayout::Flat) => {
            schema::flat_text(schema::EVENT).context("cannot flatten the schema")?.into()
        }
        (SchemaOf::Top, JsonLayout::Nested) => schema::TOP.into(),
        (SchemaOf::Ps, JsonLayout::Nested) => schema::PS.into(),
        (SchemaOf::Top | SchemaOf::Ps, JsonLayout::Flat) => {
            let message =
                "--json-layout flat: only events have a flat layout (`ctrace schema --json-layout flat`)";
            return Err(Refusal { code: Code::Usage, message: message.to_owned() }.into());
        }
    };
    io::stdout().write_all(text.as_bytes()).context("cannot write the schema")?;
    Ok(Code::Done.into())
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
        let Containers { names, filters } = args.clone();
        Self { names, filters, ..Self::default() }
    }
}

/// Rust prints `(os error 2)`; people look for `ENOENT`.
fn with_errno_names(text: &str) -> String {
    const MARK: &str = "(os error ";
    let mut parts = text.split(MARK);
    let mut named = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let number = part.split(')').next().and_then(|number| number.parse().ok());
        match number.and_then(|number| Some((errno::name(number)?, part.split_once(')')?.1))) {
            Some((name, rest)) => named.extend(["(", name, ")", rest]),
            None => named.extend([MARK, part]),
        }
    }
    named
}

/// A line for people, on stderr. That it cannot be written is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "ctrace: {line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_their_names() {
        for (text, named) in [
            ("x: No such file or directory (os error 2)", "x: No such file or directory (ENOENT)"),
            ("a (os error 1): b (os error 13), c", "a (EPERM): b (EACCES), c"),
            ("(os error 99999)", "(os error 99999)"),
            ("(os error 2", "(os error 2"),
            ("(os error x)", "(os error x)"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(with_errno_names(text), named);
        }
    }
}
