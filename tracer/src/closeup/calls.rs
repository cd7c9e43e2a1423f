//! What each system call does with descriptors: one table, by name.

use crate::batch::Arch;
use crate::event::{Abi, Syscall};
use crate::syscall;

/// Numbers are those of arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Opens the path.
    Open,
    /// Makes a descriptor of what is neither a file nor a socket.
    Make,
    /// Works on a descriptor.
    On(u8),
    /// The same, and returns how many bytes came out of it or went into it.
    Read(u8),
    Write(u8),
    Move {
        from: u8,
        to: u8,
    },
    /// `(domain, type, protocol)`
    Socket,
    /// These of the descriptor in argument 0.
    Connect,
    Bind,
    Listen,
    Accept,
    /// To the lowest free one.
    Dup,
    /// To argument 1.
    DupTo,
    /// Duplicates by some commands.
    Fcntl,
    Close,
    /// `(first, last, flags)`
    CloseRange,
}

use Act::{
    Accept, Bind, Close, CloseRange, Connect, Dup, DupTo, Fcntl, Listen, Make, Move, On, Open, Read, Socket,
    Write,
};

/// A call that is not here does what its path says, if it has one.
///
/// `pipe` and `socketpair` return their descriptors in memory, which records do not have; `recvmmsg`
/// and `sendmmsg` return how many messages. `socketcall` of i386 keeps all in memory.
const ACTS: &[(&str, Act)] = &[
    ("accept", Accept),
    ("accept4", Accept),
    ("bind", Bind),
    ("close", Close),
    ("close_range", CloseRange),
    ("connect", Connect),
    ("copy_file_range", Move { from: 0, to: 2 }),
    ("creat", Open),
    ("dup", Dup),
    ("dup2", DupTo),
    ("dup3", DupTo),
    ("epoll_create", Make),
    ("epoll_create1", Make),
    ("eventfd", Make),
    ("eventfd2", Make),
    ("fadvise64", On(0)),
    ("fadvise64_64", On(0)),
    ("fallocate", On(0)),
    ("fanotify_init", Make),
    ("fchdir", On(0)),
    ("fchmod", On(0)),
    ("fchown", On(0)),
    ("fchown32", On(0)),
    ("fcntl", Fcntl),
    ("fcntl64", Fcntl),
    ("fdatasync", On(0)),
    ("fgetxattr", On(0)),
    ("flistxattr", On(0)),
    ("flock", On(0)),
    ("fremovexattr", On(0)),
    ("fsetxattr", On(0)),
    ("fsmount", Make),
    ("fsopen", Make),
    ("fspick", Make),
    ("fstat", On(0)),
    ("fstat64", On(0)),
    ("fstatfs", On(0)),
    ("fstatfs64", On(0)),
    ("fsync", On(0)),
    ("ftruncate", On(0)),
    ("ftruncate64", On(0)),
    ("getdents", On(0)),
    ("getdents64", On(0)),
    ("getpeername", On(0)),
    ("getsockname", On(0)),
    ("getsockopt", On(0)),
    ("inotify_init", Make),
    ("inotify_init1", Make),
    ("io_uring_setup", Make),
    ("ioctl", On(0)),
    ("_llseek", On(0)),
    ("landlock_create_ruleset", Make),
    ("listen", Listen),
    ("lseek", On(0)),
    ("memfd_create", Make),
    ("memfd_secret", Make),
    ("mmap", On(4)),
    ("mmap2", On(4)),
    ("mq_open", Make),
    ("open", Open),
    ("open_by_handle_at", Make),
    ("open_tree", Open),
    ("open_tree_attr", Open),
    ("openat", Open),
    ("openat2", Open),
    ("perf_event_open", Make),
    ("pidfd_open", Make),
    ("pread64", Read(0)),
    ("preadv", Read(0)),
    ("preadv2", Read(0)),
    ("pwrite64", Write(0)),
    ("pwritev", Write(0)),
    ("pwritev2", Write(0)),
    ("read", Read(0)),
    ("readahead", On(0)),
    ("readv", Read(0)),
    ("recv", Read(0)),
    ("recvfrom", Read(0)),
    ("recvmmsg", On(0)),
    ("recvmmsg_time64", On(0)),
    ("recvmsg", Read(0)),
    ("send", Write(0)),
    ("sendfile", Move { from: 1, to: 0 }),
    ("sendfile64", Move { from: 1, to: 0 }),
    ("sendmmsg", On(0)),
    ("sendmsg", Write(0)),
    ("sendto", Write(0)),
    ("setsockopt", On(0)),
    ("shutdown", On(0)),
    ("signalfd", On(0)),
    ("signalfd4", On(0)),
    ("socket", Socket),
    ("splice", Move { from: 0, to: 2 }),
    ("sync_file_range", On(0)),
    ("arm_sync_file_range", On(0)),
    ("syncfs", On(0)),
    ("tee", Move { from: 0, to: 1 }),
    ("timerfd_create", Make),
    ("userfaultfd", Make),
    ("vmsplice", On(0)),
    ("write", Write(0)),
    ("writev", Write(0)),
];

/// [`ACTS`] by number.
pub(super) struct Calls([Vec<Option<Act>>; 3]);

impl Calls {
    pub fn new(arch: Arch) -> Self {
        Self([Abi::Native, Abi::Compat, Abi::X32].map(|abi| {
            let mut acts = Vec::new();
            for (number, name) in syscall::all(arch, abi) {
                acts.resize(usize::from(number), None);
                acts.push(ACTS.iter().find(|(known, _)| *known == name).map(|(_, act)| *act));
            }
            acts
        }))
    }

    pub fn act(&self, call: &Syscall<'_>) -> Option<Act> {
        let Self([native, compat, x32]) = self;
        let acts = match call.abi {
            Abi::Native => native,
            Abi::Compat => compat,
            Abi::X32 => x32,
        };
        acts.get(usize::from(call.number)).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_that_of_a_call() {
        let known = |name| {
            [(Arch::X86_64, Abi::Native), (Arch::X86_64, Abi::Compat), (Arch::Aarch64, Abi::Compat)]
                .iter()
                .any(|&(arch, abi)| syscall::number(arch, abi, name).is_some())
        };
        for (at, (name, _)) in ACTS.iter().enumerate() {
            assert!(known(name), "{name}");
            assert!(ACTS.iter().skip(at + 1).all(|(other, _)| other != name), "{name} is there twice");
        }
    }

    #[test]
    fn numbers_are_those_of_the_abi() {
        let calls = Calls::new(Arch::X86_64);
        let Calls([native, compat, _]) = &calls;
        assert_eq!((native[0], native[1], native[257]), (Some(Read(0)), Some(Write(0)), Some(Open)));
        assert_eq!((compat[3], compat[4], compat[295]), (Some(Read(0)), Some(Write(0)), Some(Open)));
        assert_eq!(native[39], None, "getpid");
    }
}
