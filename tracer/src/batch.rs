//! What a source hands on: the one thing that crosses from the kernel and the file system to the
//! rest of ctrace, and exactly what a recording holds.

use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tracer_common::config::feature;
use tracer_common::key::{ArgumentKey, CallInfo, CallKey, Latency, OutcomeKey, standing};
use tracer_common::limits::COMM_LEN;
use tracer_common::loss::Tally;

use crate::container::Identity;

/// The circumstances of a trace: constant from its start to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Of ctrace.
    pub version: String,
    pub host_name: String,
    /// `uname -r`.
    pub kernel: String,
    pub arch: Arch,
    /// What has to be added to a `CLOCK_MONOTONIC` time to get ns since 1970.
    pub wall_offset_ns: i64,
    /// `CLOCK_MONOTONIC` at the start, ns.
    pub started_ns: u64,
    /// Bits of [`tracer_common::config::feature`].
    pub features: u32,
}

impl Session {
    /// Whether every call has a record, so that nothing more has to be asked for to tell processes apart.
    pub const fn records_every_call(&self) -> bool {
        let some = feature::FOCUS | feature::ONLY_FAILED | feature::ONLY_DENIED;
        self.features & (feature::SYSCALL_RECORDS | some) == feature::SYSCALL_RECORDS
    }
}

/// The machine's own ABI; it decides what system call numbers mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arch {
    X86_64,
    Aarch64,
    /// Profiles are written for it; nothing is traced there.
    Riscv64,
}

/// A stretch of a trace. Reused from poll to poll.
#[derive(Default)]
pub struct Batch {
    /// `CLOCK_MONOTONIC` at the poll, ns: the only clock that the rest of ctrace knows.
    pub now_ns: u64,
    /// Owners that were met or are now known better. They come before the records that name them.
    pub identities: Vec<Identity>,
    /// Ring buffer records, one behind the other, each as long as its header says.
    pub records: Vec<u8>,
    /// Present when one was asked for.
    pub sample: Option<Sample>,
}

impl Batch {
    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        let Self { now_ns, identities, records, sample } = self;
        *now_ns = 0;
        identities.clear();
        records.clear();
        *sample = None;
    }
}

/// The counters. Values are totals since the start; what did not change since the last sample of
/// the source may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    pub calls: Vec<CallSample>,
    pub outcomes: Vec<OutcomeSample>,
    /// With [`feature::ARGUMENTS`].
    pub arguments: Vec<ArgumentSample>,
    pub tallies: Vec<TallySample>,
    /// While a [`Detail`] asks for them.
    pub processes: Vec<ProcessSample>,
    /// While a [`Detail`] asks for them.
    pub capabilities: Vec<CapabilitySample>,
    /// All of them each time, with [`feature::CAPABILITIES`]. Live only.
    pub checks: Vec<CheckSample>,
    /// All of them each time, a container's at one of its owners.
    pub resources: Vec<ResourceSample>,
    /// Live only.
    pub own: Option<OwnSample>,
}

