//! What the tests on real containers stand on: processes that are waited for by condition and
//! deadline, containers of each runtime, and guards that leave nothing behind.

pub mod audit;
pub mod bpf;
pub mod cgroup;
pub mod containerd;
pub mod cri;
pub mod crun_v1;
pub mod ctrace;
pub mod docker;
pub mod engine;
pub mod json;
pub mod known;
pub mod load;
pub mod lxc;
pub mod nested;
pub mod nspawn;
pub mod oci;
pub mod pod;
pub mod podman;
pub mod process;
pub mod protobuf;
pub mod rootfs;
pub mod rootless;
pub mod schema;
pub mod screen;
pub mod scrub;
pub mod steps;
pub mod strace;
pub mod unit;
pub mod user;
pub mod view;
pub mod wait;

use std::sync::atomic::{AtomicU32, Ordering};

/// A name that nothing else on this machine has. It does not begin with `ctrace`, so that what ctrace
/// leaves behind cannot be taken for it.
pub fn unique(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{what}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
