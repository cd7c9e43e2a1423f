//! Measurements: programs of `benches/`, built as ctrace is for users.

use std::process::Command;

use anyhow::Result;

use crate::command::run as run_command;
use crate::root;

pub const NAMES: [&str; 1] = ["screen"];

pub fn run(name: &str) -> Result<()> {
    run_command(
        Command::new("cargo").args(["bench", "--package", "ctrace", "--bench", name]).current_dir(root()),
    )
}
