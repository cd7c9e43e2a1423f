//! Columns of the table of network peers.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{Column, Context, Sign, Spec, largest};
use crate::snapshot::{Aspect, Direction, Only, PeerRow, Subject, SubjectId};
use crate::text::{Align, count};
use crate::tui::names;
use crate::tui::needle::Needle;
use crate::tui::place::{Opened, View};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerColumn {
    Peer,
    Protocol,
    Way,
    Container,
    Calls,
    Connections,
    Received,
    Sent,
    Errors,
    Error,
    Command,
}

impl Column for PeerColumn {
    type Row = PeerRow;
    type Key = (SubjectId, &'static str, String, Direction);

    const ALL: &'static [Self] = &[
        Self::Peer,
        Self::Protocol,
        Self::Way,
        Self::Container,
        Self::Calls,
        Self::Connections,
        Self::Received,
        Self::Sent,
        Self::Errors,
        Self::Error,
        Self::Command,
    ];
    const DEFAULT: Self = Self::Calls;

    fn spec(self) -> Spec {
        use Align::{Left, Right};
        let (title, width, align, importance, meaning) = match self {
            Self::Peer => ("PEER", (16, 60), Left, 11, "address and port, or the path of a local socket"),
            Self::Protocol => ("PROTO", (6, 6), Left, 7, "protocol"),
            Self::Way => ("WAY", (4, 4), Left, 5, "who connected: out, we; in, the peer"),
            Self::Container => ("CONTAINER", (13, 48), Left, 6, "who talks to it"),
            Self::Calls => ("CALLS/S", (8, 8), Right, 10, "calls a second"),
            Self::Connections => {
                ("CONNS", (6, 6), Right, 2, "connections made or accepted since one began to look")
            }
            Self::Received => ("RECEIVED", (9, 9), Right, 3, "bytes received since one began to look"),
            Self::Sent => ("SENT", (6, 6), Right, 8, "bytes sent since one began to look"),
            Self::Errors => ("ERRORS", (7, 7), Right, 4, "calls that failed since one began to look"),
            Self::Error => ("ERROR", (12, 16), Left, 9, "of the last call that failed"),
            Self::Command => ("COMMAND", (15, 23), Left, 1, "process that called last, and its pid"),
        };
        Spec { title, width, align, importance, meaning }
    }

    fn cell<'a>(self, row: &'a PeerRow, context: &Context<'_>) -> Cow<'a, str> {
        match self {
            Self::Peer => row.address.as_str().into(),
            Self::Protocol if row.protocol.is_empty() => "-".into(),
            Self::Protocol => row.protocol.into(),
            Self::Way => way(row.direction).into(),
            Self::Container => names::subject(&row.subject).into(),
            Self::Calls => context.rate(row.counts.count),
            Self::Connections => count(row.connections, 5).into(),
            Self::Received => count(row.received_bytes, 5).into(),
            Self::Sent => count(row.sent_bytes, 5).into(),
            Self::Errors => count(row.counts.total_errors, 6).into(),
            Self::Error => row.errno.map_or("".into(), names::errno),
            Self::Command => names::process(&row.comm, row.pid).into(),
        }
    }

    fn compare(self, a: &PeerRow, b: &PeerRow, _: &Context<'_>) -> Ordering {
        match self {
            Self::Peer => a.address.cmp(&b.address),
            Self::Protocol => a.protocol.cmp(b.protocol),
            Self::Way => a.direction.cmp(&b.direction),
            Self::Container => names::subject(&a.subject).cmp(names::subject(&b.subject)),
            Self::Calls => largest((a.counts.count, a.counts.total), (b.counts.count, b.counts.total)),
            Self::Connections => largest(a.connections, b.connections),
            Self::Received => largest(a.received_bytes, b.received_bytes),
            Self::Sent => largest(a.sent_bytes, b.sent_bytes),
            Self::Errors => largest(a.counts.total_errors, b.counts.total_errors),
            // What has none comes last.
            Self::Error => (a.errno.is_none(), a.errno).cmp(&(b.errno.is_none(), b.errno)),
            Self::Command => (&a.comm, a.pid).cmp(&(&b.comm, b.pid)),
        }
    }

    fn needed(self, _: &[&PeerRow], context: &Context<'_>) -> bool {
        self != Self::Container || context.of.is_none()
    }

    fn rows<'a>(context: &Context<'a>, _: &Needle) -> Cow<'a, [PeerRow]> {
        Cow::Borrowed(context.closeup(Aspect::Peers).map_or(&[], |closeup| &closeup.peers))
    }

    fn key(row: &PeerRow) -> Self::Key {
        (row.subject.id(), row.protocol, row.address.clone(), row.direction)
    }

    fn subject(row: &PeerRow) -> Option<&Subject> {
        Some(&row.subject)
    }

    fn matches(row: &PeerRow, word: &str, _: &Context<'_>) -> bool {
        [row.address.as_str(), row.protocol, &row.comm, names::subject(&row.subject)]
            .into_iter()
            .any(|text| text.to_lowercase().contains(word))
            || row.errno.is_some_and(|errno| names::errno(errno).to_lowercase().contains(word))
    }

    fn open(row: &PeerRow, _: &Context<'_>) -> Option<Opened> {
        let only = Only { peer: Some(row.address.clone()), ..Only::default() };
        Some(Opened::Place { view: View::Events, of: Some(row.subject.clone()), only })
    }

    fn sign(row: &PeerRow, _: &Context<'_>) -> Sign {
        if row.counts.total_denied > 0 { Sign::Denied } else { Sign::Plain }
    }
}

const fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::Outgoing => "out",
        Direction::Incoming => "in",
        Direction::Unknown => "-",
    }
}
