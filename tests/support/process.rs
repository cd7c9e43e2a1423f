//! A program in the background, with what it prints at hand.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::wait::{until, until_or};

/// Killed when dropped.
pub struct Process {
    child: Child,
    command: String,
    stdout: Lines,
    stderr: Lines,
}

/// What a program has printed so far, line by line.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Printed>>);

#[derive(Default)]
struct Printed {
    lines: Vec<String>,
    closed: bool,
}

/// How a program ended.
#[derive(Debug)]
pub struct Done {
    pub command: String,
    /// As a shell's `$?`: 128 + signal for one that was killed.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Process {
    pub fn start(command: &mut Command) -> Self {
        let said = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {said}: {error}"));
        let stdout = Lines::read(child.stdout.take().expect("stdout is piped"));
        let stderr = Lines::read(child.stderr.take().expect("stderr is piped"));
        Self { child, command: said, stdout, stderr }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn stdout(&self) -> Vec<String> {
        self.stdout.so_far()
    }

    /// The first line on stdout, of those printed and to come, of which `pick` makes something.
    pub fn stdout_line<T>(&self, what: &str, pick: impl FnMut(&str) -> Option<T>) -> T {
        self.line(&self.stdout, what, pick)
    }

    pub fn stderr_line<T>(&self, what: &str, pick: impl FnMut(&str) -> Option<T>) -> T {
        self.line(&self.stderr, what, pick)
    }

    fn line<T>(&self, lines: &Lines, what: &str, mut pick: impl FnMut(&str) -> Option<T>) -> T {
        let mut read = 0;
        let look = || {
            let printed = lines.0.lock().expect("no reader panics");
            let found = printed.lines.iter().skip(read).find_map(|line| pick(line));
            read = printed.lines.len();
            // The end without it is an answer too.
            (found.is_some() || printed.closed).then_some(found)
        };
        let found = until_or(&format!("{what} from {}", self.command), look, || format!("\n{self}"));
        found.unwrap_or_else(|| panic!("{what}: {self} ended without it"))
    }

    fn raw_pid(&self) -> Pid {
        i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a child has a pid")
    }

    pub fn signal(&self, signal: Signal) {
        // It may have ended by itself: the caller looks at how.
        let _ = kill_process(self.raw_pid(), signal);
    }

    /// As a terminal does on Ctrl-C: to it and all that it has started. It must have been started with a
    /// process group of its own.
    pub fn interrupt_group(self) -> Done {
        let _ = kill_process_group(self.raw_pid(), Signal::INT);
        self.wait()
    }

    pub fn interrupt(self) -> Done {
        self.signal(Signal::INT);
        self.wait()
    }

    /// Waits for its end and that of its output.
    pub fn wait(mut self) -> Done {
        let status = until(&format!("the end of {}", self.command), || {
            self.child.try_wait().expect("a child can be waited for")
        });
        for lines in [&self.stdout, &self.stderr] {
            until(&format!("the end of the output of {}", self.command), || {
                lines.0.lock().expect("no reader panics").closed.then_some(())
            });
        }
        Done {
            command: self.command.clone(),
            code: status.code().or_else(|| status.signal().map(|s| 128 + s)).unwrap_or(-1),
            stdout: self.stdout.text(),
            stderr: self.stderr.text(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Once it was waited for, its pid may be somebody else's.
        if matches!(self.child.try_wait(), Ok(None)) {
            // No group of its own is the usual case.
            let _ = kill_process_group(self.raw_pid(), Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (out, err) = (self.stdout.text(), self.stderr.text());
        write!(f, "{}\n-- stdout:\n{out}-- stderr:\n{err}--", self.command)
    }
}

impl Lines {
    fn read(from: impl Read + Send + 'static) -> Self {
        let lines = Self::default();
        let shared = lines.clone();
        thread::spawn(move || {
            let mut from = BufReader::new(from);
            let mut line = Vec::new();
            while matches!(from.read_until(b'\n', &mut line), Ok(1..)) {
                let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
                shared.0.lock().expect("no reader panics").lines.push(text);
                line.clear();
            }
            shared.0.lock().expect("no reader panics").closed = true;
        });
        lines
    }

    fn so_far(&self) -> Vec<String> {
        self.0.lock().expect("no reader panics").lines.clone()
    }

    fn text(&self) -> String {
        self.so_far().into_iter().flat_map(|line| [line, "\n".to_owned()]).collect()
    }
}

impl Done {
    /// Fails, with all that was said, unless it ended with `code`.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        let Self { command, code: ended, stdout, stderr } = &self;
        assert_eq!(*ended, code, "exit code of {command}\n-- stdout:\n{stdout}-- stderr:\n{stderr}--");
        self
    }
}

/// Runs it to its end.
pub fn run(command: &mut Command) -> Done {
    Process::start(command).wait()
}

/// The program of that name; fails if it is missing.
pub fn program(name: &str) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    assert!(found, "`{name}` is not on the PATH: `cargo xtask test` installs it");
    Command::new(name)
}
