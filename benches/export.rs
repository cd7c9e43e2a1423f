//! Events per second to a file and to a socket, beside bpftrace and perf trace: `cargo xtask bench export`, as root.
//!
//! A producer calls `getppid` for two seconds, at rising rates and as fast as it can, and each consumer writes one line a
//! call. What a consumer slows its producer down by is of the unthrottled rate, over the producer alone in the same round.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "it prints a measurement, and stops at what it did not expect"
)]

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::getppid;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// The word by which this program is its own producer.
const PRODUCE: &str = "--produce";
const TIME: Duration = Duration::from_secs(2);
/// Calls a second; 0: as fast as it can.
const RATES: [u64; 5] = [100_000, 300_000, 1_000_000, 2_000_000, 0];
/// Of the unthrottled rate, on which the slow-down rests.
const ROUNDS: usize = 3;
/// The rate is kept in pieces of this length.
const PIECE: Duration = Duration::from_millis(1);
/// Calls between two looks at the clock.
const UNLOOKED: u64 = 1000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Consumer {
    Nobody,
    CtraceFile,
    CtraceTcp,
    Bpftrace,
    PerfTrace,
}

use Consumer::{Bpftrace, CtraceFile, CtraceTcp, Nobody, PerfTrace};

/// What a producer says of itself.
struct Produced {
    calls: u64,
    time: Duration,
    cpu: Duration,
}

struct Row {
    consumer: Consumer,
    rate: u64,
    produced: Produced,
    /// None: it does not tell.
    delivered: Option<u64>,
    /// Of a core, while the producer ran. None: perf does not wait for its command, so the two cannot be told apart.
    cpu: Option<f64>,
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args.get(1).is_some_and(|word| word == PRODUCE) {
        return produce(args[2].parse().unwrap());
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let consumers = consumers();
    let mut rows = Vec::new();
    for rate in RATES {
        for _ in 0..if rate == 0 { ROUNDS } else { 1 } {
            // Side by side, so that what else the machine does meets all of them.
            for &consumer in &consumers {
                rows.push(measure(consumer, rate, folder.path()));
            }
        }
    }
    println!("consumer     asked/s   produced/s  delivered/s     lost  tracer CPU  ns/call  slow-down");
    let lines: Vec<Value> = summarize(&consumers, &rows);
    for line in &lines {
        let number = |key: &str| line[key].as_f64().map_or_else(|| "-".to_owned(), |n| format!("{n:.0}"));
        println!(
            "{:<11} {:>8} {:>12} {:>12} {:>8} {:>11} {:>8} {:>10}",
            line["consumer"].as_str().unwrap(),
            line["asked_per_s"].as_u64().map_or_else(|| "all".to_owned(), |rate| rate.to_string()),
            number("produced_per_s"),
            number("delivered_per_s"),
            number("lost"),
            line["tracer_cpu"]
                .as_f64()
                .map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0)),
            number("ns_per_call"),
            line["slow_down"].as_f64().map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
        );
    }
    keep(&lines);
}

/// Those that are here; of the others it says why not.
fn consumers() -> Vec<Consumer> {
    let mut consumers = vec![Nobody, CtraceFile, CtraceTcp];
    for (consumer, program) in [(Bpftrace, "bpftrace"), (PerfTrace, "perf")] {
        if Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok() {
            consumers.push(consumer);
        } else {
            println!("SKIPPED {program}: it is not installed");
        }
    }
    consumers
}

/// `getppid` for [`TIME`]; then says what it did.
fn produce(rate: u64) {
    let start = Instant::now();
    let mut calls: u64 = 0;
    let mut piece = 0;
    while start.elapsed() < TIME {
        let wanted = if rate == 0 { UNLOOKED } else { rate * PIECE.as_micros() as u64 / 1_000_000 };
        for _ in 0..wanted {
            // Never from a cache: the C library is not asked.
            std::hint::black_box(getppid());
        }
        calls += wanted;
        piece += 1;
        if rate > 0 {
            // It does not sleep: a sleep is longer than asked for, and a call.
            while start.elapsed() < PIECE * piece {
                std::hint::spin_loop();
            }
        }
    }
    let time = start.elapsed();
    let cpu = Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap();
    println!("produced {calls} {} {}", time.as_nanos(), cpu.as_nanos());
}

fn measure(consumer: Consumer, rate: u64, folder: &Path) -> Row {
    let own = std::env::current_exe().unwrap();
    let output = folder.join("output");
    let words = [own.to_str().unwrap().to_owned(), PRODUCE.to_owned(), rate.to_string()];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = match consumer {
        Nobody => Command::new(&own),
        CtraceFile | CtraceTcp => Command::new(env!("CARGO_BIN_EXE_ctrace")),
        Bpftrace => Command::new("bpftrace"),
        PerfTrace => Command::new("perf"),
    };
    match consumer {
        Nobody => command.args(&words[1..]),
        CtraceFile => command.args(ctrace_args(output.to_str().unwrap())).args(&words),
        CtraceTcp => {
            command.args(ctrace_args(&format!("tcp://{}", listener.local_addr().unwrap()))).args(&words)
        }
        Bpftrace => command.args(["-e", &bpftrace(), "-o"]).arg(&output).arg("-c").arg(words.join(" ")),
        PerfTrace => command.args(["trace", "-e", "getppid", "-o"]).arg(&output).arg("--").args(&words),
    };
    let receiver = (consumer == CtraceTcp).then(|| thread::spawn(move || receive(&listener)));
    let before = children_cpu();
    let said = said(&mut command);
    let used = children_cpu().saturating_sub(before);
    let produced = said.lines().find_map(parse).unwrap_or_else(|| unreachable!("no figures: {said}"));
    let delivered = match consumer {
        Nobody => None,
        CtraceFile | Bpftrace | PerfTrace => Some(lines(BufReader::new(File::open(&output).unwrap()))),
        CtraceTcp => receiver.map(|receiver| receiver.join().unwrap()),
    };
    let _ = fs::remove_file(&output);
    let cpu = (consumer != PerfTrace)
        .then(|| used.saturating_sub(produced.cpu).as_secs_f64() / produced.time.as_secs_f64());
    Row { consumer, rate, produced, delivered, cpu }
}

