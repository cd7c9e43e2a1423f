//! Containers in containers: an outer one of podman, which has the machine's programs in it, and a runtime
//! inside.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::engine::{Engine, Facts, LABEL, Launch, version};
use super::json::{number, parse};
use super::oci;
use super::podman::{Podman, facts, inspect, text};
use super::process::run;
use super::unique;
use super::wait::until;

/// What runs in the outer container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    Podman,
    /// Its containers are privileged themselves.
    PodmanPrivileged,
    /// It sees the machine's own cgroups, hence its containers are not below the outer one's.
    PodmanOverHostCgroups,
    /// A user other than root runs it.
    PodmanRootless,
    /// The outer container has no privileges: podman there makes do with a user namespace.
    PodmanUnprivileged,
    Docker,
    Runc,
}

use Inside::{
    Docker, Podman as Plain, PodmanOverHostCgroups, PodmanPrivileged, PodmanRootless, PodmanUnprivileged,
    Runc,
};

/// Has this uid on every distribution, has no subordinate ids, and needs none to run as root of its own.
const DAEMON: &str = "1";

const HOME: &str = "/run/home";
const SESSION: &str = "/run/user/1";

/// Of the inner container.
const IMAGE: &str = "localhost/inner:1";

pub struct Nested {
    inside: Inside,
    podman: Podman,
    outer: String,
}

impl Nested {
    pub fn new(inside: Inside) -> Self {
        let podman = Podman::new();
        let nested = Self { inside, podman, outer: unique("outer") };
        run(&mut nested.outer_command()).expect(0);
        nested.prepare();
        nested
    }

    pub fn outer_id(&self) -> String {
        self.podman.id(&self.outer).expect("the outer container runs")
    }

    fn outer_command(&self) -> Command {
        let folder = self.podman.folder().display();
        let mut command = self.podman.podman();
        command.args(["run", "--detach", "--init", "--network", "none", "--name", &self.outer]);
        for machine in ["/usr", "/lib", "/lib64", "/etc"] {
            command.arg(format!("--volume={machine}:{machine}:ro"));
        }
        command.arg(format!("--volume={folder}:{folder}:ro"));
        for own in ["/var/lib/containers", "/var/lib/docker", "/var/tmp", "/run:exec"] {
            command.arg(format!("--tmpfs={own}"));
        }
        command.args(match self.inside {
            // All that podman needs besides: every system call, and a /proc that hides nothing.
            PodmanUnprivileged => {
                ["--security-opt=unmask=ALL", "--security-opt=seccomp=unconfined"].as_slice()
            }
            PodmanOverHostCgroups => &["--privileged", "--volume=/sys/fs/cgroup:/sys/fs/cgroup"],
            Plain | PodmanPrivileged | PodmanRootless | Docker | Runc => &["--privileged"],
        });
        if self.inside == PodmanRootless {
            // Where the home directory is.
            let users = self.file("passwd");
            let lines = format!("root:x:0:0::/root:/bin/sh\ndaemon:x:{DAEMON}:{DAEMON}::{HOME}:/bin/sh\n");
            fs::write(&users, lines).expect("a temporary folder can be written to");
            command.arg(format!("--volume={}:/etc/passwd:ro", users.display()));
        }
        command.arg(self.podman.image().expect("podman has images")).args(["sleep", "1000000"]);
        command
    }

    /// A program in the outer container; `options` are for `podman exec`.
    fn exec(&self, options: &[&str], words: &[&str]) -> Command {
        let mut command = self.podman.podman();
        command.args(["exec", "--env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/bin"]);
        command.arg(format!("--env=CONTAINERS_CONF={}", self.file("containers.conf").display()));
        command.arg(format!("--env=HOME={HOME}"));
        if self.inside == PodmanRootless {
            command.args(["--user", DAEMON]).arg(format!("--env=XDG_RUNTIME_DIR={SESSION}"));
        }
        command.args(options).arg(&self.outer).args(words);
        command
    }

    /// As root in the outer container.
    pub fn shell(&self, script: &str) {
        run(self.podman.podman().args(["exec", &self.outer, "sh", "-c", script])).expect(0);
    }

    fn prepare(&self) {
        // As on every machine; docker writes to /var/run.
        self.shell(&format!(
            "chmod 1777 /var/tmp && ln -s /run /var/run && mkdir /run/user && mkdir -m 700 {HOME} {SESSION}"
        ));
        match self.inside {
            Runc => return,
            Docker => {
                let daemon = "exec dockerd --iptables=false --ip6tables=false --bridge=none \
                              --storage-driver=vfs --exec-opt native.cgroupdriver=cgroupfs 2>/run/dockerd.log";
                run(&mut self.exec(&["--detach"], &["sh", "-c", daemon])).expect(0);
                until("a docker daemon in the container", || {
                    (run(&mut self.exec(&[], &["docker", "version"])).code == 0).then_some(())
                });
            }
            PodmanRootless => self.shell(&format!("chown {DAEMON} {HOME} {SESSION}")),
            Plain | PodmanPrivileged | PodmanOverHostCgroups | PodmanUnprivileged => {}
        }
        let tool = self.runtime();
        let rootfs = self.file("rootfs");
        let import =
            format!("tar -C {} -c . | {tool} import --change 'ENV PATH=/bin' - {IMAGE}", rootfs.display());
        run(&mut self.exec(&[], &["sh", "-c", &import])).expect(0);
    }

