//! Containers in pods of podman.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::json;

use super::cgroup;
use super::engine::{Engine, Facts, LABEL, Launch};
use super::podman::Podman;
use super::process::run;
use super::unique;
use super::wait::until;

/// One pod for all containers.
pub struct PodmanPod {
    podman: Podman,
    pod: String,
    /// Pause images that were there before.
    pause: BTreeSet<String>,
}

impl PodmanPod {
    pub fn new() -> Self {
        let podman = Podman::new();
        let pause = pause_images(&podman);
        let pod = unique("pod");
        run(podman.podman().args(["pod", "create", "--network", "none", "--name", &pod])).expect(0);
        Self { podman, pod, pause }
    }
}

impl Engine for PodmanPod {
    fn runtime(&self) -> &'static str {
        self.podman.runtime()
    }

    fn mode(&self) -> &'static str {
        "pod"
    }

    fn image(&self) -> Option<&str> {
        self.podman.image()
    }

    fn command(&self, name: &str, launch: &Launch) -> Command {
        self.podman.run_with(&["--pod", &self.pod], name, launch)
    }

    fn id(&self, name: &str) -> Option<String> {
        self.podman.id(name)
    }

    fn facts(&self, name: &str) -> Facts {
        self.podman.facts(name)
    }

    fn remove(&self, name: &str) {
        self.podman.remove(name);
    }
}

impl Drop for PodmanPod {
    fn drop(&mut self) {
        remove_pod(&self.podman, &self.pod);
        remove_pause_images(&self.podman, &self.pause);
    }
}

/// Containers from Kubernetes' YAML, each in a pod of its own that has its name.
pub struct PlayKube {
    podman: Podman,
    /// Pause images that were there before.
    pause: BTreeSet<String>,
}

/// Of the container in its pod.
const CONTAINER: &str = "front";

impl PlayKube {
    pub fn new() -> Self {
        let podman = Podman::new();
        let pause = pause_images(&podman);
        Self { podman, pause }
    }

    /// As podman calls the container of a pod.
    fn container(pod: &str) -> String {
        format!("{pod}-{CONTAINER}")
    }
}

impl Engine for PlayKube {
    fn runtime(&self) -> &'static str {
        self.podman.runtime()
    }

    fn mode(&self) -> &'static str {
        "play kube"
    }

    fn image(&self) -> Option<&str> {
        self.podman.image()
    }

    fn command(&self, name: &str, launch: &Launch) -> Command {
        // JSON is YAML.
        let pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "shop", "labels": {LABEL.0: LABEL.1}},
            "spec": {"restartPolicy": "Never", "containers": [{
                "name": CONTAINER,
                "image": self.image(),
                "command": launch.args,
                "imagePullPolicy": "Never"
            }]}
        });
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("pod.yaml");
        fs::write(&file, pod.to_string()).expect("a file can be written");
        let mut play = self.podman.podman();
        run(play.args(["play", "kube", "--start=false", "--network", "none"]).arg(file)).expect(0);
        let mut command = self.podman.podman();
        command.args(["start", "--attach", &Self::container(name)]);
        command
    }

    fn id(&self, name: &str) -> Option<String> {
        self.podman.id(&Self::container(name))
    }

    fn facts(&self, name: &str) -> Facts {
        self.podman.facts(&Self::container(name))
    }

    fn remove(&self, name: &str) {
        remove_pod(&self.podman, name);
    }
}

impl Drop for PlayKube {
    fn drop(&mut self) {
        remove_pause_images(&self.podman, &self.pause);
    }
}

/// podman makes one at its first pod, and keeps it.
fn pause_images(podman: &Podman) -> BTreeSet<String> {
    let filter = "--filter=reference=localhost/podman-pause";
    let done = run(podman.podman().args(["images", "--quiet", "--no-trunc", filter])).expect(0);
    done.stdout.lines().map(str::to_owned).collect()
}

fn remove_pause_images(podman: &Podman, before: &BTreeSet<String>) {
    for image in pause_images(podman).difference(before) {
        // One that is in use refuses.
        let _ = run(podman.podman().args(["rmi", image]));
    }
}

/// With its cgroup, in which podman leaves a directory.
fn remove_pod(podman: &Podman, pod: &str) {
    let id = run(podman.podman().args(["pod", "inspect", "--format", "{{.Id}}", pod])).stdout;
    // podman refuses while one of its containers ends by itself.
    until(&format!("the removal of {pod}"), || {
        let done = run(podman.podman().args(["pod", "rm", "--force", "--ignore", "--time", "0", pod]));
        (done.code == 0).then_some(())
    });
    for folder in cgroup::find(|name| name == id.trim()) {
        for child in cgroup::subfolders(&folder) {
            let _ = fs::remove_dir(child);
        }
        let _ = fs::remove_dir(folder);
    }
}
