//! The choice of a view.

use ratatui::style::Style;
use ratatui::text::Line;

use super::look::Look;
use crate::text::fit;
use crate::tui::place::VIEWS;

/// Lines of at most `room` columns; the view at `picked` is among the first `height` ones.
pub fn lines(picked: usize, look: Look, room: usize, height: usize) -> Vec<Line<'static>> {
    let skipped = (picked + 2).saturating_sub(height);
    let views = VIEWS.iter().enumerate().map(|(nth, spec)| {
        let (pointer, style) = if nth == picked { ('>', Look::SELECTED) } else { (' ', Style::new()) };
        let text = format!("{pointer} {} {:<18} {}", nth + 1, spec.title, spec.meaning);
        Line::styled(fit(&text, room, look.charset).into_owned(), style)
    });
    let title = Line::styled(fit("VIEWS", room, look.charset).into_owned(), Look::TITLE);
    std::iter::once(title).chain(views.skip(skipped)).collect()
}
