//! Text that came from a container, made fit for a terminal, and numbers made fit for a column.
//!
//! A terminal obeys what it is sent: an escape sequence in a container's name could clear the screen,
//! set the window's title or answer in the user's place; a bidi control could make `txt.exe` of
//! `exe.txt`. So everything that a terminal does not simply show is written out as an escape.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What the terminal can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    #[default]
    Unicode,
    Ascii,
}

/// On which side of a cell the space is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// Marks upon one letter, at most: Vietnamese takes two, vocalised Hebrew three. Hundreds of them
/// are an attack on the lines above and below.
const MARKS: usize = 4;

/// Characters that are not controls and yet show nothing, turn the direction of text, or join with
/// their neighbours in ways that terminals disagree on. By ascending first character.
const INVISIBLE: &[(char, char)] = &[
    ('\u{ad}', '\u{ad}'),       // soft hyphen
    ('\u{34f}', '\u{34f}'),     // combining grapheme joiner
    ('\u{61c}', '\u{61c}'),     // Arabic letter mark
    ('\u{115f}', '\u{1160}'),   // Hangul fillers
    ('\u{17b4}', '\u{17b5}'),   // Khmer inherent vowels
    ('\u{180b}', '\u{180f}'),   // Mongolian variation selectors and vowel separator
    ('\u{200b}', '\u{200f}'),   // zero width space, joiners, direction marks
    ('\u{2028}', '\u{202e}'),   // line and paragraph separators, bidi embeddings and overrides
    ('\u{2060}', '\u{206f}'),   // word joiner, invisible operators, bidi isolates
    ('\u{3164}', '\u{3164}'),   // Hangul filler
    ('\u{fe00}', '\u{fe0f}'),   // variation selectors
    ('\u{feff}', '\u{feff}'),   // byte order mark
    ('\u{ffa0}', '\u{ffa0}'),   // halfwidth Hangul filler
    ('\u{fff0}', '\u{fffb}'),   // interlinear annotation
    ('\u{1bca0}', '\u{1bca3}'), // shorthand format controls
    ('\u{1d173}', '\u{1d17a}'), // musical format controls
    ('\u{1f3fb}', '\u{1f3ff}'), // skin tones: one cell pair or two
    ('\u{e0000}', '\u{e0fff}'), // tags, further variation selectors
];

/// `text` with everything that a terminal would not simply show as a visible escape:
/// `\x1b` below U+0100, `\u{202e}` above.
pub fn safe(text: &str) -> Cow<'_, str> {
    Charset::Unicode.safe(text)
}

/// [`safe`] for what may not be UTF-8: an invalid byte becomes `\xff`.
pub fn safe_bytes(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(bytes) {
        return safe(text);
    }
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        out.push_str(&safe(chunk.valid()));
        for byte in chunk.invalid() {
            escape(&mut out, u32::from(*byte));
        }
    }
    Cow::Owned(out)
}

impl Charset {
    /// As [`safe`]; in ASCII everything else is escaped too.
    pub fn safe(self, text: &str) -> Cow<'_, str> {
        if text.chars().all(plain) {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len() + 16);
        self.push_safe(&mut out, text.chars());
        Cow::Owned(out)
    }

    /// Appends a text as [`Self::safe`] has it.
    pub fn push_safe(self, out: &mut String, text: impl Iterator<Item = char>) {
        // A mark at the beginning would go onto whatever stands before the text.
        let mut marks = MARKS;
        for c in text {
            let mark = !plain(c) && c.width() == Some(0);
            let shown = match self {
                Self::Ascii => plain(c),
                Self::Unicode => plain(c) || !(c.is_control() || invisible(c) || mark && marks >= MARKS),
            };
            marks = if mark { marks + 1 } else { 0 };
            if shown {
                out.push(c);
            } else {
                escape(out, u32::from(c));
                marks = MARKS;
            }
        }
    }

    /// Stands for what was left out; one column.
    pub const fn ellipsis(self) -> char {
        match self {
            Self::Unicode => '…',
            Self::Ascii => '~',
        }
    }

    const fn micro(self) -> char {
        match self {
            Self::Unicode => 'µ',
            Self::Ascii => 'u',
        }
    }
}

/// Shown as it is by every terminal.
const fn plain(c: char) -> bool {
    matches!(c, ' '..='~')
}

fn invisible(c: char) -> bool {
    INVISIBLE.iter().any(|&(first, last)| (first..=last).contains(&c))
}

fn escape(out: &mut String, code: u32) {
    // Writing to a string cannot fail.
    let _ = if code < 0x100 { write!(out, "\\x{code:02x}") } else { write!(out, "\\u{{{code:x}}}") };
}

/// Columns that `text` takes, which must be [`safe`].
pub fn width(text: &str) -> usize {
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// `text` made [`safe`] and cut to at most `width` columns, with an ellipsis where something is
/// missing. A wide character that would be cut in the middle goes.
pub fn fit(text: &str, width: usize, charset: Charset) -> Cow<'_, str> {
    let text = charset.safe(text);
    if self::width(&text) <= width {
        return text;
    }
    let mut out = String::with_capacity(width + 4);
    let mut room = width;
    for grapheme in text.graphemes(true) {
        // One column stays for the ellipsis.
        match room.checked_sub(grapheme.width()) {
            Some(rest @ 1..) => room = rest,
            Some(0) | None => break,
        }
        out.push_str(grapheme);
    }
    if room > 0 {
        out.push(charset.ellipsis());
    }
    Cow::Owned(out)
}

