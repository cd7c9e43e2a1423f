//! Names of the kernel's functions, by address.

use std::fs;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result};

/// Functions of the running kernel and its modules.
pub(super) struct Symbols {
    /// Address of a function's first instruction and its name, in order.
    functions: Vec<(u64, Box<str>)>,
}

impl Symbols {
    /// From `kallsyms`. Without the right to see addresses they are all 0:
    /// <https://github.com/torvalds/linux/blob/v6.12/kernel/ksyms_common.c#L21>.
    pub(super) fn read(proc: &Path) -> Result<Self> {
        let file = proc.join("kallsyms");
        let text = fs::read(&file).with_context(|| {
            format!("cannot read the names of the kernel's functions from {}", file.display())
        })?;
        Ok(Self::parse(&String::from_utf8_lossy(&text)))
    }

    /// Lines of an address in hexadecimal, a letter (`t` and `w` are functions, in capitals those that others may call), and a name.
    fn parse(text: &str) -> Self {
        let mut functions: Vec<(u64, Box<str>)> = text
            .lines()
            .filter_map(|line| {
                let mut words = line.split_ascii_whitespace();
                let (address, letter, name) = (words.next()?, words.next()?, words.next()?);
                let address = u64::from_str_radix(address, 16).ok()?;
                (address != 0 && matches!(letter, "t" | "T" | "w" | "W")).then(|| (address, name.into()))
            })
            .collect();
        functions.sort_by_key(|(address, _)| *address);
        Self { functions }
    }

    /// Where the function of that name lies; None: there is none, or addresses are hidden.
    pub(super) fn range(&self, name: &str) -> Option<Range<u64>> {
        let (start, _) = self.functions.iter().find(|(_, function)| **function == *name)?;
        let next = self.functions.partition_point(|(address, _)| address <= start);
        let (end, _) = self.functions.get(next)?;
        Some(*start..*end)
    }

    /// The function that returns there, without what the compiler made of its name (`.cold`, `.part.0`).
    pub(super) fn caller(&self, return_address: u64) -> Option<&str> {
        // The instruction after a call that never returns belongs to the next function.
        let call = return_address.checked_sub(1)?;
        let next = self.functions.partition_point(|(address, _)| *address <= call);
        let (_, name) = self.functions.get(next.checked_sub(1)?)?;
        name.split('.').next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
0000000000000000 A fixed_percpu_data
ffffffff81000000 T startup_64
ffffffff81000120 t ns_capable.cold
ffffffff81000200 T cap_capable
ffffffff81000200 T __pfx_of_nothing
ffffffff81000300 t cap_settime
ffffffff82000000 D jiffies
ffffffffc0000040 t ovl_permission\t[overlay]
garbage
";

    #[test]
    fn functions_are_found_by_address_and_by_name() {
        let symbols = Symbols::parse(TEXT);
        assert_eq!(symbols.range("cap_capable"), Some(0xffff_ffff_8100_0200..0xffff_ffff_8100_0300));
        assert_eq!(symbols.range("jiffies"), None, "no function");
        assert_eq!(symbols.caller(0xffff_ffff_8100_0125), Some("ns_capable"));
        assert_eq!(
            symbols.caller(0xffff_ffff_8100_0200),
            Some("ns_capable"),
            "called by its last instruction"
        );
        assert_eq!(symbols.caller(0xffff_ffff_c000_0050), Some("ovl_permission"));
        assert_eq!((symbols.caller(0), symbols.caller(0x1000)), (None, None));
    }

    #[test]
    fn hidden_addresses_are_no_addresses() {
        let symbols = Symbols::parse("0000000000000000 T cap_capable\n0000000000000000 T cap_settime\n");
        assert_eq!(symbols.range("cap_capable"), None);
        assert_eq!(symbols.caller(0xffff_ffff_8100_0125), None);
    }
}
