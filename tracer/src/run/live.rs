//! The live source for a command: checked, loaded, attached.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, Result};

use crate::clock;
use crate::container::{Resolver, Roots, host_pid_ns};
use crate::doctor;
use crate::kernel::KernelSource;
use crate::plan::Plan;
use crate::recording::Replay;

/// Fails early, with the reason and the fix, where tracing cannot work.
pub(super) fn preflight() -> Result<()> {
    doctor::preflight(&doctor::Host::read(&doctor::Roots::default(), doctor::Process::current()))?;
    Ok(())
}

/// Knows the containers that exist before the first call is seen.
pub(super) fn resolver(roots: &Roots) -> Result<Resolver> {
    Resolver::new(roots.clone(), host_pid_ns(&roots.proc)?, clock::boot_offset_ns())
}

/// `prepare` tells the resolver what ctrace itself knows.
pub(super) fn open(plan: &Plan, roots: &Roots, prepare: impl FnOnce(&mut Resolver)) -> Result<KernelSource> {
    let mut resolver = resolver(roots)?;
    prepare(&mut resolver);
    KernelSource::new(plan, resolver, roots)
}

pub(super) fn open_recording(path: &Path) -> Result<Replay<BufReader<File>>> {
    let file = File::open(path).with_context(|| format!("cannot open the recording {}", path.display()))?;
    Replay::new(BufReader::new(file)).with_context(|| format!("cannot read the recording {}", path.display()))
}
