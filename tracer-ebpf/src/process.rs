//! Fork, exec and exit: rare, and the backbone of who is who.

use aya_ebpf::EbpfContext;
use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use tracer_common::config::feature;
use tracer_common::key::row;
use tracer_common::loss::Loss;
use tracer_common::record::{Exec, Exit, Fork, kind};

use crate::count::{self, lost, tally};
use crate::draft::{self, Place};
use crate::emit::Wake;
use crate::kernel::*;
use crate::maps::ROWS;
use crate::state::{Task, flag};
use crate::{config, emit, read, task};

/// What is asked for of the owner: bits of `row`.
#[inline(always)]
unsafe fn asked(owner: u32) -> u32 {
    match ROWS.get_ptr(owner) {
        Some(row) if (*row).flags & row::IGNORED == 0 => config::asked((*row).flags),
        _ => 0,
    }
}

/// Whether the owner's process events are asked for.
#[inline(always)]
unsafe fn wanted(owner: u32) -> bool {
    config::has(feature::PROCESS_RECORDS) && asked(owner) & row::RECORDS != 0
}

// kernel: TP_PROTO(struct task_struct *parent, struct task_struct *child)
// <https://github.com/torvalds/linux/blob/v6.12/include/trace/events/sched.h#L373>
#[btf_tracepoint(function = "sched_process_fork")]
pub fn process_fork(ctx: BtfTracePointContext) -> i32 {
    let args = ctx.as_ptr().cast::<u64>();
    // SAFETY: the tracepoint's two arguments.
    unsafe { fork(*args as *const task_struct, *args.add(1) as *const task_struct) };
    0
}

#[inline(always)]
unsafe fn fork(parent: *const task_struct, child: *const task_struct) {
    let Some(state) = task::state(parent) else { return lost(0, Loss::Tasks) };
    let vtgid = match task::forked(parent, &*state, child) {
        Some(vtgid) => vtgid,
        None => {
            lost((*state).owner, Loss::Tasks);
            0
        }
    };
    if !wanted((*state).owner) {
        return;
    }
    tally((*state).owner, |t| t.seen += 1);
    emit::record::<Fork>((*state).owner, Wake::Not, |record| {
        emit::header(&raw mut (*record).header, parent, &*state, kind::FORK, size_of::<Fork>());
        (*record).child_tgid = task_struct_tgid(child) as u32;
        (*record).child_tid = task_struct_pid(child) as u32;
        (*record).child_vtgid = vtgid;
        (*record).pad = 0;
    });
}

// kernel: TP_PROTO(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)
// <https://github.com/torvalds/linux/blob/v6.12/include/trace/events/sched.h#L402>
#[btf_tracepoint(function = "sched_process_exec")]
pub fn process_exec(ctx: BtfTracePointContext) -> i32 {
    let args = ctx.as_ptr().cast::<u64>();
    // SAFETY: the tracepoint's three arguments.
    unsafe { exec(*args as *const task_struct, *args.add(1) as u32, *args.add(2) as *const linux_binprm) };
    0
}

#[inline(always)]
unsafe fn exec(task: *const task_struct, old_tid: u32, bprm: *const linux_binprm) {
    let filename = linux_binprm_filename(bprm);
    let Some(state) = task::executed(task, old_tid, !executes_itself(filename)) else {
        return lost(0, Loss::Tasks);
    };
    // `execveat` may have been given another name than the kernel uses: that of a descriptor.
    if config::records_syscalls() && !by_descriptor(filename) {
        draft::executed(task, filename);
    }
    if !wanted((*state).owner) && !begins_session(task, &*state) {
        return;
    }
    tally((*state).owner, |t| t.seen += 1);
    let Some(draft) = draft::begin(Place::Exec, size_of::<Exec>(), false) else {
        return lost((*state).owner, Loss::Ring);
    };
    let record = draft::record::<Exec>(draft);
    emit::header(&raw mut (*record).header, task, &*state, kind::EXEC, 0);
    draft::kernel_string(draft, filename);
    draft::arguments(draft, 0, task_struct_mm(task));
    emit::drafted((*state).owner, draft);
}

/// Whether what an `exec` session begins with is asked for, and this is it.
#[inline(always)]
unsafe fn begins_session(task: *const task_struct, state: &Task) -> bool {
    config::has(feature::SESSION_RECORDS)
        && state.session != 0
        && state.session == task_struct_tgid(task) as u32
        && asked(state.owner) != 0
}

/// A runtime that executes a copy of itself by descriptor (`runc init` does, against CVE-2019-5736)
/// is still preparing. An entrypoint is never named so.
#[inline(always)]
unsafe fn executes_itself(filename: *const u8) -> bool {
    let start: u64 = read::kernel(filename.cast());
    by_descriptor(filename) || start == u64::from_le_bytes(*b"/proc/se")
}

/// <https://github.com/torvalds/linux/blob/v6.12/fs/exec.c>
#[inline(always)]
unsafe fn by_descriptor(filename: *const u8) -> bool {
    read::kernel::<u64>(filename.cast()) == u64::from_le_bytes(*b"/dev/fd/")
}

// kernel: TP_PROTO(struct task_struct *p), since v6.16 also (..., bool group_dead)
// <https://github.com/torvalds/linux/blob/v6.12/include/trace/events/sched.h#L331>
#[btf_tracepoint(function = "sched_process_exit")]
pub fn process_exit(ctx: BtfTracePointContext) -> i32 {
    let args = ctx.as_ptr().cast::<u64>();
    // SAFETY: the tracepoint's first argument.
    unsafe { exit(*args as *const task_struct) };
    0
}

#[inline(always)]
unsafe fn exit(task: *const task_struct) {
    let Some(state) = task::state(task) else { return lost(0, Loss::Tasks) };
    let threads = *signal_struct_live_at(task_struct_signal(task));
    if threads == 0 && (*state).flags & (flag::FIRST | flag::INIT) != 0 {
        emit::ended(task, &*state, (*state).flags & flag::INIT != 0);
    }
    if wanted((*state).owner) {
        tally((*state).owner, |t| t.seen += 1);
        emit::record::<Exit>((*state).owner, Wake::Not, |record| {
            emit::header(&raw mut (*record).header, task, &*state, kind::EXIT, size_of::<Exit>());
            (*record).status = task_struct_exit_code(task) as u32;
            (*record).process = (threads == 0) as u32;
        });
    }
    if threads == 0 && config::counts_processes() && asked((*state).owner) & row::PROCESSES != 0 {
        count::process_ended(task, (*state).owner);
    }
    if config::records_syscalls() {
        draft::forget(task);
    }
    task::forget(task, task_struct_pid(task) as u32);
}
