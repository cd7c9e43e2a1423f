//! Samples as text: what `ctrace top --once` and `-n` print, by [`Format`].

use std::io::{self, Write};

use super::output::Output;
use crate::snapshot::{Row, Snapshot, Subject};

pub mod csv;
pub mod json;
mod table;

/// How a sample is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns for people.
    Table,
    /// One JSON object a line and sample, see [`json`].
    Json,
    /// One row a container and sample, see [`csv`].
    Csv,
}

/// A receiver of samples; each is written as soon as it comes.
pub struct Samples<W> {
    out: Output<W>,
    format: Format,
    first: bool,
}

impl<W: Write> Samples<W> {
    pub fn new(writer: W, format: Format) -> Self {
        Self { out: Output::new(writer), format, first: true }
    }

    /// `Ok(false)`: the receiver wants no more.
    pub fn sample(&mut self, snapshot: &Snapshot) -> io::Result<bool> {
        let Self { out, format, first } = self;
        let lines = out.lines();
        match format {
            Format::Json => json::line(lines, snapshot),
            Format::Csv => {
                if *first {
                    csv::heading(lines);
                }
                csv::rows(lines, snapshot);
            }
            Format::Table => {
                if !*first {
                    lines.push(b'\n');
                }
                table::lines(lines, snapshot);
            }
        }
        *first = false;
        out.flush()
    }
}

/// CPU time in a hundredth of one CPU; None: not known.
fn cpu_percent(snapshot: &Snapshot, row: &Row) -> Option<f64> {
    percent(row.resources.cpu_ns?, snapshot.interval_ns)
}

/// Failed calls of this interval; None: there were no calls.
fn errors_percent(row: &Row) -> Option<f64> {
    percent(row.sum.errors, row.sum.count)
}

#[expect(clippy::cast_precision_loss, reason = "for people, and with one decimal")]
fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 * 100.0 / whole as f64)
}

/// What people call the pod around it.
fn pod(row: &Row) -> Option<&str> {
    let Subject::Container(container) = &row.subject else { return None };
    let pod = container.pod.as_ref()?;
    pod.name.as_deref().or(pod.uid.as_deref())
}

#[cfg(test)]
mod tests;
