//! `cases.txt`: calls as `strace` 6.1 printed them on x86-64. A line is the name, the result, the registers, `;` and
//! the memory (register, `s`tring, `a`ddress or `b`ytes, hexadecimal), `=>` and the arguments, without its comments on
//! values that it does not know. Flags have an order of their own there.

use proptest::prelude::*;

use super::*;
use crate::event::{How, Memory, Piece};
use crate::syscall::{all, number};

/// Arguments separated as `strace` does.
fn shown(arch: Arch, call: &Syscall<'_>) -> String {
    let arguments = Arguments::new(arch);
    let signature = arguments.signature(call.abi, call.number).unwrap();
    let mut text = Vec::new();
    each(arch, call, signature, &mut String::new(), |_, value| {
        let mut one = String::new();
        match value {
            Value::Shown(shown) | Value::Unread(shown) => one.push_str(shown),
            Value::String { bytes, cut } => quoted(&mut one, bytes, cut),
        }
        text.push(one);
    });
    text.join(", ")
}

fn call(number: u16, ret: i64, args: [u64; 6], memory: Memory<'_>) -> Syscall<'_> {
    Syscall { abi: Abi::Native, number, ret, duration_ns: Some(1), args, memory, how: How::Done }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// The flags of each argument in one order.
fn sorted(arguments: &str) -> Vec<Vec<&str>> {
    let parts = arguments.split(", ").map(|argument| {
        let mut flags: Vec<_> = argument.split(['|', '=']).collect();
        flags.sort_unstable();
        flags
    });
    parts.collect()
}

#[test]
fn calls_read_as_strace_prints_them() {
    let mut wrong = Vec::new();
    let cases = include_str!("cases.txt");
    for line in cases.lines() {
        let (given, expected) = line.split_once(" => ").unwrap();
        let (registers, memory) = given.split_once(';').unwrap();
        let mut words = registers.split_whitespace();
        let name = words.next().unwrap();
        let ret = words.next().unwrap().parse().unwrap();
        let mut args = [0; 6];
        for (arg, word) in args.iter_mut().zip(words) {
            *arg = u64::from_str_radix(word.strip_prefix("0x").unwrap(), 16).unwrap();
        }
        let bytes: Vec<_> = memory
            .split_whitespace()
            .map(|piece| {
                let (at, content) = piece.split_at(1);
                let (kind, hex) = content.split_at(1);
                let kind = match kind {
                    "s" => PieceKind::String,
                    "a" => PieceKind::Address,
                    _ => PieceKind::Bytes,
                };
                (at.parse().unwrap(), kind, unhex(hex))
            })
            .collect();
        let mut pieces = bytes.iter().map(|(index, kind, bytes)| Piece {
            index: *index,
            kind: *kind,
            text: Text::Whole(bytes),
        });
        let memory = Memory::new([pieces.next(), pieces.next(), pieces.next()]);
        let number = number(Arch::X86_64, Abi::Native, name).unwrap();
        let shown = shown(Arch::X86_64, &call(number, ret, args, memory));
        if sorted(&shown) != sorted(expected) {
            wrong.push(format!("{name}\n  ours: {shown}\nstrace: {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(cases.lines().count() >= 150);
}

#[test]
fn wide_values_come_in_two_registers_of_narrow_abis() {
    let of = |arch, name, args| {
        let number = number(arch, Abi::Compat, name).unwrap();
        shown(arch, &Syscall { abi: Abi::Compat, ..call(number, 0, args, Memory::default()) })
    };
    let (x86, arm) = (Arch::X86_64, Arch::Aarch64);
    assert_eq!(of(x86, "pread64", [3, 0, 10, 5, 1, 0]), "3, NULL, 10, 4294967301");
    assert_eq!(of(arm, "pread64", [3, 0, 10, 99, 5, 1]), "3, NULL, 10, 4294967301");
    assert_eq!(of(x86, "lseek", [3, 0xffff_fffb, 1, 0, 0, 0]), "3, -5, SEEK_CUR");
    assert_eq!(of(arm, "openat", [0xffff_ff9c, 0, 0x4000, 0, 0, 0]), "AT_FDCWD, NULL, O_RDONLY|O_DIRECTORY");
    assert_eq!(of(x86, "mmap2", [0, 4096, 1, 2, 3, 1]), "NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0x1000");
    assert_eq!(of(x86, "mmap", [0x1000, 0, 0, 0, 0, 0]), "0x1000");
}

#[test]
fn clone_follows_the_order_of_its_machine() {
    let names = |arch, abi| {
        let number = number(arch, abi, "clone").unwrap();
        let signature = Arguments::new(arch).signature(abi, number).unwrap();
        signature.arguments.iter().map(|argument| argument.name).collect::<Vec<_>>()
    };
    assert_eq!(names(Arch::X86_64, Abi::Native)[3..], ["child_tidptr", "tls"]);
    assert_eq!(names(Arch::X86_64, Abi::Compat)[3..], ["tls", "child_tidptr"]);
    assert_eq!(names(Arch::Aarch64, Abi::Native)[3..], ["tls", "child_tidptr"]);
    let number = number(Arch::X86_64, Abi::Native, "clone").unwrap();
    let fork = call(number, 5, [0x0120_0011, 0, 0, 0, 0, 0], Memory::default());
    assert!(shown(Arch::X86_64, &fork).starts_with("CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, NULL"));
}

#[test]
fn memory_that_was_not_there_is_told() {
    let memory =
        Memory::new([Some(Piece { index: 1, kind: PieceKind::String, text: Text::Unread }), None, None]);
    let openat = call(257, -14, [0xffff_ff9c, 0x10, 0, 0, 0, 0], memory);
    let signature = signature::of(Arch::X86_64, Abi::Native, 257).unwrap();
    let mut unread = Vec::new();
    each(Arch::X86_64, &openat, signature, &mut String::new(), |name, value| {
        if let Value::Unread(pointer) = value {
            unread.push((name, pointer.to_owned()));
        }
    });
    assert_eq!(unread, [("pathname", "0x10".to_owned())]);
}

#[test]
fn arrays_and_texts_end_as_strace_ends_them() {
    let of = |name, ret, args, index, kind, text| {
        let memory = Memory::new([Some(Piece { index, kind, text })]);
        let number = number(Arch::X86_64, Abi::Native, name).unwrap();
        shown(Arch::X86_64, &call(number, ret, args, memory))
    };
    let poll = |ret, text| of("poll", ret, [0x10, 2, 5, 0, 0, 0], 0, PieceKind::Bytes, text);
    let two = [3, 0, 0, 0, 1, 0, 1, 0, 0xff, 0xff, 0xff, 0xff, 4, 0, 0, 0];
    assert_eq!(poll(1, Text::Whole(&two)), "[{fd=3, events=POLLIN, revents=POLLIN}, {fd=-1}], 2, 5");
    assert_eq!(poll(0, Text::Whole(&two[..8])), "[{fd=3, events=POLLIN}], 2, 5");
    assert_eq!(poll(1, Text::Unread), "0x10, 2, 5");
    let groups = |text| of("setgroups", 0, [40, 0x10, 0, 0, 0, 0], 1, PieceKind::Bytes, text);
    assert_eq!(groups(Text::Whole(&[0; 160])).matches('0').count(), 41);
    assert_eq!(groups(Text::Cut(&[7, 0, 0, 0, 9, 0, 0])), "40, [7, ...]");
    let wait = |ret, text| of("epoll_wait", ret, [3, 0x10, 9, 0, 0, 0], 1, PieceKind::Bytes, text);
    assert_eq!(
        (wait(0, Text::Whole(b"")).as_str(), wait(-4, Text::Whole(b"")).as_str()),
        ("3, [], 9, 0", "3, 0x10, 9, 0")
    );
    let cpus = of("sched_getaffinity", 8, [0, 8, 0x10, 0, 0, 0], 2, PieceKind::Bytes, Text::Whole(&[5, 1]));
    assert_eq!(cpus, "0, 8, [0 2 8]");
    let vector = |text| of("execve", -2, [0x10; 6], 1, PieceKind::Strings, text);
    assert_eq!(vector(Text::Whole(b"a\0\0b c\0")), r#"0x10, ["a", "", "b c"], 0x10"#);
    assert_eq!(vector(Text::Cut(b"a\0b")), r#"0x10, ["a", "b", ...], 0x10"#);
    assert_eq!(
        (vector(Text::Whole(b"")).as_str(), vector(Text::Unread).as_str()),
        ("0x10, [], 0x10", "0x10, 0x10, 0x10")
    );
    let cwd = |ret| of("getcwd", ret, [0x10, 9, 0, 0, 0, 0], 0, PieceKind::String, Text::Whole(b"/tmp\0"));
    assert_eq!((cwd(5).as_str(), cwd(-34).as_str()), (r#""/tmp", 9"#, "0x10, 9"));
}

#[test]
fn what_a_failed_call_should_have_filled_is_a_pointer() {
    let memory = |bytes| {
        Memory::new([Some(Piece { index: 0, kind: PieceKind::Bytes, text: Text::Whole(bytes) }), None, None])
    };
    let pipe = |ret| shown(Arch::X86_64, &call(22, ret, [0x10; 6], memory(&[3, 0, 0, 0, 4, 0, 0, 0])));
    assert_eq!((pipe(0).as_str(), pipe(-24).as_str()), ("[3, 4]", "0x10"));
}

#[test]
fn results_have_their_form() {
    let of = |value, args, kind| {
        let mut out = String::new();
        result(&mut out, Arch::X86_64, &call(72, value, args, Memory::default()), value, kind);
        out
    };
    let text = |value, kind| of(value, [0; 6], kind);
    assert_eq!(text(18, Result::Mode), "022");
    assert_eq!(text(0x7f12_3456_7000, Result::Address), "0x7f1234567000");
    assert_eq!(text(-5, Result::Number), "-5");
    let fcntl = |command, value| of(value, [3, command, 0, 0, 0, 0], Result::Fcntl);
    assert_eq!(fcntl(3, 0x8802), "0x8802 (flags O_RDWR|O_NONBLOCK|O_LARGEFILE)");
    assert_eq!(fcntl(3, 0), "0 (flags O_RDONLY)");
    assert_eq!((fcntl(1, 0).as_str(), fcntl(1, 1).as_str()), ("0", "0x1 (flags FD_CLOEXEC)"));
    assert_eq!((fcntl(0, 7).as_str(), fcntl(11, 10).as_str()), ("7", "10 (signal SIGUSR1)"));
}

proptest! {
    /// Longest is a string's four bytes for each of a symbol, see [`safe`].
    #[test]
    fn nothing_makes_it_panic_or_speak_to_the_terminal(
        arm in any::<bool>(),
        abi in 0_usize..3,
        pick in any::<prop::sample::Index>(),
        ret in prop_oneof![Just(0_i64), Just(1), any::<i64>()],
        args in any::<[u64; 6]>(),
        small in any::<[u8; 6]>(),
        mixed in any::<u8>(),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        kind in 0_usize..4,
        index in 0_usize..6,
    ) {
        let arch = if arm { Arch::Aarch64 } else { Arch::X86_64 };
        let abi = [Abi::Native, Abi::Compat, Abi::X32][abi];
        let calls: Vec<u16> = all(arch, abi).map(|(number, _)| number).collect();
        prop_assume!(!calls.is_empty());
        let number = *pick.get(&calls);
        prop_assume!(Arguments::new(arch).signature(abi, number).is_some());
        let mut args = args;
        for (at, arg) in args.iter_mut().enumerate() {
            if mixed >> at & 1 == 1 {
                *arg = u64::from(small[at]);
            }
        }
        let kind = [PieceKind::String, PieceKind::Address, PieceKind::Bytes, PieceKind::Strings][kind];
        let memory = Memory::new([Some(Piece { index, kind, text: Text::Whole(&bytes) }), None, None]);
        let text = shown(arch, &Syscall { abi, ..call(number, ret, args, memory) });
        prop_assert!(text.len() < 3000, "{} bytes: {}", text.len(), text);
        prop_assert!(!text.contains(char::is_control));
    }
}
