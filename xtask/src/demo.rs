//! `cargo xtask demo`: the recording that ships inside ctrace, made of real containers. The test of the same
//! name plays the scene; its file is taken into the tree.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::build::{build, target};
use crate::command::{as_root, run};
use crate::test::FEATURES;
use crate::{root, setup, toolchain};

const KEPT: &str = "tracer/src/demo.ctrace.zst";
/// In `tests/privileged`.
const SCENE: &str = "demo::the_demo_can_be_made";
/// Tells it where the recording is wanted.
const WANTED: &str = "CTRACE_TEST_DEMO";
/// Those of `tracer/src/run/demo.rs`: it loads, shows enough, tells nothing of this machine, and is small.
const CHECKS: &str = "run::demo::";

/// Records it anew, or only looks whether the one in the tree is good.
pub fn demo(check: bool) -> Result<()> {
    if !check {
        setup::install()?;
        record()?;
    }
    let mut tests = Command::new(toolchain::cargo());
    tests
        .args(["test", "--locked", "--quiet", "--package=ctrace", "--lib", FEATURES, CHECKS])
        .current_dir(root());
    run(&mut tests).with_context(|| format!("{KEPT} is of no use: `cargo xtask demo` makes it anew"))
}

fn record() -> Result<()> {
    // Made by ourselves, so that it is ours even if the test runs as root.
    let new = target()?.join("tmp/demo.ctrace.zst");
    fs::write(&new, []).with_context(|| format!("cannot write {}", new.display()))?;
    let built = build(&["test", "--locked", "--no-run", "--package=ctrace", "--test=privileged", FEATURES])?;
    let binary = built.iter().find(|built| built.is_test).context("cargo built no test")?;
    let mut assignment = std::ffi::OsString::from(format!("{WANTED}="));
    assignment.push(&new);
    // By `env`, which passes through sudo whatever its rules are.
    let mut scene = as_root("env").context("neither root nor sudo")?;
    scene
        .arg(assignment)
        .arg(&binary.path)
        .args(["--ignored", "--exact", SCENE])
        .current_dir(&binary.package);
    run(&mut scene)?;
    let bytes = fs::read(&new).with_context(|| format!("cannot read {}", new.display()))?;
    if bytes.is_empty() {
        bail!("{SCENE} recorded nothing");
    }
    fs::write(root().join(KEPT), bytes).with_context(|| format!("cannot write {KEPT}"))
}
