//! The system calls of one container, below what is known of it.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::Line;

use super::look::Look;
use super::table::{self, Mark};
use super::{cells, detail, paint};
use crate::snapshot::Snapshot;
use crate::tui::app::App;
use crate::tui::column::Context;

pub fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App, snapshot: &Snapshot, look: Look) {
    let Some(row) = app.opened(snapshot) else {
        let gone = look.fit("this container is no longer part of the trace", area.width);
        return paint(frame, area, vec![Line::raw(gone)]);
    };
    let mut about = detail::lines(row, snapshot, look, usize::from(area.width));
    // At least two thirds are the table's.
    about.truncate(usize::from(area.height / 3).max(1));
    let [top, rest] =
        Layout::vertical([Constraint::Length(cells(about.len())), Constraint::Min(0)]).areas(area);
    paint(frame, top, about);
    let context = Context { snapshot, charset: look.charset };
    table::draw(frame, rest, &mut app.calls, &row.calls, &context, look, |call| Mark {
        // Refused calls are what one looks for.
        sign: if call.counts.total_denied > 0 { 'D' } else { ' ' },
        style: Style::new(),
    });
}
