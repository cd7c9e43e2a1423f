//! Threads: whose calls they make, and in which phase they are.

use aya_ebpf::bindings::BPF_ANY;
use tracer_common::key::{OwnerKey, phase};

use crate::config;
use crate::fields::{cgroup_id, pid_view};
use crate::kernel::*;
use crate::maps::{TASKS, TASKS_OVERFLOW_MAP};
use crate::owner::{self, Slot};
use crate::state::{EMPTY, Task, flag};

/// The slot whose row is never watched: the tool itself.
pub const SELF: Slot = Slot { index: 1, generation: 0 };

/// The running thread's state, with its owner brought up to date.
///
/// `None` when both tables are full; the caller counts that.
///
/// # Safety
/// `task` is the current task.
#[inline(always)]
pub unsafe fn state(task: *const task_struct) -> Option<*mut Task> {
    let tid = task_struct_pid(task) as u32;
    let place = TASKS.get_ptr_mut(tid & config::tasks_mask())?;
    if (*place).task != task as u64 {
        return elsewhere(task, tid, place);
    }
    if (*place).cgroup_id != cgroup_id(task) || (*place).owner == owner::NONE.index {
        moved(task, place);
    }
    Some(place)
}

/// The state of a thread that is not at its place in the table: new, or crowded out.
#[inline(never)]
unsafe fn elsewhere(task: *const task_struct, tid: u32, place: *mut Task) -> Option<*mut Task> {
    if (*place).task == 0 {
        begin(task, place, flag::FRESH);
        return Some(place);
    }
    if let Some(place) = TASKS_OVERFLOW_MAP.get_ptr_mut(tid) {
        if (*place).task != task as u64 {
            begin(task, place, flag::FRESH);
        } else if (*place).cgroup_id != cgroup_id(task) || (*place).owner == owner::NONE.index {
            moved(task, place);
        }
        return Some(place);
    }
    TASKS_OVERFLOW_MAP.insert(tid, EMPTY, u64::from(BPF_ANY)).ok()?;
    let place = TASKS_OVERFLOW_MAP.get_ptr_mut(tid)?;
    begin(task, place, flag::FRESH);
    Some(place)
}

unsafe fn begin(task: *const task_struct, place: *mut Task, flags: u32) {
    *place = EMPTY;
    (*place).task = task as u64;
    (*place).flags = flags;
    identify(task, place);
}

/// The task is in another cgroup than before.
#[inline(never)]
unsafe fn moved(task: *const task_struct, place: *mut Task) -> i32 {
    let was = (*place).cgroup_id;
    // A process of the host that is put into a cgroup is a container in the making; one that is in
    // a container already just goes to another room of it.
    if was != cgroup_id(task) && pid_view(task).level == 0 {
        (*place).flags |= flag::SETUP;
    }
    identify(task, place);
    0
}

/// Looks up the owner for where the task is now and what phase it is in.
#[inline(never)]
unsafe fn identify(task: *const task_struct, place: *mut Task) -> i32 {
    let view = pid_view(task);
    let id = cgroup_id(task);
    if config::lineage_cgroup() != 0 && id == config::lineage_cgroup() {
        (*place).flags |= flag::LINEAGE;
    }
    let slot = if task_struct_tgid(task) as u32 == config::own_tgid() {
        SELF
    } else {
        let flags = (*place).flags;
        let phase = if flags & flag::SETUP != 0 { phase::SETUP } else { phase::WORKLOAD };
        let key = OwnerKey { cgroup_id: id, pid_ns: view.ns, phase };
        owner::slot(task, &key, flags & flag::LINEAGE != 0)
    };
    (*place).cgroup_id = id;
    (*place).vtgid = view.vtgid;
    (*place).owner = slot.index;
    (*place).generation = slot.generation;
    0
}

/// A thread was created by the current one, whose state is `parent`.
///
/// # Safety
/// `child` is a BTF-typed pointer to the new task, which does not run yet.
pub unsafe fn forked(
    parent: *const task_struct,
    parent_state: &Task,
    child: *const task_struct,
) -> Option<u32> {
    let tid = task_struct_pid(child) as u32;
    let place = TASKS.get_ptr_mut(tid & config::tasks_mask())?;
    let place = if (*place).task == 0 {
        place
    } else {
        TASKS_OVERFLOW_MAP.insert(tid, EMPTY, u64::from(BPF_ANY)).ok()?;
        TASKS_OVERFLOW_MAP.get_ptr_mut(tid)?
    };
    let mut flags = flag::FORKED | (parent_state.flags & (flag::SETUP | flag::LINEAGE));
    // The first process of a new pid namespace, or one born into another cgroup, is a container in
    // the making whatever its parent was.
    if pid_view(parent).ns != pid_view(child).ns || parent_state.cgroup_id != cgroup_id(child) {
        flags |= flag::SETUP;
    }
    begin(child, place, flags);
    Some((*place).vtgid)
}

/// The task executed a program: whatever prepared it is over. `old_tid` is the id it had before, which
/// differs when a thread other than the first one did it.
///
/// # Safety
/// `task` is the current task.
pub unsafe fn executed(task: *const task_struct, old_tid: u32, ends_setup: bool) -> Option<*mut Task> {
    let tid = task_struct_pid(task) as u32;
    if tid != old_tid {
        let old = state_of(task, old_tid)?;
        let kept = *old;
        forget(task, old_tid);
        let place = TASKS.get_ptr_mut(tid & config::tasks_mask())?;
        if (*place).task == 0 {
            *place = kept;
        } else {
            TASKS_OVERFLOW_MAP.insert(tid, &kept, u64::from(BPF_ANY)).ok()?;
        }
    }
    let place = state(task)?;
    if ends_setup && (*place).flags & flag::SETUP != 0 {
        (*place).flags &= !flag::SETUP;
        identify(task, place);
    }
    Some(place)
}

#[inline(always)]
unsafe fn state_of(task: *const task_struct, tid: u32) -> Option<*mut Task> {
    let place = TASKS.get_ptr_mut(tid & config::tasks_mask())?;
    if (*place).task == task as u64 {
        return Some(place);
    }
    TASKS_OVERFLOW_MAP.get_ptr_mut(tid)
}

/// # Safety
/// `task` is a task that had, or has, the id `tid`.
pub unsafe fn forget(task: *const task_struct, tid: u32) {
    if let Some(place) = TASKS.get_ptr_mut(tid & config::tasks_mask())
        && (*place).task == task as u64
    {
        (*place).task = 0;
        return;
    }
    let _ = TASKS_OVERFLOW_MAP.remove(tid);
}
