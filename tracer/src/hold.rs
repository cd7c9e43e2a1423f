//! Records of owners that are still being looked up, kept until it is known whether anybody wants
//! them.

use crate::batch::OwnerId;
use crate::owner_map::OwnerMap;

/// Half the default ring buffer: what arrives in the milliseconds that a look-up takes.
const LIMIT: usize = 8 << 20;

#[derive(Default)]
pub struct Hold {
    records: OwnerMap<Vec<u8>>,
    bytes: usize,
}

impl Hold {
    /// False: there is no room, and the record was not kept.
    pub fn keep(&mut self, owner: OwnerId, record: &[u8]) -> bool {
        if self.bytes + record.len() > LIMIT {
            return false;
        }
        self.bytes += record.len();
        self.records.entry(owner).or_default().extend_from_slice(record);
        true
    }

    pub fn owners(&self) -> Vec<OwnerId> {
        self.records.keys().copied().collect()
    }

    /// All records of an owner, in order.
    pub fn release(&mut self, owner: OwnerId) -> Vec<u8> {
        let records = self.records.remove(&owner).unwrap_or_default();
        self.bytes -= records.len();
        records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_back_what_it_took_and_no_more_than_fits() {
        let (mut hold, owner) = (Hold::default(), OwnerId { slot: 2, generation: 1 });
        assert!(hold.keep(owner, b"one"));
        assert!(hold.keep(owner, b"two"));
        assert!(!hold.keep(owner, &vec![0; LIMIT]));
        assert_eq!(hold.release(owner), b"onetwo");
        assert!(hold.owners().is_empty());
        assert!(hold.keep(owner, &vec![0; LIMIT]));
    }
}
