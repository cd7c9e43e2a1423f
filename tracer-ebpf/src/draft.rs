//! Records with pieces of memory: put together in memory of the CPU's own, since their length is not known before the
//! memory is read, and then copied into the ring buffer.

use aya_ebpf::bindings::BPF_ANY;
use aya_ebpf::helpers::generated::{
    bpf_probe_read_kernel, bpf_probe_read_kernel_str, bpf_probe_read_user, bpf_probe_read_user_str,
};
use tracer_common::config::reads;
use tracer_common::limits::{ADDRESS_LEN, ARGUMENTS_LEN, ARRAY_LEN, STRING_LEN, STRUCTURE_LEN};
use tracer_common::record::{Piece, Syscall, extent, piece};

use crate::kernel::*;
use crate::maps::{DRAFTS, EXECUTING_MAP};
use crate::read::{self, opaque};
use crate::state::Task;
use crate::{directory, vector};

/// An address below is no memory of a program but a number: the least that `mmap_min_addr` is where it is set.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/Kconfig>
const LOWEST: u64 = 4096;

/// Where a piece may begin: a mask proves it to the verifier. More than the fixed part and two strings before a third.
const STARTS: usize = 0x4000;

/// Bits of a place at which a name may begin.
pub const INSIDE: u64 = STARTS as u64 - 1;

/// As a descriptor: the working directory, `AT_FDCWD`,
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/fcntl.h#L92>.
const AT_FDCWD: u64 = -100i64 as u64;

/// The numbers stay in memory and are read anew each time: of those that it can follow, the verifier would follow every
/// value through all that comes behind.
#[repr(C)]
pub struct Draft {
    /// Bytes that are used.
    end: u64,
    /// Not 0: the call failed, and the kernel has filled in nothing.
    failed: u64,
    /// The longest piece may follow at the last place.
    bytes: [u8; STARTS + ARGUMENTS_LEN],
}

/// Each program has its own, or one that is preempted could find another's bytes in its record.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Place {
    Enter = 0,
    Exit = 1,
    Exec = 2,
}

/// A string kept from a call's entry to its exit.
#[repr(C)]
pub struct Kept {
    piece: Piece,
    bytes: [u8; STRING_LEN],
}

/// Begins with `fixed` bytes for the caller to fill in.
#[inline(always)]
pub fn begin(place: Place, fixed: usize, failed: bool) -> Option<*mut Draft> {
    let draft = again(place)?;
    // SAFETY: an entry of the map.
    unsafe {
        (&raw mut (*draft).end).write_volatile(fixed as u64);
        (&raw mut (*draft).failed).write_volatile(failed as u64);
    }
    Some(draft)
}

/// What was begun and is not yet sent.
#[inline(always)]
pub fn again(place: Place) -> Option<*mut Draft> {
    DRAFTS.get_ptr_mut(place as u32)
}

/// The fixed part.
///
/// # Safety
/// `draft` comes from [`begin`], here and below.
#[inline(always)]
pub unsafe fn record<T>(draft: *mut Draft) -> *mut T {
    (&raw mut (*draft).bytes).cast()
}

/// What is used; None: more than there is.
///
/// # Safety
/// The fixed part was filled in.
#[inline(always)]
pub unsafe fn bytes<'a>(draft: *const Draft) -> Option<&'a [u8]> {
    let len = opaque(end(draft));
    if len > (STARTS + ARGUMENTS_LEN) as u64 {
        return None;
    }
    Some(core::slice::from_raw_parts((&raw const (*draft).bytes).cast(), len as usize))
}

/// # Safety
/// See [`record`].
#[inline(always)]
pub unsafe fn end(draft: *const Draft) -> u64 {
    (&raw const (*draft).end).read_volatile()
}

/// Head and bytes of the piece that begins at the end.
///
/// # Safety
/// See [`record`].
#[inline(always)]
pub unsafe fn open(draft: *mut Draft) -> (*mut Piece, *mut u8) {
    let at = opaque(end(draft)) & (STARTS as u64 - 8);
    let head = record::<u8>(draft).add(at as usize).cast::<Piece>();
    (head, head.add(1).cast())
}

/// The piece is complete.
///
/// # Safety
/// See [`record`]; `head` comes from [`open`].
#[inline(always)]
pub unsafe fn close(draft: *mut Draft, head: *const Piece) {
    let len = u64::from((&raw const (*head).len).read_volatile());
    (&raw mut (*draft).end).write_volatile(end(draft) + size_of::<Piece>() as u64 + (len + 7 & !7));
}

