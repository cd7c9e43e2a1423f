//! What a view wants to know beyond the counters, and what is known of it since.

use std::sync::Arc;

use super::{Counts, Subject, SubjectId};
use crate::batch::{Detail, Session};
use crate::event::Abi;

/// What is looked at closely; it costs only while somebody does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    pub aspect: Aspect,
    /// None: all that is wanted.
    pub of: Option<SubjectId>,
    pub only: Only,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aspect {
    Processes,
    Files,
    Peers,
    Capabilities,
    Events,
}

impl Aspect {
    /// What the source has to tell for it.
    pub const fn detail(self, session: &Session) -> Detail {
        match self {
            Self::Processes if !session.records_every_call() => Detail::Processes,
            Self::Capabilities => Detail::Capabilities,
            Self::Processes | Self::Files | Self::Peers | Self::Events => Detail::Records,
        }
    }
}

/// Which events are shown: all that is given has to be so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Only {
    pub pid: Option<u32>,
    pub call: Option<(Abi, u16)>,
    /// Kernel error number.
    pub errno: Option<u16>,
    /// As [`FileRow::path`].
    pub path: Option<String>,
    /// As [`PeerRow::address`].
    pub peer: Option<String>,
}

/// What was seen since somebody began to look.
#[derive(Clone, Debug, PartialEq)]
pub struct Closeup {
    pub demand: Demand,
    /// When that was: since the start of the trace, ns.
    pub since_ns: u64,
    /// Why there is nothing to see, in a sentence.
    pub unavailable: Option<String>,
    /// Records of these owners that were lost since.
    pub lost: u64,
    /// What found no place, as these tables are bounded: calls of other processes, on other files or with
    /// other peers; where the kernel counts, other processes and checks of their last count.
    pub others: u64,
    pub processes: Vec<ProcessRow>,
    pub files: Vec<FileRow>,
    pub peers: Vec<PeerRow>,
    pub capabilities: Vec<CapabilityRow>,
    /// The last ones, in order.
    pub events: Vec<EventRow>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ProcessRow {
    pub subject: Subject,
    /// As the host counts.
    pub pid: u32,
    /// Not safe to show, not necessarily what it began as.
    pub comm: String,
    pub counts: Counts,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FileRow {
    pub subject: Subject,
    /// As the process called it, or, of a descriptor that was open before, as `/proc` does. Not safe to show.
    pub path: String,
    /// Calls that named it or worked on it; failed and refused ones among them.
    pub counts: Counts,
    pub opens: u64,
    pub read_bytes: u64,
    pub written_bytes: u64,
    /// Spent in these calls, ns.
    pub time_ns: u64,
    /// Of the last call that failed.
    pub errno: Option<u16>,
    /// Who called last.
    pub pid: u32,
    pub comm: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PeerRow {
    pub subject: Subject,
    /// `tcp`, `udp`, `unix` and the like; empty: not known.
    pub protocol: &'static str,
    /// `192.0.2.1:443`, `[2001:db8::1]:53`, a path, `@abstract`. Not safe to show.
    pub address: String,
    pub direction: Direction,
    pub counts: Counts,
    /// Connections made or accepted.
    pub connections: u64,
    pub received_bytes: u64,
    pub sent_bytes: u64,
    /// Of the last call that failed.
    pub errno: Option<u16>,
    pub pid: u32,
    pub comm: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    Outgoing,
    Incoming,
    /// It was there before, or has no connection.
    Unknown,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CapabilityRow {
    pub subject: Subject,
    /// `CAP_*` number.
    pub capability: u8,
    /// Checks; `errors` are those that were refused.
    pub counts: Counts,
    /// Of the last check.
    pub pid: u32,
    pub comm: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct EventRow {
    /// Counts events from 1.
    pub number: u64,
    /// ns since 1970.
    pub wall_ns: i64,
    pub subject: Subject,
    pub pid: u32,
    pub comm: String,
    pub failed: bool,
    pub denied: bool,
    /// As `ctrace trace --format text` prints it, from the process on; safe to show.
    pub text: Arc<str>,
    /// As `ctrace trace --format json` prints it.
    pub json: Arc<str>,
}
