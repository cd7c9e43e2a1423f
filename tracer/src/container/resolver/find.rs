//! Looking a spot up: where it is, and whose.

use std::mem;
use std::sync::Arc;

use super::super::lookup::{self, Known, Unit};
use super::super::process::{self, Paths};
use super::super::{Container, Runtime, path};
use super::{CgroupId, MS, Over, Resolver, Spot, Standing};

/// How often a spot is looked up again at once, and how long after the last time. A runtime writes its
/// state some 10 ms after it made the cgroup, and a container of `true` is gone 10 ms later.
const SOON: (usize, u64) = (40, MS);

/// The waits after that: a host that starts a hundred containers at once takes seconds.
const LATER_NS: [u64; 8] = [16 * MS, 32 * MS, 64 * MS, 128 * MS, 256 * MS, 512 * MS, 1024 * MS, 2048 * MS];

/// The wait before the next look; None: it was looked for often enough.
pub(super) fn wait_ns(tries: usize) -> Option<u64> {
    let (soon, wait) = SOON;
    if tries < soon { Some(wait) } else { LATER_NS.get(tries - soon).copied() }
}

/// How often a spot is looked up after its end: its state file may be there for another moment, or be under way.
const LAST_TRIES: usize = 5;

/// Spots looked up in one call: a few files each, together no more than a few ms.
pub(super) const LOOKUPS: usize = 32;

/// Where a spot is in a hierarchy.
enum At {
    Known(String),
    /// It is being searched for.
    Sought,
    Gone,
}

impl Resolver {
    pub(super) fn look_up(&mut self, now_ns: u64) {
        for at in 0..LOOKUPS {
            let Some((_, spot)) = self.due.first().copied().filter(|(when, _)| *when <= now_ns) else {
                break;
            };
            self.due.pop_first();
            if let Some(state) = self.spots.get_mut(&spot) {
                state.begin();
            }
            if at == 0 {
                self.lookup.refresh();
            }
            self.look_up_one(now_ns, spot);
        }
    }

    fn look_up_one(&mut self, now_ns: u64, spot: Spot) {
        let Some(state) = self.spots.get(&spot) else { return };
        let (pid, ns, user, ended) = (state.pid, state.ns, state.user, state.ended);
        let (v2, v1) = (self.at(CgroupId::V2(spot.cgroup_id), pid), self.at(CgroupId::V1(spot.v1_id), pid));
        let gone = matches!((&v2, &v1), (At::Gone, _) | (_, At::Gone));
        let sought = matches!((&v2, &v1), (At::Sought, _) | (_, At::Sought));
        let path = |at| if let At::Known(path) = at { Some(path) } else { None };
        let unit = Unit { paths: Paths { v2: path(v2), v1: path(v1) }, ns, user };
        let found = self.lookup.find(&unit);
        let standing = match (found, self.given(&spot, &unit.paths)) {
            // A container in one that ctrace made is itself.
            (Some(known), Some((around, _))) if around.len() < known.own.len() => self.claim(spot, known),
            (_, Some((own, container))) => {
                Standing::Container { container, cgroup: cgroup(own), own: true, complete: true }
            }
            // The state that told of a container inside is gone; the one around it is still there.
            (Some(known), None)
                if let Some((container, cgroup, true)) = self.container(&spot)
                    && container.parent.as_ref() == Some(&known.container.id) =>
            {
                Standing::Container { container, cgroup, own: true, complete: true }
            }
            (Some(known), None) => self.claim(spot, known),
            // Its state file is gone, and with it all that there was to find.
            (None, None) if let Some((container, cgroup, own)) = self.container(&spot) => {
                Standing::Container { container, cgroup, own, complete: true }
            }
            (None, None) if let Some(container) = self.namesake(&spot) => {
                Standing::Container { container, cgroup: None, own: true, complete: true }
            }
            (None, None) if gone => Standing::Gone,
            (None, None) => Standing::Pending,
        };
        let fresh = self.is_fresh(&spot);
        let Some(state) = self.spots.get_mut(&spot) else { return };
        let is_unit = |path: &Option<String>| path.as_deref().is_none_or(path::is_host_unit);
        let host_unit = is_unit(&unit.paths.v2) && is_unit(&unit.paths.v1);
        let certain =
            matches!(standing, Standing::Pending) && ns.is_none() && !sought && (host_unit || !fresh);
        let again = standing.is_open() && !certain && (!ended || state.tries < LAST_TRIES);
        let wait = wait_ns(state.tries).filter(|_| again);
        if let Some(wait) = wait {
            state.tries += 1;
            state.schedule(&mut self.due, spot, now_ns.saturating_add(wait));
        }
        let decided = standing.is_open() && wait.is_none();
        let standing = if decided { last_resort(standing, state.preparer, &unit) } else { standing };
        if matches!(standing, Standing::Gone) && !mem::replace(&mut state.ended, true) {
            self.over.push(Over::Spot(spot));
        }
        state.standing = standing;
        self.touched.insert(spot);
    }

