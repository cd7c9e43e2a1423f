//! The state of a trace at one moment: what the faces show. Plain data, sorted, and the same
//! whether it came from a live kernel or from a recording.

mod closeup;
mod spectrum;

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::sync::Arc;

use crate::batch::Arch;
use crate::container::{Container, Identity, Owner, UnknownReason};
use crate::event::Abi;
use crate::origin::Origin;
pub use closeup::{
    Aspect, CapabilityRow, Closeup, Demand, Direction, EventRow, FileRow, Only, PeerRow, ProcessRow,
};
pub use spectrum::Spectrum;

#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// ns since 1970.
    pub wall_ns: i64,
    /// Since the snapshot before, ns; 0 in the first one.
    pub interval_ns: u64,
    /// Since the start of the trace, ns.
    pub elapsed_ns: u64,
    pub arch: Arch,
    /// By place and container, only where there is any. Empty: nothing was lost.
    pub losses: Vec<LossRow>,
    /// By name, host and unknown ones last.
    pub rows: Vec<Row>,
    /// None: nobody measured it.
    pub own: Option<Own>,
    /// None: nobody asked.
    pub closeup: Option<Arc<Closeup>>,
}

/// What ctrace itself uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// In this interval, ns; None in the first one.
    pub cpu_ns: Option<u64>,
    /// Resident.
    pub memory_bytes: u64,
    /// Most that waited in the ring buffer at a time in this interval, and its size.
    pub ring_bytes: u64,
    pub ring_size: u64,
}

/// Something is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LossRow {
    /// [`tracer_common::loss::Loss::name`], or a place in user space (`queue`, `sink`).
    pub place: &'static str,
    pub container: Option<Arc<Container>>,
    pub count: u64,
}

/// A container, the host, or what could not be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub subject: Subject,
    pub state: State,
    pub calls: Vec<CallRow>,
    /// Over all calls.
    pub sum: Counts,
    /// Over all calls of this interval; None: no durations were measured.
    pub duration: Option<Quantiles>,
    /// Over all calls of this interval.
    pub spectrum: Spectrum,
    pub resources: Resources,
    /// Calls that the runtime made in the container's name before its program ran; not in `sum`.
    pub setup_calls: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    Container(Arc<Container>),
    Host,
    Unknown { cgroup_id: u64, cgroup_path: Option<String>, reason: UnknownReason },
}

impl Subject {
    pub fn id(&self) -> SubjectId {
        match self {
            Self::Container(container) => {
                SubjectId::Container { id: container.id.clone(), parent: container.parent.clone() }
            }
            Self::Host => SubjectId::Host,
            Self::Unknown { cgroup_id, .. } => SubjectId::Unknown(*cgroup_id),
        }
    }

    pub fn of(identity: &Identity) -> Self {
        match &identity.owner {
            Owner::Container(container) => Self::Container(Arc::clone(container)),
            Owner::Host => Self::Host,
            Owner::Unknown(reason) => Self::Unknown {
                cgroup_id: identity.cgroup_id,
                cgroup_path: identity.cgroup_path.clone(),
                reason: *reason,
            },
        }
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        match self {
            Self::Container(container) => container.display_name(),
            Self::Host => "(host)",
            Self::Unknown { cgroup_path: Some(path), .. } => path,
            Self::Unknown { cgroup_path: None, .. } => "(unknown)",
        }
    }

    /// Whether that owner's calls are counted in this row.
    pub fn is_of(&self, identity: &Identity) -> bool {
        match (self, &identity.owner) {
            // Inside containers ids are chosen by whoever runs there.
            (Self::Container(container), Owner::Container(other)) => {
                (&container.id, &container.parent) == (&other.id, &other.parent)
            }
            (Self::Host, Owner::Host) => true,
            (Self::Unknown { cgroup_id, .. }, Owner::Unknown(_)) => *cgroup_id == identity.cgroup_id,
            (Self::Container(_) | Self::Host | Self::Unknown { .. }, _) => false,
        }
    }
}

