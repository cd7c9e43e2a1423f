//! The ring buffer, drained into a batch.

use std::time::Duration;

use aya::maps::{MapData, RingBuf};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// At most this much at a time, so that a flood does not keep the counters and the faces waiting.
const BATCH_BYTES: usize = 4 << 20;

/// Waits for a record that wakes, at most that long.
pub(super) fn wait(ring: &RingBuf<MapData>, limit: Duration) {
    let limit = Timespec::try_from(limit).ok();
    // Whatever ends the wait, the caller looks.
    let _ = poll(&mut [PollFd::new(ring, PollFlags::IN)], limit.as_ref());
}

/// Appends what is waiting; true when there may be more.
pub(super) fn drain(ring: &mut RingBuf<MapData>, records: &mut Vec<u8>) -> bool {
    while records.len() < BATCH_BYTES {
        match ring.next() {
            Some(record) => records.extend_from_slice(&record),
            None => return false,
        }
    }
    true
}
