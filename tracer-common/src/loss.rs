//! The places in the kernel where something can be lost, and the counters of the event path.

/// Index into [`Tally::lost`].
#[repr(usize)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Loss {
    /// No room in the ring buffer: an event is missing.
    Ring = 0,
    /// More owners than [`crate::limits::OWNERS`]: the calls of the new one are not counted.
    Owners = 1,
    /// More calls than [`crate::limits::CALLS`]: this call is not counted.
    Calls = 2,
    /// More outcomes than [`crate::limits::OUTCOMES`]: an error or refusal is not counted.
    Outcomes = 3,
    /// More threads than the task tables hold: a call has no duration, and a refusal may be missed.
    Tasks = 4,
    /// The call is counted, but its duration is not: see [`crate::limits::LATENCY_BYTES`].
    Latency = 5,
    /// More processes than [`crate::limits::PROCESSES`]: the call is counted, but not by process.
    Processes = 6,
    /// More capabilities than [`crate::limits::CAPABILITIES`]: a check is not counted.
    Capabilities = 7,
}

/// How many places there are.
pub const PLACES: usize = 8;

impl Loss {
    pub const ALL: [Self; PLACES] = [
        Self::Ring,
        Self::Owners,
        Self::Calls,
        Self::Outcomes,
        Self::Tasks,
        Self::Latency,
        Self::Processes,
        Self::Capabilities,
    ];

    /// The name of the place in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ring => "ring",
            Self::Owners => "owner_table",
            Self::Calls => "call_table",
            Self::Outcomes => "outcome_table",
            Self::Tasks => "task_table",
            Self::Latency => "latency_table",
            Self::Processes => "process_table",
            Self::Capabilities => "capability_table",
        }
    }
}

/// One owner's ledger in the kernel, a copy per CPU. `seen = filtered + sent + lost[Ring]`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events that happened while records were asked for.
    pub seen: u64,
    /// Events that the kernel's filter rejected.
    pub filtered: u64,
    /// Records put into the ring buffer.
    pub sent: u64,
    /// By [`Loss`].
    pub lost: [u64; PLACES],
}
const _: () = assert!(size_of::<Tally>() == 88);

impl Tally {
    pub fn lost_at(&self, place: Loss) -> u64 {
        self.lost.get(place as usize).copied().unwrap_or_default()
    }
}

#[cfg(feature = "user")]
mod pod {
    #![expect(unsafe_code, reason = "aya's `Pod` is how a map type says that it is plain bytes")]
    // SAFETY: `repr(C)` integers and arrays of them, without padding, as the size assertion shows.
    unsafe impl aya::Pod for super::Tally {}
}
