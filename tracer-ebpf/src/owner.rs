//! Owners: who a task's calls belong to, and the slot that stands for them.

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use aya_log_ebpf::warn;
use tracer_common::config::feature;
use tracer_common::key::{OwnerKey, owner, row};

use crate::fields::{PidView, comm, mnt_ns, origin};
use crate::kernel::*;
use crate::maps::{FREE_OWNERS, OWNER_INFO, OWNERS_MAP, ROWS};
use crate::{config, emit, read};

/// A slot and the number of its life.
#[derive(Clone, Copy)]
pub struct Slot {
    pub index: u32,
    pub generation: u32,
}

/// No owner could be given.
pub const NONE: Slot = Slot { index: 0, generation: 0 };

/// The slot of `key`, a new one if need be; [`NONE`] when they are used up.
///
/// # Safety
/// `task` is a task that the caller holds, `view` its own.
pub unsafe fn slot(task: *const task_struct, view: &PidView, key: &OwnerKey, flags: u32) -> Slot {
    if let Some(slot) = known(key) {
        return slot;
    }
    let Ok(Some(index)) = FREE_OWNERS.pop() else {
        warn!((), "no slot is left for cgroup {}", key.cgroup_id);
        return NONE;
    };
    let Some(info) = OWNER_INFO.get_ptr_mut(index) else { return NONE };
    let generation = (*info).generation.wrapping_add(1);
    // One by one: as a whole it would take too much of the stack.
    (*info).key = *key;
    (*info).first_ns = bpf_ktime_get_ns();
    (*info).first_tgid = task_struct_tgid(task) as u32;
    (*info).mnt_ns = mnt_ns(task);
    (*info).comm = comm(task);
    (*info).generation = generation;
    (*info).flags = flags;
    origin(task, view, info);
    if config::has(feature::ONLY_LINEAGE)
        && flags & owner::LINEAGE == 0
        && let Some(row) = ROWS.get_ptr_mut(index)
    {
        (*row).flags |= row::IGNORED;
    }
    // Another CPU may be doing the same: the map decides, and the loser gives its slot back.
    if OWNERS_MAP.insert(key, index, u64::from(BPF_NOEXIST)).is_err() {
        let _ = FREE_OWNERS.push(index, 0);
        return known(key).unwrap_or(NONE);
    }
    emit::owner(index, &*info);
    Slot { index, generation }
}

#[inline(always)]
unsafe fn known(key: &OwnerKey) -> Option<Slot> {
    let index = *OWNERS_MAP.get(key)?;
    let info = OWNER_INFO.get_ptr(index)?;
    Some(Slot { index, generation: read::kernel(&raw const (*info).generation) })
}
