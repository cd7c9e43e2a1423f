//! A command as it is typed: one of the table of keys, `view NAME`, `sort COLUMN` or `jump TIME`.

use super::action::{Action, Go, Time, Type};
use super::keys;
use super::place::VIEWS;
use crate::nearest::nearest;
use crate::text::clock_ns;

/// Characters, more than any command has.
const LENGTH_MAX: usize = 64;

const VIEW: &str = "view";
const SORT: &str = "sort";
const JUMP: &str = "jump";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Palette {
    text: String,
    error: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Do(Action),
    /// By the column of this title.
    Sort(String),
}

impl Palette {
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// `titles`: those of the table on the screen.
    pub fn edit(&mut self, what: Type, titles: &[&str]) {
        self.error = None;
        match what {
            Type::Char(c) if self.text.chars().count() < LENGTH_MAX => self.text.push(c),
            Type::Char(_) => {}
            Type::Erase => {
                self.text.pop();
            }
            Type::EraseAll => self.text.clear(),
            Type::Complete => self.complete(titles),
        }
    }

    /// To where the candidates differ.
    fn complete(&mut self, titles: &[&str]) {
        let candidates = self.candidates(titles);
        let Some((first, others)) = candidates.split_first() else { return };
        let same = |c: &(usize, char)| others.iter().all(|other| other.chars().nth(c.0) == Some(c.1));
        let common: String = first.chars().enumerate().take_while(same).map(|(_, c)| c).collect();
        if common.chars().count() > self.text.chars().count() {
            self.text = common;
        }
    }

    /// All that the text may become.
    pub fn candidates(&self, titles: &[&str]) -> Vec<String> {
        let views = VIEWS.iter().map(|spec| format!("{VIEW} {}", spec.name));
        let sorts = titles.iter().map(|title| format!("{SORT} {}", title.to_lowercase()));
        let commands = runnable().map(str::to_owned);
        let all = commands.chain(views).chain(sorts).chain([format!("{JUMP} ")]);
        all.filter(|name| name.starts_with(&self.text)).collect()
    }

    /// What it says; otherwise it keeps what is wrong.
    pub fn run(&mut self, titles: &[&str]) -> Option<Command> {
        match read(&self.text, titles) {
            Ok(command) => Some(command),
            Err(error) => {
                self.error = Some(error);
                None
            }
        }
    }
}

fn runnable() -> impl Iterator<Item = &'static str> {
    keys::commands().filter(|name| keys::command(name).is_some())
}

fn read(text: &str, titles: &[&str]) -> Result<Command, String> {
    let text = text.trim();
    let (word, rest) = text.split_once(' ').map_or((text, ""), |(word, rest)| (word, rest.trim()));
    match word {
        VIEW => {
            let found = VIEWS.iter().find(|spec| spec.name == rest);
            found.map(|spec| Command::Do(Action::Go(Go::View(spec.view)))).ok_or_else(|| {
                let near = nearest(rest, VIEWS.iter().map(|spec| spec.name));
                format!("no view is called {rest:?}{near}")
            })
        }
        SORT => {
            let lower: Vec<String> = titles.iter().map(|title| title.to_lowercase()).collect();
            if lower.iter().any(|title| title == rest) {
                Ok(Command::Sort(rest.to_owned()))
            } else {
                let near = nearest(rest, lower.iter().map(String::as_str));
                Err(format!("this view has no column {rest:?}{near}"))
            }
        }
        JUMP => {
            let ago = clock_ns(rest).map(|ns| Command::Do(Action::Time(Time::Ago(ns))));
            ago.ok_or_else(|| format!("{JUMP} needs how long ago: 45 (seconds), 2:30, 1:00:00; not {rest:?}"))
        }
        _ => keys::command(text).map(Command::Do).ok_or_else(|| {
            let near = nearest(text, runnable().chain([VIEW, SORT, JUMP]));
            format!("no command is called {text:?}{near}")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::place::View;

    const TITLES: [&str; 2] = ["CALLS/S", "P99"];

    fn typed(text: &str) -> Palette {
        let mut palette = Palette::default();
        text.chars().for_each(|c| palette.edit(Type::Char(c), &TITLES));
        palette
    }

    #[test]
    fn commands_of_the_table_views_and_columns() {
        for (text, command) in [
            ("pause", Command::Do(Action::Time(Time::Pause))),
            ("view files", Command::Do(Action::Go(Go::View(View::Files)))),
            (" sort  p99 ", Command::Sort("p99".into())),
            ("quit", Command::Do(Action::Quit)),
            ("jump 2:30", Command::Do(Action::Time(Time::Ago(150_000_000_000)))),
        ] {
            assert_eq!(typed(text).run(&TITLES), Some(command), "{text}");
        }
    }

    #[test]
    fn mistakes_say_what_was_meant() {
        for (text, error) in [
            ("puase", "no command is called \"puase\", did you mean `pause`?"),
            ("view file", "no view is called \"file\", did you mean `files`?"),
            ("sort p98", "this view has no column \"p98\", did you mean `p99`?"),
            ("jump x", "jump needs how long ago: 45 (seconds), 2:30, 1:00:00; not \"x\""),
            ("", "no command is called \"\""),
            // Of another mode, or nothing without its key.
            ("accept", "no command is called \"accept\""),
        ] {
            let mut palette = typed(text);
            assert_eq!((palette.run(&TITLES), palette.error()), (None, Some(error)));
        }
    }

    #[test]
    fn tab_goes_as_far_as_is_certain() {
        for (text, completed) in [
            ("pau", "pause"),
            ("view f", "view files"),
            ("sort-", "sort-"),
            ("time-b", "time-back"),
            ("zz", "zz"),
        ] {
            let mut palette = typed(text);
            palette.edit(Type::Complete, &TITLES);
            assert_eq!(palette.text(), completed);
        }
        assert_eq!(typed("sort p").candidates(&TITLES), ["sort p99"]);
    }
}
