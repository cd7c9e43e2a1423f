//! The ring buffer: reserve, fill, submit, or count the loss.

use aya_ebpf::bindings::{BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP};
use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use tracer_common::key::OwnerInfo;
use tracer_common::loss::Loss;
use tracer_common::record::{Ended, Header, Owner, kind};

use crate::count::tally;
use crate::draft::{self, Draft};
use crate::fields::comm;
use crate::kernel::*;
use crate::maps::EVENTS;
use crate::state::Task;

/// Whether user space is to look at once.
#[repr(u32)]
pub enum Wake {
    /// It polls, and soon will: a wake-up costs more than everything else here together.
    Not = BPF_RB_NO_WAKEUP,
    /// For what has to be looked up before it is gone.
    Now = BPF_RB_FORCE_WAKEUP,
}

/// Writes one record, or counts that it is missing.
///
/// # Safety
/// `fill` writes every byte of the `T` it is given: what is left out would be old kernel memory.
#[inline(always)]
pub unsafe fn record<T: 'static>(owner: u32, wake: Wake, fill: impl FnOnce(*mut T)) {
    match EVENTS.reserve::<T>(0) {
        Some(mut entry) => {
            fill(entry.as_mut_ptr());
            entry.submit(u64::from(wake as u32));
            tally(owner, |t| t.sent += 1);
        }
        None => tally(owner, |t| t.lost[Loss::Ring as usize] += 1),
    }
}

/// As [`record`], of a draft, whose fixed part begins with a [`Header`].
///
/// # Safety
/// The fixed part was filled in.
#[inline(always)]
pub unsafe fn drafted(owner: u32, draft: *mut Draft) {
    (*draft::record::<Header>(draft)).len = draft::end(draft) as u32;
    let sent = match draft::bytes(draft) {
        Some(bytes) => EVENTS.output::<[u8]>(bytes, u64::from(Wake::Not as u32)).is_ok(),
        None => false,
    };
    tally(owner, |t| if sent { t.sent += 1 } else { t.lost[Loss::Ring as usize] += 1 });
}

/// # Safety
/// `header` is valid for writes, `task` is a BTF-typed pointer to the current task.
#[inline(always)]
pub unsafe fn header(header: *mut Header, task: *const task_struct, state: &Task, kind: u16, len: usize) {
    // One by one: a value as a whole would be put together on the stack, which is short.
    (*header).kind = kind;
    (*header).flags = 0;
    (*header).len = len as u32;
    (*header).ktime_ns = bpf_ktime_get_ns();
    (*header).owner = state.owner;
    (*header).generation = state.generation;
    (*header).cgroup_id = state.cgroup_id;
    (*header).tgid = task_struct_tgid(task) as u32;
    (*header).tid = task_struct_pid(task) as u32;
    (*header).vtgid = state.vtgid;
    (*header).uid = *cred_uid_at(task_struct_cred(task));
    (*header).parent_tgid = task_struct_tgid(task_struct_real_parent(task)) as u32;
    (*header).session = state.session;
    (*header).comm = comm(task);
}

/// Tells user space of a new owner. If there is no room it will find it in the map.
///
/// # Safety
/// Callable anywhere.
#[inline(always)]
pub unsafe fn owner(index: u32, info: &OwnerInfo) {
    let Some(mut entry) = EVENTS.reserve::<Owner>(0) else { return };
    let record: *mut Owner = entry.as_mut_ptr();
    (*record).header = Header {
        kind: kind::OWNER,
        flags: 0,
        len: size_of::<Owner>() as u32,
        ktime_ns: info.first_ns,
        owner: index,
        generation: info.generation,
        cgroup_id: info.key.cgroup_id,
        tgid: 0,
        tid: 0,
        vtgid: 0,
        uid: 0,
        parent_tgid: 0,
        session: 0,
        comm: info.comm,
    };
    (*record).info = *info;
    entry.submit(u64::from(Wake::Now as u32));
}

/// Tells user space that the process with which an owner began is over.
///
/// # Safety
/// As [`header`].
#[inline(always)]
pub unsafe fn ended(task: *const task_struct, state: &Task, namespace: bool) {
    let Some(mut entry) = EVENTS.reserve::<Ended>(0) else { return };
    let record: *mut Ended = entry.as_mut_ptr();
    header(&raw mut (*record).header, task, state, kind::ENDED, size_of::<Ended>());
    (*record).status = task_struct_exit_code(task) as u32;
    (*record).namespace = namespace as u32;
    entry.submit(u64::from(Wake::Not as u32));
}
