//! What the kernel's own structures say of a task.

use aya_ebpf::helpers::generated::bpf_get_current_task_btf;
use tracer_common::limits::COMM_LEN;

use crate::kernel::*;
use crate::read;

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
