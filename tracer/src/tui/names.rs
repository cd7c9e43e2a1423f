//! Names of numbers: the one place where the screen asks for them.

use std::borrow::Cow;

use crate::batch::Arch;
use crate::event::Abi;
use crate::syscall;

/// Of a system call.
pub fn call(arch: Arch, abi: Abi, number: u16) -> Cow<'static, str> {
    syscall::label(arch, abi, number)
}

/// Of an error; 0 is a refusal that was answered with success.
pub fn errno(number: u16) -> Cow<'static, str> {
    match syscall::errno::name(number) {
        Some(name) => Cow::Borrowed(name),
        None if number == 0 => Cow::Borrowed("success"),
        None => Cow::Owned(format!("errno {number}")),
    }
}

/// Of the way into the kernel, where that is not the machine's own.
pub fn abi(arch: Arch, abi: Abi) -> &'static str {
    if abi == Abi::Native { "" } else { syscall::abi_name(arch, abi) }
}
