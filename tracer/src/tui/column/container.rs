//! Columns of the table of containers.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;

use super::{Column, Context, Sign, Spec, largest, percent};
use crate::container::Container;
use crate::snapshot::{Only, Row, Snapshot, State, Subject, SubjectId};
use crate::text::{Align, count};
use crate::tui::names;
use crate::tui::needle::Needle;
use crate::tui::place::{Opened, View};
use crate::tui::visual::spark::spark;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerColumn {
    Name,
    Runtime,
    Image,
    Pod,
    Processes,
    Calls,
    Trend,
    Errors,
    ErrorShare,
    Denied,
    P50,
    P99,
    Cpu,
    Memory,
    Total,
}

/// Of [`ContainerColumn::Total`]; a number that long stands with all its digits.
const TOTAL: usize = 9;

/// Of [`ContainerColumn::Trend`]: one for each sample.
const TREND: usize = 10;

/// Containers inside each other that are shown as such; deeper ones stand below the last.
const DEPTH_MAX: usize = 8;

impl Column for ContainerColumn {
    type Row = Row;
    type Key = SubjectId;

    const ALL: &'static [Self] = &[
        Self::Name,
        Self::Runtime,
        Self::Image,
        Self::Pod,
        Self::Processes,
        Self::Calls,
        Self::Trend,
        Self::Errors,
        Self::ErrorShare,
        Self::Denied,
        Self::P50,
        Self::P99,
        Self::Cpu,
        Self::Memory,
        Self::Total,
    ];
    const DEFAULT: Self = Self::Calls;

    fn spec(self) -> Spec {
        use Align::{Left, Right};
        let (title, width, align, importance, meaning) = match self {
            Self::Name => ("NAME", (14, 48), Left, 15, "name, else id"),
            Self::Runtime => ("RUNTIME", (10, 10), Left, 3, "what runs the container"),
            Self::Image => ("IMAGE", (11, 64), Left, 7, "as it was asked for"),
            Self::Pod => ("POD", (8, 40), Left, 2, "namespace and name of its pod"),
            Self::Processes => ("PROCS", (6, 6), Right, 1, "processes"),
            Self::Calls => ("CALLS/S", (8, 8), Right, 14, "system calls a second"),
            Self::Trend => {
                ("TREND", (TREND, TREND), Left, 8, "calls in the last samples, the latest on the right")
            }
            Self::Errors => ("ERR/S", (6, 6), Right, 6, "those that failed, refused ones included"),
            Self::ErrorShare => ("ERR%", (6, 6), Right, 13, "of 100 calls, those that failed"),
            Self::Denied => ("DENIED/S", (9, 9), Right, 12, "those that a seccomp filter refused"),
            Self::P50 => ("P50", (5, 5), Right, 5, "half of this interval's calls took less time"),
            Self::P99 => ("P99", (5, 5), Right, 11, "99 of 100 took less time"),
            Self::Cpu => ("CPU%", (6, 6), Right, 10, "of one CPU"),
            Self::Memory => ("MEM", (6, 6), Right, 9, "bytes of memory"),
            Self::Total => ("TOTAL", (TOTAL, TOTAL), Right, 4, "calls since the start of the trace"),
        };
        Spec { title, width, align, importance, meaning }
    }

    fn cell<'a>(self, row: &'a Row, context: &Context<'_>) -> Cow<'a, str> {
        match self {
            Self::Name if context.tree => {
                let depth = depth(row, context.snapshot);
                Cow::Owned(format!("{}{}", "  ".repeat(depth), names::subject(&row.subject)))
            }
            Self::Name => names::subject(&row.subject).into(),
            Self::Runtime => container(row).map_or("-", |container| container.runtime.name()).into(),
            Self::Image => image(row).map_or("-", short).into(),
            Self::Pod => pod(row).map_or(Cow::Borrowed("-"), Cow::Owned),
            Self::Processes => number(row.resources.processes.map(u64::from)),
            Self::Calls => context.rate(row.sum.count),
            Self::Trend => {
                let trend = context.history.trend(&row.subject.id(), TREND);
                spark(&trend, TREND, context.charset).into()
            }
            Self::Errors => context.rate(row.sum.errors),
            Self::ErrorShare => percent(row.sum.errors, row.sum.count).into(),
            Self::Denied => context.rate(row.sum.denied),
            Self::P50 => context.duration(row.duration.as_ref(), |quantiles| quantiles.p50),
            Self::P99 => context.duration(row.duration.as_ref(), |quantiles| quantiles.p99),
            Self::Cpu => {
                let used = row.resources.cpu_ns.filter(|_| context.snapshot.interval_ns > 0);
                used.map_or("-".into(), |used| percent(used, context.snapshot.interval_ns).into())
            }
            Self::Memory => number(row.resources.memory_bytes),
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
            Self::Pod => last_if_none(pod(a), pod(b)),
            Self::Processes => largest(a.resources.processes, b.resources.processes),
            // Where nothing happens now, by what happened.
            Self::Calls | Self::Trend => largest((a.sum.count, a.sum.total), (b.sum.count, b.sum.total)),
            Self::Errors => largest((a.sum.errors, a.sum.total_errors), (b.sum.errors, b.sum.total_errors)),
            Self::ErrorShare => {
                // errors / count, without dividing.
                let cross = |x: &Row, y: &Row| u128::from(x.sum.errors) * u128::from(y.sum.count.max(1));
                largest(cross(a, b), cross(b, a))
            }
            Self::Denied => largest((a.sum.denied, a.sum.total_denied), (b.sum.denied, b.sum.total_denied)),
            Self::P50 => largest(a.duration.map(|d| d.p50), b.duration.map(|d| d.p50)),
            Self::P99 => largest(a.duration.map(|d| d.p99), b.duration.map(|d| d.p99)),
            Self::Cpu => largest(a.resources.cpu_ns, b.resources.cpu_ns),
            Self::Memory => largest(a.resources.memory_bytes, b.resources.memory_bytes),
            Self::Total => largest(a.sum.total, b.sum.total),
        }
    }

    fn needed(self, rows: &[&Row], _: &Context<'_>) -> bool {
        let any = |has: fn(&Row) -> bool| rows.iter().any(|row| has(row));
        match self {
            Self::Pod => any(|row| pod(row).is_some()),
            Self::Processes => any(|row| row.resources.processes.is_some()),
            Self::Cpu => any(|row| row.resources.cpu_ns.is_some()),
            Self::Memory => any(|row| row.resources.memory_bytes.is_some()),
            Self::Name
            | Self::Runtime
            | Self::Image
            | Self::Calls
            | Self::Trend
            | Self::Errors
            | Self::ErrorShare
            | Self::Denied
            | Self::P50
            | Self::P99
            | Self::Total => true,
        }
    }

    fn rows<'a>(context: &Context<'a>, _: &Needle) -> Cow<'a, [Row]> {
        Cow::Borrowed(&context.snapshot.rows)
    }

    fn key(row: &Row) -> SubjectId {
        row.subject.id()
    }

    fn subject(row: &Row) -> Option<&Subject> {
        Some(&row.subject)
    }

    fn matches(row: &Row, word: &str, _: &Context<'_>) -> bool {
        let id = container(row).map(|container| container.id.as_str());
        [Some(row.name()), image(row), id, pod(row).as_deref()]
            .into_iter()
            .flatten()
            .any(|text| text.to_lowercase().contains(word))
    }

    fn open(row: &Row, _: &Context<'_>) -> Option<Opened> {
        Some(Opened::Place { view: View::Calls, of: Some(row.subject.clone()), only: Only::default() })
    }

    fn sign(row: &Row, context: &Context<'_>) -> Sign {
        if incomplete(&row.subject, context.snapshot) {
            Sign::Lossy
        } else if row.state == State::Ended {
            Sign::Gone
        } else {
            Sign::Plain
        }
    }

    fn grouped<'a>(rows: Vec<&'a Row>, context: &Context<'_>) -> Vec<&'a Row> {
        if context.tree { below_each_other(&rows) } else { rows }
    }
}

