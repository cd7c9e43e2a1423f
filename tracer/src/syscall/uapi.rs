//! Errors and signals.
//!
//! Written by `cargo xtask codegen` from Debian's linux-libc-dev 7.3.4-1~bpo13+1:
//! `usr/include/asm-generic/errno-base.h`,
//! `usr/include/asm-generic/errno.h`,
//! `usr/include/asm-generic/signal.h`.

/// By number; empty where there is none.
#[rustfmt::skip]
pub const ERRORS: &[&str] = &[
    "", // 0
    "EPERM", // 1
    "ENOENT", // 2
    "ESRCH", // 3
    "EINTR", // 4
    "EIO", // 5
    "ENXIO", // 6
    "E2BIG", // 7
    "ENOEXEC", // 8
    "EBADF", // 9
    "ECHILD", // 10
    "EAGAIN", // 11
    "ENOMEM", // 12
    "EACCES", // 13
    "EFAULT", // 14
    "ENOTBLK", // 15
    "EBUSY", // 16
    "EEXIST", // 17
    "EXDEV", // 18
    "ENODEV", // 19
    "ENOTDIR", // 20
    "EISDIR", // 21
    "EINVAL", // 22
    "ENFILE", // 23
    "EMFILE", // 24
    "ENOTTY", // 25
    "ETXTBSY", // 26
    "EFBIG", // 27
    "ENOSPC", // 28
    "ESPIPE", // 29
    "EROFS", // 30
    "EMLINK", // 31
    "EPIPE", // 32
    "EDOM", // 33
    "ERANGE", // 34
    "EDEADLK", // 35
    "ENAMETOOLONG", // 36
    "ENOLCK", // 37
    "ENOSYS", // 38
    "ENOTEMPTY", // 39
    "ELOOP", // 40
    "", // 41
    "ENOMSG", // 42
    "EIDRM", // 43
    "ECHRNG", // 44
    "EL2NSYNC", // 45
    "EL3HLT", // 46
    "EL3RST", // 47
    "ELNRNG", // 48
    "EUNATCH", // 49
    "ENOCSI", // 50
    "EL2HLT", // 51
    "EBADE", // 52
    "EBADR", // 53
    "EXFULL", // 54
    "ENOANO", // 55
    "EBADRQC", // 56
    "EBADSLT", // 57
    "", // 58
    "EBFONT", // 59
    "ENOSTR", // 60
    "ENODATA", // 61
    "ETIME", // 62
    "ENOSR", // 63
    "ENONET", // 64
    "ENOPKG", // 65
    "EREMOTE", // 66
    "ENOLINK", // 67
    "EADV", // 68
    "ESRMNT", // 69
    "ECOMM", // 70
    "EPROTO", // 71
    "EMULTIHOP", // 72
    "EDOTDOT", // 73
    "EBADMSG", // 74
    "EOVERFLOW", // 75
    "ENOTUNIQ", // 76
    "EBADFD", // 77
    "EREMCHG", // 78
    "ELIBACC", // 79
    "ELIBBAD", // 80
    "ELIBSCN", // 81
    "ELIBMAX", // 82
    "ELIBEXEC", // 83
    "EILSEQ", // 84
    "ERESTART", // 85
    "ESTRPIPE", // 86
    "EUSERS", // 87
    "ENOTSOCK", // 88
    "EDESTADDRREQ", // 89
    "EMSGSIZE", // 90
    "EPROTOTYPE", // 91
    "ENOPROTOOPT", // 92
    "EPROTONOSUPPORT", // 93
    "ESOCKTNOSUPPORT", // 94
    "EOPNOTSUPP", // 95
    "EPFNOSUPPORT", // 96
    "EAFNOSUPPORT", // 97
    "EADDRINUSE", // 98
    "EADDRNOTAVAIL", // 99
    "ENETDOWN", // 100
    "ENETUNREACH", // 101
    "ENETRESET", // 102
    "ECONNABORTED", // 103
    "ECONNRESET", // 104
    "ENOBUFS", // 105
    "EISCONN", // 106
    "ENOTCONN", // 107
    "ESHUTDOWN", // 108
    "ETOOMANYREFS", // 109
    "ETIMEDOUT", // 110
    "ECONNREFUSED", // 111
    "EHOSTDOWN", // 112
    "EHOSTUNREACH", // 113
    "EALREADY", // 114
    "EINPROGRESS", // 115
    "ESTALE", // 116
    "EUCLEAN", // 117
    "ENOTNAM", // 118
    "ENAVAIL", // 119
    "EISNAM", // 120
    "EREMOTEIO", // 121
    "EDQUOT", // 122
    "ENOMEDIUM", // 123
    "EMEDIUMTYPE", // 124
    "ECANCELED", // 125
    "ENOKEY", // 126
    "EKEYEXPIRED", // 127
    "EKEYREVOKED", // 128
    "EKEYREJECTED", // 129
    "EOWNERDEAD", // 130
    "ENOTRECOVERABLE", // 131
    "ERFKILL", // 132
    "EHWPOISON", // 133
    "EFTYPE", // 134
];

