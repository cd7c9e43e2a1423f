//! The last line: the keys that work now.

use ratatui::text::{Line, Span};

use super::look::Look;
use crate::text::width;
use crate::tui::app::App;
use crate::tui::keys;

/// As many as have room in `room` columns.
pub fn line(app: &App, look: Look, room: usize) -> Line<'static> {
    let mut spans = Vec::new();
    let mut taken = 0;
    for binding in keys::bindings(app.mode()).filter(|binding| !binding.footer.is_empty()) {
        let Some(key) = binding.keys.first().map(ToString::to_string) else { continue };
        let gap = if taken == 0 { "" } else { "  " };
        let len = width(gap) + width(&key) + 1 + width(binding.footer);
        if taken + len > room {
            break;
        }
        taken += len;
        spans.extend([
            Span::raw(gap),
            Span::styled(key, look.key()),
            Span::raw(" "),
            Span::raw(binding.footer),
        ]);
    }
    Line::from(spans)
}
