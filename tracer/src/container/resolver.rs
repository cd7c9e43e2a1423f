//! Names owners, over time: a container's cgroup may be there before the file that names it, and gone
//! before anybody looked.
//!
//! What is looked up is a cgroup; its owners (set-up and workload, several pid namespaces) share what
//! is found. Every call of [`Resolver::advance`] does a bounded amount of it.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::mem;
use std::sync::Arc;

use anyhow::Result;
use tracer_common::key::{OwnerInfo, phase};
use tracer_common::limits::CGROUP_PATH_LEN;

use super::census::{self, Found};
use super::cgroupfs::{self, Walk};
use super::lookup::Lookup;
use super::{Container, Identity, Owner, Phase, Roots, UnknownReason};
use crate::batch::OwnerId;
use cgroup::{Cgroup, Standing};

mod cgroup;
mod find;

const MS: u64 = 1_000_000;

const PENDING: Owner = Owner::Unknown(UnknownReason::Pending);

/// Directories that a search of the tree looks at in one call: two system calls each and more, together
/// no more than a few ms.
const WALK_STEPS: usize = 128;

/// What is known of a removed cgroup is kept that long, for records still on their way.
const GRACE_NS: u64 = 60_000 * MS;

/// Cgroups known at a time. Above that those without an owner are forgotten; they are searched for
/// when one comes.
const CGROUPS_MAX: usize = 65_536;

pub struct Resolver {
    roots: Roots,
    host_pid_ns: u32,
    lookup: Lookup,
    cgroups: HashMap<u64, Cgroup>,
    /// By slot: the owner that has it now.
    owners: HashMap<u32, Told>,
    /// By their own cgroup's path: the containers that run.
    running: HashMap<String, Arc<Container>>,
    /// Those that ctrace made, by cgroup.
    given: HashMap<u64, Arc<Container>>,
    /// When to look a cgroup up, and which.
    due: BTreeSet<(u64, u64)>,
    search: Search,
    /// Cgroups whose owners may have news.
    touched: BTreeSet<u64>,
    /// Removed since the last call.
    removed: Vec<u64>,
    /// Removed before, by time.
    ended: VecDeque<(u64, u64)>,
}

/// Searches of the whole tree, one after the other.
#[derive(Default)]
struct Search {
    walk: Option<Walk>,
    /// Number of the one under way, or of the last one.
    number: u64,
    /// Another one is asked for.
    wanted: bool,
}

/// An owner as it was last reported.
struct Told {
    identity: Identity,
    /// Not even once.
    news: bool,
}

impl Resolver {
    /// Takes stock of the cgroups that there are. `host_pid_ns`: see [`super::host_pid_ns`].
    pub fn new(roots: Roots, host_pid_ns: u32) -> Result<Self> {
        let there = Walk::new(&roots.cgroup2).take(CGROUPS_MAX);
        let cgroups: HashMap<_, _> =
            there.map(|entry| (entry.id, Cgroup::new(Some(entry.path), false))).collect();
        anyhow::ensure!(
            !cgroups.is_empty(),
            "cannot read the cgroup v2 file system at {}: is it mounted there?",
            roots.cgroup2.display()
        );
        Ok(Self {
            lookup: Lookup::new(roots.clone()),
            roots,
            host_pid_ns,
            cgroups,
            owners: HashMap::new(),
            running: HashMap::new(),
            given: HashMap::new(),
            due: BTreeSet::new(),
            search: Search::default(),
            touched: BTreeSet::new(),
            removed: Vec::new(),
            ended: VecDeque::new(),
        })
    }

    /// A cgroup v2 was made.
    pub fn cgroup_made(&mut self, id: u64, path: &[u8]) {
        self.make_room();
        // One that fills its buffer may be the beginning of a longer one: it is better searched for.
        let whole = path.len() + 1 < CGROUP_PATH_LEN;
        let path = whole.then(|| String::from_utf8_lossy(path).into_owned());
        if let Some(path) = &path {
            // A namesake from an earlier life.
            self.running.remove(path);
        }
        let cgroup = self.cgroups.entry(id).or_insert_with(|| Cgroup::new(None, true));
        if cgroup.path.is_none() && path.is_some() {
            cgroup.path = path;
            if !cgroup.owners.is_empty() {
                cgroup.schedule(&mut self.due, id, 0);
            }
        }
    }

    /// A cgroup v2 was removed. What is known of it stays for a while.
    pub fn cgroup_removed(&mut self, id: u64) {
        let Some(cgroup) = self.cgroups.get_mut(&id) else { return };
        cgroup.ended = true;
        if let Some(path) = &cgroup.path {
            self.running.remove(path);
        }
        if !cgroup.owners.is_empty() && cgroup.standing.is_open() {
            // The last chance to find its state file.
            cgroup.schedule(&mut self.due, id, 0);
        }
        self.removed.push(id);
        self.touched.insert(id);
    }

