//! Sinks as they are typed: `-o file:/var/log/ctrace.json?rotate_size=100M&keep=5`.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use crate::nearest::nearest;

/// Of a queue that nobody gave a size: some seconds of many events.
pub const QUEUE: u64 = 16 << 20;

/// Two chunks: one that waits while one is on its way.
const QUEUE_LEAST: u64 = 128 << 10;

/// Generations that are kept if nobody says how many.
pub const KEEP: u32 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EventFormat {
    Text,
    /// One object a line
    Json,
}

/// What happens to events while a queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnFull {
    /// They are lost and counted
    Drop,
    /// Everything waits; live, the kernel's ring buffer loses and counts them instead
    Block,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    /// Of all names that a generation may have.
    pub const SUFFIXES: [&str; 3] = ["", ".gz", ".zst"];

    pub const fn suffix(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gzip => Some(".gz"),
            Self::Zstd => Some(".zst"),
        }
    }
}

/// One sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkSpec {
    pub target: Target,
    pub options: Options,
}

/// Where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Stdout,
    File(PathBuf),
    /// Addresses are `HOST:PORT`.
    Tcp(String),
    Udp(String),
    Unix(PathBuf),
    UnixDatagram(PathBuf),
    SyslogTcp(String),
    SyslogUnix(PathBuf),
    /// What follows `otlp+`, without query.
    OtlpHttp(String),
    /// `HOST:PORT`.
    OtlpGrpc(String),
    Parquet(PathBuf),
}

/// What was said for one sink or, with flags, for all; None: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub format: Option<EventFormat>,
    pub on_full: Option<OnFull>,
    /// Bytes.
    pub queue: Option<u64>,
    /// Bytes.
    pub rotate_size: Option<u64>,
    pub rotate_age: Option<Duration>,
    pub keep: Option<u32>,
    pub compress: Option<Compression>,
}

/// Options of every sink, and of those that write to files.
const ANY: &[&str] = &["format", "on_full", "queue"];
const FILE: &[&str] = &["format", "on_full", "queue", "rotate_size", "rotate_age", "keep", "compress"];
/// Of those that are JSON whatever is said.
const JSON_ONLY: &[&str] = &["on_full", "queue"];
const OTLP: &[&str] = &["on_full", "queue", "compress"];
const PARQUET: &[&str] = &["on_full", "queue", "rotate_size", "rotate_age", "keep"];

struct Scheme {
    prefix: &'static str,
    options: &'static [&'static str],
    target: fn(&str) -> Result<Target, String>,
}

const SCHEMES: [Scheme; 11] = [
    Scheme { prefix: "stdout:", options: ANY, target: stdout },
    Scheme { prefix: "file:", options: FILE, target: |rest| Ok(Target::File(path(rest)?)) },
    Scheme { prefix: "tcp://", options: ANY, target: |rest| Ok(Target::Tcp(host_port(rest)?)) },
    Scheme { prefix: "udp://", options: ANY, target: |rest| Ok(Target::Udp(host_port(rest)?)) },
    Scheme { prefix: "unix:", options: ANY, target: |rest| Ok(Target::Unix(path(rest)?)) },
    Scheme { prefix: "unix-dgram:", options: ANY, target: |rest| Ok(Target::UnixDatagram(path(rest)?)) },
    Scheme {
        prefix: "syslog+tcp://",
        options: JSON_ONLY,
        target: |rest| Ok(Target::SyslogTcp(host_port(rest)?)),
    },
    Scheme { prefix: "syslog+unix:", options: JSON_ONLY, target: |rest| Ok(Target::SyslogUnix(path(rest)?)) },
    Scheme { prefix: "otlp+http://", options: OTLP, target: otlp_http },
    Scheme { prefix: "otlp+grpc://", options: OTLP, target: |rest| Ok(Target::OtlpGrpc(host_port(rest)?)) },
    Scheme { prefix: "parquet:", options: PARQUET, target: |rest| Ok(Target::Parquet(path(rest)?)) },
];

