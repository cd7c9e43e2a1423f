//! Socket addresses: the bytes of a `struct sockaddr`, in words. Pure; the bytes are a process's own.
#![deny(clippy::indexing_slicing)]

use std::fmt;
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Deref;

use tracer_common::limits::ADDRESS_LEN;

use crate::redact::REDACTED;

/// Protocol family, <https://github.com/torvalds/linux/blob/v6.12/include/linux/socket.h#L189>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// What `connect` undoes a connection with.
    Unspecified,
    Unix,
    Inet,
    Inet6,
    Netlink,
    /// Not the kernel's: [`redacted`] left nothing of it.
    Redacted,
    Other(u16),
}

const UNIX: u16 = 1;

/// That of [`redacted`]. No family will have this number soon: there are 46.
pub const REDACTED_FAMILY: u16 = u16::MAX;

impl Family {
    const fn new(number: u16) -> Self {
        match number {
            0 => Self::Unspecified,
            UNIX => Self::Unix,
            2 => Self::Inet,
            10 => Self::Inet6,
            16 => Self::Netlink,
            REDACTED_FAMILY => Self::Redacted,
            other => Self::Other(other),
        }
    }
}

/// `unspecified`, `unix`, `inet`, `inet6`, `netlink`, `redacted`, or the number.
impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unspecified => f.write_str("unspecified"),
            Self::Unix => f.write_str("unix"),
            Self::Inet => f.write_str("inet"),
            Self::Inet6 => f.write_str("inet6"),
            Self::Netlink => f.write_str("netlink"),
            Self::Redacted => f.write_str("redacted"),
            Self::Other(number) => number.fmt(f),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Address<'a> {
    pub family: Family,
    /// `192.0.2.1:443`, `[2001:db8::1]:53`, `[fe80::1%2]:53`; a path or `@abstract`, neither safe to show nor
    /// necessarily UTF-8, empty for a socket without name; `kernel` or `port 7`, `groups 0x1` behind it; `family 17`.
    pub text: Words<'a>,
}

/// An address's text: a part of its bytes, or put together without an allocation.
#[derive(Clone, Debug)]
pub enum Words<'a> {
    Part(&'a [u8]),
    /// The beginning of the array.
    Made([u8; ADDRESS_LEN], usize),
    /// More bytes than the kernel's programs send.
    Long(Vec<u8>),
}

impl Deref for Words<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Part(bytes) => bytes,
            Self::Made(bytes, len) => bytes.get(..*len).unwrap_or(bytes),
            Self::Long(bytes) => bytes,
        }
    }
}

impl Words<'_> {
    fn new(text: fmt::Arguments<'_>) -> Self {
        let mut bytes = [0; ADDRESS_LEN];
        let mut rest = &mut bytes[..];
        // The longest there is has 64 bytes.
        _ = rest.write_fmt(text);
        let len = ADDRESS_LEN - rest.len();
        Self::Made(bytes, len)
    }
}

/// None: they end before the address does.
pub fn parse(bytes: &[u8]) -> Option<Address<'_>> {
    let (family, rest) = bytes.split_first_chunk()?;
    let family = Family::new(u16::from_le_bytes(*family));
    let text = match family {
        Family::Unspecified => Words::Part(b"unspecified"),
        Family::Unix => unix(rest),
        Family::Inet => inet(rest)?,
        Family::Inet6 => inet6(rest)?,
        Family::Netlink => netlink(rest)?,
        Family::Redacted => Words::Part(REDACTED.as_bytes()),
        Family::Other(number) => Words::new(format_args!("family {number}")),
    };
    Some(Address { family, text })
}

/// The bytes of an address that is printed as `text`: what is left of one of this family. Of those that consist of numbers
/// nothing is, not even the family.
pub fn redacted(family: Family, text: &[u8]) -> Vec<u8> {
    match family {
        Family::Unix => [&UNIX.to_le_bytes(), text].concat(),
        Family::Unspecified
        | Family::Inet
        | Family::Inet6
        | Family::Netlink
        | Family::Redacted
        | Family::Other(_) => REDACTED_FAMILY.to_le_bytes().to_vec(),
    }
}

/// A path ends with its first NUL byte. A name that begins with one is abstract and has all bytes there are,
/// more NUL bytes among them; these are written as `/proc/net/unix` does,
/// <https://github.com/torvalds/linux/blob/v6.12/net/unix/af_unix.c#L3382>.
fn unix(name: &[u8]) -> Words<'_> {
    match name {
        [0, ..] => {
            let shown = name.iter().map(|byte| if *byte == 0 { b'@' } else { *byte });
            if name.len() > ADDRESS_LEN {
                return Words::Long(shown.collect());
            }
            let mut bytes = [0; ADDRESS_LEN];
            bytes.iter_mut().zip(shown).for_each(|(place, byte)| *place = byte);
            Words::Made(bytes, name.len())
        }
        path => Words::Part(path.split(|byte| *byte == 0).next().unwrap_or_default()),
    }
}

