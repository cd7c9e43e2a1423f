//! Whose events a closeup shows, and what was lost of them.

use super::subjects::{Number, Subjects};
use crate::batch::OwnerId;
use crate::container::{Identity, Owner, Phase};
use crate::filter::{Verdict, Wanted};
use crate::model::Model;
use crate::owner_map::OwnerMap;
use crate::snapshot::{Subject, SubjectId};

#[derive(Default)]
pub(super) struct Watch {
    pub subjects: Subjects,
    /// Those that ended stay until the model forgets them: their last events are still on their way.
    watched: OwnerMap<Watched>,
    /// That the source was asked for, in order. None: it was not asked yet.
    asked: Option<Vec<OwnerId>>,
    /// Of those that are forgotten.
    lost: u64,
}

struct Watched {
    subject: Number,
    /// Before it was watched.
    lost: u64,
}

impl Watched {
    fn lost_since(&self, owner: OwnerId, model: &Model) -> u64 {
        model.ring_lost(owner).saturating_sub(self.lost)
    }
}

impl Watch {
    /// Those to be watched from now on; None: the same as before.
    pub fn owners(
        &mut self,
        of: Option<&SubjectId>,
        model: &Model,
        wanted: &Wanted,
        now_ns: u64,
    ) -> Option<Vec<OwnerId>> {
        let Self { subjects, watched, asked, lost } = self;
        watched.retain(|owner, watched| {
            let known = model.identity(*owner).is_some();
            *lost += if known { 0 } else { watched.lost_since(*owner, model) };
            known
        });
        let mut owners = Vec::new();
        for identity in model.owners().all() {
            if identity.ended || !is_meant(identity, of, wanted, now_ns) {
                continue;
            }
            let id = identity.id;
            if let Some(subject) = subjects.learn(identity) {
                let lost = model.ring_lost(id);
                watched.entry(id).or_insert(Watched { subject, lost }).subject = subject;
                owners.push(id);
            }
        }
        owners.sort_unstable();
        if asked.as_ref() == Some(&owners) {
            return None;
        }
        *asked = Some(owners.clone());
        Some(owners)
    }

    pub fn subject(&self, owner: OwnerId) -> Option<Number> {
        self.watched.get(&owner).map(|watched| watched.subject)
    }

    /// Records of those that are watched, since they are.
    pub fn lost(&self, model: &Model) -> u64 {
        let watched = self.watched.iter().map(|(&owner, watched)| watched.lost_since(owner, model));
        self.lost + watched.sum::<u64>()
    }
}

fn is_meant(identity: &Identity, of: Option<&SubjectId>, wanted: &Wanted, now_ns: u64) -> bool {
    let is_setup = identity.phase == Phase::Setup && matches!(identity.owner, Owner::Container(_));
    !is_setup
        && of.is_none_or(|of| Subject::of(identity).id() == *of)
        && wanted.verdict(identity, now_ns) == Verdict::Yes
}
