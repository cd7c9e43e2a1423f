//! Keys, and the bytes that a terminal sends for them.
//!
//! Read here and not by crossterm, whose reader neither ends nor sleeps when the terminal is gone.

use std::fmt;
use std::str::FromStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Char(char),
    Ctrl(char),
    F(u8),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    /// Stands for every [`Key::Char`] in the table of bindings.
    AnyChar,
    Mouse(Mouse),
}

/// What was done with the mouse, and where: column and line of the screen, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mouse {
    pub what: Click,
    pub x: u16,
    pub y: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Click {
    Press,
    WheelUp,
    WheelDown,
}

/// What stands at the beginning of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// A key, and its bytes.
    Key(Key, usize),
    /// This many bytes mean nothing to us.
    Skip(usize),
    /// The beginning of something longer.
    Incomplete,
}

/// Bytes of the longest sequence that is waited for; what goes on longer is none.
const SEQUENCE_MAX: usize = 32;

/// Reads one key from the beginning of `input`.
pub fn decode(input: &[u8]) -> Decoded {
    match input {
        [] => Decoded::Incomplete,
        [b'\x1b', rest @ ..] => escape(rest),
        [b'\r' | b'\n', ..] => Decoded::Key(Key::Enter, 1),
        [b'\t', ..] => Decoded::Key(Key::Tab, 1),
        [0x08 | 0x7f, ..] => Decoded::Key(Key::Backspace, 1),
        [byte @ 0x01..=0x1a, ..] => Decoded::Key(Key::Ctrl(char::from(byte + b'a' - 1)), 1),
        [..=0x1f, ..] => Decoded::Skip(1),
        [byte, ..] => character(input, *byte),
    }
}

fn character(input: &[u8], first: u8) -> Decoded {
    let len = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let Some(bytes) = input.get(..len) else { return Decoded::Incomplete };
    match str::from_utf8(bytes).ok().and_then(|text| text.chars().next()) {
        Some(c) if !c.is_control() => Decoded::Key(Key::Char(c), len),
        Some(_) => Decoded::Skip(len),
        None => Decoded::Skip(1),
    }
}

/// After ESC.
fn escape(rest: &[u8]) -> Decoded {
    match rest {
        [] | [b'O' | b'['] | [b'[', b'['] => Decoded::Incomplete,
        [b'\x1b', ..] => Decoded::Key(Key::Esc, 1),
        [b'O', last, ..] => found(last_byte(*last), 3),
        // The Linux console's F1 to F5.
        [b'[', b'[', last @ b'A'..=b'E', ..] => Decoded::Key(Key::F(last - b'A' + 1), 4),
        [b'[', b'[', _, ..] => Decoded::Skip(4),
        [b'[', rest @ ..] => sequence(rest),
        // Alt and a key.
        [_, ..] => Decoded::Skip(2),
    }
}

/// After ESC [: parameters, then one byte that ends it (ECMA-48, 5.4).
fn sequence(rest: &[u8]) -> Decoded {
    let Some(end) = rest.iter().position(|byte| !(0x20..=0x3f).contains(byte)) else {
        return if rest.len() < SEQUENCE_MAX { Decoded::Incomplete } else { Decoded::Skip(2 + rest.len()) };
    };
    let (parameters, last) = rest.split_at(end);
    let key = match last.first() {
        Some(b'M') if parameters.first() == Some(&b'<') => mouse(parameters),
        Some(b'~') => numbered(parameters),
        Some(last) => last_byte(*last),
        None => None,
    };
    found(key, 2 + end + 1)
}

fn found(key: Option<Key>, len: usize) -> Decoded {
    key.map_or(Decoded::Skip(len), |key| Decoded::Key(key, len))
}

fn last_byte(byte: u8) -> Option<Key> {
    Some(match byte {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'F' => Key::End,
        b'H' => Key::Home,
        b'M' => Key::Enter,
        b'Z' => Key::BackTab,
        b'P'..=b'S' => Key::F(byte - b'P' + 1),
        _ => return None,
    })
}

