//! Reads of memory that may be absent.

use aya_ebpf::helpers::generated::{
    bpf_probe_read_kernel, bpf_probe_read_kernel_str, bpf_probe_read_user, bpf_probe_read_user_str,
};
use tracer_common::limits::{ADDRESS_LEN, TEXT_LEN};
use tracer_common::record::{Address, Text};

/// How much of a text was read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    Whole,
    Cut,
    Unread,
}

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

/// Reads up to the NUL byte.
///
/// # Safety
/// `text` is valid for writes; `address` may be anything.
#[inline(always)]
pub unsafe fn user_string(text: *mut Text, address: u64) -> Extent {
    let bytes = (&raw mut (*text).bytes).cast();
    finish(text, bpf_probe_read_user_str(bytes, TEXT_LEN as u32, address as *const _))
}

/// As [`user_string`], from kernel memory.
///
/// # Safety
/// As [`user_string`].
#[inline(always)]
pub unsafe fn kernel_string(text: *mut Text, address: *const u8) -> Extent {
    let bytes = (&raw mut (*text).bytes).cast();
    finish(text, bpf_probe_read_kernel_str(bytes, TEXT_LEN as u32, address.cast()))
}

#[inline(always)]
unsafe fn finish(text: *mut Text, read: i64) -> Extent {
    (*text).index = 0;
    if read <= 0 {
        (*text).len = 0;
        return Extent::Unread;
    }
    // The count includes the NUL byte, which is also there when the text was cut.
    (*text).len = read as u32 - 1;
    if read as usize == TEXT_LEN { Extent::Cut } else { Extent::Whole }
}

/// Reads the bytes from `start` to `end` of the current process.
///
/// # Safety
/// `text` is valid for writes; the addresses may be anything.
#[inline(always)]
pub unsafe fn user_range(text: *mut Text, start: u64, end: u64) -> Extent {
    (*text).index = 0;
    let bytes = (&raw mut (*text).bytes).cast();
    user_bytes(bytes, &raw mut (*text).len, TEXT_LEN as u64, start, end.wrapping_sub(start))
}

/// Reads the socket address of `size` bytes at `start` in the current process.
///
/// # Safety
/// `address` is valid for writes; `start` may be anything.
#[inline(always)]
pub unsafe fn user_address(address: *mut Address, start: u64, size: u32) -> Extent {
    let bytes = (&raw mut (*address).bytes).cast();
    user_bytes(bytes, &raw mut (*address).len, ADDRESS_LEN as u64, start, u64::from(size))
}

#[inline(always)]
unsafe fn user_bytes(bytes: *mut u8, len: *mut u32, room: u64, start: u64, size: u64) -> Extent {
    let cut = size > room;
    let size = opaque(if cut { room } else { size });
    *len = 0;
    if size == 0 || size > room {
        return Extent::Whole;
    }
    if bpf_probe_read_user(bytes.cast(), size as u32, start as *const _) != 0 {
        return Extent::Unread;
    }
    *len = size as u32;
    if cut { Extent::Cut } else { Extent::Whole }
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
