//! What the tests of pictures need.

use proptest::prelude::*;
use ratatui::text::Line;
use tracer_common::limits::BUCKETS;

use crate::snapshot::Spectrum;
use crate::text::{safe, width};
use crate::tui::Options;
use crate::tui::view::look::Look;

pub fn look(ascii: bool, color: bool) -> Look {
    Look::new(&Options { ascii, color, ..Options::default() })
}

/// Slots and their counts.
pub fn spectrum(slots: &[(usize, u64)]) -> Spectrum {
    let mut buckets = [0; BUCKETS];
    for &(slot, count) in slots {
        buckets[slot] = count;
    }
    Spectrum::new(&buckets)
}

/// Of all kinds: few slots and many, ordinary counts and the largest.
pub fn any_spectrum() -> impl Strategy<Value = Spectrum> {
    let count = prop_oneof![0..1_000_u64, any::<u64>(), Just(u64::MAX)];
    prop::collection::vec((0..BUCKETS, count), 0..BUCKETS).prop_map(|slots| spectrum(&slots))
}

pub fn text(lines: &[Line<'_>]) -> String {
    lines.iter().map(|line| line.to_string().trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// What is true of every picture.
pub fn assert_sound(lines: &[Line<'_>], room: (usize, usize), look: Look) {
    assert!(lines.len() <= room.1, "{} lines in {room:?}", lines.len());
    for line in lines {
        let line = line.to_string();
        assert!(width(&line) <= room.0, "{line:?} in {room:?}");
        assert_eq!(safe(&line), line);
        assert!(look.charset == crate::text::Charset::Unicode || line.is_ascii(), "{line:?}");
    }
}
