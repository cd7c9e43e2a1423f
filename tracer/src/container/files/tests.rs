use std::fs;

use super::super::testing::{fixture, give, id, put, runc_state, user};
use super::*;

struct Host {
    dir: tempfile::TempDir,
    files: Files,
}

impl Host {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mounts = vec!["/sys/fs/cgroup/unified".into(), "/sys/fs/cgroup".into()];
        Self { files: Files::new(Root::new(dir.path()).unwrap(), mounts), dir }
    }

    fn put(&self, path: &str, text: &str) {
        put(self.dir.path(), path, text);
    }

    /// Writes a file that is the user's, in directories that are.
    fn put_own(&self, path: &str, text: &str) {
        self.put(path, text);
        let parts: Vec<_> = path.split('/').collect();
        for end in 1..=parts.len() {
            give(self.dir.path(), &parts[..end].join("/"));
        }
    }

    fn refresh(&mut self) {
        self.files.refresh(&BTreeSet::new());
    }

    fn around(&self, cgroup: &str) -> Option<&str> {
        self.files.around(cgroup).map(|(state, _)| state.id.as_str())
    }

    fn name(&mut self, runtime: Runtime, id: &str, user: Option<u32>) -> Option<String> {
        self.files.record(runtime, id, user)?.container.name
    }
}

/// [`user`]'s run-time directory.
fn run() -> String {
    format!("run/user/{}", user())
}

