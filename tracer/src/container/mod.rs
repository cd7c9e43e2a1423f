//! Which container a call belongs to.
//!
//! The kernel tells owners apart by cgroup and pid namespace; the modules here give them names, from
//! the cgroup's path and the runtimes' own state files. They never ask a daemon.

mod identity;

pub use identity::{Container, Identity, Owner, Phase, Pod, Runtime, UnknownReason};
