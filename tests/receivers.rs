//! Receivers of others: what ctrace sends them is what it prints.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "that is how a test fails")]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use serde_json::{Map, Value, json};

/// With the packages of `xtask/src/python.rs`.
fn python() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/python/bin/python");
    env::var_os("CTRACE_TEST_PYTHON").map_or_else(default, PathBuf::from)
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/receivers").join(name)
}

/// Far more than a slow machine needs.
const DEADLINE: Duration = Duration::from_mins(1);

/// Killed when dropped.
struct Background(Child);

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The receiver that is not ours: prints what it gets.
struct Decoder {
    _process: Background,
    port: u16,
    lines: Receiver<String>,
}

impl Decoder {
    fn start() -> Self {
        let mut child = Command::new(python()).arg(script("otlp.py")).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let process = Background(child);
        let port = lines.next().unwrap().unwrap().parse().unwrap();
        // Read at once: a full pipe would hold the receiver up.
        let (tell, read) = channel();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self { _process: process, port, lines: read }
    }

    /// The next `count` records, in the order of their numbers.
    fn records(&self, count: usize) -> Vec<Value> {
        let lines = (0..count).map(|_| self.lines.recv_timeout(DEADLINE).expect("a record is missing"));
        let mut records: Vec<Value> = lines.map(|line| serde_json::from_str(&line).unwrap()).collect();
        records.sort_by_key(|record| record["attributes"]["event.seq"].as_u64());
        records
    }
}

/// Events of the recording that ships inside ctrace, to these sinks and as lines.
fn trace(folder: &Path, sinks: &[String], more: &[&str]) -> (Output, Vec<Value>) {
    let lines = folder.join("lines.json");
    let output = Command::new(env!("CARGO_BIN_EXE_ctrace"))
        .args(["trace", "--demo", "--fail-on-loss", "--flush-timeout", "2m", "-o"])
        .arg(format!("file:{}?format=json", lines.display()))
        .args(sinks.iter().flat_map(|sink| ["-o", sink]))
        .args(more)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = fs::read_to_string(lines).unwrap();
    (output, text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// By dotted names.
fn flat(value: &Value, name: &str, found: &mut Map<String, Value>) {
    let Value::Object(members) = value else {
        found.insert(name.to_owned(), value.clone());
        return;
    };
    for (key, value) in members {
        let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
        flat(value, &name, found);
    }
}

/// What the documentation says a line is in OTLP, as the decoder prints it.
fn expected(line: &Value, path: &str, encoding: Option<&str>) -> Value {
    let mut members = Map::new();
    flat(line, "", &mut members);
    let mut take = |name: &str| members.remove(name).unwrap();
    let time: jiff::Timestamp = take("timestamp").as_str().unwrap().parse().unwrap();
    let (level, body, event_name) = (take("level"), take("message"), take("event.name"));
    let number = if level == "warn" { 13 } else { 9 };
    let whose = |name: &str| {
        ["container.", "k8s.", "host."].iter().any(|begin| name.starts_with(begin))
            && name != "container.lifetime_ns"
    };
    let (mut resource, attributes): (Map<_, _>, Map<_, _>) =
        members.into_iter().partition(|(name, _)| whose(name));
    resource.insert("service.name".to_owned(), "ctrace".into());
    resource.insert("service.version".to_owned(), env!("CARGO_PKG_VERSION").into());
    json!({
        "path": path, "encoding": encoding, "resource": resource, "scope": "ctrace",
        "time_unix_nano": time.as_nanosecond().to_string(), "observed": true, "severity": [number, level],
        "body": body, "event_name": event_name, "attributes": attributes,
    })
}

#[track_caller]
fn compare(records: &[Value], lines: &[Value], path: &str, encoding: Option<&str>) {
    assert!(lines.len() > 100, "{}", lines.len());
    for (record, line) in records.iter().zip(lines) {
        assert_eq!(record, &expected(line, path, encoding));
    }
}

#[test]
#[ignore = "needs python (the packages of xtask)"]
fn an_independent_decoder_reads_the_same_records() {
    for (query, encoding) in [("", None), ("?compress=gzip", Some("gzip"))] {
        let folder = tempfile::tempdir().unwrap();
        let decoder = Decoder::start();
        let sink = format!("otlp+http://127.0.0.1:{}{query}", decoder.port);
        let (_, lines) = trace(folder.path(), &[sink], &["-e", "*", "-n", "3000"]);
        let records = decoder.records(lines.len());
        compare(&records, &lines, "/v1/logs", encoding);
    }
}

/// Nothing listens there yet.
fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// A collector that hands on what it gets.
fn collector(folder: &Path, to: u16) -> (Background, u16, u16) {
    let (http, grpc) = (free_port(), free_port());
    let found = Command::new(python())
        .args(["-c", "import rotel, os; print(os.path.dirname(rotel.__file__))"])
        .output()
        .unwrap();
    let package = String::from_utf8(found.stdout).unwrap();
    let child = Command::new(Path::new(package.trim()).join("rotel-agent"))
        .args([
            "start",
            "--pid-file",
            "rotel.pid",
            "--log-file",
            "rotel.log",
            "--exporter",
            "otlp",
            "--otlp-exporter-protocol",
            "http",
        ])
        .args(["--otlp-exporter-endpoint", &format!("http://127.0.0.1:{to}")])
        .args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")])
        .args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")])
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let collector = Background(child);
    let end = Instant::now() + DEADLINE;
    for port in [http, grpc] {
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "no collector at port {port}");
            thread::sleep(Duration::from_millis(10));
        }
    }
    (collector, http, grpc)
}

