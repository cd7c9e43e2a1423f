//! What somebody looks at more closely: rows that ask for more than counts, and the tables that fill then.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use aya::Ebpf;
use aya::maps::{HashMap, MapData};
use aya::programs::tp_btf::BtfTracePointLinkId;
use tracer_common::config::feature;
use tracer_common::key::{CapabilityCounts, CapabilityKey, ProcessCounts, ProcessKey, row};
use tracer_common::limits::COMM_LEN;

use super::attach;
use super::counts::Counters;
use super::load::take;
use super::reap::Reaper;
use super::symbols::Symbols;
use crate::batch::{
    CapabilitySample, CheckKey, CheckSample, Detail, Focus, OwnerId, ProcessSample, Sample, Standing,
};
use crate::exit::{Code, Refusal};

const NO_TRACEPOINT: &str = "this kernel has no tracepoint cap_capable (Linux 6.14 and later have)";

pub(super) struct Lens {
    features: u32,
    processes: HashMap<MapData, ProcessKey, ProcessCounts>,
    capabilities: HashMap<MapData, CapabilityKey, CapabilityCounts>,
    /// What is told, and of whom, by slot.
    detail: Option<Detail>,
    owners: BTreeMap<u32, OwnerId>,
    /// The hook that nothing but capabilities needs, while it is attached.
    checks: Option<BtfTracePointLinkId>,
    /// With [`feature::CAPABILITIES`]: who asks for them.
    symbols: Option<Symbols>,
}

impl Lens {
    pub(super) fn new(ebpf: &mut Ebpf, features: u32, symbols: Option<Symbols>) -> Result<Self> {
        let checks = if features & feature::CAPABILITIES == 0 {
            None
        } else {
            Some(attach::attach_capabilities(ebpf)?.ok_or_else(|| Refusal {
                code: Code::KernelCannot,
                message: format!(
                    "cannot see which capabilities are used: {NO_TRACEPOINT}\n  fix: boot Linux 6.14 or newer"
                ),
            })?)
        };
        Ok(Self {
            features,
            processes: take(ebpf, "PROCESSES_MAP")?.try_into()?,
            capabilities: take(ebpf, "CAPABILITIES_MAP")?.try_into()?,
            detail: None,
            owners: BTreeMap::new(),
            checks,
            symbols,
        })
    }

    /// As [`crate::batch::Source::focus`]. `owners` are who has these slots now.
    pub(super) fn point(
        &mut self,
        detail: Option<Detail>,
        owners: &[OwnerId],
        ebpf: &mut Ebpf,
        reaper: &mut Reaper,
    ) -> Result<Focus> {
        let focus = self.prepare(detail, ebpf)?;
        // Where records are made of all owners there is nothing to ask for.
        let everything = detail == Some(Detail::Records) && self.features & feature::FOCUS == 0;
        let detail = detail.filter(|_| focus == Focus::Ready && !everything);
        let owners = if detail.is_some() { owners } else { &[] };
        let owners: BTreeMap<u32, OwnerId> = owners.iter().map(|owner| (owner.slot, *owner)).collect();
        let was = std::mem::take(&mut self.owners);
        let stays = |owner: &OwnerId| self.detail == detail && owners.get(&owner.slot) == Some(owner);
        for owner in was.values().filter(|owner| !stays(owner)) {
            reaper.ask(owner.slot, 0)?;
        }
        let kept: Vec<u32> = was.values().filter(|owner| stays(owner)).map(|owner| owner.slot).collect();
        // Also of those that come back: a call that was under way may have been counted after they had left.
        self.clear(|slot| !kept.contains(&slot))?;
        let asked = match detail {
            Some(Detail::Records) => row::RECORDS,
            Some(Detail::Processes) => row::PROCESSES,
            Some(Detail::Capabilities) => row::CAPABILITIES,
            None => 0,
        };
        for slot in owners.keys().filter(|slot| !kept.contains(slot)) {
            reaper.ask(*slot, asked)?;
        }
        (self.detail, self.owners) = (detail, owners);
        Ok(focus)
    }

    /// Sees to it that the kernel can tell `detail`, and that no hook is there for nothing.
    fn prepare(&mut self, detail: Option<Detail>, ebpf: &mut Ebpf) -> Result<Focus> {
        if detail != Some(Detail::Capabilities)
            && self.symbols.is_none()
            && let Some(link) = self.checks.take()
        {
            attach::detach_capabilities(ebpf, link)?;
        }
        let missing = |wanted: u32| self.features & wanted == 0;
        match detail {
            Some(Detail::Records) if missing(feature::SYSCALL_RECORDS) => {
                Ok(Focus::Unavailable("the kernel programs were loaded without records of calls".to_owned()))
            }
            Some(Detail::Processes) if missing(feature::FOCUS) => {
                Ok(Focus::Unavailable("the kernel programs were loaded without counts by process".to_owned()))
            }
            Some(Detail::Capabilities) if self.checks.is_none() => {
                self.checks = attach::attach_capabilities(ebpf)?;
                Ok(match self.checks {
                    Some(_) => Focus::Ready,
                    None => Focus::Unavailable(NO_TRACEPOINT.to_owned()),
                })
            }
            Some(_) | None => Ok(Focus::Ready),
        }
    }

