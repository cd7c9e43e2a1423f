//! Chunks to all sinks, each at its own pace.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::books::{Fate, Outcome, Ticket, Totals};
use super::queue::{Item, Pushed, Queue, SinkReading};
use super::spec::OnFull;
use super::{Buffer, Chunk, Receiver, worker};

/// How soon an end that was asked for is noticed while a full queue is waited for.
const RESPONSE: Duration = Duration::from_millis(50);

/// The last words get that long even if the events have used up all the time.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A sink to be.
pub struct Route {
    /// For people and the books: no secrets.
    pub name: String,
    /// Which of the formats it wants, by index.
    pub format: usize,
    pub receiver: Box<dyn Receiver>,
    /// Of the queue, bytes.
    pub limit: usize,
    pub on_full: OnFull,
}

/// How long somebody waits who is asked to wait rather than lose.
pub struct Patience {
    /// Whether the end was asked for.
    pub interrupted: Box<dyn Fn() -> bool + Send>,
    /// From then on.
    pub timeout: Duration,
}

pub struct Fanout {
    sinks: Vec<Handle>,
    totals: Arc<Totals>,
    patience: Patience,
    /// When it was seen that the end was asked for.
    interrupted: Option<Instant>,
    /// When the last wait began.
    ending: Option<Instant>,
}

struct Handle {
    queue: Arc<Queue>,
    format: usize,
    on_full: OnFull,
}

/// Looks at the sinks from other threads.
#[derive(Clone)]
pub struct Monitor {
    queues: Arc<[Arc<Queue>]>,
}

impl Monitor {
    /// How each sink stands; cheap.
    pub fn readings(&self) -> Vec<SinkReading> {
        self.queues.iter().map(|queue| queue.reading()).collect()
    }

    /// Has every receiver begin anew where that means something.
    pub fn reopen(&self) {
        for queue in self.queues.iter() {
            queue.reopen();
        }
    }
}

impl Fanout {
    /// Starts a thread for each sink.
    pub fn start(routes: Vec<Route>, patience: Patience) -> io::Result<Self> {
        let totals = Arc::default();
        let mut sinks = Vec::new();
        for Route { name, format, mut receiver, limit, on_full } in routes {
            let queue = Arc::new(Queue::new(name, limit, &totals));
            let shared = Arc::clone(&queue);
            let patient = on_full == OnFull::Block;
            thread::Builder::new()
                .name("sink".to_owned())
                .spawn(move || worker::work(&shared, &mut *receiver, patient))?;
            sinks.push(Handle { queue, format, on_full });
        }
        Ok(Self { sinks, totals, patience, interrupted: None, ending: None })
    }

    pub fn monitor(&self) -> Monitor {
        Monitor { queues: self.sinks.iter().map(|sink| Arc::clone(&sink.queue)).collect() }
    }

    pub fn readings(&self) -> Vec<SinkReading> {
        self.sinks.iter().map(|sink| sink.queue.reading()).collect()
    }

    /// What became of the events that every sink is through with.
    pub fn outcome(&self) -> Outcome {
        self.totals.outcome()
    }

    /// Whether anybody still wants something.
    pub fn is_wanted(&self) -> bool {
        self.sinks.iter().any(|sink| sink.queue.is_open())
    }

    /// The same events in each format; a sink whose format has nothing to say of them gets nothing.
    pub fn send(&mut self, events: u32, formats: &[Arc<Buffer>]) {
        let wanted = u32::try_from(self.sinks.len()).unwrap_or(u32::MAX);
        let ticket = Ticket::new(events, wanted, &self.totals);
        for at in 0..self.sinks.len() {
            let Some(sink) = self.sinks.get(at) else { continue };
            let lines = formats.get(sink.format).cloned().unwrap_or_default();
            let item = Item { chunk: Chunk { lines, events }, ticket: Arc::clone(&ticket) };
            if item.chunk.lines.is_empty() {
                ticket.settle(&[]);
                continue;
            }
            let (queue, on_full) = (Arc::clone(&sink.queue), sink.on_full);
            match self.push(&queue, &item, on_full) {
                Pushed::Yes => {}
                Pushed::Full => queue.refuse(&item, Fate::Queue),
                Pushed::Over => queue.refuse(&item, Fate::Unwanted),
            }
        }
    }

    fn push(&mut self, queue: &Queue, item: &Item, on_full: OnFull) -> Pushed {
        if on_full == OnFull::Drop {
            return queue.push(item, Duration::ZERO);
        }
        loop {
            let pushed = queue.push(item, RESPONSE);
            if pushed != Pushed::Full || self.has_waited_enough() {
                return pushed;
            }
        }
    }

    fn has_waited_enough(&mut self) -> bool {
        if self.interrupted.is_none() && (self.patience.interrupted)() {
            self.interrupted = Some(Instant::now());
        }
        self.interrupted.is_some_and(|since| since.elapsed() >= self.patience.timeout)
    }

    /// Waits until every sink is through with what it was sent; what is not done in time is lost.
    pub fn flush(&mut self) {
        self.wait(Queue::wait_empty, Duration::ZERO);
    }

    /// Ends all sinks; after [`Fanout::flush`] and the last words.
    pub fn close(&mut self) {
        for sink in &self.sinks {
            sink.queue.end();
        }
        self.wait(Queue::wait_over, LAST_WORDS);
    }

    /// Who may lose waits for the time of patience and no less than `least`; who shall not waits until then from the
    /// moment that the end was asked for.
    fn wait(&mut self, done: fn(&Queue, Instant) -> bool, least: Duration) {
        let now = Instant::now();
        let ending = *self.ending.get_or_insert(self.interrupted.unwrap_or(now));
        let (least, deadline) = (now + least, (ending + self.patience.timeout).max(now + least));
        for at in 0..self.sinks.len() {
            let Some(sink) = self.sinks.get(at) else { continue };
            let (queue, on_full) = (Arc::clone(&sink.queue), sink.on_full);
            let through = match on_full {
                OnFull::Drop => done(&queue, deadline),
                OnFull::Block => loop {
                    if done(&queue, Instant::now() + RESPONSE) {
                        break true;
                    }
                    if self.has_waited_enough() && Instant::now() >= least {
                        break false;
                    }
                },
            };
            if !through {
                give_up(&queue, self.patience.timeout);
            }
        }
    }
}

fn give_up(queue: &Queue, after: Duration) {
    queue.abandon(Fate::Queue);
    queue.set_failing(Some(format!("not done {after:?} after the end")));
    log::warn!("{}: has not taken everything {after:?} after the end; what was left is lost", queue.name());
}

#[cfg(test)]
mod tests;
