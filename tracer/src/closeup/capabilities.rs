//! Checks of capabilities, from the kernel's counts.

use super::count::{self, Caller, Count, Totals};
use super::subjects::{Number, Subjects};
use super::table::Table;
use crate::batch::{CapabilitySample, OwnerId};
use crate::snapshot::CapabilityRow;

/// All 64 that a kernel can have, for each of the owners that it can count.
const CAPABILITIES: usize = 64 * tracer_common::limits::OWNERS as usize;

pub(super) struct Capabilities {
    table: Table<(OwnerId, u8), Capability>,
}

#[derive(Default)]
struct Capability {
    subject: Number,
    last: Caller,
    count: Count,
}

impl Default for Capabilities {
    fn default() -> Self {
        Self { table: Table::new(CAPABILITIES) }
    }
}

impl Capabilities {
    /// Another count begins.
    pub const fn begin(&mut self) {
        self.table.recount();
    }

    pub fn counted(&mut self, subject: Number, sample: &CapabilitySample) {
        let CapabilitySample { owner, capability, granted, refused, pid, comm } = *sample;
        let Some(row) = self.table.row((owner, capability)) else { return };
        row.subject = subject;
        row.last = Caller::new(pid, comm);
        row.count.set(Totals { count: granted.saturating_add(refused), errors: refused, denied: 0 });
    }

    /// Ends the interval. A container has one row for a capability, whichever of its owners was checked.
    pub fn rows(&mut self, subjects: &Subjects) -> Vec<CapabilityRow> {
        let mut found: Vec<_> = self.table.iter_mut().collect();
        found.sort_by_key(|((owner, capability), row)| (row.subject, *capability, *owner));
        let mut rows: Vec<CapabilityRow> = Vec::new();
        let mut before = None;
        for ((_, capability), row) in found {
            let counts = row.count.take();
            let key = (row.subject, *capability);
            match rows.last_mut().filter(|_| before == Some(key)) {
                Some(last) => {
                    if counts.count > 0 {
                        (last.pid, last.comm) = (row.last.pid, row.last.comm());
                    }
                    count::add(&mut last.counts, &counts);
                }
                None => rows.extend(subjects.get(row.subject).map(|subject| CapabilityRow {
                    subject: subject.clone(),
                    capability: *capability,
                    counts,
                    pid: row.last.pid,
                    comm: row.last.comm(),
                })),
            }
            before = Some(key);
        }
        rows
    }

    pub const fn others(&self) -> u64 {
        self.table.others()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::closeup::testing::{WEB, subjects};

    #[test]
    fn owners_of_a_container_share_a_row() {
        let (subjects, web) = subjects();
        let exec = OwnerId { slot: 9, generation: 1 };
        let mut capabilities = Capabilities::default();
        let sample = |owner, capability, granted, refused, pid| CapabilitySample {
            owner,
            capability,
            granted,
            refused,
            pid,
            comm: *b"sh\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        };
        for sample in [sample(WEB, 21, 1, 2, 7), sample(WEB, 5, 1, 0, 7), sample(exec, 21, 0, 4, 8)] {
            capabilities.counted(web, &sample);
        }
        let rows = capabilities.rows(&subjects);
        let seen: Vec<_> =
            rows.iter().map(|r| (r.capability, r.counts.total, r.counts.total_errors, r.pid)).collect();
        assert_eq!(seen, [(5, 1, 0, 7), (21, 7, 6, 8)]);
        capabilities.counted(web, &sample(WEB, 21, 2, 2, 7));
        let rows = capabilities.rows(&subjects);
        assert_eq!((rows[1].counts.count, rows[1].counts.total, rows[1].pid), (1, 8, 7));
    }

    #[test]
    fn any_number_is_a_capability() {
        let (subjects, web) = subjects();
        let mut capabilities = Capabilities::default();
        let (granted, refused) = (u64::MAX, u64::MAX);
        let sample =
            CapabilitySample { owner: WEB, capability: 255, granted, refused, pid: 0, comm: [0xff; 16] };
        capabilities.counted(web, &sample);
        assert_eq!(capabilities.rows(&subjects)[0].counts.total, u64::MAX);
    }
}
