//! Facts about the machine and about ctrace's own process. Reading never fails: what cannot be read
//! is a fact too.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use rustix::process::{Resource, geteuid, getrlimit};

use crate::cgroups::{self, Layout, V1};

/// Where the file systems are.
#[derive(Clone, Debug)]
pub struct Roots {
    pub proc: PathBuf,
    pub sys: PathBuf,
    /// Of the runtimes' state directories.
    pub root: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self { proc: "/proc".into(), sys: "/sys".into(), root: "/".into() }
    }
}

/// What only the process itself knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Effective.
    pub uid: u32,
    /// Soft limit of locked memory in bytes; None: no limit.
    pub memlock: Option<u64>,
    /// Full path of the running binary.
    pub exe: PathBuf,
    /// After the program's name.
    pub args: Vec<OsString>,
}

impl Process {
    pub fn current() -> Self {
        Self {
            uid: geteuid().as_raw(),
            memlock: getrlimit(Resource::Memlock).current,
            exe: env::current_exe().unwrap_or_else(|_| "ctrace".into()),
            args: env::args_os().skip(1).collect(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// As Rust names it.
    pub arch: &'static str,
    /// `uname -r`; empty: unreadable.
    pub release: String,
    /// Major and minor of `release`.
    pub kernel: Option<(u32, u32)>,
    /// Whether the kernel describes its own types.
    pub btf: bool,
    pub lockdown: Lockdown,
    /// None: `/proc/self/status` does not say.
    pub caps: Option<Caps>,
    /// Whether ctrace itself runs under a seccomp filter.
    pub filtered: bool,
    pub user_ns: Namespace,
    pub pid_ns: Namespace,
    pub cgroup_ns: Namespace,
    pub perf_event_paranoid: Option<i32>,
    pub unprivileged_bpf_disabled: Option<i32>,
    /// 2: nobody may see addresses of kernel functions.
    pub kptr_restrict: Option<i32>,
    pub pid_max: Option<u32>,
    /// As `/sys/devices/system/cpu/possible` counts them.
    pub possible_cpus: Option<u32>,
    pub cgroup: Layout,
    /// What tells containers apart where version 2 does not.
    pub cgroup_v1: Option<V1>,
    /// Only those that are there.
    pub state_dirs: Vec<StateDir>,
    pub process: Process,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lockdown {
    /// The kernel has none, or securityfs is not mounted.
    Absent,
    /// The file is there and cannot be read.
    Unreadable,
    Off,
    Integrity,
    Confidentiality,
}

/// Bit sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    pub effective: u64,
    pub permitted: u64,
}

/// Numbers of the capabilities that matter here,
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/capability.h>.
pub mod cap {
    pub const DAC_READ_SEARCH: u32 = 2;
    pub const SYS_PTRACE: u32 = 19;
    pub const SYS_ADMIN: u32 = 21;
    pub const SYS_RESOURCE: u32 = 24;
    pub const PERFMON: u32 = 38;
    pub const BPF: u32 = 39;
}

/// Whether one of ctrace's own namespaces is the one that the machine has booted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespace {
    Initial,
    Own,
    Unreadable,
}

/// A directory in which a runtime keeps what it knows of its containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateDir {
    pub runtime: &'static str,
    pub path: &'static str,
}

/// Rootful ones. Rootless ones lie in the users' own directories and are met through their processes.
const STATE_DIRS: &[StateDir] = &[
    StateDir { runtime: "docker", path: "/var/lib/docker" },
    StateDir { runtime: "podman", path: "/var/lib/containers" },
    StateDir { runtime: "containerd", path: "/run/containerd" },
    StateDir { runtime: "cri-o", path: "/run/crio" },
    StateDir { runtime: "runc", path: "/run/runc" },
    StateDir { runtime: "crun", path: "/run/crun" },
    StateDir { runtime: "lxc", path: "/var/lib/lxc" },
    StateDir { runtime: "nspawn", path: "/run/systemd/nspawn" },
];

/// Inode numbers of the namespaces that a kernel boots with,
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/proc_ns.h>.
mod initial {
    pub const USER: u32 = 0xEFFF_FFFD;
    pub const PID: u32 = 0xEFFF_FFFC;
    pub const CGROUP: u32 = 0xEFFF_FFFB;
}

impl Host {
    pub fn read(roots: &Roots, process: Process) -> Self {
        let Roots { proc, sys, root } = roots;
        let own = proc.join("self");
        let release = text(&proc.join("sys/kernel/osrelease")).unwrap_or_default();
        let status = text(&own.join("status")).unwrap_or_default();
        let mounts = fs::read(own.join("mountinfo")).unwrap_or_default();
        let controllers = text(&proc.join("cgroups")).unwrap_or_default();
        Self {
            arch: env::consts::ARCH,
            kernel: version(&release),
            release,
            btf: sys.join("kernel/btf/vmlinux").exists(),
            lockdown: lockdown(fs::read_to_string(sys.join("kernel/security/lockdown"))),
            caps: caps(&status),
            filtered: field(&status, "Seccomp") == Some("2"),
            user_ns: namespace(&own.join("ns/user"), initial::USER),
            pid_ns: namespace(&own.join("ns/pid"), initial::PID),
            cgroup_ns: namespace(&own.join("ns/cgroup"), initial::CGROUP),
            perf_event_paranoid: number(&proc.join("sys/kernel/perf_event_paranoid")),
            unprivileged_bpf_disabled: number(&proc.join("sys/kernel/unprivileged_bpf_disabled")),
            kptr_restrict: number(&proc.join("sys/kernel/kptr_restrict")),
            pid_max: number(&proc.join("sys/kernel/pid_max")),
            possible_cpus: text(&sys.join("devices/system/cpu/possible")).and_then(|list| count_cpus(&list)),
            cgroup: cgroups::layout(&mounts),
            cgroup_v1: cgroups::v1(&mounts, &controllers),
            state_dirs: state_dirs(root),
            process,
        }
    }

