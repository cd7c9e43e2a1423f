//! Calls that libraries try first, and do without if the kernel has not got them.

use std::collections::BTreeSet;

/// `clone3` → `clone`, `openat2` → `openat`, `close_range` → one by one, ... They go on after ENOSYS alone: EPERM makes
/// threads fail to start (<https://github.com/moby/moby/issues/42680>).
const TRIED_FIRST: [&str; 13] = [
    "clone3",
    "close_range",
    "copy_file_range",
    "epoll_pwait2",
    "faccessat2",
    "fchmodat2",
    "futex_waitv",
    "openat2",
    "pidfd_open",
    "preadv2",
    "pwritev2",
    "renameat2",
    "statx",
];

/// Of them, those that are not allowed: to be refused by a rule of their own. Docker knows of no default error number
/// before its version 23, and refuses what no rule names with EPERM. Where a rule says what the default says,
/// runtimes leave it out of the filter.
pub fn refused(allowed: &BTreeSet<&str>) -> BTreeSet<&'static str> {
    TRIED_FIRST.into_iter().filter(|name| !allowed.contains(name)).collect()
}

/// Whether libraries do without it if the kernel has not got it.
pub fn is_tried_first(name: &str) -> bool {
    TRIED_FIRST.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Arch;
    use crate::event::Abi;
    use crate::syscall::number;

    #[test]
    fn what_is_allowed_is_not_refused() {
        let refused = refused(&["clone3", "read"].into());
        assert!(!refused.contains("clone3") && refused.contains("statx"));
        assert_eq!(refused.len(), TRIED_FIRST.len() - 1);
    }

    #[test]
    fn every_name_is_a_call() {
        for arch in [Arch::X86_64, Arch::Aarch64] {
            for name in TRIED_FIRST {
                assert!(number(arch, Abi::Native, name).is_some(), "{arch:?} {name}");
            }
        }
    }
}
