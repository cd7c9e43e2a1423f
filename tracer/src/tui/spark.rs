//! A curve in one line of text.

use crate::text::Charset;

/// The last `width` numbers, each as high as it is part of the largest.
pub fn line(numbers: &[u64], width: usize, charset: Charset) -> String {
    let levels: &[char] = match charset {
        Charset::Unicode => &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
        Charset::Ascii => &['_', '.', '-', '=', '+', '*', '%', '#'],
    };
    let numbers = numbers.get(numbers.len().saturating_sub(width)..).unwrap_or_default();
    let most = u128::from(numbers.iter().copied().max().unwrap_or(0).max(1));
    let level = |number: &u64| {
        let at = (u128::from(*number) * (levels.len() as u128 - 1)).div_ceil(most);
        usize::try_from(at).ok().and_then(|at| levels.get(at)).copied().unwrap_or(' ')
    };
    std::iter::repeat_n(' ', width - numbers.len()).chain(numbers.iter().map(level)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_is_full_and_nothing_is_flat() {
        assert_eq!(line(&[0, 1, 50, 100], 6, Charset::Unicode), "  ▁▂▅█");
        assert_eq!(line(&[9, 0, 0, u64::MAX], 3, Charset::Ascii), "__#");
        assert_eq!(line(&[0, 0], 2, Charset::Ascii), "__");
        assert_eq!(line(&[], 2, Charset::Ascii), "  ");
    }
}
