//! All maps. Sizes marked "set by user space" depend on the machine.

use aya_ebpf::bindings::{BPF_F_MMAPABLE, BPF_F_NO_PREALLOC};
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap, PerCpuArray, Queue, RingBuf};
use tracer_common::key::{
    ArgumentKey, CallInfo, CallKey, CapabilityCounts, CapabilityKey, Latency, OutcomeKey, OwnerInfo,
    OwnerKey, ProcessCounts, ProcessKey, Row,
};
use tracer_common::limits::{
    ARGUMENTS, CALLS, CAPABILITIES, EXECUTING, OUTCOMES, OWNERS, PROCESSES, RING_BYTES, TASKS_OVERFLOW,
};
use tracer_common::loss::Tally;

use crate::draft::{Draft, Kept};
use crate::state::Task;

/// State of every thread, by `tid & mask`; 120 bytes each. Set by user space to a power of two.
#[map]
pub static TASKS: Array<Task> = Array::with_max_entries(1, 0);

/// Threads whose place above is taken, by thread id.
#[map]
pub static TASKS_OVERFLOW_MAP: HashMap<u32, Task> =
    HashMap::with_max_entries(TASKS_OVERFLOW, BPF_F_NO_PREALLOC);

/// Owner to slot.
#[map]
pub static OWNERS_MAP: HashMap<OwnerKey, u32> = HashMap::with_max_entries(OWNERS, 0);

/// By slot.
#[map]
pub static OWNER_INFO: Array<OwnerInfo> = Array::with_max_entries(OWNERS + 1, 0);

/// By slot; 4 KiB each, 8 MiB in all.
#[map]
pub static ROWS: Array<Row> = Array::with_max_entries(OWNERS + 1, 0);

/// Slots to hand out; user space keeps it filled.
#[map]
pub static FREE_OWNERS: Queue<u32> = Queue::with_max_entries(OWNERS, 0);

/// The calls that were ever made, and where each is counted.
#[map]
pub static CALLS_MAP: HashMap<CallKey, CallInfo> = HashMap::with_max_entries(CALLS, 0);

/// Cells to hand out; user space keeps it filled.
#[map]
pub static FREE_CELLS: Queue<u32> = Queue::with_max_entries(CALLS, 0);

/// Calls made, by `cpu * cells + cell`, mapped into user space. Set by user space.
#[map]
pub static COUNTS: Array<u64> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Durations, by `cpu * timed + cell`, mapped into user space. Set by user space.
#[map]
pub static LATENCY: Array<Latency> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Failures and refusals.
#[map]
pub static OUTCOMES_MAP: HashMap<OutcomeKey, u64> = HashMap::with_max_entries(OUTCOMES, BPF_F_NO_PREALLOC);

/// Calls by the values of their arguments.
#[map]
pub static ARGUMENTS_MAP: HashMap<ArgumentKey, u64> = HashMap::with_max_entries(ARGUMENTS, BPF_F_NO_PREALLOC);

/// Calls by process, of owners that are looked at.
#[map]
pub static PROCESSES_MAP: HashMap<ProcessKey, ProcessCounts> =
    HashMap::with_max_entries(PROCESSES, BPF_F_NO_PREALLOC);

/// Checks of capabilities, of owners that are looked at.
#[map]
pub static CAPABILITIES_MAP: HashMap<CapabilityKey, CapabilityCounts> =
    HashMap::with_max_entries(CAPABILITIES, BPF_F_NO_PREALLOC);

/// The event path's ledger and the losses, by slot; 0: owner unknown.
#[map]
pub static TALLY: PerCpuArray<Tally> = PerCpuArray::with_max_entries(OWNERS + 1, 0);

/// Records that are being put together, by [`crate::draft::Place`].
#[map]
pub static DRAFTS: PerCpuArray<Draft> = PerCpuArray::with_max_entries(3, 0);

/// Files that are being executed, by the address of the task.
#[map]
pub static EXECUTING_MAP: HashMap<u64, Kept> = HashMap::with_max_entries(EXECUTING, BPF_F_NO_PREALLOC);

/// Records. Set by user space.
#[map]
pub static EVENTS: RingBuf = RingBuf::with_byte_size(RING_BYTES, 0);
