//! What a cgroup's path says of containers: the names that runtimes give to cgroups. Pure.
//!
//! An engine names a cgroup in one of three forms, by its cgroup driver:
//! - cgroupfs: `libpod-ID`, or a bare `ID` below a directory that tells the runtime;
//! - systemd: the scope `docker-ID.scope`;
//! - systemd's `slice:docker:ID` taken literally, where the cgroup driver was set to cgroupfs by
//!   mistake.
//!
//! Containers that are looked after like machines have a name instead of an id: see [`machine`].

use std::borrow::Cow;

use super::Runtime;

/// The tag before the id, in every form but the bare one. `conmon` and other helpers have tags of
/// their own (`libpod-conmon-ID.scope`), so that what is left of them is no id.
const TAGS: [(&str, Runtime); 6] = [
    ("docker", Runtime::Docker),
    ("libpod", Runtime::Podman),
    // Of `--cgroups=split`, which systemd's units of podman (quadlets) use.
    ("libpod-payload", Runtime::Podman),
    ("cri-containerd", Runtime::Containerd),
    ("nerdctl", Runtime::Containerd),
    ("crio", Runtime::Crio),
];

/// Directories with bare ids below them.
const PARENTS: [(Parent, Runtime); 2] = [
    (Parent::Named("docker"), Runtime::Docker),
    // dockershim and cri-dockerd do the same; whoever looks the id up sees which it was.
    (Parent::KubePod, Runtime::Containerd),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Parent {
    Named(&'static str),
    /// A Kubernetes pod's.
    KubePod,
}

/// LXC's containers: `lxc.payload.NAME`, or below a directory (`lxc.payload` in 4.0, `lxc` before it).
/// <https://github.com/lxc/lxc/blob/lxc-5.0.2/src/lxc/cgroups/cgroup.h> (`DEFAULT_PAYLOAD_CGROUP_PREFIX`)
const LXC_PREFIX: &str = "lxc.payload.";
const LXC_PARENTS: [&str; 2] = ["lxc", "lxc.payload"];

/// What systemd-machined makes for a machine, and what systemd-nspawn is started by. nspawn itself may
/// be in a cgroup beside the container's.
/// <https://github.com/systemd/systemd/blob/v256/src/nspawn/nspawn-cgroup.c> (`create_subcgroup`)
const MACHINE: (&str, &str) = ("machine-", ".scope");
const NSPAWN_UNIT: (&str, &str) = ("systemd-nspawn@", ".service");
const NSPAWN_PAYLOAD: &str = "payload";
const NSPAWN_SUPERVISOR: &str = "supervisor";

/// libvirt's machines by driver: `DRIVER-NUMBER-NAME`. None: a virtual machine, no container.
/// <https://github.com/libvirt/libvirt/blob/v10.0.0/src/util/virsystemd.c>
const LIBVIRT: [(&str, Option<Runtime>); 4] =
    [("lxc-", Some(Runtime::Lxc)), ("qemu-", None), ("ch-", None), ("xen-", None)];

/// Podman's pods: the parent of their cgroup with the cgroupfs driver, the tag of their slice with
/// systemd's.
const PODMAN_PARENT: &str = "libpod_parent";
const PODMAN_SLICE_TAG: &str = "libpod_pod_";

/// Deeper nesting than anybody runs: it bounds the work on a hostile path.
pub const NESTING_MAX: usize = 16;

/// A container that a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named<'a> {
    pub runtime: Runtime,
    /// 64 lower-case hexadecimal digits, or, of LXC and nspawn, the name.
    pub id: Cow<'a, str>,
    /// The pod's uid or id.
    pub pod: Option<String>,
    /// The container's own cgroup: the part of the path that ends with it.
    pub cgroup: &'a str,
}

/// The containers that a cgroup v2 path goes through, outermost first, at most [`NESTING_MAX`].
/// Empty: the path alone names none.
pub fn containers(path: &str) -> Vec<Named<'_>> {
    let mut found = Vec::new();
    let (mut parent, mut pod, mut end) = ("", None, 0);
    let mut components = path.split('/').peekable();
    while let Some(component) = components.next() {
        end += component.len();
        let around = pod.take();
        let named = container(component, parent);
        let aside = components.peek().is_some_and(|next| *next == NSPAWN_SUPERVISOR);
        if let Some((runtime, id)) = named.filter(|(runtime, _)| !(aside && *runtime == Runtime::Nspawn)) {
            let cgroup = path.get(..end).unwrap_or(path);
            found.push(Named { runtime, id, pod: around.or_else(|| kube_pod_uid(component)), cgroup });
        } else {
            pod = pod_id(component, parent);
        }
        if found.len() == NESTING_MAX {
            break;
        }
        parent = component;
        end += 1;
    }
    found
}

