//! The checks that were counted, kept beyond the end of their owners.

use std::collections::BTreeMap;

use crate::batch::{CheckKey, CheckSample, OwnerId, Sample};

#[derive(Default)]
pub struct Checks {
    by_owner: BTreeMap<OwnerId, BTreeMap<CheckKey, CheckSample>>,
}

impl Checks {
    pub fn sample(&mut self, sample: &Sample) {
        for check in &sample.checks {
            // Totals since they are counted: the last one holds.
            self.by_owner.entry(check.key.owner).or_default().insert(check.key.clone(), check.clone());
        }
    }

    pub fn of(&self, owner: OwnerId) -> impl Iterator<Item = &CheckSample> {
        self.by_owner.get(&owner).into_iter().flat_map(BTreeMap::values)
    }
}
