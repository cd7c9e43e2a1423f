//! `ctrace completions` and `ctrace man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

pub const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  ctrace completions bash | sudo tee /usr/share/bash-completion/completions/ctrace
  ctrace completions zsh | sudo tee /usr/local/share/zsh/site-functions/_ctrace
  ctrace completions fish > ~/.config/fish/completions/ctrace.fish";

pub const MAN_EXAMPLES: &str = "\
Examples:
  ctrace man | man -l -                      read the first page
  sudo ctrace man /usr/local/share/man/man1  install all";

#[derive(Args, Debug)]
pub struct CompletionsArgs {
    #[arg(value_enum)]
    pub shell: Shell,
}

#[derive(Args, Debug)]
pub struct ManArgs {
    /// An existing folder that gets all pages, one a command; without, the first page goes to standard output
    pub folder: Option<PathBuf>,
}
