//! Checks of capabilities, of owners that somebody looks at, or of all.

use aya_ebpf::EbpfContext;
use aya_ebpf::helpers::generated::bpf_get_stack;
use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use tracer_common::config::feature;
use tracer_common::key::{CapabilityKey, row, standing};
use tracer_common::limits::ASKERS;

use crate::kernel::*;
use crate::maps::ROWS;
use crate::state::flag;
use crate::{config, count, fields, read, task};

/// Frames from this program up to `cap_capable`: its own and those of the tracepoint.
const BELOW: usize = 8;

// kernel: TP_PROTO(const struct cred *cred, struct user_namespace *target_ns,
//                  const struct user_namespace *capable_ns, int cap, int ret), v6.14 and later
// <https://github.com/torvalds/linux/blob/v6.14/include/trace/events/capability.h#L29>
#[btf_tracepoint(function = "cap_capable")]
pub fn cap_capable(ctx: BtfTracePointContext) -> i32 {
    // SAFETY: the context is that of this tracepoint.
    unsafe { check(&ctx) };
    0
}

#[inline(always)]
unsafe fn check(ctx: &BtfTracePointContext) {
    let args = ctx.as_ptr().cast::<u64>();
    let task = fields::current_task();
    // Checks are made in system calls, so whoever is checked was met. A task that is about to end is not to be
    // met again: nobody would forget it.
    let Some(state) = task::met(task) else { return };
    let owner = (*state).owner;
    let Some(row) = ROWS.get_ptr(owner) else { return };
    let (everybody, flags) = (config::has(feature::CAPABILITIES), (*row).flags);
    if flags & row::IGNORED != 0 || (!everybody && flags & row::CAPABILITIES == 0) {
        return;
    }
    let refused = *args.add(4) as i32 != 0;
    let capability = *args.add(3) as u8;
    let mut key = CapabilityKey {
        owner,
        capability,
        refused: u8::from(refused),
        standing: standing::OWN,
        pad: 0,
        askers: [0; ASKERS],
    };
    if everybody {
        // What the runtime needs is not what the container needs.
        if (*state).flags & flag::SETUP != 0 {
            return;
        }
        key.standing = standing_of(task, *args as *const cred, *args.add(1), capability, refused);
        find_askers(ctx, &mut key.askers);
    }
    count::capability(task, &key);
}

/// One of [`standing`]. The kernel goes from the namespace in question to those around it until it comes to that of the
/// credentials: <https://github.com/torvalds/linux/blob/v6.14/security/commoncap.c#L66>
#[inline(always)]
unsafe fn standing_of(
    task: *const task_struct,
    cred: *const cred,
    target: u64,
    capability: u8,
    refused: bool,
) -> u8 {
    if task_struct_cred(task) as u64 != task_struct_real_cred(task) as u64 {
        return standing::BORROWED;
    }
    let own = read::kernel_ptr(cred_user_ns_at(cred));
    let level = read::kernel(user_namespace_level_at(own));
    if level > read::kernel(user_namespace_level_at(fields::home_user_ns(task))) {
        return standing::INNER;
    }
    if target == own as u64 {
        return standing::OWN;
    }
    if refused {
        let below = read::kernel(user_namespace_level_at(target as *const user_namespace)) > level;
        return if below { standing::OWN } else { standing::OUTSIDE };
    }
    let effective = read::kernel(cred_cap_effective_at(cred));
    if effective >> (capability & 63) & 1 == 1 { standing::OWN } else { standing::MAKER }
}

/// The return addresses above `cap_capable`.
#[inline(always)]
unsafe fn find_askers(ctx: &BtfTracePointContext, askers: &mut [u64; ASKERS]) {
    let mut stack = [0u64; BELOW + ASKERS];
    // A failed read leaves zeroes, among which nothing is found.
    bpf_get_stack(ctx.as_ptr(), stack.as_mut_ptr().cast(), size_of_val(&stack) as u32, 0);
    for (at, address) in stack.iter().take(BELOW).enumerate() {
        if (config::cap_capable()..config::cap_capable_end()).contains(address) {
            for (above, asker) in askers.iter_mut().enumerate() {
                *asker = stack[at + 1 + above];
            }
            return;
        }
    }
}
