//! What every table can do, whatever its rows are.

use std::fmt::Debug;

use ratatui::text::Line;

use super::action::{Arrange, Step};
use super::column::{Column, Context, Room};
use super::list::List;
use super::needle::Needle;
use super::place::Opened;
use super::view::look::Look;
use super::view::table;
use crate::snapshot::Subject;

pub trait Table: Debug {
    /// In `room`, of which `above` lines are taken. The rows are made but once for all of it.
    fn drawn(&mut self, above: usize, room: Room, context: &Context<'_>, look: Look) -> Drawn;
    fn step(&mut self, step: Step, context: &Context<'_>);
    fn arrange(&mut self, how: Arrange);
    fn needle(&self) -> &Needle;
    fn needle_mut(&mut self) -> &mut Needle;
    /// Where the selected row leads to; it stays selected.
    fn open(&mut self, context: &Context<'_>) -> Option<Opened>;
    /// Whose the selected row is.
    fn subject(&self, context: &Context<'_>) -> Option<Subject>;
    fn order(&self) -> Order;
    fn set_order(&mut self, order: Order);
    /// By the column of this title, in any case; false: there is none.
    fn sort_by_title(&mut self, title: &str) -> bool;
    fn titles(&self) -> Vec<&'static str>;
    /// Cells of all rows that the filter lets through.
    fn rows(&self, context: &Context<'_>) -> Vec<Vec<String>>;
    /// What stands at this place of the last picture.
    fn hit(&self, x: usize, y: usize) -> Hit;
    /// Selects the row at this place in the order.
    fn select_nth(&mut self, nth: usize, context: &Context<'_>);
}

/// Lines of a table and of what belongs to it, no more than have room, from the top.
pub struct Drawn {
    /// All rows as a picture.
    pub overview: Vec<Line<'static>>,
    /// The first one has the titles.
    pub table: Vec<Line<'static>>,
    /// More about the selected row.
    pub about: Vec<Line<'static>>,
}

/// Titles, a row, and an empty line: what the table has before there is more than a table.
const LEAST: usize = 3;

/// How a table is sorted: which column of all, and whether against its own order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub column: usize,
    pub reversed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// The column at this place on the screen.
    Title(usize),
    /// The row at this place in the order.
    Row(usize),
    Nothing,
}

impl<C: Column> Table for List<C> {
    fn drawn(&mut self, above: usize, room: Room, context: &Context<'_>, look: Look) -> Drawn {
        let Room { width, height } = room;
        let all = self.all(context);
        let rows = self.picked(&all, context);
        let spare =
            |used: usize, most: usize| Room { width, height: height.saturating_sub(used + LEAST).min(most) };
        let room = spare(above, height / 2);
        let mut overview = C::overview(&all, room, context, look);
        overview.truncate(room.height);
        let above = above + overview.len();
        let room = spare(above, height / 3);
        let selected = rows.get(self.index(&rows));
        let mut about = selected.map_or_else(Vec::new, |row| C::about(row, room, context, look));
        about.truncate(room.height);
        let left = height.saturating_sub(above + about.len());
        let table = table::lines(self, &rows, Room { width, height: left }, context, look);
        Drawn { overview, table, about }
    }

    fn step(&mut self, step: Step, context: &Context<'_>) {
        let all = self.all(context);
        let rows = self.picked(&all, context);
        self.step_in(&rows, step);
    }

    fn arrange(&mut self, how: Arrange) {
        self.arranged(how);
    }

    fn needle(&self) -> &Needle {
        &self.needle
    }

    fn needle_mut(&mut self) -> &mut Needle {
        &mut self.needle
    }

    fn open(&mut self, context: &Context<'_>) -> Option<Opened> {
        let all = self.all(context);
        let rows = self.picked(&all, context);
        self.select(&rows);
        C::open(rows.get(self.index(&rows))?, context)
    }

    fn subject(&self, context: &Context<'_>) -> Option<Subject> {
        let all = self.all(context);
        let rows = self.picked(&all, context);
        C::subject(rows.get(self.index(&rows))?).cloned()
    }

    fn order(&self) -> Order {
        let column = C::ALL.iter().position(|column| *column == self.sort).unwrap_or(0);
        Order { column, reversed: self.reversed }
    }

    fn set_order(&mut self, order: Order) {
        if let Some(column) = C::ALL.get(order.column) {
            self.sort = *column;
            self.reversed = order.reversed;
        }
    }

    fn sort_by_title(&mut self, title: &str) -> bool {
        let found = C::ALL.iter().position(|column| column.spec().title.eq_ignore_ascii_case(title));
        if let Some(column) = found {
            self.set_order(Order { column, reversed: false });
        }
        found.is_some()
    }

    fn titles(&self) -> Vec<&'static str> {
        C::ALL.iter().map(|column| column.spec().title).collect()
    }

    fn rows(&self, context: &Context<'_>) -> Vec<Vec<String>> {
        let all = self.all(context);
        let cells =
            |row: &&C::Row| C::ALL.iter().map(|column| column.cell(row, context).into_owned()).collect();
        self.picked(&all, context).iter().map(cells).collect()
    }

    fn hit(&self, x: usize, y: usize) -> Hit {
        self.hit_in(x, y, table::GUTTER)
    }

    fn select_nth(&mut self, nth: usize, context: &Context<'_>) {
        let all = self.all(context);
        let rows = self.picked(&all, context);
        self.select_at(&rows, nth);
    }
}
