//! Names of system calls, errors and signals, by architecture.
//!
//! The tables are written by `cargo xtask codegen` from the kernel's headers. Call names are those
//! of libseccomp: a profile with another name would be accepted and do nothing.

mod aarch64;
mod arm;
pub mod class;
#[expect(clippy::unreadable_literal, reason = "written by a program for programs")]
pub mod constants;
pub mod errno;
mod i386;
pub mod io_uring;
pub mod power;
mod riscv64;
pub mod set;
pub mod signal;
pub mod signature;
mod uapi;
pub mod values;
mod x32;
mod x86_64;

use std::borrow::Cow;

use tracer_common::limits::INVALID_NR;

use crate::batch::Arch;
use crate::event::Abi;

/// `openat` for 257 of `x86_64`.
pub fn name(arch: Arch, abi: Abi, number: u16) -> Option<&'static str> {
    let (_, names) = table(arch, abi);
    names.get(usize::from(number)).copied().filter(|name| !name.is_empty())
}

/// 257 for `openat` of `x86_64`. Looks through the whole table.
pub fn number(arch: Arch, abi: Abi, name: &str) -> Option<u16> {
    all(arch, abi).find_map(|(number, known)| (known == name).then_some(number))
}

/// What to call it in any case: the name, `syscall_0x1f4`, or `invalid` for [`INVALID_NR`].
pub fn label(arch: Arch, abi: Abi, number: u16) -> Cow<'static, str> {
    match name(arch, abi, number) {
        Some(name) => Cow::Borrowed(name),
        None if number == INVALID_NR => Cow::Borrowed("invalid"),
        None => Cow::Owned(format!("syscall_{number:#x}")),
    }
}

/// Numbers and names, by number.
pub fn all(arch: Arch, abi: Abi) -> impl Iterator<Item = (u16, &'static str)> {
    let (_, names) = table(arch, abi);
    (0_u16..).zip(names.iter().copied()).filter(|(_, name)| !name.is_empty())
}

/// `x86_64`, `i386`, `x32`, `aarch64`, `arm` or `riscv64`.
pub const fn abi_name(arch: Arch, abi: Abi) -> &'static str {
    table(arch, abi).0
}

/// Name of the ABI, and names of its calls by number.
const fn table(arch: Arch, abi: Abi) -> (&'static str, &'static [&'static str]) {
    match (arch, abi) {
        (Arch::X86_64, Abi::Native) => ("x86_64", x86_64::NAMES),
        (Arch::X86_64, Abi::Compat) => ("i386", i386::NAMES),
        (Arch::X86_64, Abi::X32) => ("x32", x32::NAMES),
        (Arch::Aarch64, Abi::Native) => ("aarch64", aarch64::NAMES),
        (Arch::Aarch64, Abi::Compat) => ("arm", arm::NAMES),
        (Arch::Riscv64, Abi::Native) => ("riscv64", riscv64::NAMES),
        // Only a damaged recording says so.
        (Arch::Aarch64 | Arch::Riscv64, Abi::X32) => ("x32", &[]),
        (Arch::Riscv64, Abi::Compat) => ("riscv32", &[]),
    }
}

#[cfg(test)]
mod tests;
