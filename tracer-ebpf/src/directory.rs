//! The directory that a relative path begins in, name by name up to the process's root.

use aya_ebpf::helpers::generated::bpf_probe_read_kernel_str;
use tracer_common::limits::{DEPTH, NAME_LEN};
use tracer_common::record::{Piece, extent, piece};

use crate::draft::{self, Draft, Place};
use crate::fields;
use crate::kernel::*;
use crate::read::{self, opaque};

/// A place in the tree of mounted file systems: <https://github.com/torvalds/linux/blob/v6.12/include/linux/path.h#L8>.
#[derive(Clone, Copy)]
struct At {
    mnt: *const vfsmount,
    dentry: *const dentry,
}

#[inline(always)]
unsafe fn place(at: *const path) -> At {
    At { mnt: read::kernel_ptr(path_mnt_at(at)), dentry: read::kernel_ptr(path_dentry_at(at)) }
}

/// The file that is open as descriptor `fd`, null if none is.
#[inline(always)]
unsafe fn open_file(task: *const task_struct, fd: u32) -> *const file {
    let table = read::kernel_ptr(files_struct_fdt_at(task_struct_files(task)));
    let max: u32 = read::kernel(fdtable_max_fds_at(table));
    if fd >= max {
        return core::ptr::null();
    }
    let files: u64 = read::kernel(fdtable_fd_at(table).cast());
    let entry = files + u64::from(fd) * size_of::<u64>() as u64;
    read::kernel::<u64>(entry as *const u64) as *const file
}

/// Appends to the draft of `Place::Exit` the names of the directory from the last to the first, each ended by a NUL byte;
/// nothing but the head if it is the root. It is the directory open as `fd`, or the working directory for `cwd`.
///
/// Global, and with numbers as its only arguments: so the verifier looks at it once, and not at each place that it is
/// called from, which takes seconds.
#[unsafe(no_mangle)]
pub extern "C" fn append_directory(argument: u32, fd: u32, cwd: u32) -> i32 {
    let Some(draft) = draft::again(Place::Exit) else { return 0 };
    // SAFETY: the caller has begun it.
    unsafe { append(draft, argument, fd, cwd, fields::current_task()) };
    0
}

#[inline(always)]
unsafe fn append(draft: *mut Draft, argument: u32, fd: u32, cwd: u32, task: *const task_struct) {
    let (head, _) = draft::open(draft);
    (*head).argument = argument as u8;
    (*head).kind = piece::BASE;
    (*head).extent = extent::UNREAD;
    (*head).len = 0;
    let fs = task_struct_fs(task);
    let root = place(fs_struct_root_at(fs));
    let here = place(if fd == cwd { fs_struct_pwd_at(fs) } else { file_f_path_at(open_file(task, fd)) });
    if names(draft, head, here, root) {
        (*head).extent = 0;
    } else {
        (*head).len = 0;
    }
    draft::close(draft, head);
}

/// Whether the root was reached.
#[inline(always)]
unsafe fn names(draft: *mut Draft, head: *mut Piece, mut here: At, root: At) -> bool {
    // A mount is a step, too.
    for _ in 0..2 * DEPTH {
        if here.dentry == root.dentry && here.mnt == root.mnt {
            return true;
        }
        let parent = read::kernel_ptr(dentry_d_parent_at(here.dentry));
        if here.dentry == read::kernel_ptr(vfsmount_mnt_root_at(here.mnt)) || here.dentry == parent {
            // kernel: real_mount(), <https://github.com/torvalds/linux/blob/v6.12/fs/mount.h#L88>
            let inside = mount_mnt_at(core::ptr::null()) as u64;
            let mount = (here.mnt as u64 - inside) as *const mount;
            let around = read::kernel_ptr(mount_mnt_parent_at(mount));
            if around == mount || around.is_null() {
                return false;
            }
            here = At { mnt: mount_mnt_at(around), dentry: read::kernel_ptr(mount_mnt_mountpoint_at(mount)) };
            continue;
        }
        // From memory each time: of a number that it can follow, the verifier would follow every value.
        let len = (&raw const (*head).len).read_volatile();
        if len > (DEPTH * NAME_LEN) as u32 {
            return false;
        }
        let start = draft::end(draft) + size_of::<Piece>() as u64;
        let place = opaque(start + u64::from(len)) & draft::INSIDE;
        let bytes = draft::record::<u8>(draft).add(place as usize);
        let name = read::kernel_ptr(qstr_name_at(dentry_d_name_at(here.dentry)));
        let read = bpf_probe_read_kernel_str(bytes.cast(), NAME_LEN as u32, name.cast());
        if read <= 1 {
            return false;
        }
        (&raw mut (*head).len).write_volatile(len + read as u32);
        here.dentry = parent;
    }
    false
}
