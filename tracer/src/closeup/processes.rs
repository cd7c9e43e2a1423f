//! Calls by process: from the kernel's counts, or from records where every call has one.

use super::count::{Caller, Count, Outcome, Totals};
use super::subjects::{Number, Subjects};
use super::table::Table;
use crate::batch::{OwnerId, ProcessSample};
use crate::event::{Event, What};
use crate::snapshot::ProcessRow;

/// Processes in a closeup: half of what a kernel has threads by default.
const PROCESSES: usize = 16_384;

pub(super) struct Processes {
    /// By owner and pid. Those that ended stay.
    table: Table<(OwnerId, u32), Process>,
}

#[derive(Default)]
struct Process {
    subject: Number,
    last: Caller,
    count: Count,
    /// Of those before it that had its pid, or before the kernel began to count anew.
    before: Totals,
    now: Totals,
}

impl Default for Processes {
    fn default() -> Self {
        Self { table: Table::new(PROCESSES) }
    }
}

impl Processes {
    /// Another count begins.
    pub const fn begin(&mut self) {
        self.table.recount();
    }

    pub fn counted(&mut self, subject: Number, sample: &ProcessSample) {
        let ProcessSample { owner, pid, comm, calls, errors, denied } = *sample;
        let Some(process) = self.table.row((owner, pid)) else { return };
        let now = Totals { count: calls, errors, denied };
        if now.count < process.now.count {
            process.before = sum(process.before, process.now);
        }
        process.subject = subject;
        process.last = Caller::new(pid, comm);
        process.now = now;
        process.count.set(sum(process.before, now));
    }

    /// A record, of whatever kind.
    pub fn fold(&mut self, subject: Number, event: &Event<'_>) {
        let What::Syscall(_) = event.what else { return };
        let Some(process) = self.table.row((event.owner, event.process.pid)) else { return };
        process.subject = subject;
        process.last = Caller::of(&event.process);
        process.count.add(Outcome::of(event));
    }

    /// Ends the interval.
    pub fn rows(&mut self, subjects: &Subjects) -> Vec<ProcessRow> {
        let rows = self.table.iter_mut().filter_map(|(_, process)| {
            Some(ProcessRow {
                subject: subjects.get(process.subject)?.clone(),
                pid: process.last.pid,
                comm: process.last.comm(),
                counts: process.count.take(),
            })
        });
        let mut rows: Vec<_> = rows.collect();
        rows.sort_by_key(|row| row.pid);
        rows
    }

    pub const fn others(&self) -> u64 {
        self.table.others()
    }
}

fn sum(one: Totals, other: Totals) -> Totals {
    Totals {
        count: one.count.saturating_add(other.count),
        errors: one.errors.saturating_add(other.errors),
        denied: one.denied.saturating_add(other.denied),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::closeup::testing::{Record, WEB, subjects};

    fn sample(pid: u32, calls: u64) -> ProcessSample {
        let comm = *b"sh\xff\x1b[2J\0\0\0\0\0\0\0\0\0";
        ProcessSample { owner: WEB, pid, comm, calls, errors: 1, denied: 0 }
    }

    #[test]
    fn totals_grow_and_intervals_are_between_snapshots() {
        let (subjects, web) = subjects();
        let mut processes = Processes::default();
        processes.counted(web, &sample(7, 10));
        assert_eq!(processes.rows(&subjects)[0].counts.count, 10);
        processes.counted(web, &sample(7, 14));
        processes.counted(web, &sample(3, 1));
        let rows = processes.rows(&subjects);
        assert_eq!(rows.iter().map(|row| row.pid).collect::<Vec<_>>(), [3, 7]);
        assert_eq!((rows[1].counts.count, rows[1].counts.total, rows[1].counts.errors), (4, 14, 0));
        assert_eq!(rows[1].comm, "sh\u{fffd}\u{1b}[2J");
        let rows = processes.rows(&subjects);
        assert_eq!((rows[1].counts.count, rows[1].counts.total), (0, 14), "it ended, or was idle");
    }

    #[test]
    fn calls_with_a_record_are_counted() {
        let (subjects, web) = subjects();
        let mut processes = Processes::default();
        let own = |record: Record| record.pid(7).comm(b"sh\xff");
        for record in [
            own(Record::exec(b"/bin/sh")),
            own(Record::call("read", 1)),
            own(Record::call("openat", -2)),
            own(Record::call("mount", -1).denied()),
            own(Record::call("close", 0)).comm(b"cat"),
            own(Record::exit()).comm(b"gone"),
            Record::call("read", 1).pid(3),
        ] {
            processes.fold(web, &record.event());
        }
        let rows = processes.rows(&subjects);
        assert_eq!(rows.iter().map(|row| row.pid).collect::<Vec<_>>(), [3, 7]);
        let counts = &rows[1].counts;
        assert_eq!((counts.count, counts.errors, counts.denied, rows[1].comm.as_str()), (4, 2, 1, "cat"));
        processes.fold(web, &own(Record::call("read", 1)).event());
        let row = &processes.rows(&subjects)[1];
        assert_eq!((row.counts.count, row.counts.total, row.comm.as_str()), (1, 5, "sh\u{fffd}"));
    }

    #[test]
    fn a_count_that_begins_anew_is_added() {
        let (subjects, web) = subjects();
        let mut processes = Processes::default();
        for calls in [10, 3, 4] {
            processes.counted(web, &sample(7, calls));
        }
        assert_eq!(processes.rows(&subjects)[0].counts.total, 14);
    }

    #[test]
    fn no_more_than_there_is_room_for() {
        let (subjects, web) = subjects();
        let mut processes = Processes::default();
        for _ in 0..2 {
            processes.begin();
            for pid in 0..20_000 {
                processes.counted(web, &sample(pid, u64::MAX));
            }
        }
        assert_eq!(processes.rows(&subjects).len(), PROCESSES);
        assert_eq!(processes.others(), 20_000 - PROCESSES as u64);
    }
}
