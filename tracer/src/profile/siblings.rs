//! Calls that do the same as others: on another machine, or for another libc.
//!
//! All of it is guessing. arm64 was made without the calls that newer ones replace, and a libc's choice
//! between two that are there changes with its version. Recording again on the machine in question
//! is the right answer.

use std::collections::BTreeSet;

use crate::batch::Arch;
use crate::event::Abi;
use crate::syscall::number;

/// A call that was not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sibling {
    pub name: &'static str,
    /// The one that was.
    pub of: &'static str,
}

/// Calls of `x86_64` that arm64 lacks, and what libraries call there for them.
const PORTED: &[(&str, &str)] = &[
    ("access", "faccessat"),
    ("alarm", "setitimer"),
    ("chmod", "fchmodat"),
    ("chown", "fchownat"),
    ("creat", "openat"),
    ("dup2", "dup3"),
    ("epoll_create", "epoll_create1"),
    ("epoll_wait", "epoll_pwait"),
    ("eventfd", "eventfd2"),
    ("fork", "clone"),
    ("futimesat", "utimensat"),
    ("getdents", "getdents64"),
    ("getpgrp", "getpgid"),
    ("inotify_init", "inotify_init1"),
    ("lchown", "fchownat"),
    ("link", "linkat"),
    ("lstat", "newfstatat"),
    ("mkdir", "mkdirat"),
    ("mknod", "mknodat"),
    ("open", "openat"),
    ("pause", "ppoll"),
    ("pipe", "pipe2"),
    ("poll", "ppoll"),
    ("readlink", "readlinkat"),
    ("rename", "renameat"),
    ("rename", "renameat2"),
    ("rmdir", "unlinkat"),
    ("select", "pselect6"),
    ("signalfd", "signalfd4"),
    ("stat", "newfstatat"),
    ("symlink", "symlinkat"),
    ("time", "gettimeofday"),
    ("unlink", "unlinkat"),
    ("utime", "utimensat"),
    ("utimes", "utimensat"),
    ("vfork", "clone"),
];

/// What riscv64 lacks besides: it has no call that a newer one with more arguments replaces.
const PORTED_TO_RISCV64: &[(&str, &str)] = &[("renameat", "renameat2")];

/// Calls and what a newer libc or kernel puts in their place.
const NEWER: &[(&str, &str)] = &[
    ("clone", "clone3"),
    ("epoll_pwait", "epoll_pwait2"),
    ("epoll_wait", "epoll_pwait"),
    ("faccessat", "faccessat2"),
    ("fchmodat", "fchmodat2"),
    ("fork", "clone"),
    ("fstat", "newfstatat"),
    ("lstat", "newfstatat"),
    ("newfstatat", "statx"),
    ("open", "openat"),
    ("openat", "openat2"),
    ("poll", "ppoll"),
    ("renameat", "renameat2"),
    ("select", "pselect6"),
    ("stat", "newfstatat"),
    ("vfork", "clone"),
];

/// Calls as another machine has them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ported {
    /// What it has under the same name.
    pub names: BTreeSet<&'static str>,
    /// Perhaps with doubles of `names`.
    pub siblings: Vec<Sibling>,
    pub not_there: Vec<&'static str>,
}

/// `abis`: those of the profile. Where both machines are the same nothing changes.
pub(super) fn port(observed: BTreeSet<&'static str>, from: Arch, to: Arch, abis: &BTreeSet<Abi>) -> Ported {
    if from == to {
        return Ported { names: observed, siblings: Vec::new(), not_there: Vec::new() };
    }
    let exists = |name: &str| abis.iter().any(|abi| number(to, *abi, name).is_some());
    let mut ported = Ported { names: BTreeSet::new(), siblings: Vec::new(), not_there: Vec::new() };
    let mut found = BTreeSet::new();
    for name in observed {
        let there = exists(name);
        if there {
            ported.names.insert(name);
        }
        // Towards x86_64 a call leads to all that do the same there, where a libc has the choice.
        let pairs = PORTED.iter().map(|(x86, other)| match to {
            Arch::X86_64 => (*other, *x86),
            Arch::Aarch64 | Arch::Riscv64 => (*x86, *other),
        });
        let more = if to == Arch::Riscv64 { PORTED_TO_RISCV64 } else { &[] };
        let pairs = pairs.chain(more.iter().copied());
        let siblings = pairs.filter(|(of, sibling)| *of == name && exists(sibling));
        let siblings: Vec<_> = siblings.map(|(of, name)| Sibling { name, of }).collect();
        if !there && siblings.is_empty() {
            ported.not_there.push(name);
        }
        ported.siblings.extend(siblings.into_iter().filter(|sibling| found.insert(sibling.name)));
    }
    ported.siblings.sort_unstable();
    ported
}