/// Whether something of this very container was lost.
pub fn incomplete(subject: &Subject, snapshot: &Snapshot) -> bool {
    let Subject::Container(container) = subject else { return false };
    snapshot
        .losses
        .iter()
        .any(|loss| loss.count > 0 && loss.container.as_ref().is_some_and(|lossy| lossy.id == container.id))
}

/// Containers after the one around them, in the order that they had.
fn below_each_other<'a>(rows: &[&'a Row]) -> Vec<&'a Row> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (place, row) in rows.iter().enumerate() {
        if let Some(container) = container(row) {
            places.entry(&container.id).or_insert(place);
        }
    }
    let mut inside: Vec<Vec<usize>> = vec![Vec::new(); rows.len()];
    let mut open: Vec<usize> = Vec::new();
    for (place, row) in rows.iter().enumerate() {
        match parent(row).and_then(|id| places.get(id)).and_then(|around| inside.get_mut(*around)) {
            Some(inside) => inside.push(place),
            None => open.push(place),
        }
    }
    // Those that say of each other to be around them come last.
    open.extend(0..rows.len());
    open.reverse();
    let mut sorted = Vec::with_capacity(rows.len());
    let mut done = vec![false; rows.len()];
    while let Some(place) = open.pop() {
        let (Some(row), Some(done), Some(inside)) = (rows.get(place), done.get_mut(place), inside.get(place))
        else {
            continue;
        };
        if !std::mem::replace(done, true) {
            sorted.push(*row);
            open.extend(inside.iter().rev());
        }
    }
    sorted
}

