//! How cgroups are mounted, from `/proc/self/mountinfo`, and where a process is in them,
//! <https://github.com/torvalds/linux/blob/v6.12/Documentation/filesystems/proc.rst> (section 3.5).

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use procfs::process::MountInfo;
use procfs::{FromRead, ProcessCGroup, ProcessCGroups};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// No cgroup file system is mounted here.
    None,
    /// Version 1 hierarchies alone.
    V1,
    /// Version 1 hierarchies, and version 2 beside them.
    Hybrid(PathBuf),
    V2(PathBuf),
}

impl Layout {
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::V1 => "v1",
            Self::Hybrid(_) => "hybrid",
            Self::V2(_) => "v2",
        }
    }

    /// Where version 2 is mounted.
    pub fn v2(&self) -> Option<&Path> {
        match self {
            Self::None | Self::V1 => None,
            Self::Hybrid(path) | Self::V2(path) => Some(path),
        }
    }
}

/// What `mountinfo` says; lines that cannot be read are passed over.
pub fn layout(mountinfo: &[u8]) -> Layout {
    let text = String::from_utf8_lossy(mountinfo);
    let mounts: Vec<MountInfo> = text.lines().filter_map(|line| MountInfo::from_line(line).ok()).collect();
    let v1 = mounts.iter().any(|mount| mount.fs_type == "cgroup");
    let v2 = || mounts.iter().filter(|mount| mount.fs_type == "cgroup2");
    // A bind mount of a part of the hierarchy shows only that part.
    let v2 = v2().find(|mount| mount.root == "/").or_else(|| v2().next());
    match v2.map(|mount| unescape(mount.mount_point.as_os_str().as_bytes())) {
        Some(path) if v1 => Layout::Hybrid(path),
        Some(path) => Layout::V2(path),
        None if v1 => Layout::V1,
        None => Layout::None,
    }
}

/// The cgroup v1 hierarchy that containers are told apart by where version 2 does not, or not alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct V1 {
    pub controller: String,
    /// Its number, as the kernel's records have it.
    pub hierarchy: u32,
    /// The controller's value in the kernel's `enum cgroup_subsys_id`.
    pub index: u32,
    pub mount: PathBuf,
}

/// Controllers for which every runtime makes a cgroup, the best first: hosts put their own services
/// into cgroups of the others.
const V1_CONTROLLERS: [&str; 7] = ["pids", "devices", "freezer", "memory", "cpu", "cpuset", "blkio"];

/// The best hierarchy of version 1, if any is mounted. `controllers`: `/proc/cgroups`, which lists them in
/// the order of `enum cgroup_subsys_id`,
/// <https://github.com/torvalds/linux/blob/v6.12/kernel/cgroup/cgroup-v1.c#L662>.
pub fn v1(mountinfo: &[u8], controllers: &str) -> Option<V1> {
    let known: Vec<(&str, u32)> = controllers
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            Some((fields.next()?, fields.next()?.parse().ok()?))
        })
        .collect();
    V1_CONTROLLERS.iter().find_map(|wanted| {
        let index = known.iter().position(|(name, _)| name == wanted)?;
        let (_, hierarchy) = *known.get(index)?;
        Some(V1 {
            controller: (*wanted).to_owned(),
            hierarchy,
            index: u32::try_from(index).ok()?,
            mount: v1_mount(mountinfo, wanted)?,
        })
    })
}

/// The v2 path in a process's `cgroup` file, as our own cgroup namespace shows it.
pub fn v2_path(file: &[u8]) -> Option<String> {
    path(file, |group| group.hierarchy == 0)
}

/// Where the whole hierarchy of a v1 controller is mounted.
pub fn v1_mount(mountinfo: &[u8], controller: &str) -> Option<PathBuf> {
    let text = String::from_utf8_lossy(mountinfo);
    let mut mounts = text.lines().filter_map(|line| MountInfo::from_line(line).ok());
    let mount = mounts.find(|mount| {
        mount.fs_type == "cgroup" && mount.root == "/" && mount.super_options.contains_key(controller)
    })?;
    Some(unescape(mount.mount_point.as_os_str().as_bytes()))
}