/// What may be called instead of what was seen and is not `allowed`.
pub(super) fn newer(
    observed: &BTreeSet<&'static str>,
    allowed: &BTreeSet<&'static str>,
    arch: Arch,
) -> Vec<Sibling> {
    let mut found = BTreeSet::new();
    let pairs = NEWER.iter().filter(|(of, name)| {
        observed.contains(of) && !allowed.contains(name) && number(arch, Abi::Native, name).is_some()
    });
    let mut siblings: Vec<_> =
        pairs.filter(|(_, name)| found.insert(*name)).map(|&(of, name)| Sibling { name, of }).collect();
    siblings.sort_unstable();
    siblings
}

#[cfg(test)]
mod tests {
    use super::*;

    const NATIVE: [Abi; 1] = [Abi::Native];

    #[test]
    fn what_arm64_lacks_has_a_sibling_there() {
        for (x86, arm) in PORTED {
            assert!(number(Arch::X86_64, Abi::Native, x86).is_some(), "{x86}");
            assert!(number(Arch::Aarch64, Abi::Native, x86).is_none(), "{x86}");
            assert!(number(Arch::Aarch64, Abi::Native, arm).is_some(), "{arm}");
        }
        for (of, newer) in NEWER {
            assert!(number(Arch::X86_64, Abi::Native, of).is_some(), "{of}");
            assert!(number(Arch::X86_64, Abi::Native, newer).is_some(), "{newer}");
        }
    }

    #[test]
    fn from_x86_64_to_arm64() {
        let observed = ["open", "openat", "read", "rename", "arch_prctl", "stat", "lstat"].into();
        let ported = port(observed, Arch::X86_64, Arch::Aarch64, &NATIVE.into());
        assert_eq!(ported.names, ["openat", "read"].into());
        assert_eq!(ported.not_there, ["arch_prctl"]);
        let names: Vec<_> = ported.siblings.iter().map(|sibling| sibling.name).collect();
        assert_eq!(names, ["newfstatat", "openat", "renameat", "renameat2"]);
    }

    #[test]
    fn from_arm64_to_x86_64_old_calls_are_guessed() {
        let ported = port(["newfstatat"].into(), Arch::Aarch64, Arch::X86_64, &NATIVE.into());
        assert_eq!(ported.names, ["newfstatat"].into());
        let names: Vec<_> = ported.siblings.iter().map(|sibling| sibling.name).collect();
        assert_eq!(names, ["lstat", "stat"]);
    }

    #[test]
    fn riscv64_is_like_arm64_with_less() {
        let ported = port(["open", "rename", "renameat"].into(), Arch::X86_64, Arch::Riscv64, &NATIVE.into());
        assert_eq!(ported.names, BTreeSet::new());
        let names: Vec<_> = ported.siblings.iter().map(|sibling| sibling.name).collect();
        assert_eq!(names, ["openat", "renameat2"]);
        let ported = port(["renameat", "read"].into(), Arch::Aarch64, Arch::Riscv64, &NATIVE.into());
        assert_eq!(ported.siblings, [Sibling { name: "renameat2", of: "renameat" }]);
        for (_, there) in PORTED_TO_RISCV64 {
            assert!(number(Arch::Riscv64, Abi::Native, there).is_some(), "{there}");
        }
    }

    #[test]
    fn the_same_machine_changes_nothing() {
        let observed = BTreeSet::from(["open", "arch_prctl"]);
        let ported = port(observed.clone(), Arch::X86_64, Arch::X86_64, &NATIVE.into());
        assert_eq!(ported, Ported { names: observed, siblings: vec![], not_there: vec![] });
    }

    #[test]
    fn newer_calls_are_suggested_once_and_only_if_missing() {
        let observed = BTreeSet::from(["clone", "fstat", "stat", "openat"]);
        let allowed = BTreeSet::from(["openat2"]);
        let found = newer(&observed, &allowed, Arch::X86_64);
        let expected = [Sibling { name: "clone3", of: "clone" }, Sibling { name: "newfstatat", of: "fstat" }];
        assert_eq!(found, expected);
    }
}
