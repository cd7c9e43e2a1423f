use super::super::key::Key;
use super::super::keys;
use super::super::sample::{container, row, snapshot, three};
use super::*;
use crate::container::Runtime;
use crate::snapshot::Subject;
use std::sync::Arc;

fn app() -> App {
    App::new(Options::default())
}

/// Presses keys as the loop does.
fn press(app: &mut App, keys: &[Key], snapshot: &Snapshot) {
    for key in keys {
        let action = keys::action(app.mode(), *key).unwrap_or_else(|| panic!("{key} is not bound"));
        assert_eq!(app.update(action, Some(snapshot)), Effect::Redraw);
    }
}

fn letters(text: &str) -> Vec<Key> {
    text.chars().map(Key::Char).collect()
}

fn names(app: &App, snapshot: &Snapshot) -> Vec<String> {
    let context = Context { snapshot, charset: Charset::Unicode };
    app.containers.rows(&snapshot.rows, &context).iter().map(|row| row.name().to_owned()).collect()
}

fn selected(app: &App, snapshot: &Snapshot) -> String {
    let context = Context { snapshot, charset: Charset::Unicode };
    let rows = app.containers.rows(&snapshot.rows, &context);
    rows[app.containers.index(&rows)].name().to_owned()
}

#[test]
fn the_busiest_come_first_then_what_was_busy() {
    assert_eq!(names(&app(), &three()), ["web-1", "db-1", "(host)", "job", "(unknown)"]);
}

#[test]
fn by_name_the_host_and_unknown_ones_come_last() {
    let mut app = app();
    let three = three();
    press(&mut app, &[Key::Char('!')], &three);
    assert_eq!(names(&app, &three), ["db-1", "job", "web-1", "(host)", "(unknown)"]);
    press(&mut app, &[Key::Char('r')], &three);
    assert_eq!(names(&app, &three), ["(unknown)", "(host)", "web-1", "job", "db-1"]);
}

#[test]
fn the_same_column_again_turns_the_order() {
    let mut app = app();
    let three = three();
    press(&mut app, &[Key::Char('!'), Key::Char('!')], &three);
    assert_eq!((app.containers.sort, app.containers.reversed), (ContainerColumn::Name, true));
    press(&mut app, &[Key::Char('!')], &three);
    assert!(!app.containers.reversed);
}

#[test]
fn sorting_goes_round_the_columns() {
    let mut app = app();
    let three = three();
    let mut seen = Vec::new();
    for _ in ContainerColumn::ALL {
        press(&mut app, &[Key::F(6)], &three);
        seen.push(app.containers.sort);
    }
    assert_eq!(seen.last(), Some(&ContainerColumn::Calls));
    for column in ContainerColumn::ALL {
        assert!(seen.contains(column), "{column:?}");
    }
    press(&mut app, &[Key::Char('s'), Key::Char('<')], &three);
    assert_eq!(app.containers.sort, ContainerColumn::Calls);
}

#[test]
fn only_columns_on_the_screen_are_sorted_by() {
    let mut app = app();
    let three = three();
    app.containers.window(0, 5, 10, vec![ContainerColumn::Name, ContainerColumn::Calls]);
    press(&mut app, &[Key::Char('>')], &three);
    assert_eq!(app.containers.sort, ContainerColumn::Name);
    press(&mut app, &[Key::Char('(')], &three);
    assert_eq!(app.containers.sort, ContainerColumn::Name);
}

#[test]
fn the_selection_follows_the_container() {
    let mut app = app();
    let mut now = three();
    press(&mut app, &[Key::Down], &now);
    assert_eq!(selected(&app, &now), "db-1");
    // Now it is the busiest, and another one is new.
    now.rows[0].sum.count = 1_000_000;
    let new = container('e', "another", "busybox", Runtime::Docker);
    now.rows.insert(0, row(Subject::Container(Arc::new(new)), 2_000_000, 0));
    assert_eq!(selected(&app, &now), "db-1");
    press(&mut app, &[Key::Char('!'), Key::Char('r')], &now);
    assert_eq!(selected(&app, &now), "db-1");
}

#[test]
fn until_one_moves_the_first_row_is_selected() {
    let app = app();
    let mut now = three();
    assert_eq!(selected(&app, &now), "web-1");
    now.rows[0].sum.count = 1_000_000;
    assert_eq!(selected(&app, &now), "db-1");
}

#[test]
fn when_the_selected_one_is_gone_its_neighbour_is_selected() {
    let mut app = app();
    let mut now = three();
    press(&mut app, &[Key::End], &now);
    assert_eq!(selected(&app, &now), "(unknown)");
    now.rows.pop();
    assert_eq!(selected(&app, &now), "job");
    now.rows.clear();
    press(&mut app, &[Key::Up, Key::Down, Key::Enter], &now);
    assert_eq!(app.screen, Screen::Containers);
}

#[test]
fn moving_stops_at_the_ends() {
    let mut app = app();
    let three = three();
    app.containers.window(0, 5, 2, ContainerColumn::ALL.to_vec());
    for (key, there) in [
        (Key::Up, "web-1"),
        (Key::PageDown, "(host)"),
        (Key::PageDown, "(unknown)"),
        (Key::Down, "(unknown)"),
        (Key::Char('k'), "job"),
        (Key::PageUp, "db-1"),
        (Key::Char('G'), "(unknown)"),
        (Key::Char('g'), "web-1"),
        (Key::Char('j'), "db-1"),
        (Key::Home, "web-1"),
    ] {
        press(&mut app, &[key], &three);
        assert_eq!(selected(&app, &three), there, "after {key}");
    }
}