    /// All of those in focus, as totals since they are.
    pub(super) fn sample(&mut self, sample: &mut Sample, counters: &Counters) -> Result<()> {
        if let Some(symbols) = &self.symbols {
            sample.checks = checks(&self.capabilities, symbols, counters)?;
        }
        match self.detail {
            Some(Detail::Processes) => self.sample_processes(sample),
            Some(Detail::Capabilities) => self.sample_capabilities(sample),
            Some(Detail::Records) | None => Ok(()),
        }
    }

    fn sample_processes(&mut self, sample: &mut Sample) -> Result<()> {
        let mut ended = Vec::new();
        for entry in &self.processes {
            let (key, mut counts) = entry.context("cannot read the table of processes")?;
            let Some(&owner) = self.owners.get(&key.owner) else { continue };
            if counts.ended != 0 {
                // It may have ended while it was read: now it is complete.
                counts = self.processes.get(&key, 0).unwrap_or(counts);
                ended.push(key);
            }
            let ProcessCounts { calls, errors, denied, ended: _, comm } = counts;
            sample.processes.push(ProcessSample { owner, pid: key.tgid, comm, calls, errors, denied });
        }
        for key in ended {
            self.processes.remove(&key).context("cannot remove an ended process")?;
        }
        Ok(())
    }

    fn sample_capabilities(&self, sample: &mut Sample) -> Result<()> {
        let mut sums: BTreeMap<(u32, u8), (CapabilitySample, u64)> = BTreeMap::new();
        for entry in &self.capabilities {
            let (key, counts) = entry.context("cannot read the table of capabilities")?;
            let Some(&owner) = self.owners.get(&key.owner) else { continue };
            let (capability, none) = (key.capability, [0; COMM_LEN]);
            let new = CapabilitySample { owner, capability, granted: 0, refused: 0, pid: 0, comm: none };
            let (sum, last_ns) = sums.entry((key.owner, capability)).or_insert((new, 0));
            *(if key.refused == 0 { &mut sum.granted } else { &mut sum.refused }) += counts.count;
            if counts.last_ns >= *last_ns {
                (*last_ns, sum.pid, sum.comm) = (counts.last_ns, counts.last_tgid, counts.last_comm);
            }
        }
        sample.capabilities.extend(sums.into_values().map(|(sum, _)| sum));
        Ok(())
    }

    /// Their slots are free.
    pub(super) fn forget(&mut self, gone: &[u32]) -> Result<()> {
        self.owners.retain(|slot, _| !gone.contains(slot));
        if gone.is_empty() { Ok(()) } else { self.clear(|slot| gone.contains(&slot)) }
    }

    fn clear(&mut self, of: impl Fn(u32) -> bool) -> Result<()> {
        let processes: Vec<ProcessKey> =
            self.processes.keys().filter_map(Result::ok).filter(|key| of(key.owner)).collect();
        for key in processes {
            self.processes.remove(&key).context("cannot clear the table of processes")?;
        }
        let capabilities: Vec<CapabilityKey> =
            self.capabilities.keys().filter_map(Result::ok).filter(|key| of(key.owner)).collect();
        for key in capabilities {
            self.capabilities.remove(&key).context("cannot clear the table of capabilities")?;
        }
        Ok(())
    }
}

/// All checks, with names in place of addresses: two places in one function are one asker.
fn checks(
    table: &HashMap<MapData, CapabilityKey, CapabilityCounts>,
    symbols: &Symbols,
    counters: &Counters,
) -> Result<Vec<CheckSample>> {
    let mut sums: BTreeMap<CheckKey, CheckSample> = BTreeMap::new();
    for entry in table {
        let (key, counts) = entry.context("cannot read the table of capabilities")?;
        let Some((owner, _)) = counters.owner(key.owner) else { continue };
        let askers = key.askers.iter().take_while(|address| **address != 0);
        let key = CheckKey {
            owner,
            capability: key.capability,
            refused: key.refused != 0,
            standing: Standing::from(key.standing),
            askers: askers.map_while(|address| symbols.caller(*address)).map(str::to_owned).collect(),
        };
        let sample = CheckSample {
            key: key.clone(),
            count: counts.count,
            first_ns: counts.first_ns,
            first_pid: counts.first_tgid,
            first_comm: counts.first_comm,
        };
        sums.entry(key).and_modify(|sum| sum.add(&sample)).or_insert(sample);
    }
    Ok(sums.into_values().collect())
}

/// Those that still have their slots.
pub(super) fn present(counters: &Counters, owners: &[OwnerId]) -> Vec<OwnerId> {
    let has_slot = |owner: &&OwnerId| counters.owner(owner.slot).is_some_and(|(now, _)| now == **owner);
    owners.iter().filter(has_slot).copied().collect()
}
