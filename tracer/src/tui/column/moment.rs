//! Columns of the table of latency over time: a row for each sample that is kept.

use std::borrow::Cow;
use std::cmp::Ordering;

use ratatui::text::Line;

use super::{Column, Context, Room, Spec, largest};
use crate::snapshot::{Counts, Quantiles, Snapshot, Spectrum, Subject};
use crate::text::{Align, clock, duration, fit, rate};
use crate::tui::merge::Durations;
use crate::tui::needle::Needle;
use crate::tui::place::Opened;
use crate::tui::view::look::Look;
use crate::tui::visual::heat;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MomentColumn {
    Ago,
    Calls,
    Errors,
    P50,
    P95,
    P99,
}

/// How long calls took in one interval.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Since the start of the trace, ns.
    elapsed_ns: u64,
    /// As [`Snapshot::per_second`].
    calls: f64,
    errors: f64,
    duration: Option<Quantiles>,
    spectrum: Spectrum,
}

/// Samples that are looked at: more than any screen has columns or lines for.
const SAMPLES_MAX: usize = 240;

impl Column for MomentColumn {
    type Row = Moment;
    /// Its time.
    type Key = u64;

    const ALL: &'static [Self] = &[Self::Ago, Self::Calls, Self::Errors, Self::P50, Self::P95, Self::P99];
    const DEFAULT: Self = Self::Ago;

    fn spec(self) -> Spec {
        use Align::Right;
        let (title, width, align, importance, meaning) = match self {
            Self::Ago => ("AGO", (8, 8), Right, 6, "how long before the sample that is shown"),
            Self::Calls => ("CALLS/S", (8, 8), Right, 5, "calls a second"),
            Self::Errors => ("ERR/S", (6, 6), Right, 3, "those that failed, refused ones included"),
            Self::P50 => ("P50", (6, 6), Right, 2, "half of that interval's calls took less time"),
            Self::P95 => ("P95", (6, 6), Right, 1, "95 of 100 took less time"),
            Self::P99 => ("P99", (6, 6), Right, 4, "99 of 100 took less time"),
        };
        Spec { title, width, align, importance, meaning }
    }

    fn cell<'a>(self, row: &'a Moment, context: &Context<'_>) -> Cow<'a, str> {
        let time = |ns: fn(&Quantiles) -> u64| {
            row.duration
                .as_ref()
                .map_or("-".into(), |quantiles| duration(ns(quantiles), context.charset).into())
        };
        match self {
            Self::Ago => clock(context.snapshot.elapsed_ns.saturating_sub(row.elapsed_ns)).into(),
            Self::Calls => rate(row.calls).into(),
            Self::Errors => rate(row.errors).into(),
            Self::P50 => time(|quantiles| quantiles.p50),
            Self::P95 => time(|quantiles| quantiles.p95),
            Self::P99 => time(|quantiles| quantiles.p99),
        }
    }

    fn compare(self, a: &Moment, b: &Moment, _: &Context<'_>) -> Ordering {
        match self {
            Self::Ago => largest(a.elapsed_ns, b.elapsed_ns),
            Self::Calls => b.calls.total_cmp(&a.calls),
            Self::Errors => b.errors.total_cmp(&a.errors),
            Self::P50 => largest(a.duration.map(|d| d.p50), b.duration.map(|d| d.p50)),
            Self::P95 => largest(a.duration.map(|d| d.p95), b.duration.map(|d| d.p95)),
            Self::P99 => largest(a.duration.map(|d| d.p99), b.duration.map(|d| d.p99)),
        }
    }

    fn rows<'a>(context: &Context<'a>, needle: &Needle) -> Cow<'a, [Moment]> {
        let back = context.history.back().take(SAMPLES_MAX);
        back.map(|snapshot| moment(context, snapshot, needle)).collect()
    }

    fn key(row: &Moment) -> u64 {
        row.elapsed_ns
    }

    fn subject(_: &Moment) -> Option<&Subject> {
        None
    }

    fn overview(rows: &[Moment], room: Room, context: &Context<'_>, look: Look) -> Vec<Line<'static>> {
        let ago = |row: &Moment| context.snapshot.elapsed_ns.saturating_sub(row.elapsed_ns) / 1_000_000_000;
        let samples: Vec<(u64, &Spectrum)> = rows.iter().rev().map(|row| (ago(row), &row.spectrum)).collect();
        let caption = |row: &Moment| heat::caption(&row.spectrum, row.duration.as_ref(), look.charset);
        let latest = rows.first().map(caption).unwrap_or_default();
        let mut lines = heat::lines(&samples, room.width, room.height.saturating_sub(1), look);
        lines.push(Line::raw(fit(&latest, room.width, look.charset).into_owned()));
        lines
    }

    fn open(row: &Moment, _: &Context<'_>) -> Option<Opened> {
        Some(Opened::Moment(row.elapsed_ns))
    }

    fn matches(_: &Moment, _: &str, _: &Context<'_>) -> bool {
        // A time has no text to look for.
        true
    }
}

/// Of the containers that are looked at and `needle` wants, or of one of their calls.
fn moment(context: &Context<'_>, snapshot: &Snapshot, needle: &Needle) -> Moment {
    let mut durations = Durations::default();
    let (mut calls, mut errors) = (0_u64, 0_u64);
    let mut add = |counts: &Counts, spectrum: &Spectrum, duration: Option<&Quantiles>| {
        calls = calls.saturating_add(counts.count);
        errors = errors.saturating_add(counts.errors);
        durations.add(spectrum, duration);
    };
    for row in context.opened(snapshot).filter(|row| needle.wants(&row.subject)) {
        match context.only.call {
            None => add(&row.sum, &row.spectrum, row.duration.as_ref()),
            Some(wanted) => {
                for call in row.calls.iter().filter(|call| (call.abi, call.number) == wanted) {
                    add(&call.counts, &call.spectrum, call.duration.as_ref());
                }
            }
        }
    }
    Moment {
        elapsed_ns: snapshot.elapsed_ns,
        calls: snapshot.per_second(calls),
        errors: snapshot.per_second(errors),
        duration: durations.quantiles(),
        spectrum: durations.spectrum(),
    }
}