fn ctrace_args(output: &str) -> [&str; 8] {
    ["run", "-e", "getppid", "--format", "json", "-o", output, "--"]
}

/// Of `getppid`.
const NUMBER: u16 = if cfg!(target_arch = "x86_64") { 110 } else { 173 };

/// One line a call, with what ctrace prints of it.
fn bpftrace() -> String {
    format!(
        r#"
        tracepoint:raw_syscalls:sys_enter /pid == cpid && args->id == {NUMBER}/ {{ @start[tid] = nsecs; }}
        tracepoint:raw_syscalls:sys_exit /pid == cpid && args->id == {NUMBER}/ {{
            printf("getppid %llu %d %d %d %s %d %d\n",
                nsecs, pid, tid, uid, comm, args->ret, nsecs - @start[tid]);
        }}
        "#
    )
}

/// Each consumer names the call in the line, and in no other.
fn lines(mut from: impl BufRead) -> u64 {
    let (mut count, mut line) = (0, Vec::new());
    while from.read_until(b'\n', &mut line).unwrap() > 0 {
        // ctrace's own records name it, too, when they tell of the command; perf's have it behind a time.
        count += u64::from(line.windows(7).any(|word| word == b"getppid"));
        line.clear();
    }
    count
}

fn receive(listener: &TcpListener) -> u64 {
    lines(BufReader::with_capacity(1 << 20, listener.accept().unwrap().0))
}

/// What it printed on both; it inherits nothing.
fn said(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn parse(line: &str) -> Option<Produced> {
    let mut numbers = line.strip_prefix("produced ")?.split(' ').map(|word| word.parse::<u64>().unwrap());
    let (calls, time, cpu) = (numbers.next()?, numbers.next()?, numbers.next()?);
    Some(Produced { calls, time: Duration::from_nanos(time), cpu: Duration::from_nanos(cpu) })
}

/// Of all that was waited for, in ticks of 10 ms.
/// <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>
fn children_cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    // cutime and cstime: fields 16 and 17, of which the first here is 3.
    let ticks: u64 = fields[13].parse::<u64>().unwrap() + fields[14].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

/// One line for each consumer and rate, of the round in the middle.
fn summarize(consumers: &[Consumer], rows: &[Row]) -> Vec<Value> {
    let each = |row: &Row| row.produced.time.as_secs_f64() / row.produced.calls as f64;
    let of = |consumer: Consumer, rate: u64| {
        let mut rows: Vec<&Row> =
            rows.iter().filter(|row| row.consumer == consumer && row.rate == rate).collect();
        rows.sort_unstable_by(|a, b| each(a).total_cmp(&each(b)));
        rows[rows.len() / 2]
    };
    let pairs = RATES.iter().flat_map(|&rate| consumers.iter().map(move |&consumer| (consumer, rate)));
    let line = |(consumer, rate): (Consumer, u64)| {
        let row = of(consumer, rate);
        let (calls, time) = (row.produced.calls, row.produced.time.as_secs_f64());
        let unthrottled = rate == 0;
        json!({
            "consumer": consumer.name(),
            "asked_per_s": (!unthrottled).then_some(rate),
            "produced_per_s": calls as f64 / time,
            "delivered_per_s": row.delivered.map(|delivered| delivered as f64 / time),
            "lost": row.delivered.map(|delivered| calls.saturating_sub(delivered)),
            "tracer_cpu": row.cpu,
            "ns_per_call": unthrottled.then(|| each(row) * 1e9),
            "slow_down": unthrottled.then(|| each(row) / each(of(Nobody, rate))),
        })
    };
    pairs.map(line).collect()
}

impl Consumer {
    const fn name(self) -> &'static str {
        match self {
            Nobody => "nobody",
            CtraceFile => "ctrace file",
            CtraceTcp => "ctrace tcp",
            Bpftrace => "bpftrace",
            PerfTrace => "perf trace",
        }
    }
}

/// Beside the bench, by date.
fn keep(lines: &[Value]) {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let version = |program: &str| {
        let output = Command::new(program).arg("--version").output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let date = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let result = json!({
        "date": date,
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "cpu": model.map(|(_, model)| model),
        "cores": thread::available_parallelism().map(usize::from).ok(),
        "versions": {
            "ctrace": version(env!("CARGO_BIN_EXE_ctrace")),
            "bpftrace": version("bpftrace"),
            "perf": version("perf"),
        },
        "seconds": TIME.as_secs(),
        "rounds_unthrottled": ROUNDS,
        "rows": lines,
    });
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/results");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("export-{date}.json"));
    fs::write(&file, format!("{result:#}\n")).unwrap();
    println!("kept in benches/results/export-{date}.json");
}
