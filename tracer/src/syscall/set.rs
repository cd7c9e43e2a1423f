//! A set of symbols: how [`super::constants`] names the values and bits of an argument.

use crate::batch::Arch;
use crate::event::Abi;

/// Symbols that belong together.
#[derive(Debug)]
pub struct Set {
    /// The bits that are one number; the others are flags.
    pub mask: u64,
    /// By ABI: `x86_64` and x32, `i386`, `aarch64`, `arm`.
    pub names: [Names; 4],
}

#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// Of the number, sorted by it. Without a mask at most the name of no flags at all.
    pub values: &'static [(u64, &'static str)],
    /// In the order in which they are taken off: one of several bits before its parts.
    pub bits: &'static [(u64, &'static str)],
}

impl Set {
    pub const fn names(&self, arch: Arch, abi: Abi) -> &Names {
        let [x86_64, i386, aarch64, arm] = &self.names;
        match (arch, abi) {
            (Arch::X86_64, Abi::Native | Abi::X32) => x86_64,
            (Arch::X86_64, Abi::Compat) => i386,
            // No calls of riscv64 are recorded; its constants are the generic ones, as those of arm64.
            (Arch::Aarch64, Abi::Native | Abi::X32) | (Arch::Riscv64, _) => aarch64,
            (Arch::Aarch64, Abi::Compat) => arm,
        }
    }

    /// The bits of a symbol, in whichever half it is.
    pub fn value(&self, arch: Arch, abi: Abi, symbol: &str) -> Option<u64> {
        let Names { values, bits } = self.names(arch, abi);
        values.iter().chain(*bits).find_map(|(value, name)| (*name == symbol).then_some(*value))
    }
}

impl Names {
    /// The name of a number.
    pub fn value(&self, value: u64) -> Option<&'static str> {
        let at = self.values.binary_search_by_key(&value, |(known, _)| *known).ok()?;
        self.values.get(at).map(|(_, name)| *name)
    }
}
