//! The containers that there are at one moment.

use std::collections::HashMap;
use std::sync::Arc;

use super::cgroupfs::{self, Walk};
use super::lookup::{Evidence, Known, Lookup};
use super::{Container, Roots, process};

/// A container in the cgroup tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub container: Arc<Container>,
    /// Of its own cgroup v2, from the root of the hierarchy; lossy where it is not UTF-8.
    pub cgroup_path: String,
    pub cgroup_id: u64,
    /// Inode numbers of the namespaces of `pid`.
    pub pid_ns: Option<u32>,
    pub mnt_ns: Option<u32>,
    /// Its first process, or some other one. None: it has none, or we may not see it.
    pub pid: Option<u32>,
    /// How we know of it.
    pub source: Evidence,
}

/// All containers that have a cgroup of their own, by its path.
pub fn take(lookup: &mut Lookup, roots: &Roots) -> Vec<Found> {
    lookup.refresh();
    let mut found: HashMap<String, (Found, Vec<u32>)> = HashMap::new();
    for cgroup in Walk::new(&roots.cgroup2) {
        let Some(place) = lookup.place(&cgroup.path) else { continue };
        // A container's own cgroup comes before those in it.
        let (_, pids) = found.entry(place.cgroup.clone()).or_insert_with(|| {
            let cgroup_path = place.cgroup.clone();
            let Known { container, evidence, .. } = lookup.known(place);
            let container = Arc::new(container);
            let (pid, pid_ns, mnt_ns) = (None, None, None);
            let found =
                Found { container, cgroup_path, cgroup_id: cgroup.id, pid_ns, mnt_ns, pid, source: evidence };
            (found, Vec::new())
        });
        pids.extend(cgroupfs::processes(&cgroup.dir));
    }
    let mut all: Vec<_> =
        found.into_values().map(|(found, pids)| with_process(found, &pids, roots)).collect();
    all.sort_by(|a, b| a.cgroup_path.cmp(&b.cgroup_path));
    all
}

fn with_process(found: Found, pids: &[u32], roots: &Roots) -> Found {
    let first = found.container.pid.filter(|first| pids.contains(first));
    let pid = first.or_else(|| pids.iter().min().copied());
    let namespace = |kind| pid.and_then(|pid| process::namespace(&roots.proc, pid, kind));
    Found { pid, pid_ns: namespace("pid"), mnt_ns: namespace("mnt"), ..found }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::super::testing::{id, put, runc_state};
    use super::*;

    fn roots(dir: &Path) -> Roots {
        let at = |name: &str| dir.join(name);
        Roots { proc: at("proc"), cgroup2: at("cgroup"), run: at("run"), var_lib: at("lib") }
    }

    #[test]
    fn every_container_is_there_once_with_a_process_and_its_source() {
        let dir = tempfile::tempdir().unwrap();
        let roots = roots(dir.path());
        let docker = format!("/docker/{}", id('d'));
        for (cgroup, pids) in [
            ("/user.slice", "3\n"),
            ("/shop/web", "50\n40\n"),
            (&format!("{docker}/init"), "70\n60\n"),
            (&format!("{docker}/docker/{}", id('e')), ""),
        ] {
            put(&roots.cgroup2, &format!("{}/cgroup.procs", &cgroup[1..]), pids);
        }
        put(&roots.run, "runc/web/state.json", &runc_state("web", 50, "/shop/web"));
        std::fs::create_dir_all(roots.proc.join("50/ns")).unwrap();
        symlink("pid:[7]", roots.proc.join("50/ns/pid")).unwrap();
        symlink("mnt:[8]", roots.proc.join("50/ns/mnt")).unwrap();

        let found = take(&mut Lookup::new(roots.clone()), &roots);
        let rows: Vec<_> = found
            .iter()
            .map(|f| {
                (
                    f.cgroup_path.clone(),
                    f.container.id.as_str(),
                    f.pid,
                    f.pid_ns,
                    f.mnt_ns,
                    f.source.to_string(),
                )
            })
            .collect();
        let state = roots.run.join("runc/web/state.json").display().to_string();
        let nested = format!("{docker}/docker/{}", id('e'));
        assert_eq!(
            rows,
            [
                (docker.clone(), id('d').as_str(), Some(60), None, None, "cgroup path".to_owned()),
                (nested.clone(), id('e').as_str(), None, None, None, "cgroup path".to_owned()),
                ("/shop/web".to_owned(), "web", Some(50), Some(7), Some(8), state),
            ]
        );
        for found in &found {
            assert_eq!(cgroupfs::id_at(&roots.cgroup2, &found.cgroup_path), Some(found.cgroup_id));
        }
        assert_eq!(found[1].container.parent, Some(id('d')));
    }
}