/// The path in the hierarchy of a v1 controller, likewise.
pub fn v1_path(file: &[u8], controller: &str) -> Option<String> {
    path(file, |group| group.controllers.iter().any(|name| name == controller))
}

fn path(file: &[u8], wanted: impl Fn(&ProcessCGroup) -> bool) -> Option<String> {
    let text = String::from_utf8_lossy(file);
    let groups = ProcessCGroups::from_read(text.as_bytes()).ok()?;
    groups.into_iter().find(wanted).map(|group| group.pathname)
}

/// The kernel writes blanks, tabs, newlines and backslashes as three octal digits.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        if let [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] = rest {
            bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
            rest = after;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n";
    const V2: &str = "41 31 0:38 / /sys/fs/cgroup/unified rw shared:9 master:3 - cgroup2 cgroup2 rw\n";
    const OTHER: &str = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n";

    fn of(lines: &[&str]) -> Layout {
        layout(lines.concat().as_bytes())
    }

    #[test]
    fn every_layout() {
        let unified = || PathBuf::from("/sys/fs/cgroup/unified");
        assert_eq!(of(&[OTHER]), Layout::None);
        assert_eq!(of(&[OTHER, V1]), Layout::V1);
        assert_eq!(of(&[OTHER, V1, V2]), Layout::Hybrid(unified()));
        assert_eq!(of(&[OTHER, V2]), Layout::V2(unified()));
    }

    #[test]
    fn the_v1_hierarchy_that_tells_containers_apart() {
        let proc = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t3\t4\t1\ncpu\t1\t4\t1\nnet_cls\t0\t3\t1\npids\t8\t4\t1\n";
        let pids = "39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";
        let part = "39 31 0:36 /box /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";
        let found = |mounts: &[&str]| v1(mounts.concat().as_bytes(), proc);
        let cpu = found(&[OTHER, V1, V2]).unwrap();
        assert_eq!((cpu.controller.as_str(), cpu.hierarchy, cpu.index), ("cpu", 1, 1));
        let best = found(&[V1, pids]).unwrap();
        assert_eq!((best.hierarchy, best.index, best.mount), (8, 3, PathBuf::from("/sys/fs/cgroup/pids")));
        assert_eq!(found(&[V2, part]), None);
        assert_eq!(v1(pids.as_bytes(), "pids\nx y\n"), None);
    }

    #[test]
    fn a_whole_hierarchy_goes_before_a_part() {
        let part = "50 31 0:38 /box /box/cgroup rw - cgroup2 none rw\n";
        assert_eq!(of(&[part, V2]).v2(), Some(Path::new("/sys/fs/cgroup/unified")));
        assert_eq!(of(&[part]).v2(), Some(Path::new("/box/cgroup")));
    }

    #[test]
    fn where_a_process_is() {
        for (file, path) in [
            (&b"4:memory:/a\n0::/b:c/d\n"[..], Some("/b:c/d")),
            (b"0::/\n", Some("/")),
            (b"4:memory:/a\n", None),
            (b"", None),
            (b"x", None),
            (b"0::/\xff\n", Some("/\u{fffd}")),
        ] {
            assert_eq!(v2_path(file).as_deref(), path, "{file:?}");
        }
    }

    #[test]
    fn escapes_and_broken_lines() {
        let odd = br"1 2 0:3 / /a\040b\134c\9\04 rw - cgroup2 none rw";
        assert_eq!(layout(odd).v2(), Some(Path::new(r"/a b\c\9\04")));
        for broken in
            [&b""[..], b" ", b"\n\n", b"1 2 3", b"1 2 0:3 / /x rw -", b"\xff\xfe - cgroup2", b"- cgroup2"]
        {
            assert_eq!(layout(broken), Layout::None, "{broken:?}");
        }
    }
}
