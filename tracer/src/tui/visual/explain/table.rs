//! What a failure means and what to do about it, in sentences of at most 160 characters. `{call}` and
//! `{errno}` stand for the names. Commands are in backquotes.

use super::class::Class;

/// Which calls a rule is for.
#[derive(Clone, Copy, Debug)]
pub enum Of {
    Calls(&'static [&'static str]),
    Class(Class),
    Any,
}

#[derive(Debug)]
pub struct Rule {
    pub of: Of,
    /// Names of errors.
    pub errors: &'static [&'static str],
    pub what: &'static str,
    pub next: &'static str,
}

const fn calls(
    calls: &'static [&'static str],
    errors: &'static [&'static str],
    what: &'static str,
    next: &'static str,
) -> Rule {
    Rule { of: Of::Calls(calls), errors, what, next }
}

const fn class(
    class: Class,
    errors: &'static [&'static str],
    what: &'static str,
    next: &'static str,
) -> Rule {
    Rule { of: Of::Class(class), errors, what, next }
}

const fn any(errors: &'static [&'static str], what: &'static str, next: &'static str) -> Rule {
    Rule { of: Of::Any, errors, what, next }
}

// Calls that fail for the same reasons.
const OPEN: &[&str] = &["open", "openat", "openat2"];
#[rustfmt::skip]
const SEARCH: &[&str] = &[
    "open", "openat", "openat2", "stat", "lstat", "newfstatat", "statx", "stat64", "lstat64", "fstatat64",
    "access", "faccessat", "faccessat2",
];
const READLINK: &[&str] = &["readlink", "readlinkat"];
const EXEC: &[&str] = &["execve", "execveat"];
const FORK: &[&str] = &["clone", "clone3", "fork", "vfork"];
const KILL: &[&str] =
    &["kill", "tkill", "tgkill", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo"];
const WRITE: &[&str] = &["write", "writev", "pwrite64"];
const SEND: &[&str] = &["sendto", "sendmsg", "sendmmsg"];
const CHOWN: &[&str] = &["chown", "chown32", "fchown", "fchown32", "lchown", "lchown32", "fchownat"];
const FUTEX: &[&str] = &["futex", "futex_time64", "futex_wait", "futex_waitv"];

/// What a seccomp filter refused, whatever the error is that it answered with.
#[rustfmt::skip]
pub const DENIED: &[Rule] = &[
    calls(
        &["clone3"], &[],
        "Seccomp refused clone3: its arguments lie in memory, where filters cannot look. C libraries then use clone.",
        "Nothing to do if the program runs. With EPERM instead of ENOSYS threads cannot start: update the container engine.",
    ),
    calls(
        &["clone", "unshare", "setns"], &[],
        "Seccomp refused {call}: default profiles let only containers with CAP_SYS_ADMIN make or enter namespaces.",
        "Sandboxes (browsers, bubblewrap) and builders need it: `ctrace trace --denied -e {call} CONTAINER` shows who asks.",
    ),
    calls(
        &["io_uring_setup", "io_uring_enter", "io_uring_register"], &[],
        "Seccomp refused {call}: default profiles of today leave io_uring out; most programs use epoll or threads instead.",
        "Nothing to do if the program runs. If it must: allow the three io_uring calls in a profile, `--security-opt seccomp=FILE`.",
    ),
    calls(
        &["personality"], &[],
        "Seccomp refused personality with this argument: debuggers and some emulators switch off address randomisation by it.",
        "Harmless for most programs; `ctrace trace --denied -e personality CONTAINER` shows the argument.",
    ),
    class(
        Class::Mount, &[],
        "Seccomp refused {call}: default profiles leave mounts and namespaces to containers with CAP_SYS_ADMIN.",
        "See who asks: `ctrace trace --denied -e {call} CONTAINER`. Rather mount it with the engine (`-v`, `--tmpfs`) than allow it.",
    ),
    class(
        Class::Keyring, &[],
        "Seccomp refused {call}: kernel keyrings are not separate for each container, so default profiles leave them out.",
        "Most programs go on without. If this one cannot: add it to what `ctrace profile record -o FILE CONTAINER` writes.",
    ),
    class(
        Class::Kernel, &[],
        "Seccomp refused {call}: it concerns the whole machine, and default profiles want a capability for it.",
        "See who asks: `ctrace trace --denied -e {call} CONTAINER`. Unexpected in an ordinary application: look closer.",
    ),
    Rule {
        of: Of::Any,
        errors: &[],
        what: "A seccomp filter refused {call} before the kernel did anything; the program was told {errno}.",
        next: "See who asks: `ctrace trace --denied -e {call} CONTAINER`. If it must be: add it to a profile, `--security-opt seccomp=FILE`.",
    },
];

/// The most special one counts: of the call, then of its class, then of the error alone.
#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    // Files
    calls(
        SEARCH, &["ENOENT"],
        "The path does not exist. Mostly harmless: programs search libraries, locales and configuration in many places.",
        "See which path: `ctrace trace -e {call} --failed CONTAINER`. It matters if the last of a search fails too.",
    ),
    calls(
        READLINK, &["EINVAL"],
        "The path exists and is no symbolic link. Resolving a path asks for each of its parts, so this is normal.",
        "Nothing to do.",
    ),
    calls(
        READLINK, &["ENOENT"],
        "The path does not exist. Mostly harmless: programs ask whether there is a link.",
        "See which path: `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    calls(
        EXEC, &["ENOENT"],
        "No such program here. Normal in a search along PATH; else the program, or the interpreter in its `#!` line, is missing.",
        "See which: `ctrace trace -e {call} --failed CONTAINER`. If the file is there, its loader is not (musl or glibc): `ldd FILE`.",
    ),
    calls(
        EXEC, &["EACCES"],
        "The file may not be executed: no x permission, a directory on the way is closed, or its mount is noexec.",
        "Look at `ls -l FILE` and `findmnt -T FILE` in the container; `chmod +x` in the image.",
    ),
    calls(
        EXEC, &["ENOEXEC"],
        "The file is no program for this machine: another CPU architecture, or a script without a `#!` line.",
        "Compare `file FILE` with `uname -m`; pull the image for this architecture.",
    ),
    calls(
        EXEC, &["E2BIG"],
        "Arguments and environment together are too long for a new program.",
        "See the limit with `getconf ARG_MAX`; pass the list by a file or with xargs.",
    ),
    calls(
        EXEC, &["EPERM"],
        "The program may not be executed: often it has file capabilities that this container's bounding set lacks.",
        "Look at `getcap FILE` and at CapBnd in `/proc/PID/status`.",
    ),
    calls(
        EXEC, &["ETXTBSY"],
        "The program's file is still open for writing, as just after a download or a copy into a layer.",
        "Close the file before it is started; `fuser -v FILE` shows who has it open.",
    ),
    calls(
        OPEN, &["ENXIO"],
        "A FIFO without a reader was opened for writing without waiting, or a device or socket file has nothing behind it.",
        "See which path: `ctrace trace -e {call} --failed CONTAINER`. Start the reader, or add the device (`--device`).",
    ),
    calls(
        OPEN, &["EEXIST"],
        "The file should have been made new (O_EXCL) and is there already, as with lock files and temporary names.",
        "Normal with locks. A stale lock file from a crash: see which, `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    calls(
        &["open", "openat", "openat2", "creat"], &["EISDIR"],
        "A directory was opened for writing. Often a bind mount whose source file was missing, so that a directory was made.",
        "See which path: `ctrace trace -e {call} --failed CONTAINER`; `ls -ld` of the source of the mount.",
    ),
    calls(
        OPEN, &["ELOOP"],
        "Symbolic links go in a circle, or the path is a link and the program asked not to follow any (O_NOFOLLOW).",
        "See which path: `ctrace trace -e {call} --failed CONTAINER`, then `namei -l PATH`.",
    ),
    calls(
        OPEN, &["ENODEV"],
        "The device file has no driver behind it.",
        "See which: `ctrace trace -e {call} --failed CONTAINER`; look at `/proc/devices` and the host's modules.",
    ),
    calls(
        OPEN, &["EPERM"],
        "Opening was forbidden although modes may allow it: a device that the cgroup denies, O_NOATIME, or an immutable file.",
        "See which path: `ctrace trace -e {call} --failed CONTAINER`. For a device: `--device`; else `lsattr FILE`.",
    ),
    calls(
        &["open_by_handle_at"], &["EPERM"],
        "Opening files by handle passes by all directories, so it wants CAP_DAC_READ_SEARCH.",
        "Backup and file servers need it; give the capability only to these.",
    ),
    calls(
        &["mkdir", "mkdirat"], &["EEXIST"],
        "The directory is there already. Normal: `mkdir -p` and many programs just try.",
        "Nothing to do.",
    ),
    calls(
        &["unlink", "unlinkat", "rmdir"], &["ENOENT"],
        "What should be removed is not there. Mostly harmless: programs tidy up before they start.",
        "See which path: `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    calls(
        &["rmdir", "unlinkat", "rename", "renameat", "renameat2"], &["ENOTEMPTY"],
        "The directory is not empty. Mostly harmless: programs remove parents until one is in use.",
        "See which: `ctrace trace -e {call} --failed CONTAINER`, then `ls -la DIRECTORY`.",
    ),
    calls(
        &["rename", "renameat", "renameat2", "link", "linkat"], &["EXDEV"],
        "Old and new path are on different file systems, or a directory comes from an image layer. Programs copy instead.",
        "Mostly harmless and slower. Keep temporary files on the target's volume.",
    ),
    calls(
        &["unlink", "unlinkat", "rmdir", "rename", "renameat", "renameat2", "umount2"], &["EBUSY"],
        "Something there is in use: a mount point (such as a bind-mounted file), or a working directory.",
        "`findmnt -T PATH` and `fuser -vm PATH` show by whom. A bind-mounted file cannot be replaced, only written.",
    ),
    calls(
        &["link", "linkat"], &["EPERM"],
        "Hard links to files of others are forbidden (protected_hardlinks), or the file system has none.",
        "Look at `cat /proc/sys/fs/protected_hardlinks` and the file's owner.",
    ),
    calls(
        &["chmod", "fchmod", "fchmodat", "fchmodat2", "utime", "utimes", "futimesat", "utimensat"],
        &["EPERM"],
        "Only a file's owner, or CAP_FOWNER, may change its mode or times; with user namespaces the owner may be outside.",
        "Compare `ls -ln FILE` with the program's user; fix the owner of the volume.",
    ),
    calls(
        &["mknod", "mknodat"], &["EPERM"],
        "Making device files wants CAP_MKNOD and is never allowed in a user namespace.",
        "Give the device with `--device` instead.",
    ),
    calls(
        &["setxattr", "lsetxattr", "fsetxattr", "setxattrat"], &["EPERM"],
        "This extended attribute wants a capability: trusted.* CAP_SYS_ADMIN, security.capability CAP_SETFCAP.",
        "See which: `ctrace trace -e {call} --failed CONTAINER`. Unpacking images without root often goes on without it.",
    ),
    calls(
        &["getxattr", "lgetxattr", "fgetxattr", "getxattrat"], &["ENODATA"],
        "The file does not have this extended attribute. Normal: `ls`, `cp` and tar ask for ACLs and labels.",
        "Nothing to do.",
    ),
    calls(
        &["getxattr", "lgetxattr", "fgetxattr", "getxattrat", "listxattr", "llistxattr", "flistxattr"],
        &["EOPNOTSUPP"],
        "The file system has no such extended attributes. Normal: `ls`, `cp` and tar ask for ACLs and labels.",
        "Nothing to do.",
    ),
    calls(
        &["inotify_add_watch", "inotify_init", "inotify_init1"], &["ENOSPC", "EMFILE"],
        "The user's inotify limit is reached (watches or instances), not the disk. All containers of a user share it.",
        "`sysctl fs.inotify` on the host; raise max_user_watches or max_user_instances.",
    ),
    calls(
        &["fanotify_init", "fanotify_mark"], &["EPERM"],
        "Watching with fanotify wants CAP_SYS_ADMIN for most of what it can do.",
        "Virus scanners and file monitors need it; others use inotify.",
    ),
    calls(
        &["statx", "openat2", "faccessat2", "close_range", "fchmodat2", "copy_file_range"], &["ENOSYS"],
        "The kernel is older than {call}, or a seccomp profile answers ENOSYS for it. C libraries use an older call then.",
        "Nothing to do if the program runs; else compare `uname -r` and the profile.",
    ),
    class(
        Class::File, &["EACCES"],
        "File permissions forbid it: mode or owner of the file or of a directory above, or SELinux or AppArmor.",
        "See the path: `ctrace trace -e {call} --failed CONTAINER`; then `namei -l PATH`. With SELinux `:z` on the volume.",
    ),
    class(
        Class::File, &["EPERM"],
        "The operation is forbidden to this user, whatever the file's mode is: a capability is missing, or a flag is set.",
        "See the path: `ctrace trace -e {call} --failed CONTAINER`; look at `lsattr PATH` and CapEff in `/proc/PID/status`.",
    ),
    class(
        Class::File, &["ENOENT"],
        "The path, or a directory in it, does not exist.",
        "See which path: `ctrace trace -e {call} --failed CONTAINER`. In a container: is the volume mounted?",
    ),
    class(
        Class::File, &["ENOTDIR"],
        "A part of the path that should be a directory is a file. Harmless in searches along a path.",
        "See which path: `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    class(
        Class::File, &["EROFS"],
        "The file system is read-only: a `--read-only` container, a `:ro` volume, or a disk with errors.",
        "See which path: `ctrace trace -e {call} --failed CONTAINER`; give it a `--tmpfs` or a volume. `dmesg` tells of disk errors.",
    ),
    class(
        Class::File, &["ENOSPC"],
        "No room on the file system: bytes, or inodes when there are many small files.",
        "`df -h` and `df -i` in the container and on the host, where images and layers lie.",
    ),
    class(
        Class::File, &["EMFILE"],
        "The process has as many descriptors open as it may (nofile).",
        "`ls /proc/PID/fd | wc -l` against Max open files in `/proc/PID/limits`; a leak, or raise `--ulimit nofile`.",
    ),
    class(
        Class::File, &["EINVAL"],
        "Flags or a mode that this file system does not take, such as O_DIRECT on some, or a wrong argument.",
        "See the arguments: `ctrace trace -e {call} --failed CONTAINER`; `findmnt -T PATH` tells the file system.",
    ),
    // Descriptors
    calls(
        &["ioctl"], &["ENOTTY"],
        "The descriptor is no terminal, or its driver does not know the request. Normal: this is how isatty() asks.",
        "Nothing to do.",
    ),
    calls(
        &["ioctl"], &["EPERM", "EACCES"],
        "The driver allows this request to nobody without a capability, mostly CAP_SYS_ADMIN or CAP_NET_ADMIN.",
        "See the request: `ctrace trace -e ioctl --failed CONTAINER`.",
    ),
    calls(
        &["ioctl"], &["ENODEV", "ENXIO"],
        "The network interface or device that the request names does not exist.",
        "`ip link` in the container's network, or `ls -l /dev`.",
    ),
    calls(
        &["ioctl"], &["EINVAL", "EOPNOTSUPP"],
        "The driver or file system does not know this request. Mostly a question what it can do (as cp asks for reflinks).",
        "See the request: `ctrace trace -e ioctl --failed CONTAINER`. Nothing to do if the program runs.",
    ),
    calls(
        &["lseek", "_llseek"], &["ESPIPE"],
        "A pipe, socket or terminal has no position. Normal: programs ask whether they can go back in their input.",
        "Nothing to do.",
    ),
    calls(
        &["lseek", "_llseek"], &["ENXIO"],
        "There is no data, or no hole, after this position. Normal when sparse files are copied.",
        "Nothing to do.",
    ),
    calls(
        &["close", "close_range", "fcntl", "fcntl64", "fstat"], &["EBADF"],
        "The descriptor is not open. Daemons close all numbers at their start; else two threads close the same one.",
        "Many at a process's start are harmless. Later: `ctrace trace -e {call} --failed CONTAINER` shows the number.",
    ),
    calls(
        &["fcntl", "fcntl64", "flock"], &["EAGAIN", "EACCES"],
        "Somebody else holds the lock on this file, and the program asked not to wait.",
        "`cat /proc/locks` shows who. Two containers on one volume, or the old instance still running?",
    ),
    calls(
        &["read", "readv", "pread64"], &["EISDIR"],
        "A directory was read like a file. Often a bind mount whose source file was missing, so that a directory was made.",
        "`ls -ld` of the path in the container; fix the source of the mount.",
    ),
    calls(
        &["read", "readv"], &["EIO"],
        "A terminal whose other side is gone, a process in the background reading it, or a disk with errors.",
        "Harmless when an interactive session ends. For a file: `dmesg` tells of the disk.",
    ),
    calls(
        WRITE, &["EPERM"],
        "This file may not be written: a sealed memory file, or a setting under /proc or /sys that wants a capability.",
        "See which: `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    calls(
        WRITE, &["EINVAL", "EACCES"],
        "A setting file (/proc, /sys, cgroup) does not take this value, or an O_DIRECT write is not aligned.",
        "See which: `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    calls(
        WRITE, &["EFBIG"],
        "The file would become larger than the limit (fsize) or than its file system can hold.",
        "Max file size in `/proc/PID/limits`; `findmnt -T PATH`.",
    ),
    calls(
        &["write", "writev", "pwrite64", "fsync", "fdatasync"], &["EIO"],
        "The disk, or the storage behind the network, did not take the data: it may be lost.",
        "Act now: `dmesg` on the host, health of the disk and of the volume's server.",
    ),
    calls(
        &["fsync", "fdatasync", "sync_file_range"], &["EINVAL", "EROFS"],
        "The descriptor is something that has nothing to write to a disk: a pipe, a socket, a terminal.",
        "Harmless.",
    ),
    calls(
        &["io_uring_setup", "io_uring_enter", "io_uring_register"], &["EPERM"],
        "This host has io_uring switched off (kernel.io_uring_disabled), or not allowed to this user.",
        "`sysctl kernel.io_uring_disabled`. Most programs use epoll or threads instead.",
    ),
    calls(
        &["io_uring_setup", "io_uring_register", "io_setup"], &["ENOMEM", "EAGAIN"],
        "No room for the queue: the limit of locked memory (memlock), or of asynchronous requests (fs.aio-max-nr), is reached.",
        "Max locked memory in `/proc/PID/limits`, `sysctl fs.aio-nr fs.aio-max-nr`; raise `--ulimit memlock`.",
    ),
    calls(
        &["memfd_create", "memfd_secret"], &["ENOSYS", "EACCES", "EINVAL"],
        "The kernel does not know these flags, or forbids memory files that can be executed (vm.memfd_noexec).",
        "`sysctl vm.memfd_noexec`. Programs with just-in-time compilers mostly find another way.",
    ),
    class(
        Class::Descriptor, &["EAGAIN"],
        "Nothing there yet, or no room, on a non-blocking descriptor. Normal: the program waits with epoll or poll and comes back.",
        "Nothing to do, unless it never waits: then CPU time is high in `ctrace top CONTAINER`.",
    ),
    class(
        Class::Descriptor, &["EPIPE"],
        "Nobody reads at the other end any more: the reader of a pipe, or the peer of a connection, has gone.",
        "Normal when clients hang up. A pipe: look at how the reader ended, `ctrace trace -e process.exit CONTAINER`.",
    ),
    class(
        Class::Descriptor, &["EMFILE"],
        "The process has as many descriptors open as it may (nofile).",
        "`ls /proc/PID/fd | wc -l` against Max open files in `/proc/PID/limits`; a leak, or raise `--ulimit nofile`.",
    ),
    class(
        Class::Descriptor, &["ENOSPC"],
        "No room on the file system: bytes, or inodes when there are many small files.",
        "`df -h` and `df -i` in the container and on the host, where images and layers lie.",
    ),
    class(
        Class::Descriptor, &["ECONNRESET"],
        "The other side cut the connection without closing it: it crashed, restarted, or refused what it was sent.",
        "Some are normal. Many: look at the peer's log; `ss -ti` shows the connections.",
    ),
    class(
        Class::Descriptor, &["EINVAL"],
        "The kind of file, its position, or an argument does not fit {call}.",
        "See the arguments: `ctrace trace -e {call} --failed CONTAINER`; `ls -l /proc/PID/fd` tells what the descriptor is.",
    ),
    // Network
    calls(
        &["connect"], &["ECONNREFUSED"],
        "The host answers, but nobody listens at this address and port: the service is down, still starting, or elsewhere.",
        "See the address: `ctrace trace -e connect --failed CONTAINER`; on the other side `ss -ltnp`. localhost is the container itself.",
    ),
    calls(
        &["connect"], &["ETIMEDOUT"],
        "No answer at all: a firewall or network policy drops the packets, the route is wrong, or the host is gone.",
        "See the address: `ctrace trace -e connect --failed CONTAINER`; then `ip route get ADDRESS` and the network policies.",
    ),
    calls(
        &["connect"], &["EINPROGRESS"],
        "The connection is being made, and the program did not want to wait. Normal; the result comes later.",
        "Nothing to do.",
    ),
    calls(
        &["connect"], &["EALREADY", "EISCONN"],
        "The program asks again for a connection that is being made, or is there. Normal with non-blocking sockets.",
        "Nothing to do.",
    ),
    calls(
        &["connect"], &["ENOENT"],
        "The socket file does not exist. Often the name cache (nscd) that C libraries ask first: harmless.",
        "Else the service is not started or its socket not mounted: `ctrace trace -e connect --failed CONTAINER` shows the path.",
    ),
    calls(
        &["connect"], &["EACCES"],
        "The socket file's permissions forbid it, or a broadcast address or SELinux does.",
        "See the address: `ctrace trace -e connect --failed CONTAINER`; `ls -l` of the socket: its group must be the program's.",
    ),
    calls(
        &["connect"], &["EAGAIN"],
        "The listener's queue of a local socket is full, or no local port is free for this destination.",
        "`ss -s` and `sysctl net.ipv4.ip_local_port_range`; reuse connections; does the server accept fast enough?",
    ),
    calls(
        &["connect"], &["EADDRNOTAVAIL"],
        "No local port is free for this destination: too many connections, or many in TIME-WAIT.",
        "`ss -s`; reuse connections, or widen `sysctl net.ipv4.ip_local_port_range`. Without IPv6, `::1` fails like this too.",
    ),
    calls(
        &["connect", "sendto", "sendmsg", "sendmmsg"], &["ENETUNREACH", "EHOSTUNREACH"],
        "There is no route to this address, or a router or firewall answered so. With IPv6 addresses: no IPv6 here.",
        "See the address: `ctrace trace -e {call} --failed CONTAINER`; then `ip route get ADDRESS`. IPv6 then IPv4 is normal.",
    ),
    calls(
        &["connect", "sendto", "sendmsg", "sendmmsg"], &["EPERM"],
        "A firewall rule or a network policy on this host rejected it.",
        "See the address: `ctrace trace -e {call} --failed CONTAINER`; then `nft list ruleset` or `iptables -L -v -n`.",
    ),
    calls(
        &["connect"], &["EAFNOSUPPORT"],
        "The address is of another family than the socket.",
        "Programs that disconnect a UDP socket, and resolvers, do it on purpose; nothing to do if it runs.",
    ),
    calls(
        &["bind"], &["EACCES"],
        "Ports below 1024 want CAP_NET_BIND_SERVICE; for a socket file, its directory is not writable.",
        "Use a higher port and publish it (`-p 80:8080`), add the capability, or `sysctl net.ipv4.ip_unprivileged_port_start`.",
    ),
    calls(
        &["bind", "listen"], &["EADDRINUSE"],
        "The port or socket file is taken: another program, the old instance, or with host networking another container.",
        "`ss -ltnp` shows who has it; a socket file left over from a crash must be removed.",
    ),
    calls(
        &["bind"], &["EADDRNOTAVAIL"],
        "The address is none of this container's: it is of the host, or IPv6 is off here.",
        "`ip addr` in the container's network; servers in containers listen on 0.0.0.0 or ::.",
    ),
    calls(
        &["accept", "accept4"], &["EMFILE", "ENFILE"],
        "The server has as many descriptors open as it may: new clients wait until they time out.",
        "`ls /proc/PID/fd | wc -l` against Max open files in `/proc/PID/limits`; raise `--ulimit nofile`.",
    ),
    calls(
        &["accept", "accept4"], &["ECONNABORTED"],
        "The client hung up before it was accepted. Normal in small numbers: port scans and health checks.",
        "Many: the server accepts too slowly; `ss -ltn` shows its queue.",
    ),
    calls(
        &["socket"], &["EPERM", "EACCES"],
        "This kind of socket wants a capability: raw and packet sockets (ping, tcpdump) CAP_NET_RAW.",
        "`ctrace trace -e socket --failed CONTAINER` shows the kind; add NET_RAW, or `sysctl net.ipv4.ping_group_range`.",
    ),
    calls(
        &["socket"], &["EAFNOSUPPORT", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT"],
        "The kernel does not have this family or protocol: IPv6 switched off, or a module that is not loaded.",
        "Programs that try IPv6 first go on with IPv4; `ctrace trace -e socket --failed CONTAINER` shows which.",
    ),
    calls(
        &["setsockopt"], &["EPERM"],
        "This option wants CAP_NET_ADMIN: marks, forced buffer sizes, transparent sockets, firewall tables.",
        "`ctrace trace -e setsockopt --failed CONTAINER` shows which one.",
    ),
    calls(
        &["setsockopt", "getsockopt"], &["ENOPROTOOPT", "EOPNOTSUPP", "EINVAL"],
        "The socket does not know this option, or not this value. Mostly a try for something newer or faster.",
        "Nothing to do if the program runs; else `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    calls(
        &["shutdown", "getpeername"], &["ENOTCONN"],
        "The socket has no connection (any more). Normal at the end of a connection, and with listening sockets.",
        "Nothing to do.",
    ),
    calls(
        SEND, &["EMSGSIZE"],
        "The datagram is larger than the path takes (MTU) or than datagrams can be.",
        "`ip link` shows the MTU; overlay networks have a smaller one.",
    ),
    calls(
        SEND, &["ECONNREFUSED"],
        "Nobody listens at this UDP port or local socket, as with a name server or syslog that is down.",
        "See the address: `ctrace trace -e {call} --failed CONTAINER`; on the other side `ss -lunp`.",
    ),
    calls(
        &["recvfrom", "recvmsg", "recvmmsg", "recv"], &["ECONNREFUSED"],
        "An earlier datagram came back: nobody listens at this UDP port, as with a name server that is down.",
        "`cat /etc/resolv.conf` in the container; on the other side `ss -lunp`.",
    ),
    class(
        Class::Network, &["EAGAIN"],
        "Nothing has arrived yet, or no room to send, on a non-blocking socket. Normal: the program comes back with epoll.",
        "Nothing to do. With a receive timeout on the socket: the peer is slow.",
    ),
    class(
        Class::Network, &["ECONNRESET"],
        "The other side cut the connection without closing it: it crashed, restarted, or refused what it was sent.",
        "Some are normal. Many: look at the peer's log, load balancer and idle timeouts; `ss -ti` shows the connections.",
    ),
    class(
        Class::Network, &["EPIPE"],
        "The connection is closed already: the peer hung up while the program was still sending.",
        "Normal when clients go away. Many: compare idle timeouts of both sides.",
    ),
    class(
        Class::Network, &["ETIMEDOUT"],
        "The peer has not answered for a long time: it is gone, or a firewall forgot the connection.",
        "`ss -tio` shows repeats; turn on keepalive below the firewall's idle timeout.",
    ),
    class(
        Class::Network, &["ENOBUFS", "ENOMEM"],
        "No memory for the network: a full device queue, socket buffers at their limit, or the container's memory limit.",
        "`ss -m`, `ip -s link` and memory in `ctrace top CONTAINER`.",
    ),
    class(
        Class::Network, &["EMFILE"],
        "The process has as many descriptors open as it may (nofile).",
        "`ls /proc/PID/fd | wc -l` against Max open files in `/proc/PID/limits`; connections not closed, or raise `--ulimit nofile`.",
    ),
    class(
        Class::Network, &["EINVAL"],
        "The socket is in no state for {call}, or an argument is wrong.",
        "See the arguments: `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    // Processes
    calls(
        &["wait4", "waitpid", "waitid"], &["ECHILD"],
        "There is no child to wait for. Normal: shells and process managers ask until none is left.",
        "Nothing to do.",
    ),
    calls(
        FORK, &["EAGAIN"],
        "No further process or thread is allowed: the container's pids limit, or the user's limit (nproc).",
        "Processes in `ctrace top CONTAINER` against pids.max of its cgroup; raise `--pids-limit`, or find what forks.",
    ),
    calls(
        FORK, &["ENOMEM"],
        "No memory for a new process, or its pid namespace is ending (the first process is gone).",
        "Memory in `ctrace top CONTAINER`; `free -m` and `sysctl vm.overcommit_memory` on the host.",
    ),
    calls(
        &["clone", "clone3"], &["EPERM", "ENOSPC", "EUSERS"],
        "New namespaces are not allowed here: CAP_SYS_ADMIN is missing, or the limit of (user) namespaces is reached.",
        "`sysctl user.max_user_namespaces`. Browsers and builders want this; start them without their own sandbox if need be.",
    ),
    calls(
        &["clone3"], &["ENOSYS"],
        "The kernel, or the engine's seccomp profile, answers that there is no clone3. C libraries use clone then.",
        "Nothing to do.",
    ),
    calls(
        KILL, &["ESRCH"],
        "The process or thread is gone already. Mostly a race with its end, or a stale pid file.",
        "Harmless at the end of a service; else see the pid: `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    calls(
        KILL, &["EPERM"],
        "Signals to processes of another user want CAP_KILL.",
        "`ctrace trace -e {call} --failed CONTAINER` shows to whom; run both as one user.",
    ),
    calls(
        &["ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd", "process_madvise"],
        &["EPERM", "EACCES"],
        "Looking into another process wants the same user, or CAP_SYS_PTRACE; Yama may forbid it (ptrace_scope).",
        "`sysctl kernel.yama.ptrace_scope`; for a debugger `--cap-add SYS_PTRACE`. Unexpected otherwise: look closer.",
    ),
    calls(
        &["setpriority", "nice", "sched_setscheduler", "sched_setparam", "sched_setattr", "ioprio_set"],
        &["EPERM", "EACCES"],
        "A higher priority or a real-time scheduler wants CAP_SYS_NICE.",
        "Most programs go on without; `--cap-add SYS_NICE` for databases and media servers that ask for it.",
    ),
    calls(
        &["setrlimit", "prlimit64"], &["EPERM"],
        "Raising a hard limit wants CAP_SYS_RESOURCE.",
        "Set the limit from outside, `--ulimit NAME=VALUE`.",
    ),
    calls(
        &["setpgid", "setsid"], &["EPERM", "EACCES", "ESRCH"],
        "The process already leads a group or session, or has executed another program. Normal for shells and daemons.",
        "Nothing to do.",
    ),
    calls(
        &["sched_setaffinity"], &["EINVAL"],
        "None of the wanted CPUs belongs to this container (cpuset), or they do not exist.",
        "Cpus_allowed_list in `/proc/PID/status`; compare `--cpuset-cpus`.",
    ),
    class(
        Class::Process, &["ESRCH"],
        "There is no such process (any more), or it is not to be seen from this pid namespace.",
        "Mostly a race with its end. See the pid: `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    class(
        Class::Process, &["EPERM"],
        "Acting on that process wants its user or a capability, such as CAP_KILL, CAP_SYS_PTRACE or CAP_SYS_NICE.",
        "See on which: `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    // Memory
    calls(
        &["mlock", "mlock2", "mlockall", "munlockall"], &["EPERM", "ENOMEM", "EAGAIN"],
        "Keeping memory out of swap is limited: memlock is too small, and CAP_IPC_LOCK is missing.",
        "Max locked memory in `/proc/PID/limits`; `--ulimit memlock=-1` or `--cap-add IPC_LOCK`.",
    ),
    calls(
        &["mmap", "mmap2"], &["EPERM", "EACCES"],
        "The mapping is forbidden: a noexec mount, a file opened in another way, a huge page without the right, or SELinux.",
        "See the arguments: `ctrace trace -e {call} --failed CONTAINER`; `findmnt -T FILE` for noexec.",
    ),
    calls(
        &["mprotect", "pkey_mprotect"], &["EACCES"],
        "Memory may not become executable: SELinux or the file's mount forbid it. Just-in-time compilers ask for this.",
        "`ausearch -m avc` or `dmesg` on the host.",
    ),
    calls(
        &["mbind", "set_mempolicy", "get_mempolicy", "migrate_pages", "move_pages"], &["EPERM", "ENOSYS"],
        "Choosing memory by NUMA node wants CAP_SYS_NICE in default seccomp profiles; databases go on without.",
        "Nothing to do if the program runs; else `--cap-add SYS_NICE`.",
    ),
    calls(
        &["userfaultfd"], &["EPERM"],
        "Unprivileged userfaultfd is switched off on this host (vm.unprivileged_userfaultfd).",
        "Needed by live migration and some collectors; most go on without.",
    ),
    calls(
        &["madvise"], &["EINVAL"],
        "The kernel does not know this advice (such as huge pages), or the range does not fit. Advice may be ignored.",
        "Nothing to do.",
    ),
    class(
        Class::Memory, &["ENOMEM"],
        "The address space, a limit (as), the number of mappings, or the overcommit rule is exhausted, or nothing is mapped there.",
        "Memory in `ctrace top CONTAINER`, `/proc/PID/limits`, `sysctl vm.max_map_count vm.overcommit_memory`.",
    ),
    class(
        Class::Memory, &["EINVAL"],
        "Address, length or flags do not fit: not aligned to pages, or not known to this kernel.",
        "See the arguments: `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    // Mounts and namespaces
    calls(
        &["chroot", "fchroot"], &["EPERM"],
        "Changing the root directory wants CAP_SYS_CHROOT.",
        "Engines give it by default; somebody dropped it (`--cap-drop`). Add it, or configure the service without chroot.",
    ),
    calls(
        &["setns", "unshare"], &["EPERM"],
        "Namespaces want CAP_SYS_ADMIN, except new user namespaces where the host allows these.",
        "`sysctl user.max_user_namespaces`; on Ubuntu kernel.apparmor_restrict_unprivileged_userns.",
    ),
    calls(
        &["setns"], &["EINVAL"],
        "The descriptor is no namespace of the wanted kind, or the process has several threads.",
        "See the arguments: `ctrace trace -e setns --failed CONTAINER`.",
    ),
    calls(
        &["unshare"], &["ENOSPC", "EUSERS"],
        "The limit of namespaces of this user is reached.",
        "`sysctl user` shows the limits; `lsns` shows who has them.",
    ),
    calls(
        &["umount", "umount2"], &["EINVAL"],
        "Nothing is mounted there, or the mount is locked because it came from outside the container.",
        "`cat /proc/PID/mountinfo`. Harmless in clean-up scripts.",
    ),
    class(
        Class::Mount, &["EPERM"],
        "Mounting wants CAP_SYS_ADMIN, which containers do not have by default, and rightly so.",
        "Let the engine mount it (`-v`, `--tmpfs`); `ctrace trace -e {call} --failed CONTAINER` shows what.",
    ),
    class(
        Class::Mount, &["EACCES"],
        "The mount is forbidden: AppArmor or SELinux, a read-only source, or a closed directory on the way.",
        "`dmesg` tells of AppArmor; `ctrace trace -e {call} --failed CONTAINER` shows what should be mounted.",
    ),
    class(
        Class::Mount, &["EBUSY"],
        "Something there is mounted or in use already.",
        "`cat /proc/PID/mountinfo` and `fuser -vm PATH`.",
    ),
    class(
        Class::Mount, &["ENODEV"],
        "The kernel does not have this file system.",
        "`cat /proc/filesystems`; load the module on the host.",
    ),
    class(
        Class::Mount, &["EINVAL"],
        "The source or the options do not fit this file system, or the mount cannot be changed from in here.",
        "`dmesg` often tells the option; `ctrace trace -e {call} --failed CONTAINER` the arguments.",
    ),
    // Users and groups
    calls(
        CHOWN, &["EPERM"],
        "Giving a file to another user wants CAP_CHOWN. Rootless, or on NFS with root_squash, root has it not.",
        "Set the owner in the image or on the volume (`--user`, fsGroup), or give back CHOWN if it was dropped.",
    ),
    calls(
        CHOWN, &["EINVAL"],
        "This user or group number does not exist in the container's user namespace.",
        "`cat /proc/PID/uid_map`; a larger range in `/etc/subuid`.",
    ),
    calls(
        &["setuid", "setuid32", "setreuid", "setreuid32", "setresuid", "setresuid32"], &["EPERM"],
        "Becoming another user wants CAP_SETUID.",
        "Services that start as root and step down (nginx, postgres) need it; or start them as the user, `--user`.",
    ),
    calls(
        &[
            "setgid", "setgid32", "setregid", "setregid32", "setresgid", "setresgid32", "setgroups",
            "setgroups32"
        ],
        &["EPERM"],
        "Changing groups wants CAP_SETGID; in some user namespaces setgroups is denied for good.",
        "Start the service as its user, `--user UID:GID`; or `cat /proc/PID/setgroups`.",
    ),
    calls(
        &["capset"], &["EPERM"],
        "The program wants capabilities that it has not, or CAP_SETPCAP is missing.",
        "CapPrm and CapBnd in `/proc/PID/status`; `capsh --decode=HEX` names them.",
    ),
    class(
        Class::Identity, &["EAGAIN"],
        "The user that it should become has as many processes as allowed (nproc); all containers of a number count together.",
        "`ps -L -u UID --no-headers | wc -l` on the host; raise `--ulimit nproc`.",
    ),
    class(
        Class::Identity, &["EINVAL"],
        "This user or group number does not exist in the container's user namespace.",
        "`cat /proc/PID/uid_map`; a larger range in `/etc/subuid`.",
    ),
    class(
        Class::Identity, &["EPERM"],
        "Changing users, groups or capabilities wants a capability: CAP_SETUID, CAP_SETGID, CAP_CHOWN or CAP_SETPCAP.",
        "CapEff in `/proc/PID/status`; start the program as the right user, `--user`.",
    ),
    // Keyrings
    class(
        Class::Keyring, &["ENOKEY"],
        "There is no such key. Normal: programs look whether there is one (Kerberos, NFS, ecryptfs).",
        "Nothing to do if the program runs; else `keyctl show`.",
    ),
    class(
        Class::Keyring, &["EDQUOT"],
        "The user has as many keys as allowed; containers of one user number share the quota.",
        "`cat /proc/key-users`; raise `sysctl kernel.keys.maxkeys`.",
    ),
    class(
        Class::Keyring, &["EACCES", "EPERM"],
        "The key's permissions do not allow it.",
        "`cat /proc/keys`; `ctrace trace -e {call} --failed CONTAINER` shows the request.",
    ),
    // The whole machine
    calls(
        &["bpf"], &["EPERM"],
        "BPF programs and maps want CAP_BPF, with CAP_PERFMON or CAP_NET_ADMIN depending on the kind.",
        "Observability agents and network plugins need it; `ctrace trace -e bpf --failed CONTAINER` shows who asks.",
    ),
    calls(
        &["bpf"], &["EINVAL", "EACCES", "E2BIG"],
        "The verifier or this kernel does not take the program, map or attribute. Loaders try what the kernel can do.",
        "Mostly harmless at an agent's start; its log has the verifier's words.",
    ),
    calls(
        &["bpf"], &["ENOENT"],
        "No such map entry or object: this is also how a look-up that finds nothing, or the end of a list, is told.",
        "Nothing to do.",
    ),
    calls(
        &["perf_event_open"], &["EACCES", "EPERM"],
        "Profiling is limited by kernel.perf_event_paranoid; it wants CAP_PERFMON.",
        "`sysctl kernel.perf_event_paranoid`; `--cap-add PERFMON` for profilers.",
    ),
    calls(
        &["perf_event_open"], &["ENOENT", "ENODEV", "EOPNOTSUPP"],
        "This event or counter is not there, as in most virtual machines.",
        "`perf list` shows what there is; software events always work.",
    ),
    calls(
        &["init_module", "finit_module", "delete_module"], &["EPERM"],
        "Kernel modules want CAP_SYS_MODULE, or lockdown forbids them. A container should never need this.",
        "Load the module on the host. Unexpected: look who asks, `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    calls(
        &[
            "settimeofday", "clock_settime", "clock_settime64", "clock_adjtime", "clock_adjtime64",
            "adjtimex", "stime"
        ],
        &["EPERM"],
        "Setting the machine's clock wants CAP_SYS_TIME.",
        "Let the host keep the time; remove ntpd or chronyd from the image.",
    ),
    calls(
        &["reboot", "kexec_load", "kexec_file_load"], &["EPERM"],
        "Restarting the machine wants CAP_SYS_BOOT. Init systems in containers try it when they end.",
        "Nothing to do, if an init system is what runs there.",
    ),
    calls(
        &["syslog"], &["EPERM"],
        "The kernel's log is closed to ordinary users (kernel.dmesg_restrict); it wants CAP_SYSLOG.",
        "Read `dmesg` on the host.",
    ),
    calls(
        &["sethostname", "setdomainname"], &["EPERM"],
        "Setting the host name wants CAP_SYS_ADMIN.",
        "Give the name when the container is made, `--hostname`.",
    ),
    class(
        Class::Kernel, &["EPERM"],
        "{call} concerns the whole machine and wants a capability, such as CAP_SYS_ADMIN, CAP_SYS_RAWIO or CAP_SYS_PACCT.",
        "Unexpected in an ordinary application: `ctrace trace -e {call} --failed CONTAINER` shows who asks.",
    ),
    // Queues, semaphores, shared memory
    calls(
        &["shmget"], &["ENOSPC", "EINVAL", "ENOMEM"],
        "Shared memory is limited: number (shmmni), size (shmmax) or all of it (shmall), for each container.",
        "`ipcs -lm` and `ipcs -m` in the container; `--sysctl kernel.shmmax=N`.",
    ),
    calls(
        &["semop", "semtimedop", "semtimedop_time64", "msgrcv", "msgsnd", "mq_timedreceive", "mq_timedsend"],
        &["EAGAIN"],
        "The program did not want to wait and there is nothing to be had; or the time that it gave is over. Normal.",
        "Nothing to do. Waiting in vain for long: see who else has it, `ipcs -s -p`.",
    ),
    calls(
        &["semget"], &["ENOSPC"],
        "There are as many semaphores as allowed (kernel.sem), often left over by crashed programs.",
        "`ipcs -ls` and `ipcs -s`; `ipcrm` removes what nobody uses.",
    ),
    class(
        Class::Ipc, &["ENOENT"],
        "No queue, semaphore or shared memory has this name or key. Each container has its own, unless `--ipc` says otherwise.",
        "`ipcs -a` in the container; containers that share it need `--ipc container:NAME`.",
    ),
    class(
        Class::Ipc, &["EIDRM"],
        "The queue or semaphore was removed while the program used it.",
        "The other side ended: `ctrace trace -e process.exit CONTAINER`.",
    ),
    class(
        Class::Ipc, &["EACCES", "EPERM"],
        "The object belongs to another user; changing it wants CAP_IPC_OWNER or CAP_SYS_ADMIN.",
        "`ipcs -c` shows the owners.",
    ),
    // Waiting
    calls(
        FUTEX, &["EAGAIN"],
        "The lock changed before the thread could sleep on it. Normal: it looks again.",
        "Nothing to do. Very many: threads fight for one lock, see the latency of futex in `ctrace top CONTAINER`.",
    ),
    calls(
        FUTEX, &["ETIMEDOUT"],
        "A thread waited as long as it wanted to. Normal for pools and timers.",
        "Nothing to do.",
    ),
    calls(
        &["epoll_ctl"], &["EEXIST", "ENOENT"],
        "The descriptor is watched already, or not any more. Event loops try one way and then the other.",
        "Nothing to do.",
    ),
    calls(
        &["epoll_ctl"], &["EPERM"],
        "The descriptor cannot be waited for: an ordinary file is always ready. Event loops then use threads.",
        "Nothing to do.",
    ),
    calls(
        &["epoll_ctl"], &["ENOSPC"],
        "The user's limit of epoll watches is reached.",
        "`sysctl fs.epoll.max_user_watches` on the host.",
    ),
    calls(
        &["rt_sigtimedwait", "rt_sigtimedwait_time64"], &["EAGAIN"],
        "No signal came in the time that the program wanted to wait. Normal for process managers.",
        "Nothing to do.",
    ),
    class(
        Class::Wait, &["EBADF"],
        "A descriptor that is waited for has been closed.",
        "A race in the program: `ctrace trace -e {call} --failed CONTAINER` shows the number.",
    ),
    // Others
    calls(
        &["arch_prctl", "prctl"], &["EINVAL"],
        "The kernel or the CPU does not know this option. Normal: C libraries ask for what there is.",
        "Nothing to do.",
    ),
    calls(
        &["prctl"], &["EPERM"],
        "This option wants a capability; dropping from the bounding set wants CAP_SETPCAP.",
        "`ctrace trace -e prctl --failed CONTAINER` shows the option.",
    ),
    calls(
        &["seccomp", "landlock_create_ruleset", "landlock_restrict_self"],
        &["EPERM", "EACCES", "EINVAL", "EOPNOTSUPP", "ENOSYS"],
        "The sandbox that the program wants is not there: not in this kernel, or no_new_privs is not set.",
        "Most programs go on with less protection; `uname -r` and the program's log tell more.",
    ),
    calls(
        &["rseq", "set_robust_list", "membarrier", "getcpu"], &["ENOSYS", "EINVAL", "EPERM"],
        "The kernel or the seccomp profile does not give {call}; C libraries use a slower way.",
        "Nothing to do.",
    ),
    calls(
        &["getrandom"], &["EAGAIN"],
        "The kernel has not gathered enough randomness yet, as just after the machine started.",
        "Wait; give virtual machines a virtio-rng.",
    ),
    // By the error alone: of a process's everyday life
    any(
        &["EPERM"],
        "Not permitted: the user or a capability is wrong, whatever the permissions of files say.",
        "CapEff and Seccomp in `/proc/PID/status`; `ctrace trace -e {call} --failed CONTAINER` shows the arguments.",
    ),
    any(
        &["EACCES"],
        "Access denied: permissions of a file or object, or SELinux or AppArmor.",
        "See which: `ctrace trace -e {call} --failed CONTAINER`; `dmesg` or `ausearch -m avc` for the others.",
    ),
    any(
        &["ENOENT"],
        "What was named does not exist.",
        "See what: `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    any(
        &["ESRCH"],
        "There is no such process (any more).",
        "Mostly a race with its end; `ctrace trace -e {call} --failed CONTAINER` shows the pid.",
    ),
    any(
        &["EINTR"],
        "A signal came while it waited. Normal: the program, or its library, calls again.",
        "Nothing to do. If a program ends by it: it does not try again after signals.",
    ),
    any(
        &["EAGAIN"],
        "Not now: nothing there yet, or a limit is reached for the moment. Normal for what should not wait.",
        "Nothing to do if the program comes back; else look at its limits in `/proc/PID/limits`.",
    ),
    any(
        &["EIO"],
        "Reading or writing failed in the device, or the other side of a terminal is gone.",
        "`dmesg` on the host; health of the disk and of network storage.",
    ),
    any(
        &["ENXIO"],
        "There is no such device or address, or nothing behind a device file.",
        "See which: `ctrace trace -e {call} --failed CONTAINER`; add it with `--device`.",
    ),
    any(
        &["ENODEV"],
        "There is no such device, or it cannot do this.",
        "See which: `ctrace trace -e {call} --failed CONTAINER`; `ls -l /dev` in the container.",
    ),
    any(
        &["E2BIG"],
        "A list or structure that was passed is too long, or of a newer size than this kernel knows.",
        "See the arguments: `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    any(&["ENOEXEC"], "The file's format cannot be executed here.", "Compare `file FILE` with `uname -m`."),
    any(
        &["EBADF"],
        "The descriptor is not open, or not open for this.",
        "Mostly a mistake in the program: `ctrace trace -e {call} --failed CONTAINER`; `ls -l /proc/PID/fd`.",
    ),
    any(&["ECHILD"], "There is no child process to wait for. Normal for shells.", "Nothing to do."),
    any(
        &["ENOMEM"],
        "No memory: the container's limit, a limit of the process, or the kernel itself.",
        "Memory in `ctrace top CONTAINER` against memory.max of its cgroup; `dmesg` tells of killed processes.",
    ),
    any(
        &["EFAULT"],
        "The program passed an address that is not its own. Calls with bad pointers are mostly mistakes, or probing.",
        "`ctrace trace -e {call} --failed CONTAINER` shows who; its log or a core dump tells more.",
    ),
    any(
        &["ENOTBLK"],
        "A block device is needed and something else was given.",
        "See which path: `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    any(
        &["EBUSY"],
        "It is in use by somebody else just now.",
        "`fuser -v PATH` for files and mounts; else see which: `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    any(
        &["EEXIST"],
        "It exists already. Mostly harmless: programs just try to make it.",
        "See what: `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    any(
        &["EXDEV"],
        "It would lead to another file system. Programs copy instead.",
        "Keep both paths on one volume if it is slow.",
    ),
    any(
        &["ENOTDIR"],
        "A directory is needed and a file was given.",
        "See which path: `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    any(
        &["EISDIR"],
        "A file is needed and a directory was given, as when a bind mount's source was missing.",
        "See which path: `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    any(
        &["EINVAL"],
        "An argument does not fit: a flag that this kernel does not know, a wrong size, or a wrong kind of object.",
        "See the arguments: `ctrace trace -e {call} --failed CONTAINER`. At a program's start mostly a harmless question.",
    ),
    any(
        &["ENFILE"],
        "The whole machine has as many files open as it may (fs.file-max).",
        "`cat /proc/sys/fs/file-nr` on the host; `ctrace top` shows which container opens so many.",
    ),
    any(
        &["EMFILE"],
        "The process has as many descriptors open as it may (nofile).",
        "`ls /proc/PID/fd | wc -l` against `ulimit -n`; a leak, or raise `--ulimit nofile`.",
    ),
    any(
        &["ENOTTY"],
        "The descriptor does not know this request; of terminals mostly. Normal: this is how isatty() asks.",
        "Nothing to do.",
    ),
    any(
        &["ETXTBSY"],
        "A program is executed and written at the same time.",
        "`fuser -v FILE` shows by whom; replace programs by rename.",
    ),
    any(
        &["EFBIG"],
        "The file would become too large for its file system or the process's limit (fsize).",
        "Max file size in `/proc/PID/limits`.",
    ),
    any(
        &["ENOSPC"],
        "No room: on the file system, of inodes, or in a table of the kernel such as that of inotify watches.",
        "`df -h`, `df -i`, `sysctl fs.inotify`.",
    ),
    any(
        &["ESPIPE"],
        "Pipes, sockets and terminals have no position. Normal: programs ask.",
        "Nothing to do.",
    ),
    any(
        &["EROFS"],
        "The file system is read-only.",
        "`findmnt -T PATH`; give a `--tmpfs` or a volume; `dmesg` if it became so by itself.",
    ),
    any(
        &["EMLINK"],
        "The file or directory has as many links as its file system allows.",
        "Too many directories in one, or hard links to one file: spread them.",
    ),
    any(
        &["EPIPE"],
        "Nobody reads at the other end any more.",
        "Normal when readers or clients go away first.",
    ),
    any(
        &["EDOM", "ERANGE"],
        "A number is out of range, or the result has no room in the buffer. Programs ask again with a larger one.",
        "Nothing to do if the program runs.",
    ),
    any(
        &["EDEADLK"],
        "Waiting for this lock would never end: two processes wait for each other.",
        "`cat /proc/locks` shows both.",
    ),
    any(
        &["ENAMETOOLONG"],
        "A path or a name in it is too long (4095 and 255 bytes).",
        "See which: `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    any(
        &["ENOLCK"],
        "No lock could be had: the lock server of a network file system does not answer, or the table is full.",
        "`findmnt -t nfs,nfs4`; rpc.statd on client and server.",
    ),
    any(
        &["ENOSYS"],
        "The kernel is older than {call}, or a seccomp profile answers ENOSYS for it. Programs mostly use an older call.",
        "Nothing to do if the program runs; else compare `uname -r` and the profile with what it needs.",
    ),
    any(
        &["ENOTEMPTY"],
        "The directory is not empty.",
        "`ls -la DIRECTORY`; see which: `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    any(
        &["ELOOP"],
        "Symbolic links go in a circle, or none should be followed.",
        "See which path: `ctrace trace -e {call} --failed CONTAINER`, then `namei -l PATH`.",
    ),
    any(
        &["ENOMSG", "EIDRM"],
        "There is no such message in the queue, or the queue was removed.",
        "`ipcs -q` in the container.",
    ),
    any(
        &["EOVERFLOW"],
        "A value has no room in its field, as a large file or inode in a 32-bit program, or an id outside the namespace.",
        "32-bit programs need large file support; else `cat /proc/PID/uid_map`.",
    ),
    any(
        &["EILSEQ"],
        "A name is not valid in this file system's encoding.",
        "See which: `ctrace trace -e {call} --failed CONTAINER`; look at the mount's options.",
    ),
    any(
        &["EUSERS"],
        "Too many users or namespaces for a limit of the kernel.",
        "`sysctl user` shows the limits.",
    ),
    // Sockets
    any(
        &["ENOTSOCK"],
        "A socket is needed and the descriptor is something else.",
        "A mistake in the program, or a descriptor that was closed and used again: `ls -l /proc/PID/fd`.",
    ),
    any(
        &["EDESTADDRREQ"],
        "A datagram without an address on a socket without a connection.",
        "A mistake in the program; a log socket whose server went away does it too.",
    ),
    any(
        &["EMSGSIZE"],
        "The message is larger than the socket, the queue or the path takes.",
        "`ip link` shows the MTU of the network.",
    ),
    any(
        &["EPROTOTYPE", "ENOPROTOOPT", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "EPFNOSUPPORT", "EAFNOSUPPORT"],
        "This kind of socket, protocol or option is not in the kernel, or does not go together. IPv6 is often off.",
        "Nothing to do if the program goes on with another; else `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    any(
        &["EOPNOTSUPP"],
        "This file system, socket or device cannot do that. Mostly a try for something better.",
        "Nothing to do if the program runs; else `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    any(
        &["EADDRINUSE"],
        "The address or port is taken by somebody else.",
        "`ss -ltnp` and `ss -lunp` show by whom.",
    ),
    any(
        &["EADDRNOTAVAIL"],
        "The address is none of this network's, or no port is free.",
        "`ip addr` and `ss -s` in the container's network.",
    ),
    any(
        &["ENETDOWN", "ENETUNREACH", "EHOSTDOWN", "EHOSTUNREACH", "ENONET"],
        "The network or the host cannot be reached from here.",
        "`ip route get ADDRESS` and `ip link` in the container's network.",
    ),
    any(
        &["ENETRESET", "ECONNABORTED", "ECONNRESET"],
        "The connection was cut by the other side or by the network.",
        "Some are normal. Many: look at the peer's log and at idle timeouts.",
    ),
    any(
        &["ENOBUFS"],
        "A buffer of the kernel is full; the network sends slower than the program, or netlink messages were missed.",
        "`ip -s link` and `ss -m`.",
    ),
    any(
        &["EISCONN", "EALREADY", "EINPROGRESS"],
        "It is being done, or is done already. Normal for what should not wait.",
        "Nothing to do.",
    ),
    any(
        &["ENOTCONN", "ESHUTDOWN"],
        "The socket has no connection (any more). Normal at the end of one.",
        "Nothing to do.",
    ),
    any(
        &["ETOOMANYREFS"],
        "Too many descriptors are under way in messages between processes.",
        "The receiver does not read: `ss -xp` shows the queues.",
    ),
    any(
        &["ETIMEDOUT", "ETIME"],
        "The time to wait is over. Normal for timers and locks; for networks the other side does not answer.",
        "`ctrace trace -e {call} --failed CONTAINER` shows what it waited for.",
    ),
    any(
        &["ECONNREFUSED"],
        "Nobody listens at that address.",
        "`ss -ltnp` on the other side; `ctrace trace -e {call} --failed CONTAINER` shows the address.",
    ),
    any(
        &["EPROTO", "EBADMSG", "ECOMM", "EMULTIHOP", "ENOLINK", "EREMOTE", "EDOTDOT"],
        "The other side, or what lies on the disk, does not keep to the protocol or format.",
        "`dmesg` on the host; versions and logs of both sides. EBADMSG of a file system: check the disk.",
    ),
    // Storage
    any(
        &["ESTALE"],
        "The file is gone on the server of a network file system, or its handle is too old.",
        "Mount the volume anew; look at the NFS server.",
    ),
    any(
        &["EUCLEAN"],
        "The file system is damaged.",
        "Act now: `dmesg` on the host, then fsck or the file system's own check.",
    ),
    any(&["EREMOTEIO"], "The device at the other end of a bus or network failed.", "`dmesg` on the host."),
    any(
        &["EDQUOT"],
        "A quota is used up: of disk space, of inodes, or of keys.",
        "`quota -s`, `repquota -a`, for keys `cat /proc/key-users`.",
    ),
    any(
        &["ENOMEDIUM", "EMEDIUMTYPE"],
        "There is no medium in the drive, or the wrong one.",
        "`lsblk`; see which device: `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    any(
        &["ENODATA"],
        "There is no such attribute or no data. Normal: programs ask for ACLs and labels.",
        "Nothing to do.",
    ),
    any(
        &["ECANCELED"],
        "It was given up before it was done, as when a timer or an asynchronous request is cancelled.",
        "Normal when a program ends or the clock is set.",
    ),
    any(
        &["ENOKEY", "EKEYEXPIRED", "EKEYREVOKED", "EKEYREJECTED"],
        "A key is missing, expired, withdrawn or refused: of an encrypted directory, a signed module, or Kerberos.",
        "`keyctl show`, `cat /proc/keys`; `dmesg` for signatures.",
    ),
    any(
        &["EOWNERDEAD", "ENOTRECOVERABLE"],
        "A process ended while it held a shared lock; what the lock protects may be half done.",
        "See who ended: `ctrace trace -e process.exit CONTAINER`. Restart all that share the lock.",
    ),
    any(&["ERFKILL"], "The radio is switched off.", "`rfkill list` on the host."),
    any(
        &["EHWPOISON"],
        "This memory page is broken hardware.",
        "Act now: `dmesg` and `ras-mc-ctl --errors` on the host; replace the memory.",
    ),
    any(
        &["EFTYPE"],
        "The file is of a type or format that does not go with this operation.",
        "See which path: `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    any(
        &["ELIBACC", "ELIBBAD", "ELIBSCN", "ELIBMAX", "ELIBEXEC"],
        "A shared library or interpreter that the program needs is missing or broken.",
        "`ldd FILE` in the container.",
    ),
    any(
        &["ENOTNAM", "ENAVAIL", "EISNAM", "ENOTUNIQ", "EBADFD", "EREMCHG", "ESTRPIPE"],
        "A driver says that its object is in the wrong state, or a name is taken; the sound system uses some of these.",
        "`dmesg` on the host; `ctrace trace -e {call} --failed CONTAINER` shows what was asked.",
    ),
    any(
        &[
            "ECHRNG", "EL2NSYNC", "EL3HLT", "EL3RST", "ELNRNG", "EUNATCH", "ENOCSI", "EL2HLT", "EBADE",
            "EBADR", "EXFULL", "ENOANO", "EBADRQC", "EBADSLT", "EBFONT", "ENOSTR", "ENOSR", "ENOPKG",
            "EADV", "ESRMNT"
        ],
        "A driver or file system answered {errno}, an error of other systems that few parts of the kernel use.",
        "`dmesg` on the host may tell more; `ctrace trace -e {call} --failed CONTAINER` shows what was asked.",
    ),
    // Only inside the kernel
    any(
        &["ERESTART", "ERESTARTSYS", "ERESTARTNOINTR", "ERESTARTNOHAND", "ERESTART_RESTARTBLOCK"],
        "A signal came while it waited; the kernel starts the call again by itself, or answers EINTR. Normal.",
        "Nothing to do.",
    ),
    any(
        &["ENOIOCTLCMD", "ENOTSUPP", "ENOPARAM"],
        "The driver or file system does not know this request; the program is told something like EINVAL.",
        "Mostly a harmless question: `ctrace trace -e {call} --failed CONTAINER`.",
    ),
    any(
        &["EPROBE_DEFER"],
        "A driver waits for another one to be there; the kernel tries again.",
        "`cat /sys/kernel/debug/devices_deferred` on the host.",
    ),
    any(
        &[
            "EOPENSTALE", "EBADHANDLE", "ENOTSYNC", "EBADCOOKIE", "ETOOSMALL", "ESERVERFAULT", "EBADTYPE",
            "EJUKEBOX", "ERECALLCONFLICT", "ENOGRACE"
        ],
        "A network file system's server answered {errno}: busy, restarted, or a handle that it no longer knows.",
        "`nfsstat -c` and `dmesg` on the host; look at the server.",
    ),
    any(
        &["EIOCBQUEUED"],
        "The request was queued and goes on in the background. Not a failure.",
        "Nothing to do.",
    ),
];

/// What fails every day in programs that are well.
#[rustfmt::skip]
pub const USUAL: &[(Of, &[&str])] = &[
    (
        Of::Any,
        &[
            "EINTR", "ECHILD", "EINPROGRESS", "EALREADY", "ENOTTY", "EIOCBQUEUED", "ERESTART",
            "ERESTARTSYS", "ERESTARTNOINTR", "ERESTARTNOHAND", "ERESTART_RESTARTBLOCK"
        ],
    ),
    (Of::Class(Class::Descriptor), &["EAGAIN"]),
    (Of::Class(Class::Network), &["EAGAIN"]),
    (Of::Class(Class::Wait), &["EAGAIN", "ETIMEDOUT", "ETIME"]),
    (Of::Class(Class::Ipc), &["EAGAIN"]),
    (
        Of::Calls(&[
            "open", "openat", "openat2", "stat", "lstat", "newfstatat", "statx", "stat64", "lstat64",
            "fstatat64", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "execve",
            "execveat"
        ]),
        &["ENOENT", "ENOTDIR"],
    ),
    (Of::Calls(READLINK), &["EINVAL"]),
    (Of::Calls(&["unlink", "unlinkat", "rmdir"]), &["ENOENT"]),
    (Of::Calls(&["mkdir", "mkdirat"]), &["EEXIST"]),
    (Of::Calls(&["lseek", "_llseek"]), &["ESPIPE", "ENXIO"]),
    (Of::Calls(&["getxattr", "lgetxattr", "fgetxattr", "getxattrat"]), &["ENODATA", "EOPNOTSUPP"]),
    (Of::Calls(&["connect"]), &["EISCONN"]),
    (Of::Calls(&["shutdown", "getpeername"]), &["ENOTCONN"]),
    (Of::Calls(&["epoll_ctl"]), &["EEXIST", "EPERM"]),
];

/// What is none of [`USUAL`], although its class is.
#[rustfmt::skip]
pub const UNUSUAL: &[(Of, &[&str])] = &[
    // Queues and limits that are full.
    (Of::Calls(&["connect", "io_setup", "io_uring_setup", "io_uring_register"]), &["EAGAIN"]),
];