/// An owner's slot together with the number of its life: never two owners in one trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OwnerId {
    pub slot: u32,
    pub generation: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallSample {
    pub owner: OwnerId,
    pub key: CallKey,
    pub info: CallInfo,
    /// Calls made.
    pub count: u64,
    /// Durations, where they are measured.
    pub latency: Option<Box<Latency>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeSample {
    pub owner: OwnerId,
    pub key: OutcomeKey,
    pub count: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentSample {
    pub owner: OwnerId,
    pub key: ArgumentKey,
    pub count: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TallySample {
    /// Slot 0: owner unknown.
    pub owner: OwnerId,
    pub tally: Tally,
}

/// What a process called since it is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessSample {
    pub owner: OwnerId,
    pub pid: u32,
    pub comm: [u8; COMM_LEN],
    pub calls: u64,
    pub errors: u64,
    pub denied: u64,
}

/// How often a capability was checked since that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapabilitySample {
    pub owner: OwnerId,
    /// `CAP_*` number.
    pub capability: u8,
    pub granted: u64,
    pub refused: u64,
    /// Process of the last check, and its comm.
    pub pid: u32,
    pub comm: [u8; COMM_LEN],
}

/// How a capability was checked, and who asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CheckKey {
    pub owner: OwnerId,
    /// `CAP_*` number.
    pub capability: u8,
    pub refused: bool,
    pub standing: Standing,
    /// Names of the kernel's functions from `cap_capable` on, the nearest one first, at most
    /// [`tracer_common::limits::ASKERS`]. Empty: not known.
    pub askers: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSample {
    pub key: CheckKey,
    pub count: u64,
    /// `CLOCK_MONOTONIC`, ns.
    pub first_ns: u64,
    /// Process of the first check, and its comm.
    pub first_pid: u32,
    pub first_comm: [u8; COMM_LEN],
}

impl CheckSample {
    /// More of the same.
    pub fn add(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        if other.first_ns < self.first_ns {
            (self.first_ns, self.first_pid, self.first_comm) =
                (other.first_ns, other.first_pid, other.first_comm);
        }
    }
}

/// In what right a task was checked: see [`standing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Standing {
    Own,
    Borrowed,
    Inner,
    Outside,
    Maker,
}

impl From<u8> for Standing {
    fn from(number: u8) -> Self {
        match number {
            standing::BORROWED => Self::Borrowed,
            standing::INNER => Self::Inner,
            standing::OUTSIDE => Self::Outside,
            standing::MAKER => Self::Maker,
            _ => Self::Own,
        }
    }
}

/// What the owner's container uses, as its cgroup says; None: the cgroup does not say, or is not the container's alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResourceSample {
    pub owner: OwnerId,
    /// Since the cgroup was made, ns.
    pub cpu_ns: Option<u64>,
    pub memory_bytes: Option<u64>,
    /// Processes, and threads beside each one's first, as limits count them.
    pub processes: Option<u32>,
}

/// What ctrace itself uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnSample {
    /// Since it was started, ns.
    pub cpu_ns: u64,
    /// Resident.
    pub memory_bytes: u64,
    /// Most bytes that waited in the ring buffer at a time since the last sample.
    pub ring_bytes: u64,
    /// Of the ring buffer.
    pub ring_size: u64,
}

/// What a view may want to know beyond counts; it costs only while somebody looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Detail {
    /// Calls by process: counted in the kernel.
    Processes,
    /// Uses of capabilities: counted in the kernel.
    Capabilities,
    /// A record for every call, fork, exec and exit.
    Records,
}

/// Whether a [`Detail`] can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Focus {
    Ready,
    /// Why not, in a sentence.
    Unavailable(String),
}

/// What a poll has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// There may be more at once.
    Busy,
    /// Nothing is waiting.
    Idle,
    /// A recording's end; a kernel has none.
    End,
}

/// Where batches come from: the kernel, a recording, or a list in a test.
pub trait Source {
    fn session(&self) -> &Session;

    /// Fills `batch`, which the caller has cleared. Does not wait.
    ///
    /// `sample` asks for the counters; a recording has them at the times it was made with.
    fn poll(&mut self, batch: &mut Batch, sample: bool) -> Result<Status>;

    /// Waits until something happens that should not wait, at most that long. A source that is never
    /// idle does not wait.
    fn wait(&self, limit: Duration);

    /// Detaches: from now on nothing new happens, and polling brings what is left.
    fn stop(&mut self) -> Result<()>;

    /// Tells the kernel to leave an owner's calls alone; a recording ignores it.
    fn ignore(&mut self, owner: OwnerId) -> Result<()>;

    /// Has the kernel tell `detail` of these owners and of no others, None: of nobody. A recording has what it was
    /// made with.
    fn focus(&mut self, detail: Option<Detail>, owners: &[OwnerId]) -> Result<Focus>;
}
