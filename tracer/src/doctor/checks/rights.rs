//! What ctrace must be allowed to do.

use super::{Check, Kind, namespace_name};
use crate::doctor::hint::sudo_hint;
use crate::doctor::host::{Host, Namespace, cap};

/// BPF memory is charged to the cgroup instead of the limit from here on,
/// <https://github.com/torvalds/linux/blob/v5.11/kernel/bpf/syscall.c>.
const MEMORY_BY_CGROUP: (u32, u32) = (5, 11);

pub(super) fn user_namespace(host: &Host) -> Check {
    let check = Check::ok(
        "user_namespace",
        namespace_name(host.user_ns).into(),
        "capabilities of another user namespace (rootless containers) do not count for BPF",
    );
    match host.user_ns {
        Namespace::Initial => check,
        Namespace::Own => check.fail(Kind::NotPermitted, "run ctrace on the host, or in a rootful container"),
        Namespace::Unreadable => check.warn("mount /proc"),
    }
}

pub(super) fn load(host: &Host) -> Check {
    let admin = host.has(cap::SYS_ADMIN);
    let missing: Vec<_> = [(cap::BPF, "CAP_BPF"), (cap::PERFMON, "CAP_PERFMON")]
        .into_iter()
        .filter(|(number, _)| !admin && !host.has(*number))
        .collect();
    let names = missing.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(" and ");
    let idle = host.caps.is_some_and(|caps| {
        !missing.is_empty() && missing.iter().all(|(number, _)| caps.permitted >> number & 1 == 1)
    });
    let found = match host.caps {
        None => "unknown: /proc/self/status does not say".into(),
        Some(_) if missing.is_empty() && host.has(cap::BPF) && host.has(cap::PERFMON) => {
            "CAP_BPF and CAP_PERFMON".into()
        }
        Some(_) if missing.is_empty() => "CAP_SYS_ADMIN".into(),
        Some(_) if idle => format!("{names} permitted, but not effective"),
        Some(_) => format!("{names} missing (uid {})", host.process.uid),
    };
    let check = Check::ok(
        "capabilities",
        found,
        "loading kernel programs takes CAP_BPF, attaching them to tracepoints CAP_PERFMON; \
         CAP_SYS_ADMIN is both",
    );
    if missing.is_empty() {
        check
    } else {
        check.fail(Kind::NotPermitted, permit(host, "--cap-add BPF --cap-add PERFMON"))
    }
}

/// How to get capabilities: sudo, or from whoever has started us when we are root already.
fn permit(host: &Host, container_options: &str) -> String {
    if host.process.uid == 0 {
        format!(
            "root without this capability: give it to the service, or to the container ({container_options})"
        )
    } else {
        sudo_hint(&host.process.exe, &host.process.args)
    }
}

pub(super) fn seccomp(host: &Host) -> Check {
    let check = Check::ok(
        "seccomp",
        if host.filtered { "ctrace runs under a seccomp filter" } else { "no filter on ctrace" }.into(),
        "a filter can refuse bpf(2) although the capabilities are there",
    );
    if host.filtered {
        check.warn("if bpf fails with EPERM or ENOSYS, allow it in the filter of this service or container")
    } else {
        check
    }
}

pub(super) fn memlock(host: &Host) -> Check {
    let found = match host.process.memlock {
        None => "unlimited".into(),
        Some(bytes) => format!("{} KiB", bytes >> 10),
    };
    let check = Check::ok(
        "memlock",
        found,
        "before Linux 5.11 kernel tables count as locked memory; CAP_SYS_RESOURCE raises the limit",
    );
    let (major, minor) = MEMORY_BY_CGROUP;
    let counts = host.is_at_least(major, minor) == Some(false);
    if counts && host.process.memlock.is_some() && !host.has(cap::SYS_RESOURCE) {
        check.warn("ulimit -l unlimited")
    } else {
        check
    }
}

pub(super) fn ptrace(host: &Host) -> Check {
    let held = host.has(cap::SYS_PTRACE);
    let check = Check::ok(
        "cap_sys_ptrace",
        held_or_missing(held),
        "it opens other users' /proc/PID/ns and /proc/PID/root; \
         without it containers are told apart by cgroup alone",
    );
    if held { check } else { check.warn(permit(host, "--cap-add SYS_PTRACE")) }
}

pub(super) fn read_search(host: &Host) -> Check {
    let held = host.has(cap::DAC_READ_SEARCH);
    let check = Check::ok(
        "cap_dac_read_search",
        if !held && host.process.uid == 0 {
            "missing, but uid 0 owns the files".into()
        } else {
            held_or_missing(held)
        },
        "it reads the runtimes' state files; without it containers have ids but no names and images",
    );
    if held || host.process.uid == 0 { check } else { check.warn(permit(host, "--cap-add DAC_READ_SEARCH")) }
}

fn held_or_missing(held: bool) -> String {
    if held { "held" } else { "missing" }.into()
}
