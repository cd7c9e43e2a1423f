//! From the kernel's clock to the time of day in UTC.

use jiff::Timestamp;

const SECOND: i64 = 1_000_000_000;

/// Remembers the second it was last asked for: most events share it with the one before.
pub struct Clock {
    offset_ns: i64,
    second: i64,
    /// `2026-11-23T18:04:05`.
    text: String,
}

impl Clock {
    /// `offset_ns`: what has to be added to the clock's time to get ns since 1970.
    pub const fn new(offset_ns: i64) -> Self {
        // No i64 of ns has this second.
        Self { offset_ns, second: i64::MIN, text: String::new() }
    }

    /// Date and time without zone, and the ns in that second.
    pub fn read(&mut self, clock_ns: u64) -> (&str, u32) {
        let wall = i64::try_from(i128::from(clock_ns) + i128::from(self.offset_ns));
        self.wall(wall.unwrap_or(i64::MAX))
    }

    /// As [`Clock::read`], from ns since 1970.
    pub fn wall(&mut self, wall_ns: i64) -> (&str, u32) {
        let (second, ns) = (wall_ns.div_euclid(SECOND), wall_ns.rem_euclid(SECOND));
        if second != self.second {
            // Years 1677 to 2262: all within jiff's range.
            let time = Timestamp::from_second(second).unwrap_or_default();
            self.text = time.strftime("%Y-%m-%dT%H:%M:%S").to_string();
            self.second = second;
        }
        (&self.text, u32::try_from(ns).unwrap_or_default())
    }
}

/// RFC 3339 in UTC, always 30 bytes, so that it sorts as text.
pub fn rfc3339(out: &mut Vec<u8>, (time, ns): (&str, u32)) {
    out.extend_from_slice(time.as_bytes());
    // With a second before them all nine digits are there.
    let mut digits = itoa::Buffer::new();
    let [_, digits @ ..] = digits.format(1_000_000_000 + ns).as_bytes() else { return };
    out.push(b'.');
    out.extend_from_slice(digits);
    out.push(b'Z');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset_ns: i64, clock_ns: u64) -> String {
        let mut out = Vec::new();
        rfc3339(&mut out, Clock::new(offset_ns).read(clock_ns));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_time_has_thirty_bytes() {
        assert_eq!(at(0, 0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(at(1_795_456_800_000_000_000, 45_123_456_789), "2026-11-23T18:00:45.123456789Z");
        assert_eq!(at(-1, 0), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(at(i64::MIN, 0), "1677-09-21T00:12:43.145224192Z");
        assert_eq!(at(i64::MAX, u64::MAX), "2262-04-11T23:47:16.854775807Z");
    }

    #[test]
    fn the_remembered_second_is_left_when_time_moves() {
        let mut clock = Clock::new(0);
        assert_eq!(clock.read(SECOND as u64 - 1), ("1970-01-01T00:00:00", 999_999_999));
        assert_eq!(clock.read(SECOND as u64), ("1970-01-01T00:00:01", 0));
        assert_eq!(clock.read(1), ("1970-01-01T00:00:00", 1));
    }
}