    /// Cgroups with owners whose directories are gone though nobody said so.
    pub fn vanished(&self) -> Vec<u64> {
        let is_gone = |id: u64, cgroup: &Cgroup| {
            let path = cgroup.path.as_deref().filter(|_| !cgroup.ended && !cgroup.owners.is_empty());
            path.is_some_and(|path| cgroupfs::id_at(&self.roots.cgroup2, path) != Some(id))
        };
        self.cgroups.iter().filter(|(id, cgroup)| is_gone(**id, cgroup)).map(|(id, _)| *id).collect()
    }

    /// ctrace made that cgroup itself, for `container`.
    pub fn name_cgroup(&mut self, id: u64, container: Container) {
        self.given.insert(id, Arc::new(container));
        let cgroup = self.cgroups.entry(id).or_insert_with(|| Cgroup::new(None, true));
        cgroup.schedule(&mut self.due, id, 0);
    }

    /// The kernel handed out a new owner.
    pub fn met(&mut self, id: OwnerId, info: &OwnerInfo) {
        let identity = Identity {
            id,
            cgroup_id: info.key.cgroup_id,
            cgroup_path: None,
            pid_ns: info.key.pid_ns,
            mnt_ns: info.mnt_ns,
            phase: if info.key.phase == phase::SETUP { Phase::Setup } else { Phase::Workload },
            first_ns: info.first_ns,
            first_pid: info.first_tgid,
            lineage: info.lineage != 0,
            ended: false,
            owner: PENDING,
        };
        let cgroup_id = identity.cgroup_id;
        if let Some(before) = self.owners.insert(id.slot, Told { identity, news: true })
            && let Some(cgroup) = self.cgroups.get_mut(&before.identity.cgroup_id)
        {
            cgroup.owners.retain(|slot| *slot != id.slot);
        }
        self.make_room();
        let cgroup = self.cgroups.entry(cgroup_id).or_insert_with(|| Cgroup::new(None, true));
        cgroup.owners.push(id.slot);
        self.touched.insert(cgroup_id);
        // What nobody claimed so far may have become a container's.
        let may_become = matches!(cgroup.standing, Standing::Nobody) && !cgroup.ended;
        if may_become || cgroup.standing.is_open() {
            cgroup.tries = 0;
            cgroup.schedule(&mut self.due, cgroup_id, 0);
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

    /// All containers in the cgroup tree now, by their cgroup's path.
    pub fn containers(&mut self) -> Vec<Found> {
        census::take(&mut self.lookup, &self.roots)
    }

    fn make_room(&mut self) {
        if self.cgroups.len() >= CGROUPS_MAX {
            let Self { cgroups, given, running, .. } = self;
            cgroups.retain(|id, cgroup| !cgroup.owners.is_empty() || given.contains_key(id));
            running.retain(|_, container| Arc::strong_count(container) > 1);
        }
    }

    fn forget(&mut self, now_ns: u64) {
        self.ended.extend(mem::take(&mut self.removed).into_iter().map(|id| (now_ns, id)));
        while let Some((_, id)) =
            self.ended.pop_front_if(|(since, _)| now_ns.saturating_sub(*since) > GRACE_NS)
        {
            self.given.remove(&id);
            let slots = self.cgroups.remove(&id).map(|cgroup| cgroup.owners).unwrap_or_default();
            for slot in slots {
                self.owners.remove(&slot);
            }
        }
    }

    fn search(&mut self) {
        if self.search.walk.is_none() && mem::take(&mut self.search.wanted) {
            self.search.walk = Some(Walk::new(&self.roots.cgroup2));
            self.search.number += 1;
        }
        let Some(walk) = &mut self.search.walk else { return };
        for _ in 0..WALK_STEPS {
            let Some(entry) = walk.next() else { return self.search_ended() };
            if let Some(cgroup) = self.cgroups.get_mut(&entry.id)
                && cgroup.path.is_none()
            {
                cgroup.path = Some(entry.path);
                cgroup.schedule(&mut self.due, entry.id, 0);
            }
        }
    }

    fn search_ended(&mut self) {
        self.search.walk = None;
        for (id, cgroup) in &mut self.cgroups {
            if cgroup.path.is_none()
                && matches!(cgroup.standing, Standing::Sought(by) if by <= self.search.number)
            {
                cgroup.standing = Standing::Gone;
                if !mem::replace(&mut cgroup.ended, true) {
                    self.removed.push(*id);
                }
                self.touched.insert(*id);
            }
        }
    }

    fn report(&mut self, changed: &mut Vec<Identity>) {
        for id in mem::take(&mut self.touched) {
            let Some(cgroup) = self.cgroups.get(&id) else { continue };
            for slot in &cgroup.owners {
                let Some(Told { identity, news }) = self.owners.get_mut(slot) else { continue };
                let owner = cgroup.owner(identity.pid_ns == self.host_pid_ns);
                // Looking once more does not take back what was said.
                let owner = if owner == PENDING { identity.owner.clone() } else { owner };
                let now = Identity {
                    cgroup_path: cgroup.path.clone(),
                    ended: cgroup.ended,
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

#[cfg(test)]
mod tests;