/// `<button;column;line` from 1, as xterm's mode 1006 sends it. What ends with `m` tells of a button that was let go.
fn mouse(parameters: &[u8]) -> Option<Key> {
    let mut numbers = str::from_utf8(parameters.get(1..)?).ok()?.split(';').map(str::parse::<u16>);
    let (button, x, y) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
    let what = match button {
        0 => Click::Press,
        64 => Click::WheelUp,
        65 => Click::WheelDown,
        _ => return None,
    };
    Some(Key::Mouse(Mouse { what, x: x.checked_sub(1)?, y: y.checked_sub(1)? }))
}

/// The keys of the VT220, and what others made of them.
fn numbered(parameters: &[u8]) -> Option<Key> {
    let number = parameters.split(|byte| *byte == b';').next()?;
    Some(match str::from_utf8(number).ok()?.parse::<u8>().ok()? {
        1 | 7 => Key::Home,
        4 | 8 => Key::End,
        5 => Key::PageUp,
        6 => Key::PageDown,
        n @ 11..=15 => Key::F(n - 10),
        n @ 17..=21 => Key::F(n - 11),
        n @ 23..=24 => Key::F(n - 12),
        _ => return None,
    })
}

/// As the footer and the help call it.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Char(' ') => f.write_str("Space"),
            Self::Char(c) => write!(f, "{c}"),
            Self::Ctrl(c) => write!(f, "Ctrl-{}", c.to_ascii_uppercase()),
            Self::F(number) => write!(f, "F{number}"),
            Self::PageUp => f.write_str("PgUp"),
            Self::PageDown => f.write_str("PgDn"),
            Self::BackTab => f.write_str("Shift-Tab"),
            Self::AnyChar => f.write_str("text"),
            Self::Mouse(_) => f.write_str("mouse"),
            Self::Enter
            | Self::Esc
            | Self::Tab
            | Self::Backspace
            | Self::Up
            | Self::Down
            | Self::Left
            | Self::Right
            | Self::Home
            | Self::End => write!(f, "{self:?}"),
        }
    }
}

/// Keys that have a name.
const NAMED: [Key; 15] = [
    Key::Char(' '),
    Key::Enter,
    Key::Esc,
    Key::Tab,
    Key::BackTab,
    Key::Backspace,
    Key::Up,
    Key::Down,
    Key::Left,
    Key::Right,
    Key::Home,
    Key::End,
    Key::PageUp,
    Key::PageDown,
    Key::AnyChar,
];

