use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Where a text lies: its length, its bytes, the room for them.
type At = (usize, usize, usize);

/// Kind and size of every record, and its texts.
const RECORDS: [(u16, usize, &[At]); 14] = [
    (kind::SYSCALL, 144, &[]),
    (kind::SYSCALL_PATH, 664, &[(144, 152, 512)]),
    (kind::SYSCALL_ADDRESS, 280, &[(144, 152, 128)]),
    (kind::FORK, 88, &[]),
    (kind::EXEC, 1112, &[(72, 80, 512), (592, 600, 512)]),
    (kind::EXIT, 80, &[]),
    (kind::OWNER, 160, &[]),
    (kind::ENDED, 80, &[]),
    (kind::CGROUP_MKDIR, 1120, CGROUP_TEXT),
    (kind::CGROUP_RMDIR, 1120, CGROUP_TEXT),
    (kind::CGROUP_ATTACH, 1120, CGROUP_TEXT),
    (kind::CGROUP_FREEZE, 1120, CGROUP_TEXT),
    (kind::CGROUP_UNFREEZE, 1120, CGROUP_TEXT),
    (kind::CGROUP_RENAME, 1120, CGROUP_TEXT),
];
const CGROUP_TEXT: &[At] = &[(92, 96, 1024)];

/// A record of `bytes`, again and again, with texts of these lengths.
fn record(kind: u16, size: usize, texts: &[At], lens: [usize; 2], bytes: &[u8]) -> Vec<u8> {
    let mut record: Vec<u8> = bytes.iter().copied().cycle().take(size).collect();
    record[..2].copy_from_slice(&kind.to_le_bytes());
    record[2..4].copy_from_slice(&0u16.to_le_bytes());
    record[4..8].copy_from_slice(&u32::try_from(size).unwrap().to_le_bytes());
    for (&(at, ..), len) in texts.iter().zip(lens) {
        record[at..at + 4].copy_from_slice(&u32::try_from(len).unwrap().to_le_bytes());
    }
    record
}

fn blanked(records: &[u8]) -> Vec<u8> {
    let mut clean = b"of the batch before".to_vec();
    blank(records, &mut clean);
    clean
}

#[test]
fn nothing_stays_behind_a_text_and_all_else_does() {
    for (kind, size, texts) in RECORDS {
        for lens in [[0, 7], [5, 0], [128, 128]] {
            let before = record(kind, size, texts, lens, b"secret");
            let mut expected = before.clone();
            for (&(_, at, room), len) in texts.iter().zip(lens) {
                expected[at + len..at + room].fill(0);
            }
            assert_eq!(blanked(&before), expected, "kind {kind}, texts of {lens:?} bytes");
        }
    }
}

#[test]
fn damaged_records_stay_as_they_are() {
    let whole = record(kind::SYSCALL_PATH, 664, &[(144, 152, 512)], [9, 0], b"secret");
    let too_long = record(kind::SYSCALL_PATH, 664, &[(144, 152, 512)], [513, 0], b"secret");
    let huge = record(kind::CGROUP_MKDIR, 1120, CGROUP_TEXT, [u32::MAX as usize, 0], b"secret");
    let cut = record(kind::EXEC, 600, &[], [0, 0], b"secret");
    let unknown = record(99, 664, &[], [0, 0], b"secret");
    let records = [too_long, huge, unknown, whole, cut.clone()].concat();
    let clean = blanked(&records);
    let (damaged, rest) = (664 + 1120 + 664, 664 + 600);
    assert_eq!(clean[..damaged], records[..damaged]);
    assert!(
        clean[damaged + 152 + 9..damaged + 664].iter().all(|byte| *byte == 0),
        "a whole one between them"
    );
    assert_eq!(clean.len(), damaged + rest);
    for len in 0..cut.len() {
        assert_eq!(blanked(&cut[..len]), &cut[..len], "its end is missing");
    }
}

proptest! {
    #[test]
    fn what_is_decoded_stays_the_same(
        which in vec((select(&RECORDS), [0..=1025_usize, 0..=513], vec(any::<u8>(), 1..300), 0..64_u16), 1..4),
    ) {
        let records: Vec<u8> = which.iter().flat_map(|((kind, size, texts), lens, bytes, flags)| {
            let mut record = record(*kind, *size, texts, *lens, bytes);
            record[2..4].copy_from_slice(&flags.to_le_bytes());
            // The machine's own ABI, where it is a call.
            record[76..78].fill(0);
            record
        }).collect();
        let clean = blanked(&records);
        prop_assert_eq!(clean.len(), records.len());
        for (before, after) in decode::records(&records).zip(decode::records(&clean)) {
            let (before, after) = (before.unwrap(), after.unwrap());
            prop_assert_eq!((before.kind, before.owner), (after.kind, after.owner));
            prop_assert_eq!(decode::decode(before.bytes), decode::decode(after.bytes));
            if matches!(before.kind, kind::OWNER | kind::ENDED) {
                prop_assert_eq!(before.bytes, after.bytes);
            }
        }
    }

    #[test]
    fn any_bytes_keep_their_number(records in vec(any::<u8>(), 0..2000)) {
        prop_assert_eq!(blanked(&records).len(), records.len());
    }
}
