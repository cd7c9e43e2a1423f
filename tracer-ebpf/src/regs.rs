//! The registers of a system call, on x86_64 and arm64.
//!
//! One object serves both: a field that the running kernel lacks makes its `_exists` 0 and the
//! verifier drops the branch that would load it.

use tracer_common::key::abi;
use tracer_common::limits::{INVALID_NR, NR_END};

use crate::kernel::*;

/// `TS_COMPAT`, <https://github.com/torvalds/linux/blob/v6.12/arch/x86/include/asm/thread_info.h#L211>.
const TS_COMPAT: u32 = 0x2;
/// `__X32_SYSCALL_BIT`, <https://github.com/torvalds/linux/blob/v6.12/arch/x86/include/uapi/asm/unistd.h#L14>.
const X32_BIT: i64 = 0x4000_0000;
/// `TIF_32BIT`, <https://github.com/torvalds/linux/blob/v6.12/arch/arm64/include/asm/thread_info.h#L76>.
const TIF_32BIT: u64 = 1 << 22;

/// A system call number and what it means.
#[derive(Clone, Copy)]
pub struct Number {
    /// One of [`abi`].
    pub abi: u16,
    pub nr: u16,
}

/// # Safety
/// `task` is the current task.
#[inline(always)]
pub unsafe fn number(task: *const task_struct, raw: i64) -> Number {
    let info = task_struct_thread_info_at(task);
    let (abi, raw) = if thread_info_status_exists(info) != 0 {
        if thread_info_status(info) & TS_COMPAT != 0 {
            (abi::COMPAT, raw)
        } else if raw >= X32_BIT {
            (abi::X32, raw & !X32_BIT)
        } else {
            (abi::NATIVE, raw)
        }
    } else if thread_info_flags(info) & TIF_32BIT != 0 {
        (abi::COMPAT, raw)
    } else {
        (abi::NATIVE, raw)
    };
    let nr = if (raw as u64) < u64::from(NR_END) { raw as u16 } else { INVALID_NR };
    Number { abi, nr }
}

/// The number of the call that is returning; -1 after `rt_sigreturn`.
///
/// # Safety
/// `regs` are the current task's.
#[inline(always)]
pub unsafe fn returning(regs: *const pt_regs) -> i64 {
    if pt_regs_orig_ax_exists(regs) != 0 {
        pt_regs_orig_ax(regs) as i64
    } else {
        i64::from(pt_regs_syscallno(regs))
    }
}

/// # Safety
/// `regs` are the current task's, at entry.
#[inline(always)]
pub unsafe fn args(regs: *const pt_regs, abi: u16) -> [u64; 6] {
    if pt_regs_orig_ax_exists(regs) != 0 {
        if abi == abi::COMPAT {
            [
                pt_regs_bx(regs),
                pt_regs_cx(regs),
                pt_regs_dx(regs),
                pt_regs_si(regs),
                pt_regs_di(regs),
                pt_regs_bp(regs),
            ]
        } else {
            [
                pt_regs_di(regs),
                pt_regs_si(regs),
                pt_regs_dx(regs),
                pt_regs_r10(regs),
                pt_regs_r8(regs),
                pt_regs_r9(regs),
            ]
        }
    } else {
        let x = pt_regs_regs_at(regs);
        // x0 holds the result at exit, so the first argument is kept beside it.
        [pt_regs_orig_x0(regs), *x.add(1), *x.add(2), *x.add(3), *x.add(4), *x.add(5)]
    }
}
