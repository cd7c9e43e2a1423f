use std::sync::Arc;

use super::super::key::Key;
use super::super::sample::{closeup, container, row, snapshot, three};
use super::*;
use crate::container::Runtime;
use crate::event::Abi;
use crate::snapshot::Aspect;
use crate::tui::column::Room;

fn app(snapshot: &Snapshot) -> App {
    let mut app = App::new(Options::default());
    show(&mut app, snapshot);
    app
}

fn show(app: &mut App, snapshot: &Snapshot) {
    app.history.push(Arc::new(snapshot.clone()));
}

/// Presses keys as the loop does.
fn press(app: &mut App, keys: &[Key]) {
    for key in keys {
        let action =
            app.options.keys.action(app.mode(), *key).unwrap_or_else(|| panic!("{key} is not bound"));
        assert_eq!(app.update(action), Effect::Redraw);
    }
}

fn letters(text: &str) -> Vec<Key> {
    text.chars().map(Key::Char).collect()
}

/// The first cells of the rows.
fn names(app: &mut App) -> Vec<String> {
    let rows = app.with(|table, context| table.rows(context)).unwrap();
    rows.into_iter().map(|mut cells| cells.remove(0)).collect()
}

fn selected(app: &mut App) -> String {
    app.with(|table, context| table.subject(context)).unwrap().unwrap().name().to_owned()
}

/// As if it had been drawn with that many rows.
fn page(app: &mut App, lines: usize) {
    let look = crate::tui::view::look::Look::new(&Options::default());
    app.with(|table, context| table.drawn(0, Room { width: 500, height: lines + 1 }, context, look));
}

#[test]
fn the_busiest_come_first_then_what_was_busy() {
    assert_eq!(names(&mut app(&three())), ["web-1", "db-1", "(host)", "job", "(unknown)"]);
}

#[test]
fn by_name_the_host_and_unknown_ones_come_last() {
    let mut app = app(&three());
    press(&mut app, &[Key::Char('!')]);
    assert_eq!(names(&mut app), ["db-1", "job", "web-1", "(host)", "(unknown)"]);
    press(&mut app, &[Key::Char('r')]);
    assert_eq!(names(&mut app), ["(unknown)", "(host)", "web-1", "job", "db-1"]);
}

#[test]
fn the_same_column_again_turns_the_order() {
    let mut app = app(&three());
    press(&mut app, &[Key::Char('!'), Key::Char('!')]);
    assert_eq!(app.place.table.order(), Order { column: 0, reversed: true });
    press(&mut app, &[Key::Char('!')]);
    assert_eq!(app.place.table.order(), Order { column: 0, reversed: false });
}

#[test]
fn sorting_goes_round_the_columns() {
    for spec in &VIEWS {
        let mut place = Place::new(spec.view, None, Only::default());
        let first = place.table.order();
        let columns = place.table.titles().len();
        let mut seen: Vec<usize> = Vec::new();
        for _ in 0..columns {
            place.table.arrange(Arrange::SortNext);
            seen.push(place.table.order().column);
        }
        assert_eq!(seen.last(), Some(&first.column));
        seen.sort_unstable();
        assert_eq!(seen, (0..columns).collect::<Vec<_>>(), "{}", spec.name);
        place.table.arrange(Arrange::SortNext);
        place.table.arrange(Arrange::SortPrevious);
        assert_eq!(place.table.order().column, first.column);
    }
}

#[test]
fn only_columns_on_the_screen_are_sorted_by() {
    let mut app = app(&three());
    let look = crate::tui::view::look::Look::new(&Options::default());
    app.with(|table, context| table.drawn(0, Room { width: 26, height: 10 }, context, look));
    press(&mut app, &[Key::Char('>')]);
    assert_eq!(app.place.table.order().column, 0, "name and calls have room");
    press(&mut app, &[Key::Char('(')]);
    assert_eq!(app.place.table.order().column, 0);
}

#[test]
fn the_selection_follows_the_container() {
    let mut now = three();
    let mut app = app(&now);
    press(&mut app, &[Key::Down]);
    assert_eq!(selected(&mut app), "db-1");
    // Now it is the busiest, and another one is new.
    now.rows[0].sum.count = 1_000_000;
    let new = container('e', "another", "busybox", Runtime::Docker);
    now.rows.insert(0, row(Subject::Container(Arc::new(new)), 2_000_000, 0));
    show(&mut app, &now);
    assert_eq!(selected(&mut app), "db-1");
    press(&mut app, &[Key::Char('!'), Key::Char('r')]);
    assert_eq!(selected(&mut app), "db-1");
}

