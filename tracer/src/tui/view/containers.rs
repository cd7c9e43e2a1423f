//! The table of containers.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::look::Look;
use super::table::{self, Mark};
use crate::snapshot::{Row, Snapshot, State, Subject};
use crate::tui::app::App;
use crate::tui::column::Context;

pub fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App, snapshot: &Snapshot, look: Look) {
    let context = Context { snapshot, charset: look.charset };
    table::draw(frame, area, &mut app.containers, &snapshot.rows, &context, look, |row| {
        if incomplete(row, snapshot) {
            Mark { sign: '!', style: look.loss() }
        } else if row.state == State::Ended {
            Mark { sign: 'x', style: Look::GONE }
        } else {
            Mark { sign: ' ', style: Style::new() }
        }
    });
}

/// Whether something of this very container was lost.
pub fn incomplete(row: &Row, snapshot: &Snapshot) -> bool {
    let Subject::Container(container) = &row.subject else { return false };
    snapshot
        .losses
        .iter()
        .any(|loss| loss.count > 0 && loss.container.as_ref().is_some_and(|lossy| lossy.id == container.id))
}
