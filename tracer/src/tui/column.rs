//! Columns of the tables: what stands in each, and which of them a width has room for.

mod call;
mod container;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Debug;

pub use call::CallColumn;
pub use container::ContainerColumn;

use crate::snapshot::{Quantiles, Snapshot};
use crate::text::{Align, Charset, duration, rate};

/// A column, and with it the kind of row that its table has.
pub trait Column: Copy + Eq + Debug + 'static {
    type Row;
    /// What a row is, wherever it stands.
    type Key: Clone + Eq + Debug;

    const ALL: &'static [Self];
    /// What a table is sorted by until somebody says otherwise.
    const DEFAULT: Self;

    fn spec(self) -> Spec;
    /// Text of the cell; it need not be safe.
    fn cell<'a>(self, row: &'a Self::Row, context: &Context<'_>) -> Cow<'a, str>;
    /// The order that one wants first: names from A, numbers from the largest.
    fn compare(self, a: &Self::Row, b: &Self::Row, context: &Context<'_>) -> Ordering;
    /// Whether these rows have anything to say in it.
    fn needed(self, rows: &[&Self::Row]) -> bool;

    fn key(row: &Self::Row) -> Self::Key;
    /// Whether a row contains `needle`, which is in lower case.
    fn matches(row: &Self::Row, needle: &str, context: &Context<'_>) -> bool;
}

/// What is constant about a column.
pub struct Spec {
    pub title: &'static str,
    /// Columns of the screen, at least and at most. The least has room for the sort mark.
    pub width: (usize, usize),
    /// Numbers stand on the right and are sorted from the largest.
    pub align: Align,
    /// When room is short, the least important column goes first.
    pub importance: u8,
    /// For the help.
    pub meaning: &'static str,
}

/// What a cell's text depends on beside its row.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub snapshot: &'a Snapshot,
    pub charset: Charset,
}

impl Context<'_> {
    /// A count of this interval as a rate; the first snapshot has no interval.
    fn rate(&self, count: u64) -> Cow<'static, str> {
        if self.snapshot.interval_ns == 0 {
            return Cow::Borrowed("-");
        }
        Cow::Owned(rate(self.snapshot.per_second(count)))
    }

    fn duration(&self, quantiles: Option<&Quantiles>, ns: fn(&Quantiles) -> u64) -> Cow<'static, str> {
        quantiles.map_or(Cow::Borrowed("-"), |quantiles| Cow::Owned(duration(ns(quantiles), self.charset)))
    }
}

/// Space between two columns.
pub const GAP: usize = 1;

/// Which of `columns` have room side by side in `width`, and how much each.
pub fn layout<C: Column>(columns: &[C], width: usize) -> Vec<(C, usize)> {
    let mut kept: Vec<C> = columns.to_vec();
    let least = |kept: &[C]| -> usize {
        let widths: usize = kept.iter().map(|column| column.spec().width.0).sum();
        widths + GAP * kept.len().saturating_sub(1)
    };
    while kept.len() > 1 && least(&kept) > width {
        let Some(victim) = kept.iter().copied().min_by_key(|column| column.spec().importance) else { break };
        kept.retain(|column| *column != victim);
    }
    let mut room = width.saturating_sub(least(&kept));
    let mut widths: Vec<(C, usize)> = kept.iter().map(|column| (*column, column.spec().width.0)).collect();
    // What is left goes to those that can use it, in equal shares.
    while room > 0 {
        let before = room;
        for (column, width) in &mut widths {
            if room > 0 && *width < column.spec().width.1 {
                *width += 1;
                room -= 1;
            }
        }
        if room == before {
            break;
        }
    }
    for (_, least) in &mut widths {
        *least = (*least).min(width);
    }
    widths
}

/// By the largest first.
fn largest<T: Ord + Copy>(a: T, b: T) -> Ordering {
    b.cmp(&a)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at<C: Column>(width: usize) -> String {
        let titles = layout(C::ALL, width)
            .into_iter()
            .map(|(column, width)| format!("{} {width}", column.spec().title));
        titles.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn columns_go_by_importance() {
        insta::assert_snapshot!(
            [200, 120, 80, 60, 40, 20, 5, 0]
                .map(|width| format!(
                    "{width}: {}\n{width}: {}",
                    at::<ContainerColumn>(width),
                    at::<CallColumn>(width)
                ))
                .join("\n")
        );
    }

    #[test]
    fn a_layout_never_exceeds_its_width() {
        fn check<C: Column>(width: usize) {
            let layout = layout(C::ALL, width);
            let gaps = GAP * (layout.len() - 1);
            assert!(layout.iter().map(|(_, width)| width).sum::<usize>() + gaps <= width, "{width}");
        }
        for width in 0..300 {
            check::<ContainerColumn>(width);
            check::<CallColumn>(width);
        }
    }

    #[test]
    fn a_title_has_room_for_its_sort_mark() {
        fn check<C: Column>() {
            for column in C::ALL {
                let spec = column.spec();
                assert!(spec.title.len() < spec.width.0, "{}", spec.title);
                assert!(spec.width.0 <= spec.width.1, "{}", spec.title);
                assert!(!spec.meaning.is_empty());
            }
        }
        check::<ContainerColumn>();
        check::<CallColumn>();
    }

    #[test]
    fn which_column_goes_next_is_never_a_draw() {
        fn check<C: Column>() {
            let mut importances: Vec<u8> = C::ALL.iter().map(|column| column.spec().importance).collect();
            importances.sort_unstable();
            importances.dedup();
            assert_eq!(importances.len(), C::ALL.len());
        }
        check::<ContainerColumn>();
        check::<CallColumn>();
    }
}
