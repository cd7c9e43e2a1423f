//! The user's own command line, once more with sudo.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// `sudo /full/path/ctrace ARGS..`, fit for a shell and for a terminal. The path is full because a
/// binary that cargo has installed is not on root's `PATH`.
///
/// `args` are those after the program's name. Whatever they hold, a shell (bash, zsh, ksh, or any
/// of POSIX 2024) reads them back as they are, and the line has no control characters.
pub fn sudo_hint(exe: &Path, args: &[OsString]) -> String {
    format!(
        "sudo {}",
        shell_words(std::iter::once(exe.as_os_str()).chain(args.iter().map(OsString::as_os_str)))
    )
}

/// A command line fit for a shell and for a terminal, as in [`sudo_hint`].
pub fn shell_words<'a>(words: impl IntoIterator<Item = &'a OsStr>) -> String {
    let mut line = String::new();
    for (at, word) in words.into_iter().enumerate() {
        if at > 0 {
            line.push(' ');
        }
        quote(word, &mut line);
    }
    line
}

/// One word of a command line, quoted only where it must be.
fn quote(word: &OsStr, line: &mut String) {
    match word.to_str() {
        // zsh takes `=name` for the path of a program.
        Some(text) if !text.is_empty() && !text.starts_with('=') && text.chars().all(plain) => {
            line.push_str(text);
        }
        Some(text) if text.chars().all(printable) => {
            line.push('\'');
            line.push_str(&text.replace('\'', r"'\''"));
            line.push('\'');
        }
        _ => escape(word.as_bytes(), line),
    }
}

/// Nothing to a shell, in any position.
fn plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-./:,@%+=".contains(c)
}

/// Neither moves a cursor nor hides or turns what stands beside it.
fn printable(c: char) -> bool {
    c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric()
}

/// `$'..'`, with everything that is not plain as three octal digits, which can swallow no neighbour.
fn escape(bytes: &[u8], line: &mut String) {
    line.push_str("$'");
    for &byte in bytes {
        if byte == b' ' || plain(char::from(byte)) {
            line.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(line, "\\{byte:03o}");
        }
    }
    line.push('\'');
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;
    use std::process::Command;

    use super::*;

    fn hint(args: &[&str]) -> String {
        let args: Vec<_> = args.iter().map(OsString::from).collect();
        sudo_hint(Path::new("/home/u/.cargo/bin/ctrace"), &args)
    }

    #[test]
    fn ordinary_arguments_stay_as_they_are() {
        assert_eq!(
            hint(&["top", "--once", "--filter", "name=web"]),
            "sudo /home/u/.cargo/bin/ctrace top --once --filter name=web"
        );
    }

    #[test]
    fn hostile_arguments_are_quoted() {
        assert_eq!(hint(&[""]), "sudo /home/u/.cargo/bin/ctrace ''");
        assert_eq!(hint(&["a b;rm $HOME"]), "sudo /home/u/.cargo/bin/ctrace 'a b;rm $HOME'");
        assert_eq!(hint(&["it's"]), r"sudo /home/u/.cargo/bin/ctrace 'it'\''s'");
        assert_eq!(hint(&["=ls", "~", "zoë"]), "sudo /home/u/.cargo/bin/ctrace '=ls' '~' 'zoë'");
        assert_eq!(hint(&["\x1b[2J"]), r"sudo /home/u/.cargo/bin/ctrace $'\033\1332J'");
        assert_eq!(hint(&["a\u{202e}b"]), r"sudo /home/u/.cargo/bin/ctrace $'a\342\200\256b'");
        let path = Path::new("/opt/my tools/ctrace");
        assert_eq!(sudo_hint(path, &[]), "sudo '/opt/my tools/ctrace'");
    }

    #[test]
    fn a_shell_reads_back_every_byte() {
        let every_byte = OsString::from_vec((1..=255).collect());
        let args = [every_byte, "'; echo \"$(id)\" `id` \\".into(), "\n".into(), "-".into(), "".into()];
        let line = sudo_hint(Path::new("/c"), &args);
        assert!(!line.chars().any(char::is_control));
        let words = line.strip_prefix("sudo /c ").unwrap();
        let output = Command::new("bash").args(["-c", &format!("printf '%s\\0' {words}")]).output().unwrap();
        let expected: Vec<u8> =
            args.iter().flat_map(|arg| arg.as_bytes().iter().chain(&[0])).copied().collect();
        assert_eq!(output.stdout, expected);
    }
}
