//! What `/proc` says of a process's namespaces and cgroups.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::cgroups;

/// Processes on the way up to the one that began a pid namespace. A shell in a shell in a session: a dozen.
const ANCESTORS_MAX: usize = 256;

/// Of `/proc/PID/stat`, `USER_HZ`,
/// <https://github.com/torvalds/linux/blob/v6.12/include/asm-generic/param.h#L9>.
const TICKS_PER_SECOND: u64 = 100;

/// A pid namespace other than the host's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Inode number.
    pub inum: u32,
    /// Its first process, as the host counts.
    pub init: u32,
    /// The same process, as the namespace around counts.
    pub init_outer: u32,
    /// First process of the namespace around, as the host counts. None: that is the host's.
    pub around: Option<u32>,
    /// When its first process started, `CLOCK_BOOTTIME`, ns.
    pub started_ns: u64,
}

/// Where a process is in the hierarchies, as our own cgroup namespace shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    pub v2: Option<String>,
    /// In that of the controller asked for.
    pub v1: Option<String>,
}

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

/// None: the process is gone.
pub fn paths(proc: &Path, pid: u32, v1_controller: Option<&str>) -> Option<Paths> {
    let file = fs::read(proc.join(pid.to_string()).join("cgroup")).ok()?;
    let v1 = v1_controller.and_then(|controller| cgroups::v1_path(&file, controller));
    Some(Paths { v2: cgroups::v2_path(&file), v1 })
}

/// The pid namespace that a process began. None: it began none, or is gone.
pub fn begun(proc: &Path, pid: u32) -> Option<Namespace> {
    let status = Status::read(proc, pid)?;
    let [.., init_outer, 1] = status.ids.as_slice() else { return None };
    Some(Namespace {
        inum: namespace(proc, pid, "pid")?,
        init: pid,
        init_outer: *init_outer,
        around: if status.ids.len() > 2 { Some(around(proc, &status)?) } else { None },
        started_ns: started_ns(proc, pid)?,
    })
}

/// First process of the namespace around that of `inner`, which began one.
fn around(proc: &Path, inner: &Status) -> Option<u32> {
    let depth = inner.ids.len() - 1;
    let (mut pid, mut status) = (inner.parent, Status::read(proc, inner.parent)?);
    for _ in 0..ANCESTORS_MAX {
        if status.ids.len() <= depth {
            break;
        }
        pid = status.parent;
        status = Status::read(proc, pid)?;
    }
    let began = |status: &Status| status.ids.len() == depth && status.ids.last() == Some(&1);
    if began(&status) {
        return Some(pid);
    }
    // What somebody runs in a container has that one's first process for no ancestor.
    let inum = Some(namespace(proc, pid, "pid")?).filter(|_| status.ids.len() == depth)?;
    all(proc).into_iter().find(|pid| {
        Status::read(proc, *pid).is_some_and(|status| began(&status))
            && namespace(proc, *pid, "pid") == Some(inum)
    })
}

/// `CLOCK_BOOTTIME` of a process's start, ns; whole hundredths of a second.
pub fn started_ns(proc: &Path, pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(proc.join(pid.to_string()).join("stat")).ok()?;
    // The name may hold anything, parentheses and blanks too.
    let (_, behind_name) = stat.rsplit_once(')')?;
    let ticks: u64 = behind_name.split_whitespace().nth(19)?.parse().ok()?;
    ticks.checked_mul(1_000_000_000 / TICKS_PER_SECOND)
}

/// The words of a process's command line, lossy where they are not UTF-8.
pub fn command_line(proc: &Path, pid: u32) -> Option<Vec<String>> {
    let bytes = fs::read(proc.join(pid.to_string()).join("cmdline")).ok()?;
    Some(bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect())
}

/// Parent of a process.
pub fn parent(proc: &Path, pid: u32) -> Option<u32> {
    Status::read(proc, pid).map(|status| status.parent)
}

/// Whose rootless container a process may begin: who started it, if it is in a user namespace of its own and
/// that is not root.
pub fn user(proc: &Path, pid: u32) -> Option<u32> {
    let host = namespace_of(proc, "1", "user").or_else(|_| namespace_of(proc, "self", "user")).ok()?;
    if namespace(proc, pid, "user")? == host {
        return None;
    }
    Some(Status::read(proc, parent(proc, pid)?)?.uid).filter(|uid| *uid != 0)
}

/// All processes, unordered.
pub fn all(proc: &Path) -> Vec<u32> {
    let entries = fs::read_dir(proc).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

struct Status {
    parent: u32,
    /// Real user id.
    uid: u32,
    /// Its process ids, from the host's namespace inwards.
    ids: Vec<u32>,
}

impl Status {
    fn read(proc: &Path, pid: u32) -> Option<Self> {
        let text = fs::read(proc.join(pid.to_string()).join("status")).ok()?;
        let text = String::from_utf8_lossy(&text);
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        let ids = field("NStgid:")?.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
        let number = |name: &str| field(name)?.split_whitespace().next()?.parse().ok();
        Some(Self { parent: number("PPid:")?, uid: number("Uid:")?, ids })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::testing::{process, put};
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
    fn the_cgroups_are_those_of_hierarchy_0_and_of_the_controller() {
        let proc = tempfile::tempdir().unwrap();
        put(proc.path(), "7/cgroup", "9:name=systemd:/s\n8:pids:/v1\n0::/a:b\n");
        let paths = paths(proc.path(), 7, Some("pids")).unwrap();
        assert_eq!((paths.v2.as_deref(), paths.v1.as_deref()), (Some("/a:b"), Some("/v1")));
        assert_eq!(super::paths(proc.path(), 8, None), None);
    }

    #[test]
    fn nested_namespaces_are_found_by_the_ancestors() {
        let proc = tempfile::tempdir().unwrap();
        process(proc.path(), 10, 1, &[10, 1], 500);
        process(proc.path(), 20, 10, &[20, 5], 500);
        process(proc.path(), 30, 20, &[30, 7, 1], 600);
        assert_eq!(
            begun(proc.path(), 30).unwrap(),
            Namespace { inum: 600, init: 30, init_outer: 7, around: Some(10), started_ns: 120_000_000 }
        );
        assert_eq!(begun(proc.path(), 10).unwrap().around, None);
        assert_eq!(begun(proc.path(), 20), None);
        // In an `exec` session.
        process(proc.path(), 50, 1, &[50, 9], 500);
        process(proc.path(), 60, 50, &[60, 8, 1], 800);
        assert_eq!(begun(proc.path(), 60).unwrap().around, Some(10));
        // A circle of parents.
        process(proc.path(), 40, 40, &[40, 3, 1], 700);
        assert_eq!(begun(proc.path(), 40), None);
    }

    #[test]
    fn a_hostile_name_does_not_move_the_start_time() {
        let proc = tempfile::tempdir().unwrap();
        process(proc.path(), 10, 1, &[10, 1], 500);
        let stat = fs::read_to_string(proc.path().join("10/stat")).unwrap();
        fs::write(proc.path().join("10/stat"), stat.replace("(x)", "(a) b (c)")).unwrap();
        assert_eq!(started_ns(proc.path(), 10), Some(120_000_000));
    }
}
