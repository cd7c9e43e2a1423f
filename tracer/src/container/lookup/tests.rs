use std::path::Path;

use super::super::testing::{fixture, id, process, put, runc_state};
use super::*;

struct Host {
    dir: tempfile::TempDir,
    lookup: Lookup,
}

impl Host {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let roots = Roots {
            proc: at("proc"),
            cgroup2: Some(at("cgroup")),
            cgroup1: None,
            root: dir.path().to_owned(),
        };
        let mut lookup = Lookup::new(roots, 1_000).unwrap();
        // As long as a busy machine may take.
        lookup.patience = Duration::from_mins(1);
        Self { dir, lookup }
    }

    fn put(&self, path: &str, text: &str) {
        put(self.dir.path(), path, text);
    }

    fn known(&mut self, cgroup: &str) -> Option<(String, Known)> {
        let paths = Paths { v2: Some(cgroup.to_owned()), v1: None };
        self.find(&Unit { paths, ..Unit::default() })
    }

    fn find(&mut self, unit: &Unit) -> Option<(String, Known)> {
        self.lookup.refresh();
        let known = self.lookup.find(unit)?;
        Some((known.own.clone(), known))
    }
}

fn with_bundle(state: &str, bundle: &str) -> String {
    let start = state.find("bundle=").unwrap();
    let end = start + state[start..].find('"').unwrap();
    format!("{}bundle={bundle}{}", &state[..start], &state[end..])
}

#[test]
fn a_path_alone_gives_the_id() {
    let mut host = Host::new();
    let path = format!("/system.slice/docker-{}.scope/init", id('4'));
    let (cgroup, known) = host.known(&path).unwrap();
    assert_eq!(cgroup, path.trim_end_matches("/init"));
    assert_eq!(known.container, Container::unnamed(Runtime::Docker, &id('4')));
    assert_eq!((known.evidence, known.complete), (Evidence::CgroupPath, false));
}

#[test]
fn the_state_file_gives_the_rest() {
    let mut host = Host::new();
    let file = format!("var/lib/docker/containers/{}/config.v2.json", id('4'));
    host.put(&file, &fixture("docker-config.v2.json"));
    let (_, known) = host.known(&format!("/docker/{}", id('4'))).unwrap();
    assert_eq!((known.container.name.as_deref(), known.container.pid), (Some("web"), Some(28784)));
    assert_eq!(known.evidence, Evidence::StateFile(host.dir.path().join(file)));
}

#[test]
fn the_oci_runtimes_pid_is_the_right_one() {
    let mut host = Host::new();
    let file = format!("var/lib/docker/containers/{}/config.v2.json", id('4'));
    host.put(&file, &fixture("docker-config.v2.json"));
    let cgroup = format!("/docker/{}", id('4'));
    let (_, known) = host.known(&cgroup).unwrap();
    assert_eq!((known.container.pid, known.complete), (Some(28784), false));
    let state = runc_state(&id('4'), 9, &cgroup);
    host.put(&format!("run/docker/runtime-runc/moby/{}/state.json", id('4')), &state);
    let (_, known) = host.known(&cgroup).unwrap();
    assert_eq!((known.container.pid, known.complete), (Some(9), true));
}

