use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use super::*;
use crate::tui::Options;
use crate::tui::action::{Action, Go, Step, Time, Type};
use crate::tui::app::App;
use crate::tui::place::{VIEWS, View};
use crate::tui::sample;

const SIZES: [(u16, u16); 4] = [(80, 24), (120, 40), (200, 50), (40, 10)];

fn buffer(app: &mut App, (width, height): (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, app)).unwrap();
    terminal.backend().buffer().clone()
}

/// The text on the screen, without the empty space on the right and below.
fn text(buffer: &Buffer) -> String {
    let rows = buffer.content().chunks(usize::from(buffer.area.width));
    let lines: Vec<String> = rows
        .map(|cells| {
            let mut line = String::new();
            let mut hidden = 0;
            for cell in cells {
                if hidden == 0 {
                    line.push_str(cell.symbol());
                    hidden = cell.symbol().width().max(1);
                }
                hidden -= 1;
            }
            line.trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}

/// What was done before the picture.
fn app(actions: &[Action], snapshot: Option<&Snapshot>) -> App {
    app_with(Options { color: true, ..Options::default() }, actions, snapshot)
}

fn app_with(options: Options, actions: &[Action], snapshot: Option<&Snapshot>) -> App {
    let mut app = App::new(options);
    if let Some(snapshot) = snapshot {
        app.history.push(Arc::new(snapshot.clone()));
    }
    for action in actions {
        app.update(*action);
        // What was asked for has come.
        if let Some(snapshot) = snapshot.filter(|_| app.demand().is_some() && !app.history.is_held()) {
            app.history.push(Arc::new(sample::closeup(snapshot.clone(), app.demand())));
        }
    }
    app
}

fn typed(text: &str) -> Vec<Action> {
    let letters = text.chars().map(|c| Action::Type(Type::Char(c)));
    std::iter::once(Action::Filter).chain(letters).collect()
}

const OPEN: Action = Action::Go(Go::Open);

const fn view(view: View) -> Action {
    Action::Go(Go::View(view))
}

/// Keeps a picture of each size.
fn keep(name: &str, snapshot: Option<&Snapshot>, actions: &[Action]) {
    for size in SIZES {
        let mut app = app(actions, snapshot);
        let shown = text(&buffer(&mut app, size));
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), shown);
    }
}

#[test]
fn waiting() {
    keep("waiting", None, &[]);
}

#[test]
fn containers() {
    keep("containers", Some(&sample::three()), &[]);
}

#[test]
fn loss() {
    keep("loss", Some(&sample::loss()), &[]);
}

#[test]
fn hostile_names() {
    keep("hostile", Some(&sample::hostile()), &[]);
}

#[test]
fn calls() {
    keep("calls", Some(&sample::three()), &[OPEN]);
}

#[test]
fn calls_of_a_hostile_one_with_loss() {
    keep("hostile_calls", Some(&sample::hostile()), &[OPEN]);
}

#[test]
fn help() {
    keep("help", Some(&sample::three()), &[Action::Help]);
}

#[test]
fn filter_being_typed() {
    keep("filter", Some(&sample::three()), &typed("DB"));
}

#[test]
fn paused() {
    keep("paused", Some(&sample::three()), &[Action::Time(Time::Pause), Action::Move(Step::Down)]);
}

#[test]
fn measured() {
    keep("measured", Some(&sample::measured()), &[]);
}

#[test]
fn containers_as_a_tree() {
    let mut snapshot = sample::three();
    let around = sample::container('d', "outer", "podman", crate::container::Runtime::Docker);
    snapshot.rows.push(sample::row(crate::snapshot::Subject::Container(Arc::new(around)), 1, 1));
    let mut app = app(&[Action::Tree], Some(&snapshot));
    insta::assert_snapshot!(text(&buffer(&mut app, (80, 24))));
}

#[test]
fn a_thousand_containers() {
    let many = sample::many(1000);
    for spec in &VIEWS {
        let mut app = app(&[view(spec.view), Action::Move(Step::Last)], Some(&many));
        for size in SIZES {
            let shown = text(&buffer(&mut app, size));
            assert!(shown.contains(spec.title), "{shown}");
        }
    }
    let mut app = app(&[Action::Move(Step::Last)], Some(&many));
    insta::assert_snapshot!(text(&buffer(&mut app, (80, 24))));
}

