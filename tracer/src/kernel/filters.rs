//! The seccomp filters of a process, which the kernel gives to a tracer with `CAP_SYS_ADMIN`,
//! <https://github.com/torvalds/linux/blob/v6.12/kernel/seccomp.c#L2115>.
#![expect(unsafe_code, reason = "ptrace has no safe form")]

use std::ffi::{c_long, c_uint};
use std::fs;
use std::io;
use std::ptr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, WaitOptions, WaitStatus, waitpid};

use crate::exit::{Code, Refusal};
use crate::seccomp::{Filter, Instruction};

/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/ptrace.h#L68>
const PTRACE_SECCOMP_GET_FILTER: c_uint = 0x420c;

/// `BPF_MAXINSNS`, <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/bpf_common.h#L54>.
const INSTRUCTIONS_MAX: usize = 4096;

/// A process stops at once unless it is frozen or waits for a disk that does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Those of a process, the last installed first; empty: it has none. Stops the process for as long as it takes to read them.
pub fn filters(pid: u32) -> Result<Vec<Filter>> {
    match mode(pid)? {
        0 => return Ok(Vec::new()),
        2 => {}
        other => bail!("process {pid} is in seccomp mode {other}, which has no filter to read"),
    }
    let stopped = Stopped::new(pid)?;
    let mut filters = Vec::new();
    while let Some(filter) = stopped.filter(filters.len())? {
        filters.push(filter);
    }
    Ok(filters)
}

/// 0: none, 1: strict, 2: filters.
fn mode(pid: u32) -> Result<u8> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let mode = status.lines().find_map(|line| line.strip_prefix("Seccomp:"));
    let mode = mode.with_context(|| format!("{path} has no line `Seccomp`: this kernel has no seccomp"))?;
    mode.trim().parse().with_context(|| format!("{path} has an odd line `Seccomp:{mode}`"))
}

/// A process that stands still until this is dropped.
struct Stopped {
    pid: Pid,
    /// A signal that was about to be delivered when it stopped, and that it must get.
    signal: i32,
}

impl Stopped {
    fn new(pid: u32) -> Result<Self> {
        let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { bail!("{pid} is no process") };
        // Unlike PTRACE_ATTACH it leaves no trace: no SIGSTOP.
        request(libc::PTRACE_SEIZE, pid, 0, ptr::null_mut()).map_err(|error| refused(&error, "stop", pid))?;
        let mut stopped = Self { pid, signal: 0 };
        request(libc::PTRACE_INTERRUPT, pid, 0, ptr::null_mut())
            .map_err(|error| refused(&error, "stop", pid))?;
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            let waited = waitpid(Some(pid), WaitOptions::NOHANG);
            if let Some((_, status)) = waited.with_context(|| format!("cannot wait for process {pid}"))? {
                break status;
            }
            if Instant::now() > deadline {
                bail!(
                    "process {pid} does not stop, so its seccomp filter cannot be read: if its container is paused, unpause it"
                );
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        if !status.stopped() {
            bail!("process {pid} ended before its seccomp filter was read");
        }
        stopped.signal = pending(status);
        Ok(stopped)
    }

    /// None: there are no more.
    fn filter(&self, index: usize) -> Result<Option<Filter>> {
        let mut program = vec![libc::sock_filter { code: 0, jt: 0, jf: 0, k: 0 }; INSTRUCTIONS_MAX];
        let read = request(PTRACE_SECCOMP_GET_FILTER, self.pid, index, program.as_mut_ptr().cast());
        let length = match read {
            Ok(length) => usize::try_from(length).context("a length is no less than 0")?,
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(None),
            Err(error) => return Err(refused(&error, "read the seccomp filter of", self.pid)),
        };
        let instructions = program.iter().take(length);
        let instructions =
            instructions.map(|&libc::sock_filter { code, jt, jf, k }| Instruction { code, jt, jf, k });
        Ok(Some(Filter(instructions.collect())))
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let signal = usize::try_from(self.signal).unwrap_or(0);
        // If it ended meanwhile, or never stopped: the kernel lets it go when we end.
        let _ = request(libc::PTRACE_DETACH, self.pid, 0, ptr::without_provenance_mut(signal));
    }
}

/// Of a stop that a signal caused. Our own stop, and that of a process that was stopped already, have an event in the
/// bits above, <https://github.com/torvalds/linux/blob/v6.12/kernel/signal.c#L2507>.
fn pending(status: WaitStatus) -> i32 {
    if status.as_raw() >> 16 == 0 { status.stopping_signal().unwrap_or(0) } else { 0 }
}

fn request(what: c_uint, pid: Pid, address: usize, data: *mut libc::c_void) -> io::Result<c_long> {
    let address = ptr::without_provenance_mut::<libc::c_void>(address);
    // SAFETY: the requests of this file take numbers, or as `data` room for the longest program.
    let result = unsafe { libc::ptrace(what, pid.as_raw_nonzero().get(), address, data) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn refused(error: &io::Error, act: &str, pid: Pid) -> anyhow::Error {
    let (code, fix) = match error.raw_os_error() {
        Some(libc::EPERM) => (
            Code::NotPermitted,
            "it takes root (CAP_SYS_ADMIN and CAP_SYS_PTRACE), and that nobody else traces the process (strace, a debugger)",
        ),
        Some(libc::EACCES) => (
            Code::NotPermitted,
            "who has a seccomp filter may not read those of others: run ctrace outside of containers, on the host",
        ),
        Some(libc::EINVAL | libc::EIO) => {
            (Code::KernelCannot, "it takes a kernel with CONFIG_CHECKPOINT_RESTORE")
        }
        Some(libc::ESRCH) => (Code::Failed, "it has ended"),
        _ => (Code::Failed, "try again"),
    };
    Refusal { code, message: format!("cannot {act} process {pid}: {error}; {fix}") }.into()
}