/// [`fit`], then filled with spaces to exactly `width` columns.
pub fn pad(text: &str, width: usize, align: Align, charset: Charset) -> String {
    let text = fit(text, width, charset);
    let space = " ".repeat(width.saturating_sub(self::width(&text)));
    match align {
        Align::Left => format!("{text}{space}"),
        Align::Right => format!("{space}{text}"),
    }
}

/// A table as lines, each column as wide as its widest cell. Cells must be [`safe`].
pub fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = width(cell).max(*widest);
        }
    }
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (widest, cell) in widths.iter().zip(row) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', 2 + widest - width(cell)));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Longest line of [`wrapped`], columns.
const LINE: usize = 100;

/// `head` and words in lines, those after the first indented.
pub fn wrapped(head: &str, words: &[String]) -> String {
    let (mut text, mut column) = (head.to_owned(), width(head));
    for word in words {
        if column + 1 + width(word) > LINE {
            text.push_str("\n   ");
            column = 3;
        }
        text.push(' ');
        text.push_str(word);
        column += 1 + width(word);
    }
    text.push('\n');
    text
}

/// A rate in at most five characters: `0`, `12.3`, `123`, `1.2k`, `3.4M`.
pub fn rate(per_second: f64) -> String {
    if per_second > 0.0 && per_second < 0.05 { "<0.1".to_owned() } else { scaled(per_second) }
}

/// A number of things: every digit if they fit into `width` columns, else as `123k`, `18.4E`.
/// `width` is 4 at least.
pub fn count(count: u64, width: usize) -> String {
    let digits = count.to_string();
    if digits.len() <= width {
        return digits;
    }
    let scaled = scaled(lossy(count));
    if scaled.len() <= width {
        return scaled;
    }
    // Five columns are a decimal too many: `12.3k`.
    match (scaled.split_once('.'), scaled.chars().last()) {
        (Some((whole, _)), Some(unit)) => format!("{whole}{unit}"),
        _ => scaled,
    }
}

/// Every digit, in groups of three: `1,234,567`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in (0..digits.len()).rev().zip(digits.chars()) {
        out.push(digit);
        if place > 0 && place % 3 == 0 {
            out.push(',');
        }
    }
    out
}

/// A part of a whole in at most four characters: `0%`, `<1%`, `42%`, `>99%`, `100%`. What is not
/// nothing and not all is never shown as that.
pub fn percent(part: u128, whole: u128) -> String {
    if part == 0 {
        return "0%".to_owned();
    }
    if part >= whole {
        return "100%".to_owned();
    }
    // Both halved until the product has room; three digits are shown.
    let shift = 128_u32.saturating_sub(whole.leading_zeros()).saturating_sub(120);
    let (part, whole) = (part >> shift, whole >> shift);
    match (part * 100 + whole / 2) / whole {
        0 => "<1%".to_owned(),
        100.. => ">99%".to_owned(),
        percent => format!("{percent}%"),
    }
}

/// Three digits and a unit, more than any number that a counter can reach.
fn scaled(value: f64) -> String {
    if value.is_nan() || value <= 0.0 {
        return "0".to_owned();
    }
    let mut value = value;
    for unit in ["", "k", "M", "G", "T", "P", "E"] {
        if value < 99.95 {
            return format!("{value:.1}{unit}");
        }
        if value < 999.5 {
            return format!("{value:.0}{unit}");
        }
        value /= 1000.0;
    }
    ">999E".to_owned()
}

/// A length of time given in ns, in at most five characters up to three years:
/// `812ns`, `4.1µs`, `12ms`, `1.3s`, `2.5m`, `3.0h`, `12d`.
pub fn duration(ns: u64, charset: Charset) -> String {
    if ns < 1000 {
        return format!("{ns}ns");
    }
    let micro = charset.micro();
    // What one unit has of the one before, and its name.
    let units = [
        (1000.0, format!("{micro}s")),
        (1000.0, "ms".into()),
        (1000.0, "s".into()),
        (60.0, "m".into()),
        (60.0, "h".into()),
    ];
    // The limit at which the next unit takes over.
    let ends = [999.5, 999.5, 119.5, 119.5, 47.5];
    let mut value = lossy(ns);
    for ((step, unit), end) in units.into_iter().zip(ends) {
        value /= step;
        if value < 9.95 {
            return format!("{value:.1}{unit}");
        }
        if value < end {
            return format!("{value:.0}{unit}");
        }
    }
    format!("{:.0}d", value / 24.0)
}

/// Time since a start given in ns, as `1:02:03`.
pub fn clock(ns: u64) -> String {
    let seconds = ns / 1_000_000_000;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// What [`clock`] printed, or its end, as `2:03` or `3`, in ns.
pub fn clock_ns(text: &str) -> Option<u64> {
    let parts: Vec<u64> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    if parts.len() > 3 {
        return None;
    }
    let seconds = parts.into_iter().try_fold(0_u64, |sum, part| sum.checked_mul(60)?.checked_add(part))?;
    seconds.checked_mul(1_000_000_000)
}

#[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
fn lossy(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests;