/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/in.h#L257>.
fn inet(rest: &[u8]) -> Option<Words<'_>> {
    let (port, rest) = rest.split_first_chunk()?;
    let address: &[u8; 4] = rest.first_chunk()?;
    let (address, port) = (Ipv4Addr::from(*address), u16::from_be_bytes(*port));
    Some(Words::new(format_args!("{address}:{port}")))
}

/// Without the scope, which old programs leave out,
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/in6.h#L50>.
fn inet6(rest: &[u8]) -> Option<Words<'_>> {
    let (port, rest) = rest.split_first_chunk()?;
    let (_flow, rest) = rest.split_first_chunk::<4>()?;
    let (address, rest): (&[u8; 16], _) = rest.split_first_chunk()?;
    let (address, port) = (Ipv6Addr::from(*address), u16::from_be_bytes(*port));
    Some(match rest.first_chunk().map_or(0, |scope| u32::from_le_bytes(*scope)) {
        0 => Words::new(format_args!("[{address}]:{port}")),
        scope => Words::new(format_args!("[{address}%{scope}]:{port}")),
    })
}

/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/netlink.h#L37>.
fn netlink(rest: &[u8]) -> Option<Words<'_>> {
    let (_pad, rest) = rest.split_first_chunk::<2>()?;
    let (port, rest) = rest.split_first_chunk()?;
    let groups = rest.first_chunk()?;
    Some(match (u32::from_le_bytes(*port), u32::from_le_bytes(*groups)) {
        (0, 0) => Words::Part(b"kernel"),
        (0, groups) => Words::new(format_args!("kernel groups {groups:#x}")),
        (port, 0) => Words::new(format_args!("port {port}")),
        (port, groups) => Words::new(format_args!("port {port} groups {groups:#x}")),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(bytes: &[u8]) -> Option<(String, String)> {
        parse(bytes).map(|a| (a.family.to_string(), String::from_utf8_lossy(&a.text).into_owned()))
    }

    fn of(family: u16, parts: &[&[u8]]) -> Vec<u8> {
        [&family.to_le_bytes()[..], &parts.concat()].concat()
    }

    #[test]
    fn families_have_their_form() {
        let v6 = "2001:db8::1".parse::<Ipv6Addr>().unwrap().octets();
        let local = "fe80::1".parse::<Ipv6Addr>().unwrap().octets();
        for (bytes, family, expected) in [
            (of(2, &[&[1, 187], &[192, 0, 2, 1], &[0; 8]]), "inet", "192.0.2.1:443"),
            (of(10, &[&[0, 53], &[9; 4], &v6, &[0; 4]]), "inet6", "[2001:db8::1]:53"),
            (of(10, &[&[0, 53], &[0; 4], &v6]), "inet6", "[2001:db8::1]:53"),
            (of(10, &[&[0, 53], &[0; 4], &local, &[2, 0, 0, 0]]), "inet6", "[fe80::1%2]:53"),
            (of(1, &[b"/run/x.sock\0garbage"]), "unix", "/run/x.sock"),
            (of(1, &[b"relative"]), "unix", "relative"),
            (of(1, &[b"\0abstract\0x"]), "unix", "@abstract@x"),
            (of(1, &[]), "unix", ""),
            (of(16, &[&[0; 10]]), "netlink", "kernel"),
            (of(16, &[&[0; 2], &[7, 0, 0, 0], &[0x11, 0, 0, 0]]), "netlink", "port 7 groups 0x11"),
            (of(17, &[&[1; 18]]), "17", "family 17"),
            (of(0, &[&[0; 14]]), "unspecified", "unspecified"),
        ] {
            assert_eq!(text(&bytes), Some((family.to_owned(), expected.to_owned())), "{bytes:?}");
        }
    }

    #[test]
    fn bytes_that_end_early_are_no_address() {
        for bytes in
            [&[][..], &[2], &of(2, &[&[1, 187], &[192, 0, 2]]), &of(10, &[&[0; 21]]), &of(16, &[&[0; 9]])]
        {
            assert!(parse(bytes).is_none(), "{bytes:?}");
        }
    }

    #[test]
    fn names_keep_their_bytes() {
        assert_eq!(*parse(&of(1, &[b"/\xff\x1b[2J"])).unwrap().text, *b"/\xff\x1b[2J");
    }

    #[test]
    fn what_is_left_of_an_address_can_be_printed() {
        let printed = |family, left: &str| text(&redacted(family, left.as_bytes()));
        let both = |family: &str, text: &str| Some((family.to_owned(), text.to_owned()));
        assert_eq!(printed(Family::Unix, "/run/[redacted]"), both("unix", "/run/[redacted]"));
        assert_eq!(printed(Family::Unix, "@[redacted]"), both("unix", "@[redacted]"));
        assert_eq!(printed(Family::Inet, "192.0.2.1:[redacted]"), both("redacted", "[redacted]"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), family in 0u16..20) {
            let _ = parse(&bytes);
            let bytes = of(family, &[&bytes]);
            let address = parse(&bytes);
            prop_assert!(address.is_none_or(|a| a.text.len() <= bytes.len().max(64)));
        }
    }
}
