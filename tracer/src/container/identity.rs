//! Who an owner is.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::batch::OwnerId;

/// What is known of an owner: from the kernel its key, from the file system its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub id: OwnerId,
    /// Of the cgroup v2 directory.
    pub cgroup_id: u64,
    /// From the root of the cgroup v2 hierarchy; lossy where it is not UTF-8. None: never learnt.
    pub cgroup_path: Option<String>,
    /// Inode numbers of the namespaces of the owner's first task.
    pub pid_ns: u32,
    pub mnt_ns: u32,
    pub phase: Phase,
    /// `CLOCK_MONOTONIC` of its first call, ns.
    pub first_ns: u64,
    /// Process of that call.
    pub first_pid: u32,
    /// Its first task was there before the trace began.
    pub running: bool,
    /// It descends from the command that ctrace started.
    pub lineage: bool,
    /// The cgroup is gone: no more calls will come.
    pub ended: bool,
    pub owner: Owner,
}

/// Whether a task already runs what it was started for; see [`tracer_common::key::phase`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Setup,
    Workload,
    /// Workload that somebody else brought in: an `exec` session, or an engine's health check.
    Exec,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    Container(Arc<Container>),
    /// In no container, and that is certain.
    Host,
    /// We cannot tell. Never shown as the host's.
    Unknown(UnknownReason),
}

/// Why an owner has no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownReason {
    /// It is being looked up.
    Pending,
    /// Its cgroup went before its path was learnt.
    CgroupGone,
    /// It has a pid namespace of its own, but no runtime that we know says it is its container.
    NoRuntime,
}

impl fmt::Display for UnknownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "being looked up",
            Self::CgroupGone => "its cgroup was gone before its path was learnt",
            Self::NoRuntime => "own pid namespace, but of no known runtime",
        })
    }
}

/// A container as its runtime knows it. Text comes from state files that containers can influence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// In full, as the runtime prints it.
    pub id: String,
    pub name: Option<String>,
    pub runtime: Runtime,
    /// As it was asked for: `docker.io/library/nginx:1.27`.
    pub image: Option<String>,
    /// `sha256:...` where the runtime has it.
    pub image_id: Option<String>,
    pub labels: Vec<(String, String)>,
    /// Id of the container around it.
    pub parent: Option<String>,
    pub pod: Option<Pod>,
    /// Host pid of its first process.
    pub pid: Option<u32>,
    /// ns since 1970.
    pub started_ns: Option<i64>,
    /// The user whose container it is, where that is not root.
    pub user: Option<u32>,
    /// What its engine runs in it to see whether it is well, as `execve` gets it.
    pub healthcheck: Vec<String>,
}

/// The Kubernetes or podman pod around a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    pub name: Option<String>,
    pub uid: Option<String>,
    pub namespace: Option<String>,
    /// The container's name in the pod.
    pub container_name: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    Docker,
    Podman,
    Containerd,
    Crio,
    Runc,
    Crun,
    Lxc,
    Nspawn,
    /// A service of systemd: no container, but a unit with a name and a cgroup of its own.
    Systemd,
    /// A cgroup that `ctrace run` made.
    Ctrace,
}

impl Runtime {
    /// As in `container.runtime.name`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Containerd => "containerd",
            Self::Crio => "cri-o",
            Self::Runc => "runc",
            Self::Crun => "crun",
            Self::Lxc => "lxc",
            Self::Nspawn => "nspawn",
            Self::Systemd => "systemd",
            Self::Ctrace => "ctrace",
        }
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Container {
    /// One of which nothing but the id is known yet. LXC and nspawn have names for ids.
    pub fn unnamed(runtime: Runtime, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: matches!(runtime, Runtime::Lxc | Runtime::Nspawn).then(|| id.to_owned()),
            runtime,
            image: None,
            image_id: None,
            labels: Vec::new(),
            parent: None,
            pod: None,
            pid: None,
            started_ns: None,
            user: None,
            healthcheck: Vec::new(),
        }
    }

    /// Keeps of `before`, the same container known earlier, what is not known any more: its files may
    /// be gone.
    pub fn remember(&mut self, before: &Self) {
        let Self {
            id: _,
            name,
            runtime: _,
            image,
            image_id,
            labels,
            parent,
            pod,
            pid,
            started_ns,
            user,
            healthcheck,
        } = self;
        let keep = |now: &mut Option<String>, before: &Option<String>| {
            if now.is_none() {
                now.clone_from(before);
            }
        };
        keep(name, &before.name);
        keep(image, &before.image);
        keep(image_id, &before.image_id);
        keep(parent, &before.parent);
        *pid = pid.or(before.pid);
        *started_ns = started_ns.or(before.started_ns);
        *user = user.or(before.user);
        if healthcheck.is_empty() {
            healthcheck.clone_from(&before.healthcheck);
        }
        if labels.is_empty() {
            labels.clone_from(&before.labels);
        }
        let Some(before) = &before.pod else { return };
        let Pod { name, uid, namespace, container_name } = pod.get_or_insert_with(Pod::default);
        keep(name, &before.name);
        keep(uid, &before.uid);
        keep(namespace, &before.namespace);
        keep(container_name, &before.container_name);
    }

    /// What people call it: the name, else the id.
    pub fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }
}
