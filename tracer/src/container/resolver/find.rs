//! Looking a cgroup up: where it is, and whose.

use std::sync::Arc;

use super::super::lookup::{Known, Place};
use super::super::{Container, cgroupfs, path, process};
use super::{Cgroup, MS, Resolver, Standing};

/// How often a cgroup is looked for again at once, and how long after the last time. A runtime writes its
/// state some 10 ms after it made the cgroup, and a container of `true` is gone 10 ms later.
const SOON: (usize, u64) = (40, MS);

/// The waits after that: a host that starts a hundred containers at once takes seconds.
const LATER_NS: [u64; 8] = [16 * MS, 32 * MS, 64 * MS, 128 * MS, 256 * MS, 512 * MS, 1024 * MS, 2048 * MS];

/// The wait before the next look; None: it was looked for often enough.
pub(super) fn wait_ns(tries: usize) -> Option<u64> {
    let (soon, wait) = SOON;
    if tries < soon { Some(wait) } else { LATER_NS.get(tries - soon).copied() }
}

/// Cgroups looked up in one call: a file or two each, together no more than a few ms.
pub(super) const LOOKUPS: usize = 32;

impl Resolver {
    pub(super) fn look_up(&mut self, now_ns: u64) {
        for at in 0..LOOKUPS {
            let Some((_, id)) = self.due.first().copied().filter(|(when, _)| *when <= now_ns) else { break };
            self.due.pop_first();
            if let Some(cgroup) = self.cgroups.get_mut(&id) {
                cgroup.due = None;
            }
            if at == 0 {
                self.lookup.refresh();
            }
            self.look_up_one(now_ns, id);
        }
    }

    fn look_up_one(&mut self, now_ns: u64, id: u64) {
        let Some(cgroup) = self.cgroups.get(&id) else { return };
        let path = cgroup.path.clone().or_else(|| self.path_by_process(id, cgroup));
        let found = path.as_deref().and_then(|path| self.lookup.place(path));
        let given = self.given(id, path.as_deref());
        let standing = match (found, given) {
            // A container in one that ctrace made is itself.
            (Some(place), Some((around, _))) if around < place.cgroup.len() => self.claim(id, place),
            (_, Some((_, container))) => Standing::Container { container, complete: true },
            (Some(place), None) => self.claim(id, place),
            // Its state file is gone, and with it all that there was to find.
            (None, None) if let Some(container) = self.container(id) => {
                Standing::Container { container, complete: true }
            }
            (None, None) if path.is_some() => Standing::Pending,
            // One that is under way may have passed it already.
            (None, None) => Standing::Sought(self.search.number + 1),
        };
        self.search.wanted |= path.is_none();
        let foreign = self.has_foreign_pid_ns(id);
        let Some(cgroup) = self.cgroups.get_mut(&id) else { return };
        cgroup.path = path;
        let certain = matches!(standing, Standing::Pending)
            && (cgroup.path.as_deref().is_some_and(path::is_host_unit) || !(cgroup.fresh || foreign));
        let again = standing.is_open() && !certain && !cgroup.ended;
        let wait = wait_ns(cgroup.tries).filter(|_| again);
        if let Some(wait) = wait {
            cgroup.tries += 1;
            cgroup.schedule(&mut self.due, id, now_ns.saturating_add(wait));
        }
        let decided = matches!(standing, Standing::Pending) && wait.is_none();
        cgroup.standing = if decided { Standing::Nobody } else { standing };
        self.touched.insert(id);
    }

    /// By an owner's first process, if it is still there.
    fn path_by_process(&self, id: u64, cgroup: &Cgroup) -> Option<String> {
        let owners = cgroup.owners.iter().filter_map(|slot| self.owners.get(slot));
        let mut paths = owners.filter_map(|told| process::cgroup(&self.roots.proc, told.identity.first_pid));
        // It may have moved on.
        paths.find(|path| cgroupfs::id_at(&self.roots.cgroup2, path) == Some(id))
    }

    /// The container that ctrace made around a cgroup, with the length of its cgroup's path.
    fn given(&self, id: u64, path: Option<&str>) -> Option<(usize, Arc<Container>)> {
        if let Some(container) = self.given.get(&id) {
            return Some((path.map_or(0, str::len), Arc::clone(container)));
        }
        let path = path?;
        let around = self.given.iter().filter_map(|(id, container)| {
            let own = self.cgroups.get(id)?.path.as_deref()?;
            path::is_within(path, own).then_some((own.len(), container))
        });
        around.max_by_key(|(len, _)| *len).map(|(len, container)| (len, Arc::clone(container)))
    }

    /// What the cgroup is known to be so far.
    fn container(&self, id: u64) -> Option<Arc<Container>> {
        match &self.cgroups.get(&id)?.standing {
            Standing::Container { container, .. } => Some(Arc::clone(container)),
            Standing::Pending | Standing::Sought(_) | Standing::Gone | Standing::Nobody => None,
        }
    }

    /// The container at `place`, the same for all cgroups in it.
    fn claim(&mut self, id: u64, place: Place) -> Standing {
        let own = place.cgroup.clone();
        let Known { mut container, complete, .. } = self.lookup.known(place);
        let ended = self.cgroups.get(&id).is_some_and(|cgroup| cgroup.ended);
        let before = self.container(id).or_else(|| self.running.get(&own).cloned());
        let before = before.filter(|before| before.id == container.id);
        if let Some(before) = &before {
            container.remember(before);
            if **before == container {
                return Standing::Container { container: Arc::clone(before), complete };
            }
        }
        let now = Arc::new(container);
        if !ended {
            self.running.insert(own, Arc::clone(&now));
        }
        if let Some(before) = before {
            self.replace(&before, &now);
        }
        Standing::Container { container: now, complete }
    }

    fn replace(&mut self, before: &Arc<Container>, now: &Arc<Container>) {
        for (id, cgroup) in &mut self.cgroups {
            if let Standing::Container { container, .. } = &mut cgroup.standing
                && Arc::ptr_eq(before, container)
            {
                *container = Arc::clone(now);
                self.touched.insert(*id);
            }
        }
    }

    fn has_foreign_pid_ns(&self, id: u64) -> bool {
        let owners = self.cgroups.get(&id).into_iter().flat_map(|cgroup| &cgroup.owners);
        owners.filter_map(|slot| self.owners.get(slot)).any(|told| told.identity.pid_ns != self.host_pid_ns)
    }
}
