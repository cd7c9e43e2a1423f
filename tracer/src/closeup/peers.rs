//! Calls by who is at the other end.

use std::cmp::Reverse;

use super::count::{Caller, Count, Outcome};
use super::descriptors::{Deed, Peer, Thing, Uses};
use super::subjects::{Number, Subjects};
use super::table::Table;
use crate::event::Event;
use crate::snapshot::PeerRow;

/// Peers in a closeup: many screens of them.
const PEERS: usize = 4096;

pub(super) struct Peers {
    table: Table<(Number, Peer), Talk>,
}

#[derive(Default)]
struct Talk {
    count: Count,
    connections: u64,
    received: u64,
    sent: u64,
    errno: Option<u16>,
    last: Caller,
}

impl Default for Peers {
    fn default() -> Self {
        Self { table: Table::new(PEERS) }
    }
}

impl Peers {
    pub fn fold(&mut self, subject: Number, event: &Event<'_>, uses: &Uses) {
        let outcome = Outcome::of(event);
        for used in uses.iter().flatten() {
            let Thing::Socket(peer) = &used.on else { continue };
            let Some(talk) = self.table.row((subject, peer.clone())) else { continue };
            talk.count.add(outcome);
            talk.errno = outcome.errno.or(talk.errno);
            talk.last = Caller::of(&event.process);
            match used.deed {
                Deed::Connected => talk.connections += 1,
                Deed::Read(bytes) => talk.received = talk.received.saturating_add(bytes),
                Deed::Written(bytes) => talk.sent = talk.sent.saturating_add(bytes),
                Deed::Opened | Deed::Other => {}
            }
        }
    }

    /// Most used first. Ends the interval.
    pub fn rows(&mut self, subjects: &Subjects) -> Vec<PeerRow> {
        let rows = self.table.iter_mut().filter_map(|((subject, peer), talk)| {
            Some(PeerRow {
                subject: subjects.get(*subject)?.clone(),
                protocol: peer.protocol,
                address: peer.address.to_string(),
                direction: peer.direction,
                counts: talk.count.take(),
                connections: talk.connections,
                received_bytes: talk.received,
                sent_bytes: talk.sent,
                errno: talk.errno,
                pid: talk.last.pid,
                comm: talk.last.comm(),
            })
        });
        let mut rows: Vec<_> = rows.collect();
        rows.sort_by(|a, b| {
            let key = |row: &PeerRow| (Reverse(row.counts.total), row.protocol, row.direction);
            let name = |row: &PeerRow| row.subject.name().to_owned();
            key(a).cmp(&key(b)).then_with(|| a.address.cmp(&b.address)).then_with(|| name(a).cmp(&name(b)))
        });
        rows
    }

    pub const fn others(&self) -> u64 {
        self.table.others()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::closeup::descriptors::Use;
    use crate::closeup::testing::{Record, subjects};
    use crate::snapshot::Direction;

    fn uses(address: &str, direction: Direction, deed: Deed) -> Uses {
        let peer = Peer { protocol: "tcp", address: address.into(), direction };
        [Some(Use { on: Thing::Socket(peer), deed }), None]
    }

    #[test]
    fn bytes_connections_and_directions() {
        let (subjects, web) = subjects();
        let mut peers = Peers::default();
        let mut fold = |record: Record, direction, deed| {
            peers.fold(web, &record.event(), &uses("192.0.2.1:443", direction, deed));
        };
        fold(Record::call("connect", 0), Direction::Outgoing, Deed::Connected);
        fold(Record::call("sendto", 10), Direction::Outgoing, Deed::Written(10));
        fold(Record::call("recvfrom", 20), Direction::Outgoing, Deed::Read(20));
        fold(Record::call("recvfrom", -104), Direction::Outgoing, Deed::Read(0));
        fold(Record::call("accept4", 5), Direction::Incoming, Deed::Connected);
        let rows = peers.rows(&subjects);
        let [out, incoming] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((out.connections, out.received_bytes, out.sent_bytes, out.errno), (1, 20, 10, Some(104)));
        assert_eq!((out.counts.count, out.counts.errors), (4, 1));
        assert_eq!((incoming.direction, incoming.connections), (Direction::Incoming, 1));
        assert_eq!(peers.rows(&subjects)[0].counts.count, 0, "a new interval");
    }

    #[test]
    fn memory_is_bounded() {
        let (subjects, web) = subjects();
        let mut peers = Peers::default();
        let record = Record::call("sendto", 1);
        for number in 0..5000 {
            let address = format!("@\0\n{number}");
            peers.fold(web, &record.event(), &uses(&address, Direction::Unknown, Deed::Written(u64::MAX)));
        }
        assert_eq!((peers.rows(&subjects).len(), peers.others()), (PEERS, 5000 - PEERS as u64));
    }
}
