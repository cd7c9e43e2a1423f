//! A table: titles, and the rows around the selected one.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use super::look::Look;
use super::paint;
use crate::text::{Align, pad};
use crate::tui::column::{Column, Context, layout};
use crate::tui::list::List;

/// Before each row: the selection's mark, the row's, and a space.
const GUTTER: usize = 3;

/// How a row stands out.
pub struct Mark {
    pub sign: char,
    pub style: Style,
}

pub fn draw<C: Column>(
    frame: &mut Frame<'_>,
    area: Rect,
    list: &mut List<C>,
    rows: &[C::Row],
    context: &Context<'_>,
    look: Look,
    mark: impl Fn(&C::Row) -> Mark,
) {
    let rows = list.rows(rows, context);
    let needed: Vec<C> = C::ALL.iter().copied().filter(|column| column.needed(&rows)).collect();
    let columns = layout(&needed, usize::from(area.width).saturating_sub(GUTTER));
    let selected = list.index(&rows);
    let page = usize::from(area.height).saturating_sub(1);
    let window = list.window(selected, rows.len(), page, columns.iter().map(|(column, _)| *column).collect());

    let mut lines = vec![Line::styled(titles(list, &columns, look), Look::TITLE)];
    for (index, row) in rows.iter().enumerate().take(window.end).skip(window.start) {
        let Mark { sign, style } = mark(row);
        let is_selected = index == selected;
        let style = if is_selected { style.patch(Look::SELECTED) } else { style };
        let cells = columns.iter().map(|(column, width)| {
            pad(&column.cell(row, context), *width, column.spec().align, look.charset)
        });
        let pointer = if is_selected { '>' } else { ' ' };
        lines.push(Line::styled(format!("{pointer}{sign} {}", join(cells)), style));
    }
    if rows.is_empty() {
        let empty = if list.filter().is_empty() { "nothing yet" } else { "nothing matches the filter" };
        lines.push(Line::raw(look.fit(empty, area.width)));
    }
    paint(frame, area, lines);
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