/// Appends what one of a call's arguments points to, `read` being its entry of `config::reads`. Nothing is appended for a
/// null pointer.
///
/// # Safety
/// See [`record`]; `state` comes from the table of threads.
#[inline(never)]
pub unsafe fn argument(draft: *mut Draft, read: u64, state: *const Task) -> i32 {
    let argument = opaque((read & reads::ARGUMENT).wrapping_sub(1));
    let out = read & reads::OUT != 0;
    if argument >= 6 || (out && failed(draft)) {
        return 0;
    }
    let address = argument_value(state, argument);
    if address == 0 {
        return 0;
    }
    let head = Piece { argument: argument as u8, kind: piece::STRING, extent: 0, len: 0 };
    let detail = read >> reads::LEN_SHIFT & reads::LEN;
    match read >> reads::WHAT_SHIFT & reads::WHAT {
        reads::STRING if detail & u64::from(reads::VECTOR) == u64::from(reads::VECTOR) => {
            vector::append_vector(
                address,
                argument as u32,
                (detail == u64::from(reads::VECTOR_NARROW)) as u32,
            );
        }
        reads::STRING => path(draft, argument, address, detail, state),
        reads::ADDRESS => {
            let behind = opaque(argument + 1);
            if behind >= 6 {
                return 0;
            }
            // The kernel says how long an address is that it has filled in, even if the process had less room.
            let len = argument_value(state, behind);
            let len = if out { read::user_u32(len) } else { len as u32 };
            user_range(draft, Piece { kind: piece::ADDRESS, ..head }, address, u64::from(len), ADDRESS_LEN);
        }
        _ if address < LOWEST => {}
        reads::STRUCTURE => {
            user_range(draft, Piece { kind: piece::STRUCTURE, ..head }, address, detail, STRUCTURE_LEN);
        }
        _ => {
            let count = opaque((detail >> reads::COUNT_SHIFT & reads::COUNT).wrapping_sub(1));
            let count = if count < 6 { argument_value(state, count) } else { result(draft) };
            // More than is read of any: the product has room.
            let count = if count > STRING_LEN as u64 { STRING_LEN as u64 + 1 } else { count };
            if detail & u64::from(reads::TEXT) != 0 {
                user_range(draft, head, address, count, STRING_LEN);
            } else {
                let size = count * (detail & reads::ELEMENT);
                user_range(draft, Piece { kind: piece::STRUCTURE, ..head }, address, size, ARRAY_LEN);
            }
        }
    }
    0
}

/// What the call returned.
#[inline(always)]
unsafe fn result(draft: *mut Draft) -> u64 {
    (&raw const (*record::<Syscall>(draft)).ret).read_volatile() as u64
}

/// Whether the call failed.
///
/// # Safety
/// See [`record`].
#[inline(always)]
pub unsafe fn failed(draft: *const Draft) -> bool {
    (&raw const (*draft).failed).read_volatile() != 0
}

/// `index` is below 6.
#[inline(always)]
unsafe fn argument_value(state: *const Task, index: u64) -> u64 {
    *(&raw const (*state).args).cast::<u64>().add(index as usize)
}

/// A string and, if it is a relative path, the directory that it begins in.
#[inline(always)]
unsafe fn path(draft: *mut Draft, argument: u64, address: u64, base: u64, state: *const Task) {
    let (head, bytes) = open(draft);
    let read = bpf_probe_read_user_str(bytes.cast(), STRING_LEN as u32, address as *const _);
    string(head, argument, read);
    let relative = (*head).len > 0 && bytes.read_volatile() != b'/';
    close(draft, head);
    if base == u64::from(reads::BASE_NONE) || !relative {
        return;
    }
    let before = opaque(argument.wrapping_sub(1));
    let by_descriptor = base == u64::from(reads::BASE_FD) && before < 6;
    let fd = if by_descriptor { argument_value(state, before) } else { AT_FDCWD };
    directory::append_directory(argument as u32, fd as u32, AT_FDCWD as u32);
}

/// Appends a string of the kernel's.
///
/// # Safety
/// See [`record`]; `address` may be anything.
#[inline(always)]
pub unsafe fn kernel_string(draft: *mut Draft, address: *const u8) {
    let (head, bytes) = open(draft);
    string(head, 0, bpf_probe_read_kernel_str(bytes.cast(), STRING_LEN as u32, address.cast()));
    close(draft, head);
}

