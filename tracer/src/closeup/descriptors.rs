//! What each process's descriptors are, followed from call to call; and so what a call works on.
//!
//! What was open before anybody looked, and what came by a way that records do not show (`pipe`, a
//! message with descriptors), is looked up with [`OpenFiles`]. Whether an `execve` closed a descriptor is not
//! known: it stays until its number is given out again.

use std::collections::HashMap;
use std::sync::Arc;

use super::calls::{Act, Calls};
use super::names::Names;
use super::open_files::{Found, OpenFiles};
use super::protocol;
use crate::batch::Arch;
use crate::event::{Event, Exit, How, Syscall, Text, What};
use crate::snapshot::Direction;

/// Descriptors that are followed at a time, and processes that have some. Then all are forgotten, and what is
/// used is looked up again.
const DESCRIPTORS: usize = 32_768;
const PROCESSES: usize = 16_384;

/// Look-ups a step. One takes microseconds, and a step comes each millisecond at most.
const LOOKUPS: usize = 64;

/// `EBADF`, `EINPROGRESS`: the same on every machine,
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/asm-generic/errno.h>.
const EBADF: u16 = 9;
const EINPROGRESS: u16 = 115;
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/fcntl.h> and `close_range.h` beside it.
const F_DUPFD: u64 = 0;
const F_DUPFD_CLOEXEC: u64 = 1030;
const CLOSE_RANGE_CLOEXEC: u64 = 1 << 2;

/// What can be worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Thing {
    File(Arc<str>),
    Socket(Peer),
    /// A pipe, a timer and the like, or nobody knows.
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Peer {
    pub protocol: &'static str,
    /// Of the other side; of a socket that has none: its own.
    pub address: Arc<str>,
    pub direction: Direction,
}

/// What a call did to something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Use {
    pub on: Thing,
    pub deed: Deed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Other,
    Opened,
    /// A connection was made or accepted.
    Connected,
    /// Bytes.
    Read(u64),
    Written(u64),
}

/// No call works on more than two things.
pub(super) type Uses = [Option<Use>; 2];

pub(super) struct Descriptors {
    calls: Calls,
    names: Names,
    /// By pid. Shared by those that a fork made alike.
    processes: HashMap<u32, Arc<HashMap<u32, Thing>>>,
    /// Descriptors in them.
    count: usize,
    lookups: usize,
    open: Box<dyn OpenFiles + Send>,
}

impl Descriptors {
    pub fn new(arch: Arch, open: Box<dyn OpenFiles + Send>) -> Self {
        Self {
            calls: Calls::new(arch),
            names: Names::default(),
            processes: HashMap::new(),
            count: 0,
            lookups: LOOKUPS,
            open,
        }
    }

    /// Events were missed: nothing is known any more.
    pub fn forget_all(&mut self) {
        self.processes.clear();
        self.count = 0;
    }

    /// Another step begins.
    pub fn step(&mut self) {
        self.lookups = LOOKUPS;
        self.open.step();
    }

    /// `address`: that of a socket that the call was given or gave. Events of a process must come in order.
    pub fn follow(&mut self, event: &Event<'_>, address: Option<&str>) -> Uses {
        let pid = event.process.pid;
        match &event.what {
            What::Fork { pid: child, .. } => self.inherit(pid, *child),
            What::Exit(Exit { process: true, .. }) => self.forget(pid),
            What::Exec { filename: filename @ (Text::Whole(_) | Text::Cut(_)), .. } => {
                return one(Thing::File(self.names.lossy(filename.bytes())), Deed::Other);
            }
            // The arguments of a call that began before the trace are not known.
            What::Syscall(call) if call.how != How::InFlight => return self.call(pid, call, address),
            What::Exec { .. } | What::Exit(_) | What::Syscall(_) | What::Cgroup(_) | What::IoUring(_) => {}
        }
        Uses::default()
    }

