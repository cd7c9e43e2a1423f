//! A table as a file for others: CSV, JSON, Markdown. Pure.
//!
//! Cells are raw text and may be hostile. In CSV and Markdown what a terminal would not simply show is a
//! visible escape, as in [`crate::text::safe`]; in JSON it is an escape of JSON's own, so that a parser
//! gives back the cell as it was. In all three every line that is printed is harmless to a terminal.

use std::borrow::Cow;
use std::fmt::Write;
use std::iter::repeat;

use unicode_width::UnicodeWidthChar;

use crate::text::safe;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// What is in it, in a few words.
    pub title: String,
    /// All different, without regard to case.
    pub columns: Vec<&'static str>,
    /// Cells by column, not made safe; missing ones are empty.
    pub rows: Vec<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180 with `\n`: a heading, and a record a row. A cell that a spreadsheet would calculate has a `'`
    /// before it.
    Csv,
    /// An array with an object a row. Keys are the columns' titles in lower case, values are strings.
    Json,
    /// A heading, and a table of GitHub's kind.
    Markdown,
}

impl Format {
    pub const ALL: [Self; 3] = [Self::Csv, Self::Json, Self::Markdown];

    /// Of the file's name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Markdown => "md",
        }
    }
}

/// The whole file, ended by a newline.
pub fn render(table: &Table, format: Format) -> String {
    match format {
        Format::Csv => csv(table),
        Format::Json => json(table),
        Format::Markdown => markdown(table),
    }
}

impl Table {
    fn cells<'a>(&'a self, row: &'a [String]) -> impl Iterator<Item = (&'static str, &'a str)> {
        let cells = row.iter().map(String::as_str).chain(repeat(""));
        self.columns.iter().copied().zip(cells)
    }
}

fn csv(table: &Table) -> String {
    let heading = join(",", table.columns.iter().map(|title| csv_cell(title)));
    let rows = table.rows.iter().map(|row| join(",", table.cells(row).map(|(_, cell)| csv_cell(cell))));
    lines(std::iter::once(heading).chain(rows))
}

fn csv_cell(cell: &str) -> String {
    let mut cell = safe(cell).into_owned();
    if is_formula(&cell) {
        cell.insert(0, '\'');
    }
    if cell.contains(['"', ',']) || cell.starts_with(' ') || cell.ends_with(' ') {
        cell = format!("\"{}\"", cell.replace('"', "\"\""));
    }
    cell
}

/// Whether a spreadsheet would calculate it, <https://owasp.org/www-community/attacks/CSV_Injection>.
/// A tab or carriage return in front is an escape by now.
fn is_formula(cell: &str) -> bool {
    const STARTS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    let number = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
    let is_number = cell.chars().all(number) && cell.parse::<f64>().is_ok();
    cell.trim_start().starts_with(STARTS) && cell != "-" && !is_number
}

fn json(table: &Table) -> String {
    let object = |row: &Vec<String>| {
        let pairs = table
            .cells(row)
            .map(|(title, cell)| format!("{}: {}", json_string(&title.to_lowercase()), json_string(cell)));
        format!("  {{{}}}", join(", ", pairs))
    };
    if table.rows.is_empty() {
        return "[]\n".to_owned();
    }
    format!("[\n{}\n]\n", join(",\n", table.rows.iter().map(object)))
}

fn json_string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ if is_harmless(c) => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
    out
}

/// On its own, and on whatever stands before it.
fn is_harmless(c: char) -> bool {
    let is_mark = c.width() == Some(0);
    !is_mark && matches!(safe(c.encode_utf8(&mut [0; 4])), Cow::Owned(shown) if shown.chars().eq([c]))
}

fn markdown(table: &Table) -> String {
    let line = |cells: String| format!("| {cells} |");
    let heading = line(join(" | ", table.columns.iter().map(|title| markdown_text(title))));
    let rule = line(join(" | ", table.columns.iter().map(|_| "---".to_owned())));
    let rows =
        table.rows.iter().map(|row| line(join(" | ", table.cells(row).map(|(_, cell)| markdown_text(cell)))));
    let title = format!("## {}", markdown_text(&table.title));
    lines([title, String::new(), heading, rule].into_iter().chain(rows))
}

/// Text that means nothing but itself in a table: no markup, no HTML, no link.
fn markdown_text(text: &str) -> String {
    let mut out = String::new();
    for c in safe(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // `http://` and `www.` make links by themselves.
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '!' | '|' | '~' | '$' | '@' | ':' => {
                out.extend(['\\', c]);
            }
            '.' if out.ends_with("www") || out.ends_with("WWW") => out.push_str("\\."),
            _ => out.push(c),
        }
    }
    out
}

