//! The kernel and the container runtimes' files as one source of batches.

use std::time::Duration;

use anyhow::{Result, bail};
use aya::Ebpf;
use aya::maps::{MapData, RingBuf};
use aya_log::EbpfLogger;
use log::Log;
use tracer_common::config::feature;
use tracer_common::key::OwnerInfo;
use tracer_common::loss::Loss;
use tracer_common::record::kind;

use super::counts::Counters;
use super::focus::{Lens, present};
use super::load::{Loaded, load, take};
use super::reap::{Gone, Reaper};
use super::{attach, ring};
use crate::batch::{Arch, Batch, Detail, Focus, OwnerId, Session, Source, Status};
use crate::clock;
use crate::container::{CgroupId, Resolver, Roots};
use crate::decode::{self, RawRecord};
use crate::event::{CgroupAct, What};
use crate::own::Own;
use crate::plan::Plan;

/// A look-up that is due within this keeps the source busy: a container may be gone in 20 ms.
const SOON_NS: u64 = 4_000_000;

pub struct KernelSource {
    session: Session,
    resolver: Resolver,
    ring: RingBuf<MapData>,
    counters: Counters,
    reaper: Reaper,
    own: Own,
    lens: Lens,
    /// What the programs themselves have to say, for who asked for it.
    log: EbpfLogger<&'static dyn Log>,
    /// By slot: the generation that the resolver was told of last.
    met: Vec<Option<u32>>,
    /// Gone, and since when (`CLOCK_MONOTONIC`, ns): to be freed after a last sample.
    ended: Vec<(u64, Gone)>,
    /// The hierarchy of cgroup v1 that owners are told apart by, 0: none.
    v1_hierarchy: u32,
    /// Holds the programs: they are detached when it is dropped.
    ebpf: Option<Ebpf>,
}

impl KernelSource {
    /// Loads and attaches. `resolver` was made before, so that it knows the cgroups that exist.
    pub fn new(plan: &Plan, resolver: Resolver, roots: &Roots) -> Result<Self> {
        let arch = arch()?;
        let Loaded { mut ebpf, sizes, symbols } = load(plan, arch, roots)?;
        attach::attach(&mut ebpf, plan.features)?;
        let mut features = plan.features;
        if features & feature::IO_URING_RECORDS != 0
            && let Err(error) = attach::attach_io_uring(&mut ebpf)
        {
            log::info!("operations of io_uring cannot be seen: {error:#}");
            features &= !feature::IO_URING_RECORDS;
        }
        let uname = rustix::system::uname();
        let session = Session {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host_name: uname.nodename().to_string_lossy().into_owned(),
            kernel: uname.release().to_string_lossy().into_owned(),
            arch,
            wall_offset_ns: clock::wall_offset_ns(),
            started_ns: clock::monotonic_ns(),
            features,
        };
        Ok(Self {
            session,
            resolver,
            ring: take(&mut ebpf, "EVENTS")?.try_into()?,
            counters: Counters::new(&mut ebpf, sizes, plan.features)?,
            reaper: Reaper::new(&mut ebpf)?,
            own: Own::new(&roots.proc, plan.ring_bytes),
            lens: Lens::new(&mut ebpf, plan.features, symbols)?,
            log: EbpfLogger::init(&mut ebpf)?,
            met: Vec::new(),
            ended: Vec::new(),
            v1_hierarchy: roots.cgroup1.as_ref().map_or(0, |v1| v1.hierarchy),
            ebpf: Some(ebpf),
        })
    }

    pub fn resolver(&mut self) -> &mut Resolver {
        &mut self.resolver
    }

    fn has_met(&self, id: OwnerId) -> bool {
        let met = self.met.get(id.slot as usize).copied().flatten();
        met.is_some_and(|met| met >= id.generation)
    }

    fn meet(&mut self, id: OwnerId, info: &OwnerInfo) {
        if !self.has_met(id) {
            let slot = id.slot as usize;
            if slot >= self.met.len() {
                self.met.resize(slot + 1, None);
            }
            if let Some(met) = self.met.get_mut(slot) {
                *met = Some(id.generation);
            }
            self.resolver.met(id, info);
        }
    }

    /// What the records say about owners and cgroups.
    fn learn(&mut self, records: &[u8]) {
        // After the owners that they end were met.
        let mut ends = Vec::new();
        for record in decode::records(records) {
            // A record that cannot be read is counted where it is decoded for the faces.
            let Ok(RawRecord { kind, owner, bytes }) = record else { continue };
            match kind {
                kind::OWNER => {
                    if let Ok(info) = decode::owner(bytes) {
                        self.meet(owner, &info);
                    }
                    continue;
                }
                kind::CGROUP_MKDIR | kind::CGROUP_RMDIR => self.learn_cgroup(bytes),
                kind::ENDED => ends.push(bytes),
                _ => {}
            }
            if owner.slot != 0
                && !self.has_met(owner)
                && let Some((now, info)) = self.counters.owner(owner.slot)
                && now == owner
            {
                self.meet(owner, &info);
            }
        }
        for end in ends {
            self.learn_end(end);
        }
    }

