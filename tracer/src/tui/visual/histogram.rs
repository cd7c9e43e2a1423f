//! How many calls took how long: a bar for each slot, fast ones on top.
//!
//! ```text
//!   512ns–1.0µs ████████████████████▌ 12345  82%  p50
//!     1.0–2.0µs ███▍                   2100  14%  p95
//! ```

use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};

use super::slot::{Band, bands, quantile, total};
use crate::snapshot::Spectrum;
use crate::text::{Align, Charset, count, fit, pad, percent};
use crate::tui::view::look::Look;

/// Columns of [`Band::range`].
const RANGE: usize = 11;
const COUNT: usize = 6;
/// Columns of [`percent`].
const PERCENT: usize = 4;
const MARKS: usize = 7;
/// With fewer columns a bar says nothing; the numbers go before it does.
const LEAST_BAR: usize = 6;

/// What stands on the right of a bar, where there is room for it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Count,
    Percent,
    Marks,
}

impl Part {
    /// With the space before it.
    const fn width(self) -> usize {
        1 + match self {
            Self::Count => COUNT,
            Self::Percent => PERCENT,
            Self::Marks => MARKS,
        }
    }
}

/// At most `height` lines of at most `width` columns. Neighbouring slots share a line where there are
/// more slots than lines.
pub fn lines(spectrum: &Spectrum, width: usize, height: usize, look: Look) -> Vec<Line<'static>> {
    if height == 0 {
        return Vec::new();
    }
    let slots = || spectrum.slots().map(|(slot, _)| slot);
    let (Some(first), Some(last)) = (slots().next(), slots().last()) else {
        let text = "no call was measured in this interval";
        return vec![Line::raw(fit(text, width, look.charset).into_owned())];
    };
    let all = total(spectrum);
    let counts: Vec<(Band, u128)> =
        bands(first, last, height).into_iter().map(|band| (band, band.count(spectrum))).collect();
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let (bar_width, parts) = layout(width);
    let line = |(band, calls): (Band, u128)| {
        let range = pad(&band.range(look.charset), RANGE.min(width), Align::Right, look.charset);
        let mut spans = vec![Span::raw(range)];
        if bar_width > 0 {
            let bar = bar(calls, most, bar_width, look.charset);
            spans.extend([Span::raw(" "), Span::styled(bar, look.colored(Color::Cyan))]);
        }
        for part in &parts {
            let right = |text: String, width| format!(" {}", pad(&text, width, Align::Right, look.charset));
            let (text, style) = match part {
                Part::Count => {
                    (right(count(u64::try_from(calls).unwrap_or(u64::MAX), COUNT), COUNT), Style::new())
                }
                Part::Percent => (right(percent(calls, all), PERCENT), Style::new()),
                Part::Marks => (
                    format!(" {}", pad(&marks(band, spectrum), MARKS, Align::Left, look.charset)),
                    Look::TITLE,
                ),
            };
            spans.push(Span::styled(text, style));
        }
        Line::from(spans)
    };
    counts.into_iter().map(line).collect()
}

/// Columns for bars, and what is shown beside them.
fn layout(width: usize) -> (usize, Vec<Part>) {
    let mut parts = vec![Part::Count, Part::Percent, Part::Marks];
    // The least telling ones go first.
    for least in [Part::Count, Part::Marks, Part::Percent] {
        let taken: usize = parts.iter().map(|part| part.width()).sum();
        if RANGE + 1 + LEAST_BAR + taken <= width {
            return (width - RANGE - 1 - taken, parts);
        }
        parts.retain(|part| *part != least);
    }
    (width.saturating_sub(RANGE + 1), parts)
}

/// Exactly `width` columns. What is not nothing is seen.
fn bar(calls: u128, most: u128, width: usize, charset: Charset) -> String {
    let eighths = {
        // Counts of 64 bits of 40 slots, and a width in eighths: far below 128 bits.
        let room = width as u128 * 8;
        usize::try_from((calls * room).div_ceil(most.max(1))).unwrap_or(0)
    };
    let bar = match charset {
        Charset::Ascii => "#".repeat(eighths.div_ceil(8)),
        Charset::Unicode => {
            let rest = [None, Some('▏'), Some('▎'), Some('▍'), Some('▌'), Some('▋'), Some('▊'), Some('▉')];
            let rest = rest.get(eighths % 8).copied().flatten();
            std::iter::repeat_n('█', eighths / 8).chain(rest).collect()
        }
    };
    pad(&bar, width, Align::Left, charset)
}

/// The quantiles that lie in a band: `p50`, `p50-95`, `p99`; nothing where none does.
fn marks(band: Band, spectrum: &Spectrum) -> String {
    let here: Vec<u8> = [50, 95, 99]
        .into_iter()
        .filter(|percent| quantile(spectrum, *percent).is_some_and(|slot| band.has(slot)))
        .collect();
    match (here.first(), here.last()) {
        (Some(first), Some(last)) if first != last => format!(" p{first}-{last}"),
        (Some(first), _) => format!(" p{first}"),
        (None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tui::visual::testing::{any_spectrum, assert_sound, look, spectrum, text};

    /// Most calls take a microsecond, some wait for a disk.
    fn disk() -> Spectrum {
        spectrum(&[(8, 40), (9, 3_000), (10, 12_345), (11, 900), (13, 20), (20, 200), (21, 450), (25, 1)])
    }

    #[test]
    fn pictures() {
        let unicode = look(false, true);
        let shown = [(80, 24), (40, 6), (40, 3), (24, 6), (12, 2)].map(|(width, height)| {
            format!("{width}x{height}\n{}", text(&lines(&disk(), width, height, unicode)))
        });
        insta::assert_snapshot!("histogram", shown.join("\n\n"));
        insta::assert_snapshot!("histogram_ascii", text(&lines(&disk(), 60, 10, look(true, false))));
        insta::assert_snapshot!(
            "histogram_of_one_slot",
            text(&lines(&spectrum(&[(39, u64::MAX)]), 60, 10, unicode))
        );
    }

    #[test]
    fn without_calls_a_sentence_says_so() {
        let shown = text(&lines(&Spectrum::default(), 80, 5, look(false, false)));
        assert_eq!(shown, "no call was measured in this interval");
    }

    proptest! {
        #[test]
        fn every_size_has_a_picture(
            spectrum in any_spectrum(), width in 0..220_usize, height in 0..60_usize, ascii: bool,
        ) {
            let look = look(ascii, true);
            let lines = lines(&spectrum, width, height, look);
            prop_assert_eq!(lines.is_empty(), height == 0);
            assert_sound(&lines, (width, height), look);
        }

        #[test]
        fn every_call_is_in_a_line_and_every_quantile_is_marked(
            spectrum in any_spectrum(), height in 1..60_usize,
        ) {
            let shown = text(&lines(&spectrum, 80, height, look(true, false)));
            if !spectrum.is_empty() {
                let marked: usize = shown.lines().filter(|line| line.contains(" p")).count();
                prop_assert!((1..=3).contains(&marked));
                for line in shown.lines() {
                    prop_assert_eq!(line.contains('#'), !line.contains(" 0%"), "{}", line);
                }
            }
        }
    }
}
