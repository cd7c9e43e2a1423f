//! The table of key bindings. Dispatch, the footer, the help, the palette's commands, and what can be bound
//! otherwise are all made from it.

use std::borrow::Cow;

use super::action::{Action, Arrange, Go, Step, Time, Type};
use super::key::Key;
use super::place::View;
use crate::export::Format;
use crate::nearest::nearest;

/// What the keys go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A view's table.
    Table,
    /// A text is open.
    Text,
    /// A view is being picked.
    Picker,
    /// A filter is being typed.
    Filter,
    /// A command is being typed.
    Palette,
    /// A format is being chosen.
    Export,
    /// The help is open.
    Help,
}

pub struct Binding {
    /// As the palette and the configuration call it.
    pub command: &'static str,
    pub modes: &'static [Mode],
    /// The first one stands in the footer.
    pub keys: &'static [Key],
    pub does: Does,
    /// One word for the footer; empty: not worth its place there.
    pub footer: &'static str,
    pub help: &'static str,
}

pub enum Does {
    Always(Action),
    /// Given the place of the key among the binding's.
    Nth(fn(usize) -> Action),
    /// Given the character, for [`Key::AnyChar`].
    Typed(fn(char) -> Action),
}

use Does::{Always, Nth, Typed};
use Key::{BackTab, Backspace, Char, Ctrl, Down, End, Enter, Esc, F, Home, PageDown, PageUp, Tab, Up};

const TABLE: &[Mode] = &[Mode::Table];
const TYPING: &[Mode] = &[Mode::Filter, Mode::Palette];
const MOVING: &[Mode] = &[Mode::Table, Mode::Text, Mode::Picker, Mode::Help];
const VIEWS: &[Mode] = &[Mode::Table, Mode::Picker];
pub const EVERYWHERE: &[Mode] =
    &[Mode::Table, Mode::Text, Mode::Picker, Mode::Filter, Mode::Palette, Mode::Export, Mode::Help];

