//! What ctrace itself uses.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::param::page_size;
use rustix::time::{ClockId, clock_gettime};

use crate::batch::OwnSample;

pub struct Own {
    /// None: it cannot be read.
    statm: Option<File>,
    ring_size: u64,
    /// Drained since the ring buffer was empty.
    run: u64,
    /// The most of that since the last sample.
    ring_bytes: u64,
}

impl Own {
    /// `proc`: of this process's pid namespace.
    pub fn new(proc: &Path, ring_size: u32) -> Self {
        let statm = File::open(proc.join("self/statm")).ok();
        Self { statm, ring_size: ring_size.into(), run: 0, ring_bytes: 0 }
    }

    /// A poll took `bytes` out of the ring buffer. `more`: it did not take all.
    pub fn drained(&mut self, bytes: usize, more: bool) {
        self.run = self.run.saturating_add(bytes as u64).min(self.ring_size);
        self.ring_bytes = self.ring_bytes.max(self.run);
        if !more {
            self.run = 0;
        }
    }

    pub fn sample(&mut self) -> Option<OwnSample> {
        let ring_bytes = std::mem::take(&mut self.ring_bytes);
        let mut buffer = [0; 128];
        let len = self.statm.as_ref()?.read_at(&mut buffer, 0).ok()?;
        let memory_bytes = resident(buffer.get(..len)?)?.checked_mul(page_size() as u64)?;
        Some(OwnSample { cpu_ns: cpu_ns(), memory_bytes, ring_bytes, ring_size: self.ring_size })
    }
}

/// Of all threads.
fn cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let number = |value: i64| u64::try_from(value).unwrap_or(0);
    number(time.tv_sec).saturating_mul(1_000_000_000).saturating_add(number(time.tv_nsec))
}

/// Pages,
/// <https://github.com/torvalds/linux/blob/v6.12/Documentation/filesystems/proc.rst> (`statm`).
fn resident(statm: &[u8]) -> Option<u64> {
    str::from_utf8(statm).ok()?.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something() {
        let mut own = Own::new(Path::new("/proc"), 4096);
        let first = own.sample().unwrap();
        assert!(first.memory_bytes > 100 << 10 && first.ring_size == 4096, "{first:?}");
        while own.sample().unwrap().cpu_ns == first.cpu_ns {}
    }

    #[test]
    fn the_ring_buffers_worst_moment_is_kept_until_it_was_told() {
        let mut own = Own::new(Path::new("/proc"), 4096);
        for (bytes, more) in [(1000, false), (300, true), (800, false), (10, false)] {
            own.drained(bytes, more);
        }
        assert_eq!(own.sample().unwrap().ring_bytes, 1100);
        assert_eq!(own.sample().unwrap().ring_bytes, 0);
        own.drained(4000, true);
        own.drained(4000, true);
        assert_eq!(own.sample().unwrap().ring_bytes, 4096);
    }

    #[test]
    fn what_is_no_number_is_none() {
        assert_eq!(resident(b"700 31 9 0 0 0 0\n"), Some(31));
        for broken in [&b""[..], b"700", b"a b", b"1 -2 3", b"1 \xff 3"] {
            assert_eq!(resident(broken), None, "{broken:?}");
        }
        assert_eq!(Own::new(Path::new("/nowhere"), 1).sample(), None);
    }
}
