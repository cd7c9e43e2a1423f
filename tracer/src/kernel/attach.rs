//! The hooks: which program goes where.

use anyhow::{Context, Result};
use aya::programs::tp_btf::BtfTracePointLinkId;
use aya::programs::{BtfTracePoint, ProgramError};
use aya::{Btf, BtfError, Ebpf};
use tracer_common::config::feature;

/// Program, tracepoint, and the feature without which it is not needed. What keeps the books on tasks
/// and cgroups comes first, so that no call is met without them.
const HOOKS: [(&str, &str, u32); 11] = [
    ("cgroup_mkdir", "cgroup_mkdir", 0),
    ("cgroup_rmdir", "cgroup_rmdir", 0),
    ("cgroup_attach_task", "cgroup_attach_task", feature::CGROUP_RECORDS),
    ("cgroup_freeze", "cgroup_freeze", feature::CGROUP_RECORDS),
    ("cgroup_unfreeze", "cgroup_unfreeze", feature::CGROUP_RECORDS),
    ("cgroup_rename", "cgroup_rename", feature::CGROUP_RECORDS),
    ("process_fork", "sched_process_fork", 0),
    ("process_exec", "sched_process_exec", 0),
    ("process_exit", "sched_process_exit", 0),
    // An exit whose entry was not seen looks like a refusal, so entries are seen first.
    ("sys_enter", "sys_enter", 0),
    ("sys_exit", "sys_exit", 0),
];

/// Program and tracepoint.
const CAPABILITIES: (&str, &str) = ("cap_capable", "cap_capable");

/// Tracepoints that `features` call for.
pub fn tracepoints(features: u32) -> impl Iterator<Item = &'static str> {
    let needed = move |(_, _, needed): &&(&str, &str, u32)| *needed == 0 || features & needed != 0;
    let io_uring = IO_URING.iter().filter(move |_| features & feature::IO_URING_RECORDS != 0);
    let newest = io_uring.filter_map(|moment| moment.first().map(|(_, tracepoint)| *tracepoint));
    HOOKS.iter().filter(needed).map(|(_, tracepoint, _)| *tracepoint).chain(newest)
}

/// Attaches all that `features` call for. Dropping `ebpf` detaches them.
pub(super) fn attach(ebpf: &mut Ebpf, features: u32) -> Result<()> {
    let btf = kernel_types()?;
    let hooks = HOOKS.iter().filter(|(_, _, needed)| *needed == 0 || features & needed != 0);
    for (program, tracepoint, _) in hooks.clone() {
        accepted(hook(ebpf, program)?.load(tracepoint, &btf), tracepoint)?;
    }
    // All at once: loading takes much longer than attaching.
    for (program, tracepoint, _) in hooks {
        hook(ebpf, program)?.attach().with_context(|| format!("cannot attach to tracepoint {tracepoint}"))?;
    }
    Ok(())
}

/// Attaches what counts checks of capabilities; None: the kernel has no such tracepoint. It is loaded when it is
/// asked for first, which takes as long as a few samples.
pub(super) fn attach_capabilities(ebpf: &mut Ebpf) -> Result<Option<BtfTracePointLinkId>> {
    let (program, tracepoint) = CAPABILITIES;
    let hook = hook(ebpf, program)?;
    if hook.fd().is_err() {
        match hook.load(tracepoint, &kernel_types()?) {
            Err(ProgramError::Btf(BtfError::UnknownBtfTypeName { .. })) => return Ok(None),
            loaded => accepted(loaded, tracepoint)?,
        }
    }
    let link = hook.attach().with_context(|| format!("cannot attach to tracepoint {tracepoint}"))?;
    Ok(Some(link))
}

pub(super) fn detach_capabilities(ebpf: &mut Ebpf, link: BtfTracePointLinkId) -> Result<()> {
    let (program, tracepoint) = CAPABILITIES;
    hook(ebpf, program)?.detach(link).with_context(|| format!("cannot detach from tracepoint {tracepoint}"))
}

/// For each moment of an operation of `io_uring`, programs and their tracepoints: the first that fits this kernel serves.
const IO_URING: [[(&str, &str); 2]; 2] = [
    [("io_uring_submit", "io_uring_submit_req"), ("io_uring_submit_sqe", "io_uring_submit_sqe")],
    [("io_uring_complete", "io_uring_complete"), ("io_uring_complete_values", "io_uring_complete")],
];

/// Attaches what tells of `io_uring`. Err: this kernel tells nothing of it, and why.
pub(super) fn attach_io_uring(ebpf: &mut Ebpf) -> Result<()> {
    let btf = kernel_types()?;
    for moment in IO_URING {
        let mut attached = Err(anyhow::anyhow!("there is no program for it"));
        for (program, tracepoint) in moment {
            attached = accepted(hook(ebpf, program)?.load(tracepoint, &btf), tracepoint);
            if attached.is_ok() {
                let attach = hook(ebpf, program)?.attach();
                attach.with_context(|| format!("cannot attach to tracepoint {tracepoint}"))?;
                break;
            }
        }
        attached?;
    }
    Ok(())
}

fn kernel_types() -> Result<Btf> {
    Btf::from_sys_fs().context("cannot read the kernel's type information, /sys/kernel/btf/vmlinux")
}

fn accepted(loaded: Result<(), ProgramError>, tracepoint: &str) -> Result<()> {
    loaded
        .map_err(shorten)
        .with_context(|| format!("the kernel does not accept the program for tracepoint {tracepoint}"))
}

fn hook<'a>(ebpf: &'a mut Ebpf, program: &str) -> Result<&'a mut BtfTracePoint> {
    let program =
        ebpf.program_mut(program).with_context(|| format!("the object has no program {program}"))?;
    Ok(program.try_into()?)
}

/// The verifier's log can have thousands of lines; its last ones say what is wrong.
fn shorten(error: ProgramError) -> anyhow::Error {
    if let ProgramError::LoadError { io_error, verifier_log } = &error {
        let log = verifier_log.to_string();
        log::debug!("verifier log:\n{log}");
        let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = lines.split_at(lines.len().saturating_sub(4)).1.join("\n");
        if !last.is_empty() {
            let omitted = lines.len().saturating_sub(4);
            return anyhow::anyhow!("{io_error}; the verifier says ({omitted} lines before):\n{last}");
        }
    }
    error.into()
}
