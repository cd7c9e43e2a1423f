//! The picture, one file for each thing on it:
//!
//! ```text
//! .------------------------------------------------------------.
//! | ctrace top  LIVE  3 containers  12.3k calls/s  ...         |  header: the trace as a whole,
//! | syscalls: all containers > web-1                           |    what of it is looked at,
//! | LOST 1034: ring 1000 (web-1), call_table 34                |    what is missing of it,
//! | filter: web_                                               |    and what is left out
//! |------------------------------------------------------------|
//! | container  web-1 (running, docker)                         |  body: what is known of the subject,
//! |                                                            |
//! |   NAME      IMAGE        CALLS/S   ERR/S  ...              |    a table,
//! | > web-1     nginx:1.27     12.3k    45.0                   |
//! | x db-1      postgres:17        0       0                   |
//! |                                                            |    and more about the selected row;
//! |------------------------------------------------------------|    or the help, a text, the views
//! | q quit  ? help  Enter open  / filter  s sort  ...          |  footer: the keys that work now
//! '------------------------------------------------------------'
//! ```

mod body;
mod closeup;
mod detail;
mod footer;
mod header;
mod help;
pub mod look;
mod picker;
pub mod table;
pub mod text;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::app::{App, Drawn, Over};
use crate::snapshot::Snapshot;
use crate::text::fit;
use look::Look;

/// Columns and lines; less has no room for a name and a number, or for a row below a loss and a filter.
const LEAST: (u16, u16) = (26, 5);

/// Draws everything. `app` learns what is on the screen, which is what pages, columns and places mean.
pub fn draw(frame: &mut Frame<'_>, app: &mut App) {
    let area = frame.area();
    let look = Look::new(&app.options);
    let shown = app.shown();
    app.drawn = Drawn::default();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        return too_small(frame, area, look, shown.as_deref());
    }
    let mut top = header::lines(app, shown.as_deref(), look, usize::from(area.width));
    // A table's titles, a row of it, and the footer go before the summary, a loss goes before all.
    let most = usize::from(area.height.saturating_sub(3)).max(1);
    top.drain(..top.len().saturating_sub(most));
    let heights = [Constraint::Length(cells(top.len())), Constraint::Min(0), Constraint::Length(1)];
    let [head, body, foot] = Layout::vertical(heights).areas(area);
    paint(frame, head, top);
    app.drawn.footer = foot.y;
    paint(frame, foot, vec![footer::line(app, look, usize::from(foot.width))]);
    match &mut app.over {
        Over::Help(_) => return help::draw(frame, body, app, look),
        Over::Text(text) => return text::draw(frame, body, text, look),
        Over::Picker(nth) => {
            let lines = picker::lines(*nth, look, usize::from(body.width), usize::from(body.height));
            return paint(frame, body, lines);
        }
        Over::Nothing | Over::Filter | Over::Palette(_) | Over::Export => {}
    }
    let Some(snapshot) = shown else {
        let text = if app.ended { "there was no sample" } else { "waiting for the first sample" };
        return paint(frame, body, vec![Line::raw(look.fit(text, body.width))]);
    };
    body::draw(frame, body, app, &snapshot, look);
}

fn too_small(frame: &mut Frame<'_>, area: Rect, look: Look, snapshot: Option<&Snapshot>) {
    let lost = snapshot.map_or(0, header::lost);
    let mut lines = vec![Line::raw(look.fit("terminal too small", area.width))];
    if lost > 0 {
        lines.insert(0, Line::styled(look.fit(&format!("LOST {lost}"), area.width), look.loss()));
    }
    paint(frame, area, lines);
}

/// One line under the other from the top of `area`; what has no room is left out.
fn paint(frame: &mut Frame<'_>, area: Rect, lines: Vec<Line<'_>>) {
    for (line, row) in lines.into_iter().zip(area.rows()) {
        frame.render_widget(line, row);
    }
}

/// A number of lines or columns as the screen counts them.
fn cells(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

impl Look {
    /// `text` cut to a width of the screen, safe to show.
    fn fit(self, text: &str, width: u16) -> String {
        fit(text, usize::from(width), self.charset).into_owned()
    }
}

#[cfg(test)]
mod tests;
