//! Classes of system calls, as `-e %file` takes them: the names and the meaning of strace(1).
//!
//! A call may be in several, by what it takes and does; calls newer than a strace knows are in, too.
//! What the screen explains errors by is something else: there a call is of one kind, by why it fails.

pub struct Class {
    /// Without the `%`.
    pub name: &'static str,
    /// What its calls have in common.
    pub what: &'static str,
    calls: &'static [&'static [&'static str]],
}

impl Class {
    /// The class of that name, or of one of its other names.
    pub fn find(name: &str) -> Option<&'static Self> {
        let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, name)| *name);
        CLASSES.iter().find(|class| class.name == name)
    }

    /// By the name that a call has in the tables of any ABI.
    pub fn contains(&self, call: &str) -> bool {
        self.calls().any(|name| name == call)
    }

    pub fn calls(&self) -> impl Iterator<Item = &'static str> {
        self.calls.iter().copied().flatten().copied()
    }
}

/// Other names, and what they stand for.
pub const ALIASES: [(&str, &str); 1] = [("net", "network")];

const STAT: &[&str] = &["stat", "stat64", "oldstat"];
const LSTAT: &[&str] = &["lstat", "lstat64", "oldlstat"];
const FSTAT: &[&str] = &["fstat", "fstat64", "oldfstat", "fstatat64", "newfstatat", "statx"];
const STATFS: &[&str] = &["statfs", "statfs64"];
const FSTATFS: &[&str] = &["fstatfs", "fstatfs64"];

