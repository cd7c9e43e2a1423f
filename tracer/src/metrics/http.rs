//! Answers to HTTP requests, as bytes. Each is the last of its connection.

use super::{Readings, text};

/// A longer head of a request is refused: who asks for metrics has little to say.
pub const HEAD_MAX: usize = 8 << 10;

/// The answer to the head of a request (all up to the empty line, or as much as came). `alive`: the trace goes on.
pub fn respond(head: &[u8], readings: &Readings, alive: bool) -> Vec<u8> {
    let (status, headers, body) = match request(head) {
        Err(status) => (status, "", format!("{status}\n")),
        Ok((_, "/metrics")) => ("200 OK", METRICS, text(readings)),
        Ok((_, "/healthz")) if alive => ("200 OK", "", "ok\n".to_owned()),
        Ok((_, "/healthz")) => ("503 Service Unavailable", "", "the trace does not go on\n".to_owned()),
        Ok(_) => ("404 Not Found", "", "there are /metrics and /healthz\n".to_owned()),
    };
    let headers = if headers.is_empty() { PLAIN } else { headers };
    let allow = if status == NOT_ALLOWED { "Allow: GET, HEAD\r\n" } else { "" };
    let mut answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {headers}\r\n{allow}Content-Length: {}\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        body.len()
    );
    if !matches!(request(head), Ok((Method::Head, _))) {
        answer.push_str(&body);
    }
    answer.into_bytes()
}

const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";
const NOT_ALLOWED: &str = "405 Method Not Allowed";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Get,
    Head,
}

/// Method, and path without what follows a `?`; or what is wrong.
fn request(head: &[u8]) -> Result<(Method, &str), &'static str> {
    const BAD: &str = "400 Bad Request";
    if head.len() >= HEAD_MAX {
        return Err("431 Request Header Fields Too Large");
    }
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = str::from_utf8(line).ok().and_then(|line| line.strip_suffix('\r')).ok_or(BAD)?;
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(BAD);
    };
    if !version.starts_with("HTTP/1.") || !target.starts_with('/') {
        return Err(BAD);
    }
    let path = target.split('?').next().unwrap_or(target);
    match method {
        "GET" => Ok((Method::Get, path)),
        "HEAD" => Ok((Method::Head, path)),
        _ => Err(NOT_ALLOWED),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ask(head: &[u8], alive: bool) -> String {
        String::from_utf8(respond(head, &Readings::default(), alive)).unwrap()
    }

    #[test]
    fn answers() {
        for (head, alive, status, end) in [
            (&b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"[..], true, "200 OK", "\r\n\r\nok\n"),
            (b"GET /healthz HTTP/1.1\r\n\r\n", false, "503 ", "go on\n"),
            (b"HEAD /metrics HTTP/1.0\r\n\r\n", true, "200 OK", "close\r\n\r\n"),
            (b"GET /metrics?x=1 HTTP/1.1\r\n\r\n", true, "200 OK", "\n"),
            (b"GET / HTTP/1.1\r\n\r\n", true, "404 ", "/healthz\n"),
            (b"POST /metrics HTTP/1.1\r\n\r\n", true, "405 ", "Allowed\n"),
            (b"GET http://x/metrics HTTP/1.1\r\n\r\n", true, "400 ", "Request\n"),
            (b"GET /metrics\r\n\r\n", true, "400 ", "Request\n"),
            (b"GET  /metrics HTTP/1.1\r\n\r\n", true, "400 ", "Request\n"),
            (b"PRI * HTTP/2.0\r\n\r\n", true, "400 ", "Request\n"),
            (b"\x16\x03\x01\x02", true, "400 ", "Request\n"),
            (b"", true, "400 ", "Request\n"),
            (&[b'x'; HEAD_MAX], true, "431 ", "Large\n"),
        ] {
            let answer = ask(head, alive);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.ends_with(end), "{answer}");
        }
        assert!(ask(b"GET /metrics HTTP/1.1\r\n\r\n", true).contains("version=0.0.4"));
        assert!(ask(b"PUT / HTTP/1.1\r\n\r\n", true).contains("\r\nAllow: GET, HEAD\r\n"));
    }

    proptest! {
        #[test]
        fn whatever_is_asked_one_answer_of_the_length_that_it_says(head in proptest::collection::vec(any::<u8>(), 0..200)) {
            let answer = ask(&head, true);
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
            prop_assert_eq!(length.parse::<usize>().unwrap(), body.len());
        }
    }
}
