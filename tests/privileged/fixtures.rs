//! The containers of the tests themselves: a test that sees nothing must not be one that ran nothing.

use std::path::PathBuf;

use crate::support::cgroup;
use crate::support::engine::{Container, Engine, Kind, Launch};
use crate::support::oci::Oci;
use crate::support::podman::Podman;
use crate::support::{rootfs, unique};

/// An id, the output, the exit code and the workloads are what they should be.
fn ends(engine: &dyn Engine) {
    let container = Container::new(engine);
    let done =
        container.run(&Launch::new(&["sh", "-c", "cat /etc/hostname; calls 10 10 && denied 2; exit 3"]));
    let done = done.expect(3);
    assert!(done.stdout.ends_with("0\n0\n"), "{done:?}");
    let id = container.id();
    assert!(id == container.name || id.len() == 64, "{id} is no full id");
}

/// The same, and a container is gone after its guard.
fn runs(engine: &dyn Engine) {
    ends(engine);
    let live = Container::new(engine).start(&Launch::new(&["pulse"]));
    let cgroups = cgroups_of(&live.id());
    assert!(!cgroups.is_empty(), "no cgroup has the id of {}", live.name);
    drop(live);
    let left: Vec<_> = cgroups.into_iter().filter(|path| path.exists()).collect();
    assert!(left.is_empty(), "{left:?} are left");
}

fn cgroups_of(id: &str) -> Vec<PathBuf> {
    cgroup::find(|name| name.contains(id))
}

/// `cargo xtask vm` runs it before a virtual machine, which has no compiler.
#[test]
#[ignore = "needs gcc"]
fn programs_are_compiled() {
    for name in rootfs::PROGRAMS {
        assert!(rootfs::programs().join(name).is_file(), "{name}");
    }
}

#[test]
#[ignore = "needs root, runc, gcc, busybox"]
fn runc_runs() {
    runs(&*Kind::Runc.engine());
}

#[test]
#[ignore = "needs root, crun, gcc, busybox"]
fn crun_runs() {
    runs(&*Kind::Crun.engine());
}

#[test]
#[ignore = "needs root, runc, gcc, busybox"]
fn runc_runs_in_a_given_cgroup() {
    let parent = format!("/{}", unique("below"));
    runs(&Oci::runc().below(&parent));
    assert!(cgroups_of(parent.trim_start_matches('/')).is_empty(), "{parent} is left");
}

#[test]
#[ignore = "needs root, podman, runc, gcc, busybox"]
fn podman_runs() {
    runs(&*Kind::Podman.engine());
}

#[test]
#[ignore = "needs root, podman, crun, gcc, busybox"]
fn podman_over_crun_runs() {
    runs(&Podman::new().over_crun());
}

#[test]
#[ignore = "needs root, docker, dockerd, gcc, busybox"]
fn docker_runs() {
    runs(&*Kind::Docker.engine());
}

/// It may have no cgroup of its own.
#[test]
#[ignore = "needs root, podman, runc, newuidmap, useradd, setpriv, gcc, busybox"]
fn rootless_podman_runs() {
    let engine = Kind::Rootless.engine();
    ends(&*engine);
    rights_are_given(&*engine);
}

#[test]
#[ignore = "needs root, containerd, ctr, podman, runc, gcc, busybox"]
fn containerd_runs() {
    runs(&*Kind::Ctr.engine());
}

#[test]
#[ignore = "needs root, podman, runc, gcc, busybox"]
fn rights_are_given_by_runc_and_podman() {
    rights_are_given(&*Kind::Runc.engine());
    rights_are_given(&*Kind::Podman.engine());
}

/// Users in the container have their number, and privileged ones more capabilities.
fn rights_are_given(engine: &dyn Engine) {
    let says = |args: &[&str], privileged, user| {
        let container = Container::new(engine);
        container.run(&Launch { privileged, user, ..Launch::new(args) }).expect(0).stdout
    };
    assert_eq!(says(&["id", "-u"], false, Some(1000)), "1000\n");
    assert_eq!(says(&["id", "-u"], true, None), "0\n");
    let capabilities = |privileged| {
        let said = says(&["sed", "-n", "s/^CapBnd:\t//p", "/proc/self/status"], privileged, None);
        u64::from_str_radix(said.trim(), 16).unwrap().count_ones()
    };
    assert!(capabilities(true) > capabilities(false));
}