#[rustfmt::skip]
pub const CLASSES: &[Class] = &[
    Class { name: "clock", what: "read or set the system's clocks", calls: &[&[
        "adjtimex", "clock_adjtime", "clock_adjtime64", "clock_getres", "clock_getres_time64", "clock_gettime",
        "clock_gettime64", "clock_settime", "clock_settime64", "gettimeofday", "settimeofday", "stime", "time",
    ]] },
    Class { name: "creds", what: "read or change user and group ids, or capabilities", calls: &[&[
        "capget", "capset", "getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32", "getgroups",
        "getgroups32", "getresgid", "getresgid32", "getresuid", "getresuid32", "getuid", "getuid32", "prctl",
        "setfsgid", "setfsgid32", "setfsuid", "setfsuid32", "setgid", "setgid32", "setgroups", "setgroups32",
        "setregid", "setregid32", "setresgid", "setresgid32", "setresuid", "setresuid32", "setreuid",
        "setreuid32", "setuid", "setuid32",
    ]] },
    Class { name: "desc", what: "take or give a file descriptor, other than those of sockets", calls: &[FSTAT, FSTATFS, &[
        "_llseek", "_newselect", "arm_fadvise64_64", "arm_sync_file_range", "bpf", "cachestat", "close",
        "close_range", "copy_file_range", "creat", "dup", "dup2", "dup3", "epoll_create", "epoll_create1",
        "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd", "eventfd2", "execveat", "faccessat",
        "faccessat2", "fadvise64", "fadvise64_64", "fallocate", "fanotify_init", "fanotify_mark", "fchdir",
        "fchmod", "fchmodat", "fchmodat2", "fchown", "fchown32", "fchownat", "fchroot", "fcntl", "fcntl64",
        "fdatasync", "fgetxattr", "file_getattr", "file_setattr", "finit_module", "flistxattr", "flock",
        "fremovexattr", "fsconfig", "fsetxattr", "fsmount", "fsopen", "fspick", "fsync", "ftruncate",
        "ftruncate64", "futimesat", "getdents", "getdents64", "getxattrat", "inotify_add_watch", "inotify_init",
        "inotify_init1", "inotify_rm_watch", "io_uring_enter", "io_uring_register", "io_uring_setup", "ioctl",
        "kexec_file_load", "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", "linkat",
        "listxattrat", "lseek", "memfd_create", "memfd_secret", "mkdirat", "mknodat", "mmap", "mmap2",
        "mount_setattr", "move_mount", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive",
        "mq_timedreceive_time64", "mq_timedsend", "mq_timedsend_time64", "name_to_handle_at", "open",
        "open_by_handle_at", "open_tree", "open_tree_attr", "openat", "openat2", "perf_event_open",
        "pidfd_getfd", "pidfd_open", "pidfd_send_signal", "pipe", "pipe2", "poll", "ppoll", "ppoll_time64",
        "pread64", "preadv", "preadv2", "process_madvise", "process_mrelease", "pselect6", "pselect6_time64",
        "pwrite64", "pwritev", "pwritev2", "quotactl_fd", "read", "readahead", "readdir", "readlinkat", "readv",
        "removexattrat", "renameat", "renameat2", "select", "sendfile", "sendfile64", "setns", "setxattrat",
        "signalfd", "signalfd4", "splice", "symlinkat", "sync_file_range", "syncfs", "tee", "timerfd_create",
        "timerfd_gettime", "timerfd_gettime64", "timerfd_settime", "timerfd_settime64", "unlinkat", "userfaultfd",
        "utimensat", "utimensat_time64", "vmsplice", "write", "writev",
    ]] },
    Class { name: "file", what: "take the name of a file", calls: &[STAT, LSTAT, STATFS, &[
        "access", "acct", "chdir", "chmod", "chown", "chown32", "chroot", "creat", "execve", "execveat",
        "faccessat", "faccessat2", "fanotify_mark", "fchmodat", "fchmodat2", "fchownat", "file_getattr",
        "file_setattr", "fsconfig", "fspick", "fstatat64", "futimesat", "getcwd", "getxattr", "getxattrat",
        "inotify_add_watch", "lchown", "lchown32", "lgetxattr", "link", "linkat", "listxattr", "listxattrat",
        "llistxattr", "lremovexattr", "lsetxattr", "mkdir", "mkdirat", "mknod", "mknodat", "mount",
        "mount_setattr", "move_mount", "name_to_handle_at", "newfstatat", "open", "open_tree", "open_tree_attr",
        "openat", "openat2", "pivot_root", "quotactl", "readlink", "readlinkat", "removexattr", "removexattrat",
        "rename", "renameat", "renameat2", "rmdir", "setxattr", "setxattrat", "statx", "swapoff", "swapon",
        "symlink", "symlinkat", "truncate", "truncate64", "umount", "umount2", "unlink", "unlinkat", "uselib",
        "utime", "utimensat", "utimensat_time64", "utimes",
    ]] },
    Class { name: "fstat", what: "ask about an open file, or one below an open directory", calls: &[FSTAT] },
    Class { name: "fstatfs", what: "ask about the file system of an open file", calls: &[FSTATFS] },
    Class { name: "ipc", what: "System V queues, semaphores and shared memory", calls: &[&[
        "ipc", "msgctl", "msgget", "msgrcv", "msgsnd", "semctl", "semget", "semop", "semtimedop",
        "semtimedop_time64", "shmat", "shmctl", "shmdt", "shmget",
    ]] },
    Class { name: "lstat", what: "ask about a file or link by its name", calls: &[LSTAT] },
    Class { name: "memory", what: "change or ask about the mapping of memory", calls: &[&[
        "brk", "get_mempolicy", "io_destroy", "io_setup", "io_uring_register", "madvise", "map_shadow_stack", "mbind",
        "migrate_pages", "mincore", "mlock", "mlock2", "mlockall", "mmap", "mmap2", "move_pages", "mprotect",
        "mremap", "mseal", "msync", "munlock", "munlockall", "munmap", "pkey_mprotect",
        "remap_file_pages", "set_mempolicy", "set_mempolicy_home_node", "shmat", "shmdt",
    ]] },
    Class { name: "network", what: "sockets", calls: &[&[
        "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recv",
        "recvfrom", "recvmmsg", "recvmmsg_time64", "recvmsg", "send", "sendfile", "sendfile64", "sendmmsg",
        "sendmsg", "sendto", "setsockopt", "shutdown", "socket", "socketcall", "socketpair",
    ]] },
    Class { name: "process", what: "begin, wait for, signal and end processes", calls: &[&[
        "clone", "clone3", "execve", "execveat", "exit", "exit_group", "fork", "kill",
        "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "tgkill", "tkill", "vfork",
        "wait4", "waitid", "waitpid",
    ]] },
    Class { name: "pure", what: "take nothing and always succeed", calls: &[&[
        "getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32", "getpgrp", "getpid", "getppid",
        "gettid", "getuid", "getuid32",
    ]] },
    Class { name: "signal", what: "send, wait for and handle signals", calls: &[&[
        "kill", "pause", "pidfd_send_signal", "rt_sigaction", "rt_sigpending", "rt_sigprocmask",
        "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_sigtimedwait_time64",
        "rt_tgsigqueueinfo", "sgetmask", "sigaction", "sigaltstack", "signal", "signalfd", "signalfd4",
        "sigpending", "sigprocmask", "sigreturn", "sigsuspend", "ssetmask", "tgkill", "tkill",
    ]] },
    Class { name: "stat", what: "ask about a file by its name", calls: &[STAT] },
    Class { name: "statfs", what: "ask about the file system of a file by its name", calls: &[STATFS] },
    Class { name: "%stat", what: "all that ask about a file", calls: &[STAT, LSTAT, FSTAT] },
    Class { name: "%statfs", what: "all that ask about a file system", calls: &[STATFS, FSTATFS, &["ustat"]] },
];
