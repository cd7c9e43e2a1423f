//! What is looked up: where owners are, set-up and workload alike.

use std::collections::BTreeSet;
use std::sync::Arc;

use tracer_common::key::{OwnerInfo, OwnerKey, phase};

use super::super::process::Namespace;
use super::super::{Container, Owner, Runtime, UnknownReason};
use super::PENDING;
use crate::batch::OwnerId;

/// An owner's key without the phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Spot {
    pub cgroup_id: u64,
    /// 0: none.
    pub v1_id: u64,
    pub incarnation: u64,
    pub pid_ns: u32,
}

impl Spot {
    pub fn of(key: &OwnerKey) -> Self {
        let OwnerKey { cgroup_id, v1_id, incarnation, pid_ns, phase: _ } = *key;
        Self { cgroup_id, v1_id, incarnation, pid_ns }
    }
}

/// Names of the processes that prepare a container in its own namespaces,
/// <https://github.com/opencontainers/runc/blob/v1.1.5/libcontainer/nsenter/nsexec.c#L1006>.
const PREPARERS: [(&[u8], Runtime); 2] = [(b"runc:[", Runtime::Runc), (b"crun\0", Runtime::Crun)];

pub fn preparer(info: &OwnerInfo) -> Option<Runtime> {
    let prepares = info.key.phase == phase::SETUP;
    PREPARERS.iter().find(|(comm, _)| prepares && info.comm.starts_with(comm)).map(|(_, runtime)| *runtime)
}

/// How far we are with a spot.
pub struct State {
    pub standing: Standing,
    pub owners: Vec<OwnerId>,
    /// First process of its first owner.
    pub pid: u32,
    pub ns: Option<Namespace>,
    pub user: Option<u32>,
    /// The OCI runtime that was seen to prepare something there.
    pub preparer: Option<Runtime>,
    pub ended: bool,
    /// Retries made.
    pub tries: usize,
    /// When it is looked up next, as in [`super::Resolver`]'s list.
    due: Option<u64>,
}

pub enum Standing {
    /// To be looked up.
    Pending,
    /// Its cgroup went before its path was learnt.
    Gone,
    Container {
        container: Arc<Container>,
        /// The container's, and nobody else's: here or above, in one of the hierarchies.
        cgroup: Option<String>,
        /// Its pid namespace is the one that the container began with.
        own: bool,
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

impl State {
    /// `host_pid_ns`: see [`super::super::host_pid_ns`].
    pub fn new(info: &OwnerInfo, host_pid_ns: u32) -> Self {
        let known = |id: u32| (id != 0).then_some(id);
        let ns = Namespace {
            inum: info.key.pid_ns,
            init: info.init_tgid,
            init_outer: info.init_outer_tgid,
            around: known(info.outer_init_tgid),
            started_ns: info.key.incarnation,
        };
        Self {
            standing: Standing::Pending,
            owners: Vec::new(),
            pid: info.first_tgid,
            ns: (ns.inum != host_pid_ns).then_some(ns),
            user: known(info.user),
            preparer: None,
            ended: false,
            tries: 0,
            due: None,
        }
    }

    /// Looks it up at `when` and no other time.
    pub fn schedule(&mut self, due: &mut BTreeSet<(u64, Spot)>, spot: Spot, when: u64) {
        if let Some(before) = self.due.replace(when) {
            due.remove(&(before, spot));
        }
        due.insert((when, spot));
    }

    /// It was taken from the list.
    pub fn begin(&mut self) {
        self.due = None;
    }

    /// Whose an owner there is. `fresh`: a cgroup of it was made under our eyes.
    pub fn owner(&self, fresh: bool) -> Owner {
        match &self.standing {
            Standing::Container { container, .. } => Owner::Container(Arc::clone(container)),
            Standing::Gone => Owner::Unknown(UnknownReason::CgroupGone),
            Standing::Nobody if self.ns.is_none() => Owner::Host,
            Standing::Nobody => Owner::Unknown(UnknownReason::NoRuntime),
            // Others may have brought a doubt into a cgroup that was the host's before.
            Standing::Pending if self.ns.is_none() && !fresh && self.tries > 0 => Owner::Host,
            Standing::Pending => PENDING,
        }
    }
}
