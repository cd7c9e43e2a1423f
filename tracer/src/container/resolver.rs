//! Names owners, over time: a container's cgroup may be there before the file that names it, and gone
//! before anybody looked.
//!
//! What is looked up is a [`Spot`]; its owners (set-up, workload, `exec`) share what is found. Every call
//! of [`Resolver::advance`] does a bounded amount of it.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::mem;
use std::sync::Arc;

use anyhow::Result;
use tracer_common::key::{OwnerInfo, owner, phase};

use super::census::{self, Found};
use super::lookup::Lookup;
use super::resources::{self, Home, Resources};
use super::tree::Tree;
use super::{Container, Identity, Owner, Phase, Roots, UnknownReason};
use crate::batch::{OwnerId, ResourceSample};
use spot::{Spot, Standing, State};

mod find;
mod spot;

const MS: u64 = 1_000_000;

const PENDING: Owner = Owner::Unknown(UnknownReason::Pending);

/// What is known of an ended spot or a removed cgroup is kept that long, for records still on their way.
const GRACE_NS: u64 = 60_000 * MS;

pub struct Resolver {
    roots: Roots,
    host_pid_ns: u32,
    lookup: Lookup,
    v2: Option<Tree>,
    v1: Option<Tree>,
    resources: Resources,
    spots: HashMap<Spot, State>,
    owners: HashMap<OwnerId, Told>,
    /// By what is their own: the containers that run.
    running: HashMap<String, Arc<Container>>,
    /// Those that ctrace made.
    given: HashMap<CgroupId, Arc<Container>>,
    /// When to look a spot up, and which.
    due: BTreeSet<(u64, Spot)>,
    /// Spots whose owners may have news.
    touched: BTreeSet<Spot>,
    /// Pid namespaces that nobody is in any more: their last records may come late.
    over_namespaces: HashSet<(u32, u64)>,
    /// Ended since the last call.
    over: Vec<Over>,
    /// Ended before, by time.
    ended: VecDeque<(u64, Over)>,
}

/// A cgroup, and the hierarchy that its id is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CgroupId {
    V2(u64),
    /// In the hierarchy of [`crate::cgroups::V1`].
    V1(u64),
}

enum Over {
    Cgroup(CgroupId),
    /// Inode number and incarnation.
    Namespace(u32, u64),
    Spot(Spot),
}

/// An owner as it was last reported.
struct Told {
    identity: Identity,
    spot: Spot,
    /// As the kernel has it.
    phase: Phase,
    /// Not even once.
    news: bool,
}

impl CgroupId {
    /// The inode number of its directory.
    pub const fn number(self) -> u64 {
        match self {
            Self::V2(id) | Self::V1(id) => id,
        }
    }

    fn holds(self, spot: &Spot) -> bool {
        match self {
            Self::V2(id) => spot.cgroup_id == id,
            Self::V1(id) => spot.v1_id == id,
        }
    }
}

impl Resolver {
    /// Takes stock of the cgroups that there are. `host_pid_ns`: see [`super::host_pid_ns`];
    /// `boot_offset_ns`: see [`crate::clock::boot_offset_ns`].
    pub fn new(roots: Roots, host_pid_ns: u32, boot_offset_ns: i64) -> Result<Self> {
        let v2 = roots.cgroup2.clone().and_then(Tree::new);
        let v1 = roots.cgroup1.as_ref().and_then(|v1| Tree::new(v1.mount.clone()));
        anyhow::ensure!(
            v2.is_some() || v1.is_some(),
            "cannot read the cgroup file system at {}: is it mounted there?",
            roots.cgroup2.iter().chain(roots.cgroup1.as_ref().map(|v1| &v1.mount)).fold(
                String::new(),
                |all, path| {
                    let and = if all.is_empty() { "" } else { " or " };
                    format!("{all}{and}{}", path.display())
                }
            )
        );
        Ok(Self {
            lookup: Lookup::new(roots.clone(), boot_offset_ns)?,
            resources: Resources::new(&roots, resources::kept_max()),
            roots,
            host_pid_ns,
            v2,
            v1,
            spots: HashMap::new(),
            owners: HashMap::new(),
            running: HashMap::new(),
            given: HashMap::new(),
            due: BTreeSet::new(),
            touched: BTreeSet::new(),
            over_namespaces: HashSet::new(),
            over: Vec::new(),
            ended: VecDeque::new(),
        })
    }

    fn tree(&mut self, id: CgroupId) -> Option<(&mut Tree, u64)> {
        match id {
            CgroupId::V2(id) => Some((self.v2.as_mut()?, id)),
            CgroupId::V1(id) => Some((self.v1.as_mut()?, id)),
        }
    }

