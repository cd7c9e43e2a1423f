//! Events to receivers of the OpenTelemetry protocol, as log records: [`record`] says how.
//!
//! A request is asked again where the protocol says that this helps, for a limited time, then its records are lost. So
//! a record comes at least once as long as the receiver is back in time; it may come twice if an answer got lost.
//!
//! <https://opentelemetry.io/docs/specs/otlp/>

use std::io::{self, ErrorKind};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use memchr::memchr_iter;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;

use super::{Failure, Late, Progress, Receiver};

mod answer;
#[cfg(feature = "otlp-grpc")]
mod grpc;
mod http;
mod record;
mod settings;

use answer::Answer;
#[cfg(feature = "otlp-grpc")]
pub use grpc::Grpc;
pub use http::Http;
pub use settings::Settings;

/// Records of one request, as OpenTelemetry's own exporters have it.
const RECORDS: usize = 512;

/// Bytes of the lines of one request; receivers take 4 MiB by default, and a record is smaller than its line.
const BYTES: usize = 1 << 20;

/// For so long a request that may yet be taken is asked again.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// How long [`Receiver::deliver`] may wait without anything to do.
const PAUSE: Duration = Duration::from_secs(1);

/// Where logs go by HTTP if nobody says where.
const PATH: &str = "/v1/logs";

/// The address of `http://HOST:PORT` with or without a path. An error says what is wrong with it.
pub fn endpoint(url: &str) -> Result<String, String> {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if host.contains('@') {
        return Err(
            "a command line is there for everybody to read: what is secret belongs into a header, by \
                    OTEL_EXPORTER_OTLP_HEADERS"
                .to_owned(),
        );
    }
    let url = if path.is_empty() { format!("http://{host}{PATH}") } else { format!("http://{host}/{path}") };
    match url.parse::<ureq::http::Uri>() {
        Ok(_) => Ok(url),
        Err(why) => Err(format!("no address: {why}")),
    }
}

/// The way of one request.
pub trait Client: Send {
    /// Returns within [`Settings::timeout`].
    fn export(&mut self, request: &ExportLogsServiceRequest) -> Answer;
}

/// A receiver of OTLP. A request may take longer than other receivers' calls, up to [`Settings::timeout`]: one that is
/// broken off would have to be sent again, to a receiver that is slow already.
pub struct Otlp {
    client: Box<dyn Client>,
    /// None: a request is asked again until it is taken.
    patience: Option<Duration>,
    /// When the request that is due failed for the first time.
    failing_since: Option<Instant>,
    /// The receiver asked not to be asked before.
    not_before: Option<Instant>,
    /// Why records were lost, until it is told.
    error: Option<io::Error>,
    /// What the receiver said last though it took everything.
    warning: String,
}

impl Otlp {
    pub fn new(client: Box<dyn Client>, patience: Option<Duration>) -> Self {
        Self { client, patience, failing_since: None, not_before: None, error: None, warning: String::new() }
    }

    /// Whether the request that is due has failed for long enough.
    fn is_hopeless(&self) -> bool {
        let elapsed = self.failing_since.map(|since| since.elapsed());
        self.patience.zip(elapsed).is_some_and(|(patience, elapsed)| elapsed >= patience)
    }

    /// False: the receiver is not to be asked yet.
    fn wait(&self) -> bool {
        let Some(time) = self.not_before else { return true };
        let rest = time.saturating_duration_since(Instant::now());
        thread::sleep(rest.min(PAUSE));
        rest <= PAUSE
    }

    /// The request that was due is taken or lost.
    fn begin_anew(&mut self) {
        self.failing_since = None;
        self.not_before = None;
    }

    /// How many of the `count` records in `lines` are lost; an error if they are to be sent again.
    fn send(&mut self, lines: &[u8], count: u32) -> Result<u32, Failure> {
        if !self.wait() && !self.is_hopeless() {
            return Err(Failure::Stalled);
        }
        let answer = match record::request(lines, now_ns()) {
            Ok(request) => self.client.export(&request),
            Err(why) => Answer::Never(io::Error::new(ErrorKind::InvalidData, why)),
        };
        let (lost, why) = match answer {
            Answer::Taken { rejected: 0, why } => {
                if !why.is_empty() && why != self.warning {
                    log::warn!("the receiver of OTLP took everything, and says: {why}");
                }
                self.warning = why;
                (0, None)
            }
            Answer::Taken { rejected, why } => {
                let lost = u32::try_from(rejected).unwrap_or(count).min(count);
                (lost, Some(io::Error::other(format!("{lost} records of a request were not taken: {why}"))))
            }
            Answer::Never(why) => (count, Some(why)),
            Answer::Later { after, why } => {
                self.failing_since.get_or_insert_with(Instant::now);
                self.not_before = after.and_then(|after| Instant::now().checked_add(after));
                if !self.is_hopeless() {
                    return Err(Failure::Unreachable(why));
                }
                (count, Some(why))
            }
        };
        self.begin_anew();
        self.error = why.or(self.error.take());
        Ok(lost)
    }

    fn late(&mut self) -> Late {
        Late { lost: 0, error: self.error.take() }
    }
}

impl Receiver for Otlp {
    fn deliver(&mut self, lines: &[u8]) -> Progress {
        let (begin, mut progress) = (Instant::now(), Progress::default());
        let mut rest = lines;
        while !rest.is_empty() {
            let (batch, count, behind) = first(rest);
            match self.send(batch, count) {
                Ok(lost) => {
                    progress.done += count;
                    if lost > 0 {
                        // The protocol does not say which: how many is what counts.
                        progress.missed.push(progress.done - lost..progress.done);
                    }
                }
                Err(failure) => {
                    progress.stop = Some(failure);
                    break;
                }
            }
            rest = behind;
            if !rest.is_empty() && begin.elapsed() >= PAUSE {
                // So that it is in the books what was taken, whatever comes.
                progress.stop = Some(Failure::Stalled);
                break;
            }
        }
        progress
    }

    fn tick(&mut self) -> Late {
        self.late()
    }

    fn close(&mut self) -> Late {
        self.late()
    }
}

/// The lines of the next request, how many they are, and the rest.
fn first(lines: &[u8]) -> (&[u8], u32, &[u8]) {
    let (mut end, mut count) = (lines.len(), 0);
    for at in memchr_iter(b'\n', lines).take(RECORDS) {
        if count > 0 && at >= BYTES {
            break;
        }
        end = at + 1;
        count += 1;
    }
    let (batch, rest) = lines.split_at_checked(end).unwrap_or((lines, &[]));
    (batch, count, rest)
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
