//! The picture, one file for each thing on it:
//!
//! ```text
//! .------------------------------------------------------------.
//! | ctrace top  LIVE  3 containers  12.3k calls/s  ...         |  header: the trace as a whole,
//! | LOST 1034: ring 1000 (web-1), call_table 34                |    what is missing of it,
//! | filter: web_                                               |    and what is left out
//! |------------------------------------------------------------|
//! | container  web-1 (running, docker)                         |  detail: only with calls
//! |------------------------------------------------------------|
//! |   NAME      IMAGE        CALLS/S   ERR/S  ...              |  containers, calls: each a table;
//! | > web-1     nginx:1.27     12.3k    45.0                   |    or the help
//! | x db-1      postgres:17        0       0                   |
//! |------------------------------------------------------------|
//! | q quit  ? help  Enter open  / filter  s sort  ...          |  footer: the keys that work now
//! '------------------------------------------------------------'
//! ```

mod calls;
mod containers;
mod detail;
mod footer;
mod header;
mod help;
pub mod look;
mod table;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::app::{App, Screen};
use crate::snapshot::Snapshot;
use crate::text::fit;
use look::Look;

/// Columns and lines; less has no room for a name and a number, or for a row below a loss and a filter.
const LEAST: (u16, u16) = (26, 5);

/// Draws everything. `app` learns what is on the screen, which is what pages and columns mean.
pub fn draw(frame: &mut Frame<'_>, app: &mut App, snapshot: Option<&Snapshot>) {
    let area = frame.area();
    let look = Look::new(&app.options);
    if area.width < LEAST.0 || area.height < LEAST.1 {
        return too_small(frame, area, look, snapshot);
    }
    let mut top = header::lines(app, snapshot, look, usize::from(area.width));
    // A table's titles, a row of it, and the footer go before the summary, a loss goes before all.
    let most = usize::from(area.height.saturating_sub(3)).max(1);
    top.drain(..top.len().saturating_sub(most));
    let heights = [Constraint::Length(cells(top.len())), Constraint::Min(0), Constraint::Length(1)];
    let [head, body, foot] = Layout::vertical(heights).areas(area);
    paint(frame, head, top);
    paint(frame, foot, vec![footer::line(app, look, usize::from(foot.width))]);
    if app.help.is_some() {
        return help::draw(frame, body, app, look);
    }
    let Some(snapshot) = snapshot else {
        let text = if app.ended { "there was no sample" } else { "waiting for the first sample" };
        return paint(frame, body, vec![Line::raw(look.fit(text, body.width))]);
    };
    match &app.screen {
        Screen::Containers => containers::draw(frame, body, app, snapshot, look),
        Screen::Calls(_) => calls::draw(frame, body, app, snapshot, look),
    }
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
