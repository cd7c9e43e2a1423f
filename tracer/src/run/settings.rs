//! What `trace` and `run` are told: flags before `CTRACE_*` variables before the configuration file.
//!
//! What is configured is put onto the command line as a flag, and all is parsed again: so a setting is checked as
//! the flag of its name is, and every flag is a setting.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};

use super::config::{self, File};
use crate::cli::Cli;
use crate::exit::{Code, Refusal};
use crate::nearest::nearest;

mod file;
mod print;

/// Commands that have a section of their own, by the name of the command.
const COMMANDS: [&str; 2] = ["trace", "run"];

/// What asks for something else than a trace is for the command line alone.
const FLAGS_ONLY: [&str; 7] = ["config", "print-config", "explain", "replay", "demo", "help", "verbose"];

/// Before the name of a flag: `CTRACE_FAIL_ON_LOSS`.
const PREFIX: &str = "CTRACE_";

/// From outside the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Setting {
    key: String,
    /// As on a command line: none for a flag that is off, one, or several for a list.
    words: Vec<OsString>,
    /// Where it was found.
    origin: String,
}

/// The command line of this process, and what it comes to.
pub(super) struct Given {
    pub cli: Cli,
    /// Of the command, if it can be configured.
    settings: Option<Settings>,
}

struct Settings {
    command: Command,
    matches: ArgMatches,
    /// Those that a flag did not overrule.
    applied: Vec<Setting>,
}

impl Given {
    /// For `--print-config`; None: this command cannot be configured.
    pub fn printed(&self) -> Option<String> {
        self.settings
            .as_ref()
            .map(|settings| print::print(&settings.command, &settings.matches, &settings.applied))
    }
}

/// Ends the process where clap does: for `--help`, and where the command line itself is wrong.
pub(super) fn read() -> Result<Given> {
    let words: Vec<OsString> = env::args_os().collect();
    let typed = Cli::command().try_get_matches_from(&words).unwrap_or_else(|error| error.exit());
    let variables: Vec<_> = env::vars_os().collect();
    given(&words, &typed, &variables, config::find)
}

fn given(
    words: &[OsString],
    typed: &ArgMatches,
    variables: &[(OsString, OsString)],
    find: impl FnOnce(Option<&Path>) -> Result<Option<File>>,
) -> Result<Given> {
    let name = typed.subcommand_name().filter(|name| COMMANDS.contains(name));
    let (Some(name), Some(of_command)) = (name, typed.subcommand().map(|(_, matches)| matches)) else {
        let cli = Cli::from_arg_matches(typed).unwrap_or_else(|error| error.exit());
        return Ok(Given { cli, settings: None });
    };
    let command = command(name)?;
    let mut found = of_environment(&command, variables)?;
    let path = of_command.get_one::<std::path::PathBuf>("config").map(std::path::PathBuf::as_path);
    if let Some(file) = find(path)? {
        for setting in file::settings(&command, &file)? {
            // What the environment says goes first.
            if found.iter().all(|other| other.key != setting.key) {
                found.push(setting);
            }
        }
    }
    found.retain(|setting| {
        let id = arg(&command, &setting.key).map(Arg::get_id);
        let is_typed = |id: &clap::Id| of_command.value_source(id.as_str()) == Some(ValueSource::CommandLine);
        !id.is_some_and(is_typed)
    });
    let matches = parse(words, name, &found)?;
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let matches = matches.subcommand().map(|(_, matches)| matches.clone()).unwrap_or_default();
    Ok(Given { cli, settings: Some(Settings { command, matches, applied: found }) })
}

fn command(name: &str) -> Result<Command> {
    let mut all = Cli::command();
    all.build();
    all.find_subcommand(name).cloned().with_context(|| format!("there is no command {name}"))
}

/// The flag that a key stands for.
fn arg<'a>(command: &'a Command, key: &str) -> Option<&'a Arg> {
    settable(command).find(|arg| arg.get_long() == Some(key))
}

fn settable(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| arg.get_long().is_some_and(|long| !FLAGS_ONLY.contains(&long)))
}

fn keys(command: &Command) -> impl Iterator<Item = &str> {
    settable(command).filter_map(Arg::get_long)
}

/// It is on or off, and takes no value.
fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

/// It may be given several times.
fn is_list(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('-', "_").to_ascii_uppercase())
}

/// An empty variable is one that is not set. Others that begin like ours are left alone, unless they look like a slip.
fn of_environment(command: &Command, variables: &[(OsString, OsString)]) -> Result<Vec<Setting>> {
    let names: Vec<String> = keys(command).map(variable).collect();
    for name in variables.iter().filter_map(|(name, _)| name.to_str()) {
        let near = if names.iter().any(|known| known == name) || !name.starts_with(PREFIX) {
            String::new()
        } else {
            nearest(name, names.iter().map(String::as_str))
        };
        if !near.is_empty() {
            return Err(usage(format!("no setting is called {name}{near}; unset it or correct it")));
        }
    }
    let mut found = Vec::new();
    for arg in settable(command) {
        let Some(key) = arg.get_long() else { continue };
        let name = variable(key);
        let Some((_, value)) =
            variables.iter().find(|(known, value)| known == OsStr::new(&name) && !value.is_empty())
        else {
            continue;
        };
        let words = if is_switch(arg) {
            match value.to_str() {
                Some("true" | "1" | "yes") => vec![flag(key)],
                Some("false" | "0" | "no") => Vec::new(),
                _ => return Err(usage(format!("{name}: expected true or false, not {}", value.display()))),
            }
        } else {
            vec![with_value(key, value)]
        };
        found.push(Setting { key: key.to_owned(), words, origin: name });
    }
    Ok(found)
}

fn flag(key: &str) -> OsString {
    format!("--{key}").into()
}

fn with_value(key: &str, value: &OsStr) -> OsString {
    let mut word = flag(key);
    word.push("=");
    word.push(value);
    word
}

/// The command line with what is configured behind the command's name.
fn parse(words: &[OsString], name: &str, settings: &[Setting]) -> Result<ArgMatches> {
    // Flags before the command take no values.
    let at = words.iter().skip(1).position(|word| word == name).map_or(words.len(), |at| at + 2);
    let with = |settings: &[Setting]| {
        let (before, after) = words.split_at(at);
        let added = settings.iter().flat_map(|setting| &setting.words);
        Cli::command().try_get_matches_from(before.iter().chain(added).chain(after))
    };
    let error = match with(settings) {
        Ok(matches) => return Ok(matches),
        Err(error) => error,
    };
    // One of them alone tells where the mistake is, unless it takes two for it.
    let alone = settings.iter().find_map(|setting| {
        let error = with(std::slice::from_ref(setting)).err()?;
        (error.kind() != ErrorKind::MissingRequiredArgument).then_some((setting, error))
    });
    Err(usage(if let Some((setting, error)) = alone {
        format!("{}: {}", setting.origin, said(&error))
    } else {
        let origins: Vec<&str> = settings.iter().map(|setting| setting.origin.as_str()).collect();
        format!("{} ({})", said(&error), origins.join(", "))
    }))
}

/// What clap has to say, without its advice about the command line.
fn said(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let end = ["\n\nUsage", "\n\nFor more"].iter().filter_map(|mark| text.find(mark)).min();
    text.get(..end.unwrap_or(text.len())).unwrap_or(text).trim_end().to_owned()
}

fn usage(message: String) -> anyhow::Error {
    Refusal { code: Code::Usage, message }.into()
}

#[cfg(test)]
mod tests;
