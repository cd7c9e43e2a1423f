//! What is remembered of every thread: its owner, its phase and the call it is in.

use aya_ebpf::bindings::BPF_ANY;
use aya_ebpf::helpers::generated::bpf_get_current_task_btf;
use tracer_common::key::{OwnerKey, phase};
use tracer_common::limits::COMM_LEN;

use crate::kernel::*;
use crate::maps::{TASKS, TASKS_OVERFLOW_MAP};
use crate::owner::{self, Slot};
use crate::{config, read};

/// The slot whose row is never watched: the tool itself.
pub const SELF: Slot = Slot { index: 1, generation: 0 };

/// Bits of [`Task::flags`].
pub mod flag {
    /// Has not executed a program since it came into its cgroup from outside.
    pub const SETUP: u32 = 1 << 0;
    /// Nothing of it was seen yet: the first exit may belong to a call begun before us.
    pub const FRESH: u32 = 1 << 1;
    /// Just forked: its first event is the exit of the parent's `clone`.
    pub const FORKED: u32 = 1 << 2;
    /// Descends from the cgroup that `config::lineage_cgroup` names.
    pub const LINEAGE: u32 = 1 << 3;
}

/// Value of [`Task::entered`]: in no call.
pub const IDLE: u32 = 0;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Task {
    /// The `task_struct`'s address: whose state this is. 0: nobody's.
    pub task: u64,
    /// The cgroup for which `owner` holds.
    pub cgroup_id: u64,
    pub owner: u32,
    pub generation: u32,
    /// Bits of [`flag`].
    pub flags: u32,
    /// [`IDLE`], or the call it is in: `1 << 31 | abi << 16 | nr`.
    pub entered: u32,
    /// Counter of that call, 0: none.
    pub cell: u32,
    pub vtgid: u32,
    pub start_ns: u64,
    pub args: [u64; 6],
}
const _: () = assert!(size_of::<Task>() == 96);

#[inline(always)]
pub fn current_task() -> *const task_struct {
    // SAFETY: returns the running task, which stays while the program runs.
    unsafe { bpf_get_current_task_btf().cast_const().cast() }
}

/// # Safety
/// `task` is a BTF-typed pointer, as for all functions below.
#[inline(always)]
pub unsafe fn cgroup_id(task: *const task_struct) -> u64 {
    kernfs_node_id(cgroup_kn(css_set_dfl_cgrp(task_struct_cgroups(task))))
}

/// # Safety
/// See [`cgroup_id`].
#[inline(always)]
pub unsafe fn comm(task: *const task_struct) -> [u8; COMM_LEN] {
    // Two loads instead of a helper call.
    let from = task_struct_comm_at(task).cast::<u64>();
    let words = [*from, *from.add(1)];
    core::mem::transmute(words)
}

/// # Safety
/// See [`cgroup_id`].
#[inline(always)]
pub unsafe fn mnt_ns(task: *const task_struct) -> u32 {
    let nsproxy = task_struct_nsproxy(task);
    let namespace = read::kernel_ptr(nsproxy_mnt_ns_at(nsproxy));
    read::kernel(ns_common_inum_at(mnt_namespace_ns_at(namespace)))
}

/// A task's innermost pid namespace, and its process id there.
pub struct PidView {
    pub ns: u32,
    pub level: u32,
    pub vtgid: u32,
}

/// `struct upid`: an int and a pointer, on every 64-bit kernel.
const UPID_BYTES: u64 = 16;

/// # Safety
/// See [`cgroup_id`].
#[inline(always)]
pub unsafe fn pid_view(task: *const task_struct) -> PidView {
    // The number of the namespace is a variable index, which a BTF-typed pointer does not allow.
    let pid = task_struct_thread_pid(task_struct_group_leader(task));
    let level = read::kernel(pid_level_at(pid));
    let upid = (pid_numbers_at(pid) as u64 + u64::from(level & 63) * UPID_BYTES) as *const upid;
    let namespace = read::kernel_ptr(upid_ns_at(upid));
    PidView {
        ns: read::kernel(ns_common_inum_at(pid_namespace_ns_at(namespace))),
        level,
        vtgid: read::kernel(upid_nr_at(upid)) as u32,
    }
}

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

static EMPTY: Task = Task {
    task: 0,
    cgroup_id: 0,
    owner: 0,
    generation: 0,
    flags: 0,
    entered: IDLE,
    cell: 0,
    vtgid: 0,
    start_ns: 0,
    args: [0; 6],
};

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
