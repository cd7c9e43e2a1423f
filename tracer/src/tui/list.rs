//! A table's state: order, filter, and the selected row, which is followed by what it is and not by
//! where it stands.

use std::ops::Range;

use super::action::{Arrange, Step};
use super::column::{Column, Context};

/// Characters of a filter, far more than a name has: a paste by mistake ends here.
const FILTER_MAX: usize = 256;

#[derive(Debug)]
pub struct List<C: Column> {
    pub sort: C,
    /// Against the column's own order.
    pub reversed: bool,
    filter: String,
    /// None until somebody moved: the first row then, whichever that is.
    selected: Option<C::Key>,
    /// Where it stood last, for when its row is gone.
    index: usize,
    /// The first row on the screen.
    offset: usize,
    /// Rows and columns of the last picture.
    page: usize,
    columns: Vec<C>,
}

impl<C: Column> List<C> {
    pub fn new() -> Self {
        Self {
            sort: C::DEFAULT,
            reversed: false,
            filter: String::new(),
            selected: None,
            index: 0,
            offset: 0,
            page: 1,
            columns: C::ALL.to_vec(),
        }
    }

    /// The rows that the filter lets through, in order.
    pub fn rows<'a>(&self, rows: &'a [C::Row], context: &Context<'_>) -> Vec<&'a C::Row> {
        let needle = self.filter.to_lowercase();
        let mut rows: Vec<&C::Row> =
            rows.iter().filter(|row| needle.is_empty() || C::matches(row, &needle, context)).collect();
        // Stable: equal ones stay as the snapshot has them.
        rows.sort_by(|a, b| {
            let order = self.sort.compare(a, b, context);
            if self.reversed { order.reverse() } else { order }
        });
        rows
    }

    /// Where the selected row stands now; else where it stood.
    pub fn index(&self, rows: &[&C::Row]) -> usize {
        let found = self.selected.as_ref().and_then(|key| rows.iter().position(|row| C::key(row) == *key));
        found.unwrap_or(self.index).min(rows.len().saturating_sub(1))
    }

    /// Fixes the selection on the row where it stands.
    pub fn select(&mut self, rows: &[&C::Row]) {
        self.index = self.index(rows);
        self.selected = rows.get(self.index).map(|row| C::key(row));
    }

    pub fn step(&mut self, rows: &[&C::Row], step: Step) {
        let last = rows.len().saturating_sub(1);
        self.index = stepped(self.index(rows), step, self.page, last);
        self.selected = None;
        self.select(rows);
    }

    /// What of `len` rows to show on `page` lines, so that the row at `index` is among them.
    pub fn window(&mut self, index: usize, len: usize, page: usize, columns: Vec<C>) -> Range<usize> {
        self.index = index;
        self.page = page;
        self.columns = columns;
        self.offset =
            self.offset.max((index + 1).saturating_sub(page)).min(index).min(len.saturating_sub(page));
        self.offset..len.min(self.offset + page)
    }

    pub fn arrange(&mut self, how: Arrange) {
        match how {
            Arrange::Type(c) if self.filter.chars().count() < FILTER_MAX => self.filter.push(c),
            Arrange::Type(_) => {}
            Arrange::Erase => {
                self.filter.pop();
            }
            Arrange::EraseAll => self.filter.clear(),
            Arrange::SortNext => self.sort_beside(1),
            Arrange::SortPrevious => self.sort_beside(self.columns.len().saturating_sub(1)),
            Arrange::SortBy(place) => self.sort_by(place),
            Arrange::Reverse => self.reversed = !self.reversed,
        }
    }

    fn sort_beside(&mut self, places: usize) {
        let at = self.columns.iter().position(|column| *column == self.sort);
        self.sort_by(at.map_or(0, |at| (at + places) % self.columns.len()));
    }

    fn sort_by(&mut self, place: usize) {
        let Some(column) = self.columns.get(place) else { return };
        self.reversed = *column == self.sort && !self.reversed;
        self.sort = *column;
    }

    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// For other rows: keeps the order alone.
    pub fn restart(&mut self) {
        let Self { sort: _, reversed: _, filter, selected, index, offset, page: _, columns: _ } = self;
        filter.clear();
        *selected = None;
        *index = 0;
        *offset = 0;
    }
}

/// `index` after a step in `0..=last`.
pub fn stepped(index: usize, step: Step, page: usize, last: usize) -> usize {
    let page = page.max(1);
    let next = match step {
        Step::Up => index.saturating_sub(1),
        Step::Down => index.saturating_add(1),
        Step::PageUp => index.saturating_sub(page),
        Step::PageDown => index.saturating_add(page),
        Step::First => 0,
        Step::Last => last,
    };
    next.min(last)
}
