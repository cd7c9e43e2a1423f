//! What somebody looks at more closely: rows that ask for more than counts, and the tables that fill then.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use aya::Ebpf;
use aya::maps::{HashMap, MapData};
use aya::programs::tp_btf::BtfTracePointLinkId;
use tracer_common::config::feature;
use tracer_common::key::{CapabilityCounts, CapabilityKey, ProcessCounts, ProcessKey, row};

use super::attach;
use super::counts::Counters;
use super::load::take;
use super::reap::Reaper;
use crate::batch::{CapabilitySample, Detail, Focus, OwnerId, ProcessSample, Sample};

pub(super) struct Lens {
    features: u32,
    processes: HashMap<MapData, ProcessKey, ProcessCounts>,
    capabilities: HashMap<MapData, CapabilityKey, CapabilityCounts>,
    /// What is told, and of whom, by slot.
    detail: Option<Detail>,
    owners: BTreeMap<u32, OwnerId>,
    /// The hook that nothing but [`Detail::Capabilities`] needs, while it is attached.
    checks: Option<BtfTracePointLinkId>,
}

impl Lens {
    pub(super) fn new(ebpf: &mut Ebpf, features: u32) -> Result<Self> {
        Ok(Self {
            features,
            processes: take(ebpf, "PROCESSES_MAP")?.try_into()?,
            capabilities: take(ebpf, "CAPABILITIES_MAP")?.try_into()?,
            detail: None,
            owners: BTreeMap::new(),
            checks: None,
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
                    None => Focus::Unavailable(
                        "this kernel has no tracepoint cap_capable (Linux 6.14 and later have)".to_owned(),
                    ),
                })
            }
            Some(_) | None => Ok(Focus::Ready),
        }
    }

    /// All of those in focus, as totals since they are.
    pub(super) fn sample(&mut self, sample: &mut Sample) -> Result<()> {
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
        for entry in &self.capabilities {
            let (key, counts) = entry.context("cannot read the table of capabilities")?;
            let Some(&owner) = self.owners.get(&key.owner) else { continue };
            let Ok(capability) = u8::try_from(key.capability) else { continue };
            let CapabilityCounts { granted, refused, tgid: pid, pad: _, comm } = counts;
            sample.capabilities.push(CapabilitySample { owner, capability, granted, refused, pid, comm });
        }
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

/// Those that still have their slots.
pub(super) fn present(counters: &Counters, owners: &[OwnerId]) -> Vec<OwnerId> {
    let has_slot = |owner: &&OwnerId| counters.owner(owner.slot).is_some_and(|(now, _)| now == **owner);
    owners.iter().filter(has_slot).copied().collect()
}