#[test]
fn until_one_moves_the_first_row_is_selected() {
    let mut now = three();
    let mut app = app(&now);
    assert_eq!(selected(&mut app), "web-1");
    now.rows[0].sum.count = 1_000_000;
    show(&mut app, &now);
    assert_eq!(selected(&mut app), "db-1");
}

#[test]
fn when_the_selected_one_is_gone_its_neighbour_is_selected() {
    let mut now = three();
    let mut app = app(&now);
    press(&mut app, &[Key::End]);
    assert_eq!(selected(&mut app), "(unknown)");
    now.rows.pop();
    show(&mut app, &now);
    assert_eq!(selected(&mut app), "job");
    now.rows.clear();
    show(&mut app, &now);
    press(&mut app, &[Key::Up, Key::Down, Key::Enter]);
    assert_eq!(app.place.view, View::Containers);
}

#[test]
fn moving_stops_at_the_ends() {
    let mut app = app(&three());
    page(&mut app, 2);
    for (key, there) in [
        (Key::Up, "web-1"),
        (Key::PageDown, "(host)"),
        (Key::PageDown, "(unknown)"),
        (Key::Down, "(unknown)"),
        (Key::Char('k'), "job"),
        (Key::PageUp, "db-1"),
        (Key::Ctrl('d'), "(host)"),
        (Key::Ctrl('u'), "db-1"),
        (Key::Char('G'), "(unknown)"),
        (Key::Char('g'), "web-1"),
        (Key::Char('j'), "db-1"),
        (Key::Home, "web-1"),
    ] {
        press(&mut app, &[key]);
        assert_eq!(selected(&mut app), there, "after {key}");
    }
}

