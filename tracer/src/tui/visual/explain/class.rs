//! Which calls are of one kind: they fail for the same reasons.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Names a file.
    File,
    /// Works on an open descriptor.
    Descriptor,
    Network,
    Process,
    Memory,
    Mount,
    Identity,
    Keyring,
    /// What concerns the whole machine.
    Kernel,
    /// System V and POSIX queues, semaphores and shared memory.
    Ipc,
    /// Waits for something: locks, events, time.
    Wait,
}

impl Class {
    /// None: a kind of its own, or a call that is not known.
    pub fn of(call: &str) -> Option<Self> {
        CLASSES.iter().find_map(|(class, calls)| calls.contains(&call).then_some(*class))
    }
}

/// A call is in one list at most. 32-bit forms stand beside theirs.
#[rustfmt::skip]
pub const CLASSES: &[(Class, &[&str])] = &[
    (Class::File, &[
        "open", "openat", "openat2", "creat", "stat", "lstat", "newfstatat", "statx", "stat64", "lstat64",
        "fstatat64", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "rename", "renameat",
        "renameat2", "mkdir", "mkdirat", "rmdir", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat",
        "truncate", "truncate64", "chdir", "getcwd", "statfs", "statfs64", "chmod", "fchmodat", "fchmodat2",
        "mknod", "mknodat", "utime", "utimes", "futimesat", "utimensat", "setxattr", "lsetxattr", "getxattr",
        "lgetxattr", "listxattr", "llistxattr", "removexattr", "lremovexattr", "setxattrat", "getxattrat",
        "listxattrat", "removexattrat", "name_to_handle_at", "open_by_handle_at", "inotify_add_watch",
        "fanotify_mark", "uselib", "file_getattr", "file_setattr",
    ]),
    (Class::Descriptor, &[
        "read", "write", "pread64", "pwrite64", "readv", "writev", "preadv", "pwritev", "preadv2", "pwritev2",
        "close", "close_range", "dup", "dup2", "dup3", "fcntl", "fcntl64", "ioctl", "lseek", "_llseek", "fstat",
        "fstat64", "fstatfs", "fstatfs64", "fsync", "fdatasync", "syncfs", "sync_file_range", "ftruncate",
        "ftruncate64", "fallocate", "fadvise64", "readahead", "getdents", "getdents64", "fchdir", "fchmod",
        "fsetxattr", "fgetxattr", "flistxattr", "fremovexattr", "flock", "sendfile", "sendfile64", "splice", "tee",
        "vmsplice", "copy_file_range", "pipe", "pipe2", "eventfd", "eventfd2", "signalfd", "signalfd4",
        "memfd_create", "memfd_secret", "inotify_init", "inotify_init1", "inotify_rm_watch", "fanotify_init",
        "cachestat", "io_setup", "io_submit", "io_cancel", "io_destroy", "io_uring_setup", "io_uring_enter",
        "io_uring_register",
    ]),
    (Class::Network, &[
        "socket", "socketpair", "socketcall", "bind", "listen", "accept", "accept4", "connect", "getsockname",
        "getpeername", "sendto", "send", "recvfrom", "recv", "sendmsg", "sendmmsg", "recvmsg", "recvmmsg",
        "shutdown", "setsockopt", "getsockopt",
    ]),
    (Class::Process, &[
        "fork", "vfork", "clone", "clone3", "execve", "execveat", "wait4", "waitpid", "waitid", "kill", "tkill",
        "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open", "pidfd_send_signal", "pidfd_getfd",
        "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease", "kcmp",
        "setpgid", "getpgid", "setsid", "getsid", "prlimit64", "setrlimit", "getrlimit", "ugetrlimit",
        "setpriority", "getpriority", "nice", "ioprio_set", "ioprio_get", "sched_setparam", "sched_getparam",
        "sched_setscheduler", "sched_getscheduler", "sched_setattr", "sched_getattr", "sched_setaffinity",
        "sched_getaffinity", "sched_rr_get_interval", "get_robust_list",
    ]),
    (Class::Memory, &[
        "mmap", "mmap2", "munmap", "mremap", "mprotect", "pkey_mprotect", "brk", "madvise", "mincore", "msync",
        "mlock", "mlock2", "mlockall", "munlock", "munlockall", "mseal", "mbind", "set_mempolicy",
        "get_mempolicy", "migrate_pages", "move_pages", "remap_file_pages", "userfaultfd", "pkey_alloc",
        "pkey_free", "map_shadow_stack", "set_mempolicy_home_node",
    ]),
    (Class::Mount, &[
        "mount", "umount", "umount2", "pivot_root", "chroot", "fchroot", "unshare", "setns", "open_tree",
        "open_tree_attr", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "statmount",
        "listmount", "listns",
    ]),
    (Class::Identity, &[
        "setuid", "setuid32", "setreuid", "setreuid32", "setresuid", "setresuid32", "setfsuid", "setfsuid32",
        "setgid", "setgid32", "setregid", "setregid32", "setresgid", "setresgid32", "setfsgid", "setfsgid32",
        "setgroups", "setgroups32", "getgroups", "getgroups32", "capget", "capset", "chown", "chown32", "fchown",
        "fchown32", "lchown", "lchown32", "fchownat",
    ]),
    (Class::Keyring, &["add_key", "request_key", "keyctl"]),
    (Class::Kernel, &[
        "bpf", "perf_event_open", "init_module", "finit_module", "delete_module", "kexec_load",
        "kexec_file_load", "reboot", "syslog", "acct", "swapon", "swapoff", "quotactl", "quotactl_fd", "iopl",
        "ioperm", "settimeofday", "clock_settime", "clock_settime64", "clock_adjtime", "clock_adjtime64",
        "adjtimex", "stime", "sethostname", "setdomainname", "vhangup", "lookup_dcookie", "modify_ldt",
    ]),
    (Class::Ipc, &[
        "shmget", "shmat", "shmctl", "shmdt", "semget", "semop", "semctl", "semtimedop", "semtimedop_time64",
        "msgget", "msgsnd", "msgrcv", "msgctl", "mq_open", "mq_unlink", "mq_timedsend", "mq_timedsend_time64",
        "mq_timedreceive", "mq_timedreceive_time64", "mq_notify", "mq_getsetattr", "ipc",
    ]),
    (Class::Wait, &[
        "futex", "futex_time64", "futex_wait", "futex_waitv", "futex_wake", "futex_requeue", "poll", "ppoll",
        "ppoll_time64", "select", "_newselect", "pselect6", "pselect6_time64", "epoll_create", "epoll_create1",
        "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "nanosleep", "clock_nanosleep",
        "clock_nanosleep_time64", "pause", "rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_sigsuspend",
        "io_getevents", "io_pgetevents", "io_pgetevents_time64",
    ]),
];
