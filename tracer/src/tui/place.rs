//! Where one is: the views, and what of the trace they show.

use super::column::{
    CallColumn, CapabilityColumn, ContainerColumn, EventColumn, FileColumn, MomentColumn, PeerColumn,
    ProblemColumn, ProcessColumn,
};
use super::list::List;
use super::table::Table;
use crate::snapshot::{Aspect, Demand, Only, Subject, SubjectId};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum View {
    Containers,
    Calls,
    Problems,
    Processes,
    Files,
    Peers,
    Capabilities,
    Events,
    Latency,
}

pub struct ViewSpec {
    pub view: View,
    /// As commands and exports call it.
    pub name: &'static str,
    pub title: &'static str,
    pub meaning: &'static str,
    /// What has to be looked at closely for it.
    pub aspect: Option<Aspect>,
    table: fn() -> Box<dyn Table>,
}

/// In the order of the digits that open them, from 1.
pub static VIEWS: [ViewSpec; 9] = [
    ViewSpec {
        view: View::Containers,
        name: "containers",
        title: "containers",
        meaning: "every container: calls, errors, refusals, latency, what it uses",
        aspect: None,
        table: table::<ContainerColumn>,
    },
    ViewSpec {
        view: View::Calls,
        name: "syscalls",
        title: "system calls",
        meaning: "what is called: how often, how long, with which errors",
        aspect: None,
        table: table::<CallColumn>,
    },
    ViewSpec {
        view: View::Problems,
        name: "problems",
        title: "errors and denials",
        meaning: "what fails, where, with which error, since when, and what to do",
        aspect: None,
        table: table::<ProblemColumn>,
    },
    ViewSpec {
        view: View::Processes,
        name: "processes",
        title: "processes",
        meaning: "which process makes the calls",
        aspect: Some(Aspect::Processes),
        table: table::<ProcessColumn>,
    },
    ViewSpec {
        view: View::Files,
        name: "files",
        title: "files",
        meaning: "which files are opened, read and written",
        aspect: Some(Aspect::Files),
        table: table::<FileColumn>,
    },
    ViewSpec {
        view: View::Peers,
        name: "network",
        title: "network peers",
        meaning: "who is talked to, and how much",
        aspect: Some(Aspect::Peers),
        table: table::<PeerColumn>,
    },
    ViewSpec {
        view: View::Capabilities,
        name: "capabilities",
        title: "capabilities",
        meaning: "which privileges are needed, and which are refused",
        aspect: Some(Aspect::Capabilities),
        table: table::<CapabilityColumn>,
    },
    ViewSpec {
        view: View::Events,
        name: "events",
        title: "events",
        meaning: "every call as it happens, the latest first",
        aspect: Some(Aspect::Events),
        table: table::<EventColumn>,
    },
    ViewSpec {
        view: View::Latency,
        name: "latency",
        title: "latency over time",
        meaning: "how long calls took, sample by sample",
        aspect: None,
        table: table::<MomentColumn>,
    },
];

fn table<C: super::column::Column>() -> Box<dyn Table> {
    Box::new(List::<C>::new())
}

impl View {
    pub fn spec(self) -> &'static ViewSpec {
        // One for each, as the tests show.
        VIEWS.iter().find(|spec| spec.view == self).unwrap_or(&VIEWS[0])
    }

    /// Its place in [`VIEWS`].
    pub fn nth(self) -> usize {
        VIEWS.iter().position(|spec| spec.view == self).unwrap_or(0)
    }
}

/// A view of something, with its table's state.
#[derive(Debug)]
pub struct Place {
    pub view: View,
    /// None: all containers.
    pub of: Option<Of>,
    pub only: Only,
    pub table: Box<dyn Table>,
}

/// A container as it was when it was opened: it may leave the trace.
#[derive(Clone, Debug)]
pub struct Of {
    pub id: SubjectId,
    pub subject: Subject,
}

/// As comparing [`Subject::id`], without making one: it is asked of every row of many snapshots.
pub fn is(subject: &Subject, wanted: &SubjectId) -> bool {
    match (subject, wanted) {
        (Subject::Container(container), SubjectId::Container { id, parent }) => {
            container.id == *id && container.parent == *parent
        }
        (Subject::Host, SubjectId::Host) => true,
        (Subject::Unknown { cgroup_id, .. }, SubjectId::Unknown(wanted)) => cgroup_id == wanted,
        (Subject::Container(_) | Subject::Host | Subject::Unknown { .. }, _) => false,
    }
}

impl From<Subject> for Of {
    fn from(subject: Subject) -> Self {
        Self { id: subject.id(), subject }
    }
}

impl Place {
    pub fn new(view: View, of: Option<Of>, only: Only) -> Self {
        Self { view, of, only, table: (view.spec().table)() }
    }

    /// What has to be looked at closely.
    pub fn demand(&self) -> Option<Demand> {
        let aspect = self.view.spec().aspect?;
        Some(Demand { aspect, of: self.of.as_ref().map(|of| of.id.clone()), only: self.only.clone() })
    }
}

/// What a row leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Opened {
    /// `of`: None: of what is looked at already.
    Place {
        view: View,
        of: Option<Subject>,
        only: Only,
    },
    Text {
        title: String,
        text: String,
    },
    /// The sample of this time since the start of the trace, ns.
    Moment(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_view_is_in_the_table_once() {
        for (nth, spec) in VIEWS.iter().enumerate() {
            assert_eq!(spec.view.nth(), nth, "{}", spec.name);
            assert_eq!(spec.view.spec().name, spec.name);
            assert!(spec.name.chars().all(|c| c.is_ascii_lowercase()));
        }
    }

    #[test]
    fn a_subject_is_what_its_id_says() {
        let rows = crate::tui::sample::three().rows;
        for (a, row) in rows.iter().enumerate() {
            for (b, other) in rows.iter().enumerate() {
                assert_eq!(is(&row.subject, &other.subject.id()), a == b);
            }
        }
    }

    #[test]
    fn only_what_needs_a_closer_look_asks_for_one() {
        for spec in &VIEWS {
            let only = Only { pid: Some(7), ..Only::default() };
            let place = Place::new(spec.view, Some(Subject::Host.into()), only.clone());
            let wanted = spec.aspect.map(|aspect| Demand { aspect, of: Some(SubjectId::Host), only });
            assert_eq!(place.demand(), wanted);
        }
    }
}
