//! What waits for one receiver, within bounds, and what became of it.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::books::{Fate, Outcome, Ticket, Totals};
use super::{Chunk, Late, Progress};

/// Records of ctrace's own find room while events do not: a day of one loss a second would be too much, some minutes
/// are told.
const OWN_ROOM: usize = 256 << 10;

/// What a chunk takes beside its lines, roughly.
const OVERHEAD: usize = 128;

pub struct Item {
    pub chunk: Chunk,
    pub ticket: Arc<Ticket>,
}

pub struct Queue {
    name: String,
    limit: usize,
    totals: Arc<Totals>,
    state: Mutex<State>,
    /// Something to do for the worker.
    work: Condvar,
    /// Something is done.
    done: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Item>,
    /// What the receiver works at; stays until all of it is done.
    current: Option<Current>,
    /// Of what waits and the current one.
    bytes: usize,
    own_bytes: usize,
    books: Outcome,
    /// Lines that seemed to be taken and were lost, some perhaps of the current chunk.
    late: u64,
    phase: Phase,
    reopen: bool,
    failing: Option<String>,
}

struct Current {
    item: Item,
    done: u32,
    missed: Vec<(Range<u32>, Fate)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    /// Nothing more comes.
    Ending,
    /// Nothing more goes: it was closed, is gone, or took too long.
    Over,
}

/// How a sink stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkReading {
    /// As in `ledger.sinks`; without secrets.
    pub name: String,
    pub outcome: Outcome,
    pub queued_bytes: usize,
    pub queue_limit: usize,
    /// Why its receiver takes nothing at the moment.
    pub failing: Option<String>,
}

/// What a worker is to do.
pub enum Task {
    /// Lines; those of an earlier call that are not done come first.
    Deliver(Chunk),
    Reopen,
    Nothing,
    End,
}

/// How a [`Queue::push`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    Yes,
    Full,
    /// Nobody takes anything any more.
    Over,
}

impl Queue {
    /// `limit`: bytes.
    pub fn new(name: String, limit: usize, totals: &Arc<Totals>) -> Self {
        Self {
            name,
            limit,
            totals: Arc::clone(totals),
            state: Mutex::default(),
            work: Condvar::new(),
            done: Condvar::new(),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits up to `wait` for room.
    pub fn push(&self, item: &Item, wait: Duration) -> Pushed {
        let size = item.chunk.lines.len() + OVERHEAD;
        let own = item.chunk.events == 0;
        let full = |state: &mut State| {
            let room = if own {
                OWN_ROOM.saturating_sub(state.own_bytes)
            } else {
                self.limit - state.bytes.min(self.limit)
            };
            let idle = state.waiting.is_empty() && state.current.is_none();
            state.phase == Phase::Open && size > room && !idle
        };
        let (mut state, _) =
            self.done.wait_timeout_while(self.lock(), wait, full).unwrap_or_else(PoisonError::into_inner);
        if full(&mut state) {
            return Pushed::Full;
        }
        if state.phase != Phase::Open {
            return Pushed::Over;
        }
        *state.held(own) += size;
        state.waiting.push_back(Item { chunk: item.chunk.clone(), ticket: Arc::clone(&item.ticket) });
        drop(state);
        self.work.notify_one();
        Pushed::Yes
    }

    /// Books a chunk that was not pushed.
    pub fn refuse(&self, item: &Item, fate: Fate) {
        let mut state = self.lock();
        state.books.add(fate, u64::from(item.chunk.events));
        drop(state);
        item.ticket.settle(&[(0..item.chunk.events, fate)]);
    }

    pub fn is_open(&self) -> bool {
        self.lock().phase == Phase::Open
    }

    pub fn reopen(&self) {
        self.lock().reopen = true;
        self.work.notify_one();
    }

    /// Nothing more will come.
    pub fn end(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Ending;
        }
        drop(state);
        self.work.notify_one();
    }

    pub fn reading(&self) -> SinkReading {
        let state = self.lock();
        let mut outcome = state.books;
        outcome.late(state.late);
        SinkReading {
            name: self.name.clone(),
            outcome,
            queued_bytes: state.bytes + state.own_bytes,
            queue_limit: self.limit,
            failing: state.failing.clone(),
        }
    }

    /// Waits until all that was pushed is done. False: not by then.
    pub fn wait_empty(&self, deadline: Instant) -> bool {
        self.wait(deadline, |state| {
            state.phase != Phase::Over && (state.current.is_some() || !state.waiting.is_empty())
        })
    }

    /// Waits until the worker is through.
    pub fn wait_over(&self, deadline: Instant) -> bool {
        self.wait(deadline, |state| state.phase != Phase::Over)
    }

    fn wait(&self, deadline: Instant, more: impl Fn(&State) -> bool) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let (_state, timeout) = self
            .done
            .wait_timeout_while(self.lock(), left, |state| more(state))
            .unwrap_or_else(PoisonError::into_inner);
        !timeout.timed_out()
    }

