//! Calls that a profile must allow although the container's program was not seen making them.
//!
//! Two tables with different reasons: what the runtime calls on the program's account, and what
//! depends on the moment more than on the program.

use std::collections::BTreeSet;

use crate::batch::Arch;
use crate::event::Abi;

/// Who starts the container's processes; docker, podman, containerd and CRI-O use one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Runc,
    Crun,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Run,
    /// `create` with `start`.
    Create,
    /// Also health checks and probes.
    Exec,
}

/// One series of measurements, a line of `runtimes.txt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    pub engine: Engine,
    pub versions: Vec<&'static str>,
    pub act: Act,
    pub no_new_privs: bool,
    /// Of the filtered threads, from the installation of the filter to the program's `execve`.
    pub calls: BTreeSet<&'static str>,
}

const TABLE: &str = include_str!("runtimes.txt");

/// All that was measured; the table says how, and what is left out on purpose.
pub fn measured() -> impl Iterator<Item = Measured> {
    TABLE.lines().filter(|line| is_row(line)).filter_map(row)
}

fn is_row(line: &str) -> bool {
    !line.is_empty() && !line.starts_with('#')
}

fn row(line: &'static str) -> Option<Measured> {
    let mut words = line.split('|').map(str::trim);
    let engine = match words.next()? {
        "runc" => Engine::Runc,
        "crun" => Engine::Crun,
        _ => return None,
    };
    let versions = words.next()?.split_ascii_whitespace().collect();
    let act = match words.next()? {
        "run" => Act::Run,
        "create" => Act::Create,
        "exec" => Act::Exec,
        _ => return None,
    };
    let no_new_privs = match words.next()? {
        "yes" => true,
        "no" => false,
        _ => return None,
    };
    let calls = words.next()?.split_ascii_whitespace().collect();
    words.next().is_none().then_some(Measured { engine, versions, act, no_new_privs, calls })
}

/// What the Go runtime under runc may call at any moment: collecting garbage, waking and stopping
/// threads. A short measurement seldom meets it, and a start that meets it breaks when it is refused.
pub const GO_RUNTIME: &str = "epoll_ctl epoll_pwait futex getpid gettid madvise mmap munmap nanosleep \
    rt_sigprocmask rt_sigreturn sched_yield sigaltstack tgkill";

/// Which runtimes a profile has to work under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runtimes {
    /// None: any.
    pub engine: Option<Engine>,
    /// None: with and without.
    pub no_new_privs: Option<bool>,
    /// Whether `exec` (health checks, probes) must work.
    pub exec: bool,
}

impl Default for Runtimes {
    /// Everything, so that a profile starts wherever it is taken.
    fn default() -> Self {
        Self { engine: None, no_new_privs: None, exec: true }
    }
}

/// What the runtimes call under the filter.
pub fn runtime_calls(runtimes: Runtimes) -> BTreeSet<&'static str> {
    let Runtimes { engine: wanted, no_new_privs, exec } = runtimes;
    let engine_fits = |engine| wanted.is_none_or(|wanted| wanted == engine);
    let go = if engine_fits(Engine::Runc) { GO_RUNTIME } else { "" };
    measured()
        .filter(|row| engine_fits(row.engine))
        .filter(|row| no_new_privs.is_none_or(|wanted| wanted == row.no_new_privs))
        .filter(|row| exec || row.act != Act::Exec)
        .flat_map(|row| row.calls)
        .chain(go.split_ascii_whitespace())
        .collect()
}

/// Where a call of [`ALWAYS`] exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Anywhere,
    /// `x86_64`, i386 and x32.
    X86,
    /// i386 and arm.
    Bits32,
    /// arm.
    Arm,
}

/// Calls that a program makes or not with the moment, the kernel or the clock source, and that a
/// recording therefore misses.
const ALWAYS: &[(Place, &str)] = &[
    // Made by the kernel's doing: after a stopped process goes on, and on return from a handler.
    (Place::Anywhere, "restart_syscall rt_sigreturn"),
    (Place::Bits32, "sigreturn"),
    // Every program ends, and a refused exit becomes an endless loop.
    (Place::Anywhere, "exit exit_group"),
    // Answered in user space by the vDSO, until the clock source is one that it cannot read.
    (Place::Anywhere, "clock_getres clock_gettime getcpu gettimeofday"),
    (Place::X86, "time"),
    (Place::Bits32, "clock_getres_time64 clock_gettime64"),
    // Only when threads meet, or something is slow. A shell that waits for a child suspends itself if
    // the child is still there, and loops for ever if it must not.
    (Place::Anywhere, "clock_nanosleep futex nanosleep rt_sigsuspend sched_yield"),
    (Place::Bits32, "clock_nanosleep_time64 futex_time64"),
    // Only when memory or threads run short or over.
    (Place::Anywhere, "brk madvise membarrier munmap"),
    // A libc's start-up of a thread, which an update of it or of the kernel changes.
    (Place::Anywhere, "getrandom rseq set_robust_list set_tid_address"),
    // arm's private calls, which pass no tracepoint.
    (Place::Arm, "cacheflush set_tls"),
];

