//! Every system call, at entry and at exit.

use aya_ebpf::EbpfContext;
use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use tracer_common::config::{feature, traits};
use tracer_common::key::{CallKey, Row, kind as outcome, row};
use tracer_common::limits::INDEXED_NRS;
use tracer_common::loss::Loss;
use tracer_common::record::{Syscall, SyscallAddress, SyscallPath, flag, kind};

use crate::count::{self, lost, made, tally};
use crate::emit::Wake;
use crate::kernel::*;
use crate::maps::ROWS;
use crate::read::{self, Extent};
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
    (*state).cell = count::call(row, owner, number, task);
    if config::counts_processes() && asked & row::PROCESSES != 0 {
        count::process(task, owner, made::CALL);
    }
    if config::records_syscalls() && asked & row::RECORDS != 0 {
        (*state).args = regs::args(regs, number.abi);
        if config::call_traits(table_index(number)) & traits::NO_RETURN != 0 {
            finish(task, &*state, number, 0, 0, 0);
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
        finish(task, &*state, number, ret, duration, 0);
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
    let cell = count::call(row, owner, number, task);
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
        finish(task, &*state, number, ret, 0, flag);
    }
}

/// The error number in a call's result, 0 on success.
#[inline(always)]
fn errno(ret: i64) -> u32 {
    if (-MAX_ERRNO..0).contains(&ret) { ret.unsigned_abs() as u32 } else { 0 }
}

#[inline(always)]
fn table_index(number: Number) -> u32 {
    let in_table = u32::from(number.nr) < INDEXED_NRS;
    if in_table { u32::from(number.abi) * INDEXED_NRS + u32::from(number.nr) } else { u32::MAX }
}

/// The call is over: a record of it, if it is one that was asked for.
#[inline(always)]
unsafe fn finish(
    task: *const task_struct,
    state: &Task,
    number: Number,
    ret: i64,
    duration: u64,
    flags: u16,
) {
    tally(state.owner, |t| t.seen += 1);
    let failed = errno(ret) != 0;
    let wanted = config::selected(number.abi, number.nr)
        && (!config::has(feature::ONLY_FAILED) || failed || flags & flag::DENIED != 0)
        && (!config::has(feature::ONLY_DENIED) || flags & flag::DENIED != 0);
    if !wanted {
        return tally(state.owner, |t| t.filtered += 1);
    }
    let fill = |record: *mut Syscall, kind: u16, len: usize| {
        caller(record, task, state);
        (*record).header.kind = kind;
        (*record).header.len = len as u32;
        (*record).header.flags = flags;
        (*record).call = CallKey { owner: state.owner, abi: number.abi, nr: number.nr };
        (*record).ret = ret;
        (*record).duration_ns = duration;
    };
    let traits = config::call_traits(table_index(number));
    let path = traits & traits::PATH_MASK;
    if path == 0 {
        let (index, address, len) = socket_address(state, traits, ret, flags);
        if len != 0 {
            return emit::record::<SyscallAddress>(state.owner, Wake::Not, |record| {
                fill(&raw mut (*record).syscall, kind::SYSCALL_ADDRESS, size_of::<SyscallAddress>());
                let extent = read::user_address(&raw mut (*record).address, address, len);
                (*record).address.index = index;
                (*record).syscall.header.flags |= text_flags(extent);
            });
        }
        return emit::record::<Syscall>(state.owner, Wake::Not, |record| {
            fill(record, kind::SYSCALL, size_of::<Syscall>())
        });
    }
    emit::record::<SyscallPath>(state.owner, Wake::Not, |record| {
        fill(&raw mut (*record).syscall, kind::SYSCALL_PATH, size_of::<SyscallPath>());
        let text = &raw mut (*record).path;
        // The first two arguments are the only ones that hold paths in the table.
        let address = if path == 1 { state.args[0] } else { state.args[1] };
        let extent = read::user_string(text, address);
        (*text).index = u32::from(path) - 1;
        (*record).syscall.header.flags |= text_flags(extent);
    });
}

/// Fills in who calls, and with which arguments. Not inlined: the stack of the hooks is short.
#[inline(never)]
unsafe fn caller(record: *mut Syscall, task: *const task_struct, state: &Task) -> i32 {
    emit::header(&raw mut (*record).header, task, state, 0, 0);
    (*record).args = state.args;
    0
}

#[inline(always)]
fn text_flags(extent: Extent) -> u16 {
    match extent {
        Extent::Whole => 0,
        Extent::Cut => flag::TEXT_CUT,
        Extent::Unread => flag::TEXT_UNREAD,
    }
}

/// Which argument is the call's socket address, where that is and how many bytes it has; 0: there is none.
///
/// The kernel says how long an address is that it has filled in, even if the process had less room.
#[inline(always)]
unsafe fn socket_address(state: &Task, traits: u8, ret: i64, flags: u16) -> (u32, u64, u32) {
    // No other arguments are addresses in the table.
    let (index, address, len) = match (traits & traits::ADDRESS_MASK) >> traits::ADDRESS_SHIFT {
        2 => (1, state.args[1], state.args[2]),
        5 => (4, state.args[4], state.args[5]),
        _ => return (0, 0, 0),
    };
    let len = if traits & traits::ADDRESS_OUT == 0 {
        len as u32
    } else if ret >= 0 && flags & flag::DENIED == 0 {
        read::user_u32(len)
    } else {
        0
    };
    (index, address, if address == 0 { 0 } else { len })
}