fn through_a_collector(sink: impl Fn(u16, u16) -> String) {
    let folder = tempfile::tempdir().unwrap();
    let decoder = Decoder::start();
    let (_collector, http, grpc) = collector(folder.path(), decoder.port);
    let (_, lines) = trace(folder.path(), &[sink(http, grpc)], &["-e", "*", "-n", "3000"]);
    let records = decoder.records(lines.len());
    let encoding = records[0]["encoding"].as_str().map(str::to_owned);
    compare(&records, &lines, "/v1/logs", encoding.as_deref());
}

#[test]
#[ignore = "needs python (the packages of xtask)"]
fn a_collector_hands_on_what_came_by_http() {
    through_a_collector(|http, _| format!("otlp+http://127.0.0.1:{http}?compress=gzip"));
}

#[cfg(feature = "otlp-grpc")]
#[test]
#[ignore = "needs python (the packages of xtask)"]
fn a_collector_hands_on_what_came_by_grpc() {
    through_a_collector(|_, grpc| format!("otlp+grpc://127.0.0.1:{grpc}"));
    through_a_collector(|_, grpc| format!("otlp+grpc://127.0.0.1:{grpc}?compress=gzip"));
}

#[cfg(feature = "parquet")]
#[test]
#[ignore = "needs python (the packages of xtask)"]
fn duckdb_reads_the_same_from_parquet_as_from_lines() {
    for query in ["", "?rotate_size=64K&keep=1000"] {
        let folder = tempfile::tempdir().unwrap();
        let sink = format!("parquet:{}{query}", folder.path().join("events.parquet").display());
        let (_, lines) = trace(folder.path(), &[sink], &["-e", "*"]);
        let files = fs::read_dir(folder.path()).unwrap().count() - 1;
        assert!(if query.is_empty() { files == 1 } else { files > 1 }, "{files}");
        let output = Command::new(python())
            .arg(script("parquet.py"))
            .arg(folder.path().join("lines.json"))
            .arg(folder.path().join("events.parquet*"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), lines.len().to_string());
    }
}

#[test]
fn what_is_wrong_with_a_sink_is_said_before_anything_is_done() {
    const USAGE: i32 = 2;
    let said = |sink: &str, variable: (&str, &str)| {
        let output = Command::new(env!("CARGO_BIN_EXE_ctrace"))
            .args(["trace", "--demo", "-o", sink])
            .env(variable.0, variable.1)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(USAGE), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let none = ("OTEL_EXPORTER_OTLP_HEADERS", "");
    assert!(said("otlp+http://me:hunter2@c:4318", none).contains("OTEL_EXPORTER_OTLP_HEADERS"));
    assert!(said("otlp+http://c:4318?compress=zstd", none).contains("gzip or none"));
    let error = said("otlp+http://c:4318", ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2"));
    assert!(error.contains("NAME=VALUE") && !error.contains("hunter2"), "{error}");
    assert!(said("otlp+http://c:4318", ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")).contains("milliseconds"));
    if !cfg!(feature = "otlp-grpc") {
        assert!(said("otlp+grpc://c:4317", none).contains("--features otlp-grpc"));
    }
    if !cfg!(feature = "parquet") {
        assert!(said("parquet:x", none).contains("--features parquet"));
    }
}
