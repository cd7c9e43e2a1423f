//! The table of key bindings. Dispatch, the footer and the help are all made from it.

use super::action::{Action, Arrange, Step};
use super::key::Key;

/// What the keys go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The table of containers.
    Containers,
    /// The table of one container's system calls.
    Calls,
    /// A filter is being typed.
    Filter,
    /// The help is open.
    Help,
}

pub struct Binding {
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
    /// Given the place of the key in [`Binding::keys`].
    Nth(fn(usize) -> Action),
    /// Given the character, for [`Key::AnyChar`].
    Typed(fn(char) -> Action),
}

use Does::{Always, Nth, Typed};
use Key::{Backspace, Char, Ctrl, Down, End, Enter, Esc, F, Home, PageDown, PageUp, Up};

const TABLES: &[Mode] = &[Mode::Containers, Mode::Calls];
const NOT_TYPING: &[Mode] = &[Mode::Containers, Mode::Calls, Mode::Help];
const EVERYWHERE: &[Mode] = &[Mode::Containers, Mode::Calls, Mode::Filter, Mode::Help];

/// In the order of the footer and the help.
pub static BINDINGS: &[Binding] = &[
    bind(TABLES, &[Char('q')], Always(Action::Quit), "quit", "quit"),
    bind(EVERYWHERE, &[Ctrl('c'), F(10)], Always(Action::Quit), "", "quit, from anywhere"),
    bind(TABLES, &[Char('?'), Char('h'), F(1)], Always(Action::Help), "help", "show this help"),
    bind(
        &[Mode::Help],
        &[Esc, Char('?'), Char('h'), Char('q'), F(1), Enter],
        Always(Action::Help),
        "close",
        "close the help",
    ),
    bind(&[Mode::Containers], &[Enter], Always(Action::Open), "open", "show the container's system calls"),
    bind(&[Mode::Calls], &[Esc, Backspace], Always(Action::Back), "back", "clear the filter, then go back"),
    bind(&[Mode::Containers], &[Esc, Backspace], Always(Action::Back), "", "clear the filter"),
    bind(TABLES, &[Char('/')], Always(Action::Filter), "filter", "show only rows that contain a text"),
    bind(
        TABLES,
        &[Char('s'), F(6), Char('>')],
        Always(Action::Arrange(Arrange::SortNext)),
        "sort",
        "sort by the next column",
    ),
    bind(
        TABLES,
        &[Char('<')],
        Always(Action::Arrange(Arrange::SortPrevious)),
        "",
        "sort by the column before",
    ),
    bind(TABLES, &[Char('r')], Always(Action::Arrange(Arrange::Reverse)), "reverse", "reverse the order"),
    bind(
        TABLES,
        // Shift and a digit, as terminals send it from a US keyboard.
        &[Char('!'), Char('@'), Char('#'), Char('$'), Char('%'), Char('^'), Char('&'), Char('*'), Char('(')],
        Nth(|nth| Action::Arrange(Arrange::SortBy(nth))),
        "",
        "sort by column 1 to 9 (Shift and the digit)",
    ),
    bind(TABLES, &[Char(' '), Char('p')], Always(Action::Pause), "pause", "hold the picture, and go on"),
    bind(NOT_TYPING, &[Up, Char('k')], Always(Action::Move(Step::Up)), "", "up"),
    bind(NOT_TYPING, &[Down, Char('j')], Always(Action::Move(Step::Down)), "", "down"),
    bind(NOT_TYPING, &[PageUp], Always(Action::Move(Step::PageUp)), "", "a page up"),
    bind(NOT_TYPING, &[PageDown], Always(Action::Move(Step::PageDown)), "", "a page down"),
    bind(NOT_TYPING, &[Home, Char('g')], Always(Action::Move(Step::First)), "", "to the first row"),
    bind(NOT_TYPING, &[End, Char('G')], Always(Action::Move(Step::Last)), "", "to the last row"),
    bind(&[Mode::Filter], &[Enter], Always(Action::Accept), "keep", "keep the filter"),
    bind(&[Mode::Filter], &[Esc], Always(Action::Cancel), "clear", "clear the filter"),
    bind(
        &[Mode::Filter],
        &[Backspace],
        Always(Action::Arrange(Arrange::Erase)),
        "",
        "erase a character of the filter",
    ),
    bind(
        &[Mode::Filter],
        &[Ctrl('u')],
        Always(Action::Arrange(Arrange::EraseAll)),
        "",
        "erase the filter's text",
    ),
    bind(
        &[Mode::Filter],
        &[Key::AnyChar],
        Typed(|c| Action::Arrange(Arrange::Type(c))),
        "",
        "any case; in names, images and ids",
    ),
];

