//! The first lines: the trace as a whole, and what is not in the picture.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::look::Look;
use crate::snapshot::{LossRow, Snapshot, State, Subject};
use crate::text::{clock, fit, rate, width};
use crate::tui::app::App;
use crate::tui::keys::Mode;

/// What was asked for on the command line. What is typed takes its place.
const ONLY: &str = "only: ";

/// One to three lines of at most `room` columns.
pub fn lines(app: &App, snapshot: Option<&Snapshot>, look: Look, room: usize) -> Vec<Line<'static>> {
    let mut lines = vec![summary(app, snapshot, look, room)];
    if let Some(snapshot) = snapshot.filter(|snapshot| lost(snapshot) > 0) {
        let text = losses(&snapshot.losses, lost(snapshot));
        lines.push(Line::styled(fit(&text, room, look.charset).into_owned(), look.loss()));
    }
    if app.mode() == Mode::Filter || !app.filter().is_empty() {
        lines.push(filter(app, look, room));
    } else if !app.options.filter.is_empty() {
        let text = fit(&app.options.filter, room.saturating_sub(ONLY.len()), look.charset).into_owned();
        lines.push(Line::from(vec![Span::styled(ONLY, Look::TITLE), Span::raw(text)]));
    }
    lines
}

/// Everything that is missing.
pub fn lost(snapshot: &Snapshot) -> u64 {
    snapshot.losses.iter().fold(0, |sum: u64, row| sum.saturating_add(row.count))
}

/// Part of the first line; the least important goes first.
struct Part {
    importance: u8,
    text: String,
    style: Style,
}

fn summary(app: &App, snapshot: Option<&Snapshot>, look: Look, room: usize) -> Line<'static> {
    let (state, style) = state(app, look);
    let mut parts = vec![
        Part { importance: 5, text: "ctrace top".into(), style: Look::TITLE },
        Part { importance: 6, text: state.into(), style },
    ];
    if let Some(snapshot) = snapshot {
        let plain = |importance, text| Part { importance, text, style: Style::new() };
        let sum = |count: fn(&crate::snapshot::Counts) -> u64| {
            let sum = snapshot.rows.iter().fold(0, |sum: u64, row| sum.saturating_add(count(&row.sum)));
            if snapshot.interval_ns == 0 { "-".to_owned() } else { rate(snapshot.per_second(sum)) }
        };
        parts.extend([
            plain(0, clock(snapshot.elapsed_ns)),
            plain(1, containers(snapshot)),
            plain(4, format!("{} calls/s", sum(|counts| counts.count))),
            plain(3, format!("{} err/s", sum(|counts| counts.errors))),
            plain(2, format!("{} denied/s", sum(|counts| counts.denied))),
        ]);
    }
    let taken = |parts: &[Part]| parts.iter().map(|part| width(&part.text) + 2).sum::<usize>();
    while parts.len() > 1 && taken(&parts) > room + 2 {
        let least = parts.iter().map(|part| part.importance).min();
        parts.retain(|part| Some(part.importance) != least);
    }
    let spans = parts.into_iter().enumerate().flat_map(|(index, part)| {
        [Span::raw(if index == 0 { "" } else { "  " }), Span::styled(part.text, part.style)]
    });
    spans.collect()
}

fn state(app: &App, look: Look) -> (&'static str, Style) {
    match (app.paused, app.options.replay, app.ended) {
        (true, _, _) => ("PAUSED", look.held()),
        (false, true, false) => ("REPLAY", Look::TITLE),
        (false, true, true) => ("REPLAY, at its end", look.held()),
        (false, false, false) => ("LIVE", Look::TITLE),
        (false, false, true) => ("ENDED", look.held()),
    }
}

fn containers(snapshot: &Snapshot) -> String {
    let running = snapshot
        .rows
        .iter()
        .filter(|row| matches!(row.subject, Subject::Container(_)) && row.state == State::Running)
        .count();
    if running == 1 { "1 container".to_owned() } else { format!("{running} containers") }
}

/// `LOST 1034: ring 1000 (web-1), call_table 34`, the worst first.
fn losses(rows: &[LossRow], sum: u64) -> String {
    let mut rows: Vec<&LossRow> = rows.iter().filter(|row| row.count > 0).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.count));
    let places: Vec<String> = rows
        .iter()
        .map(|row| match &row.container {
            Some(container) => format!("{} {} ({})", row.place, row.count, container.display_name()),
            None => format!("{} {}", row.place, row.count),
        })
        .collect();
    format!("LOST {sum}: {}", places.join(", "))
}

/// The end of the text is what one types, so what has no room is missing from its beginning.
fn filter(app: &App, look: Look, room: usize) -> Line<'static> {
    const LABEL: &str = "filter: ";
    let typing = app.mode() == Mode::Filter;
    let safe = look.charset.safe(app.filter()).into_owned();
    let room = room.saturating_sub(LABEL.len() + usize::from(typing));
    let mut shown = safe.as_str();
    if typing {
        while width(shown) > room {
            let mut rest = shown.chars();
            rest.next();
            shown = rest.as_str();
        }
    }
    let mut text = fit(shown, room, look.charset).into_owned();
    if typing {
        text.push(look.cursor());
    }
    Line::from(vec![Span::styled(LABEL, Look::TITLE), Span::raw(text)])
}
