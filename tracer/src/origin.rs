//! What a process of a container is there for, where that is not the container's own program. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use crate::container::{Container, Identity, Owner, Phase};
use crate::event::{Event, Exit, Text, What};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Somebody entered the container.
    Exec,
    /// An engine did, to see whether it is well.
    Healthcheck,
    /// The runtime prepares, on the container's behalf.
    Setup,
}

impl Origin {
    /// As in `process.origin`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Healthcheck => "healthcheck",
            Self::Setup => "setup",
        }
    }

    /// For people, who have less room.
    pub const fn short_name(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Healthcheck => "health",
            Self::Setup => "setup",
        }
    }
}

/// Sessions that are remembered at a time; a host has a tenth of it. Then all are forgotten.
const SESSIONS_MAX: usize = 4096;

/// The sessions that run, learnt from what they execute.
#[derive(Default)]
pub struct Origins {
    /// By the session's first process.
    sessions: HashMap<u32, Session>,
}

struct Session {
    container: Arc<Container>,
    healthcheck: bool,
}

impl Origins {
    /// Of the process that did it. None: it is the container's own, or in no container. Events of a
    /// session must come in order.
    pub fn of(&mut self, event: &Event<'_>, identity: &Identity) -> Option<Origin> {
        let Owner::Container(container) = &identity.owner else { return None };
        match identity.phase {
            Phase::Workload => None,
            Phase::Setup => Some(Origin::Setup),
            Phase::Exec => Some(self.session(event, container)),
        }
    }

    fn session(&mut self, event: &Event<'_>, container: &Arc<Container>) -> Origin {
        let Some(first) = event.process.session else { return Origin::Exec };
        // A record of its predecessor's end may have been lost.
        let known = self.sessions.get(&first).filter(|session| session.container.id == container.id);
        let healthcheck = match (known, &event.what) {
            (Some(session), _) => session.healthcheck,
            (None, What::Exec { args, .. }) if event.process.pid == first => {
                let healthcheck = is_healthcheck(args, &container.healthcheck);
                self.remember(first, Session { container: Arc::clone(container), healthcheck });
                healthcheck
            }
            (None, _) => false,
        };
        if event.process.pid == first && matches!(event.what, What::Exit(Exit { process: true, .. })) {
            self.sessions.remove(&first);
        }
        if healthcheck { Origin::Healthcheck } else { Origin::Exec }
    }

    fn remember(&mut self, first: u32, session: Session) {
        if self.sessions.len() >= SESSIONS_MAX {
            self.sessions.clear();
        }
        self.sessions.insert(first, session);
    }
}

/// Whether a process was started with these arguments, as far as they were read.
pub fn is_healthcheck(args: &Text<'_>, healthcheck: &[String]) -> bool {
    let expected: Vec<u8> = healthcheck.iter().flat_map(|argument| argument.bytes().chain([0])).collect();
    match args {
        Text::Whole(bytes) => !healthcheck.is_empty() && *bytes == expected,
        Text::Cut(bytes) => !bytes.is_empty() && expected.starts_with(bytes),
        Text::Unread => false,
    }
}

#[cfg(test)]
mod tests;