/// Every view of one container, of all, of none, and of hostile ones with loss.
#[test]
fn views() {
    let empty = sample::snapshot(Vec::new());
    for spec in &VIEWS {
        keep(&format!("view_{}", spec.name), Some(&sample::loss()), &[OPEN, view(spec.view)]);
        for (name, snapshot) in [("all", &sample::three()), ("none", &empty), ("hostile", &sample::hostile())]
        {
            let mut app = app(&[view(spec.view)], Some(snapshot));
            insta::assert_snapshot!(
                format!("view_{}_of_{name}", spec.name),
                text(&buffer(&mut app, (80, 24)))
            );
        }
    }
}

#[test]
fn an_event_is_json() {
    keep("event", Some(&sample::three()), &[view(View::Events), OPEN]);
}

#[test]
fn a_view_is_picked() {
    keep("picker", Some(&sample::three()), &[Action::Go(Go::Pick), Action::Move(Step::Last)]);
}

#[test]
fn a_command_is_typed() {
    let typed = |text: &str| -> Vec<Action> {
        std::iter::once(Action::Palette).chain(text.chars().map(|c| Action::Type(Type::Char(c)))).collect()
    };
    keep("palette", Some(&sample::three()), &typed("sort p"));
    let mut wrong = typed("viwe files");
    wrong.push(Action::Accept);
    keep("palette_wrong", Some(&sample::three()), &wrong);
}

#[test]
fn a_mistake_in_a_filter_is_told() {
    keep("filter_wrong", Some(&sample::three()), &typed("db nmae=x"));
}

#[test]
fn why_there_is_nothing_to_see() {
    let mut app = app(&[view(View::Files)], Some(&sample::three()));
    let mut given = sample::closeup(sample::three(), app.demand());
    let closeup = Arc::make_mut(given.closeup.as_mut().unwrap());
    closeup.files.clear();
    closeup.unavailable = Some("the recording has no records".into());
    app.history.push(Arc::new(given.clone()));
    assert!(text(&buffer(&mut app, (80, 24))).contains("not to be had: the recording has no records"));
    let closeup = Arc::make_mut(given.closeup.as_mut().unwrap());
    closeup.unavailable = None;
    closeup.lost = 1234;
    app.history.push(Arc::new(given));
    assert!(text(&buffer(&mut app, (80, 24))).contains("LOST 1234"));
    app.history.push(Arc::new(sample::three()));
    assert!(text(&buffer(&mut app, (80, 24))).contains("nobody looked this closely"));
}

#[test]
fn an_answer_takes_the_place_of_the_keys() {
    let mut app = app(&[], Some(&sample::three()));
    app.message = Some("written to /tmp/\x1b[2J".into());
    let shown = text(&buffer(&mut app, (80, 24)));
    assert_eq!(shown.lines().last(), Some(r"written to /tmp/\x1b[2J"));
    app.update(Action::Move(Step::Down));
    assert!(text(&buffer(&mut app, (80, 24))).contains("q quit"));
}

#[test]
fn a_replay_in_ascii_at_its_end() {
    let snapshot = sample::hostile();
    let options = Options { ascii: true, replay: true, ..Options::default() };
    let mut app = app_with(options, &typed("日本"), Some(&snapshot));
    app.ended = true;
    let shown = text(&buffer(&mut app, (80, 24)));
    insta::assert_snapshot!(shown);
    let views = VIEWS.iter().map(|spec| vec![view(spec.view)]);
    for actions in
        views.chain([vec![OPEN], vec![Action::Help], vec![Action::Palette], vec![Action::Go(Go::Pick)]])
    {
        let options = Options { ascii: true, ..Options::default() };
        let mut app = app_with(options, &actions, Some(&snapshot));
        let shown = text(&buffer(&mut app, (200, 50)));
        assert!(shown.is_ascii(), "{shown}");
    }
}

