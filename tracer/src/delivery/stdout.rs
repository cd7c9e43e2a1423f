//! Standard output: a terminal, a pipe, or whatever the shell made of it.

use std::io::{self, Write};

use rustix::fd::AsFd;

use super::line::{self, Cut, Wire};
use super::{Failure, Late, Progress, Receiver};

/// Writes lines at once, many in one call.
pub struct Stdout<W> {
    to: W,
    /// Bytes of the next line that are written already.
    begun: usize,
    /// Of a line that a failure has cut: nobody else can complete it.
    rest: Vec<u8>,
}

impl<W: Write + AsFd> Stdout<W> {
    pub const fn new(to: W) -> Self {
        Self { to, begun: 0, rest: Vec::new() }
    }

    fn finish_line(&mut self) -> Option<Failure> {
        let (written, stop) = line::write(&mut self.to, &self.rest);
        self.rest.drain(..written);
        stop
    }
}

impl<W: Write + AsFd + Send> Receiver for Stdout<W> {
    fn deliver(&mut self, lines: &[u8]) -> Progress {
        if let Some(stop) = self.finish_line() {
            return Progress::none(stop);
        }
        let begun = std::mem::take(&mut self.begun);
        let (more, stop) = line::write(&mut self.to, lines.get(begun..).unwrap_or_default());
        let written = begun + more;
        let Cut { whole: mut done, begun } = Wire { bytes: lines, ends: None }.cut(written);
        match (&stop, begun) {
            (Some(Failure::Stalled), Some(line)) => self.begun = written - line.start,
            (Some(Failure::NoRoom(_) | Failure::Refused(_)), Some(line)) => {
                self.rest.extend_from_slice(lines.get(written..line.end).unwrap_or_default());
                done += 1;
            }
            _ => {}
        }
        Progress { done, stop, ..Progress::default() }
    }

    fn close(&mut self) -> Late {
        match self.finish_line() {
            None | Some(Failure::Closed) => Late::default(),
            Some(Failure::NoRoom(error) | Failure::Refused(error) | Failure::Unreachable(error)) => {
                Late { lost: 1, error: Some(error) }
            }
            Some(Failure::Stalled) => Late { lost: 1, error: None },
        }
    }
}

/// Unbuffered: `io::Stdout` would look for newlines in what are whole lines.
pub fn raw() -> io::Result<std::fs::File> {
    Ok(std::fs::File::from(rustix::io::dup(rustix::stdio::stdout())?))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;

    use rustix::pipe::{PipeFlags, pipe_with};

    use super::*;

    fn pipe() -> (File, Stdout<File>) {
        let (from, to) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        (from.into(), Stdout::new(to.into()))
    }

    #[test]
    fn a_pipe_that_is_full_gets_the_rest_of_the_line_later() {
        let (mut from, mut stdout) = pipe();
        let lines = ("x".repeat(8000) + "\n").repeat(20);
        let first = stdout.deliver(lines.as_bytes());
        assert!(matches!(first.stop, Some(Failure::Stalled)) && first.done == 8, "{first:?}");
        let mut got = vec![0; 64 << 10];
        from.read_exact(&mut got).unwrap();
        let left = &lines.as_bytes()[8 * 8001..];
        let second = stdout.deliver(&left[..8 * 8001]);
        assert!(second.stop.is_none() && second.done == Progress::ALL, "{second:?}");
        drop(stdout);
        from.read_to_end(&mut got).unwrap();
        assert!(got == lines.as_bytes()[..16 * 8001]);
    }

    #[test]
    fn a_closed_pipe_is_told_as_such() {
        let (from, mut stdout) = pipe();
        drop(from);
        let progress = stdout.deliver(b"a\n");
        assert!(matches!(progress.stop, Some(Failure::Closed)) && progress.done == 0, "{progress:?}");
        assert_eq!(stdout.close().lost, 0);
    }
}
