//! What is remembered of a thread.

/// Bits of [`Task::flags`].
pub mod flag {
    /// Has not executed a program since it came into its cgroup from outside.
    pub const SETUP: u32 = 1 << 0;
    /// Nothing of it was seen yet: the first exit may belong to a call begun before us.
    pub const FRESH: u32 = 1 << 1;
    /// Just forked: its first event is the exit of the parent's `clone`.
    pub const FORKED: u32 = 1 << 2;
    /// Descends from the cgroup that `config::lineage_cgroup` names.
    pub const LINEAGE: u32 = 1 << 3;
    /// Came into a pid namespace that was there before it.
    pub const JOINED: u32 = 1 << 4;
    /// Descends from a process that did, and that executed a program then.
    pub const EXEC: u32 = 1 << 5;
    /// The process that its owner's workload began with.
    pub const FIRST: u32 = 1 << 6;
    /// The first process of its pid namespace.
    pub const INIT: u32 = 1 << 7;
}

/// Value of [`Task::entered`]: in no call.
pub const IDLE: u32 = 0;
/// Bit of [`Task::entered`]: in a call.
pub const ENTERED: u32 = 1 << 31;
/// Bit of [`Task::entered`]: the call was begun when nobody wanted it, and nothing else is known of it.
pub const UNWATCHED: u32 = 1 << 30;
/// Bits of [`Task::entered`] that are the call: `abi << 16 | nr`.
pub const NUMBER: u32 = 0x00ff_ffff;
/// From this bit on [`Task::entered`] holds what was asked for when the call began: bits of `row`.
pub const ASKED_SHIFT: u32 = 24;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Task {
    /// The `task_struct`'s address: whose state this is. 0: nobody's.
    pub task: u64,
    /// The `css_set`'s address, which differs whenever one of the task's cgroups does: for which `owner`
    /// holds.
    pub cgroups: u64,
    /// As in `OwnerKey`.
    pub cgroup_id: u64,
    pub v1_id: u64,
    pub owner: u32,
    pub generation: u32,
    /// Bits of [`flag`].
    pub flags: u32,
    /// [`IDLE`], or the call it is in: `ENTERED | asked << ASKED_SHIFT | abi << 16 | nr`.
    pub entered: u32,
    /// Counter of that call, 0: none.
    pub cell: u32,
    pub vtgid: u32,
    /// First process of its `exec` session, 0: none.
    pub session: u32,
    /// Always 0.
    pub pad: u32,
    pub start_ns: u64,
    pub args: [u64; 6],
}
const _: () = assert!(size_of::<Task>() == 120);

/// Nobody's.
pub static EMPTY: Task = Task {
    task: 0,
    cgroups: 0,
    cgroup_id: 0,
    v1_id: 0,
    owner: 0,
    generation: 0,
    flags: 0,
    entered: IDLE,
    cell: 0,
    vtgid: 0,
    session: 0,
    pad: 0,
    start_ns: 0,
    args: [0; 6],
};
