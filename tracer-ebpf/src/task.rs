//! Threads: whose calls they make, and in which phase they are.

use aya_ebpf::bindings::BPF_ANY;
use tracer_common::key::{self, OwnerKey, phase};

use crate::config;
use crate::fields::{PidView, cgroup_id, incarnation, pid_view, v1_id};
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
    if is_stale(task, place) {
        moved(task, place);
    }
    Some(place)
}

#[inline(always)]
unsafe fn is_stale(task: *const task_struct, place: *mut Task) -> bool {
    (*place).cgroups != task_struct_cgroups(task) as u64 || (*place).owner == owner::NONE.index
}

/// The state of a thread that is not at its place in the table: new, or crowded out.
#[inline(never)]
unsafe fn elsewhere(task: *const task_struct, tid: u32, place: *mut Task) -> Option<*mut Task> {
    if (*place).task == 0 {
        begin_fresh(task, place);
        return Some(place);
    }
    if let Some(place) = TASKS_OVERFLOW_MAP.get_ptr_mut(tid) {
        if (*place).task != task as u64 {
            begin_fresh(task, place);
        } else if is_stale(task, place) {
            moved(task, place);
        }
        return Some(place);
    }
    TASKS_OVERFLOW_MAP.insert(tid, &EMPTY, u64::from(BPF_ANY)).ok()?;
    let place = TASKS_OVERFLOW_MAP.get_ptr_mut(tid)?;
    begin_fresh(task, place);
    Some(place)
}

/// A thread met while it runs.
#[inline(never)]
unsafe fn begin_fresh(task: *const task_struct, place: *mut Task) -> i32 {
    *place = EMPTY;
    (*place).task = task as u64;
    (*place).flags = flag::FRESH;
    let view = pid_view(task);
    if task_struct_tgid(task) as u32 == config::held_tgid() {
        // As if its birth had been seen: what it is held for is its entrypoint.
        (*place).flags |= flag::SETUP | if view.vtgid == 1 { flag::INIT } else { 0 };
    } else if view.level > 0 {
        if view.vtgid == 1 {
            (*place).flags |= flag::FIRST | flag::INIT;
        } else if pid_view(task_struct_real_parent(task)).level < view.level {
            (*place).flags |= flag::EXEC;
            (*place).session = task_struct_tgid(task) as u32;
        }
    }
    identify(task, place, &view);
    0
}

/// The task is in another cgroup than before, of whatever hierarchy.
#[inline(never)]
unsafe fn moved(task: *const task_struct, place: *mut Task) -> i32 {
    let view = pid_view(task);
    let elsewhere = (*place).cgroup_id != cgroup_id(task) || (*place).v1_id != v1_id(task);
    // A process of the host that is put into a cgroup is a container in the making; one that is in
    // a container already just goes to another room of it.
    if elsewhere && view.level == 0 {
        (*place).flags |= flag::SETUP;
    }
    identify(task, place, &view);
    0
}

/// Looks up the owner for where the task is now and what phase it is in.
#[inline(never)]
unsafe fn identify(task: *const task_struct, place: *mut Task, view: &PidView) -> i32 {
    let id = cgroup_id(task);
    let v1_id = v1_id(task);
    let made_by_us = if config::lineage_v1() != 0 { v1_id } else { id };
    if config::lineage_cgroup() != 0 && made_by_us == config::lineage_cgroup() {
        (*place).flags |= flag::LINEAGE;
    }
    let slot = if task_struct_tgid(task) as u32 == config::own_tgid() {
        SELF
    } else {
        let flags = (*place).flags;
        let phase = match flags & (flag::SETUP | flag::EXEC) {
            0 => phase::WORKLOAD,
            flag::EXEC => phase::EXEC,
            _ => phase::SETUP,
        };
        let incarnation = incarnation(task, view);
        let owner_key = OwnerKey { cgroup_id: id, v1_id, incarnation, pid_ns: view.ns, phase };
        let lineage = if flags & flag::LINEAGE != 0 { key::owner::LINEAGE } else { 0 };
        let running = if flags & flag::FRESH != 0 { key::owner::RUNNING } else { 0 };
        owner::slot(task, view, &owner_key, lineage | running)
    };
    (*place).cgroups = task_struct_cgroups(task) as u64;
    (*place).cgroup_id = id;
    (*place).v1_id = v1_id;
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
        TASKS_OVERFLOW_MAP.insert(tid, &EMPTY, u64::from(BPF_ANY)).ok()?;
        TASKS_OVERFLOW_MAP.get_ptr_mut(tid)?
    };
    *place = EMPTY;
    (*place).task = child as u64;
    (*place).flags = flag::FORKED | (parent_state.flags & INHERITED);
    (*place).session = parent_state.session;
    let view = pid_view(child);
    if task_struct_tgid(child) == task_struct_tgid(parent) {
        (*place).flags |= parent_state.flags & (flag::FIRST | flag::INIT);
    } else if pid_view(parent).ns != view.ns {
        // The first process of a new pid namespace is a container in the making whatever its parent was;
        // another one enters a container that is there already.
        (*place).flags = flag::FORKED | flag::SETUP | (parent_state.flags & flag::LINEAGE);
        (*place).flags |= if view.vtgid == 1 { flag::INIT } else { flag::JOINED };
        (*place).session = 0;
    } else if view.level == 0 && parent_state.cgroup_id != cgroup_id(child) {
        // Born into another cgroup: as good as moved there.
        (*place).flags |= flag::SETUP;
    }
    identify(child, place, &view);
    Some((*place).vtgid)
}

/// What a child has of its parent.
const INHERITED: u32 = flag::SETUP | flag::LINEAGE | flag::JOINED | flag::EXEC;

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
        if (*place).flags & flag::JOINED != 0 {
            (*place).flags |= flag::EXEC;
            (*place).session = task_struct_tgid(task) as u32;
        } else {
            (*place).flags |= flag::FIRST;
        }
        (*place).flags &= !(flag::SETUP | flag::JOINED);
        identify(task, place, &pid_view(task));
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

/// The state of a thread that was met before, as it was then.
///
/// # Safety
/// `task` is the current task.
#[inline(always)]
pub unsafe fn met(task: *const task_struct) -> Option<*mut Task> {
    let place = state_of(task, task_struct_pid(task) as u32)?;
    if (*place).task == task as u64 { Some(place) } else { None }
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