/// A service of systemd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service<'a> {
    /// With its `.service`.
    pub name: &'a str,
    /// Its own cgroup: the part of the path that ends with it.
    pub cgroup: &'a str,
}

/// The innermost service that a cgroup v2 path goes through, in the innermost container that it names.
pub fn service(path: &str) -> Option<Service<'_>> {
    let around = containers(path).last().map_or(0, |container| container.cgroup.len());
    let mut cgroup = path;
    while cgroup.len() > around {
        let (above, name) = cgroup.rsplit_once('/')?;
        if name.strip_suffix(".service").is_some_and(|unit| !unit.is_empty()) {
            return Some(Service { name, cgroup });
        }
        cgroup = above;
    }
    None
}

/// Whether no container can come to life in this very cgroup unless its runtime says so: the root,
/// and what systemd makes for its own units.
pub fn is_host_unit(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let unit_type = name.rsplit_once('.').map(|(_, unit_type)| unit_type);
    name.is_empty() || matches!(unit_type, Some("slice" | "service"))
}

/// Whether `path` is `above` or below it.
pub fn is_within(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether `text` is a container id as the engines make them; also what makes it safe to put into a
/// file name.
pub fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn container<'a>(component: &'a str, parent: &str) -> Option<(Runtime, Cow<'a, str>)> {
    let engines = bare(component, parent).or_else(|| {
        let (tag, id) = tagged(component)?;
        let (_, runtime) = TAGS.iter().find(|(known, _)| *known == tag)?;
        is_id(id).then_some((*runtime, id))
    });
    engines
        .map(|(runtime, id)| (runtime, Cow::Borrowed(id)))
        .or_else(|| lxc(component, parent))
        .or_else(|| machine(component, parent))
}

fn bare<'a>(component: &'a str, parent: &str) -> Option<(Runtime, &'a str)> {
    let is_parent = |wanted: Parent| match wanted {
        Parent::Named(name) => parent == name,
        Parent::KubePod => kube_pod_uid(parent).is_some(),
    };
    let (_, runtime) = PARENTS.iter().find(|(wanted, _)| is_parent(*wanted))?;
    is_id(component).then_some((*runtime, component))
}

fn lxc<'a>(component: &'a str, parent: &str) -> Option<(Runtime, Cow<'a, str>)> {
    let below = || LXC_PARENTS.contains(&parent).then_some(component);
    let name = component.strip_prefix(LXC_PREFIX).or_else(below)?;
    // A monitor's is beside the container's.
    let is_name = !matches!(name, "" | "." | "..") && !name.starts_with("lxc.");
    is_name.then_some((Runtime::Lxc, Cow::Borrowed(name)))
}

/// `machine-NAME.scope` as a whole, and of `systemd-nspawn@NAME.service` what is in `payload`.
fn machine<'a>(component: &'a str, parent: &str) -> Option<(Runtime, Cow<'a, str>)> {
    let name = if component == NSPAWN_PAYLOAD {
        return between(parent, NSPAWN_UNIT).map(|name| (Runtime::Nspawn, Cow::Owned(name)));
    } else {
        between(component, MACHINE)?
    };
    let libvirt = LIBVIRT.iter().find(|(driver, _)| name.starts_with(driver));
    let runtime = libvirt.map_or(Some(Runtime::Nspawn), |(_, runtime)| *runtime)?;
    Some((runtime, Cow::Owned(name)))
}

