//! Owners by id, and when they ended.

use std::sync::Arc;

use crate::batch::OwnerId;
use crate::container::{Container, Identity, Owner, UnknownReason};
use crate::owner_map::OwnerMap;

#[derive(Default)]
pub struct Owners {
    known: OwnerMap<Known>,
}

struct Known {
    identity: Identity,
    ended_ns: Option<u64>,
}

impl Known {
    fn is_pending(&self) -> bool {
        self.identity.owner == Owner::Unknown(UnknownReason::Pending)
    }
}

impl Owners {
    pub(super) fn learn(&mut self, identity: Identity, now_ns: u64) {
        // From when on it is known whose it was: looking it up may take longer than the grace time.
        let before = self.known.get(&identity.id).filter(|known| !known.is_pending());
        let before = before.and_then(|known| known.ended_ns);
        let ended_ns = if identity.ended { before.or(Some(now_ns)) } else { None };
        self.known.insert(identity.id, Known { identity, ended_ns });
    }

    pub fn get(&self, owner: OwnerId) -> Option<&Identity> {
        self.known.get(&owner).map(|known| &known.identity)
    }

    pub fn all(&self) -> impl Iterator<Item = &Identity> {
        self.known.values().map(|known| &known.identity)
    }

    pub(super) fn container(&self, owner: OwnerId) -> Option<Arc<Container>> {
        match &self.get(owner)?.owner {
            Owner::Container(container) => Some(Arc::clone(container)),
            Owner::Host | Owner::Unknown(_) => None,
        }
    }

    /// Forgets those that ended more than `grace_ns` ago, and returns them.
    pub(super) fn expire(&mut self, now_ns: u64, grace_ns: u64) -> Vec<OwnerId> {
        let is_past = |at: u64| now_ns.saturating_sub(at) > grace_ns;
        let over = |known: &Known| !known.is_pending() && known.ended_ns.is_some_and(is_past);
        let gone: Vec<OwnerId> =
            self.known.iter().filter(|(_, known)| over(known)).map(|(&id, _)| id).collect();
        for id in &gone {
            self.known.remove(id);
        }
        gone
    }
}
