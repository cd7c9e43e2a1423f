//! Columns of the table of capabilities.

use std::borrow::Cow;
use std::cmp::Ordering;

use ratatui::text::Line;

use super::{Column, Context, Room, Sign, Spec, largest};
use crate::snapshot::{Aspect, CapabilityRow, Only, Subject, SubjectId};
use crate::text::{Align, count};
use crate::tui::names;
use crate::tui::needle::Needle;
use crate::tui::place::{Opened, View};
use crate::tui::view::look::Look;
use crate::tui::view::text::wrapped;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapabilityColumn {
    Capability,
    Container,
    Checks,
    Total,
    Refused,
    Command,
}

/// `CAP_SYS_ADMIN`. The kernel asks for it by itself wherever memory is promised, and takes no for an answer: `cap_vm_enough_memory`,
/// <https://github.com/torvalds/linux/blob/v6.12/security/commoncap.c>.
const ASKED_BY_THE_KERNEL: u8 = 21;

/// Of [`CapabilityColumn::Total`].
const TOTAL: usize = 9;

impl Column for CapabilityColumn {
    type Row = CapabilityRow;
    type Key = (SubjectId, u8);

    const ALL: &'static [Self] =
        &[Self::Capability, Self::Container, Self::Checks, Self::Total, Self::Refused, Self::Command];
    const DEFAULT: Self = Self::Total;

    fn spec(self) -> Spec {
        use Align::{Left, Right};
        let (title, width, align, importance, meaning) = match self {
            Self::Capability => ("CAPABILITY", (15, 24), Left, 6, "what the kernel asked for"),
            Self::Container => ("CONTAINER", (13, 48), Left, 3, "whose process it asked"),
            Self::Checks => ("CHECKS/S", (9, 9), Right, 2, "how often a second"),
            Self::Total => ("TOTAL", (TOTAL, TOTAL), Right, 5, "how often since one began to look"),
            Self::Refused => {
                ("REFUSED", (8, TOTAL), Right, 4, "of these, how often the process did not have it")
            }
            Self::Command => ("COMMAND", (15, 23), Left, 1, "process that was asked last, and its pid"),
        };
        Spec { title, width, align, importance, meaning }
    }

    fn cell<'a>(self, row: &'a CapabilityRow, context: &Context<'_>) -> Cow<'a, str> {
        match self {
            Self::Capability => names::capability(row.capability),
            Self::Container => names::subject(&row.subject).into(),
            Self::Checks => context.rate(row.counts.count),
            Self::Total => count(row.counts.total, TOTAL).into(),
            Self::Refused => count(row.counts.total_errors, 7).into(),
            Self::Command => names::process(&row.comm, row.pid).into(),
        }
    }

    fn compare(self, a: &CapabilityRow, b: &CapabilityRow, _: &Context<'_>) -> Ordering {
        let (x, y) = (&a.counts, &b.counts);
        match self {
            Self::Capability => a.capability.cmp(&b.capability),
            Self::Container => names::subject(&a.subject).cmp(names::subject(&b.subject)),
            Self::Checks => largest((x.count, x.total), (y.count, y.total)),
            Self::Total => largest(x.total, y.total),
            Self::Refused => largest((x.total_errors, x.total), (y.total_errors, y.total)),
            Self::Command => (&a.comm, a.pid).cmp(&(&b.comm, b.pid)),
        }
    }

    fn needed(self, _: &[&CapabilityRow], context: &Context<'_>) -> bool {
        self != Self::Container || context.of.is_none()
    }

    fn rows<'a>(context: &Context<'a>, _: &Needle) -> Cow<'a, [CapabilityRow]> {
        Cow::Borrowed(context.closeup(Aspect::Capabilities).map_or(&[], |closeup| &closeup.capabilities))
    }

    fn key(row: &CapabilityRow) -> Self::Key {
        (row.subject.id(), row.capability)
    }

    fn subject(row: &CapabilityRow) -> Option<&Subject> {
        Some(&row.subject)
    }

    fn matches(row: &CapabilityRow, word: &str, _: &Context<'_>) -> bool {
        [&names::capability(row.capability), row.comm.as_str(), names::subject(&row.subject)]
            .into_iter()
            .any(|text| text.to_lowercase().contains(word))
    }

    fn open(row: &CapabilityRow, _: &Context<'_>) -> Option<Opened> {
        Some(Opened::Place { view: View::Events, of: Some(row.subject.clone()), only: Only::default() })
    }

    fn about(row: &CapabilityRow, room: Room, _: &Context<'_>, _: Look) -> Vec<Line<'static>> {
        let meaning = match (row.counts.total_errors > 0, row.capability) {
            (true, ASKED_BY_THE_KERNEL) => {
                "The kernel itself asks for this at each fork, exec and memory mapping, to see how much memory may be promised: \
                 refusals alone are no sign that it is needed."
            }
            (true, _) => {
                "A refusal is a need only if the call failed for it: see errors and denials for EPERM and EACCES. Many programs \
                 only try."
            }
            (false, _) => "It was used. A container that is started without it may fail where it was.",
        };
        let lines = wrapped(meaning, room.width).into_iter().map(Line::raw);
        std::iter::once(Line::default()).chain(lines).collect()
    }

    fn sign(row: &CapabilityRow, _: &Context<'_>) -> Sign {
        if row.counts.total_errors > 0 { Sign::Denied } else { Sign::Plain }
    }
}