/// `read`: what the helper returned.
#[inline(always)]
unsafe fn string(head: *mut Piece, argument: u64, read: i64) {
    (*head).argument = argument as u8;
    (*head).kind = piece::STRING;
    // The count includes the NUL byte, which is also there when the string was cut.
    (*head).len = if read > 0 { read as u32 - 1 } else { 0 };
    (*head).extent = if read <= 0 {
        extent::UNREAD
    } else if read as usize == STRING_LEN {
        extent::CUT
    } else {
        0
    };
}

/// Appends the arguments of the program that `mm` belongs to, as what `argument` points to.
///
/// # Safety
/// See [`record`].
#[inline(always)]
pub unsafe fn arguments(draft: *mut Draft, argument: u8, mm: *const mm_struct) {
    let (start, end) = (mm_struct_arg_start(mm), mm_struct_arg_end(mm));
    let piece = Piece { argument, kind: piece::STRINGS, extent: 0, len: 0 };
    user_range(draft, piece, start, end.wrapping_sub(start), ARGUMENTS_LEN);
}

#[inline(always)]
unsafe fn user_range(draft: *mut Draft, piece: Piece, start: u64, size: u64, room: usize) {
    let (head, bytes) = open(draft);
    (*head).argument = piece.argument;
    (*head).kind = piece.kind;
    (*head).extent = if size > room as u64 { extent::CUT } else { 0 };
    (*head).len = 0;
    let size = opaque(if size > room as u64 { room as u64 } else { size });
    if size != 0 && size <= room as u64 {
        if bpf_probe_read_user(bytes.cast(), size as u32, start as *const _) == 0 {
            (*head).len = size as u32;
        } else {
            (*head).extent = extent::UNREAD;
        }
    }
    close(draft, head);
}

/// Keeps what the first argument that is read points to, until [`kept`] asks for it.
///
/// # Safety
/// `state` is that of `task`, the current one.
#[inline(never)]
pub unsafe fn keep(task: *const task_struct, state: *const Task, read: u64) -> i32 {
    let Some(draft) = begin(Place::Enter, 0, false) else { return 0 };
    // Where it is comes at exit.
    argument(draft, read & !(u64::from(reads::STRING_BITS) << reads::LEN_SHIFT), state);
    // A full table costs the name of a file that could not be executed.
    let _ = EXECUTING_MAP.insert(task as u64, &*record::<Kept>(draft), u64::from(BPF_ANY));
    0
}

/// The program is replaced: `filename`, the kernel's copy of its file's name, in the place of what [`keep`] could not read.
///
/// # Safety
/// `task` is the current one; `filename` may be anything.
#[inline(always)]
pub unsafe fn executed(task: *const task_struct, filename: *const u8) {
    let Some(kept) = EXECUTING_MAP.get_ptr_mut(task as u64) else { return };
    if (*kept).piece.extent & extent::UNREAD == 0 {
        return;
    }
    let bytes = (&raw mut (*kept).bytes).cast();
    string(&raw mut (*kept).piece, 0, bpf_probe_read_kernel_str(bytes, STRING_LEN as u32, filename.cast()));
}

/// Appends what [`keep`] kept; where it could not read that, it may be there by now.
///
/// # Safety
/// See [`argument`].
#[inline(always)]
pub unsafe fn kept(draft: *mut Draft, read: u64, state: *const Task) {
    let kept = match EXECUTING_MAP.get_ptr((*state).task) {
        Some(kept) if (*kept).piece.extent & extent::UNREAD == 0 || !failed(draft) => kept,
        _ => {
            argument(draft, read, state);
            return;
        }
    };
    let (head, bytes) = open(draft);
    *head = (*kept).piece;
    let len = opaque(u64::from((*kept).piece.len));
    let from = (&raw const (*kept).bytes).cast();
    if len >= STRING_LEN as u64 || bpf_probe_read_kernel(bytes.cast(), len as u32, from) != 0 {
        (*head).len = 0;
        (*head).extent = extent::UNREAD;
    }
    close(draft, head);
}

/// The call is over.
///
/// # Safety
/// Callable anywhere.
#[inline(always)]
pub unsafe fn forget(task: *const task_struct) {
    let _ = EXECUTING_MAP.remove(task as u64);
}
