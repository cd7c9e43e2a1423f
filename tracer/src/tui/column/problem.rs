//! Columns of the table of errors and refusals.

use std::borrow::Cow;
use std::cmp::Ordering;

use ratatui::style::Style;
use ratatui::text::Line;

use super::{Column, Context, Room, Sign, Spec, largest};
use crate::event::Abi;
use crate::snapshot::{CallRow, ErrnoRow, Only, Row, Subject, SubjectId};
use crate::text::{Align, count};
use crate::tui::names;
use crate::tui::needle::Needle;
use crate::tui::place::{Opened, View};
use crate::tui::view::look::Look;
use crate::tui::view::text::wrapped;
use crate::tui::visual::explain::{Explanation, explain};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemColumn {
    Container,
    Syscall,
    Error,
    Rate,
    Total,
    Denied,
    Since,
    Last,
}

/// A call of a container that failed with the same error each time.
#[derive(Clone, Debug)]
pub struct Problem {
    pub subject: Subject,
    pub abi: Abi,
    pub number: u16,
    pub error: ErrnoRow,
}

/// Of [`ProblemColumn::Total`].
const TOTAL: usize = 9;

impl Column for ProblemColumn {
    type Row = Problem;
    type Key = (SubjectId, Abi, u16, u16);

    const ALL: &'static [Self] = &[
        Self::Container,
        Self::Syscall,
        Self::Error,
        Self::Rate,
        Self::Total,
        Self::Denied,
        Self::Since,
        Self::Last,
    ];
    const DEFAULT: Self = Self::Rate;

    fn spec(self) -> Spec {
        use Align::{Left, Right};
        let (title, width, align, importance, meaning) = match self {
            Self::Container => ("CONTAINER", (13, 48), Left, 5, "where it fails"),
            Self::Syscall => ("SYSCALL", (10, 24), Left, 8, "what fails"),
            Self::Error => ("ERROR", (7, 16), Left, 7, "with which error"),
            Self::Rate => ("FAIL/S", (7, 7), Right, 6, "how often a second"),
            Self::Total => ("TOTAL", (TOTAL, TOTAL), Right, 2, "how often since the start of the trace"),
            Self::Denied => ("DENIED", (7, 9), Right, 4, "of these, refused by a seccomp filter"),
            Self::Since => ("SINCE", (8, 9), Right, 3, "how long ago it was seen first"),
            Self::Last => ("LAST", (8, 9), Right, 1, "how long ago it was seen last"),
        };
        Spec { title, width, align, importance, meaning }
    }

    fn cell<'a>(self, row: &'a Problem, context: &Context<'_>) -> Cow<'a, str> {
        match self {
            Self::Container => names::subject(&row.subject).into(),
            Self::Syscall => name(row, context),
            Self::Error => names::errno(row.error.errno),
            Self::Rate => context.rate(row.error.count),
            Self::Total => count(row.error.total, TOTAL).into(),
            Self::Denied => count(row.error.total_denied, 6).into(),
            Self::Since => context.ago(row.error.first_wall_ns).into(),
            Self::Last => context.ago(row.error.last_wall_ns).into(),
        }
    }

    fn compare(self, a: &Problem, b: &Problem, context: &Context<'_>) -> Ordering {
        let (x, y) = (&a.error, &b.error);
        match self {
            Self::Container => names::subject(&a.subject).cmp(names::subject(&b.subject)),
            Self::Syscall => name(a, context).cmp(&name(b, context)),
            Self::Error => names::errno(x.errno).cmp(&names::errno(y.errno)),
            // Where nothing happens now, by what happened.
            Self::Rate => largest((x.count, x.total), (y.count, y.total)),
            Self::Total => largest(x.total, y.total),
            Self::Denied => largest((x.total_denied, x.total), (y.total_denied, y.total)),
            Self::Since => largest(x.first_wall_ns, y.first_wall_ns).reverse(),
            Self::Last => largest(x.last_wall_ns, y.last_wall_ns).reverse(),
        }
    }

    fn needed(self, _: &[&Problem], context: &Context<'_>) -> bool {
        self != Self::Container || context.of.is_none()
    }

    fn rows<'a>(context: &Context<'a>, _: &Needle) -> Cow<'a, [Problem]> {
        context
            .opened(context.snapshot)
            .flat_map(|row| row.calls.iter().flat_map(|call| problems(row, call)))
            .collect()
    }

    fn key(row: &Problem) -> Self::Key {
        (row.subject.id(), row.abi, row.number, row.error.errno)
    }

    fn subject(row: &Problem) -> Option<&Subject> {
        Some(&row.subject)
    }

    fn matches(row: &Problem, word: &str, context: &Context<'_>) -> bool {
        names::subject(&row.subject).to_lowercase().contains(word)
            || name(row, context).contains(word)
            || names::errno(row.error.errno).to_lowercase().contains(word)
    }

    fn open(row: &Problem, _: &Context<'_>) -> Option<Opened> {
        let call = Some((row.abi, row.number));
        let only = Only { call, errno: Some(row.error.errno), ..Only::default() };
        Some(Opened::Place { view: View::Events, of: Some(row.subject.clone()), only })
    }

    fn about(row: &Problem, room: Room, context: &Context<'_>, look: Look) -> Vec<Line<'static>> {
        let denied = row.error.total_denied > 0;
        let Explanation { what, next } = explain(&name(row, context), row.error.errno, denied);
        // A container's own name may look like anything, even like a part of the command.
        let plain = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        let next = match Some(row.subject.name()).filter(plain).filter(|name| !name.starts_with('-')) {
            Some(name) => next.replace("CONTAINER", name),
            None => next,
        };
        let paragraph = |text: &str, style: Style| {
            let text = look.charset.safe(text).into_owned();
            wrapped(&text, room.width)
                .into_iter()
                .map(move |line| Line::styled(line, style))
                .collect::<Vec<_>>()
        };
        [vec![Line::default()], paragraph(&what, Look::TITLE), paragraph(&next, Style::new())].concat()
    }

    fn sign(row: &Problem, _: &Context<'_>) -> Sign {
        if row.error.total_denied > 0 { Sign::Denied } else { Sign::Plain }
    }
}

fn problems<'a>(row: &'a Row, call: &'a CallRow) -> impl Iterator<Item = Problem> + 'a {
    call.errnos.iter().filter(|error| error.total > 0).map(|error| Problem {
        subject: row.subject.clone(),
        abi: call.abi,
        number: call.number,
        error: *error,
    })
}

fn name(row: &Problem, context: &Context<'_>) -> Cow<'static, str> {
    names::call(context.snapshot.arch, row.abi, row.number)
}
