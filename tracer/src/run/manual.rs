//! `ctrace completions` and `ctrace man`, from what `--help` is made of.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::CommandFactory;

use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::exit::Code;

const NAME: &str = "ctrace";

pub(super) fn completions(args: &CompletionsArgs) -> Result<ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), NAME, &mut text);
    io::stdout().write_all(&text).context("cannot write the completions")?;
    Ok(Code::Done.into())
}

pub(super) fn man(args: &ManArgs) -> Result<ExitCode> {
    let command = Cli::command().name(NAME);
    if let Some(folder) = &args.folder {
        clap_mangen::generate_to(command, folder)
            .with_context(|| format!("cannot write the manual pages into {}", folder.display()))?;
    } else {
        let mut text = Vec::new();
        clap_mangen::Man::new(command).render(&mut text).context("cannot make the manual page")?;
        io::stdout().write_all(&text).context("cannot write the manual page")?;
    }
    Ok(Code::Done.into())
}
