//! A cgroup, and how far we are with it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::{Container, Owner, UnknownReason};
use super::PENDING;

pub struct Cgroup {
    pub path: Option<String>,
    pub standing: Standing,
    /// Slots.
    pub owners: Vec<u32>,
    /// Not there when we started, as far as we know.
    pub fresh: bool,
    pub ended: bool,
    /// Retries made.
    pub tries: usize,
    /// When it is looked up next, as in [`super::Resolver`]'s list.
    pub due: Option<u64>,
}

pub enum Standing {
    /// To be looked up.
    Pending,
    /// Its path is unknown, and the search of that number has to tell.
    Sought(u64),
    /// It was not found.
    Gone,
    Container {
        container: Arc<Container>,
        /// There is no more to find.
        complete: bool,
    },
    /// Nobody says that it is a container's.
    Nobody,
}

impl Standing {
    /// There may be more to find.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Pending | Self::Container { complete: false, .. })
    }
}

impl Cgroup {
    pub fn new(path: Option<String>, fresh: bool) -> Self {
        Self {
            path,
            standing: Standing::Pending,
            owners: Vec::new(),
            fresh,
            ended: false,
            tries: 0,
            due: None,
        }
    }

    /// Looks it up at `when` and no other time.
    pub fn schedule(&mut self, due: &mut BTreeSet<(u64, u64)>, id: u64, when: u64) {
        if let Some(before) = self.due.replace(when) {
            due.remove(&(before, id));
        }
        due.insert((when, id));
    }

    /// Whose an owner in the cgroup is.
    pub fn owner(&self, in_host_pid_ns: bool) -> Owner {
        match &self.standing {
            Standing::Container { container, .. } => Owner::Container(Arc::clone(container)),
            Standing::Gone => Owner::Unknown(UnknownReason::CgroupGone),
            Standing::Nobody if in_host_pid_ns => Owner::Host,
            Standing::Nobody => Owner::Unknown(UnknownReason::NoRuntime),
            // Others may have brought a doubt into a cgroup that was the host's before.
            Standing::Pending if in_host_pid_ns && !self.fresh && self.tries > 0 => Owner::Host,
            Standing::Pending | Standing::Sought(_) => PENDING,
        }
    }
}
