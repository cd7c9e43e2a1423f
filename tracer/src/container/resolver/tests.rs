use std::fs;

use tracer_common::key::OwnerKey;
use tracer_common::limits::CGROUP_PATH_LEN;

use super::super::testing::{fixture, id, process, put, runc_state};
use super::super::{Pod, Runtime, cgroupfs};
use super::find::{LOOKUPS, wait_ns};
use super::*;
use crate::cgroups::V1;

const HOST: u32 = 4_026_531_836;
const OWN: u32 = 4_026_532_000;

fn info(key: OwnerKey) -> OwnerInfo {
    OwnerInfo {
        key,
        first_ns: 5,
        first_tgid: 77,
        mnt_ns: 3,
        comm: *b"sh\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        generation: 1,
        flags: 0,
        init_tgid: 0,
        init_outer_tgid: 0,
        outer_init_tgid: 0,
        user: 0,
    }
}

/// A host's file system, and a resolver that looks at it.
struct Host {
    dir: tempfile::TempDir,
    resolver: Resolver,
    now_ns: u64,
    /// All that was reported so far, by slot.
    known: HashMap<u32, Identity>,
    /// How often a slot was reported.
    reports: HashMap<u32, usize>,
}

impl Host {
    /// With cgroups that are there before ctrace.
    fn new(cgroups: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let (mount, v1) = (at("cgroup"), at("pids"));
        let hierarchy = V1 { controller: "pids".to_owned(), hierarchy: 8, index: 11, mount: v1.clone() };
        let roots = Roots {
            proc: at("proc"),
            cgroup2: Some(mount.clone()),
            cgroup1: Some(hierarchy),
            root: dir.path().to_owned(),
        };
        fs::create_dir(&mount).unwrap();
        fs::create_dir(&v1).unwrap();
        for cgroup in cgroups {
            fs::create_dir_all(mount.join(&cgroup[1..])).unwrap();
        }
        let resolver = Resolver::new(roots, HOST, 0).unwrap();
        Self { dir, resolver, now_ns: 1, known: HashMap::new(), reports: HashMap::new() }
    }

    fn put(&self, path: &str, text: &str) {
        put(self.dir.path(), path, text);
    }

    fn mkdir(&self, cgroup: &str) -> u64 {
        fs::create_dir_all(self.dir.path().join("cgroup").join(&cgroup[1..])).unwrap();
        self.id(cgroup)
    }

    fn id(&self, cgroup: &str) -> u64 {
        cgroupfs::id_at(&self.dir.path().join("cgroup"), cgroup).unwrap()
    }

    fn make(&mut self, cgroup: &str) -> u64 {
        let id = self.mkdir(cgroup);
        self.resolver.cgroup_made(CgroupId::V2(id), cgroup.as_bytes());
        id
    }

    fn remove(&mut self, cgroup: &str) {
        let id = self.id(cgroup);
        fs::remove_dir(self.dir.path().join("cgroup").join(&cgroup[1..])).unwrap();
        self.resolver.cgroup_removed(CgroupId::V2(id));
    }

    fn meet(&mut self, slot: u32, cgroup_id: u64, pid_ns: u32) {
        let key = OwnerKey { cgroup_id, pid_ns, phase: phase::WORKLOAD, ..OwnerKey::default() };
        self.meet_key(slot, key, 0);
    }

    /// `init`: the first process of the pid namespace.
    fn meet_key(&mut self, slot: u32, key: OwnerKey, init: u32) {
        self.meet_info(slot, &OwnerInfo { init_tgid: init, init_outer_tgid: init, ..info(key) });
    }

    fn meet_info(&mut self, slot: u32, info: &OwnerInfo) {
        self.resolver.met(OwnerId { slot, generation: 1 }, info);
    }

    fn advance(&mut self, ns: u64) {
        self.now_ns += ns;
        let mut changed = Vec::new();
        self.resolver.advance(self.now_ns, &mut changed);
        for identity in changed {
            *self.reports.entry(identity.id.slot).or_default() += 1;
            self.known.insert(identity.id.slot, identity);
        }
    }