const fn bind(
    modes: &'static [Mode],
    keys: &'static [Key],
    does: Does,
    footer: &'static str,
    help: &'static str,
) -> Binding {
    Binding { modes, keys, does, footer, help }
}

/// What `key` means in `mode`; a binding of the very key goes before [`Key::AnyChar`].
pub fn action(mode: Mode, key: Key) -> Option<Action> {
    let find = |wanted: Key| {
        bindings(mode)
            .find_map(|binding| Some((binding, binding.keys.iter().position(|bound| *bound == wanted)?)))
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
pub fn bindings(mode: Mode) -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(move |binding| binding.modes.contains(&mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_has_two_meanings() {
        for mode in EVERYWHERE {
            let keys: Vec<Key> = bindings(*mode).flat_map(|binding| binding.keys).copied().collect();
            for (index, key) in keys.iter().enumerate() {
                assert!(!keys[..index].contains(key), "{key} twice in {mode:?}");
            }
        }
    }

    #[test]
    fn every_action_has_a_key() {
        /// The compiler asks for a new action here.
        fn next(action: Action) -> Option<Action> {
            Some(match action {
                Action::Move(Step::Up) => Action::Move(Step::Down),
                Action::Move(Step::Down) => Action::Move(Step::PageUp),
                Action::Move(Step::PageUp) => Action::Move(Step::PageDown),
                Action::Move(Step::PageDown) => Action::Move(Step::First),
                Action::Move(Step::First) => Action::Move(Step::Last),
                Action::Move(Step::Last) => Action::Open,
                Action::Open => Action::Back,
                Action::Back => Action::Arrange(Arrange::SortNext),
                Action::Arrange(Arrange::SortNext) => Action::Arrange(Arrange::SortPrevious),
                Action::Arrange(Arrange::SortPrevious) => Action::Arrange(Arrange::SortBy(0)),
                Action::Arrange(Arrange::SortBy(8)) => Action::Arrange(Arrange::Reverse),
                Action::Arrange(Arrange::SortBy(nth)) => Action::Arrange(Arrange::SortBy(nth + 1)),
                Action::Arrange(Arrange::Reverse) => Action::Filter,
                Action::Filter => Action::Arrange(Arrange::Type('x')),
                Action::Arrange(Arrange::Type(_)) => Action::Arrange(Arrange::Erase),
                Action::Arrange(Arrange::Erase) => Action::Arrange(Arrange::EraseAll),
                Action::Arrange(Arrange::EraseAll) => Action::Accept,
                Action::Accept => Action::Cancel,
                Action::Cancel => Action::Pause,
                Action::Pause => Action::Help,
                Action::Help => Action::Quit,
                Action::Quit => return None,
            })
        }
        let mut wanted = Some(Action::Move(Step::Up));
        while let Some(action) = wanted {
            let reached = EVERYWHERE.iter().any(|mode| {
                let keys = bindings(*mode).flat_map(|binding| binding.keys).copied();
                let keys = keys.chain([Char('x')]);
                keys.into_iter().any(|key| super::action(*mode, key) == Some(action))
            });
            assert!(reached, "no key for {action:?}");
            wanted = next(action);
        }
    }

    #[test]
    fn one_can_always_quit() {
        for mode in EVERYWHERE {
            assert_eq!(action(*mode, Ctrl('c')), Some(Action::Quit));
            assert_eq!(action(*mode, F(10)), Some(Action::Quit));
        }
    }

    #[test]
    fn while_typing_letters_are_letters() {
        for c in ['q', 'j', '/', '?', ' ', '!', 'ü'] {
            assert_eq!(action(Mode::Filter, Char(c)), Some(Action::Arrange(Arrange::Type(c))));
        }
        assert_eq!(action(Mode::Filter, Esc), Some(Action::Cancel));
        assert_eq!(action(Mode::Filter, Up), None);
        assert_eq!(action(Mode::Calls, Char('x')), None);
    }

    #[test]
    fn digits_with_shift_choose_the_column() {
        assert_eq!(action(Mode::Containers, Char('!')), Some(Action::Arrange(Arrange::SortBy(0))));
        assert_eq!(action(Mode::Calls, Char('(')), Some(Action::Arrange(Arrange::SortBy(8))));
    }
}