/// Further names.
#[rustfmt::skip]
pub const ERROR_ALIASES: &[(&str, u16)] = &[
    ("EWOULDBLOCK", 11),
    ("EDEADLOCK", 35),
    ("EFSBADCRC", 74),
    ("EFSCORRUPTED", 117),
];

/// By number; empty where there is none.
#[rustfmt::skip]
pub const SIGNALS: &[&str] = &[
    "", // 0
    "SIGHUP", // 1
    "SIGINT", // 2
    "SIGQUIT", // 3
    "SIGILL", // 4
    "SIGTRAP", // 5
    "SIGABRT", // 6
    "SIGBUS", // 7
    "SIGFPE", // 8
    "SIGKILL", // 9
    "SIGUSR1", // 10
    "SIGSEGV", // 11
    "SIGUSR2", // 12
    "SIGPIPE", // 13
    "SIGALRM", // 14
    "SIGTERM", // 15
    "SIGSTKFLT", // 16
    "SIGCHLD", // 17
    "SIGCONT", // 18
    "SIGSTOP", // 19
    "SIGTSTP", // 20
    "SIGTTIN", // 21
    "SIGTTOU", // 22
    "SIGURG", // 23
    "SIGXCPU", // 24
    "SIGXFSZ", // 25
    "SIGVTALRM", // 26
    "SIGPROF", // 27
    "SIGWINCH", // 28
    "SIGIO", // 29
    "SIGPWR", // 30
    "SIGSYS", // 31
    "SIGRTMIN", // 32
    "SIGRT_1", // 33
    "SIGRT_2", // 34
    "SIGRT_3", // 35
    "SIGRT_4", // 36
    "SIGRT_5", // 37
    "SIGRT_6", // 38
    "SIGRT_7", // 39
    "SIGRT_8", // 40
    "SIGRT_9", // 41
    "SIGRT_10", // 42
    "SIGRT_11", // 43
    "SIGRT_12", // 44
    "SIGRT_13", // 45
    "SIGRT_14", // 46
    "SIGRT_15", // 47
    "SIGRT_16", // 48
    "SIGRT_17", // 49
    "SIGRT_18", // 50
    "SIGRT_19", // 51
    "SIGRT_20", // 52
    "SIGRT_21", // 53
    "SIGRT_22", // 54
    "SIGRT_23", // 55
    "SIGRT_24", // 56
    "SIGRT_25", // 57
    "SIGRT_26", // 58
    "SIGRT_27", // 59
    "SIGRT_28", // 60
    "SIGRT_29", // 61
    "SIGRT_30", // 62
    "SIGRT_31", // 63
    "SIGRT_32", // 64
];
