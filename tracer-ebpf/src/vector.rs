//! Strings that a process has pointers to: the arguments of a program.

use aya_ebpf::helpers::generated::{bpf_probe_read_user, bpf_probe_read_user_str};
use tracer_common::limits::{ARGUMENTS_LEN, STRING_LEN, STRINGS};
use tracer_common::record::{Piece, extent, piece};

use crate::draft::{self, Draft, Place};
use crate::fields;
use crate::kernel::*;
use crate::read::opaque;

/// Appends to the draft of `Place::Exit` the strings that are pointed to from `address` on, as what `argument` points to.
/// `narrow`, 1: by pointers of 32 bits.
///
/// If the call worked the memory is gone, and what the new program was given is in place of it.
///
/// Global, as `append_directory` is.
#[unsafe(no_mangle)]
pub extern "C" fn append_vector(address: u64, argument: u32, narrow: u32) -> i32 {
    let Some(draft) = draft::again(Place::Exit) else { return 0 };
    // SAFETY: the caller has begun it.
    unsafe {
        if draft::failed(draft) {
            append(draft, address, argument, narrow);
        } else {
            draft::arguments(draft, argument as u8, task_struct_mm(fields::current_task()));
        }
    }
    0
}

#[inline(always)]
unsafe fn append(draft: *mut Draft, address: u64, argument: u32, narrow: u32) {
    let (head, _) = draft::open(draft);
    (*head).argument = argument as u8;
    (*head).kind = piece::STRINGS;
    (*head).len = 0;
    (*head).extent = strings(draft, head, address, narrow);
    draft::close(draft, head);
}

/// Bits of `extent`.
#[inline(always)]
unsafe fn strings(draft: *mut Draft, head: *mut Piece, address: u64, narrow: u32) -> u16 {
    let width = if narrow != 0 { 4 } else { 8 };
    for index in 0..=STRINGS as u64 {
        let mut pointer = 0u64;
        let from = (address + index * width) as *const _;
        let read = bpf_probe_read_user((&raw mut pointer).cast(), width as u32, from);
        let unread = if index == 0 { extent::UNREAD } else { extent::CUT };
        if read != 0 {
            return unread;
        }
        if pointer == 0 {
            return 0;
        }
        // From memory each time: of a number that it can follow, the verifier would follow every value.
        let len = (&raw const (*head).len).read_volatile();
        let place = opaque(draft::end(draft) + size_of::<Piece>() as u64 + u64::from(len));
        if index == STRINGS as u64 || place > draft::INSIDE || len > (ARGUMENTS_LEN - STRING_LEN) as u32 {
            return extent::CUT;
        }
        let bytes = draft::record::<u8>(draft).add((place & draft::INSIDE) as usize);
        let read = bpf_probe_read_user_str(bytes.cast(), STRING_LEN as u32, pointer as *const _);
        if read <= 0 {
            return unread;
        }
        (&raw mut (*head).len).write_volatile(len + read as u32);
        if read as usize == STRING_LEN {
            return extent::CUT;
        }
    }
    0
}
