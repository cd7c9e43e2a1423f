//! Events printed once for each format, and handed on in chunks.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::buffer::{Buffer, Pool};
use super::fanout::Fanout;
use crate::batch::Session;
use crate::container::Identity;
use crate::event::Event;
use crate::ledger::{Ledger, SinkBooks};
use crate::lifecycle::ContainerEvent;
use crate::origin::Origin;
use crate::sink::{Fate, Lost, Output, Receive, Sink};

/// A chunk of fewer bytes goes out when nothing more is waiting, or with this many events.
const EVENTS: u32 = 10_000;

/// The sink of a trace with any number of receivers.
pub struct Delivery {
    printers: Vec<Printer>,
    fanout: Fanout,
    /// Printed since the last chunk.
    events: u32,
}

/// One format.
pub struct Printer {
    sink: Box<dyn Sink + Send>,
    printed: Lines,
    pool: Pool,
}

/// Where a printer writes its lines.
#[derive(Clone)]
pub struct Lines {
    bytes: Arc<Mutex<Vec<u8>>>,
    /// The printer has handed on lines without being told to: there are many.
    many: Arc<AtomicBool>,
}

impl Receive for Lines {
    fn receive(&mut self, lines: &mut Vec<u8>) -> io::Result<()> {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes.is_empty() {
            std::mem::swap(&mut *bytes, lines);
        } else {
            bytes.append(lines);
        }
        self.many.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Printer {
    /// `make` gets the place to print to.
    pub fn new(make: impl FnOnce(Lines) -> Box<dyn Sink + Send>) -> Self {
        let pool = Pool::new(Output::<Lines>::ROOM);
        let printed = Lines { bytes: Arc::new(Mutex::new(pool.get())), many: Arc::default() };
        Self { sink: make(printed.clone()), printed, pool }
    }

    fn take(&mut self) -> io::Result<Arc<Buffer>> {
        self.sink.flush()?;
        self.printed.many.store(false, Ordering::Relaxed);
        let mut bytes = self.printed.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::new(self.pool.take(&mut bytes)))
    }
}

impl Delivery {
    pub const fn new(printers: Vec<Printer>, fanout: Fanout) -> Self {
        Self { printers, fanout, events: 0 }
    }

    /// Has all formats print something.
    fn print(&mut self, mut print: impl FnMut(&mut dyn Sink) -> io::Result<bool>) -> io::Result<()> {
        for printer in &mut self.printers {
            print(&mut *printer.sink)?;
        }
        Ok(())
    }

    fn event_printed(&mut self) -> io::Result<bool> {
        self.events += 1;
        let many = self.printers.iter().any(|printer| printer.printed.many.load(Ordering::Relaxed));
        if many || self.events >= EVENTS { self.hand_on() } else { Ok(true) }
    }

    fn hand_on(&mut self) -> io::Result<bool> {
        let formats: Vec<_> = self.printers.iter_mut().map(Printer::take).collect::<io::Result<_>>()?;
        if formats.iter().any(|lines| !lines.is_empty()) {
            self.fanout.send(self.events, &formats);
        }
        self.events = 0;
        Ok(self.fanout.is_wanted())
    }

    /// A record that is no event goes in a chunk of its own.
    fn own(&mut self, print: impl FnMut(&mut dyn Sink) -> io::Result<bool>) -> io::Result<bool> {
        self.hand_on()?;
        self.print(print)?;
        self.hand_on()
    }
}

impl Sink for Delivery {
    fn start(&mut self, session: &Session) -> io::Result<bool> {
        self.own(|sink| sink.start(session))
    }

    fn event(
        &mut self,
        event: &Event<'_>,
        identity: Option<&Identity>,
        origin: Option<Origin>,
    ) -> io::Result<bool> {
        self.print(|sink| sink.event(event, identity, origin))?;
        self.event_printed()
    }

    fn container(&mut self, event: &ContainerEvent) -> io::Result<bool> {
        self.print(|sink| sink.container(event))?;
        self.event_printed()
    }

    fn lost(&mut self, at_ns: u64, lost: &Lost<'_>) -> io::Result<bool> {
        self.own(|sink| sink.lost(at_ns, lost))
    }

    fn flush(&mut self) -> io::Result<bool> {
        if self.events > 0 { self.hand_on() } else { Ok(self.fanout.is_wanted()) }
    }

    fn settle(&mut self) -> io::Result<()> {
        self.hand_on()?;
        self.fanout.flush();
        Ok(())
    }

    fn stop(&mut self, at_ns: u64, ledger: &Ledger) -> io::Result<bool> {
        self.own(|sink| sink.stop(at_ns, ledger))?;
        self.fanout.close();
        Ok(true)
    }

    fn fate(&self) -> Fate {
        let outcome = self.fanout.outcome();
        Fate { queue: outcome.queue, sink: outcome.sink, unwanted: outcome.unwanted }
    }

    fn books(&self) -> Vec<SinkBooks> {
        self.fanout
            .readings()
            .into_iter()
            .map(|reading| SinkBooks {
                name: reading.name,
                delivered: reading.outcome.delivered,
                queue: reading.outcome.queue,
                sink: reading.outcome.sink,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