/// In the order of the footer and the help.
pub static BINDINGS: &[Binding] = &[
    bind("quit", TABLE, &[Char('q')], Always(Action::Quit), "quit", "quit"),
    bind("quit-anywhere", EVERYWHERE, &[Ctrl('c'), F(10)], Always(Action::Quit), "", "quit, from anywhere"),
    bind(
        "help",
        &[Mode::Table, Mode::Help],
        &[Char('?'), Char('h'), F(1)],
        Always(Action::Help),
        "help",
        "show this help, and close it",
    ),
    bind("open", TABLE, &[Enter], Always(Action::Go(Go::Open)), "open", "show what is behind the row"),
    bind(
        "back",
        TABLE,
        &[Esc, Backspace],
        Always(Action::Go(Go::Back)),
        "back",
        "clear the filter, then go back",
    ),
    bind("pick-view", TABLE, &[F(2)], Always(Action::Go(Go::Pick)), "views", "choose a view"),
    bind(
        "filter",
        TABLE,
        &[Char('/')],
        Always(Action::Filter),
        "filter",
        "only rows with these words, key=value, key!=value",
    ),
    bind(
        "sort-next",
        TABLE,
        &[Char('s'), F(6), Char('>')],
        arrange(Arrange::SortNext),
        "sort",
        "sort by the next column",
    ),
    bind(
        "sort-previous",
        TABLE,
        &[Char('<')],
        arrange(Arrange::SortPrevious),
        "",
        "sort by the column before",
    ),
    bind("reverse", TABLE, &[Char('r')], arrange(Arrange::Reverse), "", "reverse the order"),
    bind(
        "sort-column",
        TABLE,
        // Shift and a digit, as terminals send it from a US keyboard.
        &[Char('!'), Char('@'), Char('#'), Char('$'), Char('%'), Char('^'), Char('&'), Char('*'), Char('(')],
        Nth(|nth| Action::Arrange(Arrange::SortBy(nth))),
        "",
        "sort by column 1 to 9 (Shift and the digit)",
    ),
    bind("pause", TABLE, &[Char(' '), Char('p')], time(Time::Pause), "pause", "hold the picture, and go on"),
    bind(
        "time-back",
        TABLE,
        &[Char('t'), Char('[')],
        time(Time::Step(-1)),
        "back in time",
        "the sample before",
    ),
    bind("time-forward", TABLE, &[Char('T'), Char(']')], time(Time::Step(1)), "", "the sample after"),
    bind("time-back-10", TABLE, &[Char('{')], time(Time::Step(-10)), "", "ten samples back"),
    bind("time-forward-10", TABLE, &[Char('}')], time(Time::Step(10)), "", "ten samples forward"),
    bind("now", TABLE, &[Char('n')], time(Time::Now), "", "return to the present"),
    bind("faster", TABLE, &[Char('+'), Char('=')], time(Time::Faster), "", "replay faster"),
    bind("slower", TABLE, &[Char('-')], time(Time::Slower), "", "replay more slowly"),
    bind("view-containers", VIEWS, &[Char('1')], view(View::Containers), "", "containers"),
    bind("view-syscalls", VIEWS, &[Char('2')], view(View::Calls), "", "system calls"),
    bind("view-problems", VIEWS, &[Char('3')], view(View::Problems), "", "errors and denials"),
    bind("view-processes", VIEWS, &[Char('4')], view(View::Processes), "", "processes"),
    bind("view-files", VIEWS, &[Char('5')], view(View::Files), "", "files"),
    bind("view-network", VIEWS, &[Char('6')], view(View::Peers), "", "network peers"),
    bind("view-capabilities", VIEWS, &[Char('7')], view(View::Capabilities), "", "capabilities"),
    bind("view-events", VIEWS, &[Char('8')], view(View::Events), "", "events"),
    bind("view-latency", VIEWS, &[Char('9')], view(View::Latency), "", "latency over time"),
    bind("view-next", TABLE, &[Tab], Always(Action::Go(Go::Next)), "", "the next view of the same container"),
    bind("view-previous", TABLE, &[BackTab], Always(Action::Go(Go::Previous)), "", "the view before"),
    bind(
        "tree",
        TABLE,
        &[Char('v')],
        Always(Action::Tree),
        "",
        "containers inside containers as a tree, or flat",
    ),
    bind(
        "expand",
        TABLE,
        &[Char('e')],
        Always(Action::Expand),
        "",
        "all that is known of the container, or less",
    ),
    bind(
        "reset",
        TABLE,
        &[Char('c'), Ctrl('r')],
        arrange(Arrange::Reset),
        "",
        "order, filter and time as at first",
    ),
    bind("export", TABLE, &[Char('x')], Always(Action::ChooseFormat), "", "write this table to a file"),
    bind(
        "copy-command",
        TABLE,
        &[Char('y')],
        Always(Action::CopyCommand),
        "",
        "copy the command that prints the same",
    ),
    bind(
        "write-profile",
        TABLE,
        &[Char('w')],
        Always(Action::WriteProfile),
        "",
        "write the container's seccomp profile",
    ),
    bind("palette", TABLE, &[Char(':')], Always(Action::Palette), "", "type a command"),
    bind(
        "mouse",
        TABLE,
        &[Char('m')],
        Always(Action::Mouse),
        "",
        "leave the mouse to the terminal, and take it back",
    ),
    bind("up", MOVING, &[Up, Char('k')], step(Step::Up), "", "up"),
    bind("down", MOVING, &[Down, Char('j')], step(Step::Down), "", "down"),
    bind("page-up", MOVING, &[PageUp], step(Step::PageUp), "", "a page up"),
    bind("page-down", MOVING, &[PageDown], step(Step::PageDown), "", "a page down"),
    bind("half-page-up", MOVING, &[Ctrl('u')], step(Step::HalfUp), "", "half a page up"),
    bind("half-page-down", MOVING, &[Ctrl('d')], step(Step::HalfDown), "", "half a page down"),
    bind("first", MOVING, &[Home, Char('g')], step(Step::First), "", "to the first row"),
    bind("last", MOVING, &[End, Char('G')], step(Step::Last), "", "to the last row"),
    bind(
        "accept",
        &[Mode::Filter, Mode::Palette, Mode::Picker],
        &[Enter],
        Always(Action::Accept),
        "take it",
        "keep the filter, run the command, open the view",
    ),
    bind("cancel", TYPING, &[Esc], Always(Action::Cancel), "give up", "forget what was typed"),
    bind("complete", &[Mode::Palette], &[Tab], typed(Type::Complete), "complete", "complete the command"),
    bind("erase", TYPING, &[Backspace], typed(Type::Erase), "", "erase a character"),
    bind("erase-all", TYPING, &[Ctrl('u')], typed(Type::EraseAll), "", "erase what was typed"),
    bind("type", TYPING, &[Key::AnyChar], Typed(|c| Action::Type(Type::Char(c))), "", "a character"),
    bind("csv", &[Mode::Export], &[Char('c')], Always(Action::Export(Format::Csv)), "CSV", "as CSV"),
    bind("json", &[Mode::Export], &[Char('j')], Always(Action::Export(Format::Json)), "JSON", "as JSON"),
    bind(
        "markdown",
        &[Mode::Export],
        &[Char('m')],
        Always(Action::Export(Format::Markdown)),
        "Markdown",
        "as a Markdown table",
    ),
    bind(
        "close",
        &[Mode::Text, Mode::Picker, Mode::Export, Mode::Help],
        &[Esc, Char('q'), Backspace],
        Always(Action::Cancel),
        "close",
        "close what is open",
    ),
];