    /// Where a spot is in that hierarchy, by what we were told, or by its first process.
    fn at(&mut self, cgroup: CgroupId, pid: u32) -> At {
        let by_process = {
            let known = self.tree(cgroup).and_then(|(tree, id)| tree.get(id)?.path.clone());
            match known {
                Some(path) => return At::Known(path),
                None => process::paths(&self.roots.proc, pid, self.roots.controller()),
            }
        };
        let Some((tree, id)) = self.tree(cgroup).filter(|(_, id)| *id != 0) else {
            // Without such a hierarchy everybody is in its root.
            return At::Known("/".to_owned());
        };
        // It may have moved on.
        let path = by_process.and_then(|paths| match cgroup {
            CgroupId::V2(_) => paths.v2,
            CgroupId::V1(_) => paths.v1,
        });
        if let Some(path) = path {
            tree.learn(id, path);
        }
        let node = tree.node(id);
        match (&node.path, node.ended) {
            (Some(path), _) => At::Known(path.clone()),
            (None, true) => At::Gone,
            (None, false) => {
                tree.seek(id);
                At::Sought
            }
        }
    }

    pub(super) fn is_fresh(&self, spot: &Spot) -> bool {
        let trees = [(&self.v2, spot.cgroup_id), (&self.v1, spot.v1_id)];
        trees
            .into_iter()
            .any(|(tree, id)| tree.as_ref().and_then(|tree| tree.get(id)).is_some_and(|n| n.fresh))
    }

    /// What an owner's cgroup is called: in version 2 if it has one there.
    pub(super) fn path(&self, spot: &Spot) -> Option<String> {
        let path = |tree: &Option<super::Tree>, id| tree.as_ref()?.get(id)?.path.clone();
        let v2 = path(&self.v2, spot.cgroup_id);
        v2.filter(|path| path != "/")
            .or_else(|| path(&self.v1, spot.v1_id))
            .or_else(|| path(&self.v2, spot.cgroup_id))
    }

    /// The container that ctrace made around a spot, with its cgroup's path.
    fn given(&self, spot: &Spot, paths: &Paths) -> Option<(&str, Arc<Container>)> {
        let around = self.given.iter().filter_map(|(id, container)| {
            let (tree, id, path) = match *id {
                CgroupId::V2(id) => (&self.v2, id, &paths.v2),
                CgroupId::V1(id) => (&self.v1, id, &paths.v1),
            };
            let own = tree.as_ref()?.get(id)?.path.as_deref()?;
            path::is_within(path.as_deref()?, own).then_some((own, container))
        });
        let around =
            around.max_by_key(|(own, _)| own.len()).map(|(own, container)| (own, Arc::clone(container)));
        // Before its path is known.
        let itself = || {
            let ids = [CgroupId::V2(spot.cgroup_id), CgroupId::V1(spot.v1_id)];
            ids.iter().find_map(|id| Some(("", Arc::clone(self.given.get(id)?))))
        };
        around.or_else(itself)
    }

    /// What the spot is known to be so far.
    fn container(&self, spot: &Spot) -> Option<(Arc<Container>, Option<String>, bool)> {
        match &self.spots.get(spot)?.standing {
            Standing::Container { container, cgroup, own, .. } => {
                Some((Arc::clone(container), cgroup.clone(), *own))
            }
            Standing::Pending | Standing::Gone | Standing::Nobody => None,
        }
    }