    /// Until no retry is left.
    fn settle(&mut self) {
        for _ in 0..=(0..).map_while(wait_ns).sum::<u64>() / MS {
            self.advance(MS);
        }
        assert_eq!(self.resolver.due.len(), 0);
    }

    fn owner(&self, slot: u32) -> &Owner {
        &self.known[&slot].owner
    }

    fn container(&self, slot: u32) -> &Arc<Container> {
        match self.owner(slot) {
            Owner::Container(container) => container,
            other @ (Owner::Host | Owner::Unknown(_)) => panic!("slot {slot} is {other:?}"),
        }
    }
}

#[test]
fn a_container_that_runs_already_is_named_at_once() {
    let docker = format!("/docker/{}", id('4'));
    let mut host = Host::new(&[&docker]);
    host.put(
        &format!("var/lib/docker/containers/{}/config.v2.json", id('4')),
        &fixture("docker-config.v2.json"),
    );
    host.meet(1, host.id(&docker), OWN);
    host.advance(0);
    assert_eq!(host.container(1).name.as_deref(), Some("web"));
    assert_eq!(host.known[&1].cgroup_path.as_deref(), Some(docker.as_str()));
    host.settle();
    assert_eq!(host.reports[&1], 1);
}

#[test]
fn a_container_has_its_id_at_once_and_its_name_when_the_file_is_there() {
    let mut host = Host::new(&[]);
    let docker = format!("/docker/{}", id('4'));
    let cgroup = host.make(&docker);
    host.meet(1, cgroup, OWN);
    host.advance(0);
    assert_eq!(**host.container(1), Container::unnamed(Runtime::Docker, &id('4')));
    host.put(
        &format!("var/lib/docker/containers/{}/config.v2.json", id('4')),
        &fixture("docker-config.v2.json"),
    );
    host.advance(50 * MS);
    assert_eq!(host.container(1).name.as_deref(), Some("web"));
}

#[test]
fn a_bare_container_is_found_when_its_state_appears() {
    let mut host = Host::new(&[]);
    let cgroup = host.make("/a/b");
    host.meet(1, cgroup, OWN);
    host.meet(2, cgroup, HOST);
    host.advance(0);
    for slot in [1, 2] {
        assert_eq!(*host.owner(slot), Owner::Unknown(UnknownReason::Pending));
    }
    host.put("run/runc/web/state.json", &runc_state("web", 7, "/a/b"));
    host.advance(50 * MS);
    assert_eq!((host.container(1).id.as_str(), host.container(1).pid), ("web", Some(7)));
    assert!(Arc::ptr_eq(host.container(1), host.container(2)));
}

#[test]
fn all_cgroups_of_a_container_share_it() {
    let mut host = Host::new(&[]);
    let docker = format!("/docker/{}", id('4'));
    let (outer, inner) = (host.make(&docker), host.make(&format!("{docker}/init")));
    host.meet(1, outer, OWN);
    host.meet(2, inner, OWN);
    host.advance(0);
    assert!(Arc::ptr_eq(host.container(1), host.container(2)));
    host.put(
        &format!("var/lib/docker/containers/{}/config.v2.json", id('4')),
        &fixture("docker-config.v2.json"),
    );
    host.settle();
    assert_eq!(host.container(2).name.as_deref(), Some("web"));
    assert!(Arc::ptr_eq(host.container(1), host.container(2)));
}

#[test]
fn what_no_runtime_claims_is_the_hosts_or_unknown_after_the_retries() {
    let mut host = Host::new(&[]);
    let cgroup = host.make("/batch");
    host.meet(1, cgroup, HOST);
    host.meet(2, cgroup, OWN);
    host.advance(0);
    assert_eq!(*host.owner(1), Owner::Unknown(UnknownReason::Pending));
    host.settle();
    assert_eq!(*host.owner(1), Owner::Host);
    assert_eq!(*host.owner(2), Owner::Unknown(UnknownReason::NoRuntime));
}

