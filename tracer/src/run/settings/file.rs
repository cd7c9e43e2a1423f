//! A section of the configuration file as settings.

use anyhow::Result;
use clap::{Arg, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{File, Setting, arg, flag, is_list, is_switch, keys, usage, with_value};
use crate::nearest::nearest;
use crate::tui::SECTIONS;

/// Those of the section that is called as the command is.
pub(super) fn settings(command: &Command, file: &File) -> Result<Vec<Setting>> {
    let all = DeTable::parse(&file.text)
        .map_err(|error| usage(format!("{}: {}", file.path.display(), error.to_string().trim_end())))?;
    let at = |span: usize| {
        let line = file.text.get(..span).map_or(1, |before| before.matches('\n').count() + 1);
        format!("{}:{line}", file.path.display())
    };
    for (name, _) in all.get_ref() {
        if !SECTIONS.contains(&name.get_ref().as_ref()) {
            let near = nearest(name.get_ref(), SECTIONS.into_iter());
            let place = at(name.span().start);
            let there = SECTIONS.join(", ");
            return Err(usage(format!(
                "{place}: no section is called {:?}{near}; there are {there}",
                name.get_ref()
            )));
        }
    }
    let section = command.get_name();
    let Some((name, content)) = all.get_ref().iter().find(|(name, _)| name.get_ref() == section) else {
        return Ok(Vec::new());
    };
    let DeValue::Table(table) = content.get_ref() else {
        let place = at(name.span().start);
        return Err(usage(format!("{place}: `{section}` is not a section: write [{section}]")));
    };
    let mut found = Vec::new();
    for (key, value) in table {
        let place = at(key.span().start);
        let key = key.get_ref().as_ref();
        let Some(arg) = arg(command, key) else {
            let near = nearest(key, keys(command));
            let there: Vec<&str> = keys(command).collect();
            let there = there.join(", ");
            return Err(usage(format!(
                "{place}: no setting of [{section}] is called {key:?}{near}; there are {there}"
            )));
        };
        let words = words(arg, key, value)
            .map_err(|expected| usage(format!("{place}: {section}.{key}: expected {expected}")))?;
        found.push(Setting { key: key.to_owned(), words, origin: format!("{place}: {section}.{key}") });
    }
    Ok(found)
}

/// Fails with what was expected.
fn words(
    arg: &Arg,
    key: &str,
    value: &Spanned<DeValue<'_>>,
) -> Result<Vec<std::ffi::OsString>, &'static str> {
    let one = |value: &DeValue<'_>| {
        let text = match value {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => return None,
        };
        Some(with_value(key, text.as_ref()))
    };
    match (value.get_ref(), is_switch(arg), is_list(arg)) {
        (DeValue::Boolean(on), true, _) => Ok(if *on { vec![flag(key)] } else { Vec::new() }),
        (_, true, _) => Err("true or false"),
        (DeValue::Array(values), false, true) => {
            let words = values.iter().map(|value| one(value.get_ref()));
            words.collect::<Option<_>>().ok_or("a list of texts such as [\"x\", \"y\"]")
        }
        (value, false, true) => {
            one(value).map(|word| vec![word]).ok_or("a list of texts such as [\"x\", \"y\"]")
        }
        (value, false, false) => one(value).map(|word| vec![word]).ok_or("a text such as \"x\", or a number"),
    }
}