fn join(separator: &str, parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(separator)
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.flat_map(|line| [line, "\n".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COLUMNS: [&str; 3] = ["NAME", "CALLS/S", "ERRORS"];

    fn table(rows: &[[&str; 3]]) -> Table {
        Table {
            title: "containers".to_owned(),
            columns: COLUMNS.to_vec(),
            rows: rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect(),
        }
    }

    #[test]
    fn golden() {
        let table = table(&[["web-1", "1.7k", "ENOENT 3, EPERM 1"], ["a|b", "-2", "<b>\x1b[2J"]]);
        let csv = "NAME,CALLS/S,ERRORS\nweb-1,1.7k,\"ENOENT 3, EPERM 1\"\na|b,-2,<b>\\x1b[2J\n";
        assert_eq!(render(&table, Format::Csv), csv);
        let json = r#"[
  {"name": "web-1", "calls/s": "1.7k", "errors": "ENOENT 3, EPERM 1"},
  {"name": "a|b", "calls/s": "-2", "errors": "<b>\u001b[2J"}
]
"#;
        assert_eq!(render(&table, Format::Json), json);
        let markdown = "## containers\n\n| NAME | CALLS/S | ERRORS |\n| --- | --- | --- |\n\
            | web-1 | 1.7k | ENOENT 3, EPERM 1 |\n| a\\|b | -2 | &lt;b&gt;\\\\x1b\\[2J |\n";
        assert_eq!(render(&table, Format::Markdown), markdown);
    }

    #[test]
    fn nothing_in_it_is_a_table_too() {
        for (format, expected) in [
            (Format::Csv, "NAME,CALLS/S,ERRORS\n"),
            (Format::Json, "[]\n"),
            (Format::Markdown, "## containers\n\n| NAME | CALLS/S | ERRORS |\n| --- | --- | --- |\n"),
        ] {
            assert_eq!(render(&table(&[]), format), expected);
        }
    }

    #[test]
    fn a_short_row_is_filled_up() {
        let table = Table { rows: vec![vec!["web".to_owned()]], ..table(&[]) };
        assert!(render(&table, Format::Csv).ends_with("\nweb,,\n"));
        assert!(render(&table, Format::Json).contains(r#""errors": """#));
    }

    #[test]
    fn a_spreadsheet_calculates_nothing() {
        for hostile in ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", " =1", "＝1", "--1", "+", "-e"] {
            assert!(csv_cell(hostile).trim_start_matches('"').starts_with('\''), "{hostile}");
        }
        for (cell, expected) in [("\t=1", "\\x09=1"), ("\r=1", "\\x0d=1")] {
            assert_eq!(csv_cell(cell), expected);
        }
        for number in ["-2", "+3.5", "-1.2e-3", "0", "-"] {
            assert_eq!(csv_cell(number), number);
        }
    }

    #[test]
    fn markdown_makes_no_links_and_no_html() {
        assert_eq!(markdown_text("http://x www.x"), "http\\://x www\\.x");
        assert_eq!(markdown_text("<img src=x>`a`&amp;"), "&lt;img src=x&gt;\\`a\\`&amp;amp;");
    }

    /// Pieces that mean something to one of the formats, and anything else.
    fn cell() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            proptest::sample::select(vec![
                "\"", ",", "\n", "\r\n", "|", "\\", "`", "=", "-", "<", "&", "'", "\x1b[31m", "\u{202e}",
                "\t", "\u{301}", "{", "\0", "*", " ",
            ])
            .prop_map(str::to_owned),
            ".{0,8}",
        ];
        proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
    }

    fn any_table() -> impl Strategy<Value = Table> {
        let rows = proptest::collection::vec(proptest::collection::vec(cell(), 3), 0..6);
        (cell(), rows).prop_map(|(title, rows)| Table { title, columns: COLUMNS.to_vec(), rows })
    }

    proptest! {
        #[test]
        fn csv_is_read_back(table in any_table()) {
            let text = render(&table, Format::Csv);
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            prop_assert_eq!(reader.headers().unwrap(), &csv::StringRecord::from(COLUMNS.to_vec()));
            let read: Vec<_> = reader.records().map(Result::unwrap).collect();
            prop_assert_eq!(read.len(), table.rows.len());
            for (read, row) in read.iter().zip(&table.rows) {
                for (read, cell) in read.iter().zip(row) {
                    let plain = safe(cell);
                    let expected = if is_formula(&plain) { format!("'{plain}") } else { plain.into_owned() };
                    prop_assert_eq!(read, expected);
                }
            }
        }

        #[test]
        fn json_is_read_back(table in any_table()) {
            let text = render(&table, Format::Json);
            let read: Vec<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read.len(), table.rows.len());
            for (read, row) in read.iter().zip(&table.rows) {
                prop_assert_eq!(read.len(), COLUMNS.len());
                for (title, cell) in COLUMNS.iter().zip(row) {
                    prop_assert_eq!(read[&title.to_lowercase()].as_str(), Some(cell.as_str()));
                }
            }
        }

        #[test]
        fn markdown_stays_a_table(table in any_table()) {
            let text = render(&table, Format::Markdown);
            prop_assert!(!text.contains(['<', '>']), "{text}");
            let lines: Vec<&str> = text.lines().collect();
            prop_assert_eq!(lines.len(), 4 + table.rows.len());
            for line in &lines[2..] {
                let (mut bars, mut escaped) = (0, false);
                for c in line.chars() {
                    bars += usize::from(c == '|' && !escaped);
                    escaped = c == '\\' && !escaped;
                }
                prop_assert_eq!(bars, COLUMNS.len() + 1, "{}", line);
            }
        }

        #[test]
        fn a_terminal_can_be_shown_it(table in any_table()) {
            for format in Format::ALL {
                for line in render(&table, format).lines() {
                    prop_assert_eq!(safe(line), line);
                }
            }
        }
    }
}
