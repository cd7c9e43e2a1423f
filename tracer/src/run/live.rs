//! The live source for a command: checked, loaded, attached.

use anyhow::Result;

use crate::clock;
use crate::container::{Resolver, Roots, host_pid_ns};
use crate::doctor;
use crate::kernel::KernelSource;
use crate::plan::Plan;

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
