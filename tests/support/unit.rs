//! A service as systemd would run it: a process in a cgroup of that name. systemd itself need not run.

use std::fs;
use std::path::{Path, PathBuf};

use super::cgroup::{Parent, subfolders};
use super::process::{Process, program};
use super::{rootfs, unique};

/// Removed, with its process, when dropped.
pub struct Unit {
    pub name: String,
    process: Option<Process>,
    folders: Vec<PathBuf>,
    _slice: Parent,
}

impl Unit {
    /// Starts `pulse`.
    pub fn start() -> Self {
        let slice = Parent::new("/system.slice");
        let name = format!("{}.service", unique("workload"));
        let top = Path::new("/sys/fs/cgroup");
        let hierarchies = subfolders(top).into_iter().chain([top.to_owned()]);
        let folders: Vec<_> = hierarchies
            // A cpuset lets nobody in before it was given CPUs; systemd leaves it alone on v1.
            .filter(|root| root.join("cgroup.procs").exists() && !root.ends_with("cpuset"))
            .map(|root| root.join("system.slice").join(&name))
            .collect();
        for folder in &folders {
            fs::create_dir_all(folder).expect("root can make cgroups");
        }
        let script = "for folder; do echo $$ > $folder/cgroup.procs || exit; done; exec \"$0\"";
        let pulse = rootfs::programs().join("pulse");
        let process = Process::start(program("sh").args(["-c", script]).arg(pulse).args(&folders));
        process.stdout_line("`up`", |line| (line == "up").then_some(()));
        Self { name, process: Some(process), folders, _slice: slice }
    }

    pub fn pid(&self) -> u32 {
        self.process.as_ref().map_or(0, Process::pid)
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        // Killed and waited for: a cgroup that has a process stays.
        drop(self.process.take());
        for folder in &self.folders {
            let _ = fs::remove_dir(folder);
        }
    }
}
