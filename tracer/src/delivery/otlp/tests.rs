//! Against a receiver that answers as it is told, over a real connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver as Incoming, Sender, channel};

use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
use prost::Message as _;

use super::*;
use crate::delivery::count;

enum Answers {
    /// Status line, headers, body.
    Say(&'static str, &'static str, Vec<u8>),
    Close,
    Hang,
}

use Answers::{Close, Hang, Say};

struct Request {
    /// Of the connection.
    connection: usize,
    head: String,
    body: Vec<u8>,
}

struct Server {
    url: String,
    requests: Incoming<Request>,
    /// Ends it.
    _alive: Sender<()>,
}

fn ok() -> Answers {
    Say("200 OK", "content-type: application/x-protobuf\r\n", Vec::new())
}

/// Gives these answers, one for each request, to one connection after the other.
fn server(answers: Vec<Answers>) -> Server {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/v1/logs", listener.local_addr().unwrap());
    let (tell, requests) = channel();
    let (alive, end) = channel();
    thread::spawn(move || {
        let mut answers = answers.into_iter().peekable();
        let mut kept = Vec::new();
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = BufReader::new(stream.unwrap());
            while let Some((head, body)) = read(&mut stream) {
                let Some(answer) = answers.next() else { break };
                let _ = tell.send(Request { connection: number, head, body });
                match answer {
                    Say(status, headers, body) => say(stream.get_mut(), status, headers, &body),
                    Close => break,
                    Hang => {
                        kept.push(stream);
                        break;
                    }
                }
            }
            if answers.peek().is_none() {
                break;
            }
        }
        // What hangs does so until the test is over.
        let _ = end.recv();
    });
    Server { url, requests, _alive: alive }
}