#[test]
fn the_window_keeps_the_selected_row_in_sight() {
    let mut list = crate::tui::list::List::<crate::tui::column::ContainerColumn>::new();
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
fn a_filter_looks_at_name_image_pod_and_id() {
    for (text, found) in [
        ("WEB", "web-1"),
        ("postgres", "db-1"),
        ("cccc", "job"),
        ("(host", "(host)"),
        ("web-5d9f", "web-1"),
        ("1 image=postgres:17", "db-1"),
        ("runtime!=docker runtime!=podman", "web-1"),
    ] {
        let mut app = app(&three());
        press(&mut app, &[Key::Char('/')]);
        press(&mut app, &letters(text));
        assert_eq!(names(&mut app), [found], "{text}");
        press(&mut app, &[Key::Enter]);
        assert_eq!((app.mode(), app.place.table.needle().text()), (Mode::Table, text));
        press(&mut app, &[Key::Esc]);
        assert_eq!(names(&mut app).len(), 5);
    }
}

#[test]
fn a_filter_can_be_corrected_and_given_up() {
    let mut app = app(&three());
    press(&mut app, &[Key::Char('/'), Key::Char('d'), Key::Char('b')]);
    assert_eq!(names(&mut app), ["db-1"]);
    press(&mut app, &[Key::Backspace, Key::Backspace, Key::Backspace]);
    assert_eq!(app.place.table.needle().text(), "");
    press(&mut app, &letters("quit?"));
    assert_eq!(app.place.table.needle().text(), "quit?");
    press(&mut app, &[Key::Ctrl('u')]);
    assert_eq!((app.place.table.needle().text(), app.mode()), ("", Mode::Filter));
    press(&mut app, &letters("x"));
    press(&mut app, &[Key::Esc]);
    assert_eq!((app.place.table.needle().text(), app.mode()), ("", Mode::Table));
    press(&mut app, &[Key::Char('/')]);
    press(&mut app, &letters(&"x".repeat(10_000)));
    assert_eq!(app.place.table.needle().text().len(), 256);
}

#[test]
fn opening_and_coming_back() {
    let mut app = app(&three());
    press(&mut app, &[Key::Char('!'), Key::Down, Key::Down, Key::Enter]);
    assert_eq!(app.crumbs(), "system calls: all containers > web-1");
    press(&mut app, &[Key::Down, Key::Enter]);
    assert_eq!(app.crumbs(), "latency over time: all containers > web-1 > openat");
    press(&mut app, &[Key::Esc]);
    assert_eq!(app.crumbs(), "system calls: all containers > web-1");
    // The first Esc is for the filter, which is another one than that of the containers.
    press(&mut app, &[Key::Char('/'), Key::Char('r'), Key::Enter, Key::Esc]);
    assert_eq!((app.place.table.needle().text(), app.place.view), ("", View::Calls));
    press(&mut app, &[Key::Esc]);
    assert_eq!((app.place.view, selected(&mut app).as_str()), (View::Containers, "web-1"));
    assert_eq!(app.place.table.order().column, 0, "and sorted by name");
    press(&mut app, &[Key::Esc, Key::Esc]);
    assert_eq!(app.place.view, View::Containers);
}

#[test]
fn rows_lead_to_the_events_that_they_are_made_of() {
    let expected = [
        (View::Problems, Only { call: Some((Abi::Native, 257)), errno: Some(2), ..Only::default() }),
        (View::Processes, Only { pid: Some(4242), ..Only::default() }),
        (View::Files, Only { path: Some("/etc/passwd".into()), ..Only::default() }),
        (View::Peers, Only { peer: Some("192.0.2.1:443".into()), ..Only::default() }),
        (View::Capabilities, Only::default()),
    ];
    for (view, only) in expected {
        let mut app = app(&three());
        press(&mut app, &[Key::Enter]);
        app.update(Action::Go(Go::View(view)));
        let looked = closeup(three(), app.demand());
        show(&mut app, &looked);
        app.update(Action::Go(Go::Open));
        assert_eq!((app.place.view, &app.place.only), (View::Events, &only), "{view:?}");
        let demand = app.demand().unwrap();
        assert_eq!(
            (demand.aspect, demand.only, demand.of),
            (Aspect::Events, only, Some(three().rows[2].subject.id()))
        );
        press(&mut app, &[Key::Esc]);
        assert_eq!(app.place.view, view);
    }
}

#[test]
fn an_event_opens_as_json() {
    let mut app = app(&three());
    press(&mut app, &[Key::Char('8')]);
    let looked = closeup(three(), app.demand());
    show(&mut app, &looked);
    press(&mut app, &[Key::Enter]);
    assert_eq!(app.mode(), Mode::Text);
    let Over::Text(text) = &app.over else { panic!() };
    assert!(text.body.contains("\"event\": \"syscall\""), "{}", text.body);
    press(&mut app, &[Key::Down, Key::Esc]);
    assert_eq!((app.mode(), app.place.view), (Mode::Table, View::Events));
}

#[test]
fn one_jumps_to_a_moment() {
    let at = |second: u64| Snapshot { elapsed_ns: second * 1_000_000_000, ..three() };
    let mut app = app(&at(0));
    (1..20).for_each(|second| show(&mut app, &at(second)));
    let second = |app: &App| app.shown().unwrap().elapsed_ns / 1_000_000_000;
    press(&mut app, &[Key::Char('9'), Key::Down, Key::Down, Key::Enter]);
    assert_eq!((second(&app), app.history.is_held()), (17, true));
    press(&mut app, &[Key::Char('2')]);
    assert_eq!(second(&app), 17, "another view of the same moment");
    let command: Vec<Key> = ":jump 0:15".chars().map(Key::Char).chain([Key::Enter]).collect();
    press(&mut app, &command);
    assert_eq!(second(&app), 4);
    press(&mut app, &[Key::Char('n')]);
    assert_eq!((second(&app), app.history.is_held()), (19, false));
}

#[test]
fn views_keep_the_opened_container() {
    let mut app = app(&three());
    press(&mut app, &[Key::Char('5')]);
    assert_eq!(app.crumbs(), "files: all containers");
    press(&mut app, &[Key::Esc, Key::Enter, Key::Char('3')]);
    assert_eq!(app.crumbs(), "errors and denials: all containers > web-1");
    press(&mut app, &[Key::Tab]);
    assert_eq!(app.crumbs(), "processes: all containers > web-1");
    press(&mut app, &[Key::BackTab, Key::BackTab, Key::BackTab]);
    assert_eq!(app.crumbs(), "latency over time: all containers > web-1", "past all containers");
    press(&mut app, &[Key::F(2), Key::Home, Key::Down, Key::Enter]);
    assert_eq!(app.crumbs(), "system calls: all containers > web-1");
    press(&mut app, &[Key::Char('1')]);
    assert_eq!(app.crumbs(), "containers: all containers");
    press(&mut app, &[Key::BackTab]);
    assert_eq!(app.crumbs(), "latency over time: all containers");
}

#[test]
fn only_a_view_that_looks_closely_demands_it() {
    let mut app = app(&three());
    assert_eq!(app.demand(), None);
    press(&mut app, &[Key::Char('6')]);
    let all = Demand { aspect: Aspect::Peers, of: None, only: Only::default() };
    assert_eq!(app.demand(), Some(all));
    press(&mut app, &[Key::Char('9')]);
    assert_eq!(app.demand(), None);
}

#[test]
fn another_container_keeps_the_order_of_calls_alone() {
    let mut app = app(&three());
    press(&mut app, &[Key::Enter, Key::Char('!'), Key::Char('/'), Key::Char('1'), Key::Enter]);
    press(&mut app, &[Key::Esc, Key::Esc, Key::Down, Key::Enter]);
    assert_eq!((app.place.table.order().column, app.place.table.needle().text()), (0, ""));
}

#[test]
fn an_opened_container_may_go() {
    let mut app = app(&three());
    press(&mut app, &[Key::Enter]);
    let empty = snapshot(Vec::new());
    show(&mut app, &empty);
    assert!(app.opened(&empty).is_none());
    press(&mut app, &[Key::Down, Key::End, Key::Char('9'), Key::Esc]);
    assert_eq!(app.place.view, View::Containers);
}

#[test]
fn keys_before_the_first_snapshot_do_no_harm() {
    let mut app = App::new(Options::default());
    press(
        &mut app,
        &[Key::Down, Key::Enter, Key::Char('s'), Key::Char(' '), Key::End, Key::Char('t'), Key::Char('w')],
    );
    assert_eq!(app.place.view, View::Containers);
    assert!(app.export().is_none());
}

#[test]
fn time_stands_still_and_goes_back() {
    let mut now = three();
    let mut app = app(&now);
    for second in 1..=20 {
        now.elapsed_ns += 1_000_000_000;
        now.rows[0].sum.count = second;
        show(&mut app, &now);
    }
    let calls = |app: &App| app.shown().unwrap().rows[0].sum.count;
    press(&mut app, &[Key::Char('p')]);
    show(&mut app, &three());
    assert_eq!(calls(&app), 20);
    for (key, there) in [('t', 19), ('[', 18), ('T', 19), (']', 20), ('{', 10), ('}', 20), ('t', 19)] {
        press(&mut app, &[Key::Char(key)]);
        assert_eq!(calls(&app), there, "after {key}");
    }
    press(&mut app, &[Key::Char('n')]);
    assert!(!app.history.is_held());
    press(&mut app, &[Key::Char(' '), Key::Char(' ')]);
    assert!(!app.history.is_held());
    press(&mut app, &[Key::Char('t'), Key::Char('c')]);
    assert!(!app.history.is_held(), "a reset is back in the present");
}

#[test]
fn only_a_replay_has_a_speed() {
    let speed = |app: &App| app.speed.to_string();
    let mut live = app(&three());
    press(&mut live, &[Key::Char('+')]);
    assert_eq!((speed(&live), live.message.is_some()), ("1".to_owned(), true));
    let mut replay = App::new(Options { replay: true, speed: 3.0, ..Options::default() });
    for (key, there) in [('+', "5"), ('=', "10"), ('-', "5"), ('-', "2")] {
        press(&mut replay, &[Key::Char(key)]);
        assert_eq!(speed(&replay), there);
    }
    press(&mut replay, &[Key::Char('+'); 20]);
    assert_eq!(speed(&replay), "1000");
    press(&mut replay, &[Key::Char('-'); 20]);
    assert_eq!(speed(&replay), "0.1");
}

#[test]
fn commands_are_typed() {
    let mut app = app(&three());
    let run = |app: &mut App, command: &str| {
        press(app, &[Key::Char(':')]);
        press(app, &letters(command));
        press(app, &[Key::Enter]);
    };
    run(&mut app, "view problems");
    assert_eq!((app.place.view, app.mode()), (View::Problems, Mode::Table));
    run(&mut app, "sort total");
    assert_eq!(app.place.table.order(), Order { column: 4, reversed: false });
    run(&mut app, "nonsense");
    assert_eq!(app.mode(), Mode::Palette, "with what is wrong");
    press(&mut app, &[Key::Ctrl('u'), Key::Char('h'), Key::Char('e'), Key::Tab, Key::Enter]);
    assert_eq!(app.mode(), Mode::Help);
    press(&mut app, &[Key::Esc, Key::Char(':')]);
    press(&mut app, &letters("quit"));
    assert_eq!(app.update(Action::Accept), Effect::Quit);
}

#[test]
fn what_goes_outside_is_told_in_full() {
    let mut app = app(&three());
    assert_eq!(app.update(Action::WriteProfile), Effect::WriteProfile(three().rows[2].subject.id()));
    press(&mut app, &[Key::End, Key::Char('w')]);
    assert_eq!(app.message.as_deref(), Some("only a container has a seccomp profile"));
    press(&mut app, &[Key::Home, Key::Enter]);
    assert_eq!(app.update(Action::WriteProfile), Effect::WriteProfile(three().rows[2].subject.id()));
    press(&mut app, &[Key::Char('x')]);
    assert_eq!(app.update(Action::Export(export::Format::Csv)), Effect::Export(export::Format::Csv));
    let table = app.export().unwrap();
    assert_eq!(table.title, "system calls: all containers > web-1");
    assert_eq!((table.columns.len(), table.rows.len()), (12, 4));
    assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));
    press(&mut app, &[Key::Down, Key::Enter]);
    assert_eq!(app.update(Action::CopyCommand), Effect::CopyCommand);
    let scope = app.scope();
    assert_eq!((scope.view, scope.call.as_deref()), ("latency", Some("openat")));
    assert_eq!(scope.of.map(|of| of.id()), Some(three().rows[2].subject.id()));
}