    /// A cgroup was made.
    pub fn cgroup_made(&mut self, cgroup: CgroupId, path: &[u8]) {
        // A namesake from an earlier life.
        self.running.remove(&*String::from_utf8_lossy(path));
        self.make_room();
        let Some((tree, id)) = self.tree(cgroup) else { return };
        if tree.made(id, path) {
            self.look_up_all(|spot| cgroup.holds(spot));
        }
    }

    /// A cgroup was removed. What is known of it stays for a while.
    pub fn cgroup_removed(&mut self, cgroup: CgroupId) {
        let Some((tree, id)) = self.tree(cgroup) else { return };
        tree.removed(id);
        if let Some(path) = tree.get(id).and_then(|node| node.path.clone()) {
            self.running.remove(&path);
        }
        self.end(|spot| cgroup.holds(spot));
        self.over.push(Over::Cgroup(cgroup));
    }

    /// The first process of the owner's pid namespace ended, and with it everybody else in there.
    pub fn namespace_ended(&mut self, owner: OwnerId) -> Option<(u32, u64)> {
        let Spot { incarnation, pid_ns, .. } = self.owners.get(&owner)?.spot;
        if pid_ns == self.host_pid_ns {
            return None;
        }
        self.end(|spot| (spot.pid_ns, spot.incarnation) == (pid_ns, incarnation));
        self.over_namespaces.insert((pid_ns, incarnation));
        self.over.push(Over::Namespace(pid_ns, incarnation));
        Some((pid_ns, incarnation))
    }

    fn end(&mut self, is_over: impl Fn(&Spot) -> bool) {
        for (spot, state) in &mut self.spots {
            if !is_over(spot) || mem::replace(&mut state.ended, true) {
                continue;
            }
            if state.standing.is_open() {
                // The last chance to find its state file.
                state.tries = 0;
                state.schedule(&mut self.due, *spot, 0);
            }
            self.over.push(Over::Spot(*spot));
            self.touched.insert(*spot);
        }
    }

    /// Cgroups with owners whose directories are gone though nobody said so.
    pub fn vanished(&self) -> Vec<CgroupId> {
        let in_use = |cgroup: CgroupId| self.spots.keys().any(|spot| cgroup.holds(spot));
        let v2 = self.v2.iter().flat_map(|tree| tree.vanished(|id| in_use(CgroupId::V2(id))));
        let v1 = self.v1.iter().flat_map(|tree| tree.vanished(|id| in_use(CgroupId::V1(id))));
        v2.map(CgroupId::V2).chain(v1.map(CgroupId::V1)).collect()
    }

    /// ctrace made that cgroup itself, for `container`.
    pub fn name_cgroup(&mut self, cgroup: CgroupId, container: Container) {
        self.given.insert(cgroup, Arc::new(container));
        self.look_up_all(|spot| cgroup.holds(spot));
    }

    fn look_up_all(&mut self, wanted: impl Fn(&Spot) -> bool) {
        for (spot, state) in self.spots.iter_mut().filter(|(spot, _)| wanted(spot)) {
            state.schedule(&mut self.due, *spot, 0);
        }
    }

    /// The kernel handed out a new owner: told once of each.
    pub fn met(&mut self, id: OwnerId, info: &OwnerInfo) {
        let phase = match info.key.phase {
            phase::SETUP => Phase::Setup,
            phase::EXEC => Phase::Exec,
            _ => Phase::Workload,
        };
        let identity = Identity {
            id,
            cgroup_id: info.key.cgroup_id,
            cgroup_path: None,
            pid_ns: info.key.pid_ns,
            mnt_ns: info.mnt_ns,
            phase,
            first_ns: info.first_ns,
            first_pid: info.first_tgid,
            running: info.flags & owner::RUNNING != 0,
            lineage: info.flags & owner::LINEAGE != 0,
            ended: false,
            owner: PENDING,
        };
        let spot = Spot::of(&info.key);
        // The one that had the slot before may still have to be named.
        self.owners.insert(id, Told { identity, spot, phase, news: true });
        self.make_room();
        let mut gone = self.over_namespaces.contains(&(spot.pid_ns, spot.incarnation));
        for (tree, id) in [(&mut self.v2, spot.cgroup_id), (&mut self.v1, spot.v1_id)] {
            if let Some(tree) = tree.as_mut().filter(|_| id != 0) {
                gone |= tree.node(id).ended;
            }
        }
        let state = self.spots.entry(spot).or_insert_with(|| State::new(info, self.host_pid_ns));
        state.owners.push(id);
        state.preparer = state.preparer.or(spot::preparer(info));
        self.touched.insert(spot);
        if gone && !mem::replace(&mut state.ended, true) {
            self.over.push(Over::Spot(spot));
        }
        // What nobody claimed so far may have become a container's.
        let may_become = matches!(state.standing, Standing::Nobody) && !state.ended;
        if may_become || state.standing.is_open() {
            state.tries = 0;
            state.schedule(&mut self.due, spot, 0);
        }
    }