fn read(stream: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    let mut body = vec![0; length.parse().ok()?];
    stream.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn say(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
    let _ = stream.write_all(&[head.as_bytes(), body].concat());
}

/// `patience` and `timeout` in milliseconds.
fn otlp(server: &Server, patience: Option<u64>, timeout: u64) -> Otlp {
    let settings = Settings {
        timeout: Duration::from_millis(timeout),
        headers: vec![("authorization".to_owned(), "Bearer hunter2".to_owned())],
    };
    let client = Http::new(server.url.clone(), false, settings);
    Otlp::new(Box::new(client), patience.map(Duration::from_millis))
}

fn lines(count: usize) -> Vec<u8> {
    (0..count).flat_map(|seq| format!("{{\"event\":{{\"seq\":{seq}}}}}\n").into_bytes()).collect()
}

fn partial(rejected_log_records: i64, error_message: &str) -> Answers {
    let partial = ExportLogsPartialSuccess { rejected_log_records, error_message: error_message.to_owned() };
    let response = ExportLogsServiceResponse { partial_success: Some(partial) };
    Say("200 OK", "content-type: application/x-protobuf\r\n", response.encode_to_vec())
}

/// Calls as a sink does, until nothing is left. Returns how many calls it took and what is lost.
fn deliver(otlp: &mut Otlp, lines: &[u8]) -> (u32, Vec<std::ops::Range<u32>>) {
    let (mut calls, mut done, mut missed) = (0, 0, Vec::new());
    while done < count(lines) {
        let rest =
            lines.split_inclusive(|byte| *byte == b'\n').skip(done as usize).collect::<Vec<_>>().concat();
        let progress = otlp.deliver(&rest);
        calls += 1;
        missed.extend(progress.missed.into_iter().map(|range| done + range.start..done + range.end));
        done += progress.done;
        assert!(progress.stop.is_some() || done == count(lines));
        assert!(!matches!(progress.stop, Some(Failure::Refused(_) | Failure::NoRoom(_) | Failure::Closed)));
    }
    (calls, missed)
}

#[expect(clippy::single_range_in_vec_init, reason = "ranges are what is compared")]
fn all(count: u32) -> Vec<std::ops::Range<u32>> {
    vec![0..count]
}

#[test]
fn an_address_needs_no_path_and_takes_no_secrets() {
    for (typed, url) in [
        ("http://localhost:4318", "http://localhost:4318/v1/logs"),
        ("http://[::1]:4318/", "http://[::1]:4318/v1/logs"),
        ("http://c/otlp/v1/logs", "http://c/otlp/v1/logs"),
    ] {
        assert_eq!(endpoint(typed).unwrap(), url);
    }
    assert!(endpoint("http://a b").is_err());
    let error = endpoint("http://user:hunter2@c:4318").unwrap_err();
    assert!(error.contains("OTEL_EXPORTER_OTLP_HEADERS") && !error.contains("hunter2"), "{error}");
}

#[test]
fn many_lines_are_several_requests_on_one_connection() {
    let server = server(vec![ok(), ok(), ok()]);
    let mut otlp = otlp(&server, None, 5000);
    assert_eq!(deliver(&mut otlp, &lines(1030)).1, []);
    let requests: Vec<_> = server.requests.try_iter().collect();
    let counts = requests.iter().map(|request| {
        let request = ExportLogsServiceRequest::decode(request.body.as_slice()).unwrap();
        request.resource_logs[0].scope_logs[0].log_records.len()
    });
    assert!(counts.eq([512, 512, 6]));
    for Request { connection, head, body: _ } in requests {
        assert_eq!(connection, 0);
        assert!(head.starts_with("post /v1/logs http/1.1\r\n"), "{head}");
        for header in ["content-type: application/x-protobuf\r\n", "authorization: bearer hunter2\r\n"] {
            assert!(head.contains(header), "{head}");
        }
    }
}

#[test]
fn long_lines_fill_a_request_earlier() {
    let line = format!("{{\"a\":\"{}\"}}\n", "x".repeat(8 << 10));
    let lines = line.repeat(300);
    let (batch, count, rest) = first(lines.as_bytes());
    assert!(batch.len() <= BYTES && batch.len() > BYTES - 2 * line.len());
    assert_eq!((count as usize) * line.len() + rest.len(), lines.len());
    // One line alone is never too long.
    let huge = [b"x".repeat(2 * BYTES), b"\ny\n".to_vec()].concat();
    assert_eq!(first(&huge), (&huge[..=2 * BYTES], 1, &b"y\n"[..]));
    assert_eq!(first(b""), (&b""[..], 0, &b""[..]));
}

#[test]
fn what_may_pass_is_asked_again() {
    let later =
        ["429 Too Many Requests", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"];
    let mut answers: Vec<_> = later.map(|status| Say(status, "", b"busy\x1b[2J".to_vec())).into();
    answers.extend([Close, ok()]);
    let server = server(answers);
    let mut otlp = otlp(&server, Some(60_000), 5000);
    let Some(Failure::Unreachable(error)) = otlp.deliver(&lines(3)).stop else { panic!() };
    assert_eq!(error.to_string(), r"HTTP 429 Too Many Requests: busy\u{1b}[2J");
    // A connection that is closed before the answer may be tried anew by the client itself.
    let (calls, missed) = deliver(&mut otlp, &lines(3));
    assert!((4..=5).contains(&calls), "{calls}");
    assert_eq!(missed, []);
    let bodies: Vec<_> = server.requests.try_iter().map(|request| request.body).collect();
    assert_eq!(bodies.len(), 6);
    assert!(otlp.tick().error.is_none());
}

#[test]
fn what_cannot_pass_is_lost_at_once_and_what_follows_is_not() {
    let refused = "content-type: application/x-protobuf\r\n";
    let message = Say("400 Bad Request", refused, b"\x12\x08no bytes".to_vec());
    let moved = Say("307 Temporary Redirect", "location: http://127.0.0.1:1/\r\n", Vec::new());
    let server = server(vec![message, ok(), moved, Say("401 Unauthorized", "", Vec::new())]);
    let mut otlp = otlp(&server, Some(60_000), 5000);
    assert_eq!(deliver(&mut otlp, &lines(600)).1, all(512));
    let error = otlp.tick().error.unwrap().to_string();
    assert_eq!(error, "HTTP 400 Bad Request: no bytes");
    assert!(otlp.tick().error.is_none());
    assert_eq!(deliver(&mut otlp, &lines(2)), (1, all(2)));
    assert_eq!(otlp.close().error.unwrap().to_string(), "HTTP 307 Temporary Redirect");
    assert_eq!(deliver(&mut otlp, &lines(2)), (1, all(2)));
    let error = otlp.tick().error.unwrap().to_string();
    assert!(error.contains("401") && !error.contains("hunter2"), "{error}");
}

#[test]
fn a_time_to_ask_again_is_kept() {
    let server = server(vec![Say("503 Service Unavailable", "retry-after: 2\r\n", Vec::new()), ok()]);
    let mut otlp = otlp(&server, Some(60_000), 5000);
    let start = Instant::now();
    assert!(matches!(otlp.deliver(&lines(1)).stop, Some(Failure::Unreachable(_))));
    assert!(start.elapsed() < Duration::from_secs(2), "the call itself does not wait");
    assert_eq!(deliver(&mut otlp, &lines(1)).1, []);
    assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(server.requests.try_iter().count(), 2);
}

#[test]
fn after_a_while_a_request_is_given_up_and_the_next_begins_anew() {
    let busy = || Say("503 Service Unavailable", "", Vec::new());
    let never = Say("503 Service Unavailable", "retry-after: 18446744073709551615\r\n", Vec::new());
    let server = server(vec![busy(), busy(), never, ok()]);
    let mut otlp = otlp(&server, Some(0), 5000);
    for _ in 0..3 {
        assert_eq!(deliver(&mut otlp, &lines(5)), (1, all(5)));
        assert!(otlp.tick().error.unwrap().to_string().contains("503"));
    }
    assert_eq!(deliver(&mut otlp, &lines(5)), (1, vec![]));
}

#[test]
fn who_must_not_lose_waits_for_ever() {
    let busy = || Say("503 Service Unavailable", "", Vec::new());
    let server = server(vec![busy(), busy(), busy(), ok()]);
    let mut otlp = otlp(&server, None, 5000);
    otlp.failing_since = Instant::now().checked_sub(Duration::from_hours(1));
    assert_eq!(deliver(&mut otlp, &lines(5)), (4, vec![]));
    assert_eq!(otlp.failing_since, None);
}

#[test]
fn a_receiver_that_hangs_holds_nobody_for_long() {
    let server = server(vec![Hang, ok()]);
    let mut otlp = otlp(&server, Some(60_000), 200);
    let Some(Failure::Unreachable(error)) = otlp.deliver(&lines(1)).stop else { panic!() };
    assert_eq!(error.to_string(), "no answer within 200ms");
    assert_eq!(deliver(&mut otlp, &lines(1)).1, []);
}

#[test]
fn nobody_there_is_an_error_with_its_name() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/v1/logs", listener.local_addr().unwrap());
    drop(listener);
    let mut otlp = Otlp::new(Box::new(Http::new(url, true, Settings::default())), Some(PATIENCE));
    let Some(Failure::Unreachable(error)) = otlp.deliver(&lines(1)).stop else { panic!() };
    assert_eq!(super::super::cause(&error), "Connection refused (ECONNREFUSED)");
}

#[test]
fn records_that_the_receiver_rejects_are_lost_and_counted() {
    let server = server(vec![
        partial(3, "too \u{1b} old"),
        partial(i64::MAX, "all"),
        partial(-1, ""),
        partial(0, "hm"),
    ]);
    let mut otlp = otlp(&server, None, 5000);
    let progress = otlp.deliver(&lines(10));
    assert_eq!((progress.done, progress.missed), (10, std::iter::once(7..10).collect()));
    let error = otlp.tick().error.unwrap().to_string();
    assert_eq!(error, r"3 records of a request were not taken: too \u{1b} old");
    assert_eq!(deliver(&mut otlp, &lines(4)), (1, all(4)));
    assert!(otlp.tick().error.is_some());
    for _ in 0..2 {
        assert_eq!(deliver(&mut otlp, &lines(4)), (1, vec![]));
        assert!(otlp.tick().error.is_none());
    }
}

#[test]
fn an_answer_that_is_no_protobuf_is_taken_for_yes() {
    let json = Say("200 OK", "content-type: application/json\r\n", b"{}".to_vec());
    let broken = Say("200 OK", "content-type: application/x-protobuf\r\n", b"\xff\xff".to_vec());
    let server = server(vec![json, broken, Say("204 No Content", "", Vec::new())]);
    let mut otlp = otlp(&server, None, 5000);
    for _ in 0..3 {
        assert_eq!(deliver(&mut otlp, &lines(2)), (1, vec![]));
    }
}

#[test]
fn what_is_no_record_is_lost_and_named() {
    let server = server(vec![ok()]);
    let mut otlp = otlp(&server, None, 5000);
    assert_eq!(deliver(&mut otlp, b"plain text\n"), (1, all(1)));
    let error = otlp.tick().error.unwrap().to_string();
    assert!(error.contains("plain text"), "{error}");
    assert_eq!(server.requests.try_iter().count(), 0);
}
