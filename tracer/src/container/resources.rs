//! What containers use, from the files of their cgroups. These count what is in the cgroups below, too,
//! so a container's own cgroup tells all of it.
//!
//! | | cgroup v2 | v1 |
//! | --- | --- | --- |
//! | CPU time | `cpu.stat`, also without the controller | `cpuacct.usage` |
//! | memory, page cache included | `memory.current` | `memory.usage_in_bytes` |
//! | processes and threads | `pids.current` | `pids.current` |
//!
//! <https://github.com/torvalds/linux/blob/v6.12/Documentation/admin-guide/cgroup-v2.rst>,
//! <https://github.com/torvalds/linux/blob/v6.12/Documentation/admin-guide/cgroup-v1/cpuacct.rst>

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit};

use super::{Container, Roots, path};
use crate::batch::{OwnerId, ResourceSample};
use crate::cgroups;

/// Where a number is.
struct Gauge {
    v2: &'static str,
    /// Controller and file.
    v1: (&'static str, &'static str),
    /// In the v2 file.
    parse: fn(&str) -> Option<u64>,
}

const GAUGES: [Gauge; 3] = [
    Gauge { v2: "cpu.stat", v1: ("cpuacct", "cpuacct.usage"), parse: usage_ns },
    Gauge { v2: "memory.current", v1: ("memory", "memory.usage_in_bytes"), parse: number },
    Gauge { v2: "pids.current", v1: ("pids", "pids.current"), parse: number },
];

/// Bytes read of a file. What is asked for is in the first line, of at most 32 bytes:
/// <https://github.com/torvalds/linux/blob/v6.12/kernel/cgroup/rstat.c> (`cgroup_base_stat_cputime_show`).
const FILE_MAX: usize = 256;

/// Files kept open, for 512 containers. Opening one costs several times what reading it does.
const KEPT_MAX: usize = 512 * GAUGES.len();

/// How often a container's files are looked for, once a sample: a runtime enters the hierarchies one by one.
const TRIES: u32 = 8;

/// Where one of a container's spots is, as [`super::Resolver`] knows it.
pub struct Home<'a> {
    /// The container's own cgroup, of one of the hierarchies.
    pub own: &'a str,
    pub container: &'a Container,
    /// Not empty.
    pub owners: &'a [OwnerId],
    /// A process that was in it.
    pub pid: u32,
}

pub struct Resources {
    proc: PathBuf,
    v2: Option<PathBuf>,
    /// By gauge.
    v1: [Option<PathBuf>; GAUGES.len()],
    /// That of the paths that containers are told apart by.
    controller: Option<String>,
    used: HashMap<String, Used>,
    kept: Kept,
}

/// What is known of a container.
#[derive(Default)]
struct Used {
    owner: OwnerId,
    gauges: [Option<Found>; GAUGES.len()],
    tries: u32,
}

/// A file with a number.
struct Found {
    path: PathBuf,
    /// None: there are too many to keep all open.
    file: Option<File>,
    parse: fn(&str) -> Option<u64>,
}

/// How many files are open.
struct Kept {
    now: usize,
    max: usize,
}

/// Files that may be kept open without running short of them elsewhere.
pub fn kept_max() -> usize {
    let limit = getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok());
    limit.map_or(KEPT_MAX, |limit| KEPT_MAX.min(limit / 2))
}

impl Resources {
    /// Keeps up to `kept_max` files open, see [`kept_max`].
    pub fn new(roots: &Roots, kept_max: usize) -> Self {
        let mountinfo = fs::read(roots.proc.join("self/mountinfo")).unwrap_or_default();
        let v1 = GAUGES.map(|gauge| cgroups::v1_mount(&mountinfo, gauge.v1.0));
        Self {
            proc: roots.proc.clone(),
            v2: roots.cgroup2.clone(),
            v1,
            controller: roots.cgroup1.as_ref().map(|v1| v1.controller.clone()),
            used: HashMap::new(),
            kept: Kept { now: 0, max: kept_max },
        }
    }