impl SinkSpec {
    pub fn new(target: Target) -> Self {
        Self { target, options: Options::default() }
    }

    /// For the command line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some(scheme) = SCHEMES.iter().find(|scheme| text.starts_with(scheme.prefix)) else {
            return plain(text);
        };
        let rest = text.get(scheme.prefix.len()..).unwrap_or_default();
        let (address, query) = split(rest);
        let options = Options::parse(query, scheme.options)?;
        Ok(Self { target: (scheme.target)(address)?, options })
    }

    /// For people and the books: where to, without what may be secret.
    pub fn name(&self) -> String {
        match &self.target {
            Target::Stdout => "stdout".to_owned(),
            Target::File(path) => format!("file:{}", path.display()),
            Target::Tcp(at) => format!("tcp://{at}"),
            Target::Udp(at) => format!("udp://{at}"),
            Target::Unix(path) => format!("unix:{}", path.display()),
            Target::UnixDatagram(path) => format!("unix-dgram:{}", path.display()),
            Target::SyslogTcp(at) => format!("syslog+tcp://{at}"),
            Target::SyslogUnix(path) => format!("syslog+unix:{}", path.display()),
            Target::OtlpHttp(url) => {
                let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
                let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
                let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
                format!("otlp+{scheme}://{host}/{path}")
            }
            Target::OtlpGrpc(at) => format!("otlp+grpc://{at}"),
            Target::Parquet(path) => format!("parquet:{}", path.display()),
        }
    }

    /// The format, if `common` was said for all sinks.
    pub fn format(&self, common: Option<EventFormat>) -> EventFormat {
        match self.target {
            Target::Stdout | Target::File(_) => self.options.format.or(common).unwrap_or(EventFormat::Text),
            Target::Tcp(_) | Target::Udp(_) | Target::Unix(_) | Target::UnixDatagram(_) => {
                self.options.format.or(common).unwrap_or(EventFormat::Json)
            }
            Target::SyslogTcp(_)
            | Target::SyslogUnix(_)
            | Target::OtlpHttp(_)
            | Target::OtlpGrpc(_)
            | Target::Parquet(_) => EventFormat::Json,
        }
    }
}

/// A file, or standard output.
fn plain(text: &str) -> Result<SinkSpec, String> {
    if text == "-" {
        return Ok(SinkSpec::new(Target::Stdout));
    }
    if let Some((scheme, _)) = text.split_once("://") {
        let prefixes =
            SCHEMES.iter().map(|scheme| scheme.prefix.trim_end_matches("//").trim_end_matches(':'));
        let known: Vec<&str> = SCHEMES.iter().map(|scheme| scheme.prefix).collect();
        let near = nearest(scheme, prefixes);
        return Err(format!("no such kind of sink: `{scheme}://`{near}\nKnown are: {}", known.join(" ")));
    }
    let known = |pair: &str| pair.split_once('=').is_some_and(|(key, _)| FILE.contains(&key));
    if split(text).1.split('&').any(known) {
        return Err(format!("options need the long form: `file:{text}`"));
    }
    Ok(SinkSpec::new(Target::File(path(text)?)))
}

fn split(text: &str) -> (&str, &str) {
    text.split_once('?').unwrap_or((text, ""))
}

fn stdout(rest: &str) -> Result<Target, String> {
    if rest.is_empty() {
        Ok(Target::Stdout)
    } else {
        Err(format!("`stdout:` takes options alone, not `{rest}`"))
    }
}

fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("a path is missing".to_owned()) } else { Ok(OsStr::new(text).into()) }
}

