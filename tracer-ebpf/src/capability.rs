//! Checks of capabilities, of owners that somebody looks at.

use aya_ebpf::EbpfContext;
use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use tracer_common::key::row;

use crate::maps::ROWS;
use crate::{count, fields, task};

// kernel: TP_PROTO(const struct cred *cred, struct user_namespace *target_ns,
//                  const struct user_namespace *capable_ns, int cap, int ret), v6.14 and later
// <https://github.com/torvalds/linux/blob/v6.14/include/trace/events/capability.h#L29>
#[btf_tracepoint(function = "cap_capable")]
pub fn cap_capable(ctx: BtfTracePointContext) -> i32 {
    let args = ctx.as_ptr().cast::<u64>();
    // SAFETY: the tracepoint's fourth and fifth argument.
    unsafe { check(*args.add(3) as u32, *args.add(4) as i32) };
    0
}

#[inline(always)]
unsafe fn check(capability: u32, result: i32) {
    let task = fields::current_task();
    // Checks are made in system calls, so whoever is checked was met. A task that is about to end is not to be
    // met again: nobody would forget it.
    let Some(state) = task::met(task) else { return };
    let owner = (*state).owner;
    let Some(row) = ROWS.get_ptr(owner) else { return };
    if (*row).flags & (row::CAPABILITIES | row::IGNORED) == row::CAPABILITIES {
        count::capability(task, owner, capability, result == 0);
    }
}
