//! Measurements: programs of `benches/`, built as ctrace is for users.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::build::build;
use crate::command::{as_root, run as run_command};
use crate::setup;

/// What can be measured, and whether that takes root and Debian's packages.
const BENCHES: [(&str, bool); 4] =
    [("json", false), ("screen", false), ("pipeline", false), ("export", true)];
pub const NAMES: [&str; 4] = [BENCHES[0].0, BENCHES[1].0, BENCHES[2].0, BENCHES[3].0];

pub fn run(name: &str) -> Result<()> {
    let privileged = BENCHES.iter().any(|(bench, privileged)| *bench == name && *privileged);
    if privileged {
        setup::install()?;
    }
    let built = build(&["bench", "--locked", "--no-run", "--package=ctrace", "--bench", name])?;
    // ctrace itself is built with it.
    let is_bench = |path: &Path| {
        path.file_name()
            .and_then(|file| file.to_str()?.rsplit_once('-'))
            .is_some_and(|(file, _)| file == name)
    };
    let bench = built.iter().find(|built| is_bench(&built.path)).context("cargo built no bench")?;
    let mut command = if privileged {
        as_root(&bench.path).context("neither root nor sudo")?
    } else {
        Command::new(&bench.path)
    };
    run_command(command.arg("--bench").current_dir(&bench.package))
}
