//! Calls with which a program reaches beyond its container, or into parts of the kernel where holes are found often.
//!
//! What is found to be allowed and not used is sorted by it: to take these away gains most. The choice is that of
//! Docker's list of what its default profile keeps from containers,
//! <https://docs.docker.com/engine/security/seccomp/#significant-syscalls-blocked-by-the-default-profile>,
//! with the calls that came later.

/// What is reached, and by which calls.
const POWERS: &[(&str, &str)] = &[
    (
        "the kernel itself",
        "bpf create_module delete_module finit_module init_module kexec_file_load kexec_load perf_event_open reboot",
    ),
    (
        "mounts",
        "chroot fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_tree open_tree_attr pivot_root \
         quotactl quotactl_fd swapoff swapon umount umount2",
    ),
    ("namespaces", "setns unshare"),
    ("other processes", "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace"),
    ("files past mounts", "name_to_handle_at open_by_handle_at"),
    ("keys that are not of the container", "add_key keyctl request_key"),
    ("hardware", "ioperm iopl pciconfig_iobase pciconfig_read pciconfig_write"),
    (
        "clock, name and log of the host",
        "acct adjtimex clock_adjtime clock_adjtime64 clock_settime clock_settime64 setdomainname sethostname \
         settimeofday stime syslog",
    ),
    (
        "parts of the kernel with many holes",
        "io_uring_enter io_uring_register io_uring_setup modify_ldt userfaultfd vm86 vm86old",
    ),
];

/// What a call reaches; None: nothing beyond the container.
pub fn of(name: &str) -> Option<&'static str> {
    let power = POWERS.iter().find(|(_, calls)| calls.split_ascii_whitespace().any(|call| call == name));
    power.map(|(what, _)| *what)
}

/// Each of them, the gravest first.
pub fn all() -> impl Iterator<Item = &'static str> {
    POWERS.iter().map(|(what, _)| *what)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::batch::Arch;
    use crate::event::Abi;
    use crate::syscall::number;

    #[test]
    fn every_name_is_a_call_and_there_once() {
        let mut seen = BTreeSet::new();
        for call in POWERS.iter().flat_map(|(_, calls)| calls.split_ascii_whitespace()) {
            let abis = [Abi::Native, Abi::Compat];
            let known = [Arch::X86_64, Arch::Aarch64]
                .into_iter()
                .any(|arch| abis.iter().any(|abi| number(arch, *abi, call).is_some()));
            assert!(known, "{call}");
            assert!(seen.insert(call), "{call} twice");
        }
    }

    #[test]
    fn a_call_has_its_power() {
        assert_eq!(of("mount"), Some("mounts"));
        assert_eq!(of("read"), None);
        assert_eq!(all().next(), of("bpf"));
    }
}
