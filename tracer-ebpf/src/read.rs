//! Reads of memory that may be absent.

use aya_ebpf::helpers::generated::{bpf_probe_read_kernel, bpf_probe_read_user};

/// The same number, of which the compiler knows nothing: or it would drop a bound that it can prove
/// but the verifier cannot.
#[inline(always)]
pub fn opaque(mut value: u64) -> u64 {
    // SAFETY: a register is copied to itself.
    unsafe { core::arch::asm!("{0} = {0}", inout(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

/// # Safety
/// `address` may be anything; `T` is plain bytes.
#[inline(always)]
pub unsafe fn kernel<T: Default>(address: *const T) -> T {
    let mut value = T::default();
    let size = size_of::<T>() as u32;
    // A failed read leaves zeroes, which every caller takes for "unknown".
    bpf_probe_read_kernel((&raw mut value).cast(), size, address.cast());
    value
}

/// # Safety
/// `address` may be anything.
#[inline(always)]
pub unsafe fn user_u32(address: u64) -> u32 {
    let mut value = 0u32;
    // A failed read leaves zero.
    bpf_probe_read_user((&raw mut value).cast(), size_of::<u32>() as u32, address as *const _);
    value
}

/// A pointer, null if it could not be read.
///
/// # Safety
/// As [`kernel`].
#[inline(always)]
pub unsafe fn kernel_ptr<T>(address: *const *const T) -> *const T {
    kernel::<u64>(address.cast()) as *const T
}
