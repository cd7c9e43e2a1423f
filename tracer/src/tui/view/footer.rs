//! The last line: an answer to what was done, or the keys that work now.

use ratatui::text::{Line, Span};

use super::look::Look;
use crate::text::{fit, width};
use crate::tui::app::App;

/// As many as have room in `room` columns.
pub fn line(app: &mut App, look: Look, room: usize) -> Line<'static> {
    app.drawn.keys.clear();
    if let Some(message) = &app.message {
        return Line::styled(fit(message, room, look.charset).into_owned(), look.held());
    }
    let mut spans = Vec::new();
    let mut taken = 0;
    for bound in app.options.keys.of(app.mode()).filter(|bound| !bound.binding.footer.is_empty()) {
        let Some(first) = bound.keys.first() else { continue };
        let (key, footer) = (look.charset.safe(&first.to_string()).into_owned(), bound.binding.footer);
        let gap = if taken == 0 { "" } else { "  " };
        let len = width(gap) + width(&key) + 1 + width(footer);
        if taken + len > room {
            break;
        }
        taken += len;
        app.drawn.keys.push((taken, *first));
        spans.extend([Span::raw(gap), Span::styled(key, look.key()), Span::raw(" "), Span::raw(footer)]);
    }
    Line::from(spans)
}
