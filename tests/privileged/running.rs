//! Of containers that were there before it, ctrace knows what their runtimes know.

use crate::support::engine::Kind;
use crate::support::known::{all_known, known};
use crate::support::podman::Podman;

#[test]
#[ignore = "needs root, BTF, docker, dockerd, gcc, busybox"]
fn docker_is_known() {
    known(&*Kind::Docker.engine());
}

#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn podman_is_known() {
    known(&*Kind::Podman.engine());
}

#[test]
#[ignore = "needs root, BTF, podman, crun, gcc, busybox"]
fn podman_over_crun_is_known() {
    known(&Podman::new().over_crun());
}

#[test]
#[ignore = "needs root, BTF, podman, runc, newuidmap, useradd, setpriv, gcc, busybox"]
fn rootless_podman_is_known() {
    known(&*Kind::Rootless.engine());
}

#[test]
#[ignore = "needs root, BTF, podman, runc, catatonit, gcc, busybox"]
fn a_podman_pod_is_known() {
    all_known(&*Kind::PodmanPod.engine(), 2);
}

#[test]
#[ignore = "needs root, BTF, podman, runc, catatonit, gcc, busybox"]
fn play_kube_is_known() {
    known(&*Kind::PlayKube.engine());
}

#[test]
#[ignore = "needs root, BTF, containerd, ctr, podman, runc, gcc, busybox"]
fn containerd_is_known() {
    known(&*Kind::Ctr.engine());
}

#[test]
#[ignore = "needs root, BTF, containerd, ctr, curl, podman, runc, gcc, busybox"]
fn kubernetes_is_known() {
    known(&*Kind::Cri.engine());
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn runc_is_known() {
    known(&*Kind::Runc.engine());
}

#[test]
#[ignore = "needs root, BTF, crun, gcc, busybox"]
fn crun_is_known() {
    known(&*Kind::Crun.engine());
}
