//! Text made fit for a terminal.

use std::borrow::Cow;

/// `text` with all that a terminal obeys written out: `\x1b`, `\u{202e}`.
pub fn safe(text: &str) -> Cow<'_, str> {
    let obeyed = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
    };
    if !text.contains(obeyed) {
        return text.into();
    }
    let escape = |c: char| match u32::from(c) {
        _ if !obeyed(c) => c.to_string(),
        code @ 0..0x100 => format!("\\x{code:02x}"),
        code => format!("\\u{{{code:x}}}"),
    };
    text.chars().map(escape).collect::<String>().into()
}