#[test]
fn the_hosts_own_cgroups_are_decided_at_once() {
    let mut host = Host::new(&["/old"]);
    for (slot, cgroup) in [(1, host.id("/")), (2, host.id("/old"))] {
        host.meet(slot, cgroup, HOST);
        host.advance(0);
        assert_eq!((host.owner(slot), host.reports[&slot]), (&Owner::Host, 1), "slot {slot}");
    }
    // A container may have no cgroup of its own.
    host.meet(4, host.id("/"), OWN);
    host.advance(0);
    assert_eq!(*host.owner(4), Owner::Unknown(UnknownReason::Pending));
    host.settle();
    assert_eq!(*host.owner(4), Owner::Unknown(UnknownReason::NoRuntime));
    assert_eq!(*host.owner(1), Owner::Host);
}

#[test]
fn a_container_may_come_into_a_cgroup_that_was_the_hosts() {
    let mut host = Host::new(&["/a"]);
    host.meet(1, host.id("/a"), HOST);
    host.settle();
    host.meet(2, host.id("/a"), OWN);
    host.advance(0);
    assert_eq!(*host.owner(1), Owner::Host);
    assert_eq!(*host.owner(2), Owner::Unknown(UnknownReason::Pending));
    host.put("run/runc/web/state.json", &runc_state("web", 7, "/a"));
    host.advance(50 * MS);
    assert_eq!(host.container(2).id, "web");
}

#[test]
fn a_cgroup_without_a_record_is_found_by_its_process() {
    let mut host = Host::new(&[]);
    let docker = format!("/docker/{}", id('4'));
    let cgroup = host.mkdir(&docker);
    host.put("proc/77/cgroup", &format!("9:cpu:/x\n0::{docker}\n"));
    host.meet(1, cgroup, OWN);
    host.advance(0);
    assert_eq!(host.container(1).id, id('4'));
}

#[test]
fn a_cgroup_without_a_record_or_a_process_is_searched_for() {
    let mut host = Host::new(&[]);
    let docker = format!("/docker/{}", id('4'));
    let cgroup = host.mkdir(&docker);
    // The process is in another one by now.
    host.put("proc/77/cgroup", "0::/\n");
    host.meet(1, cgroup, OWN);
    host.advance(0);
    assert_eq!(*host.owner(1), Owner::Unknown(UnknownReason::Pending));
    host.advance(MS);
    assert_eq!(host.container(1).id, id('4'));
}

#[test]
fn a_search_is_spread_over_calls() {
    let many: Vec<_> = (0..3 * 128).map(|at| format!("/x/{at}")).collect();
    let mut host = Host::new(&many.iter().map(String::as_str).collect::<Vec<_>>());
    host.meet(1, u64::MAX, OWN);
    for _ in 0..4 {
        host.advance(MS);
        assert_eq!(*host.owner(1), Owner::Unknown(UnknownReason::Pending));
    }
    host.settle();
    let known = &host.known[&1];
    assert_eq!((&known.owner, known.ended), (&Owner::Unknown(UnknownReason::CgroupGone), true));
}

#[test]
fn many_at_once_are_looked_up_over_several_calls() {
    let mut host = Host::new(&[]);
    for slot in 1..=u32::try_from(2 * LOOKUPS).unwrap() {
        let cgroup = host.make(&format!("/docker/{slot:064}"));
        host.meet(slot, cgroup, OWN);
    }
    let named =
        |host: &Host| host.known.values().filter(|known| matches!(known.owner, Owner::Container(_))).count();
    host.advance(0);
    assert_eq!((named(&host), host.known.len()), (LOOKUPS, 2 * LOOKUPS));
    host.advance(0);
    assert_eq!(named(&host), 2 * LOOKUPS);
}

