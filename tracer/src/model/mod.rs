//! The state of a trace: a fold over batches, with time as part of the batch. Knows neither the
//! kernel nor a clock nor a screen.

mod calls;
mod owners;
pub mod quantile;
mod resources;
mod sessions;

use std::collections::HashMap;

use tracer_common::loss::{Loss, Tally};

use crate::batch::{Batch, OwnSample, OwnerId, Session};
use crate::container::{Identity, Phase};
use crate::event::Event;
use crate::ledger::Ledger;
use crate::snapshot::{LossRow, Snapshot, Used};

use calls::Calls;
pub use owners::Owners;
use resources::Uses;
use sessions::Sessions;

/// Containers that ended stay this long: time to read what they did, and for a slow reader of
/// `top --format json` to see their last numbers.
pub const GRACE_NS: u64 = 60_000_000_000;

pub struct Model {
    session: Session,
    owners: Owners,
    calls: Calls,
    tallies: HashMap<OwnerId, Tally>,
    uses: Uses,
    sessions: Sessions,
    now_ns: u64,
    last_snapshot_ns: u64,
    last_sample_ns: u64,
    grace_ns: u64,
}

impl Model {
    /// Owners are kept for `grace_ns` after their end, see [`GRACE_NS`].
    pub fn new(session: Session, grace_ns: u64) -> Self {
        let started = session.started_ns;
        Self {
            session,
            owners: Owners::default(),
            calls: Calls::default(),
            tallies: HashMap::new(),
            uses: Uses::default(),
            sessions: Sessions::default(),
            last_sample_ns: started,
            now_ns: started,
            last_snapshot_ns: started,
            grace_ns,
        }
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    pub fn identity(&self, owner: OwnerId) -> Option<&Identity> {
        self.owners.get(owner)
    }

    pub fn owners(&self) -> &Owners {
        &self.owners
    }

    /// Since the start of the trace, as of the last batch, ns.
    pub fn elapsed_ns(&self) -> u64 {
        self.now_ns.saturating_sub(self.session.started_ns)
    }

    pub fn apply(&mut self, batch: &Batch) {
        self.now_ns = self.now_ns.max(batch.now_ns);
        for identity in &batch.identities {
            self.owners.learn(identity.clone(), self.now_ns);
        }
        if let Some(sample) = &batch.sample {
            for call in &sample.calls {
                self.calls.counted(call, self.last_sample_ns, self.now_ns);
            }
            for arguments in &sample.arguments {
                self.calls.with(arguments);
            }
            for outcome in &sample.outcomes {
                self.calls.ended_in(outcome, self.now_ns);
            }
            for tally in &sample.tallies {
                self.tallies.insert(tally.owner, tally.tally);
            }
            self.uses.sampled(sample);
            self.last_sample_ns = self.now_ns;
        }
    }

    /// A process executed a program: what an `exec` session is there for.
    pub fn executed(&mut self, event: &Event<'_>) {
        self.sessions.executed(event);
    }

    /// What an owner called so far.
    pub fn used(&self, owner: OwnerId) -> Used {
        let (calls, errors, denied) = self.calls.totals(owner);
        match self.identity(owner).map(|identity| identity.phase) {
            Some(Phase::Setup) => Used { setup: calls, ..Used::default() },
            Some(Phase::Workload | Phase::Exec) | None => Used { calls, errors, denied, setup: 0 },
        }
    }

    /// Forgets what ended longer ago than the grace time; a snapshot does it by itself.
    pub fn expire(&mut self) {
        for owner in self.owners.expire(self.now_ns, self.grace_ns) {
            self.calls.forget(owner);
            self.sessions.forget(owner);
        }
    }

    /// The kernel's side of the ledger: events seen, filtered there, and lost there.
    pub fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        for tally in self.tallies.values() {
            ledger.seen += tally.seen;
            ledger.filtered += tally.filtered;
            let ring = tally.lost_at(Loss::Ring);
            if ring > 0 {
                *ledger.dropped.entry(Loss::Ring.name()).or_default() += ring;
            }
        }
        ledger
    }

    /// What ctrace itself uses, as of the last sample that says so.
    pub fn own(&self) -> Option<OwnSample> {
        self.uses.own_sample()
    }

    /// Events of an owner that found no room in the ring buffer.
    pub fn ring_lost(&self, owner: OwnerId) -> u64 {
        self.tallies.get(&owner).map_or(0, |tally| tally.lost_at(Loss::Ring))
    }

    /// What is missing, by place and container; empty when nothing is.
    pub fn losses(&self) -> Vec<LossRow> {
        let mut rows: Vec<LossRow> = Vec::new();
        for (&owner, tally) in &self.tallies {
            let container = self.owners.container(owner);
            for loss in Loss::ALL {
                let (place, count) = (loss.name(), tally.lost_at(loss));
                if count == 0 {
                    continue;
                }
                match rows.iter_mut().find(|row| row.place == place && row.container == container) {
                    Some(row) => row.count += count,
                    None => rows.push(LossRow { place, container: container.clone(), count }),
                }
            }
        }
        rows.sort_by_key(|row| (row.place, row.container.as_ref().map(|c| c.id.clone())));
        rows
    }

    /// The state as of the last batch. The interval is the time since the snapshot before.
    pub fn snapshot(&mut self) -> Snapshot {
        self.expire();
        let interval_ns = self.now_ns.saturating_sub(self.last_snapshot_ns);
        let wall_offset = self.session.wall_offset_ns;
        let rows = self.calls.rows(&self.owners, &self.uses, &self.sessions, self.session.arch, wall_offset);
        let own = self.uses.own();
        self.uses.settle();
        self.last_snapshot_ns = self.now_ns;
        Snapshot {
            wall_ns: wall(self.now_ns, wall_offset),
            interval_ns,
            elapsed_ns: self.elapsed_ns(),
            arch: self.session.arch,
            losses: self.losses(),
            rows,
            own,
            closeup: None,
        }
    }
}

/// ns since 1970 of a monotonic time.
pub fn wall(ktime_ns: u64, offset_ns: i64) -> i64 {
    i64::try_from(ktime_ns).unwrap_or(i64::MAX).saturating_add(offset_ns)
}

#[cfg(test)]
mod tests;
