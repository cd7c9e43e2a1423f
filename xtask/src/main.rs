//! `cargo xtask`: everything about ctrace that is not ctrace.

mod command;
mod core;
mod ebpf;
mod toolchain;
mod wrapper;

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, tests and set-up of ctrace")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Compile the kernel programs and put the object into the tree
    BuildEbpf {
        /// Compare with the object in the tree instead, and fail if they differ
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let done = if env::var_os(wrapper::SWITCH).is_some() {
        wrapper::exec(env::args_os().skip(1))
    } else {
        run(Cli::parse().task)
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::BuildEbpf { check } => ebpf::build(check),
    }
}

/// The repository's top folder.
fn root() -> PathBuf {
    // xtask/ lies in it.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}
