use proptest::prelude::*;

use super::*;

const UNICODE: Charset = Charset::Unicode;
const ASCII: Charset = Charset::Ascii;

#[test]
fn attacks_become_visible() {
    let attacks: [(&str, &str); 17] = [
        ("\x1b[2J\x1b[H", r"\x1b[2J\x1b[H"),       // clear the screen
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"), // set the title
        ("\x1b]52;c;cm0gLXJm\x1b\\", r"\x1b]52;c;cm0gLXJm\x1b\"), // write to the clipboard
        ("\x1b]8;;http://a\x1b\\b", r"\x1b]8;;http://a\x1b\b"), // hyperlink
        ("\u{9b}31mred", r"\x9b31mred"),           // CSI of one byte
        ("\u{9d}0;x\u{9c}", r"\x9d0;x\x9c"),       // OSC of one byte
        ("web\rdb", r"web\x0ddb"),                 // overwrite the line
        ("a\nb\tc\0", r"a\x0ab\x09c\x00"),         // leave the line
        ("ab\x08\x7f", r"ab\x08\x7f"),             // backspace, delete
        ("exe.\u{202e}txt", r"exe.\u{202e}txt"),   // right-to-left override
        ("\u{2066}a\u{2069}\u{200f}", r"\u{2066}a\u{2069}\u{200f}"), // isolates and marks
        ("pay\u{200b}pal\u{feff}", r"pay\u{200b}pal\u{feff}"), // looks like another name
        ("a\u{2028}b\u{2029}", r"a\u{2028}b\u{2029}"), // line separators
        ("\u{e0041}\u{e007f}", r"\u{e0041}\u{e007f}"), // smuggled ASCII
        ("\u{301}a", r"\u{301}a"),                 // a mark on what stands before
        ("\u{3164}\u{ffa0}", r"\u{3164}\u{ffa0}"), // a name of nothing
        ("👍🏽", r"👍\u{1f3fd}"),                    // two cells or four
    ];
    for (attack, shown) in attacks {
        assert_eq!(safe(attack), shown);
    }
}

#[test]
fn honest_text_stays() {
    for text in ["", "web-1", r"system-foo\x2dbar.slice", "Grüße", "Việt", "日本語", "שָׁלוֹם", "🦀", "e\u{301}"]
    {
        assert_eq!(safe(text), text);
    }
    assert!(matches!(safe("web-1"), Cow::Borrowed(_)));
}

#[test]
fn marks_do_not_pile_up() {
    let tower = format!("a{}", "\u{301}".repeat(300));
    let shown = safe(&tower);
    assert!(shown.starts_with("a\u{301}\u{301}\u{301}\u{301}\\u{301}\\u{301}"), "{shown}");
    assert_eq!(width(&shown), 1 + 296 * r"\u{301}".len());
}

#[test]
fn bytes_that_are_not_utf8_become_visible() {
    assert_eq!(safe_bytes(b"a\xff\xfez\x1b"), r"a\xff\xfez\x1b");
    assert_eq!(safe_bytes(b"cut \xe2\x82"), r"cut \xe2\x82");
    assert_eq!(safe_bytes(b"\xed\xa0\x80"), r"\xed\xa0\x80"); // a surrogate
    assert_eq!(safe_bytes(b"\xc0\xaf"), r"\xc0\xaf"); // an overlong slash
    assert_eq!(safe_bytes("日\u{9b}".as_bytes()), r"日\x9b");
}

#[test]
fn an_ascii_terminal_gets_ascii() {
    assert_eq!(ASCII.safe("Grüße 日"), r"Gr\xfc\xdfe \u{65e5}");
    assert_eq!(fit("abcdef", 4, ASCII), "abc~");
    assert_eq!(duration(4096, ASCII), "4.1us");
}

#[test]
fn cutting_counts_columns() {
    for (text, width, cut) in [
        ("abcdef", 6, "abcdef"),
        ("abcdef", 5, "abcd…"),
        ("abcdef", 1, "…"),
        ("abcdef", 0, ""),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"), // no half character
        ("日本語", 2, "…"),
        ("e\u{301}e\u{301}e\u{301}", 3, "e\u{301}e\u{301}e\u{301}"),
        ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
        ("\x1b[2J", 4, r"\x1…"),
    ] {
        assert_eq!(fit(text, width, UNICODE), cut, "{text:?} in {width}");
    }
}

#[test]
fn padding_is_exact() {
    assert_eq!(pad("ab", 4, Align::Left, UNICODE), "ab  ");
    assert_eq!(pad("ab", 4, Align::Right, UNICODE), "  ab");
    assert_eq!(pad("日本語", 4, Align::Left, UNICODE), "日… ");
    assert_eq!(pad("", 0, Align::Left, UNICODE), "");
}

#[test]
fn tables_line_up() {
    let rows =
        [["NAME", "ID"], ["日本", "a"], ["e\u{301}", ""], ["longest", "b"]].map(|row| row.map(str::to_owned));
    assert_eq!(aligned(&rows), "NAME     ID\n日本     a\ne\u{301}\nlongest  b\n");
    assert_eq!(aligned::<2>(&[]), "");
}

#[test]
fn rates() {
    let shown =
        [0.0, 0.01, 0.05, 1.0, 12.34, 99.94, 99.96, 999.4, 999.6, 1234.0, 99_960.0, 3.4e6, 1e18].map(rate);
    assert_eq!(
        shown,
        ["0", "<0.1", "0.1", "1.0", "12.3", "99.9", "100", "999", "1.0k", "1.2k", "100k", "3.4M", "1.0E"]
    );
    assert_eq!([-1.0, f64::NAN, f64::INFINITY].map(rate), ["0", "0", ">999E"]);
}

#[test]
fn counts_keep_their_digits_while_they_fit() {
    assert_eq!(count(1_234_567, 7), "1234567");
    assert_eq!(count(1_234_567, 6), "1.2M");
    assert_eq!(count(12_345, 4), "12k");
    assert_eq!(count(999_999, 4), "1.0M");
    assert_eq!(count(u64::MAX, 9), "18.4E");
    assert_eq!(count(u64::MAX, 20), "18446744073709551615");
}

#[test]
fn durations() {
    let second = 1_000_000_000;
    let shown = [
        0,
        812,
        4_096,
        12_345,
        999_499,
        999_501,
        12_000_000,
        1_310_000_000,
        100 * second,
        150 * second,
        10_800 * second,
        1_036_800 * second,
    ]
    .map(|ns| duration(ns, UNICODE));
    assert_eq!(
        shown,
        ["0ns", "812ns", "4.1µs", "12µs", "999µs", "1.0ms", "12ms", "1.3s", "100s", "2.5m", "3.0h", "12d"]
    );
    assert_eq!(duration(u64::MAX, UNICODE), "213504d");
    assert_eq!(clock(3_723 * second + 5), "1:02:03");
    for (text, seconds) in [("1:02:03", 3_723), ("2:30", 150), ("45", 45), ("0", 0), ("90:00", 5_400)] {
        assert_eq!(clock_ns(text), Some(seconds * second), "{text}");
    }
    for text in ["", ":", "1:", "-1", "1:2:3:4", "x", "99999999999999999999", "9999999999999999:0"] {
        assert_eq!(clock_ns(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn nothing_in_a_safe_text_moves_the_cursor(bytes: Vec<u8>) {
        let shown = safe_bytes(&bytes);
        prop_assert!(!shown.chars().any(|c| c.is_control() || invisible(c)), "{shown:?}");
        prop_assert_eq!(safe(&shown), shown.as_ref());
    }

    #[test]
    fn a_cell_is_as_wide_as_asked(text: String, columns in 0_usize..40, ascii: bool) {
        let charset = if ascii { ASCII } else { UNICODE };
        let cell = pad(&text, columns, Align::Left, charset);
        prop_assert_eq!(width(&cell), columns);
        prop_assert!(!ascii || cell.is_ascii());
    }

    #[test]
    fn numbers_keep_to_their_columns(number: u64, columns in 4_usize..20) {
        prop_assert!(count(number, columns).len() <= columns);
        prop_assert!(rate(lossy(number)).len() <= 5);
    }
}

#[test]
fn digits_in_groups() {
    let shown = [0, 12, 999, 1_000, 65_536, 1_234_567, u64::MAX].map(grouped);
    let expected = ["0", "12", "999", "1,000", "65,536", "1,234,567", "18,446,744,073,709,551,615"];
    assert_eq!(shown, expected);
}

#[test]
fn parts_of_a_whole() {
    let cases = [
        (0, 0, "0%"),
        (0, 7, "0%"),
        (1, 1_000, "<1%"),
        (5, 1_000, "1%"),
        (1, 3, "33%"),
        (994, 1_000, "99%"),
        (999, 1_000, ">99%"),
        (7, 7, "100%"),
        (1, u128::MAX, "<1%"),
        (u128::MAX / 2, u128::MAX, "50%"),
        (u128::MAX - 1, u128::MAX, ">99%"),
    ];
    for (part, whole, shown) in cases {
        assert_eq!(percent(part, whole), shown, "{part} of {whole}");
    }
}

#[test]
fn words_are_wrapped() {
    assert_eq!(wrapped("head:", &[]), "head:\n");
    let words = vec!["word".to_owned(); 40];
    let text = wrapped("head:", &words);
    assert!(text.lines().all(|line| line.len() <= LINE) && text.lines().count() == 3, "{text}");
    assert!(text.lines().skip(1).all(|line| line.starts_with("    word")), "{text}");
    assert_eq!(text.matches("word").count(), 40);
    let long = wrapped("head:", &["x".repeat(200)]);
    assert_eq!(long, format!("head:\n    {}\n", "x".repeat(200)));
}
