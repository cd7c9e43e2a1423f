//! `cargo xtask test`: everything that must hold, in the order in which a failure is cheapest.

use std::env;
use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::command::run;
use crate::report::Report;
use crate::{
    codegen, ebpf, gallery, matrix, newer, privileged, python, root, runtimes, setup, toolchain, vm,
};

#[derive(Args)]
pub struct Options {
    /// Only what needs neither root nor containers
    #[arg(long, conflicts_with = "privileged")]
    unit: bool,
    /// Only the tests that need root, containers or other programs
    #[arg(long)]
    privileged: bool,
    /// Only the proof that profiles are right, and all of it: every workload on every runtime in every way
    #[arg(long, conflicts_with_all = ["unit", "filter"])]
    profiles: bool,
    /// Only tests whose names contain one of these; lints, the object check and the virtual machine are left out
    filter: Vec<String>,
}

/// Everything optional is tested, so all tests are built once, with all of it.
pub const FEATURES: &str = "--features=ctrace/otlp-grpc,ctrace/parquet";

/// Tells the tests of the matrix to leave nothing out (`tests/privileged/profiles/cells.rs`).
pub const ALL_PROFILES: (&str, &str) = ("CTRACE_TEST_ALL_PROFILES", "1");

pub fn test(options: &Options) -> Result<()> {
    let Options { unit, privileged, profiles, filter } = options;
    let profiles_alone = [String::from("profiles::")];
    let filter: &[String] = if *profiles { &profiles_alone } else { filter };
    let privileged = *privileged || *profiles;
    let environment = profiles.then_some(ALL_PROFILES);
    let mut report = Report::default();
    if !unit {
        report.step("set-up", setup::install);
        report.step("newer releases", newer::fetch);
        report.step("packages of Python", python::install);
    }
    if !privileged {
        if filter.is_empty() {
            report.step("format", || cargo(&["fmt", "--all", "--check"]));
            report.step("lints", || {
                cargo(&[
                    "clippy",
                    "--locked",
                    "--quiet",
                    "--all-targets",
                    FEATURES,
                    "--",
                    "--deny=warnings",
                ])?;
                // As users build it.
                cargo(&["clippy", "--locked", "--quiet", "--package=ctrace", "--", "--deny=warnings"])
            });
        }
        report.step("unit tests", || {
            let filters = filter.iter().map(String::as_str);
            cargo(
                &["test", "--locked", "--no-fail-fast", FEATURES, "--"]
                    .into_iter()
                    .chain(filters)
                    .collect::<Vec<_>>(),
            )
        });
        if filter.is_empty() {
            report.step("kernel object", || ebpf::build(true));
            report.step("generated tables", || codegen::run(true));
            report.step("gallery", || gallery::gallery(true));
        }
    }
    if !unit {
        let (mut not_run, mut passed) = (Vec::new(), false);
        report.step("privileged tests", || {
            runtimes::prepare(filter.is_empty())?;
            matrix::prepare()?;
            privileged::test(filter, environment, &mut not_run)?;
            passed = true;
            Ok(())
        });
        report.step("matrix of profiles", matrix::show);
        // Each row comes from a test.
        if passed && filter.is_empty() && not_run.is_empty() {
            report.step("table of runtimes", || runtimes::run(true));
        }
        if filter.is_empty() {
            report.step("virtual machine", || vm::brief(&mut not_run));
        }
        report.not_run(not_run);
    }
    report.finish(env::var_os("CI").is_some_and(|ci| ci == "true"))
}

/// With the default members of the workspace.
fn cargo(words: &[&str]) -> Result<()> {
    run(Command::new(toolchain::cargo()).args(words).current_dir(root()))
}
