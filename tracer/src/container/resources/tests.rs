use std::fs;
use std::path::Path;

use super::super::Runtime;
use super::super::testing::put;
use super::*;
use crate::cgroups::V1;

const CPU: &str = "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n";

/// A host with files of cgroups, and a process 7 in them.
struct Host {
    dir: tempfile::TempDir,
    roots: Roots,
}

impl Host {
    /// With these v1 hierarchies, each of one controller or of several.
    fn new(v2: bool, v1: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mount = |name: &str| dir.path().join(name.replace(',', "-"));
        let mounts = v1
            .iter()
            .map(|name| format!("1 2 0:3 / {} rw - cgroup cgroup rw,{name}\n", mount(name).display()));
        put(dir.path(), "proc/self/mountinfo", &mounts.collect::<Vec<_>>().concat());
        let pids = V1 { controller: "pids".to_owned(), hierarchy: 8, index: 11, mount: mount("pids") };
        let roots = Roots {
            proc: dir.path().join("proc"),
            cgroup2: v2.then(|| dir.path().join("v2")),
            cgroup1: v1.contains(&"pids").then_some(pids),
            root: dir.path().to_owned(),
        };
        Self { dir, roots }
    }

    fn put(&self, path: &str, text: impl AsRef<[u8]>) {
        put(self.dir.path(), path, "");
        fs::write(self.dir.path().join(path), text).unwrap();
    }

    fn process(&self, cgroup: &str) {
        self.put("proc/7/cgroup", cgroup);
    }

    fn resources(&self) -> Resources {
        Resources::new(&self.roots, 10)
    }
}

fn owner(slot: u32) -> OwnerId {
    OwnerId { slot, generation: 1 }
}

fn container(id: &str) -> Container {
    Container { pid: Some(6), ..Container::unnamed(Runtime::Runc, id) }
}

/// Of a container `web` whose spot had process 7.
fn sample(resources: &mut Resources, own: &str, owners: &[u32]) -> Vec<ResourceSample> {
    let owners: Vec<OwnerId> = owners.iter().copied().map(owner).collect();
    let container = container("web");
    resources.sample([Home { own, container: &container, owners: &owners, pid: 7 }].into_iter())
}

fn numbers(sample: &[ResourceSample]) -> (Option<u64>, Option<u64>, Option<u32>) {
    let [sample] = sample else { panic!("{sample:?}") };
    (sample.cpu_ns, sample.memory_bytes, sample.processes)
}

#[test]
fn version_2_has_it_all_in_one_folder() {
    let host = Host::new(true, &[]);
    host.process("0::/pod/web/below\n");
    for (file, text) in [("cpu.stat", CPU), ("memory.current", "4096\n"), ("pids.current", "3\n")] {
        host.put(&format!("v2/pod/web/{file}"), text);
    }
    let mut resources = host.resources();
    assert_eq!(numbers(&sample(&mut resources, "/pod/web", &[1])), (Some(1_500_000), Some(4096), Some(3)));
    host.put("v2/pod/web/memory.current", "8192\n");
    assert_eq!(numbers(&sample(&mut resources, "/pod/web", &[1])).1, Some(8192));
}

#[test]
fn a_hybrid_host_has_the_controllers_in_version_1() {
    let host = Host::new(true, &["cpu,cpuacct", "memory", "pids"]);
    host.process("5:cpu,cpuacct:/web\n4:memory:/session/web\n3:pids:/web\n0::/\n");
    host.put("v2/cpu.stat", "usage_usec 99\n");
    host.put("cpu-cpuacct/web/cpuacct.usage", "1234567\n");
    host.put("memory/session/web/memory.usage_in_bytes", "8192\n");
    host.put("pids/web/pids.current", "2\n");
    assert_eq!(numbers(&sample(&mut host.resources(), "/web", &[1])), (Some(1_234_567), Some(8192), Some(2)));
}

#[test]
fn what_is_not_its_own_is_never_told() {
    let host = Host::new(true, &["memory", "pids"]);
    // In a container that left it its own pids alone, and which it calls itself after.
    host.process("4:memory:/outer\n3:pids:/outer/outer\n0::/outer\n");
    host.put("v2/outer/cpu.stat", CPU);
    host.put("memory/outer/memory.usage_in_bytes", "8192\n");
    host.put("pids/outer/outer/pids.current", "2\n");
    let inner = Container { parent: Some("outer".to_owned()), ..container("outer") };
    let home = Home { own: "/outer/outer", container: &inner, owners: &[owner(1)], pid: 7 };
    assert_eq!(numbers(&host.resources().sample([home].into_iter())), (None, None, Some(2)));
    // Not mounted, without the controller, and another process by now.
    host.process("3:pids:/web\n0::/web\n");
    assert_eq!(numbers(&sample(&mut host.resources(), "/web", &[1])), (None, None, None));
    host.process("3:pids:/elsewhere\n0::/../web\n");
    host.put("v2/web/cpu.stat", CPU);
    assert_eq!(numbers(&sample(&mut host.resources(), "/web", &[1])), (None, None, None));
}

