//! The terminal's keys, read on a thread of their own.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread;

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use tokio::sync::mpsc;

use super::key::{Decoded, Key, decode};

/// How long the rest of an escape sequence may take; after that it was the Esc key. Slow lines
/// take some 20 ms between packets, people notice 100 ms.
const REST_OF_SEQUENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

pub struct Input {
    keys: mpsc::Receiver<Key>,
    /// Closed on drop, which ends the thread.
    _stop: OwnedFd,
}

impl Input {
    /// Reads the terminal on standard input, else the controlling one.
    pub fn open() -> Result<Self> {
        let terminal = if rustix::termios::isatty(io::stdin()) {
            io::stdin().as_fd().try_clone_to_owned().context("cannot duplicate standard input")?
        } else {
            File::open("/dev/tty").context("cannot read keys: opening /dev/tty failed")?.into()
        };
        Self::from(terminal, REST_OF_SEQUENCE)
    }

    fn from(terminal: OwnedFd, patience: Timespec) -> Result<Self> {
        let (stopped, stop) =
            pipe_with(PipeFlags::CLOEXEC).context("cannot make a pipe for the key reader")?;
        let (sender, keys) = mpsc::channel(64);
        thread::Builder::new()
            .name("ctrace-keys".into())
            .spawn(move || read(terminal.as_fd(), stopped.as_fd(), patience, &sender))
            .context("cannot start the key reader's thread")?;
        Ok(Self { keys, _stop: stop })
    }

    /// The next key; None once the terminal is closed.
    pub async fn next(&mut self) -> Option<Key> {
        self.keys.recv().await
    }
}

/// Sends keys until the terminal or the receiver is gone. Returning drops the sender, which is how
/// the receiver learns it; why a terminal cannot be read any more makes no difference to it.
fn read(terminal: BorrowedFd<'_>, stopped: BorrowedFd<'_>, patience: Timespec, keys: &mpsc::Sender<Key>) {
    let mut bytes = [0; 1024];
    let mut input: Vec<u8> = Vec::new();
    loop {
        let timeout = (!input.is_empty()).then_some(&patience);
        match wait(terminal, stopped, timeout) {
            Wait::Ready => match rustix::io::read(terminal, &mut bytes) {
                Ok(0) => return,
                Ok(len) => input.extend(bytes.iter().take(len)),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => return,
            },
            Wait::Timeout => {
                // No sequence then: Esc, and keys of their own.
                if input.first() == Some(&b'\x1b') && keys.blocking_send(Key::Esc).is_err() {
                    return;
                }
                input.drain(..1);
            }
            Wait::Over => return,
        }
        if !send(&mut input, keys) {
            return;
        }
    }
}

/// Takes every complete key from `input`; false when nobody listens any more.
fn send(input: &mut Vec<u8>, keys: &mpsc::Sender<Key>) -> bool {
    loop {
        let len = match decode(input) {
            Decoded::Key(key, len) => {
                if keys.blocking_send(key).is_err() {
                    return false;
                }
                len
            }
            Decoded::Skip(len) => len,
            Decoded::Incomplete => return true,
        };
        input.drain(..len.min(input.len()));
    }
}

enum Wait {
    Ready,
    Timeout,
    Over,
}

fn wait(terminal: BorrowedFd<'_>, stopped: BorrowedFd<'_>, timeout: Option<&Timespec>) -> Wait {
    let mut fds = [PollFd::new(&terminal, PollFlags::IN), PollFd::new(&stopped, PollFlags::IN)];
    match poll(&mut fds, timeout) {
        Ok(0) => Wait::Timeout,
        // Hang-ups and errors among the terminal's are found by reading.
        Ok(_) if fds.last().is_some_and(|stopped| stopped.revents().is_empty()) => Wait::Ready,
        Err(Errno::INTR | Errno::AGAIN) => wait(terminal, stopped, timeout),
        Ok(_) | Err(_) => Wait::Over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pipe does for a terminal here: bytes come, or it is closed.
    fn terminal(patience: Timespec) -> (OwnedFd, Input) {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        (write, Input::from(read, patience).unwrap())
    }

    #[tokio::test]
    async fn keys_arrive_in_order_and_the_end_is_told() {
        let (terminal, mut input) = terminal(Timespec { tv_sec: 60, tv_nsec: 0 });
        rustix::io::write(&terminal, b"j\x1b[").unwrap();
        assert_eq!(input.next().await, Some(Key::Char('j')));
        rustix::io::write(&terminal, b"B\xff\x1b[5~").unwrap();
        assert_eq!(input.next().await, Some(Key::Down));
        assert_eq!(input.next().await, Some(Key::PageUp));
        drop(terminal);
        assert_eq!(input.next().await, None);
    }

    #[tokio::test]
    async fn an_escape_alone_is_a_key() {
        let (terminal, mut input) = terminal(REST_OF_SEQUENCE);
        rustix::io::write(&terminal, b"\x1b").unwrap();
        assert_eq!(input.next().await, Some(Key::Esc));
        rustix::io::write(&terminal, b"q").unwrap();
        assert_eq!(input.next().await, Some(Key::Char('q')));
    }

    #[test]
    fn dropping_it_ends_the_thread() {
        let (read_end, _terminal) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let (stopped, stop) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let (sender, _keys) = mpsc::channel(1);
        let thread =
            thread::spawn(move || read(read_end.as_fd(), stopped.as_fd(), REST_OF_SEQUENCE, &sender));
        drop(stop);
        thread.join().unwrap();
    }
}
