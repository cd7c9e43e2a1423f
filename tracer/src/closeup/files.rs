//! Calls by file.

use std::cmp::Reverse;
use std::sync::Arc;

use super::count::{Caller, Count, Outcome};
use super::descriptors::{Deed, Thing, Uses};
use super::subjects::{Number, Subjects};
use super::table::Table;
use crate::event::{Event, Syscall, What};
use crate::snapshot::FileRow;

/// Files in a closeup: many screens of them, and at most 6 MiB of paths.
const FILES: usize = 4096;

pub(super) struct Files {
    table: Table<(Number, Arc<str>), File>,
}

#[derive(Default)]
struct File {
    count: Count,
    opens: u64,
    read: u64,
    written: u64,
    time_ns: u64,
    errno: Option<u16>,
    last: Caller,
}

impl Default for Files {
    fn default() -> Self {
        Self { table: Table::new(FILES) }
    }
}

impl Files {
    pub fn fold(&mut self, subject: Number, event: &Event<'_>, uses: &Uses) {
        let outcome = Outcome::of(event);
        for used in uses.iter().flatten() {
            let Thing::File(path) = &used.on else { continue };
            let Some(file) = self.table.row((subject, Arc::clone(path))) else { continue };
            file.count.add(outcome);
            file.errno = outcome.errno.or(file.errno);
            file.last = Caller::of(&event.process);
            if let What::Syscall(Syscall { duration_ns: Some(duration), .. }) = event.what {
                file.time_ns = file.time_ns.saturating_add(duration);
            }
            match used.deed {
                Deed::Opened => file.opens += 1,
                Deed::Read(bytes) => file.read = file.read.saturating_add(bytes),
                Deed::Written(bytes) => file.written = file.written.saturating_add(bytes),
                Deed::Connected | Deed::Other => {}
            }
        }
    }

    /// Most used first. Ends the interval.
    pub fn rows(&mut self, subjects: &Subjects) -> Vec<FileRow> {
        let rows = self.table.iter_mut().filter_map(|((subject, path), file)| {
            Some(FileRow {
                subject: subjects.get(*subject)?.clone(),
                path: path.to_string(),
                counts: file.count.take(),
                opens: file.opens,
                read_bytes: file.read,
                written_bytes: file.written,
                time_ns: file.time_ns,
                errno: file.errno,
                pid: file.last.pid,
                comm: file.last.comm(),
            })
        });
        let mut rows: Vec<_> = rows.collect();
        rows.sort_by(|a, b| {
            let key = |row: &FileRow| Reverse(row.counts.total);
            let name = |row: &FileRow| row.subject.name().to_owned();
            key(a).cmp(&key(b)).then_with(|| a.path.cmp(&b.path)).then_with(|| name(a).cmp(&name(b)))
        });
        rows
    }

    pub const fn others(&self) -> u64 {
        self.table.others()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::closeup::descriptors::Use;
    use crate::closeup::testing::{Record, subjects};

    fn uses(path: &str, deed: Deed) -> Uses {
        [Some(Use { on: Thing::File(path.into()), deed }), None]
    }

    #[test]
    fn calls_bytes_time_and_the_last_error() {
        let (subjects, web) = subjects();
        let mut files = Files::default();
        let mut fold = |record: Record, deed| files.fold(web, &record.event(), &uses("/etc/passwd", deed));
        fold(Record::call("openat", 3).duration(100), Deed::Opened);
        fold(Record::call("read", 512).duration(50), Deed::Read(512));
        fold(Record::call("read", -11), Deed::Read(0));
        fold(Record::call("write", 7).pid(9).comm(b"tee"), Deed::Written(7));
        fold(Record::call("unlinkat", -1).denied(), Deed::Other);
        let rows = files.rows(&subjects);
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((row.opens, row.read_bytes, row.written_bytes, row.time_ns), (1, 512, 7, 150));
        assert_eq!((row.counts.count, row.counts.errors, row.counts.denied), (5, 2, 1));
        assert_eq!((row.errno, row.pid, row.subject.name()), (Some(1), Record::PID, "web"));
    }

    #[test]
    fn any_bytes_are_a_path_and_memory_is_bounded() {
        let (subjects, web) = subjects();
        let mut files = Files::default();
        let record = Record::call("openat", 3);
        for number in 0..5000 {
            files.fold(web, &record.event(), &uses(&format!("/\n\0\u{1b}{number}"), Deed::Opened));
        }
        files.fold(web, &record.event(), &uses("/\n\0\u{1b}0", Deed::Opened));
        let rows = files.rows(&subjects);
        assert_eq!((rows.len(), files.others()), (FILES, 5000 - FILES as u64));
        assert_eq!((rows[0].path.as_str(), rows[0].opens), ("/\n\0\u{1b}0", 2));
    }
}
