//! The kernel's tables of sockets, `/proc/net/*`: lines to addresses. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::open_files::Found;
use crate::snapshot::Direction;

pub(super) struct Table {
    pub file: &'static str,
    pub protocol: &'static str,
    /// Inode, and what it is. None: no line of a socket.
    pub parse: fn(protocol: &'static str, line: &str) -> Option<(u64, Found)>,
}

pub(super) const TABLES: [Table; 7] = [
    Table { file: "tcp", protocol: "tcp", parse: internet },
    Table { file: "tcp6", protocol: "tcp", parse: internet },
    Table { file: "udp", protocol: "udp", parse: internet },
    Table { file: "udp6", protocol: "udp", parse: internet },
    Table { file: "raw", protocol: "raw", parse: internet },
    Table { file: "raw6", protocol: "raw", parse: internet },
    Table { file: "unix", protocol: "unix", parse: unix },
];

/// `TCP_LISTEN`, <https://github.com/torvalds/linux/blob/v6.12/include/net/tcp_states.h#L23>.
const LISTENS: &str = "0A";

/// `sl local remote st queues timer retransmits uid timeout inode`:
/// <https://github.com/torvalds/linux/blob/v6.12/net/ipv4/tcp_ipv4.c> (`get_tcp4_sock`).
fn internet(protocol: &'static str, line: &str) -> Option<(u64, Found)> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (local, remote, state) = (fields.next()?, fields.next()?, fields.next()?);
    let inode = fields.nth(5)?.parse().ok()?;
    let (local, remote) = (address(local)?, address(remote)?);
    let listens = protocol == "tcp" && state == LISTENS;
    let direction = if listens { Direction::Incoming } else { Direction::Unknown };
    let shown = if remote.port() == 0 && remote.ip().is_unspecified() { local } else { remote };
    Some((inode, Found::Socket { protocol, address: shown.to_string(), direction }))
}

/// `0100007F:1F90`: an address as 32-bit words of the machine, and the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let word = |at: usize| -> Option<[u8; 4]> {
        u32::from_str_radix(ip.get(at..at + 8)?, 16).ok().map(u32::to_le_bytes)
    };
    let ip = match ip.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut bytes = [0; 16];
            for (to, at) in bytes.chunks_exact_mut(4).zip([0, 8, 16, 24]) {
                to.copy_from_slice(&word(at)?);
            }
            IpAddr::V6(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

/// `__SO_ACCEPTCON`, <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/net.h#L50>.
const ACCEPTS: u32 = 1 << 16;

/// `address: references protocol flags type state inode path`, the last where it has one:
/// <https://github.com/torvalds/linux/blob/v6.12/net/unix/af_unix.c> (`unix_seq_show`).
fn unix(protocol: &'static str, line: &str) -> Option<(u64, Found)> {
    let (mut rest, mut fields) = (line, [""; 7]);
    for field in &mut fields {
        rest = rest.trim_start();
        (*field, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    }
    let [_, _, _, flags, _, _, inode] = fields;
    // The path may have spaces in it.
    let path = rest;
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let direction = if flags & ACCEPTS == 0 { Direction::Unknown } else { Direction::Incoming };
    Some((inode.parse().ok()?, Found::Socket { protocol, address: path.to_owned(), direction }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(file: &str, line: &str) -> Option<(u64, String, Direction)> {
        let table = TABLES.iter().find(|table| table.file == file).unwrap();
        match (table.parse)(table.protocol, line)? {
            (inode, Found::Socket { address, direction, .. }) => Some((inode, address, direction)),
            (_, other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_peer_or_what_it_listens_on() {
        for (file, line, expected) in [
            (
                "tcp",
                "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100",
                (4711, "127.0.0.1:8080", Direction::Incoming),
            ),
            (
                "tcp",
                "   1: 0200000A:D4C2 017100CB:01BB 01 00000000:00000000 00:00000000 00000000  1000        0 12 1 0",
                (12, "203.0.113.1:443", Direction::Unknown),
            ),
            (
                "udp6",
                "  9: B80D0120000000000000000001000000:0035 00000000000000000000000000000000:0000 07 0:0 0:0 0 0 0 8 2 0",
                (8, "[2001:db8::1]:53", Direction::Unknown),
            ),
            (
                "unix",
                "0000000000000000: 00000002 00000000 00010000 0001 01 33 /run/a b.sock",
                (33, "/run/a b.sock", Direction::Incoming),
            ),
            ("unix", "0000000000000000: 00000003 00000000 00000000 0001 03 34", (34, "", Direction::Unknown)),
            ("unix", "0: 2 0 10000 0001 01 35 @abstract", (35, "@abstract", Direction::Incoming)),
        ] {
            let (inode, address, direction) = expected;
            assert_eq!(parsed(file, line), Some((inode, address.to_owned(), direction)), "{line}");
        }
    }

    #[test]
    fn other_lines_are_left_alone() {
        for line in [
            "",
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
            "0: 0100007F 0 0A 0 0 0 0 0 1",
            "0: é0100007:0 00000000:0 0A 0 0 0 0 0 1",
            "0: 00:00 00:00 0A 0 0 0 0 0 1",
        ] {
            assert_eq!(parsed("tcp6", line), None, "{line}");
        }
        for line in [
            "",
            "Num       RefCount Protocol Flags    Type St Inode Path",
            "0: 2 0 10000 0001 01",
            "0: 2 0 x 1 1 9",
        ] {
            assert_eq!(parsed("unix", line), None, "{line}");
        }
    }
}
