//! What ctrace does, as a library; `main.rs` only calls [`run::main`].
//!
//! Data moves one way, and a module imports only from those before it:
//!
//! ```text
//! source (kernel | recording | list) -> batch -> decode -> model -> snapshot -> tui, sink, profile
//! ```
//!
//! All contact with the kernel and the file system is on the source's side of [`batch::Batch`]; what
//! comes after is a function of batches and gives the same from a recording as live.

pub mod address;
pub mod argument;
pub mod batch;
pub mod capability;
pub mod cgroups;
pub mod cli;
pub mod clock;
pub mod closeup;
pub mod container;
pub mod decode;
pub mod delivery;
pub mod doctor;
pub mod event;
pub mod exit;
pub mod export;
pub mod filter;
pub mod hold;
pub mod kernel;
pub mod ledger;
pub mod lifecycle;
pub mod list;
pub mod metrics;
pub mod model;
pub mod nearest;
pub mod origin;
pub mod own;
pub mod owner_map;
pub mod pipeline;
pub mod plan;
pub mod profile;
pub mod recording;
pub mod redact;
pub mod run;
pub mod seccomp;
pub mod select;
pub mod sink;
pub mod snapshot;
pub mod syscall;
pub mod text;
pub mod tui;
