//! Which container a call belongs to.
//!
//! The kernel tells owners apart by cgroup and pid namespace; the modules here give them names, from
//! the cgroup's path and the runtimes' own state files. They never ask a daemon.
//!
//! ```text
//! path       what a cgroup's path says               docker podman containerd   engines' state files
//! cgroupfs   which cgroup has which path             runc crun -> oci           OCI runtimes' state files
//! process    namespaces and cgroup of a process      state spec                 how all of them are read
//!
//!            lookup     cgroup path -> container: all of the above
//!            resolver   owner -> identity, over time
//!            census     the containers there are now
//! ```

mod census;
mod cgroupfs;
mod containerd;
mod crun;
mod docker;
mod identity;
mod lookup;
mod oci;
mod path;
mod podman;
mod process;
mod record;
mod resolver;
mod roots;
mod runc;
mod spec;
mod state;
#[cfg(test)]
mod testing;

pub use census::Found;
pub use identity::{Container, Identity, Owner, Phase, Pod, Runtime, UnknownReason};
pub use lookup::Evidence;
pub use process::host_pid_ns;
pub use resolver::Resolver;
pub use roots::Roots;