/// What a container uses; None: not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// In this interval, ns, over all CPUs.
    pub cpu_ns: Option<u64>,
    pub memory_bytes: Option<u64>,
    pub processes: Option<u32>,
}

/// Which subject, from one snapshot to the next.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SubjectId {
    /// Its id, and that of the container around: inside containers ids are chosen by whoever runs there.
    Container {
        id: String,
        parent: Option<String>,
    },
    Host,
    /// Its cgroup's id.
    Unknown(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Running,
    /// Its cgroup is gone.
    Ended,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// In this interval.
    pub count: u64,
    /// Calls that failed, refused ones included.
    pub errors: u64,
    /// Calls that a seccomp filter refused.
    pub denied: u64,
    /// Since the start of the trace.
    pub total: u64,
    pub total_errors: u64,
    pub total_denied: u64,
}

/// What an owner, or a container with all its owners, called in its whole life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Of its own programs, `exec` sessions included.
    pub calls: u64,
    /// Of these, those that failed, refused ones included.
    pub errors: u64,
    /// Of these, those that a seccomp filter refused.
    pub denied: u64,
    /// Calls that the runtime made in its name before its program ran; not in `calls`.
    pub setup: u64,
}

impl AddAssign for Used {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.errors += other.errors;
        self.denied += other.denied;
        self.setup += other.setup;
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct CallRow {
    pub abi: Abi,
    pub number: u16,
    pub counts: Counts,
    /// By error number.
    pub errnos: Vec<ErrnoRow>,
    /// Of this interval; None: nothing was measured in it.
    pub duration: Option<Quantiles>,
    /// Of this interval.
    pub spectrum: Spectrum,
    /// Time spent in it in this interval, ns.
    pub time_ns: u64,
    pub first: FirstCall,
    pub life: Life,
}

/// When and with what a call was made since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// The samples between which it was made last, ns since 1970.
    pub last_after_wall_ns: i64,
    pub last_wall_ns: i64,
    /// After its container made one of [`crate::syscall::values::SERVING`] first.
    pub since_serving: Made,
    /// The runtime made it as well, before the container's program ran; not in the counts.
    pub in_setup: bool,
    /// By values of the arguments that [`crate::syscall::values::VALUED`] names. Empty: they were not counted.
    pub values: BTreeMap<[u32; 2], u64>,
    /// There were other values than these.
    pub more_values: bool,
}

/// Whether something happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Made {
    #[default]
    No,
    /// Before or after: only the samples around are known.
    Perhaps,
    Yes,
}

/// Who made a call first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstCall {
    /// ns since 1970.
    pub wall_ns: i64,
    pub pid: u32,
    pub comm: String,
    /// None: the container's own program.
    pub origin: Option<Origin>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrnoRow {
    pub errno: u16,
    /// In this interval.
    pub count: u64,
    /// When it was seen first and last, at the end of that interval, ns since 1970.
    pub first_wall_ns: i64,
    pub last_wall_ns: i64,
    /// Since the start.
    pub total: u64,
    /// Of these, refused by seccomp.
    pub total_denied: u64,
}

/// Upper ends of the histogram slots in which the quantiles lie, ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quantiles {
    pub p50: u64,
    pub p95: u64,
    pub p99: u64,
    /// Since the start, exact.
    pub max: u64,
}

impl Row {
    /// What people call it.
    pub fn name(&self) -> &str {
        self.subject.name()
    }
}

impl Snapshot {
    /// Calls a second, from a count of this interval.
    #[expect(clippy::cast_precision_loss, reason = "a rate on a screen")]
    pub fn per_second(&self, count: u64) -> f64 {
        if self.interval_ns == 0 { 0.0 } else { count as f64 * 1e9 / self.interval_ns as f64 }
    }
}
