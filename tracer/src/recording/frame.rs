//! Frames: kind, length, checksum, payload.

use std::io::{self, Read, Write};

use super::ReplayError;

/// Kinds of frame.
pub(super) mod kind {
    /// [`crate::batch::Session`] and the contract's version, as JSON.
    pub(crate) const SESSION: u8 = b'S';
    /// A list of [`crate::container::Identity`], as JSON.
    pub(crate) const IDENTITIES: u8 = b'I';
    /// Records as they came out of the ring buffer, with zeroes behind their texts.
    pub(crate) const RECORDS: u8 = b'R';
    /// Counters; see `sample`.
    pub(crate) const SAMPLE: u8 = b'C';
    /// The end of a batch: its time, u64.
    pub(crate) const BATCH: u8 = b'B';
    /// The end of the recording.
    pub(crate) const END: u8 = b'E';
}

/// No frame is longer: a batch holds at most 4 MiB of records, and 65,536 calls with histograms
/// take 27 MB. A larger length comes from damage.
const MAX_PAYLOAD: u32 = 64 << 20;

const HEAD: usize = 9;

pub(super) fn write(to: &mut impl Write, kind: u8, payload: &[u8]) -> io::Result<()> {
    let len = u32::try_from(payload.len()).map_err(io::Error::other)?;
    to.write_all(&[kind])?;
    to.write_all(&len.to_le_bytes())?;
    to.write_all(&checksum(kind, payload).to_le_bytes())?;
    to.write_all(payload)
}

/// The next frame into `payload`; None at the end of the file. `at` is where it begins.
pub(super) fn read(
    from: &mut impl Read,
    at: &mut u64,
    payload: &mut Vec<u8>,
) -> Result<Option<u8>, ReplayError> {
    let mut head = [0; HEAD];
    match fill(from, &mut head)? {
        0 => return Ok(None),
        HEAD => {}
        _ => return Err(ReplayError::Cut { at: *at }),
    }
    let [kind, l0, l1, l2, l3, c0, c1, c2, c3] = head;
    let len = u32::from_le_bytes([l0, l1, l2, l3]);
    if len > MAX_PAYLOAD {
        return Err(ReplayError::Damaged { at: *at });
    }
    payload.clear();
    // Grows with what is there, not with what the head promises.
    let got = from.take(u64::from(len)).read_to_end(payload)?;
    if got < len as usize {
        return Err(ReplayError::Cut { at: *at });
    }
    if checksum(kind, payload) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Err(ReplayError::Damaged { at: *at });
    }
    *at += (HEAD + got) as u64;
    Ok(Some(kind))
}

fn checksum(kind: u8, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[kind]);
    hasher.update(payload);
    hasher.finalize()
}

/// Reads until `buffer` is full or the file ends.
pub(super) fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..)
        && !rest.is_empty()
    {
        match from.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