#[test]
fn a_container_that_is_gone_keeps_what_its_path_said() {
    let mut host = Host::new(&[]);
    let podman = format!("/libpod_parent/libpod-{}", id('b'));
    let cgroup = host.make(&podman);
    host.remove(&podman);
    host.meet(1, cgroup, OWN);
    host.advance(0);
    assert_eq!((host.container(1).id.clone(), host.known[&1].ended), (id('b'), true));
    host.advance(GRACE_NS);
    host.meet(2, cgroup, OWN);
    host.advance(0);
    assert_eq!(host.container(2).id, id('b'));
}

#[test]
fn an_end_that_nobody_reported_is_found() {
    let docker = format!("/docker/{}", id('4'));
    let mut host = Host::new(&[&docker, "/other"]);
    let cgroup = host.id(&docker);
    host.meet(1, cgroup, OWN);
    host.meet(2, host.id("/other"), HOST);
    host.settle();
    assert!(host.resolver.vanished().is_empty());
    fs::remove_dir(host.dir.path().join("cgroup").join(&docker[1..])).unwrap();
    assert_eq!(host.resolver.vanished(), [CgroupId::V2(cgroup)]);
    host.resolver.cgroup_removed(CgroupId::V2(cgroup));
    host.advance(0);
    assert!(host.known[&1].ended && !host.known[&2].ended);
    assert!(host.resolver.vanished().is_empty());
}

#[test]
fn the_end_is_reported_and_then_forgotten() {
    let docker = format!("/docker/{}", id('4'));
    let mut host = Host::new(&[&docker]);
    let cgroup = host.id(&docker);
    host.meet(1, cgroup, OWN);
    host.settle();
    assert!(!host.known[&1].ended);
    host.remove(&docker);
    host.advance(0);
    assert!(host.known[&1].ended);
    host.advance(GRACE_NS + 1);
    assert!(host.resolver.owners.is_empty());
    assert!(host.resolver.spots.is_empty() && host.resolver.v2.unwrap().get(cgroup).is_none());
}

#[test]
fn a_bare_container_that_ends_unnamed_is_decided_at_its_end() {
    let mut host = Host::new(&[]);
    let cgroup = host.make("/web");
    host.meet(1, cgroup, OWN);
    host.advance(0);
    host.remove("/web");
    host.settle();
    assert_eq!(*host.owner(1), Owner::Unknown(UnknownReason::NoRuntime));
    host.put("run/runc/web/state.json", &runc_state("web", 8, "/web"));
    host.settle();
    assert_eq!(*host.owner(1), Owner::Unknown(UnknownReason::NoRuntime));
}

#[test]
fn a_namesakes_later_life_is_another_container() {
    let mut host = Host::new(&[]);
    for (slot, pid) in [(1, 7), (2, 8)] {
        host.put("run/runc/web/state.json", &runc_state("web", pid, "/web"));
        let cgroup = host.make("/web");
        host.meet(slot, cgroup, OWN);
        host.advance(0);
        // It keeps its inode, so that the next one has another.
        let top = host.dir.path().join("cgroup");
        fs::rename(top.join("web"), top.join(format!("kept{slot}"))).unwrap();
        host.resolver.cgroup_removed(CgroupId::V2(cgroup));
        fs::remove_file(host.dir.path().join("run/runc/web/state.json")).unwrap();
        host.advance(0);
    }
    assert_eq!((host.container(1).pid, host.container(2).pid), (Some(7), Some(8)));
}

#[test]
fn what_was_learnt_outlives_the_file() {
    let docker = format!("/docker/{}", id('4'));
    let mut host = Host::new(&[&docker]);
    let file = format!("var/lib/docker/containers/{}/config.v2.json", id('4'));
    host.put(&file, &fixture("docker-config.v2.json").replace("28784", "0"));
    host.meet(1, host.id(&docker), OWN);
    host.advance(0);
    fs::remove_file(host.dir.path().join(&file)).unwrap();
    host.settle();
    assert_eq!(host.container(1).name.as_deref(), Some("web"));
}