#[test]
fn the_window_keeps_the_selected_row_in_sight() {
    let mut list = List::<ContainerColumn>::new();
    let mut window = |index, len, page| list.window(index, len, page, Vec::new());
    assert_eq!(window(0, 100, 10), 0..10);
    assert_eq!(window(10, 100, 10), 1..11);
    assert_eq!(window(5, 100, 10), 1..11);
    assert_eq!(window(99, 100, 10), 90..100);
    assert_eq!(window(50, 100, 20), 50..70);
    assert_eq!(window(3, 4, 10), 0..4);
    assert_eq!(window(0, 0, 10), 0..0);
    assert_eq!(window(3, 4, 0), 3..3);
}

#[test]
fn a_filter_looks_at_name_image_and_id() {
    let three = three();
    for (text, found) in [("WEB", "web-1"), ("postgres", "db-1"), ("cccc", "job"), ("(host", "(host)")] {
        let mut app = app();
        press(&mut app, &[Key::Char('/')], &three);
        press(&mut app, &letters(text), &three);
        assert_eq!(names(&app, &three), [found], "{text}");
        press(&mut app, &[Key::Enter], &three);
        assert_eq!(app.mode(), Mode::Containers);
        assert_eq!(app.filter(), text);
        press(&mut app, &[Key::Esc], &three);
        assert_eq!(names(&app, &three).len(), 5);
    }
}

#[test]
fn a_filter_can_be_corrected_and_given_up() {
    let mut app = app();
    let three = three();
    press(&mut app, &[Key::Char('/'), Key::Char('d'), Key::Char('b')], &three);
    assert_eq!(names(&app, &three), ["db-1"]);
    press(&mut app, &[Key::Backspace, Key::Backspace, Key::Backspace], &three);
    assert_eq!(app.filter(), "");
    press(&mut app, &letters("quit?"), &three);
    assert_eq!(app.filter(), "quit?");
    press(&mut app, &[Key::Ctrl('u')], &three);
    assert_eq!((app.filter(), app.mode()), ("", Mode::Filter));
    press(&mut app, &letters("x"), &three);
    press(&mut app, &[Key::Esc], &three);
    assert_eq!((app.filter(), app.mode()), ("", Mode::Containers));
    press(&mut app, &[Key::Char('/')], &three);
    press(&mut app, &letters(&"x".repeat(10_000)), &three);
    assert_eq!(app.filter().len(), 256);
}

#[test]
fn opening_and_coming_back() {
    let mut app = app();
    let three = three();
    press(&mut app, &[Key::Down, Key::Enter], &three);
    assert_eq!(app.opened(&three).unwrap().name(), "db-1");
    assert_eq!(app.mode(), Mode::Calls);
    // The first Esc is for the filter, which is another one than that of the containers.
    press(&mut app, &[Key::Char('/'), Key::Char('r'), Key::Enter, Key::Esc], &three);
    assert_eq!((app.filter(), app.mode()), ("", Mode::Calls));
    press(&mut app, &[Key::Esc], &three);
    assert_eq!(app.screen, Screen::Containers);
    assert_eq!(selected(&app, &three), "db-1");
}

#[test]
fn another_container_keeps_the_order_of_calls_alone() {
    let mut app = app();
    let three = three();
    press(&mut app, &[Key::Enter, Key::Char('!'), Key::Char('/'), Key::Char('1'), Key::Enter], &three);
    press(&mut app, &[Key::Esc, Key::Esc, Key::Down, Key::Enter], &three);
    assert_eq!((app.calls.sort, app.filter()), (CallColumn::Syscall, ""));
}

#[test]
fn an_opened_container_may_go() {
    let mut app = app();
    press(&mut app, &[Key::Enter], &three());
    let empty = snapshot(Vec::new());
    assert!(app.opened(&empty).is_none());
    press(&mut app, &[Key::Down, Key::End, Key::Esc], &empty);
    assert_eq!(app.screen, Screen::Containers);
}

#[test]
fn keys_before_the_first_snapshot_do_no_harm() {
    let mut app = app();
    for key in [Key::Down, Key::Enter, Key::Char('s'), Key::Char(' '), Key::End] {
        let action = keys::action(app.mode(), key).unwrap();
        assert_eq!(app.update(action, None), Effect::Redraw);
    }
    assert!(app.paused);
    assert_eq!(app.screen, Screen::Containers);
}

#[test]
fn pause_help_and_quit() {
    let mut app = app();
    let three = three();
    press(&mut app, &[Key::Char('p')], &three);
    assert!(app.paused);
    press(&mut app, &[Key::Char(' ')], &three);
    assert!(!app.paused);
    press(&mut app, &[Key::F(1)], &three);
    assert_eq!(app.mode(), Mode::Help);
    app.help = Some(Scroll { top: 0, page: 10, last: 15 });
    press(&mut app, &[Key::PageDown, Key::PageDown, Key::Up], &three);
    assert_eq!(app.help.map(|scroll| scroll.top), Some(14));
    press(&mut app, &[Key::Char('q')], &three);
    assert_eq!(app.mode(), Mode::Containers);
    assert_eq!(app.update(Action::Quit, Some(&three)), Effect::Quit);
}