    fn call(&mut self, pid: u32, call: &Syscall<'_>, address: Option<&str>) -> Uses {
        let named = self.named(pid, call);
        let Some(act) = self.calls.act(call) else {
            return named.map_or_else(Uses::default, |on| one(on, Deed::Other));
        };
        let [arg0, arg1, ..] = call.args;
        let given = given(call);
        match act {
            Act::Open => {
                let on = named.unwrap_or(Thing::Other);
                let opened = self.put(pid, given, &on);
                one(on, if opened { Deed::Opened } else { Deed::Other })
            }
            Act::Make => {
                self.put(pid, given, &Thing::Other);
                named.map_or_else(Uses::default, |on| one(on, Deed::Other))
            }
            Act::On(at) => one(self.at(pid, call, at), Deed::Other),
            Act::Read(at) => one(self.talk(pid, call, at, address), Deed::Read(moved(call))),
            Act::Write(at) => one(self.talk(pid, call, at, address), Deed::Written(moved(call))),
            Act::Move { from, to } => [
                Some(Use { on: self.at(pid, call, from), deed: Deed::Read(moved(call)) }),
                Some(Use { on: self.at(pid, call, to), deed: Deed::Written(moved(call)) }),
            ],
            Act::Socket => {
                let on = Thing::Socket(self.unconnected(protocol::name(&call.args)));
                self.put(pid, given, &on);
                one(on, Deed::Other)
            }
            Act::Connect => self.connect(pid, call, address),
            Act::Bind => self.bind(pid, call, address),
            Act::Listen => self.listen(pid, call),
            Act::Accept => self.accept(pid, call, address),
            Act::Dup => self.duplicate(pid, call, given),
            Act::DupTo => self.duplicate(pid, call, given.and(descriptor(arg1))),
            Act::Fcntl if matches!(arg1 & 0xffff_ffff, F_DUPFD | F_DUPFD_CLOEXEC) => {
                self.duplicate(pid, call, given)
            }
            Act::Fcntl => one(self.at(pid, call, 0), Deed::Other),
            Act::Close => {
                let on = self.at(pid, call, 0);
                // Also when it failed: but for `EBADF`, where there is none, the descriptor is gone.
                if call.how == How::Done {
                    self.close(pid, |fd| Some(fd) == descriptor(arg0));
                }
                one(on, Deed::Other)
            }
            Act::CloseRange => {
                let [first, last, flags, ..] = call.args.map(|arg| arg & 0xffff_ffff);
                if given.is_some() && flags & CLOSE_RANGE_CLOEXEC == 0 {
                    self.close(pid, |fd| (first..=last).contains(&u64::from(fd)));
                }
                Uses::default()
            }
        }
    }

    /// What the call's path names.
    fn named(&mut self, pid: u32, call: &Syscall<'_>) -> Option<Thing> {
        let (index, text @ (Text::Whole(_) | Text::Cut(_))) = call.path()? else { return None };
        let path = text.bytes();
        // Where the path is argument 1, argument 0 is the directory; AT_FDCWD is negative.
        if index != 1 || path.starts_with(b"/") {
            return Some(Thing::File(self.names.lossy(path)));
        }
        let dir = self.at(pid, call, 0);
        Some(match dir {
            Thing::File(_) | Thing::Socket(_) if path.is_empty() => dir,
            Thing::File(dir) => Thing::File(self.names.below(&dir, path)),
            Thing::Socket(_) | Thing::Other => Thing::File(self.names.lossy(path)),
        })
    }

    fn connect(&mut self, pid: u32, call: &Syscall<'_>, address: Option<&str>) -> Uses {
        let before = self.at(pid, call, 0);
        let fd = arg(call, 0);
        let made = given(call).is_some() || (call.how == How::Done && call.errno() == Some(EINPROGRESS));
        let found = if made && address.is_none() { self.address(pid, fd) } else { None };
        let address = self.names.name(address.or(found.as_deref()).unwrap_or_default());
        let peer = Peer { protocol: protocol_of(&before), address, direction: Direction::Outgoing };
        let on = Thing::Socket(peer);
        // One that is asked for again, until it is there, is still the same.
        let connected = made && before != on;
        if made {
            self.put(pid, fd, &on);
        }
        one(on, if connected { Deed::Connected } else { Deed::Other })
    }

    fn bind(&mut self, pid: u32, call: &Syscall<'_>, address: Option<&str>) -> Uses {
        let mut on = self.at(pid, call, 0);
        if let Some(address) = address {
            let (protocol, address) = (protocol_of(&on), self.names.name(address));
            on = Thing::Socket(Peer { protocol, address, direction: Direction::Unknown });
            if given(call).is_some() {
                self.put(pid, arg(call, 0), &on);
            }
        }
        one(on, Deed::Other)
    }

    fn listen(&mut self, pid: u32, call: &Syscall<'_>) -> Uses {
        let mut on = self.at(pid, call, 0);
        if let (Thing::Socket(peer), Some(_)) = (&mut on, given(call)) {
            peer.direction = Direction::Incoming;
            self.put(pid, arg(call, 0), &on);
        }
        one(on, Deed::Other)
    }

    fn accept(&mut self, pid: u32, call: &Syscall<'_>, address: Option<&str>) -> Uses {
        let listener = self.at(pid, call, 0);
        let Some(fd) = given(call) else { return one(listener, Deed::Other) };
        let found = if address.is_none() { self.address(pid, Some(fd)) } else { None };
        let address = address.or(found.as_deref()).filter(|address| !address.is_empty());
        let (protocol, own) = match listener {
            Thing::Socket(Peer { protocol, address, .. }) => (protocol, address),
            Thing::File(_) | Thing::Other => ("", Arc::default()),
        };
        // Clients of a Unix socket have no address.
        let address = address.map_or(own, |address| self.names.name(address));
        let on = Thing::Socket(Peer { protocol, address, direction: Direction::Incoming });
        self.put(pid, Some(fd), &on);
        one(on, Deed::Connected)
    }

