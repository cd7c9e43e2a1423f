//! The format of `ctrace top --format csv`: RFC 4180 with `\n`, a heading, one row a container and
//! sample. Columns are as in [`super::json`]; new ones may come at the end.
//!
//! `owner` is `container`, `host` or why it is unknown. `lost` is what was lost of this container since
//! the start, `lost_anywhere` of all and of nobody in particular: other than 0, some count is too low.
//! `errors_percent` is of the calls of this interval, `cpu_percent` of one CPU's time; what is not known is empty.
//! Control characters are escaped as for a terminal.

use super::json::state_name;
use super::{cpu_percent, errors_percent, pod};
use crate::sink::clock::{Clock, rfc3339};
use crate::snapshot::{Counts, Row, Snapshot, Subject};
use crate::text::safe;

/// A column's title, and its value in a row.
type Column = (&'static str, fn(&Snapshot, &Row) -> String);

const COLUMNS: [Column; 24] = [
    ("timestamp", |snapshot, _| {
        let mut out = Vec::new();
        rfc3339(&mut out, Clock::new(0).wall(snapshot.wall_ns));
        String::from_utf8(out).unwrap_or_default()
    }),
    ("interval_ns", |snapshot, _| snapshot.interval_ns.to_string()),
    ("container_id", |_, row| container(row, |container| Some(container.id.clone()))),
    ("container_name", |_, row| row.name().to_owned()),
    ("runtime", |_, row| container(row, |container| Some(container.runtime.name().to_owned()))),
    ("image", |_, row| container(row, |container| container.image.clone())),
    ("owner", |_, row| match &row.subject {
        Subject::Container(_) => "container".to_owned(),
        Subject::Host => "host".to_owned(),
        Subject::Unknown { reason, .. } => reason.to_string(),
    }),
    ("state", |_, row| state_name(row.state).to_owned()),
    ("count", |_, row| count(row, |counts| counts.count)),
    ("errors", |_, row| count(row, |counts| counts.errors)),
    ("denied", |_, row| count(row, |counts| counts.denied)),
    ("total", |_, row| count(row, |counts| counts.total)),
    ("total_errors", |_, row| count(row, |counts| counts.total_errors)),
    ("total_denied", |_, row| count(row, |counts| counts.total_denied)),
    ("duration_p50_ns", |_, row| known(row.duration.map(|duration| duration.p50))),
    ("duration_p99_ns", |_, row| known(row.duration.map(|duration| duration.p99))),
    ("duration_max_ns", |_, row| known(row.duration.map(|duration| duration.max))),
    ("lost", |snapshot, row| lost(snapshot, Some(row))),
    ("lost_anywhere", |snapshot, _| lost(snapshot, None)),
    ("pod", |_, row| pod(row).unwrap_or_default().to_owned()),
    ("errors_percent", |_, row| one_decimal(errors_percent(row))),
    ("cpu_percent", |snapshot, row| one_decimal(cpu_percent(snapshot, row))),
    ("memory_bytes", |_, row| known(row.resources.memory_bytes)),
    ("processes", |_, row| known(row.resources.processes)),
];

pub fn heading(out: &mut Vec<u8>) {
    record(out, COLUMNS.iter().map(|(title, _)| (*title).to_owned()));
}

pub fn rows(out: &mut Vec<u8>, snapshot: &Snapshot) {
    for row in &snapshot.rows {
        record(out, COLUMNS.iter().map(|(_, value)| value(snapshot, row)));
    }
}

fn record(out: &mut Vec<u8>, fields: impl Iterator<Item = String>) {
    for (at, field) in fields.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        let field = safe(&field);
        if field.contains([',', '"', '\n', '\r']) {
            out.push(b'"');
            out.extend_from_slice(field.replace('"', "\"\"").as_bytes());
            out.push(b'"');
        } else {
            out.extend_from_slice(field.as_bytes());
        }
    }
    out.push(b'\n');
}

fn container(row: &Row, of: impl FnOnce(&crate::container::Container) -> Option<String>) -> String {
    match &row.subject {
        Subject::Container(container) => of(container).unwrap_or_default(),
        Subject::Host | Subject::Unknown { .. } => String::new(),
    }
}

fn one_decimal(number: Option<f64>) -> String {
    known(number.map(|number| format!("{number:.1}")))
}

fn known(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn count(row: &Row, of: impl FnOnce(&Counts) -> u64) -> String {
    of(&row.sum).to_string()
}

/// Of a row's container, or of all.
fn lost(snapshot: &Snapshot, row: Option<&Row>) -> String {
    let is_of = |id: &str| match row.map(|row| &row.subject) {
        None => true,
        Some(Subject::Container(container)) => container.id == id,
        Some(Subject::Host | Subject::Unknown { .. }) => false,
    };
    let losses = snapshot.losses.iter();
    let losses = losses.filter(|loss| match &loss.container {
        Some(container) => is_of(&container.id),
        None => row.is_none(),
    });
    losses.map(|loss| loss.count).fold(0, u64::saturating_add).to_string()
}
