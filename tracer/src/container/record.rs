//! What the readers of state files hand on.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Container, Pod, Runtime};

/// Directory of containerd's tasks, one bundle each, in whatever directory keeps its state.
pub const TASKS: &str = "io.containerd.runtime.v2.task";

/// A container as an engine's state file has it.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    pub container: Container,
    pub file: PathBuf,
}

/// What others than the engine's own state file add: its database, its OCI runtime.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extra {
    pub name: Option<String>,
    /// As it was asked for: `docker.io/library/nginx:1.27`.
    pub image: Option<String>,
    /// `sha256:` and 64 hex digits. Of podman the image's id, of containerd its manifest's digest.
    pub image_id: Option<String>,
    /// By key.
    pub labels: Vec<(String, String)>,
    pub pod_id: Option<String>,
    pub pod_name: Option<String>,
    /// As `execve` gets it; see [`healthcheck`].
    pub healthcheck: Vec<String>,
    /// ns since 1970, while it runs.
    pub started_ns: Option<i64>,
    /// Of its first process, while it runs.
    pub pid: Option<u32>,
}

impl Record {
    /// Fills in what is not known yet.
    pub fn complete(self, extra: Extra) -> Self {
        let Self { mut container, file } = self;
        let Extra { name, image, image_id, mut labels, pod_id, pod_name, healthcheck, started_ns, pid } =
            extra;
        labels.retain(|(key, _)| !container.labels.iter().any(|(known, _)| known == key));
        container.labels.extend(labels);
        if pod_id.is_some() || pod_name.is_some() {
            let pod = container.pod.take().unwrap_or_default();
            container.pod = Some(Pod { uid: pod.uid.or(pod_id), name: pod.name.or(pod_name), ..pod });
        }
        if container.healthcheck.is_empty() {
            container.healthcheck = healthcheck;
        }
        let container = Container {
            name: container.name.or(name),
            image: container.image.or(image),
            image_id: container.image_id.or(image_id),
            started_ns: container.started_ns.or(started_ns),
            pid: container.pid.or(pid),
            ..container
        };
        Self { container, file }
    }
}

/// What runs for `test`, a health check as images and engines write it: `["CMD", ARG..]`,
/// `["CMD-SHELL", COMMAND]`, `["NONE"]`, or the arguments alone. `shell`: the image's, if it has one.
pub fn healthcheck(mut test: Vec<String>, shell: Vec<String>) -> Vec<String> {
    match test.first().map(String::as_str) {
        Some("NONE") => Vec::new(),
        Some("CMD") => test.split_off(1),
        Some("CMD-SHELL") => {
            let shell = if shell.is_empty() { vec!["/bin/sh".to_owned(), "-c".to_owned()] } else { shell };
            shell.into_iter().chain(test.split_off(1)).collect()
        }
        _ => test,
    }
}

/// What the kubelet tells an engine of the pod.
pub fn kubelet_pod(labels: &BTreeMap<String, String>) -> Option<Pod> {
    let label = |key: &str| labels.get(key).cloned();
    let pod = Pod {
        name: label("io.kubernetes.pod.name"),
        uid: label("io.kubernetes.pod.uid"),
        namespace: label("io.kubernetes.pod.namespace"),
        container_name: label("io.kubernetes.container.name"),
    };
    (pod != Pod::default()).then_some(pod)
}

/// A container as what made it knows it: an OCI runtime, or `systemd-machined` for others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OciState {
    pub id: String,
    /// Which runtime wrote it.
    pub runtime: Runtime,
    pub pid: Option<u32>,
    /// From the root of cgroup v2. None: it has none of its own.
    pub cgroup: Option<String>,
    /// From the root of a cgroup v1 hierarchy, where that is another one than `cgroup`.
    pub cgroup_v1: Option<String>,
    /// Directory of its spec, as the runtime was told.
    pub bundle: String,
    pub annotations: Vec<(String, String)>,
    /// Whose it is, by where the file lies; None: root's. Such a file may say of others' containers what
    /// its user likes.
    pub user: Option<u32>,
    /// ns since 1970.
    pub started_ns: Option<i64>,
    pub file: PathBuf,
}

impl OciState {
    /// Who had the runtime make it: the bundle lies in the engine's own directory.
    pub fn engine(&self) -> Runtime {
        let mut parts = self.bundle.rsplit('/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(_), Some("moby"), Some(TASKS)) => Runtime::Docker,
            (Some(_), Some(_), Some(TASKS)) => Runtime::Containerd,
            (Some("userdata"), Some(_), Some(store)) if store.ends_with("-containers") => {
                let libpod =
                    self.annotations.iter().any(|(k, v)| k == "io.container.manager" && v == "libpod");
                if libpod { Runtime::Podman } else { Runtime::Crio }
            }
            _ => self.runtime,
        }
    }

    /// All there is to know of a container without an engine.
    pub fn container(&self) -> Container {
        let Self { id, runtime, pid, user, started_ns, .. } = self;
        let labels = self.annotations.clone();
        let (pid, user, started_ns) = (*pid, *user, *started_ns);
        Container { labels, pid, started_ns, user, ..Container::unnamed(*runtime, id) }
    }

    /// Its cgroup v2, if that can tell it from others.
    pub fn own_cgroup(&self) -> Option<&str> {
        plain(self.cgroup.as_deref()?)
    }

