//! Columns of the table of system calls.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Write;

use ratatui::text::Line;

use super::{Column, Context, Room, Sign, Spec, largest, percent};
use crate::event::Abi;
use crate::snapshot::{CallRow, ErrnoRow, Only, Subject};
use crate::text::{Align, count, fit};
use crate::tui::needle::Needle;
use crate::tui::place::{Opened, View};
use crate::tui::view::look::Look;
use crate::tui::visual::histogram;
use crate::tui::{merge, names};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallColumn {
    Syscall,
    Abi,
    Calls,
    Errors,
    Denied,
    Share,
    P50,
    P95,
    P99,
    Max,
    Total,
    Errnos,
}

/// Lines of a histogram with its title.
const HISTOGRAM_MIN: usize = 4;

/// A call of what is looked at.
#[derive(Clone, Debug)]
pub struct Call {
    pub row: CallRow,
    /// Spent in all of its calls in this interval, ns.
    all_ns: u64,
}

/// Of [`CallColumn::Total`]; a number that long stands with all its digits.
const TOTAL: usize = 9;

impl Column for CallColumn {
    type Row = Call;
    type Key = (Abi, u16);

    const ALL: &'static [Self] = &[
        Self::Syscall,
        Self::Abi,
        Self::Calls,
        Self::Errors,
        Self::Denied,
        Self::Share,
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
            Self::Syscall => ("SYSCALL", (14, 28), Left, 12, "name of the system call"),
            Self::Abi => {
                ("ABI", (6, 6), Left, 9, "how it was called, where that is not the machine's own way")
            }
            Self::Calls => ("CALLS/S", (8, 8), Right, 11, "calls a second"),
            Self::Errors => ("ERR/S", (6, 6), Right, 10, "those that failed, refused ones included"),
            Self::Denied => ("DENIED/S", (9, 9), Right, 5, "those that a seccomp filter refused"),
            Self::Share => ("TIME%", (6, 6), Right, 6, "its share of the time that was spent in calls"),
            Self::P50 => ("P50", (5, 5), Right, 4, "half of this interval's calls took less time"),
            Self::P95 => ("P95", (5, 5), Right, 2, "95 of 100 took less time"),
            Self::P99 => ("P99", (5, 5), Right, 8, "99 of 100 took less time"),
            Self::Max => ("MAX", (5, 5), Right, 1, "the longest since the start of the trace"),
            Self::Total => ("TOTAL", (TOTAL, TOTAL), Right, 3, "calls since the start of the trace"),
            Self::Errnos => {
                ("ERRORS", (14, 100), Left, 7, "error, how often since the start, how many of these refused")
            }
        };
        Spec { title, width, align, importance, meaning }
    }

    fn cell<'a>(self, call: &'a Call, context: &Context<'_>) -> Cow<'a, str> {
        let row = &call.row;
        let duration = row.duration.as_ref();
        match self {
            Self::Syscall => name(row, context),
            Self::Abi => names::abi(context.snapshot.arch, row.abi).into(),
            Self::Calls => context.rate(row.counts.count),
            Self::Errors => context.rate(row.counts.errors),
            Self::Denied => context.rate(row.counts.denied),
            Self::Share => percent(row.time_ns, call.all_ns).into(),
            Self::P50 => context.duration(duration, |quantiles| quantiles.p50),
            Self::P95 => context.duration(duration, |quantiles| quantiles.p95),
            Self::P99 => context.duration(duration, |quantiles| quantiles.p99),
            Self::Max => context.duration(duration, |quantiles| quantiles.max),
            Self::Total => count(row.counts.total, TOTAL).into(),
            Self::Errnos => errnos(&row.errnos).into(),
        }
    }

    fn compare(self, a: &Call, b: &Call, context: &Context<'_>) -> Ordering {
        let (a, b) = (&a.row, &b.row);
        let (x, y) = (&a.counts, &b.counts);
        match self {
            Self::Syscall => name(a, context).cmp(&name(b, context)),
            Self::Abi => a.abi.cmp(&b.abi),
            // Where nothing happens now, by what happened.
            Self::Calls => largest((x.count, x.total), (y.count, y.total)),
            Self::Errors => largest((x.errors, x.total_errors), (y.errors, y.total_errors)),
            Self::Denied => largest((x.denied, x.total_denied), (y.denied, y.total_denied)),
            Self::Share => largest(a.time_ns, b.time_ns),
            Self::P50 => largest(a.duration.map(|d| d.p50), b.duration.map(|d| d.p50)),
            Self::P95 => largest(a.duration.map(|d| d.p95), b.duration.map(|d| d.p95)),
            Self::P99 => largest(a.duration.map(|d| d.p99), b.duration.map(|d| d.p99)),
            Self::Max => largest(a.duration.map(|d| d.max), b.duration.map(|d| d.max)),
            Self::Total => largest(x.total, y.total),
            Self::Errnos => largest(x.total_errors, y.total_errors),
        }
    }

    fn needed(self, rows: &[&Call], _: &Context<'_>) -> bool {
        self != Self::Abi || rows.iter().any(|call| call.row.abi != Abi::Native)
    }

    fn rows<'a>(context: &Context<'a>, needle: &Needle) -> Cow<'a, [Call]> {
        let rows = context.opened(context.snapshot).filter(|row| needle.wants(&row.subject));
        let calls = merge::calls(rows);
        let all_ns = calls.iter().fold(0, |sum: u64, call| sum.saturating_add(call.time_ns));
        calls.into_iter().map(|row| Call { row, all_ns }).collect()
    }

    fn key(call: &Call) -> (Abi, u16) {
        (call.row.abi, call.row.number)
    }

    fn subject(_: &Call) -> Option<&Subject> {
        None
    }

    fn matches(call: &Call, word: &str, context: &Context<'_>) -> bool {
        name(&call.row, context).contains(word) || errnos(&call.row.errnos).to_lowercase().contains(word)
    }

    fn open(call: &Call, _: &Context<'_>) -> Option<Opened> {
        let only = Only { call: Some(Self::key(call)), ..Only::default() };
        Some(Opened::Place { view: View::Latency, of: None, only })
    }

    fn about(call: &Call, room: Room, context: &Context<'_>, look: Look) -> Vec<Line<'static>> {
        // Fewer lines show no shape.
        if call.row.spectrum.is_empty() || room.height < HISTOGRAM_MIN {
            return Vec::new();
        }
        let title = format!("how long {} took in this interval", name(&call.row, context));
        let mut lines = vec![Line::styled(fit(&title, room.width, look.charset).into_owned(), Look::TITLE)];
        lines.extend(histogram::lines(&call.row.spectrum, room.width, room.height - 1, look));
        lines
    }

    fn sign(call: &Call, _: &Context<'_>) -> Sign {
        // Refused calls are what one looks for.
        if call.row.counts.total_denied > 0 { Sign::Denied } else { Sign::Plain }
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
