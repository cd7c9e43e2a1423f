//! Columns of the table of files.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{Column, Context, Sign, Spec, largest};
use crate::snapshot::{Aspect, FileRow, Only, Subject, SubjectId};
use crate::text::{Align, count, duration};
use crate::tui::names;
use crate::tui::needle::Needle;
use crate::tui::place::{Opened, View};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileColumn {
    Path,
    Container,
    Calls,
    Opens,
    Read,
    Written,
    Time,
    Errors,
    Error,
    Command,
}

impl Column for FileColumn {
    type Row = FileRow;
    type Key = (SubjectId, String);

    const ALL: &'static [Self] = &[
        Self::Path,
        Self::Container,
        Self::Calls,
        Self::Opens,
        Self::Read,
        Self::Written,
        Self::Time,
        Self::Errors,
        Self::Error,
        Self::Command,
    ];
    const DEFAULT: Self = Self::Calls;

    fn spec(self) -> Spec {
        use Align::{Left, Right};
        let (title, width, align, importance, meaning) = match self {
            Self::Path => ("PATH", (16, 120), Left, 10, "as the process called it"),
            Self::Container => ("CONTAINER", (13, 48), Left, 5, "whose process it was"),
            Self::Calls => ("CALLS/S", (8, 8), Right, 9, "calls a second that named it or worked on it"),
            Self::Opens => ("OPENS", (6, 6), Right, 3, "how often it was opened since one began to look"),
            Self::Read => ("READ", (6, 6), Right, 7, "bytes read since one began to look"),
            Self::Written => ("WRITTEN", (8, 8), Right, 6, "bytes written since one began to look"),
            Self::Time => ("TIME", (5, 5), Right, 4, "time spent in these calls"),
            Self::Errors => ("ERRORS", (7, 7), Right, 2, "calls that failed since one began to look"),
            Self::Error => ("ERROR", (8, 16), Left, 8, "of the last call that failed"),
            Self::Command => ("COMMAND", (15, 23), Left, 1, "process that called last, and its pid"),
        };
        Spec { title, width, align, importance, meaning }
    }

    fn cell<'a>(self, row: &'a FileRow, context: &Context<'_>) -> Cow<'a, str> {
        match self {
            Self::Path => row.path.as_str().into(),
            Self::Container => names::subject(&row.subject).into(),
            Self::Calls => context.rate(row.counts.count),
            Self::Opens => count(row.opens, 5).into(),
            Self::Read => count(row.read_bytes, 5).into(),
            Self::Written => count(row.written_bytes, 5).into(),
            Self::Time => duration(row.time_ns, context.charset).into(),
            Self::Errors => count(row.counts.total_errors, 6).into(),
            Self::Error => row.errno.map_or("".into(), names::errno),
            Self::Command => names::process(&row.comm, row.pid).into(),
        }
    }

    fn compare(self, a: &FileRow, b: &FileRow, _: &Context<'_>) -> Ordering {
        match self {
            Self::Path => a.path.cmp(&b.path),
            Self::Container => names::subject(&a.subject).cmp(names::subject(&b.subject)),
            Self::Calls => largest((a.counts.count, a.counts.total), (b.counts.count, b.counts.total)),
            Self::Opens => largest(a.opens, b.opens),
            Self::Read => largest(a.read_bytes, b.read_bytes),
            Self::Written => largest(a.written_bytes, b.written_bytes),
            Self::Time => largest(a.time_ns, b.time_ns),
            Self::Errors => largest(a.counts.total_errors, b.counts.total_errors),
            // What has none comes last.
            Self::Error => (a.errno.is_none(), a.errno).cmp(&(b.errno.is_none(), b.errno)),
            Self::Command => (&a.comm, a.pid).cmp(&(&b.comm, b.pid)),
        }
    }

    fn needed(self, _: &[&FileRow], context: &Context<'_>) -> bool {
        self != Self::Container || context.of.is_none()
    }

    fn rows<'a>(context: &Context<'a>, _: &Needle) -> Cow<'a, [FileRow]> {
        Cow::Borrowed(context.closeup(Aspect::Files).map_or(&[], |closeup| &closeup.files))
    }

    fn key(row: &FileRow) -> Self::Key {
        (row.subject.id(), row.path.clone())
    }

    fn subject(row: &FileRow) -> Option<&Subject> {
        Some(&row.subject)
    }

    fn matches(row: &FileRow, word: &str, _: &Context<'_>) -> bool {
        [row.path.as_str(), &row.comm, names::subject(&row.subject)]
            .into_iter()
            .any(|text| text.to_lowercase().contains(word))
            || row.errno.is_some_and(|errno| names::errno(errno).to_lowercase().contains(word))
    }

    fn open(row: &FileRow, _: &Context<'_>) -> Option<Opened> {
        let only = Only { path: Some(row.path.clone()), ..Only::default() };
        Some(Opened::Place { view: View::Events, of: Some(row.subject.clone()), only })
    }

    fn sign(row: &FileRow, _: &Context<'_>) -> Sign {
        if row.counts.total_denied > 0 { Sign::Denied } else { Sign::Plain }
    }
}