#[test]
fn a_cut_path_is_not_believed() {
    let mut host = Host::new(&[]);
    let docker = format!("/docker/{}", id('4'));
    let cgroup = host.mkdir(&docker);
    let mut cut = format!("/docker/{}/", id('9')).into_bytes();
    cut.resize(CGROUP_PATH_LEN - 1, b'x');
    host.resolver.cgroup_made(CgroupId::V2(cgroup), &cut);
    host.meet(1, cgroup, OWN);
    host.advance(0);
    host.advance(MS);
    assert_eq!(host.container(1).id, id('4'));
}

#[test]
fn a_cgroup_that_ctrace_made_has_the_name_it_gave_and_so_have_those_below() {
    let mut host = Host::new(&[]);
    let cgroup = host.mkdir("/ctrace-1");
    host.resolver.name_cgroup(CgroupId::V2(cgroup), Container::unnamed(Runtime::Ctrace, "run-1"));
    host.meet(1, cgroup, HOST);
    host.advance(0);
    host.advance(MS);
    assert_eq!(host.container(1).runtime, Runtime::Ctrace);
    let below = host.make("/ctrace-1/below");
    host.meet(2, below, HOST);
    host.advance(MS);
    assert!(Arc::ptr_eq(host.container(1), host.container(2)));
    let docker = host.make(&format!("/ctrace-1/docker/{}", id('4')));
    host.meet(3, docker, OWN);
    host.advance(MS);
    assert_eq!(host.container(3).id, id('4'));
}

/// A runtime that ctrace starts begins in the command's cgroup. Its container is not the command, however soon it is over.
#[test]
fn a_container_that_the_command_started_is_not_the_command() {
    let mut host = Host::new(&[]);
    let (command, own) = (host.make("/ctrace-1"), host.make("/short"));
    host.resolver.name_cgroup(CgroupId::V2(command), Container::unnamed(Runtime::Ctrace, "run-1"));
    let crun = |cgroup_id, phase| OwnerInfo {
        comm: *b"crun\0\0\0\0\0\0\0\0\0\0\0\0",
        ..info(OwnerKey { cgroup_id, pid_ns: OWN, incarnation: 5, phase, ..OwnerKey::default() })
    };
    host.meet_info(1, &crun(command, phase::SETUP));
    host.advance(0);
    host.meet_info(2, &crun(own, phase::SETUP));
    host.meet_info(3, &crun(own, phase::WORKLOAD));
    host.remove("/short");
    host.settle();
    assert_eq!((host.container(1).id.as_str(), host.container(1).runtime), ("run-1", Runtime::Ctrace));
    assert_eq!((host.container(3).id.as_str(), host.container(3).runtime), ("short", Runtime::Crun));
    assert_eq!(host.container(2).id, "short");
}

/// However late a name comes: the machine may be too busy to look it up at once.
#[test]
fn a_slots_new_owner_leaves_the_old_one_its_name() {
    let mut host = Host::new(&[]);
    let docker = format!("/docker/{}", id('4'));
    let cgroup = host.make(&docker);
    host.meet(1, cgroup, OWN);
    host.remove(&docker);
    let root =
        OwnerKey { cgroup_id: host.id("/"), pid_ns: HOST, phase: phase::WORKLOAD, ..OwnerKey::default() };
    host.resolver.met(OwnerId { slot: 1, generation: 2 }, &info(root));
    let mut news = Vec::new();
    host.resolver.advance(MS, &mut news);
    let of =
        |generation| news.iter().rfind(|identity| identity.id == OwnerId { slot: 1, generation }).unwrap();
    let Owner::Container(container) = &of(1).owner else { panic!("{:?}", of(1)) };
    assert_eq!((container.id.clone(), of(1).ended), (id('4'), true));
    assert_eq!((&of(2).owner, of(2).ended), (&Owner::Host, false));
}

