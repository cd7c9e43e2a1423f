//! A text that is too long for a line.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::look::Look;
use super::paint;
use crate::text::width;
use crate::tui::app::{Scroll, Text};

pub fn draw(frame: &mut Frame<'_>, area: Rect, text: &mut Text, look: Look) {
    let mut lines = vec![Line::styled(look.fit(&text.title, area.width), Look::TITLE)];
    let room = usize::from(area.width);
    let all: Vec<String> =
        text.body.lines().flat_map(|line| wrapped(&look.charset.safe(line), room)).collect();
    let page = usize::from(area.height).saturating_sub(1);
    let last = all.len().saturating_sub(page);
    text.scroll = Scroll { top: text.scroll.top.min(last), page, last };
    lines.extend(all.into_iter().skip(text.scroll.top).take(page).map(Line::raw));
    paint(frame, area, lines);
}

/// Safe text in lines of at most `room` columns; what goes on stands as far in as it began.
pub fn wrapped(text: &str, room: usize) -> Vec<String> {
    let indent: String = text.chars().take_while(|c| *c == ' ').take(room / 2).collect();
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_inclusive(' ') {
        if !line.trim().is_empty() && width(&line) + width(word.trim_end()) > room {
            lines.push(std::mem::replace(&mut line, indent.clone()));
        }
        for c in word.chars() {
            let mut bytes = [0; 4];
            if width(&line) + width(c.encode_utf8(&mut bytes)) > room && line.len() > indent.len() {
                if c == ' ' {
                    continue;
                }
                lines.push(std::mem::replace(&mut line, indent.clone()));
            }
            line.push(c);
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kept_whole_where_they_can_be() {
        assert_eq!(wrapped("one two three", 8), ["one two ", "three"]);
        assert_eq!(wrapped("  abcdefghij", 8), ["  abcdef", "  ghij"]);
        assert_eq!(wrapped("日本語", 4), ["日本", "語"]);
        assert_eq!(wrapped("", 4), [""]);
        assert_eq!(wrapped("ab", 1), ["a", "b"]);
    }
}
