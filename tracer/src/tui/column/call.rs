//! Columns of the table of system calls.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Write;

use super::{Column, Context, Spec, largest};
use crate::event::Abi;
use crate::snapshot::{CallRow, ErrnoRow};
use crate::text::{Align, count};
use crate::tui::names;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallColumn {
    Syscall,
    Abi,
    Calls,
    Errors,
    Denied,
    P50,
    P95,
    P99,
    Max,
    Total,
    Errnos,
}

/// Of [`CallColumn::Total`]; a number that long stands with all its digits.
const TOTAL: usize = 9;

impl Column for CallColumn {
    type Row = CallRow;
    type Key = (Abi, u16);

    const ALL: &'static [Self] = &[
        Self::Syscall,
        Self::Abi,
        Self::Calls,
        Self::Errors,
        Self::Denied,
        Self::P50,
        Self::P95,
        Self::P99,
        Self::Max,
        Self::Total,
        Self::Errnos,
    ];
    const DEFAULT: Self = Self::Calls;

    fn spec(self) -> Spec {
        use Align::{Left, Right};
        let (title, width, align, importance, meaning) = match self {
            Self::Syscall => ("SYSCALL", (14, 28), Left, 11, "name of the system call"),
            Self::Abi => {
                ("ABI", (6, 6), Left, 8, "how it was called, where that is not the machine's own way")
            }
            Self::Calls => ("CALLS/S", (8, 8), Right, 10, "calls a second"),
            Self::Errors => ("ERR/S", (6, 6), Right, 9, "those that failed, refused ones included"),
            Self::Denied => ("DENIED/S", (9, 9), Right, 7, "those that a seccomp filter refused"),
            Self::P50 => ("P50", (5, 5), Right, 3, "half of this interval's calls took less time"),
            Self::P95 => ("P95", (5, 5), Right, 1, "95 of 100 took less time"),
            Self::P99 => ("P99", (5, 5), Right, 4, "99 of 100 took less time"),
            Self::Max => ("MAX", (5, 5), Right, 2, "the longest since the start of the trace"),
            Self::Total => ("TOTAL", (TOTAL, TOTAL), Right, 6, "calls since the start of the trace"),
            Self::Errnos => {
                ("ERRORS", (14, 100), Left, 5, "error, how often since the start, how many of these refused")
            }
        };
        Spec { title, width, align, importance, meaning }
    }

    fn cell<'a>(self, row: &'a CallRow, context: &Context<'_>) -> Cow<'a, str> {
        let duration = row.duration.as_ref();
        match self {
            Self::Syscall => name(row, context),
            Self::Abi => names::abi(context.snapshot.arch, row.abi).into(),
            Self::Calls => context.rate(row.counts.count),
            Self::Errors => context.rate(row.counts.errors),
            Self::Denied => context.rate(row.counts.denied),
            Self::P50 => context.duration(duration, |quantiles| quantiles.p50),
            Self::P95 => context.duration(duration, |quantiles| quantiles.p95),
            Self::P99 => context.duration(duration, |quantiles| quantiles.p99),
            Self::Max => context.duration(duration, |quantiles| quantiles.max),
            Self::Total => count(row.counts.total, TOTAL).into(),
            Self::Errnos => errnos(&row.errnos).into(),
        }
    }

    fn compare(self, a: &CallRow, b: &CallRow, context: &Context<'_>) -> Ordering {
        let (x, y) = (&a.counts, &b.counts);
        match self {
            Self::Syscall => name(a, context).cmp(&name(b, context)),
            Self::Abi => a.abi.cmp(&b.abi),
            // Where nothing happens now, by what happened.
            Self::Calls => largest((x.count, x.total), (y.count, y.total)),
            Self::Errors => largest((x.errors, x.total_errors), (y.errors, y.total_errors)),
            Self::Denied => largest((x.denied, x.total_denied), (y.denied, y.total_denied)),
            Self::P50 => largest(a.duration.map(|d| d.p50), b.duration.map(|d| d.p50)),
            Self::P95 => largest(a.duration.map(|d| d.p95), b.duration.map(|d| d.p95)),
            Self::P99 => largest(a.duration.map(|d| d.p99), b.duration.map(|d| d.p99)),
            Self::Max => largest(a.duration.map(|d| d.max), b.duration.map(|d| d.max)),
            Self::Total => largest(x.total, y.total),
            Self::Errnos => largest(x.total_errors, y.total_errors),
        }
    }

    fn needed(self, rows: &[&CallRow]) -> bool {
        self != Self::Abi || rows.iter().any(|row| row.abi != Abi::Native)
    }

    fn key(row: &CallRow) -> (Abi, u16) {
        (row.abi, row.number)
    }

    fn matches(row: &CallRow, needle: &str, context: &Context<'_>) -> bool {
        name(row, context).contains(needle)
    }
}

fn name(row: &CallRow, context: &Context<'_>) -> Cow<'static, str> {
    names::call(context.snapshot.arch, row.abi, row.number)
}

/// `ENOENT 1000, EPERM 7 (7 denied)`, the most frequent first.
fn errnos(rows: &[ErrnoRow]) -> String {
    let mut rows: Vec<&ErrnoRow> = rows.iter().filter(|row| row.total > 0).collect();
    rows.sort_by_key(|row| (std::cmp::Reverse(row.total), row.errno));
    let mut out = String::new();
    for row in rows {
        let comma = if out.is_empty() { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(out, "{comma}{} {}", names::errno(row.errno), row.total);
        if row.total_denied > 0 {
            let _ = write!(out, " ({} denied)", row.total_denied);
        }
    }
    out
}