#[test]
fn without_a_cgroup_file_system_there_is_no_resolver() {
    let at = |name: &str| std::path::PathBuf::from("/nonexistent").join(name);
    let roots = Roots { proc: at("proc"), cgroup2: Some(at("cgroup")), cgroup1: None, root: at("") };
    let error = Resolver::new(roots, HOST, 0).err().unwrap().to_string();
    assert!(error.contains("/nonexistent/cgroup"), "{error}");
}

#[test]
fn remembering_fills_gaps_and_changes_nothing_else() {
    let pod = |name: Option<&str>, uid: Option<&str>| Pod {
        name: name.map(str::to_owned),
        uid: uid.map(str::to_owned),
        ..Pod::default()
    };
    let before = Container {
        name: Some("old".to_owned()),
        image: Some("img".to_owned()),
        pod: Some(pod(Some("p"), Some("u"))),
        pid: Some(1),
        ..Container::unnamed(Runtime::Docker, "x")
    };
    let mut now = Container {
        name: Some("new".to_owned()),
        pod: Some(pod(None, Some("v"))),
        pid: Some(2),
        ..Container::unnamed(Runtime::Docker, "x")
    };
    now.remember(&before);
    assert_eq!(
        now,
        Container {
            name: Some("new".to_owned()),
            image: Some("img".to_owned()),
            pod: Some(pod(Some("p"), Some("v"))),
            pid: Some(2),
            ..Container::unnamed(Runtime::Docker, "x")
        }
    );
}

