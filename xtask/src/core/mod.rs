//! CO-RE accessors without a C compiler.
//!
//! clang makes a relocation of `p->field` by calling `llvm.preserve.struct.access.index` with the
//! struct's debug info attached; LLVM's BPF back end turns the call into an instruction whose offset
//! the loader fills in from the running kernel's BTF. Rust has no way to emit that call, so this
//! module writes LLVM IR: one small function a field, linked into the programs and inlined there.

pub mod fields;
mod ir;
mod rust;

pub use ir::module as ir;
pub use rust::declarations as rust;