/// `HOST:PORT`, `[::1]:PORT`.
fn host_port(text: &str) -> Result<String, String> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let usable = |(host, port): (&str, &str)| {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let whole = bare.len() != host.len() || !host.contains(':');
        !bare.is_empty()
            && whole
            && !host.contains(['/', '@'])
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    match text.rsplit_once(':') {
        Some(parts) if usable(parts) => Ok(text.to_owned()),
        _ => Err(format!("expected HOST:PORT, as in localhost:5170 or [::1]:5170, not `{text}`")),
    }
}

fn otlp_http(rest: &str) -> Result<Target, String> {
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host.is_empty() {
        return Err("expected otlp+http://HOST:PORT, as in otlp+http://localhost:4318".to_owned());
    }
    Ok(Target::OtlpHttp(format!("http://{rest}")))
}

impl Options {
    fn parse(query: &str, known: &[&str]) -> Result<Self, String> {
        let mut options = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !known.contains(&key) {
                let near = nearest(key, known.iter().copied());
                return Err(format!("no such option here: `{key}`{near}\nKnown are: {}", known.join(" ")));
            }
            options.set(key, value).map_err(|why| format!("{key}: {why}"))?;
        }
        Ok(options)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "format" => self.format = Some(word(value)?),
            "on_full" => self.on_full = Some(word(value)?),
            "queue" => self.queue = Some(queue(value)?),
            "rotate_size" => self.rotate_size = Some(size(value)?),
            "rotate_age" => self.rotate_age = Some(age(value)?),
            "keep" => self.keep = Some(keep(value)?),
            "compress" => self.compress = Some(word(value)?),
            _ => return Err("is not an option".to_owned()),
        }
        Ok(())
    }

    /// What was said here, else what was said for all.
    #[must_use]
    pub fn or(&self, common: &Self) -> Self {
        Self {
            format: self.format.or(common.format),
            on_full: self.on_full.or(common.on_full),
            queue: self.queue.or(common.queue),
            rotate_size: self.rotate_size.or(common.rotate_size),
            rotate_age: self.rotate_age.or(common.rotate_age),
            keep: self.keep.or(common.keep),
            compress: self.compress.or(common.compress),
        }
    }
}

fn word<T: ValueEnum>(value: &str) -> Result<T, String> {
    T::from_str(value, false).map_err(|_unknown| {
        let known: Vec<String> = T::value_variants()
            .iter()
            .filter_map(ValueEnum::to_possible_value)
            .map(|value| value.get_name().to_owned())
            .collect();
        format!("expected {}, not `{value}`", known.join(" or "))
    })
}

/// Bytes: `4096`, `64K`, `100M`, `2G`, in powers of 1024.
pub fn size(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (text.get(..text.len() - 1), 1 << 10),
        Some(b'M' | b'm') => (text.get(..text.len() - 1), 1 << 20),
        Some(b'G' | b'g') => (text.get(..text.len() - 1), 1 << 30),
        _ => (Some(text), 1_u64),
    };
    let number = digits.and_then(|digits| digits.parse::<u64>().ok());
    match number.and_then(|number| number.checked_mul(unit)) {
        Some(size @ 1..) => Ok(size),
        Some(0) | None => Err("expected a size such as 500K, 100M or 2G".to_owned()),
    }
}

pub fn queue(text: &str) -> Result<u64, String> {
    match size(text)? {
        size @ QUEUE_LEAST.. if usize::try_from(size).is_ok() => Ok(size),
        _ => Err("expected at least 128K".to_owned()),
    }
}

/// `30s`, `1h`, `1d`.
pub fn age(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "expected a time of a second or more, such as 30s, 15m, 1h or 24h";
    let span: jiff::SignedDuration = text.parse().ok().ok_or(EXPECTED)?;
    if span < jiff::SignedDuration::from_secs(1) { Err(EXPECTED.to_owned()) } else { Ok(span.unsigned_abs()) }
}

pub fn keep(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(keep @ 1..=1000) => Ok(keep),
        Ok(_) | Err(_) => Err("expected a number from 1 to 1000".to_owned()),
    }
}

#[cfg(test)]
mod tests;
