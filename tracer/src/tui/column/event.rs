//! Columns of the stream of events.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{Column, Context, Sign, Spec, largest};
use crate::snapshot::{Aspect, EventRow, Subject};
use crate::text::Align;
use crate::tui::needle::Needle;
use crate::tui::place::Opened;
use crate::tui::{names, pretty};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventColumn {
    Time,
    Container,
    Event,
}

impl Column for EventColumn {
    type Row = EventRow;
    /// Its number.
    type Key = u64;

    const ALL: &'static [Self] = &[Self::Time, Self::Container, Self::Event];
    const DEFAULT: Self = Self::Time;

    fn spec(self) -> Spec {
        use Align::{Left, Right};
        let (title, width, align, importance, meaning) = match self {
            Self::Time => ("TIME", (15, 16), Right, 1, "when it happened, UTC"),
            Self::Container => ("CONTAINER", (13, 32), Left, 2, "where"),
            Self::Event => ("EVENT", (20, 220), Left, 3, "what"),
        };
        Spec { title, width, align, importance, meaning }
    }

    fn cell<'a>(self, row: &'a EventRow, _: &Context<'_>) -> Cow<'a, str> {
        match self {
            Self::Time => time_of_day(row.wall_ns).into(),
            Self::Container => names::subject(&row.subject).into(),
            Self::Event => (*row.text).into(),
        }
    }

    fn compare(self, a: &EventRow, b: &EventRow, _: &Context<'_>) -> Ordering {
        match self {
            Self::Time => largest(a.number, b.number),
            Self::Container => names::subject(&a.subject).cmp(names::subject(&b.subject)),
            Self::Event => a.text.cmp(&b.text),
        }
    }

    fn needed(self, _: &[&EventRow], context: &Context<'_>) -> bool {
        self != Self::Container || context.of.is_none()
    }

    fn rows<'a>(context: &Context<'a>, _: &Needle) -> Cow<'a, [EventRow]> {
        Cow::Borrowed(context.closeup(Aspect::Events).map_or(&[], |closeup| &closeup.events))
    }

    fn key(row: &EventRow) -> u64 {
        row.number
    }

    fn subject(row: &EventRow) -> Option<&Subject> {
        Some(&row.subject)
    }

    fn matches(row: &EventRow, word: &str, _: &Context<'_>) -> bool {
        row.text.to_lowercase().contains(word) || names::subject(&row.subject).to_lowercase().contains(word)
    }

    fn open(row: &EventRow, _: &Context<'_>) -> Option<Opened> {
        Some(Opened::Text { title: format!("event {}", row.number), text: pretty::json(&row.json) })
    }

    fn sign(row: &EventRow, _: &Context<'_>) -> Sign {
        match (row.denied, row.failed) {
            (true, _) => Sign::Denied,
            (false, true) => Sign::Failed,
            (false, false) => Sign::Plain,
        }
    }
}

/// `12:34:56.123456` of ns since 1970.
pub fn time_of_day(wall_ns: i64) -> String {
    let micros = wall_ns.div_euclid(1_000);
    let seconds = micros.div_euclid(1_000_000).rem_euclid(86_400);
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:06}", seconds % 60, micros.rem_euclid(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day() {
        assert_eq!(time_of_day(1_763_921_045_000_001_999), "18:04:05.000001");
        assert_eq!(time_of_day(-1), "23:59:59.999999");
    }
}