/// As it is displayed, names in any case.
impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut chars = text.chars();
        if let (Some(c), None) = (chars.next(), chars.next())
            && !c.is_control()
        {
            return Ok(Self::Char(c));
        }
        let named = NAMED.into_iter().filter(|key| *key != Self::AnyChar);
        let numbered = (1..=12).map(Self::F);
        let with_ctrl = ('a'..='z').map(Self::Ctrl);
        let mut keys = named.chain(numbered).chain(with_ctrl);
        keys.find(|key| key.to_string().eq_ignore_ascii_case(text)).ok_or_else(|| {
            format!("no key is called {text:?}; a key is a character, Ctrl-a to Ctrl-z, F1 to F12, Space, Enter, Esc, Tab, Shift-Tab, Backspace, Up, Down, Left, Right, Home, End, PgUp or PgDn")
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn terminals_say_the_same_in_different_ways() {
        let cases: [(&[u8], Key); 36] = [
            (b"q", Key::Char('q')),
            (b" ", Key::Char(' ')),
            ("ü".as_bytes(), Key::Char('ü')),
            ("日".as_bytes(), Key::Char('日')),
            ("🦀".as_bytes(), Key::Char('🦀')),
            (b"\x03", Key::Ctrl('c')),
            (b"\x15", Key::Ctrl('u')),
            (b"\r", Key::Enter),
            (b"\n", Key::Enter),
            (b"\t", Key::Tab),
            (b"\x7f", Key::Backspace),
            (b"\x08", Key::Backspace),
            (b"\x1b[A", Key::Up),
            (b"\x1bOA", Key::Up),
            (b"\x1b[1;5A", Key::Up),
            (b"\x1b[B", Key::Down),
            (b"\x1b[C", Key::Right),
            (b"\x1bOD", Key::Left),
            (b"\x1b[H", Key::Home),
            (b"\x1b[1~", Key::Home),
            (b"\x1b[7~", Key::Home),
            (b"\x1bOF", Key::End),
            (b"\x1b[4~", Key::End),
            (b"\x1b[5~", Key::PageUp),
            (b"\x1b[6;2~", Key::PageDown),
            (b"\x1bOP", Key::F(1)),
            (b"\x1b[11~", Key::F(1)),
            (b"\x1b[[A", Key::F(1)),
            (b"\x1b[17~", Key::F(6)),
            (b"\x1b[21~", Key::F(10)),
            (b"\x1b[24~", Key::F(12)),
            (b"\x1bOM", Key::Enter),
            (b"\x1b[Z", Key::BackTab),
            (b"\x1b[<0;1;1M", Key::Mouse(Mouse { what: Click::Press, x: 0, y: 0 })),
            (b"\x1b[<64;220;60M", Key::Mouse(Mouse { what: Click::WheelUp, x: 219, y: 59 })),
            (b"\x1b[<65;5;6M", Key::Mouse(Mouse { what: Click::WheelDown, x: 4, y: 5 })),
        ];
        for (bytes, key) in cases {
            assert_eq!(decode(bytes), Decoded::Key(key, bytes.len()), "{bytes:?}");
            for end in 0..bytes.len() {
                assert_eq!(decode(&bytes[..end]), Decoded::Incomplete, "{bytes:?} up to {end}");
            }
        }
    }

    #[test]
    fn other_bytes_are_passed_over() {
        for (bytes, skipped) in [
            (&b"\0q"[..], 1),
            (b"\xffq", 1),
            (b"\xe2\x28q", 1),
            ("\u{9b}A".as_bytes(), 2),
            (b"\x1bxq", 2),
            (b"\x1b[200~q", 6),
            (b"\x1b[?1;2cq", 7),
            (b"\x1b[999999999~", 12),
            (b"\x1b[[Z", 4),
            (b"\x1b[<0;1;1mq", 9),
            (b"\x1b[<0;0;1Mq", 9),
            (b"\x1b[<0;1Mq", 7),
            (b"\x1b[<2;1;1Mq", 9),
            (b"\x1b[<0;99999;1Mq", 13),
            (b"\x1b[<;;Mq", 6),
        ] {
            let skip = decode(bytes);
            assert!(matches!(skip, Decoded::Skip(len) if len == skipped), "{bytes:?}: {skip:?}");
        }
        assert_eq!(decode(b"\x1b\x1b"), Decoded::Key(Key::Esc, 1));
    }

    #[test]
    fn what_a_key_is_called_names_it() {
        for key in NAMED.into_iter().filter(|key| *key != Key::AnyChar).chain([
            Key::Char('x'),
            Key::Char('ü'),
            Key::Ctrl('r'),
            Key::F(12),
        ]) {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        assert_eq!("pgdn".parse(), Ok(Key::PageDown));
        for wrong in ["", "text", "mouse", "F13", "Ctrl-1", "Hyper-x", "\x1b"] {
            assert!(wrong.parse::<Key>().is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn decoding_of_mice_never_stalls(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let input = [b"\x1b[<", bytes.as_slice()].concat();
            match decode(&input) {
                Decoded::Key(_, len) | Decoded::Skip(len) => prop_assert!((1..=input.len()).contains(&len)),
                Decoded::Incomplete => prop_assert!(input.len() < SEQUENCE_MAX + 2),
            }
        }

        #[test]
        fn decoding_never_stalls(bytes in prop::collection::vec(any::<u8>(), 1..80)) {
            match decode(&bytes) {
                Decoded::Key(_, len) | Decoded::Skip(len) => prop_assert!((1..=bytes.len()).contains(&len)),
                Decoded::Incomplete => prop_assert!(bytes.len() < SEQUENCE_MAX + 2),
            }
        }
    }
}
