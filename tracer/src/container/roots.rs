//! The directories that names are looked up in.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::cgroups::{self, V1};

/// Parameters, so that a host can be looked at from inside a container, and a test can have its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots {
    /// `/proc`, of the pid namespace whose ids the kernel reports.
    pub proc: PathBuf,
    /// Where cgroup v2 is mounted.
    pub cgroup2: Option<PathBuf>,
    /// The cgroup v1 hierarchy that containers are told apart by.
    pub cgroup1: Option<V1>,
    /// What stands for `/`: the runtimes' state files are below it.
    pub root: PathBuf,
}

impl Roots {
    /// This machine's.
    pub fn detect() -> Result<Self> {
        Self::with("/proc".into(), "/".into())
    }

    /// Finds the hierarchies by `self/mountinfo` and `cgroups` in `proc`.
    pub fn with(proc: PathBuf, root: PathBuf) -> Result<Self> {
        let file = proc.join("self/mountinfo");
        let mountinfo = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        // A kernel without version 1 may not have it.
        let controllers = std::fs::read_to_string(proc.join("cgroups")).unwrap_or_default();
        let cgroup2 = cgroups::layout(&mountinfo).v2().map(Path::to_path_buf);
        let cgroup1 = cgroups::v1(&mountinfo, &controllers);
        ensure!(
            cgroup2.is_some() || cgroup1.is_some(),
            "cannot tell containers apart: {} has no cgroup file system; mount one: mkdir -p /sys/fs/cgroup && \
             mount -t cgroup2 none /sys/fs/cgroup",
            file.display()
        );
        Ok(Self { proc, cgroup2, cgroup1, root })
    }

    /// Where runtimes may have cgroup v2 in their own view, the likeliest first: ours, and those of hosts
    /// whose file systems we see elsewhere.
    pub(super) fn cgroup_mounts(&self) -> Vec<PathBuf> {
        self.cgroup2
            .iter()
            .cloned()
            .chain(["/sys/fs/cgroup/unified".into(), "/sys/fs/cgroup".into()])
            .collect()
    }

    /// Directory and path of the controller of version 1.
    pub(super) fn controller(&self) -> Option<&str> {
        self.cgroup1.as_ref().map(|v1| v1.controller.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::put;
    use super::*;

    #[test]
    fn the_mounts_come_from_mountinfo_or_the_error_says_how_to_get_one() {
        let proc = tempfile::tempdir().unwrap();
        let roots = || Roots::with(proc.path().into(), "/".into());
        assert!(format!("{:#}", roots().unwrap_err()).contains("self/mountinfo: No such file"));
        put(proc.path(), "self/mountinfo", "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n");
        assert!(format!("{:#}", roots().unwrap_err()).contains("mount -t cgroup2"));
        put(proc.path(), "self/mountinfo", "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
        assert_eq!(roots().unwrap().cgroup2, Some(PathBuf::from("/sys/fs/cgroup")));
        put(proc.path(), "self/mountinfo", "31 23 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n");
        put(proc.path(), "cgroups", "#subsys_name\tx\npids\t8\t1\t1\n");
        let found = roots().unwrap();
        assert_eq!((found.cgroup2, found.cgroup1.unwrap().hierarchy), (None, 8));
    }
}