/// The machine's name in a unit's.
fn between(unit: &str, (prefix, suffix): (&str, &str)) -> Option<String> {
    let name = unescape(unit.strip_prefix(prefix)?.strip_suffix(suffix)?)?;
    // A host name, as machined wants it; also what makes it safe to put into a file name.
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    (plain && !name.is_empty() && name.len() <= 64 && !name.starts_with('.')).then_some(name)
}

/// Undoes systemd's `\x2d`, of ASCII alone.
/// <https://www.freedesktop.org/software/systemd/man/256/systemd.unit.html> (string escaping)
fn unescape(text: &str) -> Option<String> {
    let mut parts = text.split("\\x");
    let mut plain = parts.next()?.to_owned();
    for part in parts {
        let (hex, rest) = part.split_at_checked(2)?;
        let byte = u8::from_str_radix(hex, 16).ok().filter(u8::is_ascii)?;
        plain.push(char::from(byte));
        plain.push_str(rest);
    }
    Some(plain)
}

/// The tag and what follows it, in any of the forms.
fn tagged(component: &str) -> Option<(&str, &str)> {
    if let Some((slice_and_tag, id)) = component.rsplit_once(':') {
        return slice_and_tag.rsplit_once(':').map(|(_, tag)| (tag, id));
    }
    component.strip_suffix(".scope").unwrap_or(component).rsplit_once('-')
}

fn pod_id(component: &str, parent: &str) -> Option<String> {
    let podman = if parent == PODMAN_PARENT {
        Some(component)
    } else {
        component
            .strip_suffix(".slice")
            .and_then(|slice| slice.rsplit_once(PODMAN_SLICE_TAG))
            .map(|(_, id)| id)
    };
    podman.filter(|id| is_id(id)).map(str::to_owned).or_else(|| kube_pod_uid(component))
}

