//! What containers and ctrace itself use: levels as they are now, CPU time as what came since the last snapshot.

use std::collections::HashMap;

use crate::batch::{OwnSample, OwnerId, ResourceSample, Sample};
use crate::container::{Identity, Owner};
use crate::snapshot::{Own, Resources};

#[derive(Default)]
pub(super) struct Uses {
    /// All of the last sample.
    now: HashMap<OwnerId, ResourceSample>,
    own: Option<OwnSample>,
    /// The most of all samples since the last snapshot.
    ring_bytes: u64,
    /// CPU time as of the last snapshot.
    then: HashMap<OwnerId, u64>,
    own_then: Option<u64>,
}

impl Uses {
    pub(super) fn sampled(&mut self, sample: &Sample) {
        self.now = sample.resources.iter().map(|used| (used.owner, *used)).collect();
        self.own = sample.own;
        self.ring_bytes = self.ring_bytes.max(sample.own.map_or(0, |own| own.ring_bytes));
    }

    /// None: this owner is not the one that tells its container's.
    pub(super) fn of(&self, identity: &Identity) -> Option<Resources> {
        let is_container = matches!(identity.owner, Owner::Container(_));
        let used = self.now.get(&identity.id).filter(|_| is_container && !identity.ended)?;
        let then = self.then.get(&identity.id);
        Some(Resources {
            // It goes backwards when the cgroup is made anew.
            cpu_ns: then.and_then(|then| used.cpu_ns?.checked_sub(*then)),
            memory_bytes: used.memory_bytes,
            processes: used.processes,
        })
    }

    pub(super) const fn own_sample(&self) -> Option<OwnSample> {
        self.own
    }

    pub(super) fn own(&self) -> Option<Own> {
        let OwnSample { cpu_ns, memory_bytes, ring_bytes: _, ring_size } = self.own?;
        let cpu_ns = self.own_then.and_then(|then| cpu_ns.checked_sub(then));
        Some(Own { cpu_ns, memory_bytes, ring_bytes: self.ring_bytes, ring_size })
    }

    /// What is now becomes what was at the last snapshot.
    pub(super) fn settle(&mut self) {
        self.then = self.now.values().filter_map(|used| Some((used.owner, used.cpu_ns?))).collect();
        self.own_then = self.own.map(|own| own.cpu_ns);
        self.ring_bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{GRACE_NS, Model};
    use super::*;
    use crate::batch::{Arch, Batch, Session};
    use crate::container::{Container, Phase, Runtime};
    use crate::snapshot::Snapshot;

    fn owner(slot: u32) -> OwnerId {
        OwnerId { slot, generation: 1 }
    }

    fn identity(slot: u32, ended: bool, owner: Owner) -> Identity {
        Identity {
            id: self::owner(slot),
            cgroup_id: 1,
            cgroup_path: None,
            pid_ns: 1,
            mnt_ns: 1,
            phase: Phase::Workload,
            first_ns: 0,
            first_pid: 1,
            running: false,
            lineage: false,
            ended,
            owner,
        }
    }

    fn web() -> Owner {
        Owner::Container(Arc::new(Container::unnamed(Runtime::Runc, "web")))
    }

    fn model() -> Model {
        let session = Session {
            version: String::new(),
            host_name: String::new(),
            kernel: String::new(),
            arch: Arch::X86_64,
            wall_offset_ns: 0,
            started_ns: 0,
            features: 0,
        };
        let mut model = Model::new(session, GRACE_NS);
        let identities =
            vec![identity(1, false, web()), identity(2, false, web()), identity(3, false, Owner::Host)];
        model.apply(&Batch { identities, ..Batch::default() });
        model
    }

    /// After a sample a second of these.
    fn after(model: &mut Model, now: u64, resources: &[(u32, u64)], own: Option<OwnSample>) -> Snapshot {
        let resources = resources.iter().map(|&(slot, cpu)| ResourceSample {
            owner: owner(slot),
            cpu_ns: Some(cpu),
            memory_bytes: Some(cpu * 2),
            processes: Some(5),
        });
        let sample = Some(Sample { resources: resources.collect(), own, ..Sample::default() });
        model.apply(&Batch { now_ns: now * 1_000_000_000, sample, ..Batch::default() });
        model.snapshot()
    }

    fn cpu(snapshot: &Snapshot) -> Option<u64> {
        snapshot.rows[0].resources.cpu_ns
    }

    #[test]
    fn cpu_time_is_of_the_interval_and_the_rest_as_it_is() {
        let mut model = model();
        let first = after(&mut model, 1, &[(2, 100), (3, 7)], None);
        let expected = Resources { cpu_ns: None, memory_bytes: Some(200), processes: Some(5) };
        assert_eq!(first.rows[0].resources, expected);
        assert_eq!(first.rows[1].resources, Resources::default(), "the host has no cgroup of its own");
        assert_eq!(cpu(&after(&mut model, 2, &[(2, 130)], None)), Some(30));
        assert_eq!(cpu(&after(&mut model, 3, &[(2, 130)], None)), Some(0));
    }

    #[test]
    fn another_cgroups_time_is_not_taken_off() {
        let mut model = model();
        after(&mut model, 1, &[(2, 100)], None);
        assert_eq!(cpu(&after(&mut model, 2, &[(2, 50)], None)), None, "backwards");
        assert_eq!(cpu(&after(&mut model, 3, &[(2, 60)], None)), Some(10));
        assert_eq!(cpu(&after(&mut model, 4, &[(1, 90)], None)), None, "another owner");
        assert_eq!(cpu(&after(&mut model, 5, &[(1, 91)], None)), Some(1));
        assert_eq!(after(&mut model, 6, &[], None).rows[0].resources, Resources::default());
        assert_eq!(cpu(&after(&mut model, 7, &[(1, 99)], None)), None, "after a gap");
    }

    #[test]
    fn who_has_ended_uses_nothing() {
        let mut model = model();
        after(&mut model, 1, &[(2, 100)], None);
        let identities = vec![identity(1, true, web()), identity(2, true, web())];
        model.apply(&Batch { identities, ..Batch::default() });
        assert_eq!(after(&mut model, 2, &[(2, 100)], None).rows[0].resources, Resources::default());
    }

    #[test]
    fn of_ctrace_itself_the_worst_moment_of_the_ring_buffer_is_kept() {
        let own =
            |cpu_ns, ring_bytes| Some(OwnSample { cpu_ns, memory_bytes: 9, ring_bytes, ring_size: 4096 });
        let mut model = model();
        let first = after(&mut model, 1, &[], own(100, 5)).own.unwrap();
        assert_eq!(first, Own { cpu_ns: None, memory_bytes: 9, ring_bytes: 5, ring_size: 4096 });
        let sample = Some(Sample { own: own(120, 800), ..Sample::default() });
        model.apply(&Batch { now_ns: 1_500_000_000, sample, ..Batch::default() });
        let second = after(&mut model, 2, &[], own(150, 3)).own.unwrap();
        assert_eq!((second.cpu_ns, second.ring_bytes), (Some(50), 800));
        assert_eq!(after(&mut model, 3, &[], own(10, 3)).own.unwrap().cpu_ns, None);
        assert_eq!(after(&mut model, 4, &[], None).own, None);
    }
}