#[test]
fn every_root_is_searched_and_the_innermost_cgroup_wins() {
    let mut host = Host::new();
    host.put("run/runc/outer/state.json", &runc_state("outer", 1, "/a"));
    host.put("run/runc-user/inner/state.json", &runc_state("inner", 2, "/a/b"));
    host.put("run/crun/c/status", r#"{"pid":3,"cgroup-path":"/c"}"#);
    host.put("run/docker/runtime-runc/moby/d/state.json", &runc_state("d", 4, "/d"));
    host.put("run/containerd/runc/default/e/state.json", &runc_state("e", 5, "/e"));
    host.put("run/elsewhere/f/state.json", &runc_state("f", 6, "/f"));
    host.put("run/crun/soon/config.json", "{}");
    host.put("run/crun/c/config.json", r#"{"linux":{"cgroupsPath":"/status/goes/first"}}"#);
    host.refresh();
    for (cgroup, expected) in [
        ("/soon", Some("soon")),
        ("/status/goes/first", None),
        ("/a", Some("outer")),
        ("/a/x", Some("outer")),
        ("/a/b/c", Some("inner")),
        ("/ab", None),
        ("/c", Some("c")),
        ("/d", Some("d")),
        ("/e/sub", Some("e")),
        ("/f", None),
        ("/", None),
    ] {
        assert_eq!(host.around(cgroup), expected, "{cgroup}");
    }
}

#[test]
fn a_changed_state_is_read_anew_and_a_removed_one_forgotten() {
    let mut host = Host::new();
    let pid = |host: &mut Host| {
        host.refresh();
        host.files.by_id("a").next().map(|state| state.pid)
    };
    assert_eq!(pid(&mut host), None);
    host.put("run/runc/a/state.json", r#"{"id":"a","#);
    assert_eq!(pid(&mut host), None);
    host.put("run/runc/a/state.json", &runc_state("a", 7, "/a"));
    assert_eq!(pid(&mut host), Some(Some(7)));
    fs::remove_file(host.dir.path().join("run/runc/a/state.json")).unwrap();
    assert_eq!(pid(&mut host), None);
}

#[test]
fn a_container_without_cgroup_v2_is_found_in_v1() {
    let mut host = Host::new();
    let v1 = r#"{"id":"a","cgroup_paths":{"pids":"/sys/fs/cgroup/pids/a/b"},"config":{}}"#;
    host.put("run/runc/a/state.json", v1);
    host.put("run/crun/c/status", r#"{"pid":3,"cgroup-path":"/c"}"#);
    host.refresh();
    let v1 = |cgroup| host.files.around_v1(cgroup).map(|(state, own)| (state.id.as_str(), own));
    assert_eq!(v1("/a/b/x"), Some(("a", "/a/b")));
    assert_eq!(v1("/c/x"), Some(("c", "/c")));
    assert_eq!((v1("/a"), host.around("/a/b")), (None, None));
}

#[test]
fn a_process_leads_to_its_container() {
    let mut host = Host::new();
    host.put("run/crun/c/status", r#"{"pid":3,"cgroup-path":""}"#);
    host.put("run/systemd/machines/my-box", &fixture("machined-nspawn"));
    host.put("run/systemd/machines/unit:x", &fixture("machined-nspawn"));
    host.refresh();
    let id = |pid| host.files.by_pid(pid).map(|state| state.id.as_str());
    assert_eq!((id(3), id(4711), id(5)), (Some("c"), Some("my-box"), None));
    assert_eq!(host.files.states().count(), 2);
    let record = host.files.record(Runtime::Nspawn, "my-box", None).unwrap();
    assert_eq!((record.container.name.as_deref(), record.container.pid), (Some("my-box"), Some(4711)));
    assert_eq!(record.file, host.dir.path().join("run/systemd/machines/my-box"));
    assert_eq!(host.files.record(Runtime::Lxc, "my-box", None), None);
}

#[test]
fn a_users_states_are_those_below_his_directory_that_belong_to_him() {
    let mut host = Host::new();
    let slice = format!("/user.slice/user-{}.slice/a.scope", user());
    host.put_own(&format!("{}/runc/a/state.json", run()), &runc_state("a", 1, &slice));
    host.put_own(&format!("{}/docker/runtime-runc/moby/d/state.json", run()), &runc_state("d", 2, &slice));
    host.put_own(&format!("run/user/{}/runc/b/state.json", user() + 1), &runc_state("b", 3, &slice));
    host.put_own(&format!("tmp/storage-run-{}/crun/c/status", user()), r#"{"pid":4}"#);
    host.files.refresh(&BTreeSet::from([user()]));
    let mut found: Vec<_> = host.files.states().map(|state| (state.id.as_str(), state.user)).collect();
    found.sort_unstable();
    assert_eq!(found, [("a", Some(user())), ("c", Some(user())), ("d", Some(user()))]);
}

#[test]
fn a_user_can_only_claim_cgroups_that_are_his() {
    let mut host = Host::new();
    for (at, cgroup) in ["/system.slice/web", "/given", "/docker/x"].iter().enumerate() {
        host.put_own(&format!("{}/runc/{at}/state.json", run()), &runc_state(&at.to_string(), 1, cgroup));
        fs::create_dir_all(host.dir.path().join("sys/fs/cgroup").join(&cgroup[1..])).unwrap();
    }
    host.put("run/runc/web/state.json", &runc_state("web", 2, "/docker"));
    // Whoever runs the tests owns what he makes, so the others' are not there to be found.
    fs::remove_dir_all(host.dir.path().join("sys/fs/cgroup/system.slice")).unwrap();
    fs::remove_dir_all(host.dir.path().join("sys/fs/cgroup/docker")).unwrap();
    give(host.dir.path(), "sys/fs/cgroup/given");
    host.refresh();
    for (cgroup, expected) in
        [("/system.slice/web", None), ("/given/sub", Some("1")), ("/docker/x", Some("web"))]
    {
        assert_eq!(host.around(cgroup), expected, "{cgroup}");
    }
    assert_eq!(host.files.by_pid(2).unwrap().id, "web");
}

#[test]
fn what_root_says_comes_first() {
    let mut host = Host::new();
    fs::create_dir_all(host.dir.path().join("sys/fs/cgroup/a")).unwrap();
    give(host.dir.path(), "sys/fs/cgroup/a");
    host.put_own(&format!("{}/runc/forged/state.json", run()), &runc_state("forged", 7, "/a"));
    host.put("run/runc/real/state.json", &runc_state("real", 7, "/a"));
    host.refresh();
    assert_eq!(host.around("/a"), Some("real"));
    assert_eq!(host.files.by_pid(7).unwrap().id, "real");
}

#[test]
fn each_engine_has_files_of_its_own() {
    let mut host = Host::new();
    let task = "run/containerd/io.containerd.runtime.v2.task/k8s.io";
    host.put(&format!("{task}/{}/config.json", id('c')), &fixture("containerd-cri-config.json"));
    host.put(
        &format!("var/lib/docker/containers/{}/config.v2.json", id('4')),
        &fixture("docker-config.v2.json"),
    );
    let list = "var/lib/containers/storage/overlay-containers/containers.json";
    host.put(list, &fixture("podman-containers.json"));
    for (runtime, id, name) in [
        (Runtime::Containerd, id('c'), Some("nginx")),
        (Runtime::Docker, id('4'), Some("web")),
        (Runtime::Containerd, id('4'), Some("web")),
        (Runtime::Podman, id('b'), Some("web")),
        (Runtime::Docker, id('b'), None),
        (Runtime::Podman, id('4'), None),
        (Runtime::Containerd, "../k8s.io/x".to_owned(), None),
        (Runtime::Runc, id('4'), None),
    ] {
        assert_eq!(host.name(runtime, &id, None).as_deref(), name, "{runtime} {id}");
    }
}

#[test]
fn the_oci_runtime_knows_the_start_and_the_first_process() {
    let mut host = Host::new();
    host.put("var/lib/containers/storage/vfs-containers/containers.json", &fixture("podman-containers.json"));
    let bundle = format!("/var/lib/containers/storage/vfs-containers/{}/userdata", id('b'));
    let spec = r#"{"annotations":{"io.container.manager":"libpod"}}"#;
    host.put(&format!("run/crun/{}/config.json", id('b')), spec);
    let status = format!(r#"{{"pid":5,"bundle":"{bundle}","created":"2026-11-23T20:33:06.752006Z"}}"#);
    host.put(&format!("run/crun/{}/status", id('b')), &status);
    host.refresh();
    let container = host.files.record(Runtime::Podman, &id('b'), None).unwrap().container;
    assert_eq!((container.pid, container.started_ns), (Some(5), Some(1_795_465_986_752_006_000)));
}

#[test]
fn a_users_store_is_his_alone() {
    let mut host = Host::new();
    let user = user();
    host.put("etc/passwd", &format!("ann:x:{user}:1::/home/ann:\nbob:x:{}:1::/home/bob:\n", user + 1));
    for home in ["ann", "bob"] {
        let store = format!("home/{home}/.local/share/containers/storage/vfs-containers/containers.json");
        host.put_own(&store, &fixture("podman-containers.json"));
        let docker = format!("home/{home}/.local/share/docker/containers/{}/config.v2.json", id('4'));
        host.put_own(&docker, &fixture("docker-config.v2.json"));
    }
    host.put_own(&format!("{}/containers/vfs-containers/{}/userdata/pidfile", run(), id('b')), "7");
    for (runtime, id) in [(Runtime::Podman, id('b')), (Runtime::Docker, id('4'))] {
        assert_eq!(host.name(runtime, &id, Some(user)).as_deref(), Some("web"), "{runtime}");
        // Bob's are not his, root has none, and nobody else has a home.
        for other in [Some(user + 1), None, Some(user + 2)] {
            assert_eq!(host.name(runtime, &id, other), None, "{runtime} {other:?}");
        }
    }
    let container = host.files.record(Runtime::Podman, &id('b'), Some(user)).unwrap().container;
    assert_eq!((container.user, container.pid), (Some(user), Some(7)));
}

#[test]
fn a_hostile_tree_is_no_state() {
    use std::os::unix::fs::symlink;
    let mut host = Host::new();
    let outside = tempfile::tempdir().unwrap();
    put(outside.path(), "runc/out/state.json", &runc_state("out", 1, "/out"));
    put(outside.path(), "docker/containers/x/config.v2.json", "{}");
    let at = |path: &str| host.dir.path().join(path);
    fs::create_dir_all(at("run/crun/loop")).unwrap();
    symlink(outside.path().join("runc"), at("run/runc")).unwrap();
    symlink("status", at("run/crun/loop/status")).unwrap();
    symlink("/proc/self", at("run/crun/self")).unwrap();
    fs::create_dir_all(at("run/crun/dir/status")).unwrap();
    host.refresh();
    assert_eq!(host.files.states().count(), 0);
}
