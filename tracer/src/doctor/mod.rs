//! What this machine offers to ctrace, what is missing, and how to get it.
//!
//! [`Host`] is read once, under given roots; the checks are a pure function of it, and so are the two
//! ways to use them: [`preflight`] before a command that needs the kernel, and the report of
//! `ctrace doctor`.

mod checks;
mod hint;
mod host;
mod report;

pub use checks::{Check, Kind, Status, checks, code};
pub use hint::{shell_words, sudo_hint};
pub use host::{Caps, Host, Lockdown, Namespace, Process, Roots, StateDir, cap};
pub use report::{json, text};

use crate::exit::Refusal;

/// The first reason why ctrace cannot trace here.
pub fn preflight(host: &Host) -> Result<(), Refusal> {
    checks(host).into_iter().find_map(refusal).map_or(Ok(()), Err)
}

fn refusal(check: Check) -> Option<Refusal> {
    let Check { name, status, found, why, fix } = check;
    let Status::Fail(kind) = status else { return None };
    let reason = match kind {
        Kind::NotPermitted => "not permitted",
        Kind::KernelCannot => "this kernel cannot do it",
        Kind::Missing => "something is missing",
    };
    let mut message = format!("cannot trace system calls, {reason}: {name}: {found}\n  {why}");
    if let Some(fix) = fix {
        message.push_str("\n  fix: ");
        message.push_str(&fix);
    }
    Some(Refusal { code: kind.code(), message })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroups::Layout;
    use crate::exit::Code;

    #[test]
    fn a_good_host_passes() {
        assert_eq!(preflight(&Host::sample()), Ok(()));
    }

    #[test]
    fn warnings_pass() {
        let host = Host { lockdown: Lockdown::Unreadable, ..Host::sample() };
        assert!(checks(&host).iter().any(|check| check.status == Status::Warn));
        assert_eq!(preflight(&host), Ok(()));
    }

    #[test]
    fn without_any_cgroup_it_says_what_to_mount() {
        let refusal = preflight(&Host { cgroup: Layout::None, ..Host::sample() }).unwrap_err();
        assert_eq!(refusal.code, Code::Failed);
        assert!(refusal.message.contains("mount -t cgroup2"), "{refusal}");
        assert_eq!(preflight(&Host::with_v1()), Ok(()));
    }

    #[test]
    fn without_privileges_the_message_holds_the_command() {
        let refusal = preflight(&Host::unprivileged()).unwrap_err();
        assert_eq!(refusal.code, Code::NotPermitted);
        insta::assert_snapshot!(refusal);
    }

    #[test]
    fn what_no_privilege_mends_comes_first() {
        let host = Host { kernel: Some((5, 4)), release: "5.4.0-1".into(), ..Host::unprivileged() };
        let refusal = preflight(&host).unwrap_err();
        assert_eq!(refusal.code, Code::KernelCannot);
        insta::assert_snapshot!(refusal);
    }
}