    /// Whether the capability is effective. What `/proc` does not say counts as missing.
    pub fn has(&self, capability: u32) -> bool {
        self.caps.is_some_and(|caps| caps.effective >> capability & 1 == 1)
    }

    /// Whether the kernel is at least this new; None: nobody knows.
    pub fn is_at_least(&self, major: u32, minor: u32) -> Option<bool> {
        self.kernel.map(|kernel| kernel >= (major, minor))
    }
}

/// A file's text without white space around it.
fn text(path: &Path) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    Some(String::from_utf8_lossy(&bytes).trim().to_owned())
}

fn number<T: std::str::FromStr>(path: &Path) -> Option<T> {
    text(path)?.parse().ok()
}

/// `6.18.44-rc1+` -> (6, 18)
fn version(release: &str) -> Option<(u32, u32)> {
    let (major, rest) = release.split_once('.')?;
    let minor = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// `none [integrity] confidentiality`
fn lockdown(read: io::Result<String>) -> Lockdown {
    let text = match read {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Lockdown::Absent,
        Err(_) => return Lockdown::Unreadable,
    };
    match text.split_once('[').and_then(|(_, rest)| rest.split_once(']')) {
        Some(("none", _)) => Lockdown::Off,
        Some(("integrity", _)) => Lockdown::Integrity,
        Some(("confidentiality", _)) => Lockdown::Confidentiality,
        Some(_) | None => Lockdown::Unreadable,
    }
}

/// A value of `/proc/PID/status`.
fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

fn caps(status: &str) -> Option<Caps> {
    let set = |name| u64::from_str_radix(field(status, name)?, 16).ok();
    Some(Caps { effective: set("CapEff")?, permitted: set("CapPrm")? })
}

/// The link reads `pid:[4026531836]`.
fn namespace(link: &Path, initial: u32) -> Namespace {
    let inode = fs::read_link(link).ok().and_then(|target| {
        let (_, rest) = target.to_str()?.split_once(":[")?;
        rest.strip_suffix(']')?.parse::<u32>().ok()
    });
    match inode {
        Some(inode) if inode == initial => Namespace::Initial,
        Some(_) => Namespace::Own,
        None => Namespace::Unreadable,
    }
}

/// `0-3,8` -> 5
fn count_cpus(list: &str) -> Option<u32> {
    list.split(',').try_fold(0_u32, |sum, range| {
        let (low, high) = range.split_once('-').unwrap_or((range, range));
        let (low, high): (u32, u32) = (low.parse().ok()?, high.parse().ok()?);
        sum.checked_add(high.checked_sub(low)?.checked_add(1)?)
    })
}

fn state_dirs(root: &Path) -> Vec<StateDir> {
    let there = |dir: &&StateDir| root.join(dir.path.trim_start_matches('/')).is_dir();
    STATE_DIRS.iter().filter(there).copied().collect()
}

#[cfg(test)]
impl Host {
    /// A machine on which everything is as it should be.
    pub(super) fn sample() -> Self {
        Self {
            arch: "x86_64",
            release: "6.18.9-generic".into(),
            kernel: Some((6, 18)),
            btf: true,
            lockdown: Lockdown::Off,
            caps: Some(Caps { effective: 0x1ff_ffff_ffff, permitted: 0x1ff_ffff_ffff }),
            filtered: false,
            user_ns: Namespace::Initial,
            pid_ns: Namespace::Initial,
            cgroup_ns: Namespace::Initial,
            perf_event_paranoid: Some(2),
            unprivileged_bpf_disabled: Some(2),
            kptr_restrict: Some(1),
            pid_max: Some(32_768),
            possible_cpus: Some(8),
            cgroup: Layout::V2("/sys/fs/cgroup".into()),
            cgroup_v1: None,
            state_dirs: vec![StateDir { runtime: "docker", path: "/var/lib/docker" }],
            process: Process {
                uid: 0,
                memlock: Some(8 << 20),
                exe: "/home/u/.cargo/bin/ctrace".into(),
                args: vec!["top".into(), "--once".into()],
            },
        }
    }

    /// The same, booted with cgroup v1 alone.
    pub(super) fn with_v1() -> Self {
        Self {
            cgroup: Layout::V1,
            cgroup_v1: Some(V1 {
                controller: "pids".into(),
                hierarchy: 8,
                index: 3,
                mount: "/sys/fs/cgroup/pids".into(),
            }),
            ..Self::sample()
        }
    }

    /// The same, used by somebody without privileges.
    pub(super) fn unprivileged() -> Self {
        let host = Self::sample();
        Self {
            caps: Some(Caps { effective: 0, permitted: 0 }),
            lockdown: Lockdown::Unreadable,
            process: Process { uid: 1000, ..host.process },
            ..host
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn put(root: &Path, path: &str, content: &[u8]) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn roots(root: &Path) -> Roots {
        Roots { proc: root.join("proc"), sys: root.join("sys"), root: root.to_path_buf() }
    }

    #[test]
    fn a_machine_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        put(root, "proc/sys/kernel/osrelease", b"6.18.9-generic\n");
        put(root, "proc/sys/kernel/perf_event_paranoid", b"2\n");
        put(root, "proc/sys/kernel/unprivileged_bpf_disabled", b"2\n");
        put(root, "proc/sys/kernel/kptr_restrict", b"1\n");
        put(root, "proc/sys/kernel/pid_max", b"32768\n");
        put(
            root,
            "proc/self/status",
            b"Name:\tctrace\nCapPrm:\t000001ffffffffff\nCapEff:\t000001ffffffffff\nSeccomp:\t0\n",
        );
        put(root, "proc/self/mountinfo", b"30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
        fs::create_dir_all(root.join("proc/self/ns")).unwrap();
        for (name, inode) in [("user", initial::USER), ("pid", initial::PID), ("cgroup", initial::CGROUP)] {
            symlink(format!("{name}:[{inode}]"), root.join("proc/self/ns").join(name)).unwrap();
        }
        put(root, "sys/kernel/btf/vmlinux", b"");
        put(root, "sys/kernel/security/lockdown", b"[none] integrity confidentiality\n");
        put(root, "sys/devices/system/cpu/possible", b"0-7\n");
        fs::create_dir_all(root.join("var/lib/docker")).unwrap();

        let sample = Host { arch: env::consts::ARCH, ..Host::sample() };
        assert_eq!(Host::read(&roots(root), sample.process.clone()), sample);

        put(
            root,
            "proc/self/mountinfo",
            b"32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
              39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n",
        );
        let controllers = b"#subsys_name\thierarchy\tnum_cgroups\tenabled\n\
            cpuset\t0\t4\t1\ncpu\t1\t4\t1\nmemory\t0\t4\t1\npids\t8\t4\t1\n";
        put(root, "proc/cgroups", controllers);
        let v1 = Host { arch: env::consts::ARCH, ..Host::with_v1() };
        assert_eq!(Host::read(&roots(root), v1.process.clone()), v1);
    }

    #[test]
    fn an_empty_machine_gives_unknowns() {
        let folder = tempfile::tempdir().unwrap();
        let host = Host::read(&roots(folder.path()), Host::sample().process);
        assert_eq!((host.kernel, host.caps, host.pid_max, host.possible_cpus), (None, None, None, None));
        assert_eq!(
            (host.pid_ns, host.lockdown, host.cgroup.clone()),
            (Namespace::Unreadable, Lockdown::Absent, Layout::None)
        );
        assert!(host.cgroup_v1.is_none() && !host.btf && !host.has(cap::BPF) && host.state_dirs.is_empty());
    }

    #[test]
    fn this_machine_is_read() {
        let host = Host::read(&Roots::default(), Process::current());
        assert!(host.kernel.is_some() && host.caps.is_some() && host.possible_cpus > Some(0), "{host:?}");
        assert!(host.process.exe.is_absolute());
    }

    #[test]
    fn releases() {
        assert_eq!(version("6.18.44-fc-v669"), Some((6, 18)));
        assert_eq!(version("7.1-rc4+"), Some((7, 1)));
        assert_eq!(version("5.10"), Some((5, 10)));
        for odd in ["", "6", "six.one", ".", "6.", "99999999999.1"] {
            assert_eq!(version(odd), None, "{odd}");
        }
    }

    #[test]
    fn lockdown_modes() {
        assert_eq!(lockdown(Ok("none [integrity] confidentiality\n".into())), Lockdown::Integrity);
        assert_eq!(lockdown(Ok("none integrity [confidentiality]\n".into())), Lockdown::Confidentiality);
        assert_eq!(lockdown(Ok("][".into())), Lockdown::Unreadable);
        assert_eq!(lockdown(Err(io::ErrorKind::PermissionDenied.into())), Lockdown::Unreadable);
    }

    #[test]
    fn cpu_lists() {
        assert_eq!(count_cpus("0"), Some(1));
        assert_eq!(count_cpus("0-3,8"), Some(5));
        for odd in ["", "3-0", "0-", "x", "0-4294967295"] {
            assert_eq!(count_cpus(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_filter_and_foreign_namespaces() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        // A hostile `Name:` cannot pose as another field: the kernel escapes its newlines.
        put(root, "proc/self/status", b"Name:\tSeccomp:\\n2\xff\nSeccomp_filters:\t9\nSeccomp:\t2\n");
        fs::create_dir_all(root.join("proc/self/ns")).unwrap();
        symlink("pid:[4026532201]", root.join("proc/self/ns/pid")).unwrap();
        symlink("user:[x]", root.join("proc/self/ns/user")).unwrap();
        let host = Host::read(&roots(root), Host::sample().process);
        assert!(host.filtered);
        assert_eq!((host.pid_ns, host.user_ns), (Namespace::Own, Namespace::Unreadable));
    }
}
