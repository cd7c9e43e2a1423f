//! `--metrics` as Prometheus sees it, and processes that are chosen.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::ctrace::{attached, ctrace};
use crate::support::engine::{Container, Kind, Launch};
use crate::support::json::{at, lines};
use crate::support::process::{Process, program, run};
use crate::support::wait::until;

/// Body of the answer.
fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(std::time::Duration::from_secs(10))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.lines().next()?.ends_with("200 OK").then(|| body.to_owned())
}

/// Of a trace with `--metrics 127.0.0.1:0`.
fn address(trace: &Process) -> String {
    trace.stderr_line("the address of the metrics", |line| {
        Some(line.split_once("http://")?.1.strip_suffix("/metrics")?.to_owned())
    })
}

/// Sum over all series of a metric that have this in their labels; None: there are none.
fn value(text: &str, name: &str, label: &str) -> Option<u64> {
    let series = text.lines().filter(|line| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])) && line.contains(label)
    });
    series.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).reduce(|a, b| a + b)
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox, promtool"]
fn metrics_tell_of_events_and_containers() {
    let engine = Kind::Runc.engine();
    let trace =
        attached(&["trace", "-e", "process.*", "--metrics", "127.0.0.1:0", "--metrics-containers", "100"]);
    let address = address(&trace);
    assert_eq!(get(&address, "/healthz").as_deref(), Some("ok\n"));
    let container = Container::new(&*engine);
    container.run(&Launch::new(&["sh", "-c", "cat /nowhere; cat /etc/hostname"])).expect(0);
    let id = format!("container_id=\"{}\"", container.id());
    let text = until("the container's series", || {
        let text = get(&address, "/metrics")?;
        (value(&text, "ctrace_container_syscalls_failed_total", &id)? > 0
            && value(&text, "ctrace_events_delivered_total", "process.exit")? > 1)
            .then_some(text)
    });
    assert!(value(&text, "ctrace_container_syscalls_total", &id).unwrap() > 20, "{text}");
    assert!(value(&text, "ctrace_events_seen_total", "").unwrap() > 2, "{text}");
    assert_eq!(value(&text, "ctrace_events_delivered_total", "\"syscall\""), Some(0), "{text}");
    assert!(value(&text, "process_resident_memory_bytes", "").unwrap() > 1 << 20, "{text}");

    let mut check = program("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    check.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let checked = check.wait_with_output().unwrap();
    assert!(checked.status.success() && checked.stderr.is_empty(), "{checked:?}");

    // Its series go with it, the totals stay.
    let text = until("the end of the container's series", || {
        let text = get(&address, "/metrics")?;
        value(&text, "ctrace_container_syscalls_total", &id).is_none().then_some(text)
    });
    assert!(value(&text, "ctrace_events_delivered_total", "process.exit").unwrap() > 1, "{text}");
    let done = trace.interrupt().expect(0);
    assert!(get(&address, "/healthz").is_none(), "{done:?}");
}

#[test]
#[ignore = "needs root, BTF, prometheus"]
fn prometheus_reads_them() {
    // The host, too: or its calls would no longer be seen once it is known that nobody wants them.
    let trace = attached(&["trace", "--host", "--denied", "--metrics", "127.0.0.1:0"]);
    let target = address(&trace);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("prometheus.yml");
    let scrape = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: ctrace\n  static_configs: [{{targets: [\"{target}\"]}}]\n"
    );
    std::fs::write(&config, scrape).unwrap();
    // Free a moment ago.
    let own = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let _prometheus = Process::start(
        Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={own}")),
    );
    let query = |what: &str| -> Option<String> {
        let answer: Value = serde_json::from_str(&get(&own, &format!("/api/v1/query?query={what}"))?).ok()?;
        Some(answer["data"]["result"][0]["value"][1].as_str()?.to_owned())
    };
    until("a successful scrape", || query("up").filter(|up| up == "1"));
    let seen = || query("ctrace_events_seen_total")?.parse::<u64>().ok();
    let before = until("the number of events", seen);
    until("more events", || {
        run(Command::new("true").env_clear()).expect(0);
        seen().filter(|now| *now > before)
    });
    let kind = until("the type", || {
        let answer: Value =
            serde_json::from_str(&get(&own, "/api/v1/metadata?metric=process_cpu_seconds_total")?).ok()?;
        Some(answer["data"]["process_cpu_seconds_total"][0]["type"].as_str()?.to_owned())
    });
    assert_eq!(kind, "counter");
    trace.interrupt().expect(0);
}

#[test]
#[ignore = "needs root, BTF"]
fn a_taken_address_is_an_error_before_anything_is_attached() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let done = run(&mut ctrace(&["trace", "--metrics", &address])).expect(1);
    assert!(
        done.stderr.contains(&format!("cannot serve metrics at {address}"))
            && done.stderr.contains("EADDRINUSE"),
        "{done:?}"
    );
}

#[test]
#[ignore = "needs root, BTF"]
fn processes_are_chosen_by_their_name() {
    let script = "cat /etc/hostname; true; /bin/echo x";
    let words = [
        "run",
        "-e",
        "process.exit",
        "--format",
        "json",
        "--filter",
        "comm=cat",
        "--filter",
        "uid=0",
        "-o",
        "/dev/stderr",
        "--",
        "sh",
        "-c",
        script,
    ];
    let done = run(&mut ctrace(&words)).expect(0);
    // Beside what `sh` and its commands print.
    let json: Vec<&str> = done.stderr.lines().filter(|line| line.starts_with('{')).collect();
    let events = lines(&json.join("\n"));
    let names: Vec<_> = events
        .iter()
        .filter(|event| *at(event, "event.name") == *"process.exit")
        .map(|event| at(event, "process.executable.name").as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(names, ["cat"], "{done:?}");
}
