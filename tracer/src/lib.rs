//! What ctrace does, as a library; `main.rs` only calls [`cli`].
//!
//! Data moves one way, and a module imports only from those before it:
//!
//! ```text
//! source (kernel | recording | list) -> batch -> decode -> model -> snapshot -> tui, sink, profile
//! ```
//!
//! All contact with the kernel and the file system is on the source's side of [`batch::Batch`]; what
//! comes after is a function of batches and gives the same from a recording as live.

pub mod batch;
pub mod container;
pub mod decode;
pub mod event;
pub mod snapshot;
pub mod syscall;
pub mod text;
