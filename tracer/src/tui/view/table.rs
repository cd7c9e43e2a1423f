//! A table: titles, and the rows around the selected one.

use ratatui::style::Style;
use ratatui::text::Line;

use super::look::Look;
use crate::text::{Align, fit, pad};
use crate::tui::column::{Column, Context, Room, Sign, layout};
use crate::tui::list::List;

/// Before each row: the selection's mark, the row's, and a space.
pub const GUTTER: usize = 3;

/// At most as many lines as have room. `rows`: those that the filter lets through, in order.
pub fn lines<C: Column>(
    list: &mut List<C>,
    rows: &[&C::Row],
    Room { width, height }: Room,
    context: &Context<'_>,
    look: Look,
) -> Vec<Line<'static>> {
    let needed: Vec<C> = C::ALL.iter().copied().filter(|column| column.needed(rows, context)).collect();
    let columns = layout(&needed, width.saturating_sub(GUTTER));
    let selected = list.index(rows);
    let window = list.window(selected, rows.len(), height.saturating_sub(1), columns.clone());

    let mut lines = vec![Line::styled(titles(list, &columns, look), Look::TITLE)];
    for (index, row) in rows.iter().enumerate().take(window.end).skip(window.start) {
        let (sign, style) = look.sign(C::sign(row, context));
        let is_selected = index == selected;
        let style = if is_selected { style.patch(Look::SELECTED) } else { style };
        let cells = columns.iter().map(|(column, width)| {
            pad(&column.cell(row, context), *width, column.spec().align, look.charset)
        });
        let pointer = if is_selected { '>' } else { ' ' };
        lines.push(Line::styled(format!("{pointer}{sign} {}", join(cells)), style));
    }
    if rows.is_empty() {
        let empty = if list.needle.is_empty() { "nothing yet" } else { "nothing matches the filter" };
        lines.push(Line::raw(fit(empty, width, look.charset).into_owned()));
    }
    lines
}

impl Look {
    const fn sign(self, sign: Sign) -> (char, Style) {
        match sign {
            Sign::Plain => (' ', Style::new()),
            Sign::Lossy => ('!', self.loss()),
            Sign::Gone => ('x', Self::GONE),
            Sign::Denied => ('D', Style::new()),
            Sign::Failed => ('E', Style::new()),
        }
    }
}

fn titles<C: Column>(list: &List<C>, columns: &[(C, usize)], look: Look) -> String {
    let cells = columns.iter().map(|(column, width)| {
        let spec = column.spec();
        let from_largest = (spec.align == Align::Right) != list.reversed;
        // Without the mark's place, or titles would move when the order changes.
        let title = pad(spec.title, width.saturating_sub(1), spec.align, look.charset);
        let mark = if *column == list.sort { look.sorted(from_largest) } else { ' ' };
        match spec.align {
            Align::Left => {
                let text = title.trim_end();
                pad(&format!("{text}{mark}"), *width, spec.align, look.charset)
            }
            Align::Right => format!("{title}{mark}"),
        }
    });
    format!("{}{}", " ".repeat(GUTTER), join(cells))
}

fn join(cells: impl Iterator<Item = String>) -> String {
    cells.collect::<Vec<_>>().join(" ")
}
