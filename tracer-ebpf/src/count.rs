//! Counting: calls, durations, outcomes, losses.

use core::intrinsics::AtomicOrdering;

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::generated::{bpf_get_smp_processor_id, bpf_ktime_get_ns};
use aya_log_ebpf::warn;
use tracer_common::config::reads;
use tracer_common::key::{
    ArgumentKey, CallInfo, CallKey, CapabilityCounts, CapabilityKey, OutcomeKey, ProcessCounts, ProcessKey,
    Row,
};
use tracer_common::limits::{
    ARGUMENT_VALUES, BUCKETS, CLONE_NAMESPACES, COMM_LEN, INDEXED_ABIS, INDEXED_NRS,
};
use tracer_common::loss::{Loss, Tally};

use crate::config;
use crate::fields::comm;
use crate::kernel::*;
use crate::maps::{
    ARGUMENTS_MAP, CALLS_MAP, CAPABILITIES_MAP, COUNTS, FREE_CELLS, LATENCY, OUTCOMES_MAP, PROCESSES_MAP,
    TALLY,
};
use crate::read::opaque;
use crate::regs::Number;
use crate::state::Task;

/// A power of two, so that the remainder is a mask.
const CELLS: u32 = INDEXED_ABIS * INDEXED_NRS;
const _: () = assert!(CELLS.is_power_of_two());

/// Counts a call and returns its cell, 0 if there is none.
///
/// # Safety
/// `row` is the owner's, `task` the current task, `state` its own.
#[inline(always)]
pub unsafe fn call(row: *mut Row, state: *const Task, number: Number, task: *const task_struct) -> u32 {
    let owner = (*state).owner;
    let indexed = u32::from(number.nr) < INDEXED_NRS && u32::from(number.abi) < INDEXED_ABIS;
    let index =
        opaque(u64::from(u32::from(number.abi) * INDEXED_NRS + u32::from(number.nr))) % u64::from(CELLS);
    let known = (&raw mut (*row).cell).cast::<u32>().add(index as usize);
    let mut cell = if indexed { *known } else { 0 };
    if cell == 0 {
        cell = find(task, &CallKey { owner, abi: number.abi, nr: number.nr }, row, (*state).session);
        if cell == 0 {
            lost(owner, Loss::Calls);
            return 0;
        }
        if indexed {
            *known = cell;
        }
    }
    let place = bpf_get_smp_processor_id() as u32 * config::cells() + cell;
    if let Some(count) = COUNTS.get_ptr_mut(place) {
        *count += 1;
    }
    cell
}

/// The cell of a call that the owner's row does not know yet.
#[inline(never)]
unsafe fn find(task: *const task_struct, key: &CallKey, row: *mut Row, session: u32) -> u32 {
    if let Some(info) = CALLS_MAP.get_ptr_mut(key) {
        if (*row).serving != 0 && (*info).again_ns == 0 {
            (*info).again_ns = bpf_ktime_get_ns();
        }
        return (*info).cell;
    }
    let Ok(Some(cell)) = FREE_CELLS.pop() else {
        warn!((), "no counter is left for call {} of owner {}", key.nr, key.owner);
        return 0;
    };
    let info = CallInfo {
        cell,
        first_tgid: task_struct_tgid(task) as u32,
        first_ns: bpf_ktime_get_ns(),
        first_comm: comm(task),
        first_session: session,
        values: 0,
        again_ns: 0,
    };
    if config::reads(key.abi, key.nr) & reads::SERVES != 0 && (*row).serving == 0 {
        (*row).serving = 1;
        empty(row);
    }
    // Another CPU may be doing the same: the map decides, and the loser gives its cell back.
    if CALLS_MAP.insert(key, &info, u64::from(BPF_NOEXIST)).is_err() {
        let _ = FREE_CELLS.push(cell, 0);
        return match CALLS_MAP.get_ptr(key) {
            Some(info) => (*info).cell,
            None => 0,
        };
    }
    cell
}

/// Every call has to be found in the call table again.
#[inline(always)]
unsafe fn empty(row: *mut Row) {
    // Two at a time. Volatile: of a plain loop a call of `memset` would be made, which there is not.
    let pairs = (&raw mut (*row).cell).cast::<u64>();
    for pair in 0..CELLS as usize / 2 {
        pairs.add(pair).write_volatile(0);
    }
}

