//! Slots and cells whose cgroup is gone go back to the free lists, after a last read.

use std::collections::HashMap;

use anyhow::{Context, Result};
use aya::Ebpf;
use aya::maps::{Array, MapData, PerCpuArray, PerCpuValues, Queue};
use tracer_common::key::{ArgumentKey, CallKey, OutcomeKey, OwnerKey, Row, row};
use tracer_common::limits::{INDEXED_ABIS, INDEXED_NRS};
use tracer_common::loss::Tally;

use super::counts::{Counters, places};
use super::load::take;
use crate::container::CgroupId;

pub(super) struct Reaper {
    rows: Array<MapData, Row>,
    free_owners: Queue<MapData, u32>,
    free_cells: Queue<MapData, u32>,
}

/// What owners can be gone with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    Cgroup(CgroupId),
    Namespace { pid_ns: u32, incarnation: u64 },
}

impl Gone {
    fn holds(self, key: &OwnerKey) -> bool {
        match self {
            Self::Cgroup(CgroupId::V2(id)) => key.cgroup_id == id,
            Self::Cgroup(CgroupId::V1(id)) => key.v1_id == id,
            Self::Namespace { pid_ns, incarnation } => (key.pid_ns, key.incarnation) == (pid_ns, incarnation),
        }
    }

    /// How long to wait before its counters may be given to others. A cgroup is removed when nobody is left in
    /// it; a pid namespace's first process waits for the others to die, but its end is told before that.
    pub(super) fn rest_ns(self) -> u64 {
        match self {
            Self::Cgroup(_) => 0,
            Self::Namespace { .. } => 2_000_000_000,
        }
    }
}

const EMPTY: Row = Row { flags: 0, serving: 0, cell: [0; (INDEXED_ABIS * INDEXED_NRS) as usize] };

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
            .set(slot, Row { flags: row::IGNORED, ..EMPTY }, 0)
            .with_context(|| format!("cannot stop watching owner {slot}"))
    }

    /// Of the owner nothing but these bits of [`row`] is asked for from now on; an ignored one stays ignored.
    pub(super) fn ask(&mut self, slot: u32, bits: u32) -> Result<()> {
        let set = |rows: &mut Array<MapData, Row>| {
            let old = rows.get(&slot, 0)?;
            // A call that finds its place in between finds it again in the call table.
            rows.set(slot, Row { flags: old.flags & row::IGNORED | bits, ..old }, 0)
        };
        set(&mut self.rows).with_context(|| format!("cannot change what is asked for of owner {slot}"))
    }

    /// Frees all owners of what has no tasks any more: in one pass over each table, however many these are.
    /// Returns their slots.
    pub(super) fn reap(&mut self, counters: &mut Counters, what: &[Gone]) -> Result<Vec<u32>> {
        if what.is_empty() {
            return Ok(Vec::new());
        }
        let mut gone: HashMap<u32, OwnerKey> = HashMap::new();
        for entry in &counters.owners {
            let (key, slot) = entry.context("cannot read the table of owners")?;
            if what.iter().any(|what| what.holds(&key)) {
                gone.insert(slot, key);
            }
        }
        if gone.is_empty() {
            return Ok(Vec::new());
        }
        for key in gone.values() {
            counters.owners.remove(key).context("cannot remove an ended owner")?;
        }
        self.free_calls(counters, |slot| gone.contains_key(&slot))?;
        for &slot in gone.keys() {
            self.rows.set(slot, EMPTY, 0).context("cannot clear an ended owner's row")?;
            clear_tally(&mut counters.tally, slot)?;
        }
        counters.forget(|slot| gone.contains_key(&slot));
        for &slot in gone.keys() {
            self.free_owners.push(slot, 0).context("cannot free an ended owner's slot")?;
        }
        Ok(gone.into_keys().collect())
    }

    fn free_calls(&mut self, counters: &mut Counters, is_gone: impl Fn(u32) -> bool) -> Result<()> {
        let calls: Vec<CallKey> =
            counters.calls.keys().filter_map(Result::ok).filter(|key| is_gone(key.owner)).collect();
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
            counters.outcomes.keys().filter_map(Result::ok).filter(|key| is_gone(key.call.owner)).collect();
        for key in outcomes {
            counters.outcomes.remove(&key).context("cannot remove an ended owner's outcome")?;
        }
        let Some(arguments) = &mut counters.arguments else { return Ok(()) };
        let gone: Vec<ArgumentKey> =
            arguments.keys().filter_map(Result::ok).filter(|key| is_gone(key.call.owner)).collect();
        for key in gone {
            arguments.remove(&key).context("cannot remove an ended owner's arguments")?;
        }
        Ok(())
    }
}

fn clear_tally(tally: &mut PerCpuArray<MapData, Tally>, slot: u32) -> Result<()> {
    let cpus = aya::util::nr_cpus().map_err(|(_, error)| error)?;
    let values = PerCpuValues::try_from(vec![Tally::default(); cpus])?;
    tally.set(slot, values, 0).context("cannot clear an ended owner's ledger")
}
