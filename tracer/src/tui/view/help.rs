//! The help: keys, marks and columns, from the tables that they are made of.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::look::Look;
use super::paint;
use crate::text::{Align, pad, width};
use crate::tui::app::{App, Over, Scroll};
use crate::tui::column::{
    CallColumn, CapabilityColumn, Column, ContainerColumn, EventColumn, FileColumn, MomentColumn, PeerColumn,
    ProblemColumn, ProcessColumn,
};
use crate::tui::keys::{Keys, Mode, spelled};
use crate::tui::place::View;

/// Columns of what is explained.
const LABEL: usize = 19;

/// What stands before a row.
const MARKS: [(&str, &str); 5] = [
    (">", "the selected row"),
    ("x", "a container that has ended"),
    ("!", "something of this container was lost, see LOST above"),
    ("D", "something that was refused at some time"),
    ("E", "a call that failed"),
];

pub fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App, look: Look) {
    let lines = lines(&app.options.keys, look, area.width);
    let page = usize::from(area.height);
    let last = lines.len().saturating_sub(page);
    let Over::Help(scroll) = &mut app.over else { return };
    *scroll = Scroll { top: scroll.top.min(last), page, last };
    paint(frame, area, lines.into_iter().skip(scroll.top).collect());
}

fn lines(keys: &Keys, look: Look, width: u16) -> Vec<Line<'static>> {
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
    for bound in keys.all() {
        let text = format!("{}{}", place(bound.binding.modes), bound.binding.help);
        lines.extend(entry(&spelled(&bound.keys), &text));
    }
    lines.push(title("MARKS"));
    lines.extend(MARKS.into_iter().flat_map(|(mark, text)| entry(mark, text)));
    for (view, meanings) in meanings() {
        lines.push(title(&view.spec().title.to_uppercase()));
        lines.extend(entry("", view.spec().meaning));
        lines.extend(meanings.into_iter().flat_map(|(column, text)| entry(column, text)));
    }
    lines
}

type Meanings = Vec<(&'static str, &'static str)>;

/// Titles and meanings of the columns of each view.
fn meanings() -> [(View, Meanings); 9] {
    fn of<C: Column>() -> Meanings {
        C::ALL.iter().map(|column| (column.spec().title, column.spec().meaning)).collect()
    }
    [
        (View::Containers, of::<ContainerColumn>()),
        (View::Calls, of::<CallColumn>()),
        (View::Problems, of::<ProblemColumn>()),
        (View::Processes, of::<ProcessColumn>()),
        (View::Files, of::<FileColumn>()),
        (View::Peers, of::<PeerColumn>()),
        (View::Capabilities, of::<CapabilityColumn>()),
        (View::Events, of::<EventColumn>()),
        (View::Latency, of::<MomentColumn>()),
    ]
}

/// Where a binding works, unless that goes without saying.
fn place(modes: &[Mode]) -> &'static str {
    match modes {
        [Mode::Filter] => "filter: ",
        [Mode::Help] => "help: ",
        [Mode::Palette] => "command: ",
        [Mode::Export] => "export: ",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::Options;

    #[test]
    fn it_lists_every_binding_mark_and_column() {
        let keys = Keys::default();
        let text: Vec<String> =
            lines(&keys, Look::new(&Options::default()), 200).iter().map(ToString::to_string).collect();
        let there = |label: &str, meaning: &str| {
            text.iter().any(|line| line.contains(label)) && text.iter().any(|line| line.contains(meaning))
        };
        for bound in keys.all() {
            assert!(there(&spelled(&bound.keys), bound.binding.help), "{} is missing", bound.binding.command);
        }
        let columns = meanings().into_iter().flat_map(|(_, columns)| columns);
        for (label, meaning) in columns.chain(MARKS) {
            assert!(there(label, meaning), "{label}");
        }
    }
}