    fn reap(&mut self) -> Result<()> {
        let now_ns = clock::monotonic_ns();
        let rested = |(since, gone): &mut (u64, Gone)| now_ns.saturating_sub(*since) >= gone.rest_ns();
        let gone: Vec<Gone> = self.ended.extract_if(.., rested).map(|(_, gone)| gone).collect();
        let freed = self.reaper.reap(&mut self.counters, &gone)?;
        self.lens.forget(&freed)
    }

    /// Where records were lost, that of a cgroup's end may be among them.
    fn find_ended(&mut self) {
        for cgroup in self.resolver.vanished() {
            self.cgroup_removed(cgroup);
        }
    }

    fn cgroup_removed(&mut self, cgroup: CgroupId) {
        self.resolver.cgroup_removed(cgroup);
        self.ended.push((0, Gone::Cgroup(cgroup)));
    }

    /// Nobody is left in a pid namespace. A cgroup can be shared with others, so that its end would never come.
    fn learn_end(&mut self, record: &[u8]) {
        let Ok(ended) = decode::ended(record) else { return };
        if !ended.namespace {
            return;
        }
        if let Some((pid_ns, incarnation)) = self.resolver.namespace_ended(ended.owner) {
            self.ended.push((ended.ktime_ns, Gone::Namespace { pid_ns, incarnation }));
        }
    }

    fn learn_cgroup(&mut self, record: &[u8]) {
        let Ok(event) = decode::decode(record) else { return };
        let What::Cgroup(cgroup) = event.what else { return };
        let id = match cgroup.hierarchy {
            0 => CgroupId::V2(cgroup.id),
            hierarchy if hierarchy == self.v1_hierarchy => CgroupId::V1(cgroup.id),
            _ => return,
        };
        match cgroup.act {
            CgroupAct::Mkdir => self.resolver.cgroup_made(id, cgroup.path.bytes()),
            CgroupAct::Rmdir => self.cgroup_removed(id),
            CgroupAct::Attach { .. } | CgroupAct::Freeze | CgroupAct::Unfreeze | CgroupAct::Rename => {}
        }
    }
}

impl Source for KernelSource {
    fn session(&self) -> &Session {
        &self.session
    }

    fn poll(&mut self, batch: &mut Batch, sample: bool) -> Result<Status> {
        self.log.flush();
        let more = ring::drain(&mut self.ring, &mut batch.records);
        self.own.drained(batch.records.len(), more);
        self.learn(&batch.records);
        if sample {
            for slot in self.counters.slots() {
                if let Some((id, info)) = self.counters.owner(slot) {
                    self.meet(id, &info);
                }
            }
            let mut sample = self.counters.sample()?;
            sample.resources = self.resolver.resources();
            sample.own = self.own.sample();
            self.lens.sample(&mut sample, &self.counters)?;
            if sample.tallies.iter().any(|sample| sample.tally.lost_at(Loss::Ring) > 0) {
                self.find_ended();
            }
            batch.sample = Some(sample);
            self.reap()?;
        }
        batch.now_ns = clock::monotonic_ns();
        self.resolver.advance(batch.now_ns, &mut batch.identities);
        let news = more || !batch.records.is_empty() || !batch.identities.is_empty();
        let soon = self.resolver.is_due(batch.now_ns + SOON_NS);
        Ok(if news || soon { Status::Busy } else { Status::Idle })
    }

    fn wait(&self, limit: Duration) {
        ring::wait(&self.ring, limit);
    }

    fn stop(&mut self) -> Result<()> {
        self.ebpf = None;
        Ok(())
    }

    fn ignore(&mut self, owner: OwnerId) -> Result<()> {
        match self.counters.owner(owner.slot) {
            Some((now, _)) if now == owner => self.reaper.ignore(owner.slot),
            // The slot has another owner by now.
            _ => Ok(()),
        }
    }

    fn focus(&mut self, detail: Option<Detail>, owners: &[OwnerId]) -> Result<Focus> {
        let Some(ebpf) = &mut self.ebpf else {
            return Ok(Focus::Unavailable("tracing has stopped".to_owned()));
        };
        let owners = present(&self.counters, owners);
        self.lens.point(detail, &owners, ebpf, &mut self.reaper)
    }
}

/// The machine's own ABI.
pub fn arch() -> Result<Arch> {
    match rustix::system::uname().machine().to_bytes() {
        b"x86_64" => Ok(Arch::X86_64),
        b"aarch64" => Ok(Arch::Aarch64),
        other => bail!("machine {} is not supported: x86_64 and aarch64 are", String::from_utf8_lossy(other)),
    }
}
