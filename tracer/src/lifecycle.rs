//! When containers begin and end: a fold over identities and the ends of first processes. Pure.
//!
//! A container begins when the first of its own programs is executed: its entrypoint. One that somebody
//! entered (an `exec` session) or that was met running before that was there already, and has no beginning
//! here. It ends when the last of its owners does, and is told of once a sample has brought their final
//! counts.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::batch::OwnerId;
use crate::container::{Container, Identity, Owner, Phase, UnknownReason};
use crate::event::{Ended, Exit};
use crate::filter::Verdict;
use crate::snapshot::Used;

/// A container began, or is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerEvent {
    /// `CLOCK_MONOTONIC`, ns.
    pub ktime_ns: u64,
    pub container: Arc<Container>,
    /// Host pid of its first process; None: that was not seen.
    pub pid: Option<u32>,
    pub what: Stage,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    Start,
    Stop {
        /// Of its first process; None: its end was not seen.
        exit: Option<Exit>,
        /// None: it was running when the trace began.
        lifetime_ns: Option<u64>,
        used: Used,
    },
}

impl Stage {
    pub const START: &str = "container.start";
    pub const STOP: &str = "container.stop";

    /// `event.name`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Start => Self::START,
            Self::Stop { .. } => Self::STOP,
        }
    }
}

/// Ends that are kept until it is known whose they are, here and in each container. A sandbox inside a
/// container may start and end any number of processes; what matters least goes first.
const EARLY_MAX: usize = 1024;
const ENDS_MAX: usize = 8;

/// Whoever is killed with the first process of a pid namespace is gone that long after it, ns: a sample that
/// comes later has final counts.
const LAST_CALLS_NS: u64 = 100_000_000;

/// Nobody has news of an owner that ended longer ago, ns: twice the resolver's grace time.
const NEWS_NS: u64 = 120_000_000_000;

#[derive(Default)]
pub struct Lifecycle {
    lives: Vec<Life>,
    /// Of owners that nobody has introduced yet.
    early: VecDeque<Ended>,
    /// Those whose counts are in the books, and since when.
    settled: HashMap<OwnerId, u64>,
}

/// A container from one start to the next.
struct Life {
    container: Arc<Container>,
    live: Vec<OwnerId>,
    /// Ended, and since when; their final counts are still to come.
    ended: Vec<(OwnerId, u64)>,
    /// By those whose final counts are known.
    used: Used,
    /// Of those who run programs in it, who came first.
    first: Option<Identity>,
    /// Programs run in several pid namespaces.
    several: bool,
    ends: Vec<Ended>,
    /// Its beginning was told.
    told: bool,
    /// The end of the life before is still to be told.
    follows: bool,
    /// When the last owner ended.
    over_ns: Option<u64>,
}

impl Lifecycle {
    /// What a batch says of owners. `now_ns`: the batch's.
    pub fn learn(&mut self, identities: &[Identity], now_ns: u64) {
        // A container that is started again has ended before.
        let (ended, live): (Vec<&Identity>, Vec<&Identity>) = identities.iter().partition(|i| i.ended);
        for identity in ended.into_iter().chain(live) {
            self.introduce(identity, now_ns);
        }
    }

    fn introduce(&mut self, identity: &Identity, now_ns: u64) {
        let id = identity.id;
        let container = match &identity.owner {
            Owner::Container(container) => container,
            Owner::Unknown(UnknownReason::Pending) => return,
            Owner::Host | Owner::Unknown(_) => return self.early.retain(|end| end.owner != id),
        };
        let at = self.lives.iter().rposition(|life| life.container.id == container.id);
        if self.is_settled(id) {
            // Old news, but the name may be new.
            if let Some(life) = at.and_then(|at| self.lives.get_mut(at)) {
                life.rename(container);
            }
            return;
        }
        for life in self.lives.iter_mut().filter(|life| life.container.id != container.id) {
            life.live.retain(|other| *other != id);
        }
        let same = at.filter(|at| self.lives.get(*at).is_some_and(|life| life.takes(identity)));
        let at = same.unwrap_or_else(|| {
            self.lives.push(Life { follows: at.is_some(), ..Life::new(container) });
            self.lives.len() - 1
        });
        let Some(life) = self.lives.get_mut(at) else { return };
        life.rename(container);
        life.join(identity, now_ns);
        let (own, others): (VecDeque<Ended>, VecDeque<Ended>) =
            self.early.drain(..).partition(|end| end.owner == id);
        self.early = others;
        for end in own {
            life.end(end);
        }
    }

    fn is_settled(&self, id: OwnerId) -> bool {
        self.settled.contains_key(&id)
    }

    /// A first process is over.
    pub fn ended(&mut self, end: Ended) {
        if self.is_settled(end.owner) {
            return;
        }
        if let Some(life) = self.lives.iter_mut().rfind(|life| life.has(end.owner)) {
            return life.end(end);
        }
        if self.early.len() >= EARLY_MAX {
            self.early.pop_front();
        }
        self.early.push_back(end);
    }

    /// A sample has come. `used` tells the calls of an owner as of now.
    pub fn settle(&mut self, now_ns: u64, used: impl Fn(OwnerId) -> Used) {
        for life in &mut self.lives {
            let is_final = |since: u64| now_ns.saturating_sub(since) >= LAST_CALLS_NS;
            for (id, _) in life.ended.extract_if(.., |(_, since)| is_final(*since)) {
                life.used += used(id);
                self.settled.insert(id, now_ns);
            }
        }
        self.settled.retain(|_, since| now_ns.saturating_sub(*since) < NEWS_NS);
        // A container whose program was never started, or that was another one after all.
        self.lives.retain(|life| life.over_ns.is_some() || !life.live.is_empty());
    }

