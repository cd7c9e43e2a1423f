//! What the readers of state files hand on.

use std::path::PathBuf;

use super::{Container, Runtime};

/// Directory of containerd's tasks, one bundle each, in whatever directory keeps its state.
pub const TASKS: &str = "io.containerd.runtime.v2.task";

/// A container as an engine's state file has it.
#[derive(Debug)]
pub struct Record {
    pub container: Container,
    pub file: PathBuf,
}

/// A container as its OCI runtime knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OciState {
    pub id: String,
    /// Which runtime wrote it: [`Runtime::Runc`] or [`Runtime::Crun`].
    pub runtime: Runtime,
    pub pid: Option<u32>,
    /// From the root of cgroup v2. None: it has none of its own.
    pub cgroup: Option<String>,
    /// Directory of its spec, as the runtime was told.
    pub bundle: String,
    pub annotations: Vec<(String, String)>,
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
        let labels = self.annotations.clone();
        Container { labels, pid: self.pid, ..Container::unnamed(self.runtime, &self.id) }
    }

    /// Its cgroup, if that can tell it from others.
    pub fn own_cgroup(&self) -> Option<&str> {
        let cgroup = self.cgroup.as_deref()?;
        let plain =
            cgroup.starts_with('/') && !cgroup.split('/').skip(1).any(|part| matches!(part, "" | "." | ".."));
        plain.then_some(cgroup)
    }
}
