//! What all calls of a number have in common. Looked up once, and written once.

use std::borrow::Cow;

use super::object::Fragment;
use super::style::Style;
use crate::batch::Arch;
use crate::event::{Abi, Syscall};
use crate::syscall;
use crate::syscall::signature::{self, Signature};

pub struct Call {
    /// What to call it in any case.
    pub name: Cow<'static, str>,
    /// None: a call that we do not know.
    pub signature: Option<&'static Signature>,
    /// How many registers it takes; all that it could, where it is not known.
    pub registers: usize,
    /// `syscall` with its name, number and ABI, and no end.
    pub begun: Vec<u8>,
}

/// Those that were made so far, by ABI and number.
pub struct Calls {
    arch: Arch,
    style: Style,
    known: [Vec<Option<Call>>; 3],
}

impl Calls {
    pub fn new(arch: Arch, style: Style) -> Self {
        Self { arch, style, known: [const { Vec::new() }; 3] }
    }

    pub fn of(&mut self, call: &Syscall<'_>) -> Option<&Call> {
        let Self { arch, style, known: [native, compat, x32] } = self;
        let known = match call.abi {
            Abi::Native => native,
            Abi::Compat => compat,
            Abi::X32 => x32,
        };
        let at = usize::from(call.number);
        if at >= known.len() {
            known.resize_with(at + 1, || None);
        }
        let slot = known.get_mut(at)?;
        Some(slot.get_or_insert_with(|| new(*arch, *style, call)))
    }
}

fn new(arch: Arch, style: Style, call: &Syscall<'_>) -> Call {
    let Syscall { abi, number, .. } = *call;
    let name = syscall::label(arch, abi, number);
    let signature = signature::of(arch, abi, number);
    let begun = Fragment::new(style.layout, style.max_bytes, |line| {
        line.object("syscall", |object| {
            object.word("name", &name);
            object.number("number", number);
            object.word("abi", syscall::abi_name(arch, abi));
        });
    });
    let registers = signature.map_or(call.args.len(), |signature| signature.registers(arch, abi));
    Call { name, signature, registers, begun: begun.open().bytes }
}
