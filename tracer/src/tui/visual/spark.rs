//! A line of numbers as a line of small bars.

use crate::text::Charset;

impl Charset {
    /// Bars from the lowest to the highest; nothing at all is a space.
    const fn bars(self) -> &'static [char] {
        match self {
            Self::Unicode => &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
            Self::Ascii => &['.', ':', '-', '=', '+', '*', '#'],
        }
    }
}

/// The last `width` of `values`, the newest (last) one on the right, in exactly `width` columns. The
/// largest one in view has the highest bar; only 0, and what was never measured, has none.
pub fn spark(values: &[u64], width: usize, charset: Charset) -> String {
    let shown = values.get(values.len().saturating_sub(width)..).unwrap_or_default();
    let most = shown.iter().copied().max().unwrap_or(0);
    let bars = shown.iter().map(|value| bar(*value, most, charset.bars()));
    std::iter::repeat_n(' ', width - shown.len()).chain(bars).collect()
}

fn bar(value: u64, most: u64, bars: &[char]) -> char {
    let height = (u128::from(value) * bars.len() as u128).div_ceil(u128::from(most.max(1)));
    usize::try_from(height).ok().and_then(|height| bars.get(height.checked_sub(1)?)).copied().unwrap_or(' ')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::width;

    #[test]
    fn bars_are_as_high_as_their_part_of_the_highest() {
        let values = [0, 1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(spark(&values, 9, Charset::Unicode), " ▁▂▃▄▅▆▇█");
        assert_eq!(spark(&[0, 1, 2, 3, 4, 5, 6, 7], 8, Charset::Ascii), " .:-=+*#");
        assert_eq!(spark(&[u64::MAX, 1, 0, u64::MAX / 2], 4, Charset::Unicode), "█▁ ▄");
    }

    #[test]
    fn the_newest_is_on_the_right_and_the_scale_is_that_of_what_is_seen() {
        assert_eq!(spark(&[1_000_000, 2, 4], 2, Charset::Unicode), "▄█");
        assert_eq!(spark(&[2, 4], 5, Charset::Unicode), "   ▄█");
        assert_eq!(spark(&[0, 0], 3, Charset::Unicode), "   ");
        assert_eq!(spark(&[], 3, Charset::Ascii), "   ");
        assert_eq!(spark(&[1], 0, Charset::Ascii), "");
    }

    proptest! {
        #[test]
        fn any_numbers_fill_any_width(values: Vec<u64>, room in 0..300_usize) {
            prop_assert_eq!(width(&spark(&values, room, Charset::Unicode)), room);
            let ascii = spark(&values, room, Charset::Ascii);
            prop_assert!(ascii.is_ascii() && ascii.len() == room);
            let seen = ascii.chars().filter(|c| *c != ' ').count();
            prop_assert_eq!(seen, values.iter().rev().take(room).filter(|value| **value > 0).count());
        }
    }
}
