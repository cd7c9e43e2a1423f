//! What ctrace needs, held against what there is. Pure.

mod kernel;
mod place;
mod rights;
#[cfg(test)]
mod tests;

use super::host::{Host, Namespace};
use crate::exit::Code;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// A short name that scripts can rely on.
    pub name: &'static str,
    pub status: Status,
    pub found: String,
    /// What ctrace needs it for, or what goes wrong.
    pub why: &'static str,
    /// What to do about a warning or a failure.
    pub fix: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Ok,
    /// Something works less well.
    Warn,
    /// Nothing works.
    Fail(Kind),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    NotPermitted,
    KernelCannot,
    /// Something that anybody can set up.
    Missing,
}

impl Kind {
    pub const fn code(self) -> Code {
        match self {
            Self::NotPermitted => Code::NotPermitted,
            Self::KernelCannot => Code::KernelCannot,
            Self::Missing => Code::Failed,
        }
    }
}

impl Check {
    const fn ok(name: &'static str, found: String, why: &'static str) -> Self {
        Self { name, status: Status::Ok, found, why, fix: None }
    }

    fn warn(self, fix: impl Into<String>) -> Self {
        Self { status: Status::Warn, fix: Some(fix.into()), ..self }
    }

    fn fail(self, kind: Kind, fix: impl Into<String>) -> Self {
        Self { status: Status::Fail(kind), fix: Some(fix.into()), ..self }
    }
}

/// How `ctrace doctor` ends: with the code of the first failure.
pub fn code(checks: &[Check]) -> Code {
    checks
        .iter()
        .find_map(|check| match check.status {
            Status::Fail(kind) => Some(kind.code()),
            Status::Ok | Status::Warn => None,
        })
        .unwrap_or(Code::Done)
}

/// All of them, always the same ones. The kernel comes before permissions: what no privilege mends is
/// what the user must hear first.
pub fn checks(host: &Host) -> Vec<Check> {
    vec![
        kernel::kernel(host),
        kernel::arch(host),
        kernel::btf(host),
        kernel::lockdown(host),
        kernel::io_uring(host),
        kernel::capability_checks(host),
        rights::user_namespace(host),
        rights::load(host),
        rights::seccomp(host),
        rights::memlock(host),
        rights::ptrace(host),
        rights::read_search(host),
        place::cgroup(host),
        place::pid_namespace(host),
        place::cgroup_namespace(host),
        place::runtimes(host),
        place::tasks(host),
        place::perf_event_paranoid(host),
        place::unprivileged_bpf(host),
    ]
}

fn namespace_name(namespace: Namespace) -> &'static str {
    match namespace {
        Namespace::Initial => "the host's",
        Namespace::Own => "not the host's",
        Namespace::Unreadable => "unreadable",
    }
}