    /// Gives up: whatever is not done has this `fate`. The worker is not waited for.
    pub fn abandon(&self, fate: Fate) {
        let mut state = self.lock();
        state.phase = Phase::Over;
        if let Some(Current { item, done, mut missed }) = state.current.take() {
            // The one in hand is lost to the failure, those behind it to the queue.
            let cause = if fate == Fate::Queue && state.failing.is_some() { Fate::Sink } else { fate };
            missed.push((done..item.chunk.events, cause));
            state.book(&item, &missed);
        }
        while let Some(item) = state.waiting.pop_front() {
            let missed = [(0..item.chunk.events, fate)];
            state.book(&item, &missed);
        }
        (state.bytes, state.own_bytes) = (0, 0);
        drop(state);
        self.work.notify_one();
        self.done.notify_all();
    }

    /// For the worker: what to do next, if something comes within `wait`.
    pub fn next(&self, wait: Duration) -> Task {
        let idle = |state: &mut State| {
            state.phase == Phase::Open && !state.reopen && state.current.is_none() && state.waiting.is_empty()
        };
        let (mut state, _) =
            self.work.wait_timeout_while(self.lock(), wait, idle).unwrap_or_else(PoisonError::into_inner);
        if state.phase == Phase::Over {
            return Task::End;
        }
        if std::mem::take(&mut state.reopen) {
            return Task::Reopen;
        }
        match state.waiting.pop_front() {
            Some(item) => {
                let chunk = item.chunk.clone();
                state.current = Some(Current { item, done: 0, missed: Vec::new() });
                Task::Deliver(chunk)
            }
            None if state.phase == Phase::Ending => Task::End,
            None => Task::Nothing,
        }
    }

    /// For the worker: how far the receiver got with the current chunk; `lost`: with all the rest of it, if it is not
    /// done. False: nobody waits for the rest any more.
    pub fn progress(&self, progress: &Progress, through: bool, lost: Option<Fate>) -> bool {
        let mut state = self.lock();
        if state.phase == Phase::Over {
            return false;
        }
        state.late += u64::from(progress.late);
        let Some(current) = &mut state.current else { return false };
        let events = current.item.chunk.events;
        let at = |index: u32| current.done.saturating_add(index).min(events);
        let missed = progress.missed.iter().map(|range| (at(range.start)..at(range.end), Fate::Sink));
        let missed: Vec<_> = missed.filter(|(range, _)| !range.is_empty()).collect();
        let done = at(progress.done);
        current.missed.extend(missed);
        current.done = done;
        if let Some(fate) = lost {
            current.missed.push((done..events, fate));
        }
        if (through || lost.is_some())
            && let Some(Current { item, missed, .. }) = state.current.take()
        {
            state.book(&item, &missed);
            let size = item.chunk.lines.len() + OVERHEAD;
            let held = state.held(item.chunk.events == 0);
            *held = held.saturating_sub(size);
            self.done.notify_all();
        }
        drop(state);
        self.totals.late(progress.late);
        true
    }

    /// For the worker: what the receiver finds out afterwards.
    pub fn late(&self, late: &Late) {
        let mut state = self.lock();
        if state.phase != Phase::Over {
            state.late += u64::from(late.lost);
            self.totals.late(late.lost);
        }
    }

    /// True: that is news.
    pub fn set_failing(&self, why: Option<String>) -> bool {
        let mut state = self.lock();
        let news = state.failing.is_some() != why.is_some();
        state.failing = why;
        news
    }

    /// For the worker: waits unless there is a reason to try again at once. False: nobody waits for it any more.
    pub fn pause(&self, pause: Duration) -> bool {
        let (state, _) = self
            .work
            .wait_timeout_while(self.lock(), pause, |state| state.phase != Phase::Over && !state.reopen)
            .unwrap_or_else(PoisonError::into_inner);
        state.phase != Phase::Over
    }

    /// For the worker: whether somebody asked for a new beginning since.
    pub fn take_reopen(&self) -> bool {
        std::mem::take(&mut self.lock().reopen)
    }
}

impl State {
    fn held(&mut self, own: bool) -> &mut usize {
        if own { &mut self.own_bytes } else { &mut self.bytes }
    }

    fn book(&mut self, item: &Item, missed: &[(Range<u32>, Fate)]) {
        let mut lost = 0;
        for (range, fate) in missed {
            let count = u64::from(range.end - range.start.min(range.end));
            self.books.add(*fate, count);
            lost += count;
        }
        self.books.delivered += u64::from(item.chunk.events).saturating_sub(lost);
        item.ticket.settle(missed);
    }
}
