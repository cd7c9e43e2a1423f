//! Every system call, at entry and at exit.

use aya_ebpf::EbpfContext;
use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use tracer_common::config::{feature, reads};
use tracer_common::key::{CallKey, Row, kind as outcome, row};
use tracer_common::loss::Loss;
use tracer_common::record::{Syscall, flag, kind};

use crate::count::{self, lost, made, tally};
use crate::draft::{self, Place};
use crate::emit::Wake;
use crate::kernel::*;
use crate::maps::ROWS;
use crate::regs::{self, Number};
use crate::state::{self, ASKED_SHIFT, ENTERED, IDLE, NUMBER, Task, UNWATCHED};
use crate::{config, emit, fields, owner, task};

/// `MAX_ERRNO`, <https://github.com/torvalds/linux/blob/v6.12/include/linux/err.h#L18>.
const MAX_ERRNO: i64 = 4095;

// kernel: TP_PROTO(struct pt_regs *regs, long id)
// <https://github.com/torvalds/linux/blob/v6.12/include/trace/events/syscalls.h#L18>
#[btf_tracepoint(function = "sys_enter")]
pub fn sys_enter(ctx: BtfTracePointContext) -> i32 {
    let args = ctx.as_ptr().cast::<u64>();
    // SAFETY: the tracepoint's two arguments.
    unsafe { enter(*args as *const pt_regs, *args.add(1) as i64) };
    0
}

#[inline(always)]
unsafe fn enter(regs: *const pt_regs, id: i64) {
    let task = fields::current_task();
    let Some(state) = task::state(task) else { return lost(0, Loss::Tasks) };
    let owner = (*state).owner;
    let Some(row) = ROWS.get_ptr_mut(owner) else { return };
    let row_flags = (*row).flags;
    if row_flags & row::IGNORED != 0 {
        if owner == owner::NONE.index {
            lost(0, Loss::Owners);
        }
        (*state).flags &= !(state::flag::FRESH | state::flag::FORKED);
        // Entered all the same, or the exit would look like a refusal should the watch begin now.
        (*state).entered = ENTERED | UNWATCHED;
        return;
    }
    let number = regs::number(task, id);
    let asked = config::asked(row_flags);
    (*state).entered = ENTERED | asked << ASKED_SHIFT | u32::from(number.abi) << 16 | u32::from(number.nr);
    (*state).flags &= !(state::flag::FRESH | state::flag::FORKED);
    (*state).cell = count::call(row, state, number, task);
    if config::has(feature::ARGUMENTS) {
        let entry = config::reads(number.abi, number.nr);
        if entry >> reads::FIRST_VALUE_SHIFT != 0 && (*state).cell != 0 {
            (*state).args = regs::args(regs, number.abi);
            count::arguments(state, (*state).entered & NUMBER, entry);
        }
    }
    if config::counts_processes() && asked & row::PROCESSES != 0 {
        count::process(task, owner, made::CALL);
    }
    if config::records_syscalls() && asked & row::RECORDS != 0 {
        (*state).args = regs::args(regs, number.abi);
        let reads = config::reads(number.abi, number.nr);
        if reads & reads::NO_RETURN != 0 && wanted(&*state, number, 0, 0, 0) {
            bare(task, &*state, number, 0, 0, 0);
        }
        if reads & reads::AT_ENTRY != 0 {
            draft::keep(task, state, reads);
        }
    }
    if config::has(feature::LATENCY | feature::SYSCALL_RECORDS) {
        (*state).start_ns = bpf_ktime_get_ns();
    }
}

// kernel: TP_PROTO(struct pt_regs *regs, long ret)
// <https://github.com/torvalds/linux/blob/v6.12/include/trace/events/syscalls.h#L44>
#[btf_tracepoint(function = "sys_exit")]
pub fn sys_exit(ctx: BtfTracePointContext) -> i32 {
    let args = ctx.as_ptr().cast::<u64>();
    // SAFETY: the tracepoint's two arguments.
    unsafe { exit(*args as *const pt_regs, *args.add(1) as i64) };
    0
}

