//! A closer look at some owners while somebody looks: records, and counts by process and capability,
//! folded into a [`snapshot::Closeup`]. Time comes with what is folded. Every table is bounded.

mod calls;
mod capabilities;
mod count;
mod descriptors;
mod events;
mod files;
mod names;
mod open_files;
mod peers;
mod processes;
mod protocol;
mod sockets;
mod subjects;
mod table;
mod watch;

use crate::address::{self, Address};
use crate::batch::{Detail, Focus, OwnerId, Sample, Session};
use crate::event::{Event, What};
use crate::filter::Wanted;
use crate::model::Model;
use crate::origin::Origin;
use crate::snapshot::{self, Aspect, Demand};

use capabilities::Capabilities;
use descriptors::Descriptors;
use events::Events;
use files::Files;
pub use open_files::{Found, Nothing, OpenFiles, Proc};
use peers::Peers;
use processes::Processes;
use watch::Watch;

/// What a view demands, if one does.
pub struct Closeup {
    session: Session,
    /// Outlives a demand: what is known of the same processes is of use to the next one.
    descriptors: Descriptors,
    current: Option<Current>,
}

struct Current {
    demand: Demand,
    detail: Detail,
    since_ns: u64,
    unavailable: Option<String>,
    watch: Watch,
    fold: Fold,
}

enum Fold {
    Processes(Processes),
    Files(Files),
    Peers(Peers),
    Capabilities(Capabilities),
    Events(Box<Events>),
}

/// What to ask of [`crate::batch::Source::focus`].
pub type Question = (Option<Detail>, Vec<OwnerId>);

impl Closeup {
    pub fn new(session: &Session) -> Self {
        let descriptors = Descriptors::new(session.arch, Box::new(Nothing));
        Self { session: session.clone(), descriptors, current: None }
    }

    /// Whom to ask for what was open before.
    pub fn open_files(&mut self, open: Box<dyn OpenFiles + Send>) {
        self.descriptors = Descriptors::new(self.session.arch, open);
    }

    pub const fn is_active(&self) -> bool {
        self.current.is_some()
    }

    /// Begins, changes or ends it. `elapsed_ns`: since the start of the trace. Somebody to be asked nothing any
    /// more is the answer; what to ask else is said by [`Self::focus`].
    pub fn demand(&mut self, demand: Option<Demand>, elapsed_ns: u64) -> Option<Question> {
        let Some(demand) = demand else { return self.current.take().map(|_| (None, Vec::new())) };
        let before = self.current.take();
        if let Some(mut current) = before {
            if (current.demand.aspect, &current.demand.of) == (demand.aspect, &demand.of) {
                if let Fold::Events(events) = &mut current.fold {
                    events.narrow(demand.only.clone());
                }
                self.current = Some(Current { demand, ..current });
                return None;
            }
            // All events of these processes were seen until now.
            let followed = current.detail == Detail::Records
                && !matches!(current.fold, Fold::Processes(_))
                && (current.demand.of.is_none() || current.demand.of == demand.of);
            if !followed {
                self.descriptors.forget_all();
            }
        } else {
            self.descriptors.forget_all();
        }
        let fold = match demand.aspect {
            Aspect::Processes => Fold::Processes(Processes::default()),
            Aspect::Files => Fold::Files(Files::default()),
            Aspect::Peers => Fold::Peers(Peers::default()),
            Aspect::Capabilities => Fold::Capabilities(Capabilities::default()),
            Aspect::Events => Fold::Events(Box::new(Events::new(&self.session, demand.only.clone()))),
        };
        let (detail, watch) = (demand.aspect.detail(&self.session), Watch::default());
        self.current = Some(Current { demand, detail, since_ns: elapsed_ns, unavailable: None, watch, fold });
        None
    }

    /// What to ask the source for now; None: nothing else than before.
    pub fn focus(&mut self, model: &Model, wanted: &Wanted, now_ns: u64) -> Option<Question> {
        let Current { demand, detail, watch, .. } = self.current.as_mut()?;
        let owners = watch.owners(demand.of.as_ref(), model, wanted, now_ns)?;
        Some((Some(*detail), owners))
    }

