//! OTLP over HTTP/1.1: a request is a POST of Protocol Buffers. No TLS: a collector on the same host or in the
//! same network takes it from here, and does that better.
//!
//! <https://opentelemetry.io/docs/specs/otlp/#otlphttp>

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write as _};
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use prost::Message as _;
use ureq::http::Response;
use ureq::{Agent, Body};

use super::Client;
use super::answer::{Answer, Status, said};
use super::settings::Settings;

const PROTOBUF: &str = "application/x-protobuf";

/// What is read of an answer; it holds a number and a sentence.
const ANSWER: u64 = 64 << 10;

pub struct Http {
    agent: Agent,
    url: String,
    settings: Settings,
    gzip: bool,
    body: Vec<u8>,
}

impl Http {
    /// `url`: `http://HOST:PORT/PATH`.
    pub fn new(url: String, gzip: bool, settings: Settings) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // Headers with secrets go to the place that was named, and to no other.
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(settings.timeout))
            .user_agent(concat!("ctrace/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Self { agent, url, settings, gzip, body: Vec::new() }
    }
}

impl Client for Http {
    fn export(&mut self, request: &ExportLogsServiceRequest) -> Answer {
        let Self { agent, url, settings, gzip, body } = self;
        if let Err(error) = encode(body, request, *gzip) {
            return Answer::Never(error);
        }
        let mut post = agent.post(url.as_str()).header("content-type", PROTOBUF);
        if *gzip {
            post = post.header("content-encoding", "gzip");
        }
        for (name, value) in &settings.headers {
            post = post.header(name, value);
        }
        match post.send(body.as_slice()) {
            Ok(mut response) => answer(&mut response, SystemTime::now()),
            Err(error) => unanswered(error, settings.timeout),
        }
    }
}

fn encode(body: &mut Vec<u8>, request: &ExportLogsServiceRequest, gzip: bool) -> io::Result<()> {
    body.clear();
    let plain = request.encode_to_vec();
    if !gzip {
        *body = plain;
        return Ok(());
    }
    // Attributes repeat: the fastest level leaves a tenth.
    let mut encoder = GzEncoder::new(body, Compression::fast());
    encoder.write_all(&plain)?;
    encoder.finish().map(drop)
}

fn answer(response: &mut Response<Body>, now: SystemTime) -> Answer {
    let status = response.status();
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let protobuf = header("content-type").is_some_and(|kind| kind.starts_with(PROTOBUF));
    let after = header("retry-after").and_then(|text| retry_after(text, now));
    // Read whatever it is: the connection is used again.
    let body = response.body_mut().with_config().limit(ANSWER).read_to_vec().unwrap_or_default();
    if status.is_success() {
        // Other words than OTLP's for "taken" are not taken amiss.
        let response =
            if protobuf { ExportLogsServiceResponse::decode(body.as_slice()) } else { Ok(<_>::default()) };
        return response.unwrap_or_default().into();
    }
    let mut why = format!("HTTP {status}");
    let message = if protobuf {
        Status::decode(body.as_slice()).unwrap_or_default().message
    } else {
        String::from_utf8_lossy(&body).into_owned()
    };
    let message = said(&message);
    if !message.is_empty() {
        let _ = write!(why, ": {message}");
    }
    let why = io::Error::other(why);
    match status.as_u16() {
        429 | 502 | 503 | 504 => Answer::Later { after, why },
        _ => Answer::Never(why),
    }
}

/// <https://www.rfc-editor.org/rfc/rfc9110#field.retry-after>
fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
    // One that is past: at once.
    let date = Duration::from_secs(u64::try_from(date.as_second()).ok()?);
    Some(date.saturating_sub(now.duration_since(SystemTime::UNIX_EPOCH).ok()?))
}

/// Nothing came back, so it is not known whether the request was taken: asked again, a record may be there twice.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "an enumeration of others, with a dozen kinds that say the same here"
)]
fn unanswered(error: ureq::Error, timeout: Duration) -> Answer {
    use ureq::Error::{ConnectionFailed, HostNotFound, Io, Protocol, Timeout};
    let later = |why| Answer::Later { after: None, why };
    if let Io(error) = error {
        return later(error);
    }
    let (kind, why) = match &error {
        Timeout(_) => (ErrorKind::TimedOut, format!("no answer within {timeout:?}")),
        HostNotFound => (ErrorKind::NotFound, "the host's name has no address".to_owned()),
        ConnectionFailed => (ErrorKind::NotConnected, "cannot connect".to_owned()),
        Protocol(error) => (ErrorKind::InvalidData, format!("no HTTP: {error}")),
        // The request itself is at fault.
        _ => return Answer::Never(io::Error::other(error)),
    };
    later(io::Error::new(kind, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_ask_again_is_a_number_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let seconds = |text| retry_after(text, now).map(|after| after.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:39 GMT"), Some(2));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        for wrong in ["", "-1", "soon", "1.5"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_compressed_request_is_the_same_one() {
        let request = super::super::record::request(b"{\"a\":\"b\"}\n{\"a\":\"b\"}\n", 1).unwrap();
        let (mut plain, mut gzip) = (Vec::new(), Vec::new());
        encode(&mut plain, &request, false).unwrap();
        encode(&mut gzip, &request, true).unwrap();
        let mut unpacked = Vec::new();
        io::copy(&mut flate2::read::GzDecoder::new(gzip.as_slice()), &mut unpacked).unwrap();
        assert_eq!(plain, unpacked);
        assert_eq!(ExportLogsServiceRequest::decode(plain.as_slice()).unwrap(), request);
    }
}