#[test]
fn a_container_that_only_v1_tells_apart_has_a_name_and_an_end() {
    let mut host = Host::new(&[]);
    let v1 = host.dir.path().join("pids/web");
    fs::create_dir(&v1).unwrap();
    let v1_id = cgroupfs::id_at(&host.dir.path().join("pids"), "/web").unwrap();
    host.resolver.cgroup_made(CgroupId::V1(v1_id), b"/web");
    host.put("run/crun/web/status", r#"{"pid":7,"cgroup-path":"/web"}"#);
    let root = host.id("/");
    host.meet_key(1, OwnerKey { cgroup_id: root, v1_id, pid_ns: OWN, ..OwnerKey::default() }, 7);
    host.meet(2, root, HOST);
    host.advance(0);
    assert_eq!((host.container(1).id.as_str(), host.owner(2)), ("web", &Owner::Host));
    assert_eq!(host.known[&1].cgroup_path.as_deref(), Some("/web"));
    // The same number in the other hierarchy is another cgroup.
    host.resolver.cgroup_removed(CgroupId::V2(v1_id));
    host.advance(0);
    assert!(!host.known[&1].ended);
    host.resolver.cgroup_removed(CgroupId::V1(v1_id));
    host.advance(0);
    assert!(host.known[&1].ended && !host.known[&2].ended);
}

/// In the root cgroup, with nothing but a pid namespace.
fn without_cgroup(host: &Host, phase: u32, incarnation: u64) -> OwnerKey {
    OwnerKey { cgroup_id: host.id("/"), v1_id: 0, incarnation, pid_ns: OWN, phase }
}

#[test]
fn a_namespaces_end_is_its_containers_and_the_next_of_that_number_is_another() {
    let mut host = Host::new(&[]);
    host.put("run/crun/one/status", r#"{"pid":7}"#);
    host.meet_key(1, without_cgroup(&host, phase::WORKLOAD, 100), 7);
    host.advance(0);
    assert_eq!(host.container(1).id, "one");
    let over = host.resolver.namespace_ended(OwnerId { slot: 1, generation: 1 });
    assert_eq!(over, Some((OWN, 100)));
    // Met late: its last call was on its way.
    host.meet_key(2, without_cgroup(&host, phase::EXEC, 100), 7);
    fs::remove_file(host.dir.path().join("run/crun/one/status")).unwrap();
    host.put("run/crun/two/status", r#"{"pid":7}"#);
    host.meet_key(3, without_cgroup(&host, phase::WORKLOAD, 200), 7);
    host.advance(MS);
    assert!(host.known[&1].ended && host.known[&2].ended && !host.known[&3].ended);
    assert_eq!((host.container(1).id.as_str(), host.container(3).id.as_str()), ("one", "two"));
}

#[test]
fn what_a_runtime_does_before_it_enters_the_cgroup_is_the_containers() {
    let mut host = Host::new(&[]);
    let docker = host.make(&format!("/docker/{}", id('4')));
    host.meet_key(1, without_cgroup(&host, phase::SETUP, 100), 7);
    host.advance(0);
    assert_eq!(*host.owner(1), PENDING);
    host.meet_key(2, OwnerKey { cgroup_id: docker, ..without_cgroup(&host, phase::WORKLOAD, 100) }, 7);
    host.advance(MS);
    host.advance(MS);
    assert_eq!(host.container(1).id, id('4'));
}

#[test]
fn a_runtimes_preparations_name_a_container_whose_state_nobody_saw() {
    let mut host = Host::new(&[]);
    let web = host.make("/shop/web");
    let key = OwnerKey { cgroup_id: web, pid_ns: OWN, phase: phase::SETUP, ..OwnerKey::default() };
    host.meet_info(1, &OwnerInfo { comm: *b"runc:[2:INIT]\0\0\0", ..info(key) });
    host.advance(0);
    host.remove("/shop/web");
    host.settle();
    assert_eq!((host.container(1).id.as_str(), host.container(1).runtime), ("web", Runtime::Runc));
}

#[test]
fn the_same_in_a_container_is_a_container_inside() {
    let mut host = Host::new(&[]);
    let outer = format!("/libpod_parent/libpod-{}", id('a'));
    process(&host.dir.path().join("proc"), 10, 1, &[10, 1], OWN);
    host.put("proc/10/cgroup", &format!("0::{outer}\n"));
    let inner = host.make(&format!("{outer}/web"));
    let key = OwnerKey { cgroup_id: inner, pid_ns: OWN + 1, incarnation: 5, ..OwnerKey::default() };
    let prepared = OwnerInfo {
        comm: *b"runc:[2:INIT]\0\0\0",
        init_tgid: 30,
        init_outer_tgid: 7,
        outer_init_tgid: 10,
        ..info(OwnerKey { phase: phase::SETUP, ..key })
    };
    host.meet_info(1, &prepared);
    host.advance(0);
    host.remove(&format!("{outer}/web"));
    host.settle();
    let Container { id, parent, .. } = &**host.container(1);
    assert_eq!((id.as_str(), parent.as_deref()), ("web", Some(&*self::id('a'))));
}

#[test]
fn a_sandbox_in_a_container_is_workload_and_an_entered_one_is_what_it_is() {
    let mut host = Host::new(&[]);
    let cgroup = host.make("/web");
    host.put("run/runc/web/state.json", &runc_state("web", 7, "/web"));
    let key =
        |pid_ns, incarnation, phase| OwnerKey { cgroup_id: cgroup, v1_id: 0, incarnation, pid_ns, phase };
    host.meet_key(1, key(OWN, 100, phase::SETUP), 7);
    host.meet_key(2, key(OWN, 100, phase::EXEC), 7);
    host.meet_key(3, key(OWN + 1, 200, phase::SETUP), 9);
    host.advance(0);
    let phases = [1, 2, 3].map(|slot| host.known[&slot].phase);
    assert_eq!(phases, [Phase::Setup, Phase::Exec, Phase::Workload]);
    assert!(Arc::ptr_eq(host.container(1), host.container(3)));
}

#[test]
fn who_shares_a_pid_namespace_is_set_up_in_it() {
    let mut host = Host::new(&[]);
    let cgroup = host.make("/web");
    host.put("run/runc/web/state.json", &runc_state("web", 7, "/web"));
    let key =
        |phase| OwnerKey { cgroup_id: cgroup, pid_ns: OWN, incarnation: 100, phase, ..OwnerKey::default() };
    // The namespace began with another container's first process.
    for (slot, phase) in [(1, phase::SETUP), (2, phase::EXEC)] {
        host.meet_info(slot, &OwnerInfo { first_tgid: 7, init_tgid: 5, ..info(key(phase)) });
    }
    host.advance(0);
    assert_eq!([1, 2].map(|slot| host.known[&slot].phase), [Phase::Setup, Phase::Workload]);
}

#[test]
fn a_service_has_its_units_name() {
    let mut host = Host::new(&[]);
    let cgroup = host.make("/system.slice/cron.service");
    host.meet(1, cgroup, HOST);
    host.advance(0);
    assert_eq!(
        (host.container(1).id.as_str(), host.container(1).runtime),
        ("cron.service", Runtime::Systemd)
    );
    // A program of it in a sandbox of its own.
    host.meet(2, cgroup, OWN);
    host.settle();
    assert_eq!(host.container(2).id, "cron.service");
}

#[test]
fn who_has_a_cgroup_alone_has_its_numbers_and_nobody_else() {
    let mut host = Host::new(&[]);
    let outer = format!("/libpod_parent/libpod-{}", id('a'));
    let cgroup = host.make(&outer);
    host.put(&format!("cgroup{outer}/memory.current"), "4096\n");
    host.put("cgroup/memory.current", "99\n");
    process(&host.dir.path().join("proc"), 10, 1, &[10, 1], OWN);
    for (pid, path) in [(10, outer.as_str()), (30, &outer), (40, "/")] {
        host.put(&format!("proc/{pid}/cgroup"), &format!("0::{path}\n"));
    }
    let inside = OwnerKey { cgroup_id: cgroup, pid_ns: OWN + 1, incarnation: 5, ..OwnerKey::default() };
    let rootless = OwnerKey { pid_ns: OWN + 2, ..without_cgroup(&host, phase::WORKLOAD, 7) };
    host.put("run/crun/rootless/status", r#"{"pid":40}"#);
    let outers = OwnerKey { cgroup_id: cgroup, pid_ns: OWN, ..OwnerKey::default() };
    host.meet_info(1, &OwnerInfo { first_tgid: 10, ..info(outers) });
    // A pid namespace that the container made for itself.
    let prepared = OwnerInfo {
        comm: *b"runc:[2:INIT]\0\0\0",
        first_tgid: 30,
        init_tgid: 30,
        init_outer_tgid: 7,
        outer_init_tgid: 10,
        ..info(OwnerKey { phase: phase::SETUP, ..inside })
    };
    host.meet_info(2, &prepared);
    host.meet_key(3, rootless, 40);
    host.advance(0);
    host.settle();
    assert_eq!((host.container(1).id.clone(), host.container(3).id.as_str()), (id('a'), "rootless"));
    let told: Vec<_> = host.resolver.resources();
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((told.owner.slot, told.memory_bytes), (1, Some(4096)), "{:?}", host.container(2));
    host.resolver.cgroup_removed(CgroupId::V2(cgroup));
    assert!(host.resolver.resources().is_empty());
}

#[test]
fn a_cgroup_that_ctrace_made_has_numbers() {
    let mut host = Host::new(&[]);
    let cgroup = host.make("/ctrace-1");
    host.put("cgroup/ctrace-1/pids.current", "2\n");
    host.put("proc/77/cgroup", "0::/ctrace-1/below\n");
    host.resolver.name_cgroup(CgroupId::V2(cgroup), Container::unnamed(Runtime::Ctrace, "run-1"));
    let below = host.make("/ctrace-1/below");
    host.meet(1, below, HOST);
    host.advance(0);
    host.advance(MS);
    let told = host.resolver.resources();
    assert_eq!(told.iter().map(|told| (told.owner.slot, told.processes)).collect::<Vec<_>>(), [(1, Some(2))]);
}
