//! Where ctrace runs: what it can see of the machine from there.

use tracer_common::limits::{TASKS_MAX, TASKS_OVERFLOW};

use super::{Check, Kind, namespace_name};
use crate::cgroups::Layout;
use crate::doctor::host::{Host, Namespace};

pub(super) fn cgroup(host: &Host) -> Check {
    let v1 = || match &host.cgroup_v1 {
        Some(v1) => format!("by {} at {}", v1.controller, v1.mount.display()),
        None => "of no controller that containers have cgroups in".into(),
    };
    let check = Check::ok(
        "cgroup",
        match &host.cgroup {
            Layout::None => "not mounted here".into(),
            Layout::V1 => format!("v1, {}", v1()),
            Layout::Hybrid(path) => format!("hybrid: v2 at {}, v1 {}", path.display(), v1()),
            Layout::V2(path) => format!("v2 at {}", path.display()),
        },
        "a container is known by its cgroup, of version 2 or 1, and by its namespaces; without any cgroup \
         file system none has a name",
    );
    if host.cgroup.v2().is_some() || host.cgroup_v1.is_some() {
        return check;
    }
    check.fail(
        Kind::Missing,
        "mkdir -p /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup; in a container, mount the host's \
         /sys/fs/cgroup read-only",
    )
}

pub(super) fn pid_namespace(host: &Host) -> Check {
    let check = Check::ok(
        "pid_namespace",
        namespace_name(host.pid_ns).into(),
        "the kernel reports host pids; \
         in another pid namespace /proc does not have them, and names are missing",
    );
    match host.pid_ns {
        Namespace::Initial => check,
        Namespace::Own => check.warn("start ctrace's container with --pid=host"),
        Namespace::Unreadable => check.warn("mount /proc"),
    }
}

pub(super) fn cgroup_namespace(host: &Host) -> Check {
    let check = Check::ok(
        "cgroup_namespace",
        namespace_name(host.cgroup_ns).into(),
        "in another cgroup namespace only its own part of the cgroup tree can be seen",
    );
    match host.cgroup_ns {
        Namespace::Initial => check,
        Namespace::Own => check.warn("start ctrace's container with --cgroupns=host"),
        Namespace::Unreadable => check.warn("mount /proc"),
    }
}

pub(super) fn runtimes(host: &Host) -> Check {
    let list: Vec<_> = host.state_dirs.iter().map(|dir| format!("{} ({})", dir.runtime, dir.path)).collect();
    Check::ok(
        "runtimes",
        if list.is_empty() { "none found".into() } else { list.join(", ") },
        "state directories give containers their names; a container of another runtime goes by its cgroup",
    )
}

pub(super) fn tasks(host: &Host) -> Check {
    let check = Check::ok(
        "pid_max",
        match (host.pid_max, host.possible_cpus) {
            (Some(pids), Some(cpus)) => format!("{pids}, {cpus} CPUs"),
            (Some(pids), None) => format!("{pids}"),
            (None, _) => "unreadable".into(),
        },
        "every thread has a place in a table of up to 131072; where two meet, one of 16384 more takes it, \
         and what finds none is reported as lost",
    );
    // The figures above are these.
    const { assert!(TASKS_MAX == 131_072 && TASKS_OVERFLOW == 16_384) };
    check
}

pub(super) fn perf_event_paranoid(host: &Host) -> Check {
    Check::ok(
        "perf_event_paranoid",
        host.perf_event_paranoid.map_or_else(|| "unreadable".into(), |level| level.to_string()),
        "does not matter: ctrace attaches without perf events",
    )
}

pub(super) fn unprivileged_bpf(host: &Host) -> Check {
    Check::ok(
        "unprivileged_bpf_disabled",
        host.unprivileged_bpf_disabled.map_or_else(|| "unreadable".into(), |level| level.to_string()),
        "does not matter: tracing takes capabilities in any case",
    )
}
