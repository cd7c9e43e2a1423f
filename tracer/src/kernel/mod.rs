//! The live source: loads the programs, reads their maps and their ring buffer. The only module that
//! names aya.

mod attach;
mod counts;
mod filters;
mod focus;
mod load;
mod mapping;
mod reap;
mod ring;
mod source;
mod symbols;

pub use attach::tracepoints;
pub use filters::filters;
pub use source::{KernelSource, arch};