/// In how many others it is.
fn depth(row: &Row, snapshot: &Snapshot) -> usize {
    let around = |row: &Row| {
        let id = parent(row)?;
        snapshot.rows.iter().find(|other| container(other).is_some_and(|other| other.id == id))
    };
    std::iter::successors(around(row), |row| around(row)).take(DEPTH_MAX).count()
}

fn parent(row: &Row) -> Option<&str> {
    container(row)?.parent.as_deref()
}

fn container(row: &Row) -> Option<&Container> {
    match &row.subject {
        Subject::Container(container) => Some(container),
        Subject::Host | Subject::Unknown { .. } => None,
    }
}

/// `namespace/name`, as far as known.
fn pod(row: &Row) -> Option<String> {
    let pod = container(row)?.pod.as_ref()?;
    let name = pod.name.as_ref().or(pod.uid.as_ref());
    let parts: Vec<&str> = [pod.namespace.as_ref(), name].into_iter().flatten().map(String::as_str).collect();
    (!parts.is_empty()).then(|| parts.join("/"))
}

fn number(number: Option<u64>) -> Cow<'static, str> {
    number.map_or(Cow::Borrowed("-"), |number| Cow::Owned(count(number, 5)))
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::container::Runtime;
    use crate::tui::sample;

    fn inside(id: char, around: Option<char>) -> Row {
        let parent = around.map(|around| around.to_string().repeat(64));
        let container = Container { parent, ..sample::container(id, &id.to_string(), "x", Runtime::Podman) };
        sample::row(Subject::Container(Arc::new(container)), 1, 1)
    }

    fn names(rows: &[Row]) -> String {
        below_each_other(&rows.iter().collect::<Vec<_>>()).iter().map(|row| row.name()).collect()
    }

    #[test]
    fn what_is_inside_comes_after_what_is_around_it() {
        let rows = [inside('c', Some('b')), inside('d', None), inside('b', Some('a')), inside('a', None)];
        assert_eq!(names(&rows), "dabc");
        let snapshot = sample::snapshot(rows.to_vec());
        assert_eq!([0, 1, 2, 3].map(|at: usize| depth(&snapshot.rows[at], &snapshot)), [2, 0, 1, 0]);
    }

    #[test]
    fn who_is_inside_himself_is_there_once() {
        let rows =
            [inside('a', Some('b')), inside('b', Some('a')), inside('c', Some('c')), inside('d', Some('x'))];
        assert_eq!(names(&rows), "dabc");
        let snapshot = sample::snapshot(rows.to_vec());
        assert_eq!(depth(&snapshot.rows[2], &snapshot), DEPTH_MAX);
    }
}
