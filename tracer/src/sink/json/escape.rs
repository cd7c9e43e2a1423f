//! Text of others as the inside of a JSON string: lossy, escaped, no longer than its room.

/// Of the lowest four bits.
pub const fn hex_digit(value: u64) -> u8 {
    let value = (value & 15) as u8;
    value + if value < 10 { b'0' } else { b'a' - 10 }
}

/// Appends the inside of a JSON string: lossy UTF-8, escaped, at most `room` bytes, never part of a
/// character. Returns whether all of it fitted.
pub fn escape(out: &mut Vec<u8>, bytes: &[u8], room: usize) -> bool {
    if bytes.len() <= room && are_plain(bytes) {
        out.extend_from_slice(bytes);
        return true;
    }
    let end = out.len().saturating_add(room);
    bytes.utf8_chunks().all(|chunk| {
        let invalid = if chunk.invalid().is_empty() { "" } else { "\u{fffd}" };
        escape_str(out, chunk.valid(), end) && escape_str(out, invalid, end)
    })
}

/// Whether they can stand in a string as they are.
fn are_plain(bytes: &[u8]) -> bool {
    let plain = |byte: &u8| matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~');
    // Sixteen at a time without a branch: compilers make vectors of them.
    let (blocks, rest) = bytes.as_chunks::<16>();
    blocks.iter().all(|block| block.iter().fold(true, |all, byte| all & plain(byte)))
        && rest.iter().all(plain)
}

fn escape_str(out: &mut Vec<u8>, text: &str, end: usize) -> bool {
    if out.len() + text.len() <= end && are_plain(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
        return true;
    }
    text.chars().all(|c| {
        let before = out.len();
        match c {
            '"' | '\\' => out.extend([b'\\', c as u8]),
            c if dangerous(c) => {
                out.extend_from_slice(b"\\u");
                out.extend([12, 8, 4, 0].map(|shift| hex_digit(u64::from(c) >> shift)));
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        let fits = out.len() <= end;
        if !fits {
            out.truncate(before);
        }
        fits
    })
}

/// What a terminal obeys (C0, DEL, C1), what some readers take for a line's end, and what turns the
/// direction of text. JSON itself demands the escape of C0 only. All have four hexadecimal digits.
const fn dangerous(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}'
        | '\u{2028}' | '\u{2029}'
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(bytes: &[u8], room: usize) -> (String, bool) {
        let mut out = Vec::new();
        let whole = escape(&mut out, bytes, room);
        (String::from_utf8(out).unwrap(), whole)
    }

    #[test]
    fn dangerous_characters_are_written_as_numbers() {
        let cases: [(&[u8], &str); 8] = [
            (b"/etc/passwd", "/etc/passwd"),
            (b"a\"b\\c", r#"a\"b\\c"#),
            (b"\x1b[2J\n\x00\x7f", r"\u001b[2J\u000a\u0000\u007f"),
            ("\u{9b}0m\u{80}".as_bytes(), r"\u009b0m\u0080"),
            ("\u{2028}\u{2029}\u{202e}\u{2066}\u{61c}".as_bytes(), r"\u2028\u2029\u202e\u2066\u061c"),
            ("grüße 日本 \u{1f980}".as_bytes(), "grüße 日本 \u{1f980}"),
            (b"a\xffb\xc3", "a\u{fffd}b\u{fffd}"),
            (b"\x61\x80\x7a", "a\u{fffd}z"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(escaped(bytes, usize::MAX), (expected.to_owned(), true));
        }
    }

    #[test]
    fn a_string_is_cut_between_characters() {
        assert_eq!(escaped(b"abcd", 3), ("abc".to_owned(), false));
        assert_eq!(escaped(b"ab\n", 7), ("ab".to_owned(), false));
        assert_eq!(escaped(b"ab\n", 8), (r"ab\u000a".to_owned(), true));
        assert_eq!(escaped("aü".as_bytes(), 2), ("a".to_owned(), false));
        assert_eq!(escaped(b"a\xff", 3), ("a".to_owned(), false));
        assert_eq!(escaped(b"", 0), (String::new(), true));
    }

    proptest! {
        #[test]
        fn a_reader_gets_the_lossy_text_or_its_beginning(
            bytes in prop::collection::vec(any::<u8>(), 0..64),
            room in 0usize..200,
        ) {
            let (inside, whole) = escaped(&bytes, room);
            prop_assert!(inside.len() <= room);
            prop_assert!(!inside.contains(dangerous));
            let read: String = serde_json::from_str(&format!("\"{inside}\"")).unwrap();
            let lossy = String::from_utf8_lossy(&bytes);
            prop_assert!(lossy.starts_with(&read));
            prop_assert_eq!(whole, read == lossy);
        }
    }
}
