//! Who asked for a capability, and whether the answer decides anything: the one table of the kernel's functions for it.

/// What a function does with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Hands it on to its caller, who wanted to know.
    HandsOn,
    /// The same, without a line in the audit log: a caller that has another way asks like this.
    Quietly,
    /// Asks at every fork, exec and memory mapping, whatever it is about, and only to let some more memory be promised.
    Accounts,
}

/// Sources: <https://github.com/torvalds/linux/blob/v6.14/kernel/capability.c#L283>,
/// <https://github.com/torvalds/linux/blob/v6.14/net/core/sock.c#L172>,
/// <https://github.com/torvalds/linux/blob/v6.14/net/netlink/af_netlink.c#L869>,
/// <https://github.com/torvalds/linux/blob/v6.14/kernel/bpf/token.c#L12>,
/// <https://github.com/torvalds/linux/blob/v6.14/security/security.c#L1231>.
const ROLES: [(&str, Role); 26] = [
    ("security_capable", Role::HandsOn),
    ("capable", Role::HandsOn),
    ("ns_capable", Role::HandsOn),
    ("ns_capable_common", Role::HandsOn),
    ("ns_capable_setid", Role::HandsOn),
    ("has_capability", Role::HandsOn),
    ("has_ns_capability", Role::HandsOn),
    ("file_ns_capable", Role::HandsOn),
    ("capable_wrt_inode_uidgid", Role::HandsOn),
    ("sk_capable", Role::HandsOn),
    ("sk_ns_capable", Role::HandsOn),
    ("sk_net_capable", Role::HandsOn),
    ("sockopt_capable", Role::HandsOn),
    ("sockopt_ns_capable", Role::HandsOn),
    ("netlink_capable", Role::HandsOn),
    ("netlink_ns_capable", Role::HandsOn),
    ("netlink_net_capable", Role::HandsOn),
    ("__netlink_ns_capable", Role::HandsOn),
    ("bpf_ns_capable", Role::HandsOn),
    ("bpf_token_capable", Role::HandsOn),
    ("capable_noaudit", Role::Quietly),
    ("ns_capable_noaudit", Role::Quietly),
    ("has_capability_noaudit", Role::Quietly),
    ("has_ns_capability_noaudit", Role::Quietly),
    ("ptracer_capable", Role::Quietly),
    ("security_vm_enough_memory_mm", Role::Accounts),
];

/// Asks quietly, and fails without it: a filter without `no_new_privs` takes `CAP_SYS_ADMIN`. The compiler puts the function that does
/// into one of its callers:
/// <https://github.com/torvalds/linux/blob/v6.14/kernel/seccomp.c#L687>
const DECIDES: [&str; 5] = [
    "seccomp_prepare_filter",
    "seccomp_prepare_user_filter",
    "seccomp_set_mode_filter",
    "do_seccomp",
    "prctl_set_seccomp",
];

/// Who wanted to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker<'a> {
    /// None: nobody can tell, as the stack was not readable.
    pub function: Option<&'a str>,
    /// It goes on whatever the answer is, so that a yes is no need and a no is no failure.
    pub probes: bool,
}

/// `askers` are functions from `cap_capable` on, the nearest one first.
pub fn asker(askers: &[String]) -> Asker<'_> {
    let mut found = Asker { function: None, probes: false };
    for function in askers {
        found.function = Some(function);
        match ROLES.iter().find(|(name, _)| name == function) {
            Some((_, Role::HandsOn)) => {}
            Some((_, Role::Quietly)) => found.probes = true,
            Some((_, Role::Accounts)) => return Asker { probes: true, ..found },
            None => {
                found.probes &= !DECIDES.contains(&function.as_str());
                return found;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_does_not_hand_it_on_wants_to_know() {
        for (askers, function, probes) in [
            ("security_capable ns_capable __inet_bind inet_bind_sk", "__inet_bind", false),
            ("security_capable capable_wrt_inode_uidgid setattr_prepare", "setattr_prepare", false),
            ("security_capable ns_capable sk_ns_capable sk_net_capable", "sk_net_capable", false),
            ("security_vm_enough_memory_mm mmap_region do_mmap", "security_vm_enough_memory_mm", true),
            ("security_capable ns_capable_noaudit __ptrace_may_access", "__ptrace_may_access", true),
            ("security_capable ns_capable_noaudit do_seccomp", "do_seccomp", false),
            ("cap_task_prctl security_task_prctl", "cap_task_prctl", false),
        ] {
            let askers: Vec<String> = askers.split(' ').map(str::to_owned).collect();
            assert_eq!(asker(&askers), Asker { function: Some(function), probes }, "{askers:?}");
        }
    }

    #[test]
    fn nobody_is_no_probe() {
        assert_eq!(asker(&[]), Asker { function: None, probes: false });
    }
}
