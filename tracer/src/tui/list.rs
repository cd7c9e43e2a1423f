//! A table's state: order, filter, and the selected row, which is followed by what it is and not by
//! where it stands.

use std::borrow::Cow;
use std::ops::Range;

use super::action::{Arrange, Step};
use super::column::{Column, Context, GAP};
use super::needle::Needle;
use super::table::Hit;

#[derive(Debug)]
pub struct List<C: Column> {
    pub sort: C,
    /// Against the column's own order.
    pub reversed: bool,
    pub needle: Needle,
    /// None until somebody moved: the first row then, whichever that is.
    selected: Option<C::Key>,
    /// Where it stood last, for when its row is gone.
    index: usize,
    /// The first row on the screen.
    offset: usize,
    /// Rows, columns and their widths of the last picture.
    page: usize,
    shown: Range<usize>,
    columns: Vec<(C, usize)>,
}

impl<C: Column> List<C> {
    pub fn new() -> Self {
        Self {
            sort: C::DEFAULT,
            reversed: false,
            needle: Needle::default(),
            selected: None,
            index: 0,
            offset: 0,
            page: 1,
            shown: 0..0,
            columns: C::ALL.iter().map(|column| (*column, 0)).collect(),
        }
    }

    /// The rows before the filter.
    pub fn all<'a>(&self, context: &Context<'a>) -> Cow<'a, [C::Row]> {
        C::rows(context, &self.needle)
    }

    /// The rows that the filter lets through, in order.
    pub fn picked<'a>(&self, rows: &'a [C::Row], context: &Context<'_>) -> Vec<&'a C::Row> {
        let mut rows: Vec<&C::Row> = rows
            .iter()
            .filter(|row| C::subject(row).is_none_or(|subject| self.needle.wants(subject)))
            .filter(|row| self.needle.words_match(|word| C::matches(row, word, context)))
            .collect();
        // Stable: equal ones stay as the snapshot has them.
        rows.sort_by(|a, b| {
            let order = self.sort.compare(a, b, context);
            if self.reversed { order.reverse() } else { order }
        });
        C::grouped(rows, context)
    }

    /// Where the selected row stands now; else where it stood.
    pub fn index(&self, rows: &[&C::Row]) -> usize {
        let found = self.selected.as_ref().and_then(|key| rows.iter().position(|row| C::key(row) == *key));
        found.unwrap_or(self.index).min(rows.len().saturating_sub(1))
    }

    /// Fixes the selection on the row where it stands.
    pub fn select(&mut self, rows: &[&C::Row]) {
        self.select_at(rows, self.index(rows));
    }

    pub fn select_at(&mut self, rows: &[&C::Row], index: usize) {
        self.index = index.min(rows.len().saturating_sub(1));
        self.selected = rows.get(self.index).map(|row| C::key(row));
    }

    pub fn step_in(&mut self, rows: &[&C::Row], step: Step) {
        let last = rows.len().saturating_sub(1);
        self.select_at(rows, stepped(self.index(rows), step, self.page, last));
    }

    /// What of `len` rows to show on `page` lines, so that the row at `index` is among them.
    pub fn window(
        &mut self,
        index: usize,
        len: usize,
        page: usize,
        columns: Vec<(C, usize)>,
    ) -> Range<usize> {
        self.index = index;
        self.page = page;
        self.columns = columns;
        self.offset =
            self.offset.max((index + 1).saturating_sub(page)).min(index).min(len.saturating_sub(page));
        self.shown = self.offset..len.min(self.offset + page);
        self.shown.clone()
    }

    /// What stands at this place of the last picture, whose rows begin after `gutter` columns.
    pub fn hit_in(&self, x: usize, y: usize, gutter: usize) -> Hit {
        let Some(line) = y.checked_sub(1) else {
            let mut end = gutter;
            let ends = self.columns.iter().map(|(_, width)| {
                end += width + GAP;
                end
            });
            return ends
                .enumerate()
                .find(|(_, end)| x < *end)
                .map_or(Hit::Nothing, |(nth, _)| Hit::Title(nth));
        };
        let row = self.shown.start.saturating_add(line);
        if self.shown.contains(&row) { Hit::Row(row) } else { Hit::Nothing }
    }

    pub fn arranged(&mut self, how: Arrange) {
        match how {
            Arrange::SortNext => self.sort_beside(1),
            Arrange::SortPrevious => self.sort_beside(self.columns.len().saturating_sub(1)),
            Arrange::SortBy(place) => self.sort_by(place),
            Arrange::Reverse => self.reversed = !self.reversed,
            Arrange::Reset => *self = Self::new(),
        }
    }

    fn sort_beside(&mut self, places: usize) {
        let at = self.columns.iter().position(|(column, _)| *column == self.sort);
        self.sort_by(at.map_or(0, |at| (at + places) % self.columns.len()));
    }

    fn sort_by(&mut self, place: usize) {
        let Some((column, _)) = self.columns.get(place) else { return };
        self.reversed = *column == self.sort && !self.reversed;
        self.sort = *column;
    }
}

/// `index` after a step in `0..=last`.
pub fn stepped(index: usize, step: Step, page: usize, last: usize) -> usize {
    let page = page.max(1);
    let half = page.div_ceil(2);
    let next = match step {
        Step::Up => index.saturating_sub(1),
        Step::Down => index.saturating_add(1),
        Step::PageUp => index.saturating_sub(page),
        Step::PageDown => index.saturating_add(page),
        Step::HalfUp => index.saturating_sub(half),
        Step::HalfDown => index.saturating_add(half),
        Step::First => 0,
        Step::Last => last,
    };
    next.min(last)
}
