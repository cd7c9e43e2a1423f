//! A screen as a picture in SVG. It has its own dark background, so it reads on any page; it is the
//! same for the same screen, byte for byte.

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use crate::text;

/// A cell in tenths of a pixel: what 14 pixels of a monospaced font take.
const CELL: (usize, usize) = (84, 180);
/// Between the picture's edge and the screen, and the height of the title's bar, in tenths of a pixel.
const MARGIN: usize = 120;
const TITLE: usize = 300;
/// From a cell's top to the foot of its letters, in tenths of a pixel.
const BASELINE: usize = 133;

const BACKGROUND: &str = "#12151c";
const FOREGROUND: &str = "#dfe3ea";
const BAR: &str = "#232833";
/// The 16 colours of terminals, made for [`BACKGROUND`].
const ANSI: [&str; 16] = [
    "#3b4252", "#f2777a", "#6cc58a", "#d9b04c", "#6ea8fe", "#c792ea", "#56c8d8", "#c3c9d4", "#7d8799",
    "#ff9a9c", "#8fe0a8", "#f0cb6b", "#95c2ff", "#dbb4f5", "#84e1ee", "#ffffff",
];

/// How a cell is drawn.
#[derive(Clone, PartialEq, Eq)]
struct Ink {
    fg: String,
    bg: Option<String>,
    modifier: Modifier,
}

/// Cells in a row with one ink.
struct Run {
    ink: Ink,
    column: usize,
    columns: usize,
    text: String,
    /// Nothing may be added: a wide character, whose place is exact only by itself, or a block.
    alone: bool,
}

/// The whole buffer, below a bar with `title` if there is one.
pub fn svg(buffer: &Buffer, title: Option<&str>) -> String {
    let (columns, rows) = (usize::from(buffer.area.width), usize::from(buffer.area.height));
    let top = if title.is_some() { TITLE } else { MARGIN };
    let (width, height) = (2 * MARGIN + columns * CELL.0, top + MARGIN + rows * CELL.1);
    let mut out = String::new();
    let name = escape(title.unwrap_or("ctrace"));
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14">
<title>{name}</title>
<rect width="{w}" height="{h}" rx="8" fill="{BACKGROUND}"/>"#,
        w = pixels(width),
        h = pixels(height),
    );
    if title.is_some() {
        let _ = writeln!(
            out,
            r#"<path d="M0 26V8a8 8 0 0 1 8-8H{right}a8 8 0 0 1 8 8V26z" fill="{BAR}"/>
<text x="{middle}" y="18" text-anchor="middle" fill="{FOREGROUND}" xml:space="preserve">{name}</text>"#,
            right = pixels(width - 80),
            middle = pixels(width / 2),
        );
    }
    for (row, cells) in buffer.content().chunks(columns.max(1)).enumerate() {
        for run in runs(cells) {
            draw(&mut out, &run, top + row * CELL.1);
        }
    }
    out.push_str("</svg>\n");
    out
}

fn runs(cells: &[Cell]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut hidden = 0;
    for (column, cell) in cells.iter().enumerate() {
        // A wide character covers what is behind it.
        if hidden > 0 {
            hidden -= 1;
            continue;
        }
        let columns = text::width(cell.symbol()).clamp(1, cells.len() - column);
        hidden = columns - 1;
        let ink = ink(cell);
        let alone = columns > 1 || block(cell.symbol()).is_some();
        match runs.last_mut() {
            Some(run) if run.ink == ink && !alone && !run.alone => {
                run.text.push_str(cell.symbol());
                run.columns += 1;
            }
            _ => runs.push(Run { ink, column, columns, text: cell.symbol().to_owned(), alone }),
        }
    }
    runs
}

