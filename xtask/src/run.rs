//! `cargo xtask run`: ctrace as built, with the rights that it needs.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

use crate::build::build;
use crate::command::as_root;

/// Builds as the user who asks, and becomes ctrace: exit code and signals are its own.
pub fn run(args: &[OsString]) -> Result<()> {
    let built = build(&["build", "--quiet", "--release", "--package=ctrace", "--bin=ctrace"])?;
    let binary = &built.last().context("cargo built no ctrace")?.path;
    let mut command = as_root(binary).unwrap_or_else(|| Command::new(binary));
    let error = command.args(args).exec();
    Err(error).with_context(|| format!("cannot start {command:?}"))
}
