//! Latency over time: a column for each sample, the newest on the right, a row for each slot, slow
//! ones on top; the darker, the larger its share of the column's calls.
//!
//! ```text
//! 524µs┤ ░       ░   ░
//! 1.0µs┤▒▒▓▒▒▒▒░▒▒▒▒▒▒
//! 512ns┤█▓███▓████████
//!      └──────────────
//!   ago 10s       now
//! ░ <1%  ▒ 1%+  ▓ 10%+  █ 30%+  of a column's calls
//! ```

use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};

use super::slot::{Band, bands, total};
use crate::snapshot::{Quantiles, Spectrum};
use crate::text::{Align, Charset, duration, fit, grouped, pad};
use crate::tui::view::look::Look;

/// Columns of a label: a duration, and the axis.
const LABEL: usize = 6;
/// Columns from one label of the time axis to the next.
const TICK: usize = 10;

/// A share of a column's calls.
struct Level {
    /// In percent; the lowest level has whatever is not nothing.
    from: u8,
    unicode: char,
    ascii: char,
    color: Color,
}

/// From the highest. Powers of ten: what is rare matters here, and one call in a million is seen.
const LEVELS: [Level; 4] = [
    Level { from: 30, unicode: '█', ascii: '#', color: Color::Red },
    Level { from: 10, unicode: '▓', ascii: '*', color: Color::Yellow },
    Level { from: 1, unicode: '▒', ascii: ':', color: Color::Cyan },
    Level { from: 0, unicode: '░', ascii: '.', color: Color::Blue },
];

impl Level {
    fn of(part: u128, whole: u128) -> Option<&'static Self> {
        let level = LEVELS.iter().find(|level| part * 100 >= whole * u128::from(level.from));
        level.filter(|_| part > 0)
    }

    const fn sign(&self, charset: Charset) -> char {
        match charset {
            Charset::Unicode => self.unicode,
            Charset::Ascii => self.ascii,
        }
    }
}

/// At most `height` lines of at most `width` columns, of samples in the order of time, each with how
/// many seconds ago it was. The rows go first, then the time axis, then the legend.
pub fn lines(samples: &[(u64, &Spectrum)], width: usize, height: usize, look: Look) -> Vec<Line<'static>> {
    if height == 0 {
        return Vec::new();
    }
    let labelled = width > LABEL * 2;
    let plot = if labelled { width - LABEL } else { width };
    let shown = samples.get(samples.len().saturating_sub(plot)..).unwrap_or_default();
    let slots = || shown.iter().flat_map(|(_, spectrum)| spectrum.slots().map(|(slot, _)| slot));
    let (Some(first), Some(last)) = (slots().min(), slots().max()) else {
        return vec![Line::raw(fit("no call was measured yet", width, look.charset).into_owned())];
    };
    let below = match height {
        0..4 => 0,
        4 | 5 => 2,
        6.. => 3,
    };
    let totals: Vec<u128> = shown.iter().map(|(_, spectrum)| total(spectrum)).collect();
    let rows = bands(first, last, height - below);
    let mut lines: Vec<Line<'static>> = rows
        .iter()
        .rev()
        .map(|band| {
            let label = labelled.then(|| Span::raw(label(*band, look.charset)));
            label.into_iter().chain(cells(*band, shown, &totals, plot, look)).collect()
        })
        .collect();
    if below >= 2 && labelled {
        lines.extend(time_axis(shown, plot, look.charset));
    }
    if below >= 3 {
        lines.push(legend(width, look));
    }
    lines
}

/// `p50 2.0µs, p99 67ms of 1,234 calls`.
pub fn caption(last: &Spectrum, quantiles: Option<&Quantiles>, charset: Charset) -> String {
    let Some(Quantiles { p50, p99, .. }) = quantiles else {
        return "no call was measured in this interval".to_owned();
    };
    let calls = u64::try_from(total(last)).unwrap_or(u64::MAX);
    let calls = if calls == 1 { "1 call".to_owned() } else { format!("{} calls", grouped(calls)) };
    format!("p50 {}, p99 {} of {calls}", duration(*p50, charset), duration(*p99, charset))
}

/// Where the row begins.
fn label(band: Band, charset: Charset) -> String {
    let axis = match charset {
        Charset::Unicode => '┤',
        Charset::Ascii => '|',
    };
    format!("{}{axis}", pad(&duration(band.low(), charset), LABEL - 1, Align::Right, charset))
}

/// Cells of one look in one span.
fn cells(
    band: Band,
    samples: &[(u64, &Spectrum)],
    totals: &[u128],
    plot: usize,
    look: Look,
) -> Vec<Span<'static>> {
    let mut runs = vec![(" ".repeat(plot.saturating_sub(samples.len())), Style::new())];
    for ((_, spectrum), whole) in samples.iter().zip(totals) {
        let level = Level::of(band.count(spectrum), *whole);
        let sign = level.map_or(' ', |level| level.sign(look.charset));
        let style = level.map_or(Style::new(), |level| look.colored(level.color));
        match runs.last_mut() {
            Some((run, same)) if *same == style => run.push(sign),
            _ => runs.push((sign.to_string(), style)),
        }
    }
    runs.into_iter().map(|(text, style)| Span::styled(text, style)).collect()
}

