use std::collections::BTreeSet;

use tracer_common::limits::{INVALID_NR, NR_END};

use super::signature::{ReadWhat, SIGNATURES, Signature, reads};
use super::*;

const ABIS: [(Arch, Abi); 6] = [
    (Arch::X86_64, Abi::Native),
    (Arch::X86_64, Abi::Compat),
    (Arch::X86_64, Abi::X32),
    (Arch::Aarch64, Abi::Native),
    (Arch::Aarch64, Abi::Compat),
    (Arch::Riscv64, Abi::Native),
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
    let [x86_64, i386, x32, aarch64, arm, riscv64] = ABIS;
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
        (riscv64, "openat", 56),
        (riscv64, "riscv_flush_icache", 259),
    ] {
        assert_eq!(number(arch, abi, text), Some(expected), "{text}");
        assert_eq!(name(arch, abi, expected), Some(text));
    }
}

#[test]
fn an_abi_has_its_own_calls_only() {
    let [x86_64, i386, x32, aarch64, arm, riscv64] = ABIS;
    for ((arch, abi), text) in [
        (x86_64, "socketcall"),
        (x86_64, "fstatat64"),
        (i386, "arch_specific_syscall"),
        (x32, "uselib"),
        (aarch64, "open"),
        (aarch64, "fstatat"),
        (arm, "sync_file_range2"),
        (arm, "syscalls"),
        (riscv64, "renameat"),
        (riscv64, "open"),
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
    assert_eq!(
        ABIS.map(|(arch, abi)| abi_name(arch, abi)),
        ["x86_64", "i386", "x32", "aarch64", "arm", "riscv64"]
    );
}

#[test]
fn signatures_are_sorted() {
    assert!(SIGNATURES.is_sorted_by(|a, b| a.name < b.name));
}

#[test]
fn every_call_has_a_signature_and_every_signature_a_call() {
    let described: BTreeSet<_> = SIGNATURES.iter().map(|known| known.name).chain(NEVER).collect();
    let names = names();
    let new: Vec<_> = names.difference(&described).collect();
    assert!(new.is_empty(), "say in signature/table.rs which arguments these have: {new:?}");
    let unknown: Vec<_> = described.difference(&names).collect();
    assert!(unknown.is_empty(), "no ABI has {unknown:?}");
    assert_eq!(described.len(), SIGNATURES.len() + NEVER.len());
}

/// Every call of every ABI that has a signature.
fn calls() -> impl Iterator<Item = (Arch, Abi, u16, &'static Signature)> {
    ABIS.into_iter().flat_map(|(arch, abi)| {
        all(arch, abi)
            .filter_map(move |(number, _)| Some((arch, abi, number, signature::of(arch, abi, number)?)))
    })
}

#[test]
fn arguments_have_names_of_their_own_and_fit_the_registers() {
    for (arch, abi, _, signature) in calls() {
        let names: BTreeSet<_> = signature.arguments.iter().map(|argument| argument.name).collect();
        assert_eq!(names.len(), signature.arguments.len(), "{}", signature.name);
        assert!(signature.registers(arch, abi) <= 6, "{}", signature.name);
    }
}

#[test]
fn wide_arguments_take_the_registers_of_their_abi() {
    let of = |(arch, abi): (Arch, Abi), name| signature::find(arch, abi, name).unwrap().registers(arch, abi);
    for (name, x86_64, i386, x32, aarch64, arm, riscv64) in [
        ("pread64", 4, 5, 4, 4, 6, 4),
        ("preadv", 5, 5, 4, 5, 5, 5),
        ("preadv2", 6, 6, 5, 6, 6, 6),
        ("ftruncate64", 2, 3, 2, 2, 4, 2),
        ("fallocate", 4, 6, 4, 4, 6, 4),
        ("fanotify_mark", 5, 6, 5, 5, 6, 5),
        ("arm_fadvise64_64", 4, 6, 4, 4, 6, 4),
        ("sync_file_range", 4, 6, 4, 4, 7, 4),
        ("mmap", 6, 1, 6, 6, 6, 6),
    ] {
        // `sync_file_range` is not arm's: it has one with its flags in front.
        assert_eq!(ABIS.map(|abi| of(abi, name)), [x86_64, i386, x32, aarch64, arm, riscv64], "{name}");
    }
}

#[test]
fn reads_are_of_arguments_and_known_sizes() {
    let sizes = [4, 8, 12, 16, 24, 32, 36, 40, 56, 64, 88, 112, 130];
    for (arch, abi, number, signature) in calls() {
        for read in reads(arch, abi, number).into_iter().flatten() {
            assert!(usize::from(read.argument) < signature.registers(arch, abi), "{}", signature.name);
            match read.what {
                ReadWhat::Bytes { len, .. } => assert!(sizes.contains(&len), "{}", signature.name),
                // Its length stands behind it.
                ReadWhat::AddressIn | ReadWhat::AddressOut => {
                    assert!(usize::from(read.argument) + 1 < signature.registers(arch, abi));
                }
                ReadWhat::Array { element, count, .. } => {
                    assert!([1, 2, 4, 8, 12, 16].contains(&element), "{}", signature.name);
                    assert!(
                        count.is_none_or(|at| usize::from(at) < signature.registers(arch, abi)),
                        "{}",
                        signature.name
                    );
                }
                ReadWhat::String | ReadWhat::Vector => {}
            }
        }
    }
}

#[test]
fn what_is_read_follows_from_the_types() {
    let of = |name| {
        let reads = reads(Arch::X86_64, Abi::Native, number(Arch::X86_64, Abi::Native, name).unwrap());
        reads.into_iter().flatten().map(|read| (read.argument, read.what)).collect::<Vec<_>>()
    };
    let bytes = |len, out| ReadWhat::Bytes { len, out };
    assert_eq!(of("renameat2"), [(1, ReadWhat::String), (3, ReadWhat::String)]);
    assert_eq!(of("mount"), [0, 1, 2].map(|at| (at, ReadWhat::String)));
    assert_eq!(of("setxattr"), [0, 1].map(|at| (at, ReadWhat::String)));
    assert_eq!(of("openat2"), [(1, ReadWhat::String), (2, bytes(24, false))]);
    assert_eq!(of("execve"), [(0, ReadWhat::String), (1, ReadWhat::Vector)]);
    assert_eq!(of("clone3"), [(0, bytes(88, false))]);
    assert_eq!(of("pipe2"), [(0, bytes(8, true))]);
    assert_eq!(of("prlimit64"), [(2, bytes(16, false)), (3, bytes(16, true))]);
    assert_eq!(of("accept4"), [(1, ReadWhat::AddressOut), (2, bytes(4, false))]);
    let array = |element, count, text| ReadWhat::Array { element, count, text };
    assert_eq!(of("writev"), [(1, array(16, Some(2), false))]);
    assert_eq!(of("readlinkat"), [(1, ReadWhat::String), (2, array(1, None, true))]);
    assert_eq!(of("sched_setaffinity"), [(2, array(1, Some(1), false))]);
    assert_eq!(of("read"), []);
    assert_eq!(reads(Arch::X86_64, Abi::Native, INVALID_NR), [None; 3]);
    let compat = number(Arch::X86_64, Abi::Compat, "nanosleep").unwrap();
    assert_eq!(reads(Arch::X86_64, Abi::Compat, compat)[0].unwrap().what, bytes(8, false));
}

#[test]
fn symbols_are_those_of_the_architecture() {
    for (arch, abi, directory, direct) in [
        (Arch::X86_64, Abi::Native, 0o200_000, 0o40_000),
        (Arch::X86_64, Abi::Compat, 0o200_000, 0o40_000),
        (Arch::Aarch64, Abi::Native, 0o40_000, 0o200_000),
        (Arch::Aarch64, Abi::Compat, 0o40_000, 0o200_000),
    ] {
        assert_eq!(constants::OPEN.value(arch, abi, "O_DIRECTORY"), Some(directory));
        assert_eq!(constants::OPEN.value(arch, abi, "O_DIRECT"), Some(direct));
    }
    let request = |abi| constants::IOCTL.value(Arch::X86_64, abi, "FS_IOC_GETFLAGS");
    assert_eq!((request(Abi::Native), request(Abi::Compat)), (Some(0x8008_6601), Some(0x8004_6601)));
    assert_eq!(constants::MAP.value(Arch::X86_64, Abi::Native, "MAP_32BIT"), Some(0x40));
    assert_eq!(constants::MAP.value(Arch::Aarch64, Abi::Native, "MAP_32BIT"), None);
}
