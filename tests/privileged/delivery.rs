//! Receivers that others wrote: rsyslog, logrotate, and a disk that is full. Events come from a recording.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::ctrace::ctrace;
use crate::support::json::{lines, parse};
use crate::support::load::{books, complete, numbers, recording};
use crate::support::process::{Process, program, run};
use crate::support::wait::until;

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

    fn trace(&self, words: &[&str]) -> Command {
        let replay = self.recording.to_str().unwrap();
        let mut all = vec!["trace", "-e", "process.exit", "--format", "json", "--replay", replay];
        all.extend(words);
        ctrace(&all)
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// rsyslog with RFC 5424 in octet-counted frames over TCP, and bare lines over a unix socket.
struct Rsyslog {
    process: Process,
    port: u16,
}

impl Rsyslog {
    /// What it gets is in `heads` and `messages`, and in `lines`.
    fn start(load: &Load) -> Self {
        let folder = load.folder.path().display();
        let config = format!(
            r#"
global(workDirectory="{folder}" maxMessageSize="64k")
module(load="imtcp")
module(load="imptcp")
module(load="mmjsonparse")
template(name="head" type="string" string="%syslogfacility-text%.%syslogseverity-text% %hostname% %app-name% %procid% %msgid%\n")
template(name="json" type="string" string="%$!all-json%\n")
template(name="raw" type="string" string="%rawmsg%\n")
ruleset(name="syslog") {{
    action(type="omfile" file="{folder}/heads" template="head")
    action(type="mmjsonparse" cookie="")
    action(type="omfile" file="{folder}/messages" template="json")
}}
ruleset(name="lines") {{ action(type="omfile" file="{folder}/lines" template="raw") }}
input(type="imtcp" address="127.0.0.1" port="0" listenPortFileName="{folder}/port" ruleset="syslog")
input(type="imptcp" path="{folder}/socket" ruleset="lines")
"#
        );
        let path = load.path("rsyslog.conf");
        fs::write(&path, config).unwrap();
        let mut rsyslog = program("rsyslogd");
        rsyslog.arg("-n").arg("-f").arg(&path).arg("-i").arg(load.path("pid"));
        let process = Process::start(&mut rsyslog);
        let port = until("the port of rsyslog", || read(&load.path("port")).trim().parse::<u16>().ok());
        until("the socket of rsyslog", || load.path("socket").exists().then_some(()));
        Self { process, port }
    }

    fn end(self) {
        self.process.signal(Signal::TERM);
        self.process.wait();
    }
}

#[test]
#[ignore = "needs root, rsyslogd"]
fn rsyslog_gets_every_event() {
    const EVENTS: u64 = 20_000;
    let load = Load::new(EVENTS / 1000);
    let rsyslog = Rsyslog::start(&load);
    let port = rsyslog.port;
    let file = load.path("x.json");
    let words = [
        "-o",
        &format!("syslog+tcp://127.0.0.1:{port}"),
        "-o",
        &format!("unix:{}", load.path("socket").display()),
        "-o",
        file.to_str().unwrap(),
        "--fail-on-loss",
    ];
    let trace = Process::start(&mut load.trace(&words));
    let ctrace = trace.pid();
    trace.wait().expect(0);
    let all = |name: &str| read(&load.path(name)).lines().count() as u64 == EVENTS + 2;
    until("every message in rsyslog's files", || {
        (all("messages") && all("lines") && all("heads")).then_some(())
    });
    assert!(read(&load.path("lines")) == read(&file), "the same lines");
    let sent = lines(&read(&file));
    assert!(lines(&read(&load.path("messages"))) == sent, "the same values");
    let heads = read(&load.path("heads"));
    assert_eq!(heads.lines().next().unwrap(), format!("local0.info node ctrace {ctrace} ctrace.start"));
    assert_eq!(heads.lines().nth(1).unwrap(), format!("local0.info node ctrace {ctrace} process.exit"));
    rsyslog.end();
}

/// Peak of a process's memory, KiB.
fn peak(pid: u32) -> u64 {
    let status = read(Path::new(&format!("/proc/{pid}/status")));
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it still runs");
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

/// It stops as one that swaps or hangs, with its sockets open, and goes on later.
#[test]
#[ignore = "needs root, rsyslogd"]
fn a_rsyslog_that_stops_costs_neither_memory_nor_the_others() {
    const EVENTS: u64 = 200_000;
    let load = Load::new(EVENTS / 1000);
    let rsyslog = Rsyslog::start(&load);
    let file = load.path("x.json");
    let sink = format!("syslog+tcp://127.0.0.1:{}", rsyslog.port);
    let limited = format!("{sink}?queue=1M&on_full=drop");
    let trace = Process::start(&mut load.trace(&["-o", &limited, "-o", file.to_str().unwrap()]));
    let grown = |mib: u64| until("lines", || (fs::metadata(&file).ok()?.len() > mib << 20).then_some(()));
    grown(1);
    rsyslog.process.signal(Signal::STOP);
    let before = peak(trace.pid());
    grown(40);
    let after = peak(trace.pid());
    rsyslog.process.signal(Signal::CONT);
    trace.wait().expect(0);
    assert!(after - before < 16 << 10, "from {before} to {after} KiB while rsyslog stood still");

    let written = lines(&read(&file));
    let (delivered, queue, failed) = books(written.last().unwrap(), &sink);
    assert!(queue > 1000 && delivered + queue + failed == EVENTS, "{delivered} + {queue} + {failed}");
    let name = format!("file:{}", file.display());
    assert_eq!(books(written.last().unwrap(), &name), (EVENTS, 0, 0));
    let told = written.iter().filter(|line| line["lost"]["sink"] == *sink);
    assert_eq!(told.map(|line| line["lost"]["count"].as_u64().unwrap()).sum::<u64>(), queue + failed);
    until("what was delivered in rsyslog's file", || {
        let messages = read(&load.path("messages"));
        let exits = messages.lines().filter(|line| line.contains("\"process.exit\"")).count();
        (exits as u64 == delivered).then_some(())
    });
    rsyslog.end();
}

/// Reads a file that is moved away as a log shipper does: on in the new one, once there is something in it. Each part of
/// what it reads ends with a line's end. Up to the record that says that ctrace ends. `at`: which file it reads, by inode.
fn tailed(path: &Path, at: &AtomicU64) -> String {
    let mut text = String::new();
    let mut file = until("the file", || File::open(path).ok());
    until("the last record in the file that is followed", || {
        let inode = file.metadata().unwrap().ino();
        at.store(inode, Ordering::Relaxed);
        let next = fs::metadata(path).ok().filter(|next| next.ino() != inode && next.len() > 0);
        // After that nothing may come into the old one.
        file.read_to_string(&mut text).unwrap();
        if next.is_some() {
            assert!(text.ends_with('\n'), "a line is in two files");
            file = File::open(path).ok()?;
        }
        text.ends_with('\n').then(|| text.lines().last()).flatten()?.contains("\"ctrace.stop\"").then_some(())
    });
    text
}

/// Rotates with logrotate as long as `ctrace` writes, each time that `is_time`. What it wrote, the file itself last.
fn rotated(load: &Load, how: &str, is_time: impl Fn(&Path) -> bool) -> Vec<String> {
    let file = load.path("x.json");
    // In a session of its own, without a terminal: SIGHUP is for reopening.
    let mut command = program("setsid");
    let trace = load.trace(&["-o", file.to_str().unwrap(), "--fail-on-loss"]);
    let trace = Process::start(command.arg(trace.get_program()).args(trace.get_args()));
    until("the file", || file.exists().then_some(()));
    let config = load.path("logrotate.conf");
    let pid = trace.pid();
    let reopen = format!("postrotate\nkill -HUP {pid}\nendscript\n");
    let script = if how == "create" { reopen } else { String::new() };
    fs::write(&config, format!("{} {{\nrotate 1000\n{how}\n{script}}}\n", file.display())).unwrap();
    let mut rotations = 0;
    let ended = || read(Path::new(&format!("/proc/{pid}/stat"))).contains(") Z ");
    until("the end of ctrace", || {
        if ended() {
            return Some(());
        }
        if !is_time(&file) {
            return None;
        }
        let mut logrotate = program("logrotate");
        let done = run(logrotate.arg("--force").arg("--state").arg(load.path("state")).arg(&config));
        // Once ctrace has ended there is nobody to signal.
        assert!(done.code == 0 || ended(), "{done:?}");
        rotations += 1;
        None
    });
    trace.wait().expect(0);
    assert!(rotations > 2, "only {rotations} rotations while ctrace wrote");
    let older = (1..=1000).map(|nth| load.path(&format!("x.json.{nth}"))).take_while(|path| path.exists());
    let mut parts: Vec<String> = older.map(|path| read(&path)).collect();
    parts.reverse();
    parts.push(read(&file));
    parts
}

#[test]
#[ignore = "needs root, logrotate, setsid"]
fn logrotate_moves_files_away_and_no_line_is_lost() {
    const EVENTS: u64 = 100_000;
    let load = Load::new(EVENTS / 1000);
    let file = load.path("x.json");
    let at = Arc::new(AtomicU64::new(0));
    let tail = thread::spawn({
        let at = Arc::clone(&at);
        move || tailed(&file, &at)
    });
    // Who follows a name cannot know of a file that had it for less than a moment.
    let follows = |file: &Path| fs::metadata(file).is_ok_and(|now| now.ino() == at.load(Ordering::Relaxed));
    let parts = rotated(&load, "create", follows);
    assert!(tail.join().unwrap() == parts.concat(), "who follows the file reads the same");
    let all: Vec<u64> = parts.iter().flat_map(|part| numbers(part)).collect();
    complete(&all, EVENTS);
    assert!(all.is_sorted(), "a line went into an older file");
}

/// What comes between its copy and its cut is lost to logrotate, and where the copy ends a line may be torn: that cannot
/// be helped. All else is whole, in order, and there once.
#[test]
#[ignore = "needs root, logrotate, setsid"]
fn logrotate_cuts_files_off_and_no_line_is_doubled() {
    let parts = rotated(&Load::new(100), "copytruncate", |_| true);
    let whole = |part: &String| {
        let end = part.rfind('\n').map_or(0, |end| end + 1);
        numbers(&part[..end])
    };
    let all: Vec<u64> = parts.iter().flat_map(whole).collect();
    assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "doubled or out of order");
    let last = parts.last().unwrap();
    assert!(!last.contains('\0'), "a hole where the file was cut off");
    // How much is lost is up to the machine, but it is far less than what is kept.
    assert!(all.len() > 10_000, "{} lines", all.len());
}

/// A file system of that many MiB, unmounted when dropped.
struct Small(PathBuf);

impl Small {
    fn mount(path: PathBuf, mib: u32) -> Self {
        fs::create_dir(&path).unwrap();
        let options = format!("size={mib}m");
        run(program("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&path)).expect(0);
        Self(path)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        run(program("umount").arg(&self.0));
    }
}

#[test]
#[ignore = "needs root, mount"]
fn a_full_disk_tears_no_line_and_is_waited_for_on_request() {
    const EVENTS: u64 = 20_000;
    let load = Load::new(EVENTS / 1000);
    let disk = Small::mount(load.path("disk"), 10);
    let (file, filler) = (disk.0.join("x.json"), disk.0.join("filler"));
    fs::write(&filler, vec![0; 9 << 20]).unwrap();

    let other = load.path("other.json");
    let words = ["-o", file.to_str().unwrap(), "-o", other.to_str().unwrap(), "--on-full", "drop"];
    let done = run(&mut load.trace(&words)).expect(1);
    let stop = read(&other).lines().last().map(parse).unwrap();
    let (delivered, queue, lost) = books(&stop, &format!("file:{}", file.display()));
    assert_eq!(delivered + queue + lost, EVENTS);
    assert!(lost > EVENTS / 2, "{stop}");
    let written = numbers(&read(&file)).len() as u64;
    assert!(
        (delivered..=delivered + 2).contains(&written),
        "{written} lines of {delivered} delivered: {done:?}"
    );

    fs::remove_file(&file).unwrap();
    let trace = Process::start(&mut load.trace(&["-o", file.to_str().unwrap(), "--fail-on-loss"]));
    trace.stderr_line("the word that it waits", |line| {
        (line.contains("(ENOSPC)") && line.contains("everything waits")).then_some(())
    });
    fs::remove_file(&filler).unwrap();
    let done = trace.wait().expect(0);
    assert!(done.stderr.contains("takes events again"), "{done:?}");
    complete(&numbers(&read(&file)), EVENTS);
}
