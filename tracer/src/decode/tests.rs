//! Literal bytes, hostile ones above all.

use proptest::prelude::*;

use super::*;

/// A record of that kind: a header with recognisable numbers, then `body`.
fn record(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(kind.to_le_bytes());
    bytes.extend(flags.to_le_bytes());
    bytes.extend(u32::try_from(HEADER + body.len()).unwrap().to_le_bytes());
    bytes.extend(1_000u64.to_le_bytes());
    for id in [7u32, 2] {
        bytes.extend(id.to_le_bytes());
    }
    bytes.extend(0x1_0000_0005u64.to_le_bytes());
    for id in [4242u32, 4243, 3, 1000, 4200, 0] {
        bytes.extend(id.to_le_bytes());
    }
    bytes.extend(*b"sh\0garbage\0\0\0\0\0\0");
    bytes.extend(body);
    bytes
}

fn syscall_body(abi: u16, ret: i64, duration: u64) -> Vec<u8> {
    let mut body = 7u32.to_le_bytes().to_vec();
    body.extend(abi.to_le_bytes());
    body.extend(257u16.to_le_bytes());
    body.extend(ret.to_le_bytes());
    body.extend(duration.to_le_bytes());
    for arg in 1..=6u64 {
        body.extend(arg.to_le_bytes());
    }
    body
}

/// A piece of argument 1, padded.
fn piece(kind: u8, extent: u16, bytes: &[u8]) -> Vec<u8> {
    let mut piece = vec![1, kind];
    piece.extend(extent.to_le_bytes());
    piece.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
    piece.extend(bytes);
    piece.resize(piece.len().next_multiple_of(8), b'?');
    piece
}

/// What a text is called by each of these bits.
fn extents(bytes: &[u8]) -> [(u16, Text<'_>); 3] {
    [(0, Text::Whole(bytes)), (extent::CUT, Text::Cut(bytes)), (extent::UNREAD, Text::Unread)]
}

fn memory_of(pieces: &[u8]) -> Result<Memory<'static>, DecodeError> {
    let body = [syscall_body(0, 3, 1), pieces.to_vec()].concat();
    let bytes: &'static [u8] = record(kind::SYSCALL_MEMORY, 0, &body).leak();
    let event = decode(bytes)?;
    let What::Syscall(call) = event.what else { panic!("{event:?}") };
    Ok(call.memory)
}