/// Counts a call by those of its arguments that its entry in the table of calls names, if any. It has a cell.
///
/// # Safety
/// `state` is the current task's, with the call's arguments in it.
#[inline(never)]
pub unsafe fn arguments(state: *const Task, number: u32, entry: u64) -> i32 {
    let call = CallKey { owner: (*state).owner, abi: (number >> 16) as u16, nr: number as u16 };
    let mut first = argument(state, entry >> reads::FIRST_VALUE_SHIFT);
    if entry & reads::NAMESPACES != 0 {
        first &= CLONE_NAMESPACES;
    }
    let key = ArgumentKey { call, values: [first, argument(state, entry >> reads::SECOND_VALUE_SHIFT)] };
    if let Some(count) = ARGUMENTS_MAP.get_ptr_mut(&key) {
        add(count, 1);
        return 0;
    }
    let Some(info) = CALLS_MAP.get_ptr_mut(&key.call) else { return 0 };
    if (*info).values >= ARGUMENT_VALUES {
        (*info).values = ARGUMENT_VALUES + 1;
        return 0;
    }
    if ARGUMENTS_MAP.insert(&key, 1u64, u64::from(BPF_NOEXIST)).is_ok() {
        // Two CPUs at once may make it one less: then one more is told apart.
        (*info).values += 1;
        return 0;
    }
    match ARGUMENTS_MAP.get_ptr_mut(&key) {
        Some(count) => add(count, 1),
        // No room is as good as too many.
        None => (*info).values = ARGUMENT_VALUES + 1,
    }
    0
}

/// The lower half of the argument in the lowest bits of `entry`, 0 if there is none.
#[inline(always)]
unsafe fn argument(state: *const Task, entry: u64) -> u32 {
    let at = opaque((entry & reads::ARGUMENT).wrapping_sub(1));
    if at >= 6 {
        return 0;
    }
    (&raw const (*state).args).cast::<u64>().add(at as usize).read_volatile() as u32
}

/// # Safety
/// `cell` came from [`call`].
#[inline(always)]
pub unsafe fn duration(owner: u32, cell: u32, ns: u64) {
    let timed = config::timed();
    if cell >= timed {
        lost(owner, Loss::Latency);
        return;
    }
    let place = bpf_get_smp_processor_id() as u32 * timed + cell;
    if let Some(latency) = LATENCY.get_ptr_mut(place) {
        (*latency).total_ns += ns;
        if ns > (*latency).max_ns {
            (*latency).max_ns = ns;
        }
        let bucket = log2(ns);
        let bucket = opaque(bucket as u64) as usize;
        if bucket < BUCKETS {
            (*latency).buckets[bucket] += 1;
        }
    }
}

/// Position of the highest bit, at most the last bucket.
#[inline(always)]
fn log2(ns: u64) -> usize {
    let mut value = ns;
    let mut bits = 0;
    // Five comparisons: BPF has no instruction that counts leading zeroes.
    if value >= 1 << 32 {
        value >>= 32;
        bits += 32;
    }
    if value >= 1 << 16 {
        value >>= 16;
        bits += 16;
    }
    if value >= 1 << 8 {
        value >>= 8;
        bits += 8;
    }
    if value >= 1 << 4 {
        value >>= 4;
        bits += 4;
    }
    if value >= 1 << 2 {
        value >>= 2;
        bits += 2;
    }
    if value >= 1 << 1 {
        bits += 1;
    }
    if bits < BUCKETS { bits } else { BUCKETS - 1 }
}

/// # Safety
/// Callable anywhere.
#[inline(never)]
pub unsafe fn outcome(owner: u32, number: u32, errno: u32, kind: u32) -> i32 {
    let call = CallKey { owner, abi: (number >> 16) as u16, nr: number as u16 };
    let key = OutcomeKey { call, errno: errno as u16, kind: kind as u16, pad: 0 };
    if let Some(count) = OUTCOMES_MAP.get_ptr_mut(&key) {
        add(count, 1);
        return 0;
    }
    if OUTCOMES_MAP.insert(&key, 1u64, u64::from(BPF_NOEXIST)).is_err() {
        // Either another CPU was first, or the map is full.
        match OUTCOMES_MAP.get_ptr_mut(&key) {
            Some(count) => add(count, 1),
            None => lost(owner, Loss::Outcomes),
        }
    }
    0
}

