use std::collections::BTreeSet;

use tracer_common::config::traits::{ADDRESS_MASK, ADDRESS_OUT, ADDRESS_SHIFT, NO_RETURN, PATH_MASK};
use tracer_common::limits::{INVALID_NR, NR_END};

use super::signature::SIGNATURES;
use super::*;

const ABIS: [(Arch, Abi); 5] = [
    (Arch::X86_64, Abi::Native),
    (Arch::X86_64, Abi::Compat),
    (Arch::X86_64, Abi::X32),
    (Arch::Aarch64, Abi::Native),
    (Arch::Aarch64, Abi::Compat),
];

/// In the headers, but in no kernel from 5.10 on.
const NEVER: [&str; 22] = [
    "afs_syscall",
    "break",
    "create_module",
    "epoll_ctl_old",
    "epoll_wait_old",
    "ftime",
    "get_kernel_syms",
    "getpmsg",
    "gtty",
    "idle",
    "lock",
    "mpx",
    "nfsservctl",
    "prof",
    "profil",
    "putpmsg",
    "query_module",
    "security",
    "stty",
    "tuxcall",
    "ulimit",
    "vserver",
];

fn names() -> BTreeSet<&'static str> {
    ABIS.iter().flat_map(|&(arch, abi)| all(arch, abi)).map(|(_, name)| name).collect()
}

#[test]
fn known_numbers() {
    let [x86_64, i386, x32, aarch64, arm] = ABIS;
    for ((arch, abi), text, expected) in [
        (x86_64, "read", 0),
        (x86_64, "openat", 257),
        (x86_64, "clone3", 435),
        (i386, "getpid", 20),
        (i386, "socketcall", 102),
        (x32, "read", 0),
        (x32, "rt_sigaction", 512),
        (x32, "pwritev2", 547),
        (aarch64, "openat", 56),
        (aarch64, "newfstatat", 79),
        (arm, "openat", 322),
        (arm, "arm_sync_file_range", 341),
    ] {
        assert_eq!(number(arch, abi, text), Some(expected), "{text}");
        assert_eq!(name(arch, abi, expected), Some(text));
    }
}

#[test]
fn an_abi_has_its_own_calls_only() {
    let [x86_64, i386, x32, aarch64, arm] = ABIS;
    for ((arch, abi), text) in [
        (x86_64, "socketcall"),
        (x86_64, "fstatat64"),
        (i386, "arch_specific_syscall"),
        (x32, "uselib"),
        (aarch64, "open"),
        (aarch64, "fstatat"),
        (arm, "sync_file_range2"),
        (arm, "syscalls"),
        (x86_64, ""),
    ] {
        assert_eq!(number(arch, abi, text), None, "{text}");
    }
    assert_eq!(name(Arch::X86_64, Abi::X32, 13), None, "rt_sigaction is 512 there");
    assert_eq!(all(Arch::Aarch64, Abi::X32).count(), 0);
}

#[test]
fn every_name_leads_back_to_its_number() {
    for (arch, abi) in ABIS {
        let mut count = 0;
        for (nr, text) in all(arch, abi) {
            // Also: no name twice.
            assert_eq!(number(arch, abi, text), Some(nr), "{text}");
            assert_eq!(name(arch, abi, nr), Some(text));
            assert!(u32::from(nr) < NR_END, "{text}");
            count += 1;
        }
        assert!(count > 300, "{}: {count}", abi_name(arch, abi));
    }
}

#[test]
fn labels_say_the_number() {
    let label = |number| label(Arch::X86_64, Abi::Native, number);
    assert_eq!(label(0), "read");
    assert_eq!(label(500), "syscall_0x1f4");
    assert_eq!(label(400), "syscall_0x190");
    assert_eq!(label(INVALID_NR), "invalid");
    assert_eq!(super::label(Arch::Aarch64, Abi::X32, 0), "syscall_0x0");
}

#[test]
fn abis_have_distinct_names() {
    assert_eq!(ABIS.map(|(arch, abi)| abi_name(arch, abi)), ["x86_64", "i386", "x32", "aarch64", "arm"]);
}

#[test]
fn signatures_are_sorted() {
    assert!(SIGNATURES.is_sorted_by(|(a, ..), (b, ..)| a < b));
}

#[test]
fn every_call_has_a_signature_and_every_signature_a_call() {
    let described: BTreeSet<_> = SIGNATURES.iter().map(|&(name, ..)| name).chain(NEVER).collect();
    let names = names();
    let new: Vec<_> = names.difference(&described).collect();
    assert!(new.is_empty(), "say in signature.rs how many arguments these have: {new:?}");
    let unknown: Vec<_> = described.difference(&names).collect();
    assert!(unknown.is_empty(), "no ABI has {unknown:?}");
    assert_eq!(described.len(), SIGNATURES.len() + NEVER.len());
}

#[test]
fn paths_and_addresses_are_arguments() {
    for &(name, arity, traits) in SIGNATURES {
        assert!(arity <= 6 && traits & PATH_MASK <= arity, "{name}");
        let address = (traits & ADDRESS_MASK) >> ADDRESS_SHIFT;
        // Its length stands behind it, and the kernel programs know of two places.
        assert!(address < arity || address == 0, "{name}");
        assert!([0, 2, 5].contains(&address) && (address == 0 || traits & PATH_MASK == 0), "{name}");
        assert!(address != 0 || traits & ADDRESS_OUT == 0, "{name}");
    }
}

#[test]
fn traits_follow_the_number_of_the_abi() {
    let of = |arch, abi, text| traits(arch, abi, number(arch, abi, text).unwrap());
    for (arch, abi) in ABIS {
        assert_eq!(of(arch, abi, "openat"), 2);
        assert_eq!(of(arch, abi, "chdir"), 1);
        assert_eq!(of(arch, abi, "connect"), 2 << ADDRESS_SHIFT);
        assert_eq!(of(arch, abi, "recvfrom"), 5 << ADDRESS_SHIFT | ADDRESS_OUT);
        assert_eq!(of(arch, abi, "exit"), NO_RETURN);
        assert_eq!(of(arch, abi, "exit_group"), NO_RETURN);
        for plain in ["read", "execve", "execveat", "rt_sigreturn", "fanotify_mark"] {
            assert_eq!(of(arch, abi, plain), 0, "{plain}");
        }
        assert_eq!(traits(arch, abi, 600), 0);
        assert_eq!(traits(arch, abi, INVALID_NR), 0);
    }
}

#[test]
fn arities() {
    for (name, expected) in [("getpid", 0), ("close", 1), ("openat", 4), ("mmap", 6), ("clone", 5)] {
        assert_eq!(arity(name), expected, "{name}");
    }
    for unknown in ["", "tuxcall", "syscall_0x1f4", "\u{1b}[2J"] {
        assert_eq!(arity(unknown), 6);
    }
}
