//! Which container a call belongs to.
//!
//! The kernel tells owners apart by cgroup and pid namespace; the modules here give them names, from
//! the cgroup's path and the runtimes' own state files. They never ask a daemon.
//!
//! ```text
//! path       what a cgroup's path says               docker podman crio containerd  engines' state files
//! cgroupfs   which cgroup has which path             runc crun machined -> oci      runtimes' state files
//! tree       cgroup ids and paths, over time         storage users                  where they are
//! process    namespaces and cgroups of a process     root state spec                how all of them are read
//!                                                    files inside                   all of them, of one root
//!                                                    nspawn                         what has no state file
//!
//!            lookup     where a process is -> container: all of the above
//!            resolver   owner -> identity, over time
//!            census     the containers there are now
//!            resources  what they use
//! ```

mod census;
mod cgroupfs;
mod containerd;
mod crio;
mod crun;
mod database;
mod docker;
mod files;
mod identity;
mod inside;
mod lookup;
mod machined;
mod nspawn;
mod oci;
mod path;
mod podman;
mod process;
mod record;
mod resolver;
mod resources;
mod root;
mod roots;
mod runc;
mod spec;
mod state;
mod storage;
#[cfg(test)]
mod testing;
mod tree;
mod users;

pub use census::{Activity, Found};
pub use identity::{Container, Identity, Owner, Phase, Pod, Runtime, UnknownReason};
pub use lookup::Evidence;
pub use process::host_pid_ns;
pub use resolver::{CgroupId, Resolver};
pub use roots::Roots;
