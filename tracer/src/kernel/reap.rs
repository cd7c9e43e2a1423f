//! Slots and cells whose cgroup is gone go back to the free lists, after a last read.

use anyhow::{Context, Result};
use aya::Ebpf;
use aya::maps::{Array, MapData, PerCpuArray, PerCpuValues, Queue};
use tracer_common::key::{CallKey, OutcomeKey, OwnerKey, Row};
use tracer_common::limits::{INDEXED_ABIS, INDEXED_NRS};
use tracer_common::loss::Tally;

use super::counts::{Counters, places};
use super::load::take;

pub(super) struct Reaper {
    rows: Array<MapData, Row>,
    free_owners: Queue<MapData, u32>,
    free_cells: Queue<MapData, u32>,
}

const EMPTY: Row = Row { ignored: 0, cell: [0; (INDEXED_ABIS * INDEXED_NRS) as usize] };

impl Reaper {
    pub(super) fn new(ebpf: &mut Ebpf) -> Result<Self> {
        Ok(Self {
            rows: take(ebpf, "ROWS")?.try_into()?,
            free_owners: take(ebpf, "FREE_OWNERS")?.try_into()?,
            free_cells: take(ebpf, "FREE_CELLS")?.try_into()?,
        })
    }

    /// The owner's calls leave the programs at once from now on.
    pub(super) fn ignore(&mut self, slot: u32) -> Result<()> {
        // The index is rebuilt from the call table should it be needed again.
        self.rows
            .set(slot, Row { ignored: 1, ..EMPTY }, 0)
            .with_context(|| format!("cannot stop watching owner {slot}"))
    }

    /// Frees all owners of a cgroup that has no tasks any more, and returns their slots.
    pub(super) fn reap(&mut self, counters: &mut Counters, cgroup_id: u64) -> Result<Vec<u32>> {
        let mut gone: Vec<(OwnerKey, u32)> = Vec::new();
        for entry in &counters.owners {
            let (key, slot) = entry.context("cannot read the table of owners")?;
            if key.cgroup_id == cgroup_id {
                gone.push((key, slot));
            }
        }
        for &(key, slot) in &gone {
            counters.owners.remove(&key).context("cannot remove an ended owner")?;
            self.free_calls(counters, slot)?;
            self.rows.set(slot, EMPTY, 0).context("cannot clear an ended owner's row")?;
            clear_tally(&mut counters.tally, slot)?;
            counters.forget(slot);
            self.free_owners.push(slot, 0).context("cannot free an ended owner's slot")?;
        }
        Ok(gone.into_iter().map(|(_, slot)| slot).collect())
    }

    fn free_calls(&mut self, counters: &mut Counters, slot: u32) -> Result<()> {
        let calls: Vec<CallKey> =
            counters.calls.keys().filter_map(Result::ok).filter(|key| key.owner == slot).collect();
        for key in calls {
            let Ok(info) = counters.calls.get(&key, 0) else { continue };
            counters.calls.remove(&key).context("cannot remove an ended owner's call")?;
            for place in places(info.cell, counters.sizes.cells, counters.sizes.cpus) {
                counters.counts.clear(place);
            }
            if let Some(latency) = &mut counters.latency
                && info.cell < counters.sizes.timed
            {
                for place in places(info.cell, counters.sizes.timed, counters.sizes.cpus) {
                    latency.clear(place);
                }
            }
            self.free_cells.push(info.cell, 0).context("cannot free a counter")?;
        }
        let outcomes: Vec<OutcomeKey> =
            counters.outcomes.keys().filter_map(Result::ok).filter(|key| key.call.owner == slot).collect();
        for key in outcomes {
            counters.outcomes.remove(&key).context("cannot remove an ended owner's outcome")?;
        }
        Ok(())
    }
}

fn clear_tally(tally: &mut PerCpuArray<MapData, Tally>, slot: u32) -> Result<()> {
    let cpus = aya::util::nr_cpus().map_err(|(_, error)| error)?;
    let values = PerCpuValues::try_from(vec![Tally::default(); cpus])?;
    tally.set(slot, values, 0).context("cannot clear an ended owner's ledger")
}