    /// Its cgroup in a v1 hierarchy, if that can tell it from others.
    pub fn own_cgroup_v1(&self) -> Option<&str> {
        plain(self.cgroup_v1.as_deref().or(self.cgroup.as_deref())?)
    }
}

fn plain(cgroup: &str) -> Option<&str> {
    let plain =
        cgroup.starts_with('/') && !cgroup.split('/').skip(1).any(|part| matches!(part, "" | "." | ".."));
    plain.then_some(cgroup)
}

#[cfg(test)]
mod tests {
    use super::super::testing::oci_state;
    use super::*;

    #[test]
    fn the_bundle_tells_the_engine() {
        for (bundle, manager, engine) in [
            ("/run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby/x", None, Runtime::Docker),
            ("/run/containerd/io.containerd.runtime.v2.task/default/x", None, Runtime::Containerd),
            ("/var/lib/containers/storage/overlay-containers/x/userdata", Some("libpod"), Runtime::Podman),
            (
                "/home/ann/.local/share/containers/storage/vfs-containers/x/userdata",
                Some("libpod"),
                Runtime::Podman,
            ),
            ("/run/containers/storage/overlay-containers/x/userdata", Some("cri-o"), Runtime::Crio),
            ("/srv/web", Some("libpod"), Runtime::Runc),
            ("/srv/moby/x", None, Runtime::Runc),
            ("", None, Runtime::Runc),
            ("/", None, Runtime::Runc),
        ] {
            let manager = manager.map(|m| ("io.container.manager".to_owned(), m.to_owned()));
            let annotations = manager.into_iter().collect();
            let state = OciState { bundle: bundle.to_owned(), annotations, ..oci_state("x") };
            assert_eq!(state.engine(), engine, "{bundle}");
        }
    }

    #[test]
    fn a_cgroup_that_tells_nothing_is_none() {
        for cgroup in ["", "/", "relative", "/a/../b", "//", "/a/"] {
            let state = OciState { cgroup: Some(cgroup.to_owned()), ..oci_state("x") };
            assert_eq!((state.own_cgroup(), state.own_cgroup_v1()), (None, None), "{cgroup}");
        }
    }

    #[test]
    fn a_cgroup_is_the_same_in_v1_unless_it_says_otherwise() {
        let same = OciState { cgroup: Some("/web".to_owned()), ..oci_state("x") };
        assert_eq!((same.own_cgroup(), same.own_cgroup_v1()), (Some("/web"), Some("/web")));
        let other = OciState { cgroup_v1: Some("/a/web".to_owned()), ..same };
        assert_eq!((other.own_cgroup(), other.own_cgroup_v1()), (Some("/web"), Some("/a/web")));
        let alone = OciState { cgroup: None, ..other };
        assert_eq!((alone.own_cgroup(), alone.own_cgroup_v1()), (None, Some("/a/web")));
    }

    #[test]
    fn a_record_is_completed_and_never_changed() {
        let text = |text: &str| Some(text.to_owned());
        let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let extra = Extra {
            name: text("b"),
            image: text("i"),
            image_id: text("sha256:1"),
            labels: vec![label("x", "2"), label("y", "3")],
            pod_id: text("p"),
            pod_name: text("pod"),
            healthcheck: vec!["true".to_owned()],
            started_ns: Some(5),
            pid: Some(6),
        };
        let nothing = Container::unnamed(Runtime::Podman, "id");
        let record = |container: &Container| Record { container: container.clone(), file: "/f".into() };
        let pod = Pod { name: text("pod"), uid: text("p"), ..Pod::default() };
        let filled = Container {
            name: text("b"),
            image: text("i"),
            image_id: text("sha256:1"),
            labels: vec![label("x", "2"), label("y", "3")],
            pod: Some(pod),
            healthcheck: vec!["true".to_owned()],
            started_ns: Some(5),
            pid: Some(6),
            ..nothing.clone()
        };
        assert_eq!(record(&nothing).complete(extra.clone()), record(&filled));
        assert_eq!(record(&nothing).complete(Extra::default()), record(&nothing));

        let known = Container {
            name: text("a"),
            labels: vec![label("x", "1")],
            pod: Some(Pod { uid: text("q"), namespace: text("n"), ..Pod::default() }),
            pid: Some(1),
            ..nothing
        };
        let Record { container, .. } = record(&known).complete(extra);
        assert_eq!((container.name, container.pid), (text("a"), Some(1)));
        assert_eq!(container.labels, [label("x", "1"), label("y", "3")]);
        let pod = Pod { name: text("pod"), uid: text("q"), namespace: text("n"), container_name: None };
        assert_eq!(container.pod, Some(pod));
    }

    #[test]
    fn a_health_check_is_what_runs() {
        let owned = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        for (test, shell, runs) in [
            (&["CMD", "curl", "-f", "localhost"][..], &[][..], &["curl", "-f", "localhost"][..]),
            (&["CMD-SHELL", "a || b"], &[], &["/bin/sh", "-c", "a || b"]),
            (&["CMD-SHELL", "a"], &["bash", "-ec"], &["bash", "-ec", "a"]),
            (&["CMD-SHELL"], &[], &["/bin/sh", "-c"]),
            (&["NONE"], &[], &[]),
            (&[], &[], &[]),
            (&["/check", "now"], &[], &["/check", "now"]),
        ] {
            assert_eq!(healthcheck(owned(test), owned(shell)), owned(runs), "{test:?}");
        }
    }
}
