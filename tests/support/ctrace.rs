//! `ctrace` itself, and what it may leave behind.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use aya::programs::loaded_programs;

use super::cgroup;
use super::process::Process;
use super::wait::until;

pub fn ctrace(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctrace"));
    command.args(args);
    command
}

/// `ctrace ARGS -- INNER`, with the environment of `inner`.
pub fn ctrace_over(args: &[&str], inner: &Command) -> Command {
    let mut command = ctrace(args);
    command.arg("--").arg(inner.get_program()).args(inner.get_args());
    for (key, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(key, value),
            None => command.env_remove(key),
        };
    }
    command
}

/// Starts it and returns once every program is attached: what happens from now on is traced.
pub fn attached(args: &[&str]) -> Process {
    let process = Process::start(&mut ctrace(args));
    process.stderr_line("the word that it is attached", |line| line.contains("tracing").then_some(()));
    process
}

/// Kernel programs that a process holds.
pub fn programs_of(pid: u32) -> BTreeSet<u32> {
    let entries = fs::read_dir(format!("/proc/{pid}/fdinfo")).expect("the process runs");
    let texts = entries.flatten().filter_map(|entry| fs::read_to_string(entry.path()).ok());
    texts
        .flat_map(|text| {
            let ids = text.lines().filter_map(|line| line.strip_prefix("prog_id:"));
            ids.filter_map(|id| id.trim().parse().ok()).collect::<Vec<u32>>()
        })
        .collect()
}

/// Waits until the kernel has none of them any more: it frees them a moment after their last use.
pub fn wait_unloaded(programs: &BTreeSet<u32>) {
    assert!(!programs.is_empty(), "it held no kernel program");
    until("the unloading of the kernel programs", || {
        let loaded: BTreeSet<u32> = loaded_programs().flatten().map(|program| program.id()).collect();
        loaded.is_disjoint(programs).then_some(())
    });
}

/// Directories of cgroupfs, in every hierarchy, that ctrace has made; sorted.
pub fn cgroups() -> Vec<PathBuf> {
    cgroup::find(|name| name.starts_with("ctrace"))
}
