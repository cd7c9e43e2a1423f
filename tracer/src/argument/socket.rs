//! Socket addresses in the form of `strace`.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::number::push;
use super::quoted;
use super::symbols::symbols;
use crate::address::REDACTED_FAMILY;
use crate::batch::Arch;
use crate::event::Abi;
use crate::redact::REDACTED;
use crate::syscall::constants::AF;

/// Appends it; false, and nothing, if the bytes end before it does.
pub fn address(out: &mut String, bytes: &[u8], arch: Arch, abi: Abi) -> bool {
    let start = out.len();
    let whole = write(out, bytes, arch, abi).is_some();
    if !whole {
        out.truncate(start);
    }
    whole
}

/// The layouts are those of [`crate::address`].
fn write(out: &mut String, bytes: &[u8], arch: Arch, abi: Abi) -> Option<()> {
    let (family, rest) = bytes.split_first_chunk()?;
    let family = u16::from_le_bytes(*family);
    if family == REDACTED_FAMILY {
        out.push_str(REDACTED);
        return Some(());
    }
    out.push_str("{sa_family=");
    symbols(out, &AF, arch, abi, u64::from(family));
    match family {
        1 => unix(out, rest),
        2 => {
            let (port, rest) = rest.split_first_chunk()?;
            let address: &[u8; 4] = rest.first_chunk()?;
            let (port, address) = (u16::from_be_bytes(*port), Ipv4Addr::from(*address));
            push(out, format_args!(", sin_port=htons({port}), sin_addr=inet_addr(\"{address}\")"));
        }
        10 => {
            let (port, rest) = rest.split_first_chunk()?;
            let (flow, rest) = rest.split_first_chunk()?;
            let (address, rest): (&[u8; 16], _) = rest.split_first_chunk()?;
            let (port, flow) = (u16::from_be_bytes(*port), u32::from_be_bytes(*flow));
            let address = Ipv6Addr::from(*address);
            push(out, format_args!(", sin6_port=htons({port}), sin6_flowinfo=htonl({flow})"));
            push(out, format_args!(", inet_pton(AF_INET6, \"{address}\", &sin6_addr)"));
            if let Some(scope) = rest.first_chunk() {
                push(out, format_args!(", sin6_scope_id={}", u32::from_le_bytes(*scope)));
            }
        }
        16 => {
            let (_pad, rest) = rest.split_first_chunk::<2>()?;
            let (pid, rest) = rest.split_first_chunk()?;
            let groups = u32::from_le_bytes(*rest.first_chunk()?);
            push(out, format_args!(", nl_pid={}, nl_groups={groups:08x}", u32::from_le_bytes(*pid)));
        }
        0 => {}
        _ => {
            out.push_str(", sa_data=");
            quoted(out, rest, false);
        }
    }
    out.push('}');
    Some(())
}

fn unix(out: &mut String, name: &[u8]) {
    match name {
        [] => {}
        [0, name @ ..] => {
            out.push_str(", sun_path=@");
            quoted(out, name, false);
        }
        path => {
            out.push_str(", sun_path=");
            quoted(out, path.split(|byte| *byte == 0).next().unwrap_or_default(), false);
        }
    }
}
