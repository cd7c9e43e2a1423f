//! The counting maps, read into a sample. Nothing is ever taken out of them here.

use std::collections::HashMap as Table;
use std::os::fd::AsFd;

use anyhow::{Context, Result};
use aya::maps::{Array, HashMap, Map, MapData, PerCpuArray};
use aya::{Ebpf, Pod};
use tracer_common::config::feature;
use tracer_common::key::{ArgumentKey, CallInfo, CallKey, Latency, OutcomeKey, OwnerInfo, OwnerKey};
use tracer_common::limits::BUCKETS;
use tracer_common::loss::{PLACES, Tally};

use super::load::{Sizes, take};
use super::mapping::Mapping;
use crate::batch::{ArgumentSample, CallSample, OutcomeSample, OwnerId, Sample, TallySample};

pub(super) struct Counters {
    pub owners: HashMap<MapData, OwnerKey, u32>,
    pub info: Array<MapData, OwnerInfo>,
    pub calls: HashMap<MapData, CallKey, CallInfo>,
    pub outcomes: HashMap<MapData, OutcomeKey, u64>,
    /// None: they are not counted.
    pub arguments: Option<HashMap<MapData, ArgumentKey, u64>>,
    pub tally: PerCpuArray<MapData, Tally>,
    pub counts: Mapping<u64>,
    pub latency: Option<Mapping<Latency>>,
    pub sizes: Sizes,
    /// What was reported last, so that only changes are.
    seen_calls: Table<CallKey, (OwnerId, CallInfo, u64, u64)>,
    seen_outcomes: Table<OutcomeKey, u64>,
    seen_arguments: Table<ArgumentKey, u64>,
    seen_tallies: Table<OwnerId, Tally>,
    /// Slots in use.
    live: Table<u32, OwnerId>,
}

impl Counters {
    pub(super) fn new(ebpf: &mut Ebpf, sizes: Sizes, features: u32) -> Result<Self> {
        let per_cpu = sizes.cpus as usize;
        let counts = take(ebpf, "COUNTS")?;
        let latency = take(ebpf, "LATENCY")?;
        Ok(Self {
            owners: take(ebpf, "OWNERS_MAP")?.try_into()?,
            info: take(ebpf, "OWNER_INFO")?.try_into()?,
            calls: take(ebpf, "CALLS_MAP")?.try_into()?,
            outcomes: take(ebpf, "OUTCOMES_MAP")?.try_into()?,
            arguments: if features & feature::ARGUMENTS == 0 {
                None
            } else {
                Some(take(ebpf, "ARGUMENTS_MAP")?.try_into()?)
            },
            tally: take(ebpf, "TALLY")?.try_into()?,
            counts: mapping(&counts, sizes.cells as usize * per_cpu)?,
            latency: if features & feature::LATENCY == 0 {
                None
            } else {
                Some(mapping(&latency, sizes.timed as usize * per_cpu)?)
            },
            sizes,
            seen_calls: Table::new(),
            seen_outcomes: Table::new(),
            seen_arguments: Table::new(),
            seen_tallies: Table::new(),
            // Those without an owner, and ctrace itself: what it does to cgroups is told as well.
            live: Table::from([0, 1].map(|slot| (slot, OwnerId { slot, generation: 0 }))),
        })
    }

    /// The owner that has the slot now.
    pub(super) fn owner(&self, slot: u32) -> Option<(OwnerId, OwnerInfo)> {
        let info = self.info.get(&slot, 0).ok()?;
        (info.generation != 0).then_some((OwnerId { slot, generation: info.generation }, info))
    }

    /// All owners, by their slots.
    pub(super) fn slots(&mut self) -> Vec<u32> {
        let slots: Vec<u32> = self.owners.iter().filter_map(Result::ok).map(|(_, slot)| slot).collect();
        for &slot in &slots {
            if let Some((id, _)) = self.owner(slot) {
                self.live.insert(slot, id);
            }
        }
        slots
    }

    /// What changed since the last one.
    pub(super) fn sample(&mut self) -> Result<Sample> {
        let mut sample = Sample::default();
        self.slots();
        self.sample_calls(&mut sample)?;
        self.sample_outcomes(&mut sample)?;
        self.sample_arguments(&mut sample)?;
        self.sample_tallies(&mut sample)?;
        Ok(sample)
    }