/// What is allowed in every profile for the machine's own ABI and the others in `seen`.
pub fn always(arch: Arch, seen: &BTreeSet<Abi>) -> BTreeSet<&'static str> {
    let compat = seen.contains(&Abi::Compat);
    let exists = |place| match place {
        Place::Anywhere => true,
        Place::X86 => arch == Arch::X86_64,
        Place::Bits32 => compat,
        Place::Arm => compat && arch == Arch::Aarch64,
    };
    ALWAYS
        .iter()
        .filter(|(place, _)| exists(*place))
        .flat_map(|(_, calls)| calls.split_ascii_whitespace())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syscall::number;

    /// Calls that get a container out of its box, or into another one.
    const NEVER: &str = "bpf chroot fsconfig fsmount fsopen init_module keyctl mkdir mount open_tree \
    personality pivot_root ptrace seccomp setns umount2 unshare";

    #[test]
    fn nothing_that_only_the_runtime_may_do() {
        let all = runtime_calls(Runtimes::default());
        for call in NEVER.split_ascii_whitespace() {
            assert!(!all.contains(call), "{call}");
        }
    }

    #[test]
    fn what_a_start_fails_without_is_there() {
        let all = runtime_calls(Runtimes::default());
        let required = "capget capset chdir close execve fstat fstatfs futex getcwd getdents64 getppid \
            newfstatat openat openat2 prctl pselect6 read rt_sigaction rt_sigprocmask setgid \
            setgroups setresgid setresuid setuid statx write";
        for call in required.split_ascii_whitespace() {
            assert!(all.contains(call), "{call}");
        }
    }

    #[test]
    fn a_narrower_choice_gives_fewer_calls() {
        let crun = Runtimes { engine: Some(Engine::Crun), no_new_privs: Some(true), exec: false };
        assert_eq!(Vec::from_iter(runtime_calls(crun)), ["close", "close_range", "execve"]);
        let with_exec = runtime_calls(Runtimes { exec: true, ..crun });
        assert!(with_exec.contains("ioctl") && with_exec.is_superset(&runtime_calls(crun)));
        let runc = runtime_calls(Runtimes { engine: Some(Engine::Runc), ..Runtimes::default() });
        assert!(runc.contains("epoll_pwait") && !runc.contains("pselect6"));
    }

    #[test]
    fn tables_are_sorted_and_without_doubles() {
        let lists = TABLE.lines().filter(|line| is_row(line)).filter_map(|line| line.rsplit('|').next());
        for calls in lists.chain([GO_RUNTIME]).chain(ALWAYS.iter().map(|(_, calls)| *calls)) {
            let names: Vec<_> = calls.split_ascii_whitespace().collect();
            assert!(!names.is_empty() && names.is_sorted_by(|a, b| a < b), "{names:?}");
        }
    }

    #[test]
    fn every_line_of_the_table_is_a_row_and_none_is_there_twice() {
        let lines = TABLE.lines().filter(|line| is_row(line));
        let rows: Vec<_> = lines.map(|line| row(line).unwrap_or_else(|| panic!("no row: {line}"))).collect();
        let mut places: Vec<_> = rows
            .iter()
            .flat_map(|row| {
                row.versions
                    .iter()
                    .map(|version| (row.engine as u8, *version, row.act as u8, row.no_new_privs))
            })
            .collect();
        places.sort_unstable();
        assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
        // Of each version all acts, with and without.
        assert_eq!(places.len() % 6, 0);
        assert!(rows.iter().all(|row| row.calls.contains("execve")));
        for broken in [
            "runc | 1 | run | yes",
            "runc | 1 | run | maybe | read",
            "lxc | 1 | run | yes | read",
            "runc | 1 | run | yes | read | x",
        ] {
            assert_eq!(row(broken), None, "{broken}");
        }
    }

    #[test]
    fn every_name_is_a_call() {
        let both = BTreeSet::from([Abi::Native, Abi::Compat]);
        for arch in [Arch::X86_64, Arch::Aarch64] {
            for name in runtime_calls(Runtimes::default()).union(&always(arch, &both)) {
                // Those have no number in the kernel's table of arm.
                let private = ["cacheflush", "set_tls"].contains(name);
                let exists = [Abi::Native, Abi::Compat].iter().any(|abi| number(arch, *abi, name).is_some());
                assert!(exists || private, "{arch:?} {name}");
            }
            for name in runtime_calls(Runtimes::default()).union(&always(arch, &BTreeSet::new())) {
                assert!(number(arch, Abi::Native, name).is_some(), "{arch:?} {name}");
            }
        }
    }

    #[test]
    fn only_calls_that_exist_are_always_allowed() {
        let native = BTreeSet::from([Abi::Native]);
        let both = BTreeSet::from([Abi::Native, Abi::Compat]);
        assert!(always(Arch::X86_64, &native).contains("time"));
        assert!(!always(Arch::Aarch64, &both).contains("time"));
        assert!(!always(Arch::X86_64, &native).contains("sigreturn"));
        assert!(always(Arch::X86_64, &both).contains("sigreturn"));
        assert!(!always(Arch::X86_64, &both).contains("set_tls"));
        assert!(always(Arch::Aarch64, &both).contains("set_tls"));
    }
}
