//! Where events go, from the outside: receivers that stall, leave and come back, full disks, closed pipes. All of it
//! from recordings, without privileges.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test stops at what it did not expect"
)]
#![allow(dead_code, reason = "other tests use the rest of the support")]

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, thread};

use rustix::process::Signal;
use tempfile::TempDir;

mod support {
    #[path = "json.rs"]
    pub mod json;
    #[path = "load.rs"]
    pub mod load;
    #[path = "process.rs"]
    pub mod process;
    #[path = "schema.rs"]
    pub mod schema;
    #[path = "wait.rs"]
    pub mod wait;
}

use support::json::{lines, parse};
use support::load::{books, complete, numbers, recording};
use support::process::{Process, run};
use support::wait::until;

struct Load {
    folder: TempDir,
    recording: PathBuf,
}

impl Load {
    fn new(thousands: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        recording(&path, thousands);
        Self { folder, recording: path }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `ctrace trace` of the recording's exits.
    fn trace(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ctrace"));
        command.args(["trace", "-e", "process.exit", "--format", "json", "--replay"]);
        command.arg(&self.recording).args(words);
        command
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn text(from: &mut impl Read) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn several_sinks_get_the_same() {
    let load = Load::new(20);
    let (file, socket) = (load.path("x.json"), load.path("socket"));
    let listener = UnixListener::bind(&socket).unwrap();
    let reader = thread::spawn(move || text(&mut listener.accept().unwrap().0));
    let words = [
        "-o",
        "stdout:?format=text",
        "-o",
        file.to_str().unwrap(),
        "-o",
        &format!("unix:{}", socket.display()),
        "--fail-on-loss",
    ];
    let done = run(&mut load.trace(&words)).expect(0);
    let lines = read(&file);
    complete(&numbers(&lines), 20_000);
    assert!(reader.join().unwrap() == lines, "the same bytes to everybody");
    assert_eq!(done.stdout.lines().count(), 20_000);
    assert!(done.stderr.contains("none lost"), "{done:?}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    run(&mut load.trace(&["-o", file.to_str().unwrap()])).expect(0);
    let longer = read(&file);
    assert!(longer.starts_with(&lines) && longer.lines().count() == 2 * 20_002, "appended");
}

#[test]
fn a_stalled_receiver_loses_alone_and_the_books_say_so() {
    let load = Load::new(50);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let file = load.path("x.json");
    let sink = format!("tcp://{address}");
    let words = [
        "-o",
        &format!("{sink}?queue=128K&on_full=drop"),
        "-o",
        file.to_str().unwrap(),
        "--flush-timeout",
        "200ms",
        "--fail-on-loss",
    ];
    let trace = Process::start(&mut load.trace(&words));
    // It is connected and reads nothing.
    let mut connection = listener.accept().unwrap().0;
    let done = trace.wait().expect(7);
    let all = numbers(&read(&file));
    let last = read(&file).lines().last().map(parse).unwrap();
    let (delivered, queue, failed) = books(&last, &sink);
    assert_eq!(delivered + queue + failed, 50_000);
    assert!(queue > 30_000, "{last}");
    assert_eq!(books(&last, &format!("file:{}", file.display())), (50_000, 0, 0));
    assert!(all.len() as u64 > 50_002, "losses are told as they happen");
    let told: u64 = lines(&read(&file))
        .iter()
        .filter(|line| line["lost"]["sink"] == *sink)
        .map(|line| line["lost"]["count"].as_u64().unwrap())
        .sum();
    assert_eq!(told, queue + failed);
    assert!(done.stderr.contains(&format!("{sink}: {delivered} delivered, LOST")), "{done:?}");
    // What it had taken is at least what was said, and the last line may be cut: nobody completes it any more.
    let got = text(&mut connection);
    let whole = got.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let events = whole.lines().filter(|line| parse(line)["event"]["name"] == "process.exit").count() as u64;
    assert!(events >= delivered, "{events} arrived of {delivered}");
}

#[test]
fn a_receiver_that_dies_and_comes_back_gets_whole_lines() {
    let load = Load::new(100);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let trace = Process::start(&mut load.trace(&["-o", &format!("tcp://{address}")]));
    // The first one reads a little and dies.
    let first = BufReader::new(listener.accept().unwrap().0);
    drop(listener);
    let read: Vec<_> = first.lines().take(100).map(|line| parse(&line.unwrap())).collect();
    assert_eq!(read.len(), 100);
    trace.stderr_line("the word that it has gone", |line| line.contains("(ECONNREFUSED)").then_some(()));
    let listener = TcpListener::bind(address).unwrap();
    let second = text(&mut listener.accept().unwrap().0);
    let done = trace.wait();
    assert!(done.stderr.contains("takes events again"), "{done:?}");
    let after = numbers(&second);
    assert!(after.windows(2).all(|pair| pair[0] + 1 == pair[1]), "no gap and no line twice");
    let stop = second.lines().last().map(parse).unwrap();
    let (delivered, queue, failed) = books(&stop, &format!("tcp://{address}"));
    assert_eq!((delivered, queue, failed), (100_000, 0, 0), "a recording waits, and a cut line goes again");
}

#[test]
fn a_receiver_that_is_not_there_is_waited_for_until_the_end_is_asked_for() {
    let load = Load::new(100);
    let socket = load.path("socket");
    let sink = format!("unix:{}", socket.display());
    let words = ["-o", &format!("{sink}?queue=128K"), "--flush-timeout", "100ms"];
    let trace = Process::start(&mut load.trace(&words));
    trace.stderr_line("the word that it waits", |line| line.contains("everything waits").then_some(()));
    trace.signal(Signal::TERM);
    let done = trace.wait().expect(1);
    assert!(done.stderr.contains("LOST"), "{done:?}");
    assert!(!done.stderr.contains("unaccounted"), "{done:?}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let load = Load::new(100);
    let sink = format!("unix:{}?queue=128K", load.path("nobody").display());
    let trace = Process::start(&mut load.trace(&["-o", &sink, "--flush-timeout", "1h"]));
    trace.stderr_line("the word that it waits", |line| line.contains("everything waits").then_some(()));
    trace.signal(Signal::INT);
    // They must not be taken for one.
    until("the end after more signals", || {
        trace.signal(Signal::INT);
        (!Path::new(&format!("/proc/{}/task/{}/children", trace.pid(), trace.pid())).exists()
            || read_state(trace.pid()).is_none_or(|state| state == 'Z'))
        .then_some(())
    });
    trace.wait().expect(130);
}

fn read_state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

#[test]
fn a_full_device_is_lost_events_and_a_failure() {
    let load = Load::new(10);
    let done = run(&mut load.trace(&["-o", "/dev/full", "--on-full", "drop"])).expect(1);
    assert!(done.stderr.contains("(ENOSPC)") && done.stderr.contains("LOST 10000 (10000 sink)"), "{done:?}");
    let words = ["-o", "/dev/full", "--on-full", "drop", "--fail-on-loss"];
    run(&mut load.trace(&words)).expect(7);
    let done = run(&mut load.trace(&["-o", "/no/such/folder/x"])).expect(1);
    assert!(done.stderr.contains("cannot write to /no/such/folder/x"), "{done:?}");
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let load = Load::new(100);
    let binary = env!("CARGO_BIN_EXE_ctrace");
    let script = "\"$0\" trace -e process.exit --replay \"$1\" | head -n 3; echo ${PIPESTATUS[0]}";
    let done = run(Command::new("bash").args(["-c", script, binary]).arg(&load.recording)).expect(0);
    assert_eq!(done.stdout.lines().count(), 4, "{done:?}");
    assert!(done.stdout.ends_with("\n0\n"), "{done:?}");
    assert!(!done.stderr.contains("WARN") && done.stderr.contains("none lost"), "{done:?}");
}

#[test]
fn one_event_in_each_datagram() {
    let load = Load::new(1);
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let path = load.path("datagrams");
    let unix = UnixDatagram::bind(&path).unwrap();
    // The kernel keeps but a few datagrams for a unix socket.
    let reader = thread::spawn(move || {
        let mut numbers = Vec::new();
        let mut datagram = [0; 9000];
        loop {
            let len = unix.recv(&mut datagram).unwrap();
            let event = parse(std::str::from_utf8(&datagram[..len]).unwrap());
            numbers.push(event["event"]["seq"].as_u64().unwrap());
            if event["event"]["name"] == "ctrace.stop" {
                return numbers;
            }
        }
    });
    let words = [
        "-o",
        &format!("udp://{}", udp.local_addr().unwrap()),
        "-o",
        &format!("unix-dgram:{}", path.display()),
    ];
    run(&mut load.trace(&words)).expect(0);
    complete(&reader.join().unwrap(), 1000);
    let mut datagram = [0; 9000];
    let len = udp.recv(&mut datagram).unwrap();
    assert_eq!(parse(std::str::from_utf8(&datagram[..len]).unwrap())["event"]["name"], "ctrace.start");
}

#[test]
fn files_are_rotated_and_compressed_without_losing_a_line() {
    let load = Load::new(50);
    for (compress, suffix) in [("none", ""), ("gzip", ".gz")] {
        let folder = tempfile::tempdir_in(load.folder.path()).unwrap();
        let file = folder.path().join("x.json");
        let sink = format!("file:{}?rotate_size=2M&keep=20&compress={compress}", file.display());
        run(&mut load.trace(&["-o", &sink])).expect(0);
        let entries = fs::read_dir(folder.path()).unwrap();
        let files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        let second = folder.path().join(format!("x.json.2{suffix}"));
        assert!(files.contains(&folder.path().join("x.json.1")) && files.contains(&second), "{files:?}");
        let mut all = Vec::new();
        for path in &files {
            // Prints what is not compressed as it is.
            let whole = run(Command::new("zcat").arg("-f").arg(path)).expect(0).stdout;
            // While older ones are compressed a file may grow beyond its limit.
            assert!(compress != "none" || whole.len() <= 2 << 20, "{}", path.display());
            all.extend(numbers(&whole));
        }
        complete(&all, 50_000);
    }
}

#[test]
fn sinks_that_make_no_sense_are_refused() {
    const USAGE: i32 = 2;
    let load = Load::new(1);
    for (words, part) in [
        (&["-o", "file:x?fromat=json"][..], "did you mean `format`?"),
        (&["-o", "-", "-o", "-"], "given twice"),
        (&["--rotate-size", "lots"], "expected a size"),
        (&["--on-full", "wait"], "possible values: drop, block"),
    ] {
        let done = run(load.trace(words).current_dir(load.folder.path())).expect(USAGE);
        assert!(done.stderr.contains(part), "{done:?}");
    }
}

#[test]
fn a_peer_that_hangs_up_while_nothing_comes_is_noticed_before_the_next_line() {
    use tracer::delivery::{Progress, Receiver, Stream};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut stream = Stream::tcp(listener.local_addr().unwrap().to_string());
    assert_eq!(stream.deliver(b"one\n").done, Progress::ALL);
    let mut line = [0; 4];
    let mut peer: TcpStream = listener.accept().unwrap().0;
    peer.read_exact(&mut line).unwrap();
    drop(peer);
    assert_eq!(stream.deliver(b"two\n").done, Progress::ALL);
    listener.accept().unwrap().0.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"two\n");
}