#[test]
fn a_mouse_sorts_selects_and_opens() {
    let mut app = app(&three());
    page(&mut app, 10);
    app.drawn.table = (2, 11);
    app.drawn.footer = 23;
    app.drawn.keys = vec![(6, Key::Char('q')), (14, Key::Char('?'))];
    let at = |x, y| Mouse { what: Click::Press, x, y };
    assert_eq!(app.point(at(4, 2), false), Some(Effect::Redraw));
    assert_eq!(names(&mut app), ["db-1", "job", "web-1", "(host)", "(unknown)"]);
    app.point(at(10, 5), false);
    assert_eq!((selected(&mut app).as_str(), app.place.view), ("web-1", View::Containers));
    app.point(Mouse { what: Click::WheelUp, x: 0, y: 0 }, false);
    assert_eq!(selected(&mut app), "db-1");
    app.point(at(10, 5), true);
    assert_eq!(app.crumbs(), "system calls: all containers > web-1");
    assert_eq!(app.point(at(10, 20), false), None, "nothing is there");
    assert_eq!(app.point(at(8, 23), false), Some(Effect::Redraw));
    assert_eq!(app.mode(), Mode::Help);
    press(&mut app, &[Key::Esc]);
    assert_eq!(app.point(at(0, 23), false), Some(Effect::Quit));
    assert_eq!(app.update(Action::Mouse), Effect::Mouse(false));
    assert_eq!(app.point(at(0, 23), false), None);
}

#[test]
fn help_and_quit() {
    let mut app = app(&three());
    press(&mut app, &[Key::F(1)]);
    assert_eq!(app.mode(), Mode::Help);
    app.over = Over::Help(Scroll { top: 0, page: 10, last: 15 });
    press(&mut app, &[Key::PageDown, Key::PageDown, Key::Up]);
    assert_eq!(app.over, Over::Help(Scroll { top: 14, page: 10, last: 15 }));
    press(&mut app, &[Key::Char('q')]);
    assert_eq!(app.mode(), Mode::Table);
    assert_eq!(app.update(Action::Quit), Effect::Quit);
}
