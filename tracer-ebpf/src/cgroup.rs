//! cgroups made, removed and entered. The path comes with the event, so a container that is gone
//! before anybody looks still has a name.

use aya_ebpf::EbpfContext;
use aya_ebpf::helpers::generated::bpf_probe_read_kernel_str;
use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use tracer_common::config::feature;
use tracer_common::limits::CGROUP_PATH_LEN;
use tracer_common::loss::Loss;
use tracer_common::record::{Cgroup, flag, kind};

use crate::count::{lost, tally};
use crate::emit::Wake;
use crate::kernel::*;
use crate::{config, emit, fields, task};

// kernel: TP_PROTO(struct cgroup *cgrp, const char *path)
// <https://github.com/torvalds/linux/blob/v6.12/include/trace/events/cgroup.h#L56>
#[btf_tracepoint(function = "cgroup_mkdir")]
pub fn cgroup_mkdir(ctx: BtfTracePointContext) -> i32 {
    let args = ctx.as_ptr().cast::<u64>();
    // SAFETY: the tracepoint's two arguments.
    unsafe { record(kind::CGROUP_MKDIR, *args as *const cgroup, *args.add(1) as *const u8, 0, 0) };
    0
}

// kernel: as cgroup_mkdir
#[btf_tracepoint(function = "cgroup_rmdir")]
pub fn cgroup_rmdir(ctx: BtfTracePointContext) -> i32 {
    let args = ctx.as_ptr().cast::<u64>();
    // SAFETY: the tracepoint's two arguments.
    unsafe { record(kind::CGROUP_RMDIR, *args as *const cgroup, *args.add(1) as *const u8, 0, 0) };
    0
}

// kernel: TP_PROTO(struct cgroup *dst_cgrp, const char *path, struct task_struct *task, bool threadgroup)
// <https://github.com/torvalds/linux/blob/v6.12/include/trace/events/cgroup.h#L126>
#[btf_tracepoint(function = "cgroup_attach_task")]
pub fn cgroup_attach_task(ctx: BtfTracePointContext) -> i32 {
    let args = ctx.as_ptr().cast::<u64>();
    // SAFETY: the tracepoint's first three arguments.
    unsafe {
        let moved = *args.add(2) as *const task_struct;
        let (tgid, tid) = (task_struct_tgid(moved) as u32, task_struct_pid(moved) as u32);
        record(kind::CGROUP_ATTACH, *args as *const cgroup, *args.add(1) as *const u8, tgid, tid);
    }
    0
}

// kernel: as cgroup_mkdir, v5.2 and later; the freezer of cgroup v1 has no tracepoint
#[btf_tracepoint(function = "cgroup_freeze")]
pub fn cgroup_freeze(ctx: BtfTracePointContext) -> i32 {
    let args = ctx.as_ptr().cast::<u64>();
    // SAFETY: the tracepoint's two arguments.
    unsafe { record(kind::CGROUP_FREEZE, *args as *const cgroup, *args.add(1) as *const u8, 0, 0) };
    0
}

// kernel: as cgroup_freeze
#[btf_tracepoint(function = "cgroup_unfreeze")]
pub fn cgroup_unfreeze(ctx: BtfTracePointContext) -> i32 {
    let args = ctx.as_ptr().cast::<u64>();
    // SAFETY: the tracepoint's two arguments.
    unsafe { record(kind::CGROUP_UNFREEZE, *args as *const cgroup, *args.add(1) as *const u8, 0, 0) };
    0
}

// kernel: as cgroup_mkdir, with the new path; cgroup v1 alone can rename
#[btf_tracepoint(function = "cgroup_rename")]
pub fn cgroup_rename(ctx: BtfTracePointContext) -> i32 {
    let args = ctx.as_ptr().cast::<u64>();
    // SAFETY: the tracepoint's two arguments.
    unsafe { record(kind::CGROUP_RENAME, *args as *const cgroup, *args.add(1) as *const u8, 0, 0) };
    0
}

#[inline(always)]
unsafe fn record(kind: u16, group: *const cgroup, path: *const u8, tgid: u32, tid: u32) {
    let hierarchy = cgroup_root_hierarchy_id(cgroup_root(group)) as u32;
    // The other eight or so hierarchies of cgroup v1 are told only to who asks.
    let attribution = hierarchy == 0 || hierarchy == config::v1_hierarchy();
    if !attribution && !config::has(feature::CGROUP_RECORDS) {
        return;
    }
    let task = fields::current_task();
    let Some(state) = task::state(task) else { return lost(0, Loss::Tasks) };
    tally((*state).owner, |t| t.seen += 1);
    // A new cgroup may be a container's, which has to be found while its runtime's files are there.
    let wake = if kind == kind::CGROUP_MKDIR { Wake::Now } else { Wake::Not };
    emit::record::<Cgroup>((*state).owner, wake, |record| {
        emit::header(&raw mut (*record).header, task, &*state, kind, size_of::<Cgroup>());
        (*record).id = kernfs_node_id(cgroup_kn(group));
        (*record).hierarchy = hierarchy;
        (*record).tgid = tgid;
        (*record).tid = tid;
        let bytes = (&raw mut (*record).path).cast();
        let read = bpf_probe_read_kernel_str(bytes, CGROUP_PATH_LEN as u32, path.cast());
        (*record).path_len = if read > 0 { read as u32 - 1 } else { 0 };
        if read as usize == CGROUP_PATH_LEN {
            (*record).header.flags |= flag::PATH_CUT;
        } else if read <= 0 {
            (*record).header.flags |= flag::PATH_UNREAD;
        }
    });
}