fn draw(out: &mut String, Run { ink, column, columns, text, .. }: &Run, top: usize) {
    let left = MARGIN + column * CELL.0;
    let width = columns * CELL.0;
    let rectangle = |out: &mut String,
                     (x, y, w, h): (usize, usize, usize, usize),
                     fill: &str,
                     opacity: &str| {
        let [x, y, w, h] = [x, y, w, h].map(pixels);
        let _ = writeln!(
            out,
            r#"<rect x="{x}" y="{y}" width="{w}" height="{h}" fill="{fill}"{opacity} shape-rendering="crispEdges"/>"#
        );
    };
    if let Some(bg) = &ink.bg {
        rectangle(out, (left, top, width, CELL.1), bg, "");
    }
    if let Some((x, y, w, h, opacity)) = block(text) {
        // Fonts leave gaps between blocks.
        let part = |eighths: usize, of: usize| eighths * of / 8;
        let area = (left + part(x, width), top + part(y, CELL.1), part(w, width), part(h, CELL.1));
        return rectangle(out, area, &ink.fg, opacity);
    }
    let before = text.chars().take_while(|c| *c == ' ').count();
    let shown = text.trim_matches(' ');
    let underlined = ink.modifier.contains(Modifier::UNDERLINED);
    if shown.is_empty() {
        return;
    }
    let length = (columns - before - (text.len() - before - shown.len())) * CELL.0;
    let mut style = String::new();
    for (wanted, attribute) in [
        (ink.modifier.contains(Modifier::BOLD), r#" font-weight="bold""#),
        (ink.modifier.contains(Modifier::DIM), r#" opacity="0.6""#),
        (ink.modifier.contains(Modifier::ITALIC), r#" font-style="italic""#),
        (underlined, r#" text-decoration="underline""#),
    ] {
        style.push_str(if wanted { attribute } else { "" });
    }
    let _ = writeln!(
        out,
        r#"<text x="{}" y="{}" textLength="{}" lengthAdjust="spacingAndGlyphs" fill="{}"{style} xml:space="preserve">{}</text>"#,
        pixels(left + before * CELL.0),
        pixels(top + BASELINE),
        pixels(length),
        ink.fg,
        escape(shown),
    );
}

fn ink(cell: &Cell) -> Ink {
    let modifier = cell.modifier;
    let (mut fg, mut bg) = (color(cell.fg), color(cell.bg));
    if modifier.contains(Modifier::REVERSED) {
        (fg, bg) = (
            Some(bg.unwrap_or_else(|| BACKGROUND.to_owned())),
            Some(fg.unwrap_or_else(|| FOREGROUND.to_owned())),
        );
    }
    if modifier.contains(Modifier::HIDDEN) {
        fg.clone_from(&bg);
        fg.get_or_insert_with(|| BACKGROUND.to_owned());
    }
    Ink { fg: fg.unwrap_or_else(|| FOREGROUND.to_owned()), bg, modifier }
}

/// None: the terminal's own.
fn color(color: Color) -> Option<String> {
    let index: u8 = match color {
        Color::Reset => return None,
        Color::Rgb(r, g, b) => return Some(format!("#{r:02x}{g:02x}{b:02x}")),
        Color::Indexed(index) => index,
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    // Above the 16: a cube of 6 levels for each of red, green and blue, then 24 greys.
    let level = |part: u8| if part == 0 { 0 } else { 55 + 40 * part };
    Some(match (ANSI.get(usize::from(index)), index) {
        (Some(color), _) => (*color).to_owned(),
        (None, 232..) => {
            let grey = 8 + 10 * (index - 232);
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
        (None, _) => {
            let index = index - 16;
            let (r, g, b) = (level(index / 36), level(index / 6 % 6), level(index % 6));
            format!("#{r:02x}{g:02x}{b:02x}")
        }
    })
}

/// Block elements as left, top, width and height in eighths of a cell, and how opaque they are.
fn block(symbol: &str) -> Option<(usize, usize, usize, usize, &'static str)> {
    let mut chars = symbol.chars();
    let (Some(c), None) = (chars.next(), chars.next()) else { return None };
    // U+2581..=U+2588 grow from below, U+2589..=U+258F shrink to the left.
    let code = usize::try_from(u32::from(c)).ok()?;
    match c {
        '▁'..='█' => {
            let height = code - 0x2580;
            Some((0, 8 - height, 8, height, ""))
        }
        '▉'..='▏' => Some((0, 0, 0x2590 - code, 8, "")),
        '▀' => Some((0, 0, 8, 4, "")),
        '▐' => Some((4, 0, 4, 8, "")),
        '░' => Some((0, 0, 8, 8, r#" opacity="0.3""#)),
        '▒' => Some((0, 0, 8, 8, r#" opacity="0.5""#)),
        '▓' => Some((0, 0, 8, 8, r#" opacity="0.75""#)),
        _ => None,
    }
}

/// Tenths of a pixel as pixels.
fn pixels(tenths: usize) -> String {
    match (tenths / 10, tenths % 10) {
        (whole, 0) => whole.to_string(),
        (whole, tenth) => format!("{whole}.{tenth}"),
    }
}

/// What XML does not allow becomes visible.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    fn screen() -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 24, 5));
        let red = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
        buffer.set_string(0, 0, "LOST <5> & \"more\"", red);
        buffer.set_string(2, 1, "日本 web", Style::new().add_modifier(Modifier::DIM));
        buffer.set_string(0, 2, "> selected ", Style::new().add_modifier(Modifier::REVERSED));
        buffer.set_string(0, 3, "▁▄█ ░▒▓", Style::new().fg(Color::Cyan));
        buffer.set_string(10, 3, "▌x", Style::new());
        buffer.set_string(0, 4, "grey", Style::new().fg(Color::Indexed(240)).bg(Color::Rgb(1, 2, 255)));
        buffer
    }

    #[test]
    fn picture() {
        insta::assert_snapshot!("svg", svg(&screen(), Some("ctrace top & more")));
    }

    #[test]
    fn the_same_screen_gives_the_same_picture() {
        assert_eq!(svg(&screen(), None), svg(&screen(), None));
        assert!(!svg(&screen(), None).contains("<path"));
    }

    #[test]
    fn colours_beyond_the_16() {
        let cases = [
            (Color::Reset, None),
            (Color::Red, Some("#f2777a")),
            (Color::Indexed(1), Some("#f2777a")),
            (Color::Indexed(16), Some("#000000")),
            (Color::Indexed(196), Some("#ff0000")),
            (Color::Indexed(231), Some("#ffffff")),
            (Color::Indexed(232), Some("#080808")),
            (Color::Indexed(255), Some("#eeeeee")),
        ];
        for (shown, hex) in cases {
            assert_eq!(color(shown).as_deref(), hex, "{shown:?}");
        }
    }

    /// The texts in the picture, and whether each element is closed.
    fn texts(svg: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for line in svg.lines() {
            assert!(line.starts_with('<') && line.ends_with('>'), "{line:?}");
            assert_eq!(line.matches('<').count(), line.matches('>').count(), "{line:?}");
            assert!(line.matches('"').count().is_multiple_of(2), "{line:?}");
            if let Some((_, rest)) = line.strip_prefix("<text").and_then(|line| line.split_once('>')) {
                texts.push(rest.trim_end_matches("</text>").to_owned());
            }
        }
        texts
    }

    #[test]
    fn all_text_is_in_the_picture() {
        let expected =
            ["LOST &lt;5&gt; &amp; &quot;more&quot;", "日", "本", "web", "&gt; selected", "x", "grey"];
        assert_eq!(texts(&svg(&screen(), None)), expected);
    }

    proptest! {
        #[test]
        fn any_screen_has_a_picture(width in 0..30_u16, height in 0..8_u16, symbols: Vec<String>, title: String) {
            let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
            for (cell, symbol) in buffer.content.iter_mut().zip(&symbols) {
                cell.set_symbol(symbol);
            }
            texts(&svg(&buffer, Some(&title)));
        }
    }
}
