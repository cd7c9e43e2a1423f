//! Errors for the machine's log: crun throws away what hooks say, and nobody reads what a detached process does.

use std::os::unix::net::UnixDatagram;
use std::path::Path;

/// Where it listens, on every machine that has one.
pub(super) const SOCKET: &str = "/dev/log";

/// Facility `user`, severity `err`, <https://www.rfc-editor.org/rfc/rfc3164#section-4.1.1>.
const PRIORITY: u8 = 8 + 3;

/// A datagram has to be one that every receiver takes.
const MOST: usize = 1024;

/// `text` in one line, if there is such a log. `text` is safe to print.
pub(super) fn tell(socket: &Path, text: &str) {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut line = format!("<{PRIORITY}>ctrace[{}]: {line}", std::process::id());
    line.truncate(line.floor_char_boundary(MOST));
    // What cannot be told here was said on standard error as well.
    let _ = UnixDatagram::unbound().and_then(|unbound| {
        unbound.set_nonblocking(true)?;
        unbound.send_to(line.as_bytes(), socket)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_that_is_not_too_long() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("log");
        tell(&socket, "nobody listens");
        let log = UnixDatagram::bind(&socket).unwrap();
        log.set_nonblocking(true).unwrap();
        let mut bytes = [0; 4096];
        let mut told = |text: &str| {
            tell(&socket, text);
            let length = log.recv(&mut bytes).unwrap();
            String::from_utf8(bytes[..length].to_vec()).unwrap()
        };
        let said = told("cannot trace:\n  fix: sudo");
        assert_eq!(said, format!("<11>ctrace[{}]: cannot trace: fix: sudo", std::process::id()));
        assert_eq!(told(&"x".repeat(9999)).len(), MOST);
    }
}
