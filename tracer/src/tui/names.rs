//! Names of numbers: the one place where the screen asks for them.

use std::borrow::Cow;

use crate::batch::Arch;
use crate::capability as capabilities;
use crate::event::Abi;
use crate::snapshot::Subject;
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

/// Of a container, one that can be seen.
pub fn subject(subject: &Subject) -> &str {
    match subject {
        Subject::Container(container) if container.display_name().trim().is_empty() => &container.id,
        Subject::Container(_) | Subject::Host | Subject::Unknown { .. } => subject.name(),
    }
}

/// `nginx 4242`: a process.
pub fn process(comm: &str, pid: u32) -> String {
    format!("{comm} {pid}")
}

/// Of a capability.
pub fn capability(number: u8) -> Cow<'static, str> {
    capabilities::name(number).map_or_else(|| Cow::Owned(format!("capability {number}")), Cow::Borrowed)
}
