use super::super::place;
use super::*;

fn action(mode: Mode, key: Key) -> Option<Action> {
    Keys::default().action(mode, key)
}

#[test]
fn no_key_has_two_meanings() {
    assert_eq!(Keys::default().conflict(), None);
}

#[test]
fn commands_are_words_and_unique() {
    for (at, name) in commands().enumerate() {
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{name}");
        assert!(!commands().take(at).any(|other| other == name), "{name} twice");
    }
}

#[test]
fn every_view_has_a_command_and_its_digit() {
    for (nth, spec) in place::VIEWS.iter().enumerate() {
        let digit = Char(char::from_digit(u32::try_from(nth).unwrap() + 1, 10).unwrap());
        assert_eq!(action(Mode::Table, digit), Some(Action::Go(Go::View(spec.view))));
        assert_eq!(command(&format!("view-{}", spec.name)), Some(Action::Go(Go::View(spec.view))));
    }
}

#[test]
fn every_binding_is_reached() {
    for binding in BINDINGS {
        for mode in binding.modes {
            for (nth, key) in binding.keys.iter().enumerate() {
                let expected = match &binding.does {
                    Always(action) => *action,
                    Nth(action) => action(nth),
                    Typed(action) => action('x'),
                };
                let key = if *key == Key::AnyChar { Char('x') } else { *key };
                assert_eq!(action(*mode, key), Some(expected), "{key} in {mode:?}");
            }
        }
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
    for mode in TYPING {
        for c in ['q', 'j', '/', '?', ' ', '!', 'ü', '1'] {
            assert_eq!(action(*mode, Char(c)), Some(Action::Type(Type::Char(c))));
        }
        assert_eq!(action(*mode, Esc), Some(Action::Cancel));
        assert_eq!(action(*mode, Up), None);
    }
}

#[test]
fn other_keys_take_the_place_of_the_usual_ones() {
    let keys = Keys::with([("pause".to_owned(), vec![F(5)])]).unwrap();
    assert_eq!(keys.action(Mode::Table, F(5)), Some(Action::Time(Time::Pause)));
    assert_eq!(keys.action(Mode::Table, Char('p')), None);
    assert!(keys.listing().lines().any(|line| line.starts_with("pause ") && line.contains(" F5 ")));
    // A command without keys is one for the palette.
    let keys = Keys::with([("mouse".to_owned(), Vec::new())]).unwrap();
    assert_eq!(keys.action(Mode::Table, Char('m')), None);
}

#[test]
fn mistakes_name_what_there_is() {
    let fails = |command: &str, key| Keys::with([(command.to_owned(), vec![key])]).err().unwrap();
    assert!(fails("puase", F(5)).contains("did you mean `pause`?"));
    let conflict = fails("pause", Char('q'));
    assert!(
        conflict.contains("`quit`") && conflict.contains("`pause`") && conflict.contains("key q"),
        "{conflict}"
    );
    // In a mode where one of them does not work there is none.
    assert!(Keys::with([("complete".to_owned(), vec![F(2)])]).is_ok());
}