    fn file(&self, name: &str) -> PathBuf {
        self.podman.folder().join(name)
    }

    /// A bundle for runc, seen at the same place inside.
    fn bundle(&self, name: &str, launch: &Launch) -> PathBuf {
        let bundle = self.file(name);
        fs::create_dir_all(&bundle).expect("a temporary folder can be written to");
        let config = oci::config(&self.file("rootfs"), launch, None);
        fs::write(bundle.join("config.json"), config.to_string()).expect("a bundle can be written");
        bundle
    }

    fn inspected(&self, name: &str) -> Facts {
        let inspected = inspect(self.exec(&[], &[self.runtime()]), &["container", "inspect", name]);
        let (image, digest) =
            if self.inside == Docker { ("Config.Image", "") } else { ("ImageName", "sha256:") };
        Facts {
            name: text(&inspected, "Name").map(|name| name.trim_start_matches('/').to_owned()),
            image: text(&inspected, image),
            image_id: text(&inspected, "Image").map(|id| format!("{digest}{id}")),
            ..facts(&inspected)
        }
    }
}

impl Engine for Nested {
    fn runtime(&self) -> &'static str {
        match self.inside {
            Docker => "docker",
            Runc => "runc",
            Plain | PodmanPrivileged | PodmanOverHostCgroups | PodmanRootless | PodmanUnprivileged => {
                "podman"
            }
        }
    }

    fn mode(&self) -> &'static str {
        match self.inside {
            Plain | Docker | Runc => "in podman",
            PodmanPrivileged => "in podman, privileged",
            PodmanOverHostCgroups => "in podman, over the host's cgroups",
            PodmanRootless => "in podman, rootless",
            PodmanUnprivileged => "in podman without privileges",
        }
    }

    fn version(&self) -> String {
        // docker's client may be of another version than its daemon.
        let program = if self.inside == Docker { "dockerd" } else { self.runtime() };
        version(&mut self.exec(&[], &[program, "--version"]))
    }

    fn image(&self) -> Option<&str> {
        (self.inside != Runc).then_some(IMAGE)
    }

    fn command(&self, name: &str, launch: &Launch) -> Command {
        if self.inside == Runc {
            let bundle = self.bundle(name, launch);
            let mut command = self.exec(&[], &["runc", "run", "--bundle"]);
            command.arg(bundle).arg(name);
            return command;
        }
        let mut command = self.exec(&[], &[self.runtime(), "run", "--network", "none", "--name", name]);
        command.arg("--label").arg(format!("{}={}", LABEL.0, LABEL.1));
        if launch.privileged || self.inside == PodmanPrivileged {
            command.arg("--privileged");
        }
        if let Some(profile) = launch.seccomp {
            command.arg(format!("--security-opt=seccomp={}", profile.display()));
        }
        if let Some(user) = launch.user {
            command.arg(format!("--user={user}"));
        }
        command.arg(IMAGE).args(launch.args);
        command
    }

    fn id(&self, name: &str) -> Option<String> {
        if self.inside == Runc {
            return Some(name.to_owned());
        }
        let done = run(&mut self.exec(&[], &[self.runtime(), "inspect", "--format", "{{.Id}}", name]));
        (done.code == 0).then(|| done.stdout.trim().to_owned())
    }

    fn facts(&self, name: &str) -> Facts {
        let inside = if self.inside == Runc {
            oci::facts(&parse(&run(&mut self.exec(&[], &["runc", "state", name])).expect(0).stdout))
        } else {
            self.inspected(name)
        };
        let outer = inspect(self.podman.podman(), &["container", "inspect", &self.outer]);
        let first = u32::try_from(number(&outer, "State.Pid")).expect("a pid");
        Facts {
            pid: host_pid(first, inside.pid),
            parent: text(&outer, "Id"),
            user: (self.inside == PodmanRootless).then(|| DAEMON.parse().expect("a uid")),
            ..inside
        }
    }

    fn remove(&self, name: &str) {
        let words: &[&str] = match self.inside {
            Runc => &["runc", "delete", "--force", name],
            Docker => &["docker", "rm", "--force", name],
            Plain | PodmanPrivileged | PodmanOverHostCgroups | PodmanRootless | PodmanUnprivileged => {
                &["podman", "rm", "--force", "--ignore", "--time", "0", name]
            }
        };
        // runc and docker know no `--ignore`.
        let _ = run(&mut self.exec(&[], words));
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        self.podman.remove(&self.outer);
    }
}

/// Of the first process of a container that has the pid `inner` in the container of the host's `outer`.
fn host_pid(outer: u32, inner: u32) -> u32 {
    let namespace = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let around = namespace(outer);
    let pids = fs::read_dir("/proc").expect("/proc can be read").flatten();
    let mut pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let found = pids.find(|&pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let field = |name| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        // Its pid here, in the outer container, and in its own.
        let ends = field("NSpid").is_some_and(|pids| pids.ends_with(&format!("\t{inner}\t1")));
        let parent = field("PPid").and_then(|pid| pid.trim().parse().ok());
        ends && parent.and_then(namespace) == around
    });
    found.unwrap_or_else(|| panic!("no container in that of {outer} has the pid {inner} there"))
}
