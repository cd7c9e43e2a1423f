//! Events as syslog messages: RFC 5424, in the frames of RFC 6587 (octet counting) over connections.
//!
//! ```text
//! <134>1 2026-11-23T18:04:05.123456Z node ctrace 4242 process.exec - {"timestamp":...}
//! ```
//!
//! Facility local0; severity 6 for `info`, 4 for `warn`, 3 for `error`. MSGID is the event's name, MSG the JSON object
//! without a byte order mark, which parsers of JSON stumble over.
//! <https://www.rfc-editor.org/rfc/rfc5424#section-6>, <https://www.rfc-editor.org/rfc/rfc6587#section-3.4.1>

use std::borrow::Cow;
use std::io::Write;

use memchr::memchr_iter;
use serde::Deserialize;

const LOCAL0: u8 = 16;

/// Longest HOSTNAME and MSGID.
const HOST_NAME: usize = 255;
const MESSAGE_ID: usize = 32;

/// "YYYY-MM-DDThh:mm:ss.ffffff": six digits are the most that may be.
const TIME: usize = 26;

#[derive(Clone, Copy, Debug)]
pub struct Syslog {
    /// Of ctrace.
    pub pid: u32,
}

/// What the head of a message takes from the line, in either layout.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Head<'a> {
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow)]
    level: Cow<'a, str>,
    #[serde(borrow)]
    event: Name<'a>,
    #[serde(borrow)]
    host: Name<'a>,
    #[serde(borrow, rename = "event.name")]
    event_name: Cow<'a, str>,
    #[serde(borrow, rename = "host.name")]
    host_name: Cow<'a, str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Name<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

impl Syslog {
    /// Appends a frame for each line, and where it ends.
    pub fn frames(self, lines: &[u8], frames: &mut Vec<u8>, ends: &mut Vec<usize>) {
        let (mut message, mut start) = (Vec::new(), 0);
        for end in memchr_iter(b'\n', lines) {
            message.clear();
            self.message(lines.get(start..end).unwrap_or_default(), &mut message);
            start = end + 1;
            // Writing to a `Vec` cannot fail.
            _ = write!(frames, "{} ", message.len());
            frames.extend_from_slice(&message);
            ends.push(frames.len());
        }
    }

    /// Appends the message for a line, which is given without its newline.
    pub fn message(self, line: &[u8], out: &mut Vec<u8>) {
        let head: Head<'_> = serde_json::from_slice(line).unwrap_or_default();
        let severity = match &*head.level {
            "error" => 3,
            "warn" => 4,
            _ => 6,
        };
        let time = match head.timestamp.get(..TIME) {
            Some(time) if head.timestamp.ends_with('Z') => format!("{time}Z"),
            _ => "-".to_owned(),
        };
        let host = printable(either(&head.host.name, &head.host_name), HOST_NAME);
        let event = printable(either(&head.event.name, &head.event_name), MESSAGE_ID);
        let (priority, pid) = (LOCAL0 * 8 + severity, self.pid);
        _ = write!(out, "<{priority}>1 {time} {host} ctrace {pid} {event} - ");
        out.extend_from_slice(line);
    }
}

fn either<'a>(nested: &'a str, flat: &'a str) -> &'a str {
    if nested.is_empty() { flat } else { nested }
}

/// Printable ASCII without spaces, as the head wants it; `-` if nothing is left.
fn printable(text: &str, most: usize) -> String {
    let kept: String = text.chars().filter(char::is_ascii_graphic).take(most).collect();
    if kept.is_empty() { "-".to_owned() } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSLOG: Syslog = Syslog { pid: 42 };

    fn message(line: &str) -> String {
        let mut out = Vec::new();
        SYSLOG.message(line.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_head_is_made_of_the_line() {
        let nested = r#"{"timestamp":"2026-11-23T18:04:05.123456789Z","level":"warn","message":"x","event":{"name":"syscall.denied","seq":1},"host":{"name":"node a"}}"#;
        let head = "<132>1 2026-11-23T18:04:05.123456Z nodea ctrace 42 syscall.denied - ";
        assert_eq!(message(nested), format!("{head}{nested}"));
        let flat = r#"{"timestamp":"2026-11-23T18:04:05.123456789Z","level":"info","event.name":"syscall","host.name":"node"}"#;
        assert_eq!(
            message(flat),
            format!("<134>1 2026-11-23T18:04:05.123456Z node ctrace 42 syscall - {flat}")
        );
    }

    #[test]
    fn what_is_missing_is_nil() {
        assert_eq!(message("{}"), "<134>1 - - ctrace 42 - - {}");
        assert_eq!(message("no JSON"), "<134>1 - - ctrace 42 - - no JSON");
        let long = format!(r#"{{"event":{{"name":"{}"}},"host":{{"name":"é\n "}}}}"#, "n".repeat(40));
        assert!(message(&long).starts_with(&format!("<134>1 - - ctrace 42 {} - ", "n".repeat(32))));
    }

    #[test]
    fn frames_count_their_octets() {
        let (mut frames, mut ends) = (Vec::new(), Vec::new());
        SYSLOG.frames("{}\n{\"a\":\"é\"}\n".as_bytes(), &mut frames, &mut ends);
        let text = String::from_utf8(frames.clone()).unwrap();
        assert_eq!(text, "27 <134>1 - - ctrace 42 - - {}35 <134>1 - - ctrace 42 - - {\"a\":\"é\"}");
        assert_eq!(ends, [30, frames.len()]);
    }
}
