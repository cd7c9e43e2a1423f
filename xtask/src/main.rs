//! `cargo xtask`: everything about ctrace that is not ctrace.

mod bench;
mod build;
mod codegen;
mod command;
mod core;
mod debian;
mod demo;
mod ebpf;
mod gallery;
mod matrix;
mod newer;
mod numbers;
mod privileged;
mod python;
mod report;
mod run;
mod runtimes;
mod setup;
mod test;
mod toolchain;
mod vm;
mod wrapper;

use std::env;
use std::ffi::OsString;
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
    /// Measure: `screen` is what a sample of `ctrace top` costs after the kernel, `pipeline` what an event does,
    /// `export` events per second to a file and a socket, beside others (root)
    Bench {
        #[arg(value_parser = bench::NAMES)]
        name: String,
    },
    /// Compile the kernel programs and put the object into the tree
    BuildEbpf {
        /// Compare with the object in the tree instead, and fail if they differ
        #[arg(long)]
        check: bool,
    },
    /// Write the tables of system calls, errors and signals from the kernel's headers
    Codegen {
        /// Compare with the tables in the tree instead, and fail if they differ
        #[arg(long)]
        check: bool,
    },
    /// Record the demo that ships inside ctrace anew, of real containers; two minutes
    Demo {
        /// Look whether the one in the tree is good instead, and fail if it is not
        #[arg(long)]
        check: bool,
    },
    /// Make the pictures of the screen in docs/gallery anew, from the demo
    Gallery {
        /// Compare with the pictures in the tree instead, and fail if they differ
        #[arg(long)]
        check: bool,
    },
    /// Count the calls that profiles of well-known programs allow, and write the table in docs/profile-numbers.md
    ProfileNumbers,
    /// Build ctrace and run it, with sudo where that is needed: `cargo xtask run -- top`
    Run {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Write the table of what is known of containers on each runtime, from the last run of all tests
    RuntimesTable,
    /// Set this machine up, then run everything that must hold: lints, tests, the checks of what is
    /// generated, and the tests on real containers
    Test(test::Options),
    /// Run the tests on real containers on other kernels, in virtual machines
    Vm(vm::Options),
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
        Task::Bench { name } => bench::run(&name),
        Task::BuildEbpf { check } => ebpf::build(check),
        Task::Codegen { check } => codegen::run(check),
        Task::Demo { check } => demo::demo(check),
        Task::Gallery { check } => gallery::gallery(check),
        Task::ProfileNumbers => numbers::run(),
        Task::Run { args } => run::run(&args),
        Task::RuntimesTable => runtimes::run(false),
        Task::Test(options) => test::test(&options),
        Task::Vm(options) => vm::run(&options),
    }
}

/// The repository's top folder.
fn root() -> PathBuf {
    // xtask/ lies in it.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}