/// What [`process`] counts.
pub mod made {
    pub const CALL: u32 = 1 << 0;
    pub const ERROR: u32 = 1 << 1;
    pub const DENIED: u32 = 1 << 2;
}

/// In memory: on the stack it would take too much.
static NO_CALLS: ProcessCounts =
    ProcessCounts { calls: 0, errors: 0, denied: 0, ended: 0, comm: [0; COMM_LEN] };

/// Counts bits of [`made`] for a task's process.
///
/// # Safety
/// `task` is the current task.
#[inline(never)]
pub unsafe fn process(task: *const task_struct, owner: u32, what: u32) -> i32 {
    let key = ProcessKey { owner, tgid: task_struct_tgid(task) as u32 };
    if PROCESSES_MAP.get_ptr_mut(&key).is_none() {
        // It fails as well when another thread was first.
        let _ = PROCESSES_MAP.insert(&key, &NO_CALLS, u64::from(BPF_NOEXIST));
    }
    let Some(counts) = PROCESSES_MAP.get_ptr_mut(&key) else {
        if what & made::CALL != 0 {
            lost(owner, Loss::Processes);
        }
        return 0;
    };
    // It may have executed another program since.
    (*counts).comm = comm(task_struct_group_leader(task));
    if what & made::CALL != 0 {
        add(&raw mut (*counts).calls, 1);
    }
    if what & made::ERROR != 0 {
        add(&raw mut (*counts).errors, 1);
    }
    if what & made::DENIED != 0 {
        add(&raw mut (*counts).denied, 1);
    }
    0
}

/// Nothing more will come from a task's process.
///
/// # Safety
/// As [`process`].
#[inline(always)]
pub unsafe fn process_ended(task: *const task_struct, owner: u32) {
    let key = ProcessKey { owner, tgid: task_struct_tgid(task) as u32 };
    if let Some(counts) = PROCESSES_MAP.get_ptr_mut(&key) {
        (*counts).ended = 1;
    }
}

static NO_CHECKS: CapabilityCounts = CapabilityCounts {
    count: 0,
    first_ns: 0,
    last_ns: 0,
    first_tgid: 0,
    last_tgid: 0,
    first_comm: [0; COMM_LEN],
    last_comm: [0; COMM_LEN],
};

/// # Safety
/// As [`process`].
#[inline(always)]
pub unsafe fn capability(task: *const task_struct, key: &CapabilityKey) {
    if CAPABILITIES_MAP.get_ptr_mut(key).is_none() {
        let _ = CAPABILITIES_MAP.insert(key, &NO_CHECKS, u64::from(BPF_NOEXIST));
    }
    let Some(counts) = CAPABILITIES_MAP.get_ptr_mut(key) else { return lost(key.owner, Loss::Capabilities) };
    let (now, tgid) = (bpf_ktime_get_ns(), task_struct_tgid(task) as u32);
    (*counts).last_ns = now;
    (*counts).last_tgid = tgid;
    (*counts).last_comm = comm(task_struct_group_leader(task));
    if (*counts).count == 0 {
        (*counts).first_ns = now;
        (*counts).first_tgid = tgid;
        (*counts).first_comm = comm(task_struct_group_leader(task));
    }
    add(&raw mut (*counts).count, 1);
}

/// An atomic addition whose result nobody reads: one instruction that every kernel has.
#[inline(always)]
unsafe fn add(count: *mut u64, by: u64) {
    core::intrinsics::atomic_xadd::<u64, u64, { AtomicOrdering::Relaxed }>(count, by);
}

/// # Safety
/// Callable anywhere.
#[inline(always)]
pub unsafe fn lost(owner: u32, place: Loss) {
    tally(owner, |tally| tally.lost[place as usize] += 1);
}

/// # Safety
/// Callable anywhere.
#[inline(always)]
pub unsafe fn tally(owner: u32, change: impl FnOnce(&mut Tally)) {
    if let Some(tally) = TALLY.get_ptr_mut(owner) {
        change(&mut *tally);
    }
}
