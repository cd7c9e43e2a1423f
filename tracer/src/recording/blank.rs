//! Records without what lies behind their texts: bytes that the ring buffer held there before, of any process of the
//! machine. They mean nothing, and recordings are passed on.

use std::mem::offset_of;
use std::ops::Range;

use tracer_common::limits::{ADDRESS_LEN, CGROUP_PATH_LEN, TEXT_LEN};
use tracer_common::record::{Address, Cgroup, Exec, SyscallAddress, SyscallPath, Text, kind};

use crate::decode;

/// Where a text lies in its record.
struct Place {
    /// The number of bytes that are used, u32.
    len: usize,
    bytes: usize,
    room: usize,
}

const PATH: &[Place] = &[text(offset_of!(SyscallPath, path))];
const ADDRESS: &[Place] = &[Place {
    len: offset_of!(SyscallAddress, address) + offset_of!(Address, len),
    bytes: offset_of!(SyscallAddress, address) + offset_of!(Address, bytes),
    room: ADDRESS_LEN,
}];
const PROGRAM: &[Place] = &[text(offset_of!(Exec, filename)), text(offset_of!(Exec, args))];
const CGROUP: &[Place] =
    &[Place { len: offset_of!(Cgroup, path_len), bytes: offset_of!(Cgroup, path), room: CGROUP_PATH_LEN }];

const fn text(at: usize) -> Place {
    Place { len: at + offset_of!(Text, len), bytes: at + offset_of!(Text, bytes), room: TEXT_LEN }
}

const fn texts(kind: u16) -> &'static [Place] {
    match kind {
        kind::SYSCALL_PATH => PATH,
        kind::SYSCALL_ADDRESS => ADDRESS,
        kind::EXEC => PROGRAM,
        kind::CGROUP_MKDIR
        | kind::CGROUP_RMDIR
        | kind::CGROUP_ATTACH
        | kind::CGROUP_FREEZE
        | kind::CGROUP_UNFREEZE
        | kind::CGROUP_RENAME => CGROUP,
        _ => &[],
    }
}

/// `records` with zeroes behind the texts, as `clean`. What is damaged stays as it is: a text longer than its room,
/// and whatever follows a record whose end is not known.
pub(super) fn blank(records: &[u8], clean: &mut Vec<u8>) {
    clean.clear();
    clean.extend_from_slice(records);
    let mut rest = clean.as_mut_slice();
    for record in decode::records(records).map_while(Result::ok) {
        let Some((copy, behind)) = rest.split_at_mut_checked(record.bytes.len()) else { return };
        for place in texts(record.kind) {
            if let Some(unused) = unused(place, copy).and_then(|unused| copy.get_mut(unused)) {
                unused.fill(0);
            }
        }
        rest = behind;
    }
}

/// None: the text is longer than its room.
fn unused(place: &Place, record: &[u8]) -> Option<Range<usize>> {
    let used = u32::from_le_bytes(*record.get(place.len..)?.first_chunk()?) as usize;
    let end = record.len().min(place.bytes + place.room);
    (used <= place.room).then_some(place.bytes + used..end)
}

#[cfg(test)]
mod tests;
