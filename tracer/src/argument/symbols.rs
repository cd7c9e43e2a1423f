//! Bits and values by their symbols.

use super::number::{hex, signal_name};
use crate::batch::Arch;
use crate::event::Abi;
use crate::syscall::constants::CLONE;
use crate::syscall::set::{Names, Set};

/// Appends the symbols joined by `|`, what has none in hexadecimal at the end.
pub fn symbols(out: &mut String, set: &Set, arch: Arch, abi: Abi, value: u64) {
    let names = set.names(arch, abi);
    let start = out.len();
    let number = value & set.mask;
    let mut rest = value & !set.mask;
    // `clone` has a signal in the number's place, and it stands last.
    let signal = std::ptr::eq(set, &raw const CLONE);
    let mut unknown = 0;
    if set.mask == 0 && value == 0 || set.mask != 0 && !signal {
        match names.value(number) {
            Some(name) => join(out, start, name),
            None => unknown = number,
        }
    }
    rest = flags(out, start, names, rest) | unknown;
    if signal && number != 0 {
        join(out, start, "");
        signal_name(out, super::number::low(number));
    }
    if rest != 0 || out.len() == start {
        join(out, start, "");
        hex(out, rest);
    }
}

/// Appends the flags that have a symbol and returns the others.
fn flags(out: &mut String, start: usize, names: &Names, value: u64) -> u64 {
    names.bits.iter().fold(value, |rest, (bits, name)| {
        if rest & bits != *bits {
            return rest;
        }
        join(out, start, name);
        rest & !bits
    })
}

fn join(out: &mut String, start: usize, symbol: &str) {
    if out.len() > start {
        out.push('|');
    }
    out.push_str(symbol);
}
