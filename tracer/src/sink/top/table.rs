//! The format of `ctrace top --format table`: for people.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::json::state_name;
use super::{cpu_percent, errors_percent, pod};
use crate::sink::clock::Clock;
use crate::sink::short_name;
use crate::snapshot::{CallRow, Row, Snapshot};
use crate::syscall;
use crate::text::safe;

/// Columns that a name may take; longer ones end in `…`.
const NAME: usize = 40;

/// Calls that are named in a row.
const BUSIEST: usize = 4;

enum Align {
    Left,
    Right,
}

/// A column's title, side, and its text in a row.
type Column = (&'static str, Align, fn(&Snapshot, &Row) -> String);

const COLUMNS: [Column; 12] = [
    ("CONTAINER", Align::Left, |_, row| clip(&safe(row.name()), NAME).into_owned()),
    ("POD", Align::Left, |_, row| known(pod(row).map(|pod| clip(&safe(pod), NAME).into_owned()))),
    ("STATE", Align::Left, |_, row| state_name(row.state).to_owned()),
    ("CALLS/S", Align::Right, |snapshot, row| rate(snapshot, row.sum.count)),
    ("ERRORS/S", Align::Right, |snapshot, row| rate(snapshot, row.sum.errors)),
    ("ERRORS%", Align::Right, |_, row| known(errors_percent(row).map(|percent| format!("{percent:.1}")))),
    ("DENIED", Align::Right, |_, row| row.sum.total_denied.to_string()),
    ("TOTAL", Align::Right, |_, row| row.sum.total.to_string()),
    ("CPU%", Align::Right, |snapshot, row| {
        known(cpu_percent(snapshot, row).map(|percent| format!("{percent:.1}")))
    }),
    ("MEMORY", Align::Right, |_, row| known(row.resources.memory_bytes.map(bytes))),
    ("PROCS", Align::Right, |_, row| known(row.resources.processes.map(|number| number.to_string()))),
    ("BUSIEST", Align::Left, busiest),
];

/// Appends a sample: time, what was lost, heading and rows.
pub fn lines(out: &mut Vec<u8>, snapshot: &Snapshot) {
    let mut text = String::new();
    let mut clock = Clock::new(0);
    let (time, _) = clock.wall(snapshot.wall_ns);
    let seconds = snapshot.interval_ns / 1_000_000_000;
    let tenths = snapshot.interval_ns / 100_000_000 % 10;
    // Writing to a `String` cannot fail.
    _ = writeln!(text, "{time}Z, {seconds}.{tenths} s");
    for loss in &snapshot.losses {
        let of = loss.container.as_deref().map(|container| format!(" of {}", safe(short_name(container))));
        _ = writeln!(text, "LOST {}{} ({})", loss.count, of.unwrap_or_default(), loss.place);
    }
    let heading = COLUMNS.iter().map(|(title, ..)| (*title).to_owned()).collect();
    let rows =
        snapshot.rows.iter().map(|row| COLUMNS.iter().map(|(.., value)| value(snapshot, row)).collect());
    let grid: Vec<Vec<String>> = [heading].into_iter().chain(rows).collect();
    let widths: Vec<usize> = (0..COLUMNS.len())
        .map(|column| {
            grid.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0)
        })
        .collect();
    for row in grid {
        let start = text.len();
        for ((cell, width), (_, align, _)) in row.iter().zip(&widths).zip(&COLUMNS) {
            if text.len() > start {
                text.push_str("  ");
            }
            // `{:<}` counts characters, a terminal columns.
            let pad = " ".repeat(width.saturating_sub(cell.width()));
            match align {
                Align::Left => text.extend([cell, pad.as_str()]),
                Align::Right => text.extend([pad.as_str(), cell]),
            }
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    out.extend_from_slice(text.as_bytes());
}

fn rate(snapshot: &Snapshot, count: u64) -> String {
    match snapshot.interval_ns {
        0 => "-".to_owned(),
        _ => format!("{:.1}", snapshot.per_second(count)),
    }
}

fn known(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

/// In powers of 1024.
#[expect(clippy::cast_precision_loss, reason = "it is shown with one decimal")]
fn bytes(bytes: u64) -> String {
    let unit = bytes.checked_ilog2().unwrap_or(0) / 10;
    match "KMGTPE".chars().nth(unit.saturating_sub(1) as usize) {
        Some(letter) if unit > 0 => format!("{:.1}{letter}", bytes as f64 / (1u64 << (10 * unit)) as f64),
        _ => bytes.to_string(),
    }
}

/// The calls most often made: in this interval, or if there was none, since the start.
fn busiest(snapshot: &Snapshot, row: &Row) -> String {
    let often =
        |call: &CallRow| if snapshot.interval_ns == 0 { call.counts.total } else { call.counts.count };
    let mut calls: Vec<&CallRow> = row.calls.iter().filter(|call| often(call) > 0).collect();
    calls.sort_by_key(|call| (std::cmp::Reverse(often(call)), call.abi, call.number));
    let names = calls.iter().take(BUSIEST).map(|call| syscall::label(snapshot.arch, call.abi, call.number));
    names.collect::<Vec<_>>().join(" ")
}

/// At most `columns` wide.
fn clip(text: &str, columns: usize) -> Cow<'_, str> {
    if text.width() <= columns {
        return text.into();
    }
    let mut left = columns.saturating_sub(1);
    let fits = |c: &char| {
        let width = c.width().unwrap_or(0);
        let fits = width <= left;
        left = left.saturating_sub(width);
        fits
    };
    let mut clipped: String = text.chars().take_while(fits).collect();
    clipped.push('…');
    clipped.into()
}
