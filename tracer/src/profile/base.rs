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

/// What the container is started with, as far as it decides when the filter is installed: with
/// `no_new_privs` last of all, without it while the runtime still has privileges to give away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Privs {
    NoNew,
    MayGrow,
    Either,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// `run`, and `create` with `start`.
    Start,
    /// `exec`: also health checks and probes.
    Exec,
}

/// One series of measurements.
struct Measured {
    engine: Engine,
    act: Act,
    privs: Privs,
    /// Names between blanks.
    calls: &'static str,
}

/// Calls between the installation of the filter and the `execve` of the program, that one included.
///
/// Measured with strace on `x86_64`, under a filter that denies nothing these runtimes call: all calls of
/// the filtered thread, for root and for another user with additional groups. Each list is the union of
/// several runs, because what a Go program calls on the way depends on its scheduler.
/// Some of it a runtime can do without; it is kept, because the way it takes then was not measured.
///
/// Left out on purpose:
/// * `fsopen`, `fsconfig`, `fsmount`, `open_tree` of `runc exec` 1.3: it wants a /proc of its own and
///   takes the ordinary one when refused, as it is under Docker's default profile. No program should
///   get the right to mount for that.
/// * `personality` of runc 1.2 and 1.3, which calls it only if the configuration asks for one.
/// * whatever `startContainer` hooks do: they run under the filter, but are the user's programs.
const MEASURED: &[Measured] = &[
    // runc 1.1.5, 1.1.15
    Measured {
        engine: Engine::Runc,
        act: Act::Start,
        privs: Privs::NoNew,
        calls: "close epoll_ctl execve fcntl fstatfs futex getdents64 getpid openat write",
    },
    Measured {
        engine: Engine::Runc,
        act: Act::Start,
        privs: Privs::MayGrow,
        calls: "capget capset chdir close epoll_ctl execve faccessat2 fchown fcntl fstat fstatfs \
                futex getcwd getdents64 getpid getppid newfstatat openat prctl read rt_sigreturn \
                setgid setgroups setuid write",
    },
    Measured {
        engine: Engine::Runc,
        act: Act::Exec,
        privs: Privs::NoNew,
        calls: "close epoll_ctl execve fcntl fstatfs getdents64 openat rt_sigreturn",
    },
    Measured {
        engine: Engine::Runc,
        act: Act::Exec,
        privs: Privs::MayGrow,
        calls: "capget capset chdir close epoll_ctl execve faccessat2 fchown fcntl fstat fstatfs \
                futex getcwd getdents64 newfstatat openat prctl read rt_sigreturn setgid \
                setgroups setuid",
    },
    // runc 1.3.6; `openat2` and `statx` came with the security fixes of 1.2.8 and 1.3.3.
    Measured {
        engine: Engine::Runc,
        act: Act::Start,
        privs: Privs::NoNew,
        calls: "close execve fcntl fstat fstatfs futex getdents64 openat openat2 statx write",
    },
    Measured {
        engine: Engine::Runc,
        act: Act::Start,
        privs: Privs::MayGrow,
        calls: "capget capset chdir close close_range epoll_ctl execve faccessat2 fchown fcntl \
                fstat fstatfs futex getcwd getdents64 getpid getppid newfstatat openat openat2 \
                prctl read rt_sigreturn setgid setgroups setuid statx tgkill write",
    },
    Measured {
        engine: Engine::Runc,
        act: Act::Exec,
        privs: Privs::NoNew,
        calls: "close execve fcntl fstat fstatfs getdents64 openat openat2 statx",
    },
    Measured {
        engine: Engine::Runc,
        act: Act::Exec,
        privs: Privs::MayGrow,
        calls: "capget capset chdir close close_range epoll_ctl execve faccessat faccessat2 \
                fchown fcntl fstat fstatfs futex getcwd getdents64 getpid newfstatat openat \
                openat2 prctl read rt_sigreturn setgid setgroups setuid statx tgkill uname",
    },
    // crun 1.8.1, 1.21, 1.28; `close_range` from 1.21 on, `pselect6` and `read` with create and start.
    Measured {
        engine: Engine::Crun,
        act: Act::Start,
        privs: Privs::NoNew,
        calls: "close close_range execve",
    },
    Measured {
        engine: Engine::Crun,
        act: Act::Start,
        privs: Privs::MayGrow,
        calls: "capset close close_range execve prctl pselect6 read rt_sigaction rt_sigprocmask \
                setresgid setresuid write",
    },
    // Here `no_new_privs` is the new process's own and not known beforehand.
    Measured {
        engine: Engine::Crun,
        act: Act::Exec,
        privs: Privs::Either,
        calls: "capset close close_range execve fchown fstat ioctl openat prctl read setgroups \
                setresgid setresuid statx umask write",
    },
];

/// What the Go runtime under runc may call at any moment: collecting garbage, waking and stopping
/// threads. A short measurement seldom meets it, and a start that meets it breaks when it is refused.
const GO_RUNTIME: &str = "epoll_ctl epoll_pwait futex getpid gettid madvise mmap munmap nanosleep \
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
    let privs_fit = |privs| match privs {
        Privs::NoNew => no_new_privs != Some(false),
        Privs::MayGrow => no_new_privs != Some(true),
        Privs::Either => true,
    };
    let go = if engine_fits(Engine::Runc) { GO_RUNTIME } else { "" };
    MEASURED
        .iter()
        .filter(|row| engine_fits(row.engine) && privs_fit(row.privs) && (exec || row.act == Act::Start))
        .map(|row| row.calls)
        .chain([go])
        .flat_map(str::split_ascii_whitespace)
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
    // Only when threads meet, or something is slow.
    (Place::Anywhere, "clock_nanosleep futex nanosleep sched_yield"),
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
        let lists = MEASURED.iter().map(|row| row.calls).chain([GO_RUNTIME]);
        for calls in lists.chain(ALWAYS.iter().map(|(_, calls)| *calls)) {
            let names: Vec<_> = calls.split_ascii_whitespace().collect();
            assert!(!names.is_empty() && names.is_sorted_by(|a, b| a < b), "{names:?}");
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
