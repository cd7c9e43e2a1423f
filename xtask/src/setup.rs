//! What the tests need of the machine, and getting what is missing from Debian.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::command::{as_root, exists, is_root, output, run};

/// Asked by Debian's packages before they start a daemon.
/// <https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt>
const POLICY: &str = "/usr/sbin/policy-rc.d";
/// "Action not allowed".
const POLICY_NO: &str = "#!/bin/sh\nexit 101\n";

const OCI_SCHEMA: &str =
    "/usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema/config-linux.json";

/// How one sees that a package is there.
enum Sign {
    Program(&'static str),
    File(&'static str),
}

use Sign::{File, Program};

/// With recommended packages left out, what they would bring is named here.
const PACKAGES: [(&str, Sign); 42] = [
    ("gcc", Program("gcc")),
    // The static C library.
    ("libc6-dev", File("/usr/include/stdio.h")),
    // The dynamic one does not run in an empty container.
    ("busybox-static", File("/usr/share/doc/busybox-static")),
    ("runc", Program("runc")),
    ("crun", Program("crun")),
    ("podman", Program("podman")),
    ("conmon", Program("conmon")),
    ("containernetworking-plugins", File("/usr/lib/cni/loopback")),
    ("catatonit", Program("catatonit")),
    ("uidmap", Program("newuidmap")),
    // docker's own packages, with a daemon of the same name, do as well.
    ("docker.io", Program("dockerd")),
    ("containerd", Program("ctr")),
    // gRPC to containerd.
    ("curl", Program("curl")),
    ("tmux", Program("tmux")),
    ("lxc", Program("lxc-start")),
    ("systemd", File("/lib/systemd/systemd")),
    ("systemd-container", Program("systemd-nspawn")),
    // Knows libseccomp's names and numbers.
    ("seccomp", Program("scmp_sys_resolver")),
    // The schema of the OCI's runtime specification.
    ("golang-github-opencontainers-specs-dev", File(OCI_SCHEMA)),
    // Tells the same of a program as ctrace must.
    ("strace", Program("strace")),
    // Programs that both trace, and workloads that profiles are proved with.
    ("git", Program("git")),
    // A small static program of Go.
    ("gosu", Program("gosu")),
    ("nodejs", Program("node")),
    ("perl", Program("perl")),
    ("python3", File("/usr/bin/python3")),
    ("nginx-light", Program("nginx")),
    ("postgresql", Program("pg_ctlcluster")),
    ("redis-server", Program("redis-server")),
    ("redis-tools", Program("redis-benchmark")),
    ("sqlite3", Program("sqlite3")),
    // Measured beside ctrace.
    ("bpftrace", Program("bpftrace")),
    ("linux-perf", Program("perf")),
    // promtool, too.
    ("prometheus", Program("prometheus")),
    // For virtual machines, with the BIOS and what their images are made with.
    ("qemu-system-x86", Program("qemu-system-x86_64")),
    ("seabios", File("/usr/share/seabios/bios-256k.bin")),
    ("cpio", Program("cpio")),
    ("xz-utils", Program("xz")),
    // Readers of what ctrace writes: `python.rs`. The module of that name is there without it, and useless.
    ("python3-venv", File("/usr/share/doc/python3-venv")),
    ("jq", Program("jq")),
    // Receivers of events.
    ("rsyslog", Program("rsyslogd")),
    ("logrotate", Program("logrotate")),
    // The demo is compressed with it.
    ("zstd", Program("zstd")),
];

/// Installs what is missing.
pub fn install() -> Result<()> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let by_hand = format!("install by hand: {}", missing.join(" "));
    if !exists("apt-get") {
        bail!("this is no Debian: {by_hand}");
    }
    let apt_get = || {
        let mut command = as_root("env")?;
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]);
        Some(command)
    };
    let (Some(mut update), Some(mut install)) = (apt_get(), apt_get()) else {
        bail!("neither root nor sudo: {by_hand}");
    };
    let _no_daemons = NoDaemons::start()?;
    run(update.arg("update")).context("the package lists cannot be fetched")?;
    install.args(["install", "--yes", "--no-install-recommends"]).args(&missing);
    // Thousands of lines if it works; on failure they are in the error.
    output(&mut install).map(drop).context(by_hand)
}

fn missing() -> Vec<&'static str> {
    PACKAGES.iter().filter(|(_, sign)| !sign.is_there()).map(|(package, _)| *package).collect()
}

impl Sign {
    fn is_there(&self) -> bool {
        match self {
            Program(name) => exists(name),
            File(path) => Path::new(path).exists(),
        }
    }
}

/// While it lives, no package starts a daemon: the tests start their own.
struct NoDaemons {
    /// Somebody else's policy is left alone.
    ours: bool,
}

impl NoDaemons {
    fn start() -> Result<Self> {
        // Without root it is the machine's owner, who has sudo, that decides about daemons.
        let ours = is_root() && !Path::new(POLICY).exists();
        if ours {
            fs::write(POLICY, POLICY_NO).with_context(|| format!("cannot write {POLICY}"))?;
            fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755))
                .with_context(|| format!("cannot make {POLICY} executable"))?;
        }
        Ok(Self { ours })
    }
}

impl Drop for NoDaemons {
    fn drop(&mut self) {
        if self.ours {
            let _ = fs::remove_file(POLICY);
        }
    }
}
