use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Kind and fixed size of every record, and whether pieces follow or a path is inside.
const RECORDS: [(u16, usize, bool); 15] = [
    (kind::SYSCALL, 144, false),
    (kind::SYSCALL_MEMORY, 144, true),
    (kind::FORK, 88, false),
    (kind::EXEC, 72, true),
    (kind::EXIT, 80, false),
    (kind::OWNER, 160, false),
    (kind::ENDED, 80, false),
    (kind::CGROUP_MKDIR, 1120, false),
    (kind::CGROUP_RMDIR, 1120, false),
    (kind::CGROUP_ATTACH, 1120, false),
    (kind::CGROUP_FREEZE, 1120, false),
    (kind::CGROUP_UNFREEZE, 1120, false),
    (kind::CGROUP_RENAME, 1120, false),
    (kind::IO_URING_SUBMIT, 88, false),
    (kind::IO_URING_COMPLETE, 88, false),
];

const fn has_path(size: usize) -> bool {
    size == 1120
}

/// A record of `bytes`, again and again, with texts of these lengths; and where nothing is meant.
fn record(
    kind: u16,
    fixed: usize,
    pieces: bool,
    lens: [usize; 2],
    bytes: &[u8],
) -> (Vec<u8>, Vec<Range<usize>>) {
    let mut record: Vec<u8> = bytes.iter().copied().cycle().take(fixed).collect();
    let mut unused = Vec::new();
    if pieces {
        for len in lens {
            record.extend([1, 0, 0, 0]);
            record.extend(u32::try_from(len).unwrap().to_le_bytes());
            record.extend(bytes.iter().copied().cycle().take(len.next_multiple_of(8)));
            unused.push(record.len() - (len.next_multiple_of(8) - len)..record.len());
        }
    } else if has_path(fixed) {
        record[92..96].copy_from_slice(&u32::try_from(lens[0]).unwrap().to_le_bytes());
        unused.push(
            96 + lens[0].min(1024)..if lens[0] > 1024 { 1120 - 1024 + lens[0].min(1024) } else { 1120 },
        );
    }
    record[..2].copy_from_slice(&kind.to_le_bytes());
    record[2..4].copy_from_slice(&0u16.to_le_bytes());
    let len = u32::try_from(record.len()).unwrap();
    record[4..8].copy_from_slice(&len.to_le_bytes());
    (record, unused)
}

fn blanked(records: &[u8]) -> Vec<u8> {
    let mut clean = b"of the batch before".to_vec();
    blank(records, &mut clean);
    clean
}

#[test]
fn nothing_stays_behind_a_text_and_all_else_does() {
    for (kind, fixed, pieces) in RECORDS {
        for lens in [[0, 7], [5, 0], [128, 128], [1, 4095]] {
            let (before, unused) = record(kind, fixed, pieces, lens, b"secret");
            let mut expected = before.clone();
            for unused in unused {
                expected[unused].fill(0);
            }
            assert_eq!(blanked(&before), expected, "kind {kind}, texts of {lens:?} bytes");
        }
    }
}

#[test]
fn damaged_records_stay_as_they_are() {
    let (whole, _) = record(kind::SYSCALL_MEMORY, 144, true, [9, 0], b"secret");
    let mut too_long = whole.clone();
    too_long[148..152].copy_from_slice(&u32::MAX.to_le_bytes());
    let (huge, _) = record(kind::CGROUP_MKDIR, 1120, false, [u32::MAX as usize, 0], b"secret");
    let (mut cut, _) = record(kind::EXEC, 72, true, [9, 9], b"secret");
    cut.truncate(80);
    let (unknown, _) = record(99, 664, false, [0, 0], b"secret");
    let damaged = [too_long, huge, unknown].concat();
    let clean = blanked(&[damaged.as_slice(), &whole, &cut].concat());
    assert_eq!(clean[..damaged.len()], damaged);
    assert_eq!(clean[damaged.len() + 152 + 9..][..7], [0; 7], "a whole one between them");
    assert_eq!(clean.len(), damaged.len() + whole.len() + cut.len());
    for len in 0..cut.len() {
        assert_eq!(blanked(&cut[..len]), &cut[..len], "its end is missing");
    }
}

proptest! {
    #[test]
    fn what_is_decoded_stays_the_same(
        which in vec((select(&RECORDS), [0..=1025_usize, 0..=513], vec(any::<u8>(), 1..300), 0..64_u16), 1..4),
    ) {
        let records: Vec<u8> = which.iter().flat_map(|((kind, fixed, pieces), lens, bytes, flags)| {
            let (mut record, _) = record(*kind, *fixed, *pieces, *lens, bytes);
            record[2..4].copy_from_slice(&flags.to_le_bytes());
            // The machine's own ABI, where it is a call.
            if *fixed > 78 {
                record[76..78].fill(0);
            }
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
