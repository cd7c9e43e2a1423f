//! The first lines: the trace as a whole, and what is not in the picture.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::look::Look;
use crate::snapshot::{LossRow, Own, Snapshot, State, Subject};
use crate::text::{clock, count, fit, rate, width};
use crate::tui::app::{App, Over};
use crate::tui::column::percent;
use crate::tui::palette::Palette;

/// What was asked for on the command line. What is typed takes its place.
const ONLY: &str = "only: ";

/// Two to four lines of at most `room` columns.
pub fn lines(app: &App, snapshot: Option<&Snapshot>, look: Look, room: usize) -> Vec<Line<'static>> {
    let mut lines = vec![summary(app, snapshot, look, room), crumbs(app, snapshot, look, room)];
    if let Some(snapshot) = snapshot.filter(|snapshot| lost(snapshot) > 0) {
        let text = losses(&snapshot.losses, lost(snapshot));
        lines.push(Line::styled(fit(&text, room, look.charset).into_owned(), look.loss()));
    }
    if let Over::Palette(palette) = &app.over {
        lines.push(command(palette, &app.place.table.titles(), look, room));
    } else if app.over == Over::Filter || !app.place.table.needle().is_empty() {
        lines.push(filter(app, look, room));
    } else if !app.options.filter.is_empty() {
        let text = fit(&app.options.filter, room.saturating_sub(ONLY.len()), look.charset).into_owned();
        lines.push(Line::from(vec![Span::styled(ONLY, Look::TITLE), Span::raw(text)]));
    }
    lines
}

/// Columns that what is looked at has before anything else.
const CRUMBS: usize = 20;

/// What is looked at, and on the right what looking costs.
fn crumbs(app: &App, snapshot: Option<&Snapshot>, look: Look, room: usize) -> Line<'static> {
    let cost = snapshot.and_then(|snapshot| Some(cost(snapshot.own.as_ref()?, snapshot)));
    let cost = cost.filter(|cost| width(cost) + CRUMBS <= room).unwrap_or_default();
    let left = room - width(&cost);
    let gap = usize::from(!cost.is_empty());
    let crumbs = app.crumbs();
    let (view, path) = crumbs.split_once(": ").unwrap_or((&crumbs, ""));
    let path = fit(path, left.saturating_sub(width(view) + 2 + gap), look.charset).into_owned();
    let mut line = Line::from(vec![
        Span::styled(look.charset.safe(view).into_owned(), Look::TITLE),
        Span::raw(": "),
        Span::raw(path),
    ]);
    if gap > 0 {
        let space = " ".repeat(left.saturating_sub(line.width()));
        line.spans.extend([Span::raw(space), Span::raw(cost)]);
    }
    line
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
        Part { importance: 7, text: "ctrace top".into(), style: Look::TITLE },
        Part { importance: 8, text: state, style },
    ];
    if let Some(snapshot) = snapshot {
        let plain = |importance, text| Part { importance, text, style: Style::new() };
        let sum = |count: fn(&crate::snapshot::Counts) -> u64| {
            let sum = snapshot.rows.iter().fold(0, |sum: u64, row| sum.saturating_add(count(&row.sum)));
            if snapshot.interval_ns == 0 { "-".to_owned() } else { rate(snapshot.per_second(sum)) }
        };
        parts.extend([
            plain(2, clock(snapshot.elapsed_ns)),
            plain(3, containers(snapshot)),
            plain(6, format!("{} calls/s", sum(|counts| counts.count))),
            plain(5, format!("{} err/s", sum(|counts| counts.errors))),
            plain(4, format!("{} denied/s", sum(|counts| counts.denied))),
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

fn state(app: &App, look: Look) -> (String, Style) {
    let speed = if (app.speed - 1.0).abs() < 1e-9 { String::new() } else { format!(" {}x", app.speed) };
    match (app.history.is_held(), app.options.replay, app.ended) {
        (true, _, _) => {
            let seconds = app.history.behind_ns() / 1_000_000_000;
            // No more than some minutes are kept.
            (format!("PAUSED {}:{:02} ago", seconds / 60, seconds % 60), look.held())
        }
        (false, true, false) => (format!("REPLAY{speed}"), Look::TITLE),
        (false, true, true) => ("REPLAY, at its end".into(), look.held()),
        (false, false, false) => ("LIVE".into(), Look::TITLE),
        (false, false, true) => ("ENDED".into(), look.held()),
    }
}

/// What ctrace itself takes, and how full the ring buffer was.
fn cost(own: &Own, snapshot: &Snapshot) -> String {
    let cpu = own.cpu_ns.map_or("-".to_owned(), |cpu| percent(cpu, snapshot.interval_ns));
    let ring = percent(own.ring_bytes, own.ring_size);
    format!("ctrace: cpu {cpu} mem {} ring {ring}", count(own.memory_bytes, 5))
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

fn filter(app: &App, look: Look, room: usize) -> Line<'static> {
    let needle = app.place.table.needle();
    let typing = app.over == Over::Filter;
    let mut line = typed("filter: ", needle.text(), typing, look, room);
    if let Some(error) = needle.error() {
        beside(&mut line, error, look.loss(), look, room);
    }
    line
}

fn command(palette: &Palette, titles: &[&str], look: Look, room: usize) -> Line<'static> {
    let mut line = typed(":", palette.text(), true, look, room);
    match palette.error() {
        Some(error) => beside(&mut line, error, look.loss(), look, room),
        None => beside(&mut line, &palette.candidates(titles).join("  "), Style::new(), look, room),
    }
    line
}

/// Two spaces and a text, as much of it as has room.
fn beside(line: &mut Line<'static>, text: &str, style: Style, look: Look, room: usize) {
    let text = fit(text, room.saturating_sub(line.width() + 2), look.charset).into_owned();
    if !text.is_empty() {
        line.spans.extend([Span::raw("  "), Span::styled(text, style)]);
    }
}

/// The end of the text is what one types, so what has no room is missing from its beginning.
fn typed(label: &'static str, text: &str, typing: bool, look: Look, room: usize) -> Line<'static> {
    let safe = look.charset.safe(text).into_owned();
    let room = room.saturating_sub(label.len() + usize::from(typing));
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
    Line::from(vec![Span::styled(label, Look::TITLE), Span::raw(text)])
}
