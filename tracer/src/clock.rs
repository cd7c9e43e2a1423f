//! The clocks. Everything after the sources gets its time from a batch.

use rustix::time::{ClockId, Timespec, clock_gettime};

/// `CLOCK_MONOTONIC`, ns: the clock of `bpf_ktime_get_ns`.
pub fn monotonic_ns() -> u64 {
    u64::try_from(ns(clock_gettime(ClockId::Monotonic))).unwrap_or_default()
}

/// What turns a monotonic time into ns since 1970.
pub fn wall_offset_ns() -> i64 {
    ns(clock_gettime(ClockId::Realtime)) - ns(clock_gettime(ClockId::Monotonic))
}

/// What turns a `CLOCK_BOOTTIME` time, as processes' start times are, into ns since 1970.
pub fn boot_offset_ns() -> i64 {
    ns(clock_gettime(ClockId::Realtime)) - ns(clock_gettime(ClockId::Boottime))
}

fn ns(time: Timespec) -> i64 {
    // A time_t of the year 2262 would be too large.
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
}
