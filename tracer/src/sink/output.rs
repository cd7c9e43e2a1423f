//! Whole lines to a `Write`, many in one call.

use std::io::{self, ErrorKind, Write};

/// A pipe's default capacity: a write of this size empties in one read.
const FULL: usize = 64 << 10;

/// Where [`Output`] puts its lines: whatever bytes can be written to, or who wants the memory that they lie in.
pub trait Receive {
    /// Takes all of `lines`, which are whole, and leaves none.
    fn receive(&mut self, lines: &mut Vec<u8>) -> io::Result<()>;
}

impl<W: Write> Receive for W {
    fn receive(&mut self, lines: &mut Vec<u8>) -> io::Result<()> {
        self.write_all(lines)?;
        self.flush()?;
        lines.clear();
        Ok(())
    }
}

/// Collects lines and writes them when there are many, or when told to.
pub struct Output<W> {
    writer: W,
    lines: Vec<u8>,
    /// The receiver has gone.
    closed: bool,
}

impl<W: Receive> Output<W> {
    /// What lines usually take until they are written: the last of many may be long.
    pub const ROOM: usize = FULL + FULL / 4;

    pub fn new(writer: W) -> Self {
        Self { writer, lines: Vec::with_capacity(Self::ROOM), closed: false }
    }

    /// Lines are appended here, whole, and then announced with [`Output::written`].
    pub const fn lines(&mut self) -> &mut Vec<u8> {
        &mut self.lines
    }

    /// False: the receiver has gone.
    pub fn written(&mut self) -> io::Result<bool> {
        if self.lines.len() < FULL && !self.closed { Ok(true) } else { self.flush() }
    }

    pub fn flush(&mut self) -> io::Result<bool> {
        let Self { writer, lines, closed } = self;
        if !*closed && !lines.is_empty() {
            match writer.receive(lines) {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => *closed = true,
                outcome => outcome?,
            }
        }
        lines.clear();
        Ok(!*closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes `room` bytes, then fails.
    struct Receiver {
        room: usize,
        then: ErrorKind,
        calls: Vec<Vec<u8>>,
    }

    impl Write for Receiver {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if bytes.len() > self.room {
                return Err(self.then.into());
            }
            self.room -= bytes.len();
            self.calls.push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn output(room: usize, then: ErrorKind) -> Output<Receiver> {
        Output::new(Receiver { room, then, calls: Vec::new() })
    }

    #[test]
    fn lines_are_held_until_flush_and_leave_in_one_write() {
        let mut output = output(100, ErrorKind::Other);
        for _ in 0..3 {
            output.lines().extend_from_slice(b"line\n");
            assert!(output.written().unwrap());
        }
        assert!(output.writer.calls.is_empty());
        assert!(output.flush().unwrap());
        assert!(output.flush().unwrap());
        assert_eq!(output.writer.calls, [b"line\nline\nline\n"]);
    }

    #[test]
    fn many_lines_leave_unasked() {
        let mut output = output(usize::MAX, ErrorKind::Other);
        let line = [b"x".repeat(1023), b"\n".to_vec()].concat();
        for _ in 0..64 {
            output.lines().extend_from_slice(&line);
            assert!(output.written().unwrap());
        }
        assert_eq!(output.writer.calls.len(), 1);
        assert_eq!(output.writer.calls[0].len(), FULL);
    }

    #[test]
    fn a_closed_pipe_is_an_end_and_not_an_error() {
        let mut output = output(0, ErrorKind::BrokenPipe);
        output.lines().extend_from_slice(b"line\n");
        assert!(output.written().unwrap());
        assert!(!output.flush().unwrap());
        output.lines().extend_from_slice(b"line\n");
        assert!(!output.written().unwrap());
        assert!(output.lines().is_empty());
    }

    #[test]
    fn other_failures_are_told() {
        let mut output = output(0, ErrorKind::StorageFull);
        output.lines().extend_from_slice(b"line\n");
        assert_eq!(output.flush().unwrap_err().kind(), ErrorKind::StorageFull);
    }
}