    /// Does a part of what is to be done, and appends the identities that are new or have changed.
    /// `now_ns` is `CLOCK_MONOTONIC`.
    pub fn advance(&mut self, now_ns: u64, changed: &mut Vec<Identity>) {
        self.forget(now_ns);
        self.search();
        self.look_up(now_ns);
        self.report(changed);
    }

    /// Something is to be looked up before `now_ns`, so [`Self::advance`] should be called then.
    pub fn is_due(&self, now_ns: u64) -> bool {
        self.due.first().is_some_and(|(when, _)| *when <= now_ns)
    }

    /// All containers there are now, by their cgroup's path.
    pub fn containers(&mut self) -> Vec<Found> {
        census::take(&mut self.lookup, &self.roots)
    }

    /// What the containers that run use, each at one of its owners; nothing of those without a cgroup of their own.
    pub fn resources(&mut self) -> Vec<ResourceSample> {
        let homes = self.spots.values().filter(|state| !state.ended).filter_map(|state| {
            let Standing::Container { container, cgroup: Some(own), .. } = &state.standing else {
                return None;
            };
            Some(Home { own, container, owners: &state.owners, pid: state.pid })
        });
        self.resources.sample(homes)
    }

    fn make_room(&mut self) {
        let Self { v2, v1, spots, given, running, .. } = self;
        let in_use = |id: CgroupId| spots.keys().any(|spot| id.holds(spot)) || given.contains_key(&id);
        for (tree, of) in [(v2, CgroupId::V2 as fn(u64) -> CgroupId), (v1, CgroupId::V1)] {
            if let Some(tree) = tree {
                tree.make_room(|id| in_use(of(id)));
            }
        }
        if running.len() > 2 * spots.len().max(1024) {
            running.retain(|_, container| Arc::strong_count(container) > 1);
        }
    }

    fn forget(&mut self, now_ns: u64) {
        self.ended.extend(mem::take(&mut self.over).into_iter().map(|over| (now_ns, over)));
        while let Some((_, over)) =
            self.ended.pop_front_if(|(since, _)| now_ns.saturating_sub(*since) > GRACE_NS)
        {
            match over {
                Over::Cgroup(cgroup) => {
                    self.given.remove(&cgroup);
                    if let Some((tree, id)) = self.tree(cgroup) {
                        tree.forget(id);
                    }
                }
                Over::Namespace(pid_ns, incarnation) => {
                    self.over_namespaces.remove(&(pid_ns, incarnation));
                }
                Over::Spot(spot) => {
                    for id in self.spots.remove(&spot).into_iter().flat_map(|state| state.owners) {
                        self.owners.remove(&id);
                    }
                }
            }
        }
    }

    fn search(&mut self) {
        let found = |tree: &mut Option<Tree>| tree.as_mut().map(Tree::search).unwrap_or_default();
        let v2 = found(&mut self.v2).into_iter().map(CgroupId::V2);
        let news: Vec<CgroupId> = v2.chain(found(&mut self.v1).into_iter().map(CgroupId::V1)).collect();
        for cgroup in news {
            self.look_up_all(|spot| cgroup.holds(spot));
        }
    }

    fn report(&mut self, changed: &mut Vec<Identity>) {
        for spot in mem::take(&mut self.touched) {
            let fresh = self.is_fresh(&spot);
            let Some(state) = self.spots.get(&spot) else { continue };
            let path = self.path(&spot);
            for id in &state.owners {
                let Some(Told { identity, phase, news, .. }) = self.owners.get_mut(id) else { continue };
                let owner = state.owner(fresh);
                // Looking once more does not take back what was said.
                let owner = if owner == PENDING { identity.owner.clone() } else { owner };
                let now = Identity {
                    cgroup_path: path.clone(),
                    ended: state.ended,
                    phase: phase_of(*phase, identity.first_pid, state),
                    owner,
                    ..identity.clone()
                };
                if mem::take(news) || now != *identity {
                    changed.push(now.clone());
                    *identity = now;
                }
            }
        }
    }
}

/// What the kernel alone cannot tell of a phase.
fn phase_of(phase: Phase, first_pid: u32, state: &State) -> Phase {
    let Standing::Container { container, own, .. } = &state.standing else { return phase };
    match phase {
        // A pid namespace that a program in the container made for itself has no runtime to set it up; that of
        // another container, which it shares, has.
        Phase::Setup if !own && state.ns.is_some() && container.pid != Some(first_pid) => Phase::Workload,
        // A container that shares another one's pid namespace joins it as an `exec` session does.
        Phase::Exec if container.pid == Some(first_pid) => Phase::Workload,
        Phase::Setup | Phase::Exec | Phase::Workload => phase,
    }
}

#[cfg(test)]
mod tests;