#[test]
fn no_size_is_too_small_for_a_picture() {
    let three = sample::three();
    let loss = sample::loss();
    let shown: Vec<String> = [(1, 1), (8, 2), (25, 5), (26, 4), (26, 5), (26, 6)]
        .iter()
        .flat_map(|size| {
            [&three, &loss].map(|snapshot| {
                let shown = text(&buffer(&mut app(&[], Some(snapshot)), *size));
                format!("{}x{}\n{shown}", size.0, size.1)
            })
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n---\n"));
}

/// Every view and everything before it at sizes up to 220 x 60: all small ones, and some of the large ones.
#[test]
fn every_view_has_a_picture_of_every_size() {
    let widths: Vec<u16> =
        (1..=30).step_by(2).chain([26, 27, 35, 42, 60, 79, 80, 81, 113, 160, 220]).collect();
    let heights: Vec<u16> = (1..=9).chain([11, 24, 60]).collect();
    let last = Action::Move(Step::Last);
    let mut screens: Vec<Vec<Action>> = VIEWS.iter().map(|spec| vec![view(spec.view), last]).collect();
    screens.extend([
        vec![last, Action::Time(Time::Pause)],
        vec![OPEN, Action::Expand, last],
        vec![Action::Help, last],
        vec![Action::Go(Go::Pick), last],
        vec![Action::Palette, Action::Type(Type::Char('日'))],
        vec![Action::ChooseFormat],
        vec![Action::Tree],
        vec![view(View::Events), OPEN, last],
        typed("日本\u{202e} x=y"),
    ]);
    for snapshot in [None, Some(sample::snapshot(Vec::new())), Some(sample::hostile())] {
        for actions in &screens {
            let mut app = app(actions, snapshot.as_ref());
            for width in &widths {
                for height in &heights {
                    let shown = buffer(&mut app, (*width, *height));
                    assert!(shown.content().iter().any(|cell| cell.symbol() != " "), "{width}x{height}");
                }
            }
        }
    }
}

#[test]
fn the_command_line_is_shown_until_a_filter_is_typed() {
    let three = sample::three();
    let options = || Options { filter: "web-1 \x1b[2J image=nginx".into(), ..Options::default() };
    let shown = text(&buffer(&mut app_with(options(), &[], Some(&three)), (80, 24)));
    assert_eq!(shown.lines().nth(2), Some(r"only: web-1 \x1b[2J image=nginx"));
    assert!(shown.contains("db-1"), "the snapshot is selected already");
    let shown = text(&buffer(&mut app_with(options(), &typed("w"), Some(&three)), (80, 24)));
    assert_eq!(shown.lines().nth(2), Some("filter: w▏"));
}

#[test]
fn nothing_hostile_gets_into_the_picture() {
    let snapshot = sample::hostile();
    let typed = typed("\u{202e}\x1b");
    let views = VIEWS.iter().map(|spec| vec![view(spec.view)]);
    for actions in views.chain([vec![OPEN], vec![Action::Move(Step::Last), OPEN], typed]) {
        for size in SIZES {
            let shown = buffer(&mut app(&actions, Some(&snapshot)), size);
            for cell in shown.content() {
                let symbol = cell.symbol();
                assert_eq!(crate::text::safe(symbol), symbol);
                assert!(symbol.width() <= 2, "{symbol:?}");
            }
        }
    }
}

#[test]
fn loss_is_loud_in_colours_and_without() {
    let loss = sample::loss();
    for color in [true, false] {
        let mut app = app_with(Options { color, ..Options::default() }, &[], Some(&loss));
        let shown = buffer(&mut app, (80, 24));
        assert!(text(&shown).contains("LOST 1034: ring 1000 (web-1), call_table 34"));
        let cell = &shown[(0, 2)];
        assert!(cell.modifier.contains(Modifier::BOLD));
        assert_eq!(cell.fg, if color { Color::Red } else { Color::Reset });
        let colored = shown.content().iter().any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset);
        assert_eq!(colored, color);
    }
}

#[test]
fn without_loss_nobody_says_so() {
    let three = sample::three();
    for size in SIZES {
        assert!(!text(&buffer(&mut app(&[], Some(&three)), size)).contains("LOST"));
    }
}

#[test]
fn the_selected_row_is_reversed_and_marked() {
    let three = sample::three();
    let shown = buffer(&mut app(&[Action::Move(Step::Down)], Some(&three)), (80, 24));
    for (y, line) in text(&shown).lines().enumerate() {
        let reversed = shown[(0, cells(y))].modifier.contains(Modifier::REVERSED);
        assert_eq!(reversed, line.starts_with('>'), "{line}");
        assert_eq!(reversed, line.contains("db-1"), "{line}");
    }
}

#[test]
fn the_selected_row_stays_in_sight() {
    let mut app = app(&[], Some(&sample::many(500)));
    for step in [Step::Last, Step::PageUp, Step::First, Step::PageDown, Step::Down, Step::Up, Step::Last] {
        buffer(&mut app, (80, 24));
        app.update(Action::Move(step));
        for size in SIZES {
            let shown = text(&buffer(&mut app, size));
            assert_eq!(shown.lines().filter(|line| line.starts_with('>')).count(), 1, "{step:?}\n{shown}");
        }
    }
}
