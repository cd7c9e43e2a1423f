use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use super::*;
use crate::tui::Options;
use crate::tui::action::{Action, Arrange, Step};
use crate::tui::app::App;
use crate::tui::sample;

const SIZES: [(u16, u16); 4] = [(80, 24), (120, 40), (200, 50), (40, 10)];

fn buffer(app: &mut App, snapshot: Option<&Snapshot>, (width, height): (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, app, snapshot)).unwrap();
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
    for action in actions {
        app.update(*action, snapshot);
    }
    app
}

fn typed(text: &str) -> Vec<Action> {
    let letters = text.chars().map(|c| Action::Arrange(Arrange::Type(c)));
    std::iter::once(Action::Filter).chain(letters).collect()
}

/// Keeps a picture of each size.
fn keep(name: &str, snapshot: Option<&Snapshot>, actions: &[Action]) {
    for size in SIZES {
        let mut app = app(actions, snapshot);
        let shown = text(&buffer(&mut app, snapshot, size));
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
    keep("calls", Some(&sample::three()), &[Action::Open]);
}

#[test]
fn calls_of_a_hostile_one_with_loss() {
    keep("hostile_calls", Some(&sample::hostile()), &[Action::Open]);
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
    keep("paused", Some(&sample::three()), &[Action::Pause, Action::Move(Step::Down)]);
}

#[test]
fn a_replay_in_ascii_at_its_end() {
    let snapshot = sample::hostile();
    let options = Options { ascii: true, replay: true, ..Options::default() };
    let mut app = app_with(options, &typed("日本"), Some(&snapshot));
    app.ended = true;
    let shown = text(&buffer(&mut app, Some(&snapshot), (80, 24)));
    insta::assert_snapshot!(shown);
    for actions in [&[][..], &[Action::Open], &[Action::Help], &[Action::Arrange(Arrange::Reverse)]] {
        let options = Options { ascii: true, ..Options::default() };
        let mut app = app_with(options, actions, Some(&snapshot));
        let shown = text(&buffer(&mut app, Some(&snapshot), (200, 50)));
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
                let shown = text(&buffer(&mut app(&[], None), Some(snapshot), *size));
                format!("{}x{}\n{shown}", size.0, size.1)
            })
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n---\n"));
}

/// Every screen at sizes up to 220 x 60: all small ones, and some of the large ones.
#[test]
fn every_screen_has_a_picture_of_every_size() {
    let widths: Vec<u16> = (1..=30).chain([35, 42, 60, 79, 80, 81, 113, 160, 219, 220]).collect();
    let heights: Vec<u16> = (1..=9).chain([11, 16, 24, 41, 60]).collect();
    let typed = typed("日本\u{202e}");
    let last = Action::Move(Step::Last);
    let hostile: &[&[Action]] =
        &[&[last, Action::Pause], &[Action::Open, last], &[Action::Help, last], &typed];
    let samples = [
        (None, &hostile[..1]),
        (Some(sample::snapshot(Vec::new())), &hostile[..1]),
        (Some(sample::three()), &hostile[1..2]),
        (Some(sample::hostile()), hostile),
    ];
    for (snapshot, screens) in &samples {
        for actions in *screens {
            let mut app = app(actions, snapshot.as_ref());
            for width in &widths {
                for height in &heights {
                    let shown = buffer(&mut app, snapshot.as_ref(), (*width, *height));
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
    let shown = text(&buffer(&mut app_with(options(), &[], None), Some(&three), (80, 24)));
    assert_eq!(shown.lines().nth(1), Some(r"only: web-1 \x1b[2J image=nginx"));
    assert!(shown.contains("db-1"), "the snapshot is selected already");
    let shown = text(&buffer(&mut app_with(options(), &typed("w"), None), Some(&three), (80, 24)));
    assert_eq!(shown.lines().nth(1), Some("filter: w▏"));
}

#[test]
fn nothing_hostile_gets_into_the_picture() {
    let snapshot = sample::hostile();
    let typed = typed("\u{202e}\x1b");
    for actions in [&[][..], &[Action::Open], &[Action::Move(Step::Last), Action::Open], &typed] {
        for size in SIZES {
            let shown = buffer(&mut app(actions, Some(&snapshot)), Some(&snapshot), size);
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
        let shown = buffer(&mut app, Some(&loss), (80, 24));
        assert!(text(&shown).contains("LOST 1034: ring 1000 (web-1), call_table 34"));
        let cell = &shown[(0, 1)];
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
        assert!(!text(&buffer(&mut app(&[], None), Some(&three), size)).contains("LOST"));
    }
}

#[test]
fn the_selected_row_is_reversed_and_marked() {
    let three = sample::three();
    let shown = buffer(&mut app(&[Action::Move(Step::Down)], Some(&three)), Some(&three), (80, 24));
    for (y, line) in text(&shown).lines().enumerate() {
        let reversed = shown[(0, cells(y))].modifier.contains(Modifier::REVERSED);
        assert_eq!(reversed, line.starts_with('>'), "{line}");
        assert_eq!(reversed, line.contains("db-1"), "{line}");
    }
}

#[test]
fn the_selected_row_stays_in_sight() {
    let mut snapshot = sample::three();
    let web = snapshot.rows[2].clone();
    snapshot.rows = (0..500)
        .map(|nth| {
            let container = crate::container::Container {
                id: format!("{nth:064}"),
                ..sample::container('a', &format!("web-{nth}"), "nginx", crate::container::Runtime::Docker)
            };
            let subject = crate::snapshot::Subject::Container(std::sync::Arc::new(container));
            crate::snapshot::Row { subject, ..web.clone() }
        })
        .collect();
    let mut app = app(&[], None);
    for step in [Step::Last, Step::PageUp, Step::First, Step::PageDown, Step::Down, Step::Up, Step::Last] {
        buffer(&mut app, Some(&snapshot), (80, 24));
        app.update(Action::Move(step), Some(&snapshot));
        for size in SIZES {
            let shown = text(&buffer(&mut app, Some(&snapshot), size));
            assert_eq!(shown.lines().filter(|line| line.starts_with('>')).count(), 1, "{step:?}\n{shown}");
        }
    }
}
