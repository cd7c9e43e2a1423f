//! The object, made fit for this machine and this task, into the kernel.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use aya::{Ebpf, EbpfLoader, include_bytes_aligned};
use tracer_common::config::{Config, feature};
use tracer_common::key::{Latency, Row, row};
use tracer_common::limits::{CALLS, INDEXED_ABIS, INDEXED_NRS, LATENCY_BYTES};

use crate::batch::Arch;
use crate::container::{CgroupId, Roots};
use crate::event::Abi;
use crate::plan::{Capacity, Plan};
use crate::syscall;

static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("CARGO_MANIFEST_DIR"), "/ctrace.bpf.o"));

/// Sizes that follow from the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    pub cpus: u32,
    pub tasks: u32,
    /// Counters for each CPU, cell 0 unused.
    pub cells: u32,
    /// Histograms for each CPU.
    pub timed: u32,
}

impl Sizes {
    pub(super) fn new(cpus: u32, pid_max: u32, tasks: u32, latency: bool) -> Self {
        let affordable = LATENCY_BYTES / (size_of::<Latency>() * cpus.max(1) as usize);
        let timed = u32::try_from(affordable).unwrap_or(u32::MAX).min(CALLS + 1);
        Self {
            cpus: cpus.max(1),
            tasks: pid_max.clamp(1, tasks.max(1)).next_power_of_two(),
            cells: CALLS + 1,
            timed: if latency { timed } else { 1 },
        }
    }
}

pub(super) struct Loaded {
    pub ebpf: Ebpf,
    pub sizes: Sizes,
}

pub(super) fn load(plan: &Plan, arch: Arch, roots: &Roots) -> Result<Loaded> {
    let sizes = Sizes::new(
        u32::try_from(aya::util::nr_cpus().map_err(|(file, error)| {
            anyhow::Error::new(error).context(format!("cannot count the CPUs from {file}"))
        })?)?,
        pid_max(&roots.proc)?,
        plan.capacity.tasks,
        plan.features & feature::LATENCY != 0,
    );
    let config = Config {
        features: plan.features,
        own_tgid: std::process::id(),
        lineage_cgroup: plan.lineage.map_or(0, CgroupId::number),
        tasks_mask: sizes.tasks - 1,
        cells: sizes.cells,
        timed: sizes.timed,
        v1_hierarchy: roots.cgroup1.as_ref().map_or(0, |v1| v1.hierarchy),
        v1_controller: roots.cgroup1.as_ref().map_or(0, |v1| v1.index),
        lineage_v1: u32::from(matches!(plan.lineage, Some(CgroupId::V1(_)))),
    };
    let traits = traits(arch);
    // What the programs have to say is for who asked for more (-v); otherwise its code is not even there.
    let log_level = if log::log_enabled!(log::Level::Info) { log::Level::Warn as u8 } else { 0 };
    let ebpf = EbpfLoader::new()
        .override_global("CONFIG", &config, true)
        .override_global("SELECTED", plan.selection.words(), true)
        .override_global("TRAITS", traits.as_slice(), true)
        .override_global("AYA_LOG_LEVEL", &log_level, true)
        .map_max_entries("TASKS", sizes.tasks)
        .map_max_entries("COUNTS", sizes.cells * sizes.cpus)
        .map_max_entries("LATENCY", sizes.timed * sizes.cpus)
        .map_max_entries("PROCESSES_MAP", plan.capacity.processes.max(1))
        .map_max_entries("EVENTS", plan.ring_bytes)
        .load(OBJECT)
        .context("cannot create the kernel maps")?;
    let mut loaded = Loaded { ebpf, sizes };
    loaded.prepare(plan.capacity)?;
    Ok(loaded)
}

impl Loaded {
    /// Fills what has to be there before the first call is seen.
    fn prepare(&mut self, capacity: Capacity) -> Result<()> {
        use aya::maps::{Array, Queue};
        // Slot 0 stands for "no owner", slot 1 for ctrace itself.
        let ignored = Row { flags: row::IGNORED, cell: [0; (INDEXED_ABIS * INDEXED_NRS) as usize] };
        let mut rows: Array<_, Row> = map(&mut self.ebpf, "ROWS")?.try_into()?;
        for slot in 0..2 {
            rows.set(slot, ignored, 0).with_context(|| format!("cannot set row {slot}"))?;
        }
        let mut owners: Queue<_, u32> = map(&mut self.ebpf, "FREE_OWNERS")?.try_into()?;
        for slot in 2..=owners.capacity().min(capacity.owners.saturating_add(1)) {
            owners.push(slot, 0).context("cannot fill the free list of owners")?;
        }
        let mut cells: Queue<_, u32> = map(&mut self.ebpf, "FREE_CELLS")?.try_into()?;
        for cell in 1..=capacity.calls.min(self.sizes.cells - 1) {
            cells.push(cell, 0).context("cannot fill the free list of counters")?;
        }
        Ok(())
    }
}

/// A map of the object, by reference.
pub(super) fn map<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut aya::maps::Map> {
    ebpf.map_mut(name).with_context(|| format!("the object has no map {name}"))
}

/// A map of the object, taken out of it.
pub(super) fn take(ebpf: &mut Ebpf, name: &str) -> Result<aya::maps::Map> {
    ebpf.take_map(name).with_context(|| format!("the object has no map {name}"))
}

fn pid_max(proc: &Path) -> Result<u32> {
    let file = proc.join("sys/kernel/pid_max");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    text.trim().parse().with_context(|| format!("{} holds {:?}", file.display(), text.trim()))
}

/// The kernel's `TRAITS` table: native calls, then compat.
fn traits(arch: Arch) -> Vec<u8> {
    [Abi::Native, Abi::Compat]
        .into_iter()
        .flat_map(|abi| (0..INDEXED_NRS).map(move |nr| (abi, u16::try_from(nr).unwrap_or(u16::MAX))))
        .map(|(abi, nr)| syscall::traits(arch, abi, nr))
        .collect()
}

#[cfg(test)]
mod tests {
    use tracer_common::limits::TASKS_MAX;

    use super::*;

    #[test]
    fn sizes_follow_the_machine() {
        let small = Sizes::new(2, 32_768, TASKS_MAX, true);
        assert_eq!((small.tasks, small.cells, small.timed), (32_768, CALLS + 1, CALLS + 1));
        let large = Sizes::new(256, 4_194_304, TASKS_MAX, true);
        assert_eq!(large.tasks, TASKS_MAX);
        assert!((large.timed * large.cpus) as usize * size_of::<Latency>() <= LATENCY_BYTES);
        assert_eq!(Sizes::new(8, 32_768, TASKS_MAX, false).timed, 1);
        assert_eq!(Sizes::new(8, 32_768, 10, false).tasks, 16);
    }
}
