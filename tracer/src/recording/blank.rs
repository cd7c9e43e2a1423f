//! Records without what lies behind their texts: bytes that were in that memory before, of any process of the machine.
//! They mean nothing, and recordings are passed on.

use std::mem::offset_of;
use std::ops::Range;

use tracer_common::limits::CGROUP_PATH_LEN;
use tracer_common::record::{Cgroup, Exec, Piece, Syscall, kind};

use crate::decode;

/// `records` with zeroes behind the texts, as `clean`. What is damaged stays as it is: a text longer than its room,
/// and whatever follows a record whose end is not known.
pub(super) fn blank(records: &[u8], clean: &mut Vec<u8>) {
    clean.clear();
    clean.extend_from_slice(records);
    let mut rest = clean.as_mut_slice();
    for record in decode::records(records).map_while(Result::ok) {
        let Some((copy, behind)) = rest.split_at_mut_checked(record.bytes.len()) else { return };
        match record.kind {
            kind::SYSCALL_MEMORY => pieces(copy, size_of::<Syscall>()),
            kind::EXEC => pieces(copy, size_of::<Exec>()),
            kind::CGROUP_MKDIR
            | kind::CGROUP_RMDIR
            | kind::CGROUP_ATTACH
            | kind::CGROUP_FREEZE
            | kind::CGROUP_UNFREEZE
            | kind::CGROUP_RENAME => path(copy),
            _ => {}
        }
        rest = behind;
    }
}

/// Behind each piece, up to the next.
fn pieces(record: &mut [u8], first: usize) {
    let mut at = first;
    while let Some(len) = number(record, at + offset_of!(Piece, len)) {
        let end = at + size_of::<Piece>() + len;
        at = end.next_multiple_of(8);
        zero(record, end..at);
    }
}

fn path(record: &mut [u8]) {
    let start = offset_of!(Cgroup, path);
    if let Some(len) = number(record, offset_of!(Cgroup, path_len)).filter(|len| *len <= CGROUP_PATH_LEN) {
        zero(record, start + len..start + CGROUP_PATH_LEN);
    }
}

fn number(record: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_le_bytes(*record.get(at..)?.first_chunk()?) as usize)
}

fn zero(record: &mut [u8], unused: Range<usize>) {
    let end = unused.end.min(record.len());
    if let Some(unused) = record.get_mut(unused.start..end) {
        unused.fill(0);
    }
}

#[cfg(test)]
mod tests;