#[inline(always)]
unsafe fn exit(regs: *const pt_regs, ret: i64) {
    let task = fields::current_task();
    let Some(state) = task::state(task) else { return lost(0, Loss::Tasks) };
    let owner = (*state).owner;
    let Some(row) = ROWS.get_ptr_mut(owner) else { return };
    let entered = (*state).entered;
    (*state).entered = IDLE;
    let row_flags = (*row).flags;
    if row_flags & row::IGNORED != 0 {
        (*state).flags &= !(state::flag::FRESH | state::flag::FORKED);
        return;
    }
    // After `rt_sigreturn` the id is -1 and the result the interrupted call's.
    let ret = if ret < 0 && regs::returning(regs) < 0 { 0 } else { ret };
    let errno = errno(ret);
    if entered == IDLE {
        return unmatched(task, state, row, regs, ret);
    }
    if entered & UNWATCHED != 0 {
        return;
    }
    let number = Number { abi: (entered >> 16 & 0xff) as u16, nr: entered as u16 };
    // What began to be asked for within the call is told of the next one.
    let asked = entered >> ASKED_SHIFT & config::asked(row_flags);
    let mut duration = 0;
    if config::has(feature::LATENCY | feature::SYSCALL_RECORDS) {
        duration = bpf_ktime_get_ns() - (*state).start_ns;
    }
    if (*state).cell != 0 {
        if config::has(feature::LATENCY) {
            count::duration(owner, (*state).cell, duration);
        }
        if errno != 0 {
            count::outcome(owner, entered & NUMBER, errno, u32::from(outcome::FAILED));
        }
    }
    if config::counts_processes() && errno != 0 && asked & row::PROCESSES != 0 {
        count::process(task, owner, made::ERROR);
    }
    if config::records_syscalls() && asked & row::RECORDS != 0 {
        finish(task, state, number, ret, duration, 0);
    }
}

/// An exit without an entry: a fork's child, a call that began before us, or one that a seccomp
/// filter answered. `sys_enter` fires after the filter, `sys_exit` always,
/// <https://github.com/torvalds/linux/blob/v6.12/kernel/entry/common.c#L41>.
#[inline(never)]
unsafe fn unmatched(
    task: *const task_struct,
    state: *mut Task,
    row: *mut Row,
    regs: *const pt_regs,
    ret: i64,
) {
    let errno = errno(ret);
    let flags = (*state).flags;
    (*state).flags &= !(state::flag::FRESH | state::flag::FORKED);
    if flags & state::flag::FORKED != 0 {
        return;
    }
    let id = regs::returning(regs);
    if id < 0 {
        return;
    }
    let number = regs::number(task, id);
    let owner = (*state).owner;
    let cell = count::call(row, state, number, task);
    let filtered = seccomp_mode(task_struct_seccomp_at(task)) != 0;
    let denied = filtered && flags & state::flag::FRESH == 0;
    let packed = u32::from(number.abi) << 16 | u32::from(number.nr);
    // A call that could not be counted has no outcome either.
    if cell != 0 && (denied || errno != 0) {
        let kind = if denied { outcome::DENIED } else { outcome::FAILED };
        count::outcome(owner, packed, errno, u32::from(kind));
    }
    let asked = config::asked((*row).flags);
    if config::counts_processes() && asked & row::PROCESSES != 0 {
        let error = if denied || errno != 0 { made::ERROR } else { 0 };
        count::process(task, owner, made::CALL | error | if denied { made::DENIED } else { 0 });
    }
    if config::records_syscalls() && asked & row::RECORDS != 0 {
        let flag = if denied { flag::DENIED } else { flag::IN_FLIGHT };
        (*state).args = regs::args(regs, number.abi);
        finish(task, state, number, ret, 0, flag);
    }
}

