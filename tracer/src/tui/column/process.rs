//! Columns of the table of processes.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{Column, Context, Sign, Spec, largest, percent};
use crate::snapshot::{Aspect, Only, ProcessRow, Subject};
use crate::text::{Align, count};
use crate::tui::names;
use crate::tui::needle::Needle;
use crate::tui::place::{Opened, View};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessColumn {
    Pid,
    Command,
    Container,
    Calls,
    Errors,
    ErrorShare,
    Denied,
    Total,
}

/// Of [`ProcessColumn::Total`].
const TOTAL: usize = 9;

impl Column for ProcessColumn {
    type Row = ProcessRow;
    type Key = u32;

    const ALL: &'static [Self] = &[
        Self::Pid,
        Self::Command,
        Self::Container,
        Self::Calls,
        Self::Errors,
        Self::ErrorShare,
        Self::Denied,
        Self::Total,
    ];
    const DEFAULT: Self = Self::Calls;

    fn spec(self) -> Spec {
        use Align::{Left, Right};
        let (title, width, align, importance, meaning) = match self {
            Self::Pid => ("PID", (8, 10), Right, 8, "as the host counts"),
            Self::Command => ("COMMAND", (16, 16), Left, 7, "as the process is called"),
            Self::Container => ("CONTAINER", (13, 48), Left, 4, "where it runs"),
            Self::Calls => ("CALLS/S", (8, 8), Right, 6, "system calls a second"),
            Self::Errors => ("ERR/S", (6, 6), Right, 5, "those that failed, refused ones included"),
            Self::ErrorShare => ("ERR%", (6, 6), Right, 1, "of 100 calls, those that failed"),
            Self::Denied => ("DENIED/S", (9, 9), Right, 3, "those that a seccomp filter refused"),
            Self::Total => ("TOTAL", (TOTAL, TOTAL), Right, 2, "calls since one began to look"),
        };
        Spec { title, width, align, importance, meaning }
    }

    fn cell<'a>(self, row: &'a ProcessRow, context: &Context<'_>) -> Cow<'a, str> {
        match self {
            Self::Pid => row.pid.to_string().into(),
            Self::Command => row.comm.as_str().into(),
            Self::Container => names::subject(&row.subject).into(),
            Self::Calls => context.rate(row.counts.count),
            Self::Errors => context.rate(row.counts.errors),
            Self::ErrorShare => percent(row.counts.errors, row.counts.count).into(),
            Self::Denied => context.rate(row.counts.denied),
            Self::Total => count(row.counts.total, TOTAL).into(),
        }
    }

    fn compare(self, a: &ProcessRow, b: &ProcessRow, _: &Context<'_>) -> Ordering {
        let (x, y) = (&a.counts, &b.counts);
        match self {
            Self::Pid => a.pid.cmp(&b.pid),
            Self::Command => a.comm.cmp(&b.comm),
            Self::Container => names::subject(&a.subject).cmp(names::subject(&b.subject)),
            Self::Calls => largest((x.count, x.total), (y.count, y.total)),
            Self::Errors => largest((x.errors, x.total_errors), (y.errors, y.total_errors)),
            Self::ErrorShare => {
                let cross = |errors: u64, count: u64| u128::from(errors) * u128::from(count.max(1));
                largest(cross(x.errors, y.count), cross(y.errors, x.count))
            }
            Self::Denied => largest((x.denied, x.total_denied), (y.denied, y.total_denied)),
            Self::Total => largest(x.total, y.total),
        }
    }

    fn needed(self, _: &[&ProcessRow], context: &Context<'_>) -> bool {
        self != Self::Container || context.of.is_none()
    }

    fn rows<'a>(context: &Context<'a>, _: &Needle) -> Cow<'a, [ProcessRow]> {
        Cow::Borrowed(context.closeup(Aspect::Processes).map_or(&[], |closeup| &closeup.processes))
    }

    fn key(row: &ProcessRow) -> u32 {
        row.pid
    }

    fn subject(row: &ProcessRow) -> Option<&Subject> {
        Some(&row.subject)
    }

    fn matches(row: &ProcessRow, word: &str, _: &Context<'_>) -> bool {
        row.comm.to_lowercase().contains(word)
            || row.pid.to_string() == word
            || names::subject(&row.subject).to_lowercase().contains(word)
    }

    fn open(row: &ProcessRow, _: &Context<'_>) -> Option<Opened> {
        let only = Only { pid: Some(row.pid), ..Only::default() };
        Some(Opened::Place { view: View::Events, of: Some(row.subject.clone()), only })
    }

    fn sign(row: &ProcessRow, _: &Context<'_>) -> Sign {
        if row.counts.total_denied > 0 { Sign::Denied } else { Sign::Plain }
    }
}
