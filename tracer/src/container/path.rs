//! What a cgroup's path says of containers: the names that runtimes give to cgroups. Pure.
//!
//! A runtime names a cgroup in one of three forms, by its cgroup driver:
//! - cgroupfs: `libpod-ID`, or a bare `ID` below a directory that tells the runtime;
//! - systemd: the scope `docker-ID.scope`;
//! - systemd's `slice:docker:ID` taken literally, where the cgroup driver was set to cgroupfs by
//!   mistake.

use super::Runtime;

/// The tag before the id, in every form but the bare one. `conmon` and other helpers have tags of
/// their own (`libpod-conmon-ID.scope`), so that what is left of them is no id.
const TAGS: [(&str, Runtime); 5] = [
    ("docker", Runtime::Docker),
    ("libpod", Runtime::Podman),
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
    /// 64 lower-case hexadecimal digits.
    pub id: &'a str,
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
    for component in path.split('/') {
        end += component.len();
        let around = pod.take();
        if let Some((runtime, id)) = container(component, parent) {
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

fn container<'a>(component: &'a str, parent: &str) -> Option<(Runtime, &'a str)> {
    if is_id(component) {
        let is_parent = |wanted: Parent| match wanted {
            Parent::Named(name) => parent == name,
            Parent::KubePod => kube_pod_uid(parent).is_some(),
        };
        return PARENTS
            .iter()
            .find(|(wanted, _)| is_parent(*wanted))
            .map(|(_, runtime)| (*runtime, component));
    }
    let (tag, id) = tagged(component)?;
    let (_, runtime) = TAGS.iter().find(|(known, _)| *known == tag)?;
    is_id(id).then_some((*runtime, id))
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
            is_host_unit(&path);
        }

        #[test]
        fn every_cgroup_found_is_a_head_of_its_path(
            parts in prop::collection::vec("(docker|libpod_parent|é|\\.\\.|libpod-|docker-)?([0-9a-f]{64})?(\\.scope)?", 0..8),
        ) {
            let path = format!("/{}", parts.join("/"));
            for found in containers(&path) {
                prop_assert!(is_within(&path, found.cgroup));
                prop_assert!(is_id(found.id) && found.cgroup.contains(found.id));
            }
        }
    }
}
