//! `--print-config`: what a command is told, as a file that tells it the same.

use super::{Arg, ArgMatches, Command, Setting, ValueSource, Write, is_list, is_switch, settable, variable};

/// Every setting with its help, its value, and where that comes from; those without a value as a comment.
pub(super) fn print(command: &Command, matches: &ArgMatches, applied: &[Setting]) -> String {
    let name = command.get_name();
    let mut text = format!(
        "# Settings of `ctrace {name}`: flags go before CTRACE_* variables, these before this file.\n\n[{name}]\n"
    );
    for arg in settable(command) {
        let Some(key) = arg.get_long() else { continue };
        let help =
            arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
        for line in help.lines() {
            // Writing to a `String` cannot fail, here and below.
            _ = writeln!(text, "# {line}");
        }
        let choices: Vec<_> =
            arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        if !choices.is_empty() && !is_switch(arg) {
            _ = writeln!(text, "# One of: {}", choices.join(", "));
        }
        let variable = variable(key);
        if let Some(value) = value(arg, matches) {
            let origin = origin(arg, matches, applied);
            _ = writeln!(text, "{key} = {value} # {origin}; {variable}\n");
        } else {
            let value = if is_list(arg) { "[]" } else { "\"\"" };
            _ = writeln!(text, "#{key} = {value} # not set; {variable}\n");
        }
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn value(arg: &Arg, matches: &ArgMatches) -> Option<String> {
    let id = arg.get_id().as_str();
    if is_switch(arg) {
        return Some(matches.get_flag(id).to_string());
    }
    let mut values = matches.get_raw(id)?.map(|value| quoted(&value.to_string_lossy())).peekable();
    if is_list(arg) {
        values.peek()?;
        return Some(format!("[{}]", values.collect::<Vec<_>>().join(", ")));
    }
    values.next()
}

/// As a text of TOML, which is one of JSON but for DEL: <https://toml.io/en/v1.0.0#string>.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

fn origin(arg: &Arg, matches: &ArgMatches, applied: &[Setting]) -> String {
    let setting = applied.iter().find(|setting| Some(setting.key.as_str()) == arg.get_long());
    match (setting, matches.value_source(arg.get_id().as_str())) {
        // A path may hold what ends a comment.
        (Some(setting), _) => crate::text::safe(&setting.origin).into_owned(),
        (None, Some(ValueSource::CommandLine)) => "flag".to_owned(),
        (None, _) => "built in".to_owned(),
    }
}
