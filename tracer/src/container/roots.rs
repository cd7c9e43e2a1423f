//! The directories that names are looked up in.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cgroups;

/// Parameters, so that a host can be looked at from inside a container, and a test can have its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots {
    /// `/proc`, of the pid namespace whose ids the kernel reports.
    pub proc: PathBuf,
    /// Where cgroup v2 is mounted.
    pub cgroup2: PathBuf,
    /// `/run`
    pub run: PathBuf,
    /// `/var/lib`
    pub var_lib: PathBuf,
}

impl Roots {
    /// This machine's.
    pub fn detect() -> Result<Self> {
        Self::with("/proc".into(), "/run".into(), "/var/lib".into())
    }

    /// Finds cgroup v2 by `self/mountinfo` in `proc`.
    pub fn with(proc: PathBuf, run: PathBuf, var_lib: PathBuf) -> Result<Self> {
        let file = proc.join("self/mountinfo");
        let mountinfo = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let cgroup2 = cgroups::layout(&mountinfo).v2().map(Path::to_path_buf).with_context(|| {
            format!(
                "cannot tell containers apart: {} has no cgroup v2 file system; mount one, beside cgroup v1 \
                 if need be: mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup/unified",
                file.display()
            )
        })?;
        Ok(Self { proc, cgroup2, run, var_lib })
    }

    /// Where runtimes may have cgroup v2 in their own view, the likeliest first: ours, and those of hosts
    /// whose file systems we see elsewhere.
    pub(super) fn cgroup_mounts(&self) -> Vec<PathBuf> {
        vec![self.cgroup2.clone(), "/sys/fs/cgroup/unified".into(), "/sys/fs/cgroup".into()]
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::put;
    use super::*;

    #[test]
    fn the_mount_comes_from_mountinfo_or_the_error_says_how_to_get_one() {
        let proc = tempfile::tempdir().unwrap();
        let roots = || Roots::with(proc.path().into(), "/run".into(), "/var/lib".into());
        assert!(format!("{:#}", roots().unwrap_err()).contains("self/mountinfo: No such file"));
        put(proc.path(), "self/mountinfo", "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n");
        assert!(format!("{:#}", roots().unwrap_err()).contains("mount -t cgroup2"));
        put(proc.path(), "self/mountinfo", "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
        assert_eq!(roots().unwrap().cgroup2, PathBuf::from("/sys/fs/cgroup"));
    }
}
