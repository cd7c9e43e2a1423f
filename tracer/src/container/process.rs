//! What `/proc` says of a process's namespaces and cgroup.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::cgroups;

/// Inode number of a namespace of a process; `kind` is its name in `/proc/PID/ns`. None: the process
/// is gone, or not ours to ask.
pub fn namespace(proc: &Path, pid: u32, kind: &str) -> Option<u32> {
    namespace_of(proc, &pid.to_string(), kind).ok()
}

/// Inode number of the host's pid namespace: that of process 1, or, where we may not ask that, ours.
pub fn host_pid_ns(proc: &Path) -> Result<u32> {
    namespace_of(proc, "1", "pid").or_else(|_| namespace_of(proc, "self", "pid"))
}

fn namespace_of(proc: &Path, pid: &str, kind: &str) -> Result<u32> {
    let path = proc.join(pid).join("ns").join(kind);
    let target = fs::read_link(&path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&target.to_string_lossy(), kind).with_context(|| {
        format!("{} leads to {}, which names no {kind} namespace", path.display(), target.display())
    })
}

/// `pid:[4026531836]`
fn parse(target: &str, kind: &str) -> Option<u32> {
    target.strip_prefix(kind)?.strip_prefix(":[")?.strip_suffix(']')?.parse().ok()
}

/// Path of the cgroup v2 that a process is in, as our own cgroup namespace shows it.
pub fn cgroup(proc: &Path, pid: u32) -> Option<String> {
    cgroups::v2_path(&fs::read(proc.join(pid.to_string()).join("cgroup")).ok()?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_host_is_process_1_or_else_we() {
        let proc = tempfile::tempdir().unwrap();
        let link = |pid: &str, target: &str| {
            fs::create_dir_all(proc.path().join(pid).join("ns")).unwrap();
            symlink(target, proc.path().join(pid).join("ns/pid")).unwrap();
        };
        let error = host_pid_ns(proc.path()).unwrap_err();
        assert!(format!("{error:#}").contains("self/ns/pid: No such file"), "{error:#}");
        link("self", "pid:[4026531836]");
        assert_eq!(host_pid_ns(proc.path()).unwrap(), 4_026_531_836);
        link("1", "pid:[12]");
        assert_eq!(host_pid_ns(proc.path()).unwrap(), 12);
        assert_eq!(namespace(proc.path(), 1, "mnt"), None);
    }

    #[test]
    fn a_namespace_link_has_its_kind_and_a_number() {
        for target in ["mnt:[1]", "pid:[]", "pid:[x]", "pid:1", "pid:[99999999999]", ""] {
            assert_eq!(parse(target, "pid"), None, "{target}");
        }
    }

    #[test]
    fn the_cgroup_is_that_of_hierarchy_0() {
        let proc = tempfile::tempdir().unwrap();
        fs::create_dir(proc.path().join("7")).unwrap();
        fs::write(proc.path().join("7/cgroup"), b"9:name=systemd:/v1\n0::/a:b\xff\n").unwrap();
        assert_eq!(cgroup(proc.path(), 7).as_deref(), Some("/a:b\u{fffd}"));
        assert_eq!(cgroup(proc.path(), 8), None);
    }
}