#[test]
fn a_system_call() {
    let bytes = record(kind::SYSCALL, 0, &syscall_body(0, -2, 812));
    let event = decode(&bytes).unwrap();
    assert_eq!(event.owner, OwnerId { slot: 7, generation: 2 });
    assert_eq!(event.cgroup_id, 0x1_0000_0005, "all 64 bits");
    assert_eq!((event.process.pid, event.process.tid, event.process.vpid), (4242, 4243, Some(3)));
    assert_eq!(event.process.comm, b"sh");
    let What::Syscall(call) = event.what else { panic!("{event:?}") };
    assert_eq!((call.number, call.errno(), call.duration_ns), (257, Some(2), Some(812)));
    assert_eq!(call.args, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_32_bit_argument_is_what_the_kernel_looks_at() {
    let [native, compat] = [0, 1].map(|abi| {
        let mut body = syscall_body(abi, 0, 1);
        // The upper half of the first argument.
        body[28] = 0x7f;
        record(kind::SYSCALL, 0, &body)
    });
    let first = |bytes: &[u8]| {
        let What::Syscall(call) = decode(bytes).unwrap().what else { panic!() };
        call.args[0]
    };
    assert_eq!((first(&native), first(&compat)), (0x7f_0000_0001, 1));
}

#[test]
fn what_arguments_point_to_says_what_it_is_and_whether_it_is_whole() {
    for (kind, expected) in [
        (piece::STRING, PieceKind::String),
        (piece::STRINGS, PieceKind::Strings),
        (piece::ADDRESS, PieceKind::Address),
        (piece::STRUCTURE, PieceKind::Bytes),
    ] {
        for (bits, text) in extents(b"\xff\x1b[2J\n") {
            let memory = memory_of(&piece(kind, bits, b"\xff\x1b[2J\n")).unwrap();
            let expected = Piece { index: 1, kind: expected, text };
            assert_eq!(memory.pieces().collect::<Vec<_>>(), [expected]);
            assert_eq!((memory.of(1), memory.of(0)), (Some(expected), None));
        }
    }
}

#[test]
fn a_call_may_have_several_pieces() {
    let mut second = piece(piece::ADDRESS, 0, b"\x02\0\0\x50");
    second[0] = 4;
    let body = [syscall_body(0, 0, 5), piece(piece::STRING, 0, b"12345678"), second].concat();
    let bytes = record(kind::SYSCALL_MEMORY, 0, &body);
    let What::Syscall(call) = decode(&bytes).unwrap().what else { panic!() };
    assert_eq!(call.path(), Some((1, Text::Whole(b"12345678"))));
    assert_eq!(call.address(), Some((4, Text::Whole(b"\x02\0\0\x50"))));
    // The last one's padding may be missing.
    let short = record(kind::SYSCALL_MEMORY, 0, &body[..body.len() - 4]);
    assert!(
        matches!(decode(&short).unwrap().what, What::Syscall(again) if again.address() == call.address())
    );
}

#[test]
fn a_program_with_its_arguments() {
    for (bits, text) in extents(b"sh\0-c\0") {
        let body = [piece(piece::STRING, 0, b"/bin/sh"), piece(piece::STRINGS, bits, b"sh\0-c\0")].concat();
        let bytes = record(kind::EXEC, 0, &body);
        let What::Exec { filename, args } = decode(&bytes).unwrap().what else { panic!() };
        assert_eq!((filename, args), (Text::Whole(&b"/bin/sh"[..]), text));
    }
}

#[test]
fn operations_of_io_uring() {
    let body = [7u64.to_le_bytes().to_vec(), [22, 0, 1, 0].to_vec(), (-1i32).to_le_bytes().to_vec()].concat();
    let bytes = record(kind::IO_URING_SUBMIT, 0, &body);
    let submit =
        IoUring { user_data: 7, opcode: Some(22), stage: Stage::Submit { fd: -1, fixed_file: true } };
    assert_eq!(decode(&bytes).unwrap().what, What::IoUring(submit));
    let body = [7u64.to_le_bytes().to_vec(), (-2i32).to_le_bytes().to_vec(), u32::MAX.to_le_bytes().to_vec()]
        .concat();
    let bytes = record(kind::IO_URING_COMPLETE, 0, &body);
    let complete = IoUring { user_data: 7, opcode: None, stage: Stage::Complete { ret: -2 } };
    assert_eq!(decode(&bytes).unwrap().what, What::IoUring(complete));
}

#[test]
fn a_refused_call_has_no_duration() {
    let bytes = record(kind::SYSCALL, flag::DENIED, &syscall_body(0, -1, 0));
    let What::Syscall(call) = decode(&bytes).unwrap().what else { panic!() };
    assert_eq!((call.how, call.duration_ns), (How::Denied, None));
}

#[test]
fn lengths_that_lie() {
    let mut long = piece(piece::STRING, 0, b"path");
    long[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(memory_of(&long), Err(DecodeError::Text(u32::MAX)));
    assert_eq!(memory_of(&long[..5]), Err(DecodeError::Short { missing: 3 }));
    let mut bytes = record(kind::EXIT, 0, &[0; 8]);
    bytes[4] = 200;
    assert_eq!(records(&bytes).next(), Some(Err(DecodeError::Short { missing: 120 })));
    bytes[4] = 3;
    assert_eq!(records(&bytes).next(), Some(Err(DecodeError::Length { kind: kind::EXIT, len: 3 })));
    assert_eq!(records(&bytes).count(), 1, "nothing can be found behind it");
    let short = record(kind::EXIT, 0, &[0; 4]);
    assert_eq!(decode(&short), Err(DecodeError::Short { missing: 4 }));
}

#[test]
fn unknown_kinds_and_abis_are_errors() {
    assert_eq!(decode(&record(99, 0, &[])), Err(DecodeError::Kind(99)));
    assert_eq!(memory_of(&piece(9, 0, b"x")), Err(DecodeError::Piece(9)));
    assert_eq!(decode(&record(kind::SYSCALL, 0, &syscall_body(9, 0, 0))), Err(DecodeError::Abi(9)));
}

#[test]
fn records_follow_each_other() {
    let mut batch = record(kind::EXIT, 0, &[0, 3, 0, 0, 1, 0, 0, 0]);
    batch.extend(record(kind::SYSCALL, 0, &syscall_body(1, 0, 5)));
    let kinds: Vec<u16> = records(&batch).map(|r| r.unwrap().kind).collect();
    assert_eq!(kinds, [kind::EXIT, kind::SYSCALL]);
    let What::Exit(exit) = decode(records(&batch).next().unwrap().unwrap().bytes).unwrap().what else {
        panic!()
    };
    assert_eq!((exit.code(), exit.signal(), exit.process), (3, None, true));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
        for record in records(&bytes).flatten() {
            let _ = decode(record.bytes);
            let _ = owner(record.bytes);
        }
        let _ = decode(&bytes);
    }

    #[test]
    fn no_body_makes_it_panic(kind in 0u16..16, flags in any::<u16>(), body in proptest::collection::vec(any::<u8>(), 0..1200)) {
        let bytes = record(kind, flags, &body);
        for record in records(&bytes) {
            let _ = decode(record.unwrap().bytes);
        }
    }
}
