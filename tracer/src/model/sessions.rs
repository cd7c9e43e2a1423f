//! What `exec` sessions began with, as far as records tell: whether they are health checks.

use std::collections::HashMap;

use crate::batch::OwnerId;
use crate::container::{Identity, Owner, Phase};
use crate::event::{Event, Text, What};
use crate::origin::{Origin, is_healthcheck};

/// Sessions that are remembered: of two days of a health check each 30 s. Of what comes then only that it was an
/// `exec` is known.
const SESSIONS_MAX: usize = 8192;

/// Bytes of a session's arguments that are kept. What is longer is compared as far as that.
const ARGUMENTS_MAX: usize = 1024;

#[derive(Default)]
pub(super) struct Sessions {
    /// By owner and first process.
    begun: HashMap<(OwnerId, u32), Begun>,
}

struct Begun {
    arguments: Box<[u8]>,
    cut: bool,
}

impl Sessions {
    /// A process executed a program; other events tell nothing.
    pub(super) fn executed(&mut self, event: &Event<'_>) {
        let What::Exec { args, .. } = &event.what else { return };
        let Some(session) = event.process.session.filter(|session| *session == event.process.pid) else {
            return;
        };
        let bytes = args.bytes();
        let kept = bytes.get(..ARGUMENTS_MAX).unwrap_or(bytes);
        let cut = kept.len() < bytes.len() || !matches!(args, Text::Whole(_));
        if self.begun.len() < SESSIONS_MAX {
            // What it executes later makes it nothing else.
            self.begun.entry((event.owner, session)).or_insert(Begun { arguments: kept.into(), cut });
        }
    }

    /// What a process of that owner and session was there for; None: it was the container's own, or in none.
    pub(super) fn origin(&self, identity: &Identity, session: u32) -> Option<Origin> {
        let Owner::Container(container) = &identity.owner else { return None };
        match identity.phase {
            Phase::Workload => return None,
            Phase::Setup => return Some(Origin::Setup),
            Phase::Exec => {}
        }
        let begun = self.begun.get(&(identity.id, session));
        let is_check = begun.is_some_and(|Begun { arguments, cut }| {
            let arguments = if *cut { Text::Cut(arguments) } else { Text::Whole(arguments) };
            is_healthcheck(&arguments, &container.healthcheck)
        });
        Some(if is_check { Origin::Healthcheck } else { Origin::Exec })
    }

    pub(super) fn forget(&mut self, owner: OwnerId) {
        self.begun.retain(|(of, _), _| *of != owner);
    }
}