/// The uid in `podUID`, in `kubepods-besteffort-podUID.slice`, where `-` had to become `_`, or in a
/// slice taken literally (see the module's head).
fn kube_pod_uid(component: &str) -> Option<String> {
    let component = component.split(':').next().unwrap_or_default();
    let uid = match component.strip_suffix(".slice") {
        Some(slice) => slice.rsplit_once("-pod")?.1.replace('_', "-"),
        None => component.strip_prefix("pod")?.to_owned(),
    };
    // A UUID, or the hash of a static pod's manifest: 32 digits either way.
    let digits = uid.bytes().filter(u8::is_ascii_hexdigit).count();
    let dashes = uid.bytes().filter(|b| *b == b'-').count();
    (digits == 32 && digits + dashes == uid.len()).then_some(uid)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `PATH<tab>CHAIN`: the containers from outside in as `runtime:id` or `runtime:id@pod`, joined by
    /// ` > `, `-` for none. `@ID@` and the like stand for ids.
    const CASES: &str = include_str!("../../../tests/fixtures/cgroup_paths.txt");

    fn describe(path: &str) -> String {
        let chain = containers(path);
        let all = chain.iter().map(|c| match &c.pod {
            Some(pod) => format!("{}:{}@{pod}", c.runtime, c.id),
            None => format!("{}:{}", c.runtime, c.id),
        });
        let all: Vec<_> = all.collect();
        if all.is_empty() { "-".to_owned() } else { all.join(" > ") }
    }

    fn cases() -> impl Iterator<Item = (String, String)> {
        let filled = |text: &str| {
            text.replace("<A>", &"a1".repeat(32))
                .replace("<B>", &"b2".repeat(32))
                .replace("<C>", &"c3".repeat(32))
                .replace("<63>", &"a".repeat(63))
                .replace("<65>", &"a".repeat(65))
                .replace("<LONG>", &"x/".repeat(2000))
        };
        let lines = CASES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(move |line| {
            let (path, chain) = line.split_once('\t').unwrap_or_else(|| panic!("no tab: {line}"));
            (filled(path), filled(chain.trim()))
        })
    }

    #[test]
    fn every_path_names_what_its_line_says() {
        let wrong: Vec<_> = cases().filter(|(path, chain)| describe(path) != *chain).collect();
        assert!(cases().count() > 50);
        assert!(wrong.is_empty(), "{:#?}", wrong.iter().map(|(p, _)| (p, describe(p))).collect::<Vec<_>>());
    }

    #[test]
    fn a_containers_cgroup_ends_with_it() {
        let id = "ab".repeat(32);
        let path = format!("/libpod_parent/libpod-{id}/container/deep");
        assert_eq!(containers(&path)[0].cgroup, format!("/libpod_parent/libpod-{id}"));
    }

    #[test]
    fn of_nspawn_the_payload_is_the_container() {
        let cgroup = |path: &'static str| containers(path).pop().map(|named| named.cgroup);
        let scope = "/machine.slice/machine-a\\x2db.scope";
        assert_eq!(cgroup("/machine.slice/machine-a\\x2db.scope/payload/init.scope"), Some(scope));
        let payload = "/machine.slice/systemd-nspawn@a.service/payload";
        assert_eq!(cgroup("/machine.slice/systemd-nspawn@a.service/payload/init.scope"), Some(payload));
    }

    #[test]
    fn a_service_is_the_innermost_one_of_the_innermost_container() {
        let a = "a1".repeat(32);
        for (path, name, cgroup) in [
            ("/system.slice/nginx.service", "nginx.service", "/system.slice/nginx.service"),
            ("/system.slice/nginx.service/worker", "nginx.service", "/system.slice/nginx.service"),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service",
                "foo.service",
                "/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service",
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/init.scope",
                "user@1000.service",
                "/user.slice/user-1000.slice/user@1000.service",
            ),
            (
                "/lxc.payload.web/system.slice/cron.service",
                "cron.service",
                "/lxc.payload.web/system.slice/cron.service",
            ),
            (
                "/machine.slice/systemd-nspawn@a.service/supervisor",
                "systemd-nspawn@a.service",
                "/machine.slice/systemd-nspawn@a.service",
            ),
        ] {
            assert_eq!(service(path), Some(Service { name, cgroup }), "{path}");
        }
        for path in [
            "/",
            "",
            "/system.slice",
            "/system.slice/.service",
            "/system.slice/docker.socket",
            "nginx.service",
            "/system.slice/web.service/lxc.payload.web/init.scope",
            "/machine.slice/systemd-nspawn@a.service/payload",
            &format!("/system.slice/web.service/libpod-payload-{a}/x"),
        ] {
            assert_eq!(service(path), None, "{path}");
        }
    }

    #[test]
    fn hostile_nesting_is_cut() {
        let path = format!("/docker/{}", "ab".repeat(32)).repeat(NESTING_MAX + 5);
        assert_eq!(containers(&path).len(), NESTING_MAX);
    }

    #[test]
    fn within_goes_by_whole_components() {
        assert!(is_within("/a/b", "/a"));
        assert!(is_within("/a", "/a"));
        assert!(!is_within("/ab", "/a"));
    }

    #[test]
    fn host_units_are_the_root_slices_and_services() {
        for path in ["/", "/user.slice", "/system.slice/docker.service"] {
            assert!(is_host_unit(path), "{path}");
        }
        for path in ["/web", "/system.slice/runc-web.scope", "/slice"] {
            assert!(!is_host_unit(path), "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_path_panics(path in "\\PC*") {
            containers(&path);
            service(&path);
            is_host_unit(&path);
        }

        #[test]
        fn every_cgroup_found_is_a_head_of_its_path(
            parts in prop::collection::vec(
                "(docker|libpod_parent|é|\\.\\.|libpod-|docker-|lxc|lxc\\.payload\\.|machine-|payload)?([0-9a-f]{64}|\\PC{0,4})?(\\.scope)?",
                0..8,
            ),
        ) {
            let path = format!("/{}", parts.join("/"));
            for found in containers(&path) {
                prop_assert!(is_within(&path, found.cgroup));
                let named = matches!(found.runtime, Runtime::Lxc | Runtime::Nspawn);
                prop_assert!(!found.id.contains('/') && found.id != "..");
                prop_assert!(named || is_id(&found.id) && found.cgroup.contains(&*found.id));
            }
        }
    }
}
