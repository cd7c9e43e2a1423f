//! Calls whose arguments have few values that decide what the call can do, and calls that begin the service of others.
//! The table of what the kernel programs count beside the calls themselves.

use tracer_common::limits::CLONE_NAMESPACES;

/// A call whose arguments are counted by their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Valued {
    /// The same in all ABIs that have it; so are the places of these arguments.
    pub name: &'static str,
    /// From 0 on.
    pub first: u8,
    /// Counted together with the first.
    pub second: Option<u8>,
    /// Of the first value only these bits count.
    pub mask: u32,
}

/// `AF_NETLINK`, <https://github.com/torvalds/linux/blob/v6.12/include/linux/socket.h#L208>.
const NETLINK: u32 = 16;

const fn one(name: &'static str, first: u8) -> Valued {
    Valued { name, first, second: None, mask: u32::MAX }
}

const fn two(name: &'static str, first: u8, second: u8) -> Valued {
    Valued { second: Some(second), ..one(name, first) }
}

pub const VALUED: &[Valued] = &[
    one("bpf", 0),
    // On the machines of ctrace; others have the flags elsewhere.
    Valued { mask: CLONE_NAMESPACES, ..one("clone", 0) },
    one("fcntl", 1),
    one("fcntl64", 1),
    one("ioctl", 1),
    one("keyctl", 0),
    one("personality", 0),
    one("prctl", 0),
    one("ptrace", 0),
    one("setns", 1),
    two("setsockopt", 1, 2),
    two("socket", 0, 2),
    one("socketpair", 0),
    one("unshare", 0),
];

/// Whoever makes one of them serves from then on.
pub const SERVING: &[&str] = &["accept", "accept4", "listen"];

impl Valued {
    pub fn find(name: &str) -> Option<&'static Self> {
        VALUED.iter().find(|valued| valued.name == name)
    }

    /// The places of the values that count beside each other: a protocol only where the family leaves the kernel's
    /// doors to it.
    pub fn counting(&self, values: [u32; 2]) -> impl Iterator<Item = (u8, u32)> + use<> {
        let second = self.second.filter(|_| self.name != "socket" || values[0] == NETLINK);
        [(Some(self.first), values[0]), (second, values[1])]
            .into_iter()
            .filter_map(|(place, value)| place.map(|place| (place, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Arch;
    use crate::event::Abi;
    use crate::syscall::{number, signature};

    #[test]
    fn names_are_sorted_calls_and_places_are_arguments() {
        assert!(VALUED.is_sorted_by_key(|valued| valued.name) && SERVING.is_sorted());
        for Valued { name, first, second, mask: _ } in VALUED {
            let signature = signature::find(Arch::X86_64, Abi::Native, name).unwrap();
            for place in [Some(*first), *second].into_iter().flatten() {
                assert!(usize::from(place) < signature.arguments.len(), "{name}");
            }
        }
        for name in SERVING {
            assert!(number(Arch::X86_64, Abi::Native, name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_protocol_counts_for_netlink() {
        let socket = Valued::find("socket").unwrap();
        assert_eq!(socket.counting([2, 6]).collect::<Vec<_>>(), [(0, 2)]);
        assert_eq!(socket.counting([NETLINK, 9]).collect::<Vec<_>>(), [(0, NETLINK), (2, 9)]);
        let option = Valued::find("setsockopt").unwrap();
        assert_eq!(option.counting([1, 2]).collect::<Vec<_>>(), [(1, 1), (2, 2)]);
        assert_eq!(Valued::find("read"), None);
    }
}