    pub fn answered(&mut self, focus: Focus) {
        if let Some(current) = &mut self.current {
            current.unavailable = match focus {
                Focus::Ready => None,
                Focus::Unavailable(reason) => Some(reason),
            };
        }
    }

    /// Another step begins.
    pub fn step(&mut self) {
        self.descriptors.step();
    }

    /// Whether it is part of what is looked at. `record`: that of the event. Events of an owner must come in order.
    pub fn event(&mut self, event: &Event<'_>, record: &[u8], origin: Option<Origin>) -> bool {
        let Some(Current { detail: Detail::Records, watch, fold, .. }) = &mut self.current else {
            return false;
        };
        let Some(subject) = watch.subject(event.owner) else { return false };
        if let Fold::Processes(processes) = fold {
            processes.fold(subject, event);
            return true;
        }
        let address = address_of(event);
        let address = address.as_ref().map(|address| String::from_utf8_lossy(&address.text));
        let address = address.as_deref();
        let uses = self.descriptors.follow(event, address);
        match fold {
            Fold::Files(files) => files.fold(subject, event, &uses),
            Fold::Peers(peers) => peers.fold(subject, event, &uses),
            Fold::Events(events) => events.fold(subject, event, record, origin, uses),
            Fold::Processes(_) | Fold::Capabilities(_) => return false,
        }
        true
    }

    pub fn sample(&mut self, sample: &Sample) {
        let Some(Current { detail, watch, fold, .. }) = &mut self.current else { return };
        match fold {
            Fold::Processes(processes) if *detail == Detail::Processes && !sample.processes.is_empty() => {
                processes.begin();
                for sample in &sample.processes {
                    if let Some(subject) = watch.subject(sample.owner) {
                        processes.counted(subject, sample);
                    }
                }
            }
            Fold::Capabilities(capabilities) if !sample.capabilities.is_empty() => {
                capabilities.begin();
                for sample in &sample.capabilities {
                    if let Some(subject) = watch.subject(sample.owner) {
                        capabilities.counted(subject, sample);
                    }
                }
            }
            Fold::Processes(_)
            | Fold::Capabilities(_)
            | Fold::Files(_)
            | Fold::Peers(_)
            | Fold::Events(_) => {}
        }
    }

    /// What there is to see. Ends the interval.
    pub fn snapshot(&mut self, model: &Model) -> Option<snapshot::Closeup> {
        let Current { demand, detail: _, since_ns, unavailable, watch, fold } = self.current.as_mut()?;
        let mut closeup = snapshot::Closeup {
            demand: demand.clone(),
            since_ns: *since_ns,
            unavailable: unavailable.clone(),
            lost: watch.lost(model),
            others: 0,
            processes: Vec::new(),
            files: Vec::new(),
            peers: Vec::new(),
            capabilities: Vec::new(),
            events: Vec::new(),
        };
        let subjects = &watch.subjects;
        match fold {
            Fold::Processes(processes) => {
                closeup.processes = processes.rows(subjects);
                closeup.others = processes.others();
            }
            Fold::Files(files) => {
                closeup.files = files.rows(subjects);
                closeup.others = files.others();
            }
            Fold::Peers(peers) => {
                closeup.peers = peers.rows(subjects);
                closeup.others = peers.others();
            }
            Fold::Capabilities(capabilities) => {
                closeup.capabilities = capabilities.rows(subjects);
                closeup.others = capabilities.others();
            }
            Fold::Events(events) => closeup.events = events.rows(subjects, model),
        }
        // Somebody may have looked while a recording was made.
        if !closeup.processes.is_empty() || !closeup.capabilities.is_empty() {
            closeup.unavailable = None;
        }
        Some(closeup)
    }
}

/// That of a socket which the call was given or gave.
fn address_of<'a>(event: &Event<'a>) -> Option<Address<'a>> {
    let What::Syscall(call) = &event.what else { return None };
    let (_, bytes) = call.address()?;
    address::parse(bytes.bytes())
}

#[cfg(test)]
mod testing;
