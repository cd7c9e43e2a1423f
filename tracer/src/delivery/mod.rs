//! From printed lines to whoever wants them: several receivers at once, none of which can hold up another.
//!
//! ```text
//! Delivery (prints once for each format) ─▶ Chunk ─▶ Fanout ─┬▶ queue ─▶ thread ─▶ Receiver: file
//!                                                            ├▶ queue ─▶ thread ─▶ Receiver: socket
//!                                                            └▶ queue ─▶ thread ─▶ Receiver: stdout
//! ```
//!
//! Whatever can wait or fail is behind a queue of bounded size. A receiver is I/O alone: it has no queue and no thread,
//! never waits long for a peer that is not there, and tells of each line whether it was taken. The books are kept by
//! `books`, for each sink and for the events themselves.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::syscall::errno;

pub mod otlp;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod spec;

mod backoff;
mod books;
mod buffer;
mod datagram;
mod fanout;
mod file;
mod flat;
mod line;
mod queue;
mod rotation;
mod sink;
pub mod stdout;
mod stream;
mod syslog;
mod worker;

pub use books::Outcome;
pub use buffer::Buffer;
pub use datagram::Datagrams;
pub use fanout::{Fanout, Monitor, Patience, Route};
pub use file::LogFile;
pub use queue::SinkReading;
pub use rotation::Rotation;
pub use sink::{Delivery, Printer};
pub use stdout::Stdout;
pub use stream::Stream;
pub use syslog::Syslog;

/// Whole lines, each with its `\n`, and none with one inside. Shared by all sinks that want the same format.
#[derive(Clone, Debug)]
pub struct Chunk {
    pub lines: Arc<Buffer>,
    /// As many as there are lines; 0: this is a record of ctrace's own (`ctrace.lost`), which is in no books.
    pub events: u32,
}

/// One place that lines go to. Called by one thread, which may be its own.
pub trait Receiver: Send {
    /// Hands on `lines`: whole ones, as in [`Chunk::lines`]. Returns within some seconds whatever its peer does,
    /// with [`Failure::Stalled`] if it could not hand on all of them; it is called again with those that are left. Of the
    /// first of these it may have handed on a part already: it remembers how much.
    fn deliver(&mut self, lines: &[u8]) -> Progress;

    /// About once a second, whether lines come or not: for what is due by time.
    fn tick(&mut self) -> Late {
        Late::default()
    }

    /// Begins anew where that means something: a file that was moved away.
    fn reopen(&mut self) {}

    /// No more will come: hands on what is held back.
    fn close(&mut self) -> Late {
        Late::default()
    }
}

/// How far a [`Receiver`] got.
#[derive(Debug, Default)]
pub struct Progress {
    /// Lines, from the first on, that it needs to see no more: they were taken, or are lost. Without `stop`: at least
    /// [`Progress::ALL`] is as good as their number.
    pub done: u32,
    /// Which of these are lost, by index. In order, none twice.
    pub missed: Vec<Range<u32>>,
    /// Lines of earlier calls that seemed to be taken and are lost: a datagram that came back, say.
    pub late: u32,
    /// Why it got no further. None: all are done.
    pub stop: Option<Failure>,
}

impl Progress {
    /// All that there are, however many.
    pub const ALL: u32 = u32::MAX;

    /// All lines are taken.
    pub fn all() -> Self {
        Self { done: Self::ALL, ..Self::default() }
    }

    /// It got nowhere.
    pub fn none(stop: Failure) -> Self {
        Self { stop: Some(stop), ..Self::default() }
    }
}

/// Lines that seemed to be taken and are lost, and why.
#[derive(Debug, Default)]
pub struct Late {
    pub lost: u32,
    pub error: Option<io::Error>,
}

/// Why lines could not be handed on.
#[derive(Debug)]
pub enum Failure {
    /// The peer is there and takes nothing now: again at once.
    Stalled,
    /// The peer is not there: again later.
    Unreachable(io::Error),
    /// There is no room: a full disk. These lines are lost unless somebody said that losing is worse than waiting.
    NoRoom(io::Error),
    /// It cannot take these lines, and trying again would not help.
    Refused(io::Error),
    /// Nobody wants any more: a closed pipe. No failure at all.
    Closed,
}

/// How many lines there are.
#[cfg(test)]
fn count(lines: &[u8]) -> u32 {
    u32::try_from(memchr::memchr_iter(b'\n', lines).count()).unwrap_or(u32::MAX)
}

/// An error with the name that people look for: `Connection refused (ECONNREFUSED)`.
pub fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    let number = error.raw_os_error().and_then(|number| u16::try_from(number).ok());
    match (text.split_once(" (os error "), number.and_then(errno::name)) {
        (Some((text, _)), Some(name)) => format!("{text} ({name})"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_by_their_ends() {
        assert_eq!([&b""[..], b"a\n", b"a\n\nb\n"].map(count), [0, 1, 3]);
    }

    #[test]
    fn causes_have_their_names() {
        assert_eq!(cause(&io::Error::from_raw_os_error(111)), "Connection refused (ECONNREFUSED)");
        assert_eq!(cause(&io::Error::other("no address")), "no address");
    }
}
