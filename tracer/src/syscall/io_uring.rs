//! Operations of `io_uring` by number.

mod operations;

/// `READV` for 1.
pub fn name(opcode: u8) -> Option<&'static str> {
    operations::OPERATIONS.get(usize::from(opcode)).copied()
}

/// Whether the operation works on a descriptor that its request names: `needs_file` in
/// <https://github.com/torvalds/linux/blob/v6.12/io_uring/opdef.c#L53>, and of later kernels.
pub fn works_on_descriptor(opcode: u8) -> bool {
    name(opcode).is_some_and(|name| ON_DESCRIPTORS.contains(&name))
}

const ON_DESCRIPTORS: [&str; 36] = [
    "READV",
    "WRITEV",
    "FSYNC",
    "READ_FIXED",
    "WRITE_FIXED",
    "POLL_ADD",
    "SYNC_FILE_RANGE",
    "SENDMSG",
    "RECVMSG",
    "ACCEPT",
    "CONNECT",
    "FALLOCATE",
    "READ",
    "WRITE",
    "FADVISE",
    "SEND",
    "RECV",
    "SPLICE",
    "TEE",
    "SHUTDOWN",
    "MSG_RING",
    "FSETXATTR",
    "FGETXATTR",
    "URING_CMD",
    "SEND_ZC",
    "SENDMSG_ZC",
    "READ_MULTISHOT",
    "FIXED_FD_INSTALL",
    "FTRUNCATE",
    "BIND",
    "LISTEN",
    "RECV_ZC",
    "EPOLL_WAIT",
    "READV_FIXED",
    "WRITEV_FIXED",
    "URING_CMD128",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_of_the_table_is_one_of_the_kernels() {
        for known in ON_DESCRIPTORS {
            assert!(operations::OPERATIONS.contains(&known), "{known}");
        }
        assert_eq!([name(0), name(1), name(255)], [Some("NOP"), Some("READV"), None]);
        assert!(works_on_descriptor(1) && !works_on_descriptor(0) && !works_on_descriptor(255));
    }
}