    /// Beginnings that are still to be told and of which `judge` knows whether anybody wants them.
    pub fn starts(&mut self, judge: impl Fn(&Identity) -> Verdict) -> Vec<(ContainerEvent, Verdict)> {
        let mut events = Vec::new();
        for life in self.lives.iter_mut().filter(|life| !life.told && !life.follows) {
            let Some(first) = life.begins() else { continue };
            let verdict = judge(first);
            if verdict != Verdict::Wait {
                events.push((life.start(first), verdict));
                life.told = true;
            }
        }
        events
    }

    /// As [`Self::starts`], for ends; what is told here is forgotten.
    pub fn stops(&mut self, judge: impl Fn(&Identity) -> Verdict) -> Vec<(ContainerEvent, Verdict)> {
        let mut events = Vec::new();
        self.lives.retain(|life| {
            // What has begun begins before it ends.
            let due = life.ended.is_empty() && (life.told || life.begins().is_none());
            let (Some(first), Some(over_ns)) = (life.first.as_ref().filter(|_| due), life.over_ns) else {
                return true;
            };
            let verdict = judge(first);
            if verdict != Verdict::Wait {
                events.push((life.stop(over_ns), verdict));
            }
            verdict == Verdict::Wait
        });
        for (ContainerEvent { container, .. }, _) in &events {
            if let Some(next) = self.lives.iter_mut().find(|life| life.container.id == container.id) {
                next.follows = false;
            }
        }
        events
    }
}

impl Life {
    fn new(container: &Arc<Container>) -> Self {
        Self {
            container: Arc::clone(container),
            live: Vec::new(),
            ended: Vec::new(),
            used: Used::default(),
            first: None,
            several: false,
            ends: Vec::new(),
            told: false,
            follows: false,
            over_ns: None,
        }
    }

    /// It may be known better now, or less well by another of its owners.
    fn rename(&mut self, container: &Arc<Container>) {
        if Arc::ptr_eq(&self.container, container) {
            return;
        }
        let mut now = Container::clone(container);
        now.remember(&self.container);
        self.container = Arc::new(now);
        if let Some(first) = &mut self.first {
            first.owner = Owner::Container(Arc::clone(&self.container));
        }
    }

    fn has(&self, id: OwnerId) -> bool {
        self.live.contains(&id) || self.has_ended(id)
    }

    fn has_ended(&self, id: OwnerId) -> bool {
        self.ended.iter().any(|(other, _)| *other == id)
    }

    /// Whether it is this life of the container that the owner is part of. What lives comes after an end.
    fn takes(&self, identity: &Identity) -> bool {
        self.over_ns.is_none() || identity.ended || self.has_ended(identity.id)
    }

    fn join(&mut self, identity: &Identity, now_ns: u64) {
        let id = identity.id;
        if identity.ended {
            self.live.retain(|other| *other != id);
        }
        if !self.has(id) {
            if identity.ended { self.ended.push((id, now_ns)) } else { self.live.push(id) }
        }
        if identity.phase != Phase::Setup {
            self.several |= self.first.as_ref().is_some_and(|first| first.pid_ns != identity.pid_ns);
            let before = |first: &Identity| (first.first_ns, first.id) < (identity.first_ns, id);
            if !self.first.as_ref().is_some_and(before) {
                self.first = Some(identity.clone());
            }
        }
        if self.live.is_empty() && self.first.is_some() {
            self.over_ns.get_or_insert(now_ns);
        }
    }

    fn end(&mut self, end: Ended) {
        if self.ends.len() >= ENDS_MAX
            && let Some((at, _)) = self.ends.iter().enumerate().min_by_key(|(_, end)| self.rank(end))
        {
            self.ends.remove(at);
        }
        self.ends.push(end);
    }

    /// Its first own program, where that was seen to begin.
    fn begins(&self) -> Option<&Identity> {
        self.first.as_ref().filter(|first| first.phase == Phase::Workload && !first.running)
    }

    /// How sure it is that this was the container's first process; 0: it was not. The runtime knows its
    /// pid. Whose end empties the container's own pid namespace is no hook, and no sandbox inside.
    fn rank(&self, end: &Ended) -> u8 {
        let owns_namespace = match self.begins() {
            Some(first) => end.owner == first.id || end.pid == first.first_pid,
            None => !self.several,
        };
        if self.container.pid == Some(end.pid) {
            3
        } else if end.namespace && owns_namespace {
            2
        } else {
            u8::from(self.begins().is_some_and(|first| first.first_pid == end.pid))
        }
    }

    fn start(&self, first: &Identity) -> ContainerEvent {
        ContainerEvent {
            ktime_ns: first.first_ns,
            container: Arc::clone(&self.container),
            pid: Some(first.first_pid),
            what: Stage::Start,
        }
    }

    fn stop(&self, over_ns: u64) -> ContainerEvent {
        let end = self.ends.iter().filter(|end| self.rank(end) > 0).max_by_key(|end| self.rank(end));
        let ktime_ns = end.map_or(over_ns, |end| end.ktime_ns);
        ContainerEvent {
            ktime_ns,
            container: Arc::clone(&self.container),
            pid: end.map(|end| end.pid),
            what: Stage::Stop {
                exit: end.map(|end| Exit { status: end.status, process: true }),
                lifetime_ns: self.begins().map(|first| ktime_ns.saturating_sub(first.first_ns)),
                used: self.used,
            },
        }
    }
}

#[cfg(test)]
mod tests;
