//! Operations of io_uring: work that no system call shows.

use aya_ebpf::EbpfContext;
use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use tracer_common::key::row;
use tracer_common::loss::Loss;
use tracer_common::record::{IoUringComplete, IoUringSubmit, kind};

use crate::count::{lost, tally};
use crate::emit::Wake;
use crate::kernel::*;
use crate::maps::ROWS;
use crate::state::Task;
use crate::{config, emit, fields, read, task};

/// The current task and its state, if its owner's events are asked for.
#[inline(always)]
unsafe fn asking() -> Option<(*const task_struct, *mut Task)> {
    let task = fields::current_task();
    let Some(state) = task::state(task) else {
        lost(0, Loss::Tasks);
        return None;
    };
    let row = ROWS.get_ptr((*state).owner)?;
    let wanted = (*row).flags & row::IGNORED == 0 && config::asked((*row).flags) & row::RECORDS != 0;
    wanted.then_some((task, state))
}

// kernel: TP_PROTO(struct io_kiocb *req), v6.4 and later
// <https://github.com/torvalds/linux/blob/v6.12/include/trace/events/io_uring.h#L377>
#[btf_tracepoint(function = "io_uring_submit_req")]
pub fn io_uring_submit(ctx: BtfTracePointContext) -> i32 {
    // SAFETY: the tracepoint's first argument.
    unsafe { submit(*ctx.as_ptr().cast::<u64>() as *const io_kiocb) };
    0
}

// kernel: TP_PROTO(struct io_kiocb *req, bool force_nonblock), v6.0 to v6.3
// <https://github.com/torvalds/linux/blob/v6.1/include/trace/events/io_uring.h#L384>
#[btf_tracepoint(function = "io_uring_submit_sqe")]
pub fn io_uring_submit_sqe(ctx: BtfTracePointContext) -> i32 {
    // SAFETY: the tracepoint's first argument.
    unsafe { submit(*ctx.as_ptr().cast::<u64>() as *const io_kiocb) };
    0
}

/// `REQ_F_FIXED_FILE`, <https://github.com/torvalds/linux/blob/v6.12/include/linux/io_uring_types.h#L474>.
const FIXED_FILE: u32 = 1;

#[inline(always)]
unsafe fn submit(request: *const io_kiocb) {
    let Some((task, state)) = asking() else { return };
    let cqe = io_kiocb_cqe_at(request);
    tally((*state).owner, |t| t.seen += 1);
    emit::record::<IoUringSubmit>((*state).owner, Wake::Not, |record| {
        let header = &raw mut (*record).header;
        emit::header(header, task, &*state, kind::IO_URING_SUBMIT, size_of::<IoUringSubmit>());
        (*record).user_data = io_cqe_user_data(cqe);
        (*record).opcode = u16::from(io_kiocb_opcode(request));
        (*record).fixed_file = (io_kiocb_flags(request) & FIXED_FILE) as u16;
        (*record).fd = io_cqe_fd(cqe);
    });
}

// kernel: TP_PROTO(struct io_ring_ctx *ctx, void *req, struct io_uring_cqe *cqe), v6.14 and later
// <https://github.com/torvalds/linux/blob/v6.14/include/trace/events/io_uring.h#L316>
#[btf_tracepoint(function = "io_uring_complete")]
pub fn io_uring_complete(ctx: BtfTracePointContext) -> i32 {
    let args = ctx.as_ptr().cast::<u64>();
    // SAFETY: the tracepoint's three arguments.
    unsafe {
        let cqe = *args.add(2) as *const io_uring_cqe;
        complete(*args.add(1) as *const io_kiocb, io_uring_cqe_user_data(cqe), io_uring_cqe_res(cqe));
    }
    0
}

// kernel: TP_PROTO(void *ctx, void *req, u64 user_data, int res, unsigned cflags, ..), until v6.13
// <https://github.com/torvalds/linux/blob/v6.12/include/trace/events/io_uring.h#L319>
#[btf_tracepoint(function = "io_uring_complete")]
pub fn io_uring_complete_values(ctx: BtfTracePointContext) -> i32 {
    let args = ctx.as_ptr().cast::<u64>();
    // SAFETY: the tracepoint's first four arguments.
    unsafe { complete(*args.add(1) as *const io_kiocb, *args.add(2), *args.add(3) as i32) };
    0
}

#[inline(always)]
unsafe fn complete(request: *const io_kiocb, user_data: u64, ret: i32) {
    let Some((task, state)) = asking() else { return };
    tally((*state).owner, |t| t.seen += 1);
    emit::record::<IoUringComplete>((*state).owner, Wake::Not, |record| {
        let header = &raw mut (*record).header;
        emit::header(header, task, &*state, kind::IO_URING_COMPLETE, size_of::<IoUringComplete>());
        (*record).user_data = user_data;
        (*record).ret = ret;
        // An overflown entry is delivered late, without its request.
        (*record).opcode =
            if request.is_null() { u32::MAX } else { u32::from(read::kernel(io_kiocb_opcode_at(request))) };
    });
}
