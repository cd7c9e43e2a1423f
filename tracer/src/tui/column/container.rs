//! Columns of the table of containers.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{Column, Context, Spec, largest};
use crate::container::Container;
use crate::snapshot::{Row, Subject, SubjectId};
use crate::text::{Align, count};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerColumn {
    Name,
    Runtime,
    Image,
    Calls,
    Errors,
    Denied,
    P50,
    P99,
    Total,
}

/// Of [`ContainerColumn::Total`]; a number that long stands with all its digits.
const TOTAL: usize = 9;

impl Column for ContainerColumn {
    type Row = Row;
    type Key = SubjectId;

    const ALL: &'static [Self] = &[
        Self::Name,
        Self::Runtime,
        Self::Image,
        Self::Calls,
        Self::Errors,
        Self::Denied,
        Self::P50,
        Self::P99,
        Self::Total,
    ];
    const DEFAULT: Self = Self::Calls;

    fn spec(self) -> Spec {
        use Align::{Left, Right};
        let (title, width, align, importance, meaning) = match self {
            Self::Name => ("NAME", (14, 48), Left, 9, "name, else id"),
            Self::Runtime => ("RUNTIME", (10, 10), Left, 1, "what runs the container"),
            Self::Image => ("IMAGE", (11, 64), Left, 3, "as it was asked for"),
            Self::Calls => ("CALLS/S", (8, 8), Right, 8, "system calls a second"),
            Self::Errors => ("ERR/S", (6, 6), Right, 7, "those that failed, refused ones included"),
            Self::Denied => ("DENIED/S", (9, 9), Right, 6, "those that a seccomp filter refused"),
            Self::P50 => ("P50", (5, 5), Right, 2, "half of this interval's calls took less time"),
            Self::P99 => ("P99", (5, 5), Right, 4, "99 of 100 took less time"),
            Self::Total => ("TOTAL", (TOTAL, TOTAL), Right, 5, "calls since the start of the trace"),
        };
        Spec { title, width, align, importance, meaning }
    }

    fn cell<'a>(self, row: &'a Row, context: &Context<'_>) -> Cow<'a, str> {
        match self {
            Self::Name => name(row).into(),
            Self::Runtime => container(row).map_or("-", |container| container.runtime.name()).into(),
            Self::Image => image(row).map_or("-", short).into(),
            Self::Calls => context.rate(row.sum.count),
            Self::Errors => context.rate(row.sum.errors),
            Self::Denied => context.rate(row.sum.denied),
            Self::P50 => context.duration(row.duration.as_ref(), |quantiles| quantiles.p50),
            Self::P99 => context.duration(row.duration.as_ref(), |quantiles| quantiles.p99),
            Self::Total => count(row.sum.total, TOTAL).into(),
        }
    }

    fn compare(self, a: &Row, b: &Row, _: &Context<'_>) -> Ordering {
        match self {
            Self::Name => (rank(a), a.name()).cmp(&(rank(b), b.name())),
            // What has none comes last.
            Self::Runtime => {
                let runtime = |row| container(row).map(|container| container.runtime.name());
                last_if_none(runtime(a), runtime(b))
            }
            Self::Image => last_if_none(image(a), image(b)),
            // Where nothing happens now, by what happened.
            Self::Calls => largest((a.sum.count, a.sum.total), (b.sum.count, b.sum.total)),
            Self::Errors => largest((a.sum.errors, a.sum.total_errors), (b.sum.errors, b.sum.total_errors)),
            Self::Denied => largest((a.sum.denied, a.sum.total_denied), (b.sum.denied, b.sum.total_denied)),
            Self::P50 => largest(a.duration.map(|d| d.p50), b.duration.map(|d| d.p50)),
            Self::P99 => largest(a.duration.map(|d| d.p99), b.duration.map(|d| d.p99)),
            Self::Total => largest(a.sum.total, b.sum.total),
        }
    }

    fn needed(self, _: &[&Row]) -> bool {
        true
    }

    fn key(row: &Row) -> SubjectId {
        row.subject.id()
    }

    fn matches(row: &Row, needle: &str, _: &Context<'_>) -> bool {
        let id = container(row).map(|container| container.id.as_str());
        [Some(row.name()), image(row), id]
            .into_iter()
            .flatten()
            .any(|text| text.to_lowercase().contains(needle))
    }
}

fn container(row: &Row) -> Option<&Container> {
    match &row.subject {
        Subject::Container(container) => Some(container),
        Subject::Host | Subject::Unknown { .. } => None,
    }
}

/// A name that can be seen.
fn name(row: &Row) -> &str {
    match container(row) {
        Some(container) if container.display_name().trim().is_empty() => &container.id,
        _ => row.name(),
    }
}

/// As docker shows it: without the registry that goes without saying.
fn short(image: &str) -> &str {
    let image = image.strip_prefix("docker.io/").unwrap_or(image);
    image.strip_prefix("library/").unwrap_or(image)
}

fn image(row: &Row) -> Option<&str> {
    container(row)?.image.as_deref()
}

/// Containers, then the host, then what could not be told.
fn rank(row: &Row) -> u8 {
    match row.subject {
        Subject::Container(_) => 0,
        Subject::Host => 1,
        Subject::Unknown { .. } => 2,
    }
}

fn last_if_none<T: Ord>(a: Option<T>, b: Option<T>) -> Ordering {
    (a.is_none(), a).cmp(&(b.is_none(), b))
}
