//! ctrace on a real kernel with real containers.
//!
//! Each test is ignored with the list of what it needs: root, BTF (the kernel's description of its own
//! types), or a program by its name. `cargo xtask test` sets the machine up and runs every test whose
//! needs are there; the others it reports as not run. A test that is asked for and lacks something
//! fails.
#![expect(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, reason = "that is how a test fails")]

#[path = "../support/mod.rs"]
mod support;

mod arguments;
mod capabilities;
mod capacity;
mod churn;
mod counts;
mod delivery;
mod demo;
mod denied;
mod events;
mod fixtures;
mod focus;
mod hook;
mod known;
mod latency;
mod lifetime;
mod loss;
mod manners;
mod memory;
mod metrics;
mod nested;
mod others;
mod phases;
mod profile;
mod profiles;
mod replay;
mod resources;
mod running;
mod screen;
mod strace;
mod trace;