#[test]
fn a_name_in_another_hierarchy_is_the_containers_only_if_its_id_is_in_it() {
    let id = "web";
    for (path, own, expected) in [
        ("/web/x", "/web", Some("/web")),
        ("/user/libpod-web/x/libpod-web", "/libpod-web", Some("/user/libpod-web")),
        ("/user/payload", "/x/payload", None),
        ("/user/other", "/web", None),
        ("/", "/web", None),
    ] {
        assert_eq!(own_part(path, own, &container(id)).as_deref(), expected, "{path} {own}");
    }
    assert_eq!(below(Path::new("/m"), "/a/../../b"), None);
    assert_eq!(below(Path::new("/m"), "/a..b"), Some(PathBuf::from("/m/a..b")));
}

#[test]
fn one_owner_has_the_numbers_and_keeps_them() {
    let host = Host::new(true, &[]);
    host.process("0::/web\n");
    host.put("v2/web/pids.current", "1\n");
    let mut resources = host.resources();
    let mut of = |owners: &[u32]| sample(&mut resources, "/web", owners)[0].owner.slot;
    assert_eq!([of(&[5, 3]), of(&[1, 3]), of(&[2, 1])], [3, 3, 1]);
}

#[test]
fn hostile_files_are_none() {
    let huge = "9".repeat(1 << 20);
    let broken: [&[u8]; 9] = [
        b"",
        b"\n",
        b"5",
        b"-1\n",
        b"\xff\n",
        b"1 2\n",
        b"99999999999999999999\n",
        b"max\n",
        huge.as_bytes(),
    ];
    for text in broken {
        let host = Host::new(true, &[]);
        host.process("0::/web\n");
        for file in ["cpu.stat", "memory.current", "pids.current"] {
            host.put(&format!("v2/web/{file}"), text);
        }
        assert_eq!(numbers(&sample(&mut host.resources(), "/web", &[1])), (None, None, None));
    }
    for text in ["usage_usec \n", "usage_usec 99999999999999999\n", "user_usec 4\n", "usage_usec 12"] {
        assert_eq!(usage_ns(text.trim_end_matches('\n')).filter(|_| text.ends_with('\n')), None, "{text}");
    }
    let host = Host::new(true, &[]);
    host.process("0::/web\n");
    host.put("v2/web/pids.current", "4294967296\n");
    assert_eq!(numbers(&sample(&mut host.resources(), "/web", &[1])).2, None);
}

#[test]
fn files_are_kept_up_to_a_limit_and_let_go_in_the_end() {
    let host = Host::new(true, &[]);
    let names: Vec<String> = (0..5).map(|at| format!("/web{at}")).collect();
    for (pid, name) in (10..).zip(&names) {
        host.put(&format!("proc/{pid}/cgroup"), format!("0::{name}\n"));
        for file in ["cpu.stat", "memory.current", "pids.current"] {
            host.put(&format!("v2{name}/{file}"), if file == "cpu.stat" { CPU } else { "1\n" });
        }
    }
    let (container, owners) = (container("web"), [owner(1)]);
    let homes =
        || (10..).zip(&names).map(|(pid, own)| Home { own, container: &container, owners: &owners, pid });
    let mut resources = host.resources();
    for _ in 0..3 {
        let samples = resources.sample(homes());
        assert!(samples.iter().all(|sample| sample.processes == Some(1)), "{samples:?}");
        assert_eq!((samples.len(), resources.kept.now), (5, 10));
    }
    // Three files of the first are gone; those of others may take their place.
    assert_eq!(resources.sample(homes().skip(1)).len(), 4);
    assert_eq!(resources.kept.now, 7);
    assert!(resources.sample(std::iter::empty()).is_empty());
    assert_eq!((resources.kept.now, resources.used.len()), (0, 0));
}

#[test]
fn files_that_come_late_are_found_but_not_looked_for_for_ever() {
    let host = Host::new(true, &[]);
    let mut resources = host.resources();
    assert_eq!(numbers(&sample(&mut resources, "/web", &[1])), (None, None, None));
    host.process("0::/web\n");
    host.put("v2/web/pids.current", "1\n");
    assert_eq!(numbers(&sample(&mut resources, "/web", &[1])).2, Some(1));
    for _ in 0..TRIES {
        sample(&mut resources, "/web", &[1]);
    }
    host.put("v2/web/memory.current", "1\n");
    assert_eq!(numbers(&sample(&mut resources, "/web", &[1])).1, None);
}
