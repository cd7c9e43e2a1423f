//! From checks to needs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use tracer_common::loss::Loss;

use super::summary::list;
use super::{Asker, asker, name};
use crate::batch::{CheckSample, Standing};
use crate::container::Phase;

/// What one container needs, and how far that is to be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Numbers.
    pub needed: BTreeSet<u8>,
    /// All that were seen, by capability and reason.
    pub checks: Vec<Check>,
    pub notes: Vec<Note>,
    /// Why it is not complete; empty: it is.
    pub reasons: Vec<Reason>,
    pub recorded_ns: u64,
}

/// Checks that have everything in common but their moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub capability: u8,
    pub why: Why,
    /// The kernel's function that wanted to know.
    pub asked_by: Option<String>,
    /// By a program that somebody brought into the container: an `exec` session or a health check.
    pub exec: bool,
    pub granted: u64,
    pub refused: u64,
    pub first: First,
}

/// What a check is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Granted, and the answer decided something.
    Needed,
    /// Not granted, where that decided something.
    Refused,
    /// The answer decided nothing.
    Probe,
    Borrowed,
    Inner,
    Outside,
    Maker,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct First {
    /// ns since 1970.
    pub wall_ns: i64,
    pub pid: u32,
    /// As the kernel has it, lossy.
    pub comm: String,
}

/// How it was recorded.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// Whether the container's program was seen to start.
    pub from_start: bool,
    pub running: bool,
    pub losses: Vec<Lost>,
    /// To be added to a `CLOCK_MONOTONIC` time to get ns since 1970.
    pub wall_offset_ns: i64,
    pub recorded_ns: u64,
}

/// As [`crate::snapshot::LossRow`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    pub place: &'static str,
    pub count: u64,
    /// False: nobody can tell whose it was.
    pub own: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// What it does when it is stopped was not seen.
    StillRunning,
    /// These are needed by `exec` sessions and not by the container's own program.
    ExecOnly(BTreeSet<u8>),
}

/// Why a set is not to be trusted blindly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    StartMissed,
    Lost(Lost),
    /// That many checks may have been probes.
    Unclassified(u64),
    /// A capability that is newer than this ctrace.
    Unnamed(u8),
}

/// Places whose losses make a capability disappear: checks are not counted, or those of a process that is not known.
const HARMFUL: [&str; 3] = [Loss::Owners.name(), Loss::Tasks.name(), Loss::Capabilities.name()];

impl Needs {
    /// `checks` are those of one container's owners.
    pub fn new<'a>(
        checks: impl IntoIterator<Item = (Phase, &'a CheckSample)>,
        circumstances: &Circumstances,
    ) -> Self {
        let mut sums: BTreeMap<_, Check> = BTreeMap::new();
        let mut unclassified = 0_u64;
        for (phase, sample) in checks {
            if phase == Phase::Setup {
                continue;
            }
            let by = asker(&sample.key.askers);
            if by.function.is_none() {
                unclassified = unclassified.saturating_add(sample.count);
            }
            let check = check(sample, phase, by, circumstances.wall_offset_ns);
            let key = (check.capability, check.why, check.exec, check.asked_by.clone());
            match sums.get_mut(&key) {
                Some(sum) => sum.add(check),
                None => drop(sums.insert(key, check)),
            }
        }
        let checks: Vec<Check> = sums.into_values().collect();
        let seen = |exec: fn(&Check) -> bool| -> BTreeSet<u8> {
            let needed = checks.iter().filter(|check| check.why == Why::Needed && exec(check));
            needed.map(|check| check.capability).collect()
        };
        let (needed, by_workload) = (seen(|_| true), seen(|check| !check.exec));
        let mut notes = Vec::new();
        if circumstances.running {
            notes.push(Note::StillRunning);
        }
        let exec_only = &needed - &by_workload;
        if !exec_only.is_empty() {
            notes.push(Note::ExecOnly(exec_only));
        }
        let mut reasons = Vec::new();
        if !circumstances.from_start {
            reasons.push(Reason::StartMissed);
        }
        let lost = circumstances.losses.iter().filter(|lost| HARMFUL.contains(&lost.place) && lost.count > 0);
        reasons.extend(lost.copied().map(Reason::Lost));
        if unclassified > 0 {
            reasons.push(Reason::Unclassified(unclassified));
        }
        reasons.extend(needed.iter().filter(|number| name(**number).is_none()).copied().map(Reason::Unnamed));
        Self { needed, checks, notes, reasons, recorded_ns: circumstances.recorded_ns }
    }

    /// Names of what is needed, in the order of their numbers; those that have one.
    pub fn names(&self) -> Vec<&'static str> {
        self.needed.iter().filter_map(|number| name(*number)).collect()
    }
}

impl Check {
    fn add(&mut self, other: Self) {
        self.granted = self.granted.saturating_add(other.granted);
        self.refused = self.refused.saturating_add(other.refused);
        if other.first.wall_ns < self.first.wall_ns {
            self.first = other.first;
        }
    }
}

fn check(sample: &CheckSample, phase: Phase, by: Asker<'_>, wall_offset_ns: i64) -> Check {
    let CheckSample { key, count, first_ns, first_pid, first_comm } = sample;
    let why = match (by.probes, key.standing, key.refused) {
        (true, _, _) => Why::Probe,
        (false, Standing::Borrowed, _) => Why::Borrowed,
        (false, Standing::Inner, _) => Why::Inner,
        (false, Standing::Outside, _) => Why::Outside,
        (false, Standing::Maker, _) => Why::Maker,
        (false, Standing::Own, true) => Why::Refused,
        (false, Standing::Own, false) => Why::Needed,
    };
    let comm = first_comm.split(|&byte| byte == 0).next().unwrap_or_default();
    Check {
        capability: key.capability,
        why,
        asked_by: by.function.map(str::to_owned),
        exec: phase == Phase::Exec,
        granted: if key.refused { 0 } else { *count },
        refused: if key.refused { *count } else { 0 },
        first: First {
            wall_ns: i64::try_from(*first_ns).unwrap_or(i64::MAX).saturating_add(wall_offset_ns),
            pid: *first_pid,
            comm: String::from_utf8_lossy(comm).into_owned(),
        },
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StillRunning => {
                f.write_str("it was still running: what it needs only on shutdown is missing")
            }
            Self::ExecOnly(set) => write!(f, "only exec sessions or health checks need {}", list(set)),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartMissed => f.write_str(
                "the container was started before the recording: what its start-up needs is missing; \
                 record again and start the container afterwards",
            ),
            Self::Lost(Lost { place, count, own }) => {
                let whose = if *own { "" } else { ", perhaps of another container" };
                write!(f, "{count} lost in {place}{whose}: needs may be missing")
            }
            Self::Unclassified(count) => write!(
                f,
                "who asked is not known of {count} checks, so there may be too many: addresses of kernel functions are hidden \
                 (sysctl kernel.kptr_restrict=1 shows them to root with CAP_SYSLOG)"
            ),
            Self::Unnamed(number) => write!(
                f,
                "capability {number} has no name here and is not in the set: it is newer than this ctrace"
            ),
        }
    }
}