/// The line below the rows, and below it how long ago some columns were; the newest is among them.
fn time_axis(samples: &[(u64, &Spectrum)], plot: usize, charset: Charset) -> [Line<'static>; 2] {
    let (corner, line) = match charset {
        Charset::Unicode => ('└', "─"),
        Charset::Ascii => ('+', "-"),
    };
    let axis = format!("{:>LABEL$}{}", corner, line.repeat(plot));
    // From the right to the left, then turned.
    let mut turned = String::new();
    for (place, (ago, _)) in samples.iter().rev().enumerate().step_by(TICK) {
        let label =
            if *ago == 0 { "now".to_owned() } else { duration(ago.saturating_mul(1_000_000_000), charset) };
        let gap = place.saturating_sub(turned.len());
        // Seconds and more have no letter outside ASCII: a byte is a column.
        if place + label.len() <= plot {
            turned.extend(std::iter::repeat_n(' ', gap).chain(label.chars().rev()));
        }
    }
    let labels: String = turned.chars().rev().collect();
    [Line::raw(axis), Line::raw(format!("{:<LABEL$}{labels:>plot$}", "  ago"))]
}

fn legend(width: usize, look: Look) -> Line<'static> {
    let signs = LEVELS.iter().rev().flat_map(|level| {
        let share = if level.from == 0 { " <1%  ".to_owned() } else { format!(" {}%+  ", level.from) };
        [Span::styled(level.sign(look.charset).to_string(), look.colored(level.color)), Span::raw(share)]
    });
    let spans: Vec<Span<'static>> = signs.chain([Span::raw("of a column's calls")]).collect();
    let line = Line::from(spans);
    if line.width() <= width {
        return line;
    }
    Line::raw(fit(&line.to_string(), width, look.charset).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tracer_common::limits::BUCKETS;

    use super::*;
    use crate::tui::visual::testing::{any_spectrum, assert_sound, look, spectrum, text};

    /// A minute of a disk that becomes slow for a while.
    fn minute() -> Vec<Spectrum> {
        (0..60_u64)
            .map(|second| {
                let slow = if (20..35).contains(&second) { 9_000 } else { 3 * (second % 4) };
                spectrum(&[
                    (9, 4_000),
                    (10, 12_000),
                    (11, 700 + second),
                    (17, slow / 3),
                    (21, slow),
                    (25, u64::from(second == 27)),
                ])
            })
            .collect()
    }

    fn ago(samples: &[Spectrum]) -> Vec<(u64, &Spectrum)> {
        (0..).zip(samples.iter().rev()).collect::<Vec<_>>().into_iter().rev().collect()
    }

    #[test]
    fn pictures() {
        let minute = minute();
        let shown = [(80, 24), (40, 10), (40, 4), (30, 3), (10, 8)].map(|(width, height)| {
            format!("{width}x{height}\n{}", text(&lines(&ago(&minute), width, height, look(false, true))))
        });
        insta::assert_snapshot!("heat", shown.join("\n\n"));
        insta::assert_snapshot!("heat_ascii", text(&lines(&ago(&minute), 66, 14, look(true, false))));
    }

    #[test]
    fn colours_go_with_signs() {
        let minute = minute();
        let colored = lines(&ago(&minute), 80, 24, look(false, true));
        for span in colored.iter().flat_map(|line| &line.spans) {
            for level in &LEVELS {
                let of_level = !span.content.is_empty() && span.content.chars().all(|c| c == level.unicode);
                assert_eq!(of_level, span.style.fg == Some(level.color), "{span:?}");
            }
        }
        let plain = lines(&ago(&minute), 80, 24, look(false, false));
        assert_eq!(text(&plain), text(&colored));
        assert!(plain.iter().flat_map(|line| &line.spans).all(|span| span.style == Style::new()));
    }

    #[test]
    fn one_call_in_a_million_is_seen() {
        let rare = spectrum(&[(10, 1_000_000), (30, 1)]);
        let shown = text(&lines(&[(0, &rare)], 20, 30, look(false, false)));
        assert!(shown.lines().next().unwrap().ends_with('░'), "{shown}");
    }

    #[test]
    fn the_caption_tells_of_the_last_sample() {
        let unicode = Charset::Unicode;
        let quantiles = Quantiles { p50: 2048, p95: 2048, p99: 65_000_000, max: 65_000_000 };
        let many = spectrum(&[(10, 98), (25, 2)]);
        assert_eq!(caption(&many, Some(&quantiles), unicode), "p50 2.0µs, p99 65ms of 100 calls");
        let one = spectrum(&[(10, 1)]);
        assert_eq!(caption(&one, Some(&quantiles), Charset::Ascii), "p50 2.0us, p99 65ms of 1 call");
        assert_eq!(caption(&Spectrum::default(), None, unicode), "no call was measured in this interval");
    }

    #[test]
    fn without_calls_a_sentence_says_so() {
        let none = Spectrum::default();
        for samples in [&[][..], &[(0, &none)]] {
            assert_eq!(text(&lines(samples, 80, 5, look(false, false))), "no call was measured yet");
        }
    }

    proptest! {
        #[test]
        fn every_size_has_a_picture(
            samples in prop::collection::vec((any::<u64>(), any_spectrum()), 0..30),
            width in 0..220_usize, height in 0..60_usize, ascii: bool,
        ) {
            let look = look(ascii, true);
            let samples: Vec<(u64, &Spectrum)> =
                samples.iter().map(|(ago, spectrum)| (*ago, spectrum)).collect();
            assert_sound(&lines(&samples, width, height, look), (width, height), look);
        }

        #[test]
        fn each_slot_with_calls_has_a_sign_in_its_row(spectrum in any_spectrum()) {
            let shown = lines(&[(0, &spectrum)], 20, BUCKETS + 3, look(true, false));
            let signs = shown.iter().filter(|line| {
                let line = line.to_string();
                line.contains('|') && !line.ends_with(' ')
            });
            prop_assert_eq!(signs.count(), spectrum.slots().filter(|(_, count)| *count > 0).count());
        }
    }
}
