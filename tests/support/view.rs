//! Other machines than this one, as far as a mount namespace can make them.

use std::any::type_name;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::program;

/// Set in the process that sees the machine so, to the view's name.
const MARK: &str = "CTRACE_TEST_VIEW";

#[derive(Clone, Copy, Debug)]
pub enum View {
    /// cgroup v2 alone, at `/sys/fs/cgroup`. On a hybrid machine it has few controllers or none.
    CgroupV2,
    /// cgroup v1 alone; for hybrid machines.
    CgroupV1,
    /// podman, runc and crun of a later release, and none of the machine's own containers.
    Newer,
}

impl View {
    /// Runs `test`, the closure that is the body of a test function, in a process that sees the machine so:
    /// the test starts itself anew, hence whatever it uses need not know.
    #[track_caller]
    pub fn run<T: FnOnce()>(self, test: T) {
        if Self::current().is_some() {
            return test();
        }
        let name = test_name::<T>();
        let script = format!("set -e\n{}\nexec \"$@\"", self.mounts());
        let mut command = program("unshare");
        command
            .args(["--mount", "--propagation", "slave", "sh", "-c", &script, "view"])
            .arg(env::current_exe().expect("a test has a file"))
            .args(["--ignored", "--exact", "--test-threads=1", &name])
            .env(MARK, format!("{self:?}"))
            // podman 5 says on every start that it will not support v1 for ever.
            .env("PODMAN_IGNORE_CGROUPSV1_WARNING", "1");
        passes(&mut command);
    }

    /// That of this process; None: the machine as it is.
    pub fn current() -> Option<Self> {
        let mark = env::var(MARK).ok()?;
        [Self::CgroupV2, Self::CgroupV1, Self::Newer].into_iter().find(|view| format!("{view:?}") == mark)
    }

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::CgroupV2 => "cgroup v2 alone",
            Self::CgroupV1 => "cgroup v1 alone",
            Self::Newer => "newer release",
        }
    }

    /// Shell commands that make the view of a new mount namespace.
    fn mounts(self) -> String {
        match self {
            // A mount that is covered is still listed: the old ones go first.
            Self::CgroupV2 => {
                "umount --recursive /sys/fs/cgroup\nmount -t cgroup2 none /sys/fs/cgroup".into()
            }
            Self::CgroupV1 => "umount /sys/fs/cgroup/unified".into(),
            Self::Newer => format!(
                "mount -t tmpfs none /run\n\
                 mount -t tmpfs none /var/lib/containers\n\
                 mount -t overlay none -o lowerdir={}/usr:/usr /usr",
                newer().display()
            ),
        }
    }
}

/// Where `cargo xtask test` has unpacked a later Debian's packages.
fn newer() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/newer");
    folder.canonicalize().unwrap_or_else(|error| {
        panic!("{}: {error}: `cargo xtask test` fetches what is to be there", folder.display())
    })
}

/// As libtest has it: `module::function`, without the crate and the closure.
fn test_name<T>() -> String {
    let name = type_name::<T>().trim_end_matches("::{{closure}}");
    name.split_once("::").expect("a test is in a crate").1.to_owned()
}

/// Fails unless exactly one test ran, and passed.
#[track_caller]
fn passes(command: &mut Command) {
    // Without a deadline: the test has its own.
    let output = command.output().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(stdout.contains("test result: ok. 1 passed"), "{command:?}: {}\n{stdout}{stderr}", output.status);
}
