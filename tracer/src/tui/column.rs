//! Columns of the tables: what stands in each, and which of them a width has room for.

mod call;
mod capability;
mod container;
mod event;
mod file;
mod moment;
mod peer;
mod problem;
mod process;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Debug;

use ratatui::text::Line;

pub use call::CallColumn;
pub use capability::CapabilityColumn;
pub use container::{ContainerColumn, incomplete};
pub use event::EventColumn;
pub use file::FileColumn;
pub use moment::MomentColumn;
pub use peer::PeerColumn;
pub use problem::ProblemColumn;
pub use process::ProcessColumn;

use super::history::History;
use super::needle::Needle;
use super::place::{Opened, is};
use super::view::look::Look;
use crate::snapshot::{Aspect, Closeup, Demand, Only, Quantiles, Row, Snapshot, Subject, SubjectId};
use crate::text::{Align, Charset, clock, duration, rate};

/// A column, and with it the kind of row that its table has.
pub trait Column: Copy + Eq + Debug + 'static {
    type Row: Clone + 'static;
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
    fn needed(self, _rows: &[&Self::Row], _context: &Context<'_>) -> bool {
        true
    }

    /// All rows. Those that are sums leave out what `needle` does not want.
    fn rows<'a>(context: &Context<'a>, needle: &Needle) -> Cow<'a, [Self::Row]>;
    fn key(row: &Self::Row) -> Self::Key;
    /// Whose it is; None: not of one container.
    fn subject(row: &Self::Row) -> Option<&Subject>;
    /// Whether a row contains `word`, which is in lower case.
    fn matches(row: &Self::Row, word: &str, context: &Context<'_>) -> bool;

    /// What is to be seen of a row when it is opened.
    fn open(_row: &Self::Row, _context: &Context<'_>) -> Option<Opened> {
        None
    }
    fn sign(_row: &Self::Row, _context: &Context<'_>) -> Sign {
        Sign::Plain
    }
    /// More about a row, below the table.
    fn about(_row: &Self::Row, _room: Room, _context: &Context<'_>, _look: Look) -> Vec<Line<'static>> {
        Vec::new()
    }
    /// What all rows look like together, above the table.
    fn overview(_rows: &[Self::Row], _room: Room, _context: &Context<'_>, _look: Look) -> Vec<Line<'static>> {
        Vec::new()
    }
    /// Brings sorted rows together that belong together.
    fn grouped<'a>(rows: Vec<&'a Self::Row>, _context: &Context<'_>) -> Vec<&'a Self::Row> {
        rows
    }
}

/// Columns and lines, at most.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub width: usize,
    pub height: usize,
}

/// What stands before a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    Plain,
    /// Something of it was lost.
    Lossy,
    /// It is no longer there.
    Gone,
    /// Something was refused.
    Denied,
    /// It failed.
    Failed,
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

/// What rows and cells depend on.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub snapshot: &'a Snapshot,
    /// It ends with `snapshot`.
    pub history: &'a History,
    /// The opened container; None: all.
    pub of: Option<&'a SubjectId>,
    pub only: &'a Only,
    /// Containers below the one around them.
    pub tree: bool,
    pub charset: Charset,
}

impl<'a> Context<'a> {
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

    /// How long before this snapshot that was: `0:01:02`.
    fn ago(&self, wall_ns: i64) -> String {
        clock(u64::try_from(self.snapshot.wall_ns.saturating_sub(wall_ns)).unwrap_or(0))
    }

    /// The rows of what is looked at.
    fn opened(self, snapshot: &Snapshot) -> impl Iterator<Item = &Row> {
        snapshot.rows.iter().filter(move |row| self.of.is_none_or(|of| is(&row.subject, of)))
    }

    /// What is known since this was asked for; None: not this was asked for.
    pub fn closeup(&self, aspect: Aspect) -> Option<&'a Closeup> {
        let Demand { aspect: given, of, only } = &self.snapshot.closeup.as_deref()?.demand;
        let same = *given == aspect && of.as_ref() == self.of && only == self.only;
        self.snapshot.closeup.as_deref().filter(|_| same)
    }
}

/// In at most five characters: `0.4%`, `12.3%`, `1600%`.
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
    let percent = part as f64 * 100.0 / whole as f64;
    if percent < 99.95 { format!("{percent:.1}%") } else { format!("{}%", rate(percent)) }
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

    /// Calls `$check` for the columns of every table.
    macro_rules! each {
        ($check:ident($($argument:expr),*)) => {
            [
                $check::<ContainerColumn>($($argument),*),
                $check::<CallColumn>($($argument),*),
                $check::<ProblemColumn>($($argument),*),
                $check::<ProcessColumn>($($argument),*),
                $check::<FileColumn>($($argument),*),
                $check::<PeerColumn>($($argument),*),
                $check::<CapabilityColumn>($($argument),*),
                $check::<EventColumn>($($argument),*),
                $check::<MomentColumn>($($argument),*),
            ]
        };
    }

    #[test]
    fn columns_go_by_importance() {
        let of = |width: usize| each!(at(width)).map(|text| format!("{width}: {text}")).join("\n");
        insta::assert_snapshot!([200, 120, 80, 60, 40, 20, 5, 0].map(of).join("\n"));
    }

    #[test]
    fn a_layout_never_exceeds_its_width() {
        fn check<C: Column>(width: usize) {
            let layout = layout(C::ALL, width);
            let gaps = GAP * (layout.len() - 1);
            assert!(layout.iter().map(|(_, width)| width).sum::<usize>() + gaps <= width, "{width}");
        }
        for width in 0..300 {
            each!(check(width));
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
        each!(check());
    }

    #[test]
    fn percents_have_few_digits() {
        assert_eq!(
            [(0, 0), (0, 9), (1, 8), (16, 1), (u64::MAX, 1)].map(|(part, whole)| percent(part, whole)),
            ["-", "0.0%", "12.5%", "1.6k%", ">999E%"]
        );
    }

    #[test]
    fn which_column_goes_next_is_never_a_draw() {
        fn check<C: Column>() {
            let mut importances: Vec<u8> = C::ALL.iter().map(|column| column.spec().importance).collect();
            importances.sort_unstable();
            importances.dedup();
            assert_eq!(importances.len(), C::ALL.len());
        }
        each!(check());
    }
}
