//! Whether a recording saw everything that a profile is made of.

use std::fmt;

use tracer_common::loss::Loss;

use super::Options;
use crate::batch::Arch;
use crate::event::Abi;
use crate::snapshot::{Row, Snapshot, Subject};
use crate::syscall::abi_name;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Watched from its first instruction, and nothing that counts was lost.
    Complete,
    /// Calls may be missing, or refused ones may be taken for used.
    Partial(Vec<Reason>),
}

/// Why a profile is not to be trusted blindly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No call of its program was seen.
    NothingSeen,
    /// The container was running before the trace began.
    StartMissed,
    /// Something is missing in a table that profiles are made of.
    Lost {
        /// As in [`crate::snapshot::LossRow`].
        place: &'static str,
        count: u64,
        /// False: nobody can tell whose it was.
        own: bool,
    },
    /// The container made a call that has no name here, and this kernel has it.
    Unnamed { arch: Arch, abi: Abi, number: u16 },
}

/// Places whose losses leave the set of calls whole: events and durations go, counts stay.
const HARMLESS: &[&str] = &[
    Loss::Ring.name(),
    Loss::Latency.name(),
    Loss::Processes.name(),
    Loss::Capabilities.name(),
    "queue",
    "sink",
];

/// What of a snapshot speaks against the completeness of one of its rows, in which `seen` calls were
/// made.
pub(super) fn doubts(row: &Row, snapshot: &Snapshot, options: Options, seen: usize) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if seen == 0 {
        reasons.push(Reason::NothingSeen);
    }
    if !options.from_start.unwrap_or(row.setup_calls > 0) {
        reasons.push(Reason::StartMissed);
    }
    let own_id = match &row.subject {
        Subject::Container(container) => Some(&container.id),
        Subject::Host | Subject::Unknown { .. } => None,
    };
    for loss in &snapshot.losses {
        let owner = loss.container.as_ref().map(|container| &container.id);
        let own = owner.is_some() && owner == own_id;
        if loss.count > 0 && (own || owner.is_none()) && !HARMLESS.contains(&loss.place) {
            reasons.push(Reason::Lost { place: loss.place, count: loss.count, own });
        }
    }
    reasons
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingSeen => {
                f.write_str("no call was recorded: the profile allows the start and no more")
            }
            Self::StartMissed => f.write_str(
                "the container was started before the recording: calls of its start-up are missing; \
                 record again and start the container afterwards",
            ),
            Self::Lost { place, count, own } => {
                let whose = if *own { "" } else { ", perhaps of another container" };
                write!(f, "{count} lost in {place}{whose}: calls may be missing, or refused ones be allowed")
            }
            Self::Unnamed { arch, abi, number } => {
                write!(f, "{} call {number} has no name here and cannot be allowed", abi_name(*arch, *abi))
            }
        }
    }
}