    /// The container that a pid namespace was made for, if another spot of it tells. Not the one that ctrace
    /// made: it has no such namespace, a runtime that ctrace started began there.
    fn namesake(&self, spot: &Spot) -> Option<Arc<Container>> {
        let same = |other: &Spot| (other.pid_ns, other.incarnation) == (spot.pid_ns, spot.incarnation);
        self.spots.get(spot)?.ns?;
        let others = self.spots.iter().filter(|(other, _)| *other != spot && same(other));
        others.map(|(_, state)| &state.standing).find_map(|standing| match standing {
            Standing::Container { container, own: true, .. } if container.runtime != Runtime::Ctrace => {
                Some(Arc::clone(container))
            }
            Standing::Container { .. } | Standing::Pending | Standing::Gone | Standing::Nobody => None,
        })
    }

    /// A container that was found, the same for all spots in it.
    fn claim(&mut self, spot: Spot, known: Known) -> Standing {
        let Known { mut container, own, inside, complete, evidence: _ } = known;
        let cgroup = cgroup(&own);
        let Some(state) = self.spots.get(&spot) else { return Standing::Pending };
        let (ended, ns) = (state.ended, state.ns);
        let before = self.container(&spot).map(|(container, ..)| container);
        let before = before.or_else(|| self.running.get(&own).cloned());
        let before = before.filter(|before| before.id == container.id && before.runtime == container.runtime);
        if let Some(before) = &before {
            container.remember(before);
        }
        let is_first = |container: &Container| {
            !inside && ns.is_none_or(|ns| container.pid.is_none_or(|pid| pid == ns.init))
        };
        let now = match before {
            Some(before) if *before == container => before,
            before => {
                let now = Arc::new(container);
                if !ended {
                    self.running.insert(own, Arc::clone(&now));
                }
                if let Some(before) = before {
                    self.replace(&before, &now);
                }
                now
            }
        };
        Standing::Container { own: is_first(&now), container: now, cgroup, complete }
    }

    fn replace(&mut self, before: &Arc<Container>, now: &Arc<Container>) {
        for (spot, state) in &mut self.spots {
            if let Standing::Container { container, .. } = &mut state.standing
                && Arc::ptr_eq(before, container)
            {
                *container = Arc::clone(now);
                self.touched.insert(*spot);
            }
        }
    }
}

/// What is a container's own, if that is a cgroup.
fn cgroup(own: &str) -> Option<String> {
    own.starts_with('/').then(|| own.to_owned())
}

/// What can be said of a spot whose state file was gone before anybody looked.
fn last_resort(standing: Standing, preparer: Option<Runtime>, unit: &Unit) -> Standing {
    let around = match &standing {
        Standing::Container { own: true, .. } | Standing::Gone | Standing::Nobody => return standing,
        Standing::Container { container, own: false, .. } => Some(Arc::clone(container)),
        Standing::Pending => None,
    };
    let found = preparer.and_then(|runtime| prepared(runtime, unit, around.as_deref()));
    // A program that makes a pid namespace for itself is part of its service, or its container.
    let found = found.or_else(|| {
        let service = around.is_none().then(|| lookup::service(unit)).flatten();
        service.map(|known| known.container)
    });
    match found {
        Some(container) => {
            let (container, own) = (Arc::new(container), preparer.is_some());
            Standing::Container { container, cgroup: None, own, complete: true }
        }
        None if around.is_none() => Standing::Nobody,
        None => standing,
    }
}

/// A container that a runtime was seen to prepare: it names the cgroup after it unless it is told otherwise.
fn prepared(runtime: Runtime, unit: &Unit, around: Option<&Container>) -> Option<Container> {
    let paths = [&unit.paths.v2, &unit.paths.v1].into_iter().flatten();
    let named = paths.filter_map(|path| path.rsplit_once('/'));
    let is_inside = |above: &str, name: &str| {
        around.is_none_or(|around| above.contains(&around.id) && !name.contains(&around.id))
    };
    let mut named = named.filter(|(above, name)| !name.is_empty() && is_inside(above, name));
    let (_, id) = named.next()?;
    Some(Container { parent: around.map(|around| around.id.clone()), ..Container::unnamed(runtime, id) })
}