/// The error number in a call's result, 0 on success.
#[inline(always)]
fn errno(ret: i64) -> u32 {
    if (-MAX_ERRNO..0).contains(&ret) { ret.unsigned_abs() as u32 } else { 0 }
}

/// The call is over: a record of it, if it is one that was asked for.
#[inline(always)]
unsafe fn finish(
    task: *const task_struct,
    state: *mut Task,
    number: Number,
    ret: i64,
    duration: u64,
    flags: u16,
) {
    let reads = config::reads(number.abi, number.nr);
    if wanted(&*state, number, ret, duration, flags) {
        if reads & !reads::NOTES == 0 {
            bare(task, &*state, number, ret, duration, flags);
        } else {
            with_memory(task, state, number, ret, duration, flags, reads);
        }
    }
    if reads & reads::AT_ENTRY != 0 {
        draft::forget(task);
    }
}

/// Counts the call as seen, and as filtered if nobody asked for it.
#[inline(always)]
unsafe fn wanted(state: &Task, number: Number, ret: i64, duration: u64, flags: u16) -> bool {
    tally(state.owner, |t| t.seen += 1);
    let (failed, denied) = (errno(ret), flags & flag::DENIED != 0);
    let wanted = config::selected(number.abi, number.nr)
        && (!config::has(feature::ONLY_FAILED) || failed != 0 || denied)
        && (!config::has(feature::ONLY_DENIED) || denied)
        && (!config::has(feature::ONLY_ERRNOS) || config::selected_errno(failed))
        && (!config::has(feature::ONLY_SLOW) || duration >= config::min_duration_ns());
    if !wanted {
        tally(state.owner, |t| t.filtered += 1);
    }
    wanted
}

/// A record without what the arguments point to.
#[inline(always)]
unsafe fn bare(task: *const task_struct, state: &Task, number: Number, ret: i64, duration: u64, flags: u16) {
    emit::record::<Syscall>(state.owner, Wake::Not, |record| {
        caller(record, task, state);
        result(record, state, number, ret, duration, flags);
        (*record).header.kind = kind::SYSCALL;
        (*record).header.len = size_of::<Syscall>() as u32;
    });
}

#[inline(always)]
unsafe fn with_memory(
    task: *const task_struct,
    state: *mut Task,
    number: Number,
    ret: i64,
    duration: u64,
    flags: u16,
    reads: u64,
) {
    let owner = (*state).owner;
    let failed = errno(ret) != 0 || flags & flag::DENIED != 0;
    let Some(draft) = draft::begin(Place::Exit, size_of::<Syscall>(), failed) else {
        return lost(owner, Loss::Ring);
    };
    let record = draft::record::<Syscall>(draft);
    caller(record, task, &*state);
    result(record, &*state, number, ret, duration, flags);
    (*record).header.kind = kind::SYSCALL_MEMORY;
    if reads & reads::AT_ENTRY != 0 {
        draft::kept(draft, reads, state);
    } else {
        draft::argument(draft, reads, state);
    }
    if reads & reads::MORE != 0 {
        draft::argument(draft, reads >> reads::BITS, state);
        draft::argument(draft, reads >> (2 * reads::BITS), state);
    }
    emit::drafted(owner, draft);
}

#[inline(always)]
unsafe fn result(record: *mut Syscall, state: &Task, number: Number, ret: i64, duration: u64, flags: u16) {
    (*record).header.flags = flags;
    (*record).call = CallKey { owner: state.owner, abi: number.abi, nr: number.nr };
    (*record).ret = ret;
    (*record).duration_ns = duration;
}

/// Fills in who calls, and with which arguments. Not inlined: the stack of the hooks is short.
#[inline(never)]
unsafe fn caller(record: *mut Syscall, task: *const task_struct, state: &Task) -> i32 {
    emit::header(&raw mut (*record).header, task, state, 0, 0);
    (*record).args = state.args;
    0
}