    fn sample_calls(&mut self, sample: &mut Sample) -> Result<()> {
        let keys: Vec<CallKey> =
            self.calls.keys().collect::<Result<_, _>>().context("cannot read the table of calls")?;
        for key in keys {
            let Some(&owner) = self.live.get(&key.owner) else { continue };
            let known = match self.seen_calls.get(&key) {
                Some(known) => *known,
                None => match self.calls.get(&key, 0) {
                    Ok(info) => (owner, info, 0, 0),
                    // Gone between the two look-ups.
                    Err(_) => continue,
                },
            };
            let (_, mut info, last_count, last_timed) = known;
            let count = self.count(info.cell);
            let latency = self.latency(info.cell);
            let timed = latency.as_ref().map_or(0, |l| l.buckets.iter().sum());
            if (count, timed) != (last_count, last_timed) || !self.seen_calls.contains_key(&key) {
                // After the count: whatever made it more has been noted before.
                info = self.calls.get(&key, 0).unwrap_or(info);
                sample.calls.push(CallSample { owner, key, info, count, latency });
            }
            self.seen_calls.insert(key, (owner, info, count, timed));
        }
        Ok(())
    }

    fn sample_outcomes(&mut self, sample: &mut Sample) -> Result<()> {
        for entry in &self.outcomes {
            let (key, count) = entry.context("cannot read the table of outcomes")?;
            let Some(&owner) = self.live.get(&key.call.owner) else { continue };
            if self.seen_outcomes.insert(key, count) != Some(count) {
                sample.outcomes.push(OutcomeSample { owner, key, count });
            }
        }
        Ok(())
    }

    fn sample_arguments(&mut self, sample: &mut Sample) -> Result<()> {
        for entry in self.arguments.iter().flat_map(HashMap::iter) {
            let (key, count) = entry.context("cannot read the table of arguments")?;
            let Some(&owner) = self.live.get(&key.call.owner) else { continue };
            if self.seen_arguments.insert(key, count) != Some(count) {
                sample.arguments.push(ArgumentSample { owner, key, count });
            }
        }
        Ok(())
    }

    fn sample_tallies(&mut self, sample: &mut Sample) -> Result<()> {
        for &owner in self.live.values() {
            let cpus = self.tally.get(&owner.slot, 0).context("cannot read an owner's ledger")?;
            let tally = cpus.iter().fold(Tally::default(), |sum, cpu| add(&sum, cpu));
            if self.seen_tallies.insert(owner, tally) != Some(tally) {
                sample.tallies.push(TallySample { owner, tally });
            }
        }
        Ok(())
    }

    fn count(&self, cell: u32) -> u64 {
        places(cell, self.sizes.cells, self.sizes.cpus).filter_map(|place| self.counts.get(place)).sum()
    }

    fn latency(&self, cell: u32) -> Option<Box<Latency>> {
        let mapping = self.latency.as_ref()?;
        if cell >= self.sizes.timed {
            return None;
        }
        let mut sum = Box::new(Latency { total_ns: 0, max_ns: 0, buckets: [0; BUCKETS] });
        for place in places(cell, self.sizes.timed, self.sizes.cpus) {
            let cpu = mapping.get(place)?;
            sum.total_ns += cpu.total_ns;
            sum.max_ns = sum.max_ns.max(cpu.max_ns);
            for (sum, cpu) in sum.buckets.iter_mut().zip(cpu.buckets) {
                *sum += cpu;
            }
        }
        Some(sum)
    }

    /// Forgets what was reported of these slots.
    pub(super) fn forget(&mut self, is_gone: impl Fn(u32) -> bool) {
        self.seen_calls.retain(|key, _| !is_gone(key.owner));
        self.seen_outcomes.retain(|key, _| !is_gone(key.call.owner));
        self.seen_arguments.retain(|key, _| !is_gone(key.call.owner));
        self.seen_tallies.retain(|id, _| !is_gone(id.slot));
        self.live.retain(|slot, _| !is_gone(*slot));
    }
}

/// Where a cell's copies lie, one a CPU.
pub(super) fn places(cell: u32, stride: u32, cpus: u32) -> impl Iterator<Item = usize> {
    (0..cpus as usize).map(move |cpu| cpu * stride as usize + cell as usize)
}

fn add(a: &Tally, b: &Tally) -> Tally {
    let mut lost = [0; PLACES];
    for ((sum, a), b) in lost.iter_mut().zip(a.lost).zip(b.lost) {
        *sum = a + b;
    }
    Tally { seen: a.seen + b.seen, filtered: a.filtered + b.filtered, sent: a.sent + b.sent, lost }
}

fn mapping<T: Pod>(map: &Map, elements: usize) -> Result<Mapping<T>> {
    let Map::Array(data) = map else { anyhow::bail!("the object's counters are no array") };
    Mapping::new(data.fd().as_fd(), elements)
}