    /// What bytes go to or come from: not all sockets have one peer.
    fn talk(&mut self, pid: u32, call: &Syscall<'_>, at: u8, address: Option<&str>) -> Thing {
        let on = self.at(pid, call, at);
        match (&on, address.filter(|address| !address.is_empty())) {
            (Thing::Socket(peer), Some(address)) if &*peer.address == address => on,
            (Thing::Socket(_) | Thing::Other, Some(address)) => {
                let (protocol, address) = (protocol_of(&on), self.names.name(address));
                Thing::Socket(Peer { protocol, address, direction: Direction::Unknown })
            }
            (Thing::Socket(_) | Thing::Other | Thing::File(_), _) => on,
        }
    }

    fn duplicate(&mut self, pid: u32, call: &Syscall<'_>, to: Option<u32>) -> Uses {
        let on = self.at(pid, call, 0);
        self.put(pid, to, &on);
        one(on, Deed::Other)
    }

    /// What the descriptor in an argument is.
    fn at(&mut self, pid: u32, call: &Syscall<'_>, index: u8) -> Thing {
        let Some(fd) = arg(call, index) else { return Thing::Other };
        if let Some(thing) = self.processes.get(&pid).and_then(|table| table.get(&fd)) {
            return thing.clone();
        }
        if call.errno() == Some(EBADF) || self.lookups == 0 {
            return Thing::Other;
        }
        let thing = match self.look_up(pid, fd) {
            Some(Found::File(path)) => Thing::File(self.names.name(&path)),
            Some(Found::Socket { protocol, address, direction }) => {
                Thing::Socket(Peer { protocol, address: self.names.name(&address), direction })
            }
            Some(Found::Other) | None => Thing::Other,
        };
        self.put(pid, Some(fd), &thing);
        thing
    }

    fn look_up(&mut self, pid: u32, fd: u32) -> Option<Found> {
        self.lookups = self.lookups.checked_sub(1)?;
        self.open.of(pid, fd)
    }

    /// Of a socket that has just got a peer.
    fn address(&mut self, pid: u32, fd: Option<u32>) -> Option<String> {
        match self.look_up(pid, fd?)? {
            Found::Socket { address, .. } => Some(address),
            Found::File(_) | Found::Other => None,
        }
    }

    fn unconnected(&mut self, protocol: &'static str) -> Peer {
        Peer { protocol, address: self.names.name(""), direction: Direction::Unknown }
    }

    /// Whether there is a descriptor now.
    fn put(&mut self, pid: u32, fd: Option<u32>, thing: &Thing) -> bool {
        let Some(fd) = fd else { return false };
        if self.count >= DESCRIPTORS || self.processes.len() >= PROCESSES {
            self.forget_all();
        }
        let table = Arc::make_mut(self.processes.entry(pid).or_default());
        self.count += usize::from(table.insert(fd, thing.clone()).is_none());
        true
    }

    fn close(&mut self, pid: u32, closes: impl Fn(u32) -> bool) {
        let Some(table) = self.processes.get_mut(&pid) else { return };
        if table.keys().any(|fd| closes(*fd)) {
            let before = table.len();
            let table = Arc::make_mut(table);
            table.retain(|fd, _| !closes(*fd));
            self.count -= before - table.len();
        }
    }

    fn inherit(&mut self, parent: u32, child: u32) {
        // Threads share their process's.
        if parent == child {
            return;
        }
        self.forget(child);
        let Some(table) = self.processes.get(&parent).map(Arc::clone) else { return };
        if self.count + table.len() < DESCRIPTORS && self.processes.len() < PROCESSES {
            self.count += table.len();
            self.processes.insert(child, table);
        }
    }

    fn forget(&mut self, pid: u32) {
        if let Some(table) = self.processes.remove(&pid) {
            self.count -= table.len();
        }
    }
}

const fn one(on: Thing, deed: Deed) -> Uses {
    [Some(Use { on, deed }), None]
}

const fn protocol_of(thing: &Thing) -> &'static str {
    match thing {
        Thing::Socket(peer) => peer.protocol,
        Thing::File(_) | Thing::Other => "",
    }
}

/// The kernel looks at 32 bits of it; a negative one is none.
fn descriptor(arg: u64) -> Option<u32> {
    u32::try_from(arg & 0xffff_ffff).ok().filter(|fd| i32::try_from(*fd).is_ok())
}

fn arg(call: &Syscall<'_>, index: u8) -> Option<u32> {
    descriptor(*call.args.get(usize::from(index))?)
}

/// What a call gave back, if it went well: a descriptor, 0.
fn given(call: &Syscall<'_>) -> Option<u32> {
    let done = call.how == How::Done;
    i32::try_from(call.ret).ok().and_then(|ret| u32::try_from(ret).ok()).filter(|_| done)
}

/// Bytes.
fn moved(call: &Syscall<'_>) -> u64 {
    if call.how == How::Done { u64::try_from(call.ret).unwrap_or(0) } else { 0 }
}

#[cfg(test)]
mod tests;
