//! The help: keys, marks and columns, from the tables that they are made of.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::look::Look;
use super::paint;
use crate::text::{Align, pad, width};
use crate::tui::app::{App, Scroll};
use crate::tui::column::{CallColumn, Column, ContainerColumn};
use crate::tui::key::Key;
use crate::tui::keys::{BINDINGS, Mode};

/// Columns of what is explained.
const LABEL: usize = 19;

/// What stands before a row.
const MARKS: [(&str, &str); 4] = [
    (">", "the selected row"),
    ("x", "a container that has ended"),
    ("!", "something of this container was lost, see LOST above"),
    ("D", "a system call that was refused at some time"),
];

pub fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App, look: Look) {
    let lines = lines(look, area.width);
    let page = usize::from(area.height);
    let last = lines.len().saturating_sub(page);
    let Some(scroll) = &mut app.help else { return };
    *scroll = Scroll { top: scroll.top.min(last), page, last };
    paint(frame, area, lines.into_iter().skip(scroll.top).collect());
}

fn lines(look: Look, width: u16) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let title = |title: &str| Line::styled(look.fit(title, width), Look::TITLE);
    // Where there is no room beside the label, the text goes below it.
    let entry = |label: &str, text: &str| {
        let label = format!("  {}", pad(label, LABEL, Align::Left, look.charset));
        let beside = format!("{label} {text}");
        if self::width(&beside) <= usize::from(width) {
            vec![Line::raw(beside)]
        } else {
            vec![Line::raw(look.fit(&label, width)), Line::raw(look.fit(&format!("      {text}"), width))]
        }
    };
    lines.push(title("KEYS"));
    for binding in BINDINGS {
        lines.extend(entry(&keys(binding.keys), &format!("{}{}", place(binding.modes), binding.help)));
    }
    lines.push(title("MARKS"));
    lines.extend(MARKS.into_iter().flat_map(|(mark, text)| entry(mark, text)));
    lines.push(title("CONTAINERS"));
    lines.extend(meanings::<ContainerColumn>().flat_map(|(column, text)| entry(column, text)));
    lines.push(title("SYSTEM CALLS"));
    lines.extend(meanings::<CallColumn>().flat_map(|(column, text)| entry(column, text)));
    lines
}

fn meanings<C: Column>() -> impl Iterator<Item = (&'static str, &'static str)> {
    C::ALL.iter().map(|column| (column.spec().title, column.spec().meaning))
}

fn keys(keys: &[Key]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Where a binding works, unless that goes without saying.
fn place(modes: &[Mode]) -> &'static str {
    match modes {
        [Mode::Filter] => "filter: ",
        [Mode::Help] => "help: ",
        [Mode::Calls] => "calls: ",
        [Mode::Containers] => "containers: ",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::Options;

    #[test]
    fn it_lists_every_binding_mark_and_column() {
        let text: Vec<String> =
            lines(Look::new(&Options::default()), 200).iter().map(ToString::to_string).collect();
        for binding in BINDINGS {
            let label = keys(binding.keys);
            assert!(
                text.iter().any(|line| line.contains(&label) && line.contains(binding.help)),
                "{label} is missing"
            );
        }
        for (label, meaning) in meanings::<ContainerColumn>().chain(meanings::<CallColumn>()).chain(MARKS) {
            assert!(text.iter().any(|line| line.contains(label) && line.contains(meaning)), "{label}");
        }
    }
}