const fn bind(
    command: &'static str,
    modes: &'static [Mode],
    keys: &'static [Key],
    does: Does,
    footer: &'static str,
    help: &'static str,
) -> Binding {
    Binding { command, modes, keys, does, footer, help }
}

const fn arrange(how: Arrange) -> Does {
    Always(Action::Arrange(how))
}

const fn time(time: Time) -> Does {
    Always(Action::Time(time))
}

const fn view(view: View) -> Does {
    Always(Action::Go(Go::View(view)))
}

const fn step(step: Step) -> Does {
    Always(Action::Move(step))
}

const fn typed(what: Type) -> Does {
    Always(Action::Type(what))
}

/// A binding with the keys that it has now.
#[derive(Clone)]
pub struct Bound {
    pub binding: &'static Binding,
    pub keys: Cow<'static, [Key]>,
}

/// The table with the user's own keys in it.
#[derive(Clone)]
pub struct Keys(Vec<Bound>);

impl Default for Keys {
    fn default() -> Self {
        Self(BINDINGS.iter().map(|binding| Bound { binding, keys: Cow::Borrowed(binding.keys) }).collect())
    }
}

impl Keys {
    /// Gives commands other keys. Fails if there is no such command, or if a key would have two meanings.
    pub fn with(own: impl IntoIterator<Item = (String, Vec<Key>)>) -> Result<Self, String> {
        let mut all = Self::default();
        for (command, keys) in own {
            let bound = all.0.iter_mut().find(|bound| bound.binding.command == command);
            let bound = bound.ok_or_else(|| {
                let near = nearest(&command, commands());
                format!("no command is called {command:?}{near}; `ctrace top --print-keys` lists all")
            })?;
            bound.keys = Cow::Owned(keys);
        }
        match all.conflict() {
            Some(conflict) => Err(conflict),
            None => Ok(all),
        }
    }

    fn conflict(&self) -> Option<String> {
        EVERYWHERE.iter().find_map(|mode| {
            let keys = self.of(*mode).flat_map(|bound| bound.keys.iter().map(move |key| (*key, bound)));
            let keys: Vec<(Key, &Bound)> = keys.collect();
            keys.iter().enumerate().find_map(|(at, (key, bound))| {
                let (_, other) = keys.iter().take(at).find(|(other, _)| other == key)?;
                let (one, two) = (other.binding.command, bound.binding.command);
                Some(format!(
                    "the key {key} would mean both `{one}` and `{two}`; give one of them other keys"
                ))
            })
        })
    }

    /// What `key` means in `mode`; a binding of the very key goes before [`Key::AnyChar`].
    pub fn action(&self, mode: Mode, key: Key) -> Option<Action> {
        let find = |wanted: Key| {
            self.of(mode).find_map(|bound| {
                Some((bound.binding, bound.keys.iter().position(|bound| *bound == wanted)?))
            })
        };
        let typed = || if let Char(_) = key { find(Key::AnyChar) } else { None };
        let (binding, nth) = find(key).or_else(typed)?;
        match (&binding.does, key) {
            (Always(action), _) => Some(*action),
            (Nth(action), _) => Some(action(nth)),
            (Typed(action), Char(c)) => Some(action(c)),
            (Typed(_), _) => None,
        }
    }

    /// All that works in `mode`.
    pub fn of(&self, mode: Mode) -> impl Iterator<Item = &Bound> {
        self.0.iter().filter(move |bound| bound.binding.modes.contains(&mode))
    }

    pub fn all(&self) -> &[Bound] {
        &self.0
    }

    /// Command, keys and meaning, a binding a line.
    pub fn listing(&self) -> String {
        let rows: Vec<[String; 3]> = self
            .0
            .iter()
            .map(|bound| {
                [bound.binding.command.to_owned(), spelled(&bound.keys), bound.binding.help.to_owned()]
            })
            .collect();
        crate::text::aligned(&rows)
    }
}

/// `Space p`.
pub fn spelled(keys: &[Key]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

pub fn commands() -> impl Iterator<Item = &'static str> {
    BINDINGS.iter().map(|binding| binding.command)
}

/// What a command does that needs no key to do it, where a table is on the screen.
pub fn command(name: &str) -> Option<Action> {
    let binding = BINDINGS.iter().find(|binding| binding.command == name)?;
    match binding.does {
        Always(action) if binding.modes.contains(&Mode::Table) => Some(action),
        Always(_) | Nth(_) | Typed(_) => None,
    }
}

#[cfg(test)]
mod tests;
