//! A view: what is known of its subject, its table, and what there is to say about the selected row.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::look::Look;
use super::{cells, closeup, detail, paint};
use crate::snapshot::Snapshot;
use crate::tui::app::App;
use crate::tui::column::Room;
use crate::tui::place::View;

pub fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App, snapshot: &Snapshot, look: Look) {
    let room = Room { width: usize::from(area.width), height: usize::from(area.height) };
    let mut top = above(app, snapshot, look, room.width, room.height);
    let (table, context) = app.parts(snapshot);
    let drawn = table.drawn(top.len(), room, &context, look);
    top.extend(drawn.overview);
    let heights = [
        Constraint::Length(cells(top.len())),
        Constraint::Min(0),
        Constraint::Length(cells(drawn.about.len())),
    ];
    let [above, middle, under] = Layout::vertical(heights).areas(area);
    paint(frame, above, top);
    paint(frame, middle, drawn.table);
    paint(frame, under, drawn.about);
    app.drawn.table = (middle.y, middle.height);
}

/// What is known of a container before one asks for all of it.
const FACTS: usize = 3;

fn above(app: &App, snapshot: &Snapshot, look: Look, width: usize, height: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if app.place.of.is_some() {
        match app.opened(snapshot) {
            Some(row) if app.expanded => lines = detail::lines(row, snapshot, look, width),
            Some(row) if app.place.view == View::Calls => {
                lines = detail::lines(row, snapshot, look, width);
                lines.truncate(FACTS);
            }
            Some(_) => {}
            None => lines.push(Line::styled(
                look.fit("this container is no longer part of the trace", cells(width)),
                look.held(),
            )),
        }
    }
    if let Some(demand) = app.demand() {
        // It says why a table is empty, so it goes before other facts.
        lines.splice(0..0, closeup::lines(&demand, snapshot, look, width));
    }
    let most = if app.expanded { height / 2 } else { height / 3 };
    lines.truncate(most.max(1));
    lines
}
