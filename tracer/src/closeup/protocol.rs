//! What a socket speaks, by the arguments of `socket`.

/// `AF_*`, <https://github.com/torvalds/linux/blob/v6.12/include/linux/socket.h#L187-L248>.
const UNIX: u64 = 1;
const INET: u64 = 2;
const INET6: u64 = 10;
/// And those whose name says enough.
const FAMILIES: [(u64, &str); 7] = [
    (16, "netlink"),
    (17, "packet"),
    (29, "can"),
    (31, "bluetooth"),
    (38, "alg"),
    (40, "vsock"),
    (44, "xdp"),
];

/// `SOCK_*`, <https://github.com/torvalds/linux/blob/v6.12/include/linux/net.h#L61-L68>.
const STREAM: u64 = 1;
const DGRAM: u64 = 2;
const RAW: u64 = 3;
/// Flags are in the bits above.
const TYPE: u64 = 0xf;

/// `IPPROTO_*`, <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/in.h#L27-L87>.
const ICMP: u64 = 1;
const ICMPV6: u64 = 58;
const SCTP: u64 = 132;
const MPTCP: u64 = 262;

/// Empty: none that has a name here.
pub(super) fn name(args: &[u64; 6]) -> &'static str {
    let [family, kind, protocol, ..] = args.map(|arg| arg & 0xffff_ffff);
    match (family, kind & TYPE, protocol) {
        (UNIX, ..) => "unix",
        (INET | INET6, _, SCTP) => "sctp",
        (INET | INET6, STREAM, MPTCP) => "mptcp",
        (INET | INET6, STREAM, _) => "tcp",
        (INET | INET6, DGRAM, ICMP | ICMPV6) => "icmp",
        (INET | INET6, DGRAM, _) => "udp",
        (INET | INET6, RAW, _) => "raw",
        _ => FAMILIES.iter().find(|(known, _)| *known == family).map_or("", |(_, name)| name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_have_the_names_of_their_protocols() {
        for (args, expected) in [
            ([1, 1, 0], "unix"),
            ([2, 0o2_000_001, 0], "tcp"),
            ([10, 2, 17], "udp"),
            ([2, 2, 1], "icmp"),
            ([2, 3, 255], "raw"),
            ([16, 3, 0], "netlink"),
            ([u64::MAX, u64::MAX, u64::MAX], ""),
        ] {
            let [family, kind, protocol] = args;
            assert_eq!(name(&[family, kind, protocol, 0, 0, 0]), expected, "{args:?}");
        }
    }
}
