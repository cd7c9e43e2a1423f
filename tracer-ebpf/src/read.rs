//! Reads of memory that may be absent.

use aya_ebpf::helpers::generated::{
    bpf_probe_read_kernel, bpf_probe_read_kernel_str, bpf_probe_read_user, bpf_probe_read_user_str,
};
use tracer_common::limits::TEXT_LEN;
use tracer_common::record::Text;

/// How much of a text was read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    Whole,
    Cut,
    Unread,
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
    let size = end.wrapping_sub(start);
    let cut = size > TEXT_LEN as u64;
    let size = if cut { TEXT_LEN as u64 } else { size };
    let bytes = (&raw mut (*text).bytes).cast();
    (*text).index = 0;
    (*text).len = size as u32;
    if size == 0 {
        return Extent::Whole;
    }
    if bpf_probe_read_user(bytes, size as u32, start as *const _) != 0 {
        (*text).len = 0;
        return Extent::Unread;
    }
    if cut { Extent::Cut } else { Extent::Whole }
}

/// A pointer, null if it could not be read.
///
/// # Safety
/// As [`kernel`].
#[inline(always)]
pub unsafe fn kernel_ptr<T>(address: *const *const T) -> *const T {
    kernel::<u64>(address.cast()) as *const T
}