#[test]
fn any_cgroup_below_a_bare_containers_is_its() {
    let mut host = Host::new();
    host.put("run/runc/web/state.json", &runc_state("web", 7, "/shop/web"));
    host.put("run/crun/db/status", r#"{"pid":8,"cgroup-path":"/db"}"#);
    for (path, id, runtime) in [
        ("/shop/web", "web", Runtime::Runc),
        ("/shop/web/a/b", "web", Runtime::Runc),
        ("/db", "db", Runtime::Crun),
    ] {
        let (_, known) = host.known(path).unwrap();
        assert_eq!((known.container.id.as_str(), known.container.runtime), (id, runtime));
        assert!(known.complete);
    }
    for path in ["/shop", "/shop/web2", "/", ""] {
        assert!(host.known(path).is_none(), "{path}");
    }
}

#[test]
fn the_bundle_leads_to_the_engine_whatever_the_cgroup_is_called() {
    let mut host = Host::new();
    let task = "run/containerd/io.containerd.runtime.v2.task/default/c1";
    host.put(&format!("{task}/config.json"), &fixture("containerd-config.json"));
    host.put(&format!("{task}/init.pid"), "5");
    let state = with_bundle(&runc_state("c1", 5, "/default/c1"), &format!("/{task}"));
    host.put("run/containerd/runc/default/c1/state.json", &state);
    let (_, known) = host.known("/default/c1").unwrap();
    assert_eq!((known.container.runtime, known.container.labels.len()), (Runtime::Containerd, 1));

    host.put(
        &format!("var/lib/docker/containers/{}/config.v2.json", id('4')),
        &fixture("docker-config.v2.json"),
    );
    let moby = format!("/run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby/{}", id('4'));
    let state = with_bundle(&runc_state(&id('4'), 6, &format!("/custom/{}", id('4'))), &moby);
    host.put(&format!("run/docker/runtime-runc/moby/{}/state.json", id('4')), &state);
    let (_, known) = host.known(&format!("/custom/{}", id('4'))).unwrap();
    assert_eq!(known.container.name.as_deref(), Some("web"));
}

#[test]
fn a_podman_pod_is_known_by_its_id() {
    let mut host = Host::new();
    host.put(
        "var/lib/containers/storage/overlay-containers/containers.json",
        &fixture("podman-containers.json"),
    );
    let (_, known) = host.known(&format!("/libpod_parent/{}/libpod-{}", id('c'), id('a'))).unwrap();
    assert_eq!(known.container.name.as_deref(), Some("pod-b"));
    assert_eq!(known.container.pod.unwrap().uid, Some(id('c')));
}

#[test]
fn a_kubernetes_pod_is_known_from_cri() {
    let mut host = Host::new();
    let task = format!("run/containerd/io.containerd.runtime.v2.task/k8s.io/{}", id('c'));
    host.put(&format!("{task}/config.json"), &fixture("containerd-cri-config.json"));
    host.put(&format!("{task}/init.pid"), "5");
    let uid = "0d3c2f1e-5b6a-4c7d-8e9f-001122334455";
    let (_, known) = host.known(&format!("/kubepods/besteffort/pod{uid}/{}", id('c'))).unwrap();
    let pod = known.container.pod.unwrap();
    assert_eq!((pod.name.as_deref(), pod.uid.as_deref()), (Some("web-0"), Some(uid)));
}

#[test]
fn a_pods_container_may_be_dockers() {
    let mut host = Host::new();
    host.put(
        &format!("var/lib/docker/containers/{}/config.v2.json", id('4')),
        &fixture("docker-config.v2.json"),
    );
    let uid = "0d3c2f1e-5b6a-4c7d-8e9f-001122334455";
    let (_, known) = host.known(&format!("/kubepods/pod{uid}/{}", id('4'))).unwrap();
    assert_eq!((known.container.runtime, known.container.name.as_deref()), (Runtime::Docker, Some("web")));
}

#[test]
fn a_nested_container_never_has_a_neighbours_name() {
    let mut host = Host::new();
    host.put(
        &format!("var/lib/docker/containers/{}/config.v2.json", id('4')),
        &fixture("docker-config.v2.json"),
    );
    host.put("run/runc/web/state.json", &runc_state("web", 7, "/shop/web"));
    for (around, parent) in
        [(format!("/docker/{}", id('a')), id('a')), ("/shop/web".to_owned(), "web".to_owned())]
    {
        let (_, known) = host.known(&format!("{around}/docker/{}", id('4'))).unwrap();
        assert_eq!((known.container.id, known.container.name), (id('4'), None), "{around}");
        assert_eq!((known.container.parent, known.complete), (Some(parent), true));
    }
}

#[test]
fn a_namesake_elsewhere_does_not_lend_its_name() {
    let mut host = Host::new();
    host.put(
        &format!("var/lib/docker/containers/{}/config.v2.json", id('4')),
        &fixture("docker-config.v2.json"),
    );
    let state = runc_state(&id('4'), 9, &format!("/docker/{}", id('4')));
    host.put(&format!("run/docker/runtime-runc/moby/{}/state.json", id('4')), &state);
    let (_, known) = host.known(&format!("/user.slice/docker/{}", id('4'))).unwrap();
    assert_eq!((known.container.name, known.container.pid), (None, None));
}

#[test]
fn a_bare_container_in_a_containers_cgroup_has_a_parent() {
    let mut host = Host::new();
    let outer = format!("/docker/{}", id('a'));
    host.put("run/runc/in/state.json", &runc_state("in", 7, &format!("{outer}/in")));
    let (cgroup, known) = host.known(&format!("{outer}/in/sub")).unwrap();
    assert_eq!((cgroup, known.container.id.as_str()), (format!("{outer}/in"), "in"));
    assert_eq!(known.container.parent, Some(id('a')));
    assert_eq!(host.known(&outer).unwrap().1.container.id, id('a'));
}

#[test]
fn hostile_state_leaves_the_id() {
    let mut host = Host::new();
    let file = format!("var/lib/docker/containers/{}/config.v2.json", id('4'));
    for text in ["", "{", "[]", "{\"Name\":3}", "\u{0}", &"[".repeat(100_000)] {
        host.put(&file, text);
        let (_, known) = host.known(&format!("/docker/{}", id('4'))).unwrap();
        assert_eq!(known.container, Container::unnamed(Runtime::Docker, &id('4')));
    }
    let state = with_bundle(
        &runc_state("../../../etc", 7, "/x"),
        "/run/containerd/io.containerd.runtime.v2.task/default/../../../etc",
    );
    host.put("run/runc/x/state.json", &state);
    host.put("etc/config.json", "{}");
    let (_, known) = host.known("/x").unwrap();
    assert_eq!((known.container.id.as_str(), known.container.labels.len()), ("../../../etc", 0));
}

#[test]
fn evidence_reads_as_a_source() {
    assert_eq!(Evidence::CgroupPath.to_string(), "cgroup path");
    assert_eq!(Evidence::StateFile(Path::new("/run/x").into()).to_string(), "/run/x");
}

#[test]
fn an_engines_container_is_not_its_oci_runtimes() {
    let mut host = Host::new();
    host.put(&format!("run/crun/{}/config.json", id('b')), "{}");
    let path = format!("/libpod_parent/libpod-{}", id('b'));
    let state = format!(r#"{{"pid":4,"cgroup-path":"{path}"}}"#);
    host.put(&format!("run/crun/{}/status", id('b')), &state);
    let (_, known) = host.known(&path).unwrap();
    assert_eq!((known.container.runtime, known.container.pid), (Runtime::Podman, Some(4)));
}

/// A process that began a pid namespace directly below the host's.
fn first(init: u32) -> Namespace {
    Namespace { inum: 500 + init, init, init_outer: init, around: None, started_ns: 7_000 }
}

fn at(v2: &str, v1: Option<&str>, ns: Namespace) -> Unit {
    let paths = Paths { v2: Some(v2.to_owned()), v1: v1.map(str::to_owned) };
    Unit { paths, ns: Some(ns), user: None }
}

#[test]
fn a_container_without_a_cgroup_is_known_by_its_first_process() {
    let mut host = Host::new();
    host.put("run/crun/web/status", r#"{"pid":9}"#);
    let (own, known) = host.find(&at("/user.slice", None, first(9))).unwrap();
    assert_eq!((known.container.id.as_str(), known.container.parent), ("web", None));
    assert_eq!((known.complete, known.container.started_ns), (true, Some(8_000)));
    assert!(host.find(&at("/user.slice", None, first(8))).is_none());
    // The next one with the same number of the namespace is another one.
    let later = Namespace { started_ns: 9_000, ..first(9) };
    assert_ne!(host.find(&at("/user.slice", None, later)).unwrap().0, own);
}

#[test]
fn a_state_that_was_left_over_does_not_name_the_next_process_of_that_pid() {
    let mut host = Host::new();
    host.put("run/runc/web/state.json", &runc_state("web", 9, "/shop/web"));
    assert!(host.find(&at("/elsewhere", None, first(9))).is_none());
    assert_eq!(host.find(&at("/shop/web", None, first(9))).unwrap().1.container.id, "web");
}

#[test]
fn the_hierarchy_that_tells_more_is_believed() {
    let mut host = Host::new();
    let (outer, inner) = (id('a'), id('b'));
    let around = format!("/libpod_parent/libpod-{outer}");
    let nested = format!("{around}/libpod_parent/libpod-{inner}");
    let (_, known) = host.find(&at(&around, Some(&nested), first(9))).unwrap();
    assert_eq!((known.container.id, known.container.parent), (inner, Some(outer.clone())));
    let (_, known) = host.find(&at("/", Some(&around), first(9))).unwrap();
    assert_eq!(known.container.id, outer);
}

/// A podman container with the host's pid 10 as its first process, which sees a folder as its root.
fn outer(host: &Host) -> (String, String) {
    let cgroup = format!("/libpod_parent/libpod-{}", id('a'));
    let proc = host.dir.path().join("proc");
    process(&proc, 10, 1, &[10, 1], 600);
    process(&proc, 20, 10, &[20, 5], 600);
    process(&proc, 30, 20, &[30, 7, 1], 700);
    host.put("proc/10/cgroup", &format!("0::{cgroup}\n"));
    for pid in [10, 20] {
        put(host.dir.path(), &format!("proc/{pid}/root/run/x"), "");
    }
    (id('a'), cgroup)
}

fn inner() -> Namespace {
    Namespace { inum: 700, init: 30, init_outer: 7, around: Some(10), started_ns: 9_000 }
}

#[test]
fn a_container_inside_has_the_name_that_it_has_in_there() {
    let mut host = Host::new();
    let (outer, cgroup) = outer(&host);
    host.put("proc/20/root/run/runc/in/state.json", &runc_state("in", 7, "/in"));
    let (_, known) = host.find(&at(&cgroup, None, inner())).unwrap();
    let Container { id, parent, pid, .. } = known.container;
    assert_eq!((id.as_str(), parent, pid), ("in", Some(outer), Some(30)));
}

#[test]
fn a_container_inside_does_not_get_a_name_that_the_host_has() {
    let mut host = Host::new();
    let (outer, cgroup) = outer(&host);
    // The pid is the one that it has in the container.
    host.put("run/runc/web/state.json", &runc_state("web", 7, "/"));
    let (_, known) = host.find(&at(&cgroup, None, inner())).unwrap();
    assert_eq!((known.container.id, known.complete), (outer, false));
}

#[test]
fn a_program_that_makes_a_pid_namespace_is_part_of_its_container() {
    let mut host = Host::new();
    let (outer, cgroup) = outer(&host);
    assert_eq!(host.find(&at(&cgroup, None, inner())).unwrap().1.container.id, outer);
    let own = host.lookup.unit(10).unwrap();
    assert_eq!(host.find(&own).unwrap().1.container.id, outer);
}

#[test]
fn a_circle_of_processes_ends() {
    let mut host = Host::new();
    let proc = host.dir.path().join("proc");
    process(&proc, 10, 10, &[10, 1], 600);
    host.put("proc/10/cgroup", "0::/x\n");
    let around_itself = Namespace { around: Some(10), ..first(10) };
    assert!(host.find(&at("/x", None, around_itself)).is_none());
}
