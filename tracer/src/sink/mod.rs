//! Where events and samples go, and in which format.
//!
//! A sink writes whole lines to the `Write` it is given and knows nothing of files, terminals or
//! sockets. It never asks what time it is: times come with what it is told.

use std::borrow::Cow;
use std::io;

use crate::batch::{Arch, Session};
use crate::container::{Container, Identity};
use crate::event::{Event, How, Syscall, arguments};
use crate::ledger::{Ledger, SinkBooks};
use crate::lifecycle::ContainerEvent;
use crate::origin::Origin;
use crate::syscall;
use crate::syscall::signature::Signature;

pub mod json;
pub mod schema;
pub mod text;
pub mod top;

mod clock;
mod output;
mod redacted;

pub use json::Json;
pub use output::{Output, Receive};
pub use redacted::Redacted;
pub use text::Text;
pub use top::Samples;

/// A receiver of events: [`Sink::start`] first, [`Sink::stop`] last, times never far out of order.
///
/// `Ok(false)`: the receiver wants no more (a closed pipe), stop quietly. After an error the sink is
/// not used again.
pub trait Sink {
    fn start(&mut self, session: &Session) -> io::Result<bool>;

    /// `identity`: what is known of `event.owner`, if anything.
    /// `origin`: see there.
    fn event(
        &mut self,
        event: &Event<'_>,
        identity: Option<&Identity>,
        origin: Option<Origin>,
    ) -> io::Result<bool>;

    /// A container began, or is over.
    fn container(&mut self, event: &ContainerEvent) -> io::Result<bool>;

    /// `at_ns`: `CLOCK_MONOTONIC` of when it became known.
    fn lost(&mut self, at_ns: u64, lost: &Lost<'_>) -> io::Result<bool>;

    /// Hands on what is held back; due whenever no event is waiting.
    fn flush(&mut self) -> io::Result<bool>;

    /// Waits for what became of all that it was told, as far as that can be waited for.
    fn settle(&mut self) -> io::Result<()> {
        self.flush().map(drop)
    }

    /// Says how the books stand and flushes.
    fn stop(&mut self, at_ns: u64, ledger: &Ledger) -> io::Result<bool>;

    /// What became of events that were taken and have not arrived, as far as that is known by now.
    fn fate(&self) -> Fate {
        Fate::default()
    }

    /// The books of each receiver, where there are several.
    fn books(&self) -> Vec<SinkBooks> {
        Vec::new()
    }
}

/// Events that a sink has taken and not delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// Lost in a queue.
    pub queue: u64,
    /// Lost by a receiver.
    pub sink: u64,
    /// Every receiver had gone before, in peace.
    pub unwanted: u64,
}

/// Events or counts that are missing from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost<'a> {
    /// As in [`crate::snapshot::LossRow::place`].
    pub place: &'static str,
    /// None: it cannot be told whose they were.
    pub container: Option<&'a Container>,
    /// Lost on the way to this receiver, by its name in [`SinkBooks`]; None: on the way to all.
    pub sink: Option<&'a str>,
    /// More than when it was last said of this place and container.
    pub count: u64,
}

/// The result of a call; None for one that does not come back, as `exit`.
fn returned(call: &Syscall<'_>, name: &str) -> Option<i64> {
    let comes_back = call.how != How::Done || !matches!(name, "exit" | "exit_group");
    comes_back.then_some(call.ret)
}

/// The registers that a call takes; all that it could, where it is not known.
fn passed<'a>(call: &'a Syscall<'_>, signature: Option<&Signature>, arch: Arch) -> &'a [u64] {
    let taken = signature.map_or(call.args.len(), |signature| signature.registers(arch, call.abi));
    call.args.get(..taken).unwrap_or(&call.args)
}

/// The name of an error, its number if it has none.
fn errno_name(errno: u16) -> Cow<'static, str> {
    syscall::errno::name(errno).map_or_else(|| errno.to_string().into(), Cow::Borrowed)
}

/// What people call a container: its name, else the first twelve characters of its id.
fn short_name(container: &Container) -> &str {
    let id = || container.id.get(..12).unwrap_or(&container.id);
    container.name.as_deref().unwrap_or_else(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_keep_empty_ones_and_their_bytes() {
        let split = |vector: &'static [u8]| arguments(vector).collect::<Vec<_>>();
        assert_eq!(split(b""), Vec::<&[u8]>::new());
        assert_eq!(split(b"\0"), [b""]);
        assert_eq!(split(b"a\0\0b c\0"), [&b"a"[..], b"", b"b c"]);
        assert_eq!(split(b"a\0\xff cut"), [&b"a"[..], b"\xff cut"]);
    }
}
