//! What the kernel's own structures say of a task.

use aya_ebpf::helpers::generated::bpf_get_current_task_btf;
use tracer_common::key::OwnerInfo;
use tracer_common::limits::COMM_LEN;

use crate::kernel::*;
use crate::{config, read};

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

/// `CSS_SET`'s array of controllers has fewer entries on every kernel.
const CONTROLLERS: u64 = 32;

/// Id of the cgroup in the v1 hierarchy that owners are told apart by, 0: there is none.
///
/// # Safety
/// See [`cgroup_id`].
#[inline(always)]
pub unsafe fn v1_id(task: *const task_struct) -> u64 {
    if config::v1_hierarchy() == 0 {
        return 0;
    }
    let controllers = css_set_subsys_at(task_struct_cgroups(task)) as u64;
    let at = controllers + (u64::from(config::v1_controller()) % CONTROLLERS) * size_of::<u64>() as u64;
    let state = read::kernel_ptr(at as *const *const cgroup_subsys_state);
    let group = read::kernel_ptr(cgroup_subsys_state_cgroup_at(state));
    read::kernel(kernfs_node_id_at(read::kernel_ptr(cgroup_kn_at(group))))
}

/// Number of the mount namespace that is never used twice.
///
/// # Safety
/// See [`cgroup_id`].
#[inline(always)]
unsafe fn mnt_id(task: *const task_struct) -> u64 {
    let nsproxy = task_struct_nsproxy(task);
    let namespace = read::kernel_ptr(nsproxy_mnt_ns_at(nsproxy));
    if mnt_namespace_seq_exists(namespace) != 0 {
        read::kernel(mnt_namespace_seq_at(namespace))
    } else {
        // Since v6.18, <https://github.com/torvalds/linux/blob/v6.18/include/linux/ns_common.h#L65>.
        read::kernel(ns_common_ns_id_at(mnt_namespace_ns_at(namespace)))
    }
}

/// A task's innermost pid namespace, and its process id there.
pub struct PidView {
    /// Inode number.
    pub ns: u32,
    /// Address of the namespace.
    namespace: *const pid_namespace,
    /// 0: the host's.
    pub level: u32,
    pub vtgid: u32,
}

/// `struct upid`: an int and a pointer, on every 64-bit kernel.
const UPID_BYTES: u64 = 16;

/// # Safety
/// See [`cgroup_id`].
#[inline(always)]
pub unsafe fn pid_view(task: *const task_struct) -> PidView {
    let pid = task_struct_thread_pid(task_struct_group_leader(task));
    let level = read::kernel(pid_level_at(pid));
    let (namespace, vtgid) = at_level(pid, level);
    PidView { ns: inum(namespace), namespace, level, vtgid }
}

/// The number of the namespace is a variable index, which a BTF-typed pointer does not allow.
#[inline(always)]
unsafe fn at_level(pid: *const pid, level: u32) -> (*const pid_namespace, u32) {
    let upid = (pid_numbers_at(pid) as u64 + u64::from(level & 63) * UPID_BYTES) as *const upid;
    (read::kernel_ptr(upid_ns_at(upid)), read::kernel(upid_nr_at(upid)) as u32)
}

#[inline(always)]
unsafe fn inum(namespace: *const pid_namespace) -> u32 {
    read::kernel(ns_common_inum_at(pid_namespace_ns_at(namespace)))
}

/// What tells a task's namespaces from all others, see `OwnerKey::incarnation`.
///
/// # Safety
/// See [`cgroup_id`]; `view` is of that task.
#[inline(always)]
pub unsafe fn incarnation(task: *const task_struct, view: &PidView) -> u64 {
    if view.level > 0 {
        return read::kernel(task_struct_start_boottime_at(init_of(view.namespace)));
    }
    if read::kernel(user_namespace_level_at(user_ns(task))) > 0 { mnt_id(task) } else { 0 }
}

#[inline(always)]
unsafe fn user_ns(task: *const task_struct) -> *const user_namespace {
    read::kernel_ptr(cred_user_ns_at(task_struct_cred(task)))
}

/// The user namespace that a task's container has: not one that was made inside it.
///
/// # Safety
/// See [`cgroup_id`].
#[inline(always)]
pub unsafe fn home_user_ns(task: *const task_struct) -> *const user_namespace {
    let view = pid_view(task);
    if view.level > 0 {
        return read::kernel_ptr(pid_namespace_user_ns_at(view.namespace));
    }
    // With the host's pid namespace a container still has mounts of its own.
    let nsproxy = task_struct_nsproxy(task);
    read::kernel_ptr(mnt_namespace_user_ns_at(read::kernel_ptr(nsproxy_mnt_ns_at(nsproxy))))
}

/// The first process of a namespace. Its first thread may have ended, and another one reap the children.
#[inline(always)]
unsafe fn init_of(namespace: *const pid_namespace) -> *const task_struct {
    let reaper = read::kernel_ptr(pid_namespace_child_reaper_at(namespace));
    read::kernel_ptr(task_struct_group_leader_at(reaper))
}

/// Where a container comes from: fills in what [`OwnerInfo`] says of it.
///
/// # Safety
/// See [`incarnation`]; `info` is valid for writes.
#[inline(always)]
pub unsafe fn origin(task: *const task_struct, view: &PidView, info: *mut OwnerInfo) {
    let users = user_ns(task);
    (*info).user = 0;
    if read::kernel(user_namespace_level_at(users)) > 0 {
        (*info).user = read::kernel(user_namespace_owner_at(users));
    }
    (*info).init_tgid = 0;
    (*info).init_outer_tgid = 0;
    (*info).outer_init_tgid = 0;
    if view.level > 0 {
        let init = init_of(view.namespace);
        (*info).init_tgid = read::kernel(task_struct_tgid_at(init)) as u32;
        let pid = read::kernel_ptr(task_struct_thread_pid_at(init));
        let (around, tgid) = at_level(pid, view.level - 1);
        (*info).init_outer_tgid = tgid;
        if view.level > 1 {
            (*info).outer_init_tgid = read::kernel(task_struct_tgid_at(init_of(around))) as u32;
        }
    }
}
