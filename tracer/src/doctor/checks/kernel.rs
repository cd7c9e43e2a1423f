//! What the kernel must be able to do.

use super::{Check, Kind};
use crate::doctor::host::{Host, Lockdown};

/// `bpf_get_current_task_btf`,
/// <https://github.com/torvalds/linux/blob/v5.11/kernel/trace/bpf_trace.c>.
const CURRENT_TASK_BTF: (u32, u32) = (5, 11);

pub(super) fn kernel(host: &Host) -> Check {
    let check = Check::ok(
        "kernel",
        if host.release.is_empty() { "unreadable".into() } else { host.release.clone() },
        "ctrace's programs read the current task with bpf_get_current_task_btf, which came with Linux 5.11; \
         the ring buffer came with 5.8",
    );
    let (major, minor) = CURRENT_TASK_BTF;
    match host.is_at_least(major, minor) {
        Some(true) => check,
        Some(false) => check.fail(Kind::KernelCannot, format!("boot Linux {major}.{minor} or newer")),
        None => check.warn("check with `uname -r` that it is Linux 5.11 or newer; is /proc mounted?"),
    }
}

pub(super) fn arch(host: &Host) -> Check {
    let check = Check::ok(
        "arch",
        host.arch.into(),
        "system call numbers and registers are known for x86_64 and aarch64",
    );
    match host.arch {
        "x86_64" | "aarch64" => check,
        _ => check.fail(Kind::KernelCannot, "use a machine of one of these architectures"),
    }
}

pub(super) fn btf(host: &Host) -> Check {
    let check = Check::ok(
        "btf",
        if host.btf { "/sys/kernel/btf/vmlinux" } else { "no /sys/kernel/btf/vmlinux" }.into(),
        "the kernel's description of its own types tells ctrace where the fields are that it reads",
    );
    if host.btf {
        return check;
    }
    check.fail(
        Kind::KernelCannot,
        "use a kernel built with CONFIG_DEBUG_INFO_BTF=y (distribution kernels are); \
         in a container, mount /sys",
    )
}

/// The tracepoint of submitted operations has its request as an argument since v6.0,
/// <https://github.com/torvalds/linux/blob/v6.1/include/trace/events/io_uring.h#L384>.
const IO_URING_REQUESTS: (u32, u32) = (6, 0);

pub(super) fn io_uring(host: &Host) -> Check {
    let (major, minor) = IO_URING_REQUESTS;
    let seen = host.is_at_least(major, minor);
    let found = match seen {
        Some(true) => "operations can be seen",
        Some(false) => "operations cannot be seen",
        None => "unknown",
    };
    let check = Check::ok(
        "io_uring",
        found.into(),
        "what programs do through io_uring is no system call; its tracepoints say who did what from Linux 6.0 on",
    );
    match seen {
        Some(true) => check,
        Some(false) | None => check.warn(format!(
            "boot Linux {major}.{minor} or newer to have the events io_uring.submit and io_uring.complete; all else works"
        )),
    }
}

/// The tracepoint `cap_capable` came then,
/// <https://github.com/torvalds/linux/blob/v6.14/include/trace/events/capability.h>.
const CAPABILITY_CHECKS: (u32, u32) = (6, 14);

/// Value of `kernel.kptr_restrict` with which root sees no addresses either,
/// <https://github.com/torvalds/linux/blob/v6.12/Documentation/admin-guide/sysctl/kernel.rst>.
const HIDDEN: i32 = 2;

pub(super) fn capability_checks(host: &Host) -> Check {
    let (major, minor) = CAPABILITY_CHECKS;
    let seen = host.is_at_least(major, minor);
    let hidden = host.kptr_restrict == Some(HIDDEN);
    let found = match seen {
        Some(true) if hidden => "checks can be seen, but not who asks",
        Some(true) => "checks can be seen",
        Some(false) => "checks cannot be seen",
        None => "unknown",
    };
    let check = Check::ok(
        "capability_checks",
        found.into(),
        "which capabilities are used is told by the tracepoint cap_capable, and that a check is a mere probe by the kernel function that asks",
    );
    match seen {
        Some(true) if hidden => check.warn("sysctl kernel.kptr_restrict=1 shows addresses of kernel functions to root (CAP_SYSLOG)"),
        Some(true) => check,
        Some(false) | None => check.warn(format!(
            "boot Linux {major}.{minor} or newer to have `ctrace profile capabilities` and capabilities in `ctrace top`; all else works"
        )),
    }
}

/// Every read of kernel memory asks,
/// <https://github.com/torvalds/linux/blob/v6.12/kernel/bpf/helpers.c> (`LOCKDOWN_BPF_READ_KERNEL`).
pub(super) fn lockdown(host: &Host) -> Check {
    let found = match host.lockdown {
        Lockdown::Absent => "none (no lockdown, or securityfs not mounted)",
        Lockdown::Unreadable => "unreadable",
        Lockdown::Off => "none",
        Lockdown::Integrity => "integrity",
        Lockdown::Confidentiality => "confidentiality",
    };
    let check = Check::ok(
        "lockdown",
        found.into(),
        "in mode confidentiality the kernel lets no program read its memory, \
         root's neither; integrity is fine",
    );
    match host.lockdown {
        Lockdown::Absent | Lockdown::Off | Lockdown::Integrity => check,
        Lockdown::Unreadable => check.warn("if loading fails, read /sys/kernel/security/lockdown as root"),
        Lockdown::Confidentiality => check.fail(
            Kind::KernelCannot,
            "boot without lockdown=confidentiality; it cannot be lowered while the machine runs",
        ),
    }
}
