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

fn text_body(len: u32, bytes: &[u8]) -> Vec<u8> {
    let mut body = len.to_le_bytes().to_vec();
    body.extend(1u32.to_le_bytes());
    body.extend(bytes);
    body.resize(8 + TEXT_LEN, b'?');
    body
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
fn a_call_with_a_socket_address() {
    let mut body = syscall_body(0, 0, 5);
    body.extend(text_body(4, b"\x02\0\0\x50rest"));
    body.truncate(body.len() - TEXT_LEN + ADDRESS_LEN);
    for (flags, expected) in [
        (0, Text::Whole(&b"\x02\0\0\x50"[..])),
        (flag::TEXT_CUT, Text::Cut(&b"\x02\0\0\x50"[..])),
        (flag::TEXT_UNREAD, Text::Unread),
    ] {
        let bytes = record(kind::SYSCALL_ADDRESS, flags, &body);
        let What::Syscall(call) = decode(&bytes).unwrap().what else { panic!() };
        assert_eq!((call.address, call.path), (Some((1, expected)), None));
    }
    let len = 72 + size_of::<tracer_common::record::Address>() + 72;
    assert_eq!(record(kind::SYSCALL_ADDRESS, 0, &body).len(), len);
    let last = body.len() - 1;
    let short = record(kind::SYSCALL_ADDRESS, 0, &body[..last]);
    assert_eq!(decode(&short), Err(DecodeError::Short { missing: 1 }));
    body[72] = 129;
    assert_eq!(decode(&record(kind::SYSCALL_ADDRESS, 0, &body)), Err(DecodeError::Text(129)));
}

#[test]
fn a_refused_call_has_no_duration() {
    let bytes = record(kind::SYSCALL, flag::DENIED, &syscall_body(0, -1, 0));
    let What::Syscall(call) = decode(&bytes).unwrap().what else { panic!() };
    assert_eq!((call.how, call.duration_ns), (How::Denied, None));
}

#[test]
fn paths_are_bytes_and_say_whether_they_are_whole() {
    for (flags, expected) in [
        (0, Text::Whole(b"\xff\x1b[2J\n")),
        (flag::TEXT_CUT, Text::Cut(b"\xff\x1b[2J\n")),
        (flag::TEXT_UNREAD, Text::Unread),
    ] {
        let mut body = syscall_body(0, 3, 1);
        body.extend(text_body(6, b"\xff\x1b[2J\n"));
        let bytes = record(kind::SYSCALL_PATH, flags, &body);
        let What::Syscall(call) = decode(&bytes).unwrap().what else { panic!() };
        assert_eq!(call.path, Some((1, expected)));
    }
}

#[test]
fn lengths_that_lie() {
    let mut body = syscall_body(0, 3, 1);
    body.extend(text_body(u32::MAX, b""));
    assert_eq!(decode(&record(kind::SYSCALL_PATH, 0, &body)), Err(DecodeError::Text(u32::MAX)));
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
