//! The command line: what was typed, handed to [`crate::run`]; and how ctrace ends.

mod args;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

pub use args::{
    Cli, Command, Containers, DoctorArgs, EventFormat, ExecArgs, GenerateArgs, Output, ProfileCommand,
    ProfileRecordArgs, PsArgs, RecordArgs, ReportFormat, RunArgs, SampleFormat, TopArgs, TraceArgs, What,
};

use crate::exit::Code;
use crate::run;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    start_log(cli.verbose);
    match run::run(cli.command) {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => Code::Done.into(),
        Err(error) => {
            // Nothing is left to tell it to if stderr is closed, too.
            let _ = writeln!(io::stderr(), "ctrace: {error:#}");
            Code::of(&error).into()
        }
    }
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
