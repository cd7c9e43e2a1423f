//! Capabilities that a container needs, from the checks that the kernel made of its processes.
//!
//! A check that was granted is a need if its answer decides something: see the module `asker` for those that do not, and
//! [`Standing`](crate::batch::Standing) for those that are not about the container's own capabilities. Everything that was seen is in
//! the evidence; what the recording cannot vouch for is in the verdict.

mod asker;
mod defaults;
mod evidence;
mod format;
mod names;
mod needs;
mod seen;
mod summary;
#[cfg(test)]
mod tests;

pub use asker::{Asker, asker};
pub use evidence::Evidence;
pub use format::Format;
pub use names::{name, number};
pub use needs::{Check, Circumstances, First, Lost, Needs, Note, Reason, Why};
pub use seen::Checks;