    /// What each container uses, at one of its owners, always the same as long as that is there.
    pub fn sample<'a>(&mut self, homes: impl Iterator<Item = Home<'a>>) -> Vec<ResourceSample> {
        let mut containers: BTreeMap<&str, Vec<Home<'a>>> = BTreeMap::new();
        for home in homes {
            containers.entry(home.own).or_default().push(home);
        }
        let Self { used, kept, .. } = self;
        used.retain(|own, used| {
            let stays = containers.contains_key(own.as_str());
            if !stays {
                kept.release(&mut used.gauges);
            }
            stays
        });
        containers.into_iter().filter_map(|(own, homes)| self.container(own, &homes)).collect()
    }

    fn container(&mut self, own: &str, homes: &[Home<'_>]) -> Option<ResourceSample> {
        let owners = homes.iter().flat_map(|home| home.owners).copied();
        let mut used = self.used.remove(own).unwrap_or_default();
        if !owners.clone().any(|owner| owner == used.owner) {
            self.kept.release(&mut used.gauges);
            used = Used { owner: owners.min()?, ..Used::default() };
        }
        if used.gauges.iter().any(Option::is_none) && used.tries < TRIES {
            used.tries += 1;
            self.find(own, homes, &mut used.gauges);
        }
        let [cpu_ns, memory_bytes, processes] = used.gauges.each_mut().map(|found| {
            let read = found.as_ref()?.read();
            if read.is_none() {
                // Its cgroup was removed, or another one has its path by now.
                self.kept.release(std::slice::from_mut(found));
            }
            read
        });
        let owner = used.owner;
        self.used.insert(own.to_owned(), used);
        let processes = processes.and_then(|number| u32::try_from(number).ok());
        Some(ResourceSample { owner, cpu_ns, memory_bytes, processes })
    }

    /// Fills in the files that are not known yet.
    fn find(&mut self, own: &str, homes: &[Home<'_>], gauges: &mut [Option<Found>; GAUGES.len()]) {
        let Some(container) = homes.first().map(|home| home.container) else { return };
        let mut pids = container.pid.into_iter().chain(homes.iter().map(|home| home.pid));
        let Some(file) = pids.find_map(|pid| self.place(pid, own)) else { return };
        let at = |path: Option<String>| path.and_then(|path| own_part(&path, own, container));
        let v2 = self.v2.as_deref().and_then(|mount| below(mount, &at(cgroups::v2_path(&file))?));
        for ((gauge, mount), found) in GAUGES.iter().zip(&self.v1).zip(gauges) {
            if found.is_some() {
                continue;
            }
            let (controller, name) = gauge.v1;
            let v1 = || below(mount.as_deref()?, &at(cgroups::v1_path(&file, controller))?);
            let in_v2 = v2.as_ref().and_then(|dir| self.kept.open(dir.join(gauge.v2), gauge.parse));
            *found = in_v2.or_else(|| self.kept.open(v1()?.join(name), number));
        }
    }

    /// A process's `cgroup` file. None: it is not in the container whose own cgroup is `own`, or not any more.
    fn place(&self, pid: u32, own: &str) -> Option<Vec<u8>> {
        let file = fs::read(self.proc.join(pid.to_string()).join("cgroup")).ok()?;
        let v1 = self.controller.as_deref().and_then(|controller| cgroups::v1_path(&file, controller));
        let mut paths = [cgroups::v2_path(&file), v1].into_iter().flatten();
        paths.any(|path| path::is_within(&path, own)).then_some(file)
    }
}

/// The container's own cgroup in another hierarchy, where one of its processes is at `path`. None: it has
/// none there, so that the numbers are somebody else's.
fn own_part(path: &str, own: &str, container: &Container) -> Option<String> {
    if path::is_within(path, own) {
        return Some(own.to_owned());
    }
    // Runtimes put it below the cgroup that they are in themselves, which is not the same in all hierarchies. In
    // a container names can be chosen so that they look like those outside.
    let (_, name) = own.rsplit_once('/').filter(|_| container.parent.is_none())?;
    if !name.contains(&container.id) {
        return None;
    }
    let mut end = 0;
    for component in path.split('/') {
        end += component.len();
        if component == name {
            return path.get(..end).map(str::to_owned);
        }
        end += 1;
    }
    None
}

/// None: `path` leads out of the mount, as one from another cgroup namespace does.
fn below(mount: &Path, path: &str) -> Option<PathBuf> {
    let leads_out = path.split('/').any(|component| component == "..");
    (!leads_out).then(|| mount.join(path.trim_start_matches('/')))
}

impl Kept {
    /// None: there is no such file, or no number in it.
    fn open(&mut self, path: PathBuf, parse: fn(&str) -> Option<u64>) -> Option<Found> {
        let file = File::open(&path).ok()?;
        let mut found = Found { path, file: Some(file), parse };
        found.read()?;
        if self.now < self.max {
            self.now += 1;
        } else {
            found.file = None;
        }
        Some(found)
    }

    fn release(&mut self, gauges: &mut [Option<Found>]) {
        for found in gauges.iter_mut().filter_map(Option::take) {
            self.now -= usize::from(found.file.is_some());
        }
    }
}

impl Found {
    fn read(&self) -> Option<u64> {
        let again;
        let file = if let Some(file) = &self.file {
            file
        } else {
            again = File::open(&self.path).ok()?;
            &again
        };
        let mut buffer = [0; FILE_MAX];
        let len = file.read_at(&mut buffer, 0).ok()?;
        // A line that was cut would be another number.
        let lines = buffer.get(..len)?;
        let end = lines.iter().rposition(|byte| *byte == b'\n')?;
        (self.parse)(str::from_utf8(lines.get(..end)?).ok()?)
    }
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

fn usage_ns(text: &str) -> Option<u64> {
    let usec: u64 = text.lines().find_map(|line| line.strip_prefix("usage_usec "))?.parse().ok()?;
    usec.checked_mul(1000)
}

#[cfg(test)]
mod tests;
