//! A trace in numbers, for Prometheus: what is measured, its text form, and answers over HTTP. Pure.

mod families;
mod http;
mod series;

use std::borrow::Cow;
use std::fmt::Write;

use crate::batch::{OwnSample, Session};
use crate::event::What;
use crate::ledger::Ledger;
use crate::lifecycle::Stage;
use crate::select::EVENTS;
use crate::text::safe;
pub use http::{HEAD_MAX, respond};
pub use series::{Series, SeriesRow};

/// All that the text is made of: plain data, as of one moment.
#[derive(Clone, Debug, Default)]
pub struct Readings {
    /// None: nothing was looked at yet.
    pub session: Option<Session>,
    pub delivered: Delivered,
    /// Since the start.
    pub ledger: Ledger,
    /// By place, since the start: also of counters, which are in no ledger.
    pub lost: Vec<(&'static str, u64)>,
    pub sinks: Vec<SinkReading>,
    /// None: nobody measured it.
    pub own: Option<OwnSample>,
    /// Containers that are known now.
    pub containers: u64,
    /// Of some containers, and of all others together; empty unless somebody asked for it.
    pub series: Vec<SeriesRow>,
}

/// Where events go to, and how that is going.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinkReading {
    /// As it was given on the command line, without what is secret in it.
    pub name: String,
    pub delivered: u64,
    /// By reason.
    pub dropped: Vec<(&'static str, u64)>,
    pub queue_bytes: u64,
    /// It takes what is sent to it.
    pub up: bool,
}

/// Delivered events by type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered([u64; CALLS.len() + EVENTS.len()]);

const CALLS: [&str; 2] = ["syscall", "syscall.denied"];

/// `event.name` of all that can be delivered.
fn names() -> impl Iterator<Item = &'static str> {
    CALLS.into_iter().chain(EVENTS)
}

impl Delivered {
    pub fn event(&mut self, what: &What<'_>) {
        self.count(what.name());
    }

    pub fn container(&mut self, stage: &Stage) {
        self.count(stage.name());
    }

    fn count(&mut self, name: &str) {
        // The names are compared by length first: the usual one is the first in the list.
        let index = names().position(|known| known == name);
        if let Some(count) = index.and_then(|index| self.0.get_mut(index)) {
            *count += 1;
        }
    }

    fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        names().zip(self.0)
    }
}

/// Prometheus' text format, version 0.0.4:
/// <https://github.com/prometheus/docs/blob/main/docs/instrumenting/exposition_formats.md>.
pub fn text(readings: &Readings) -> String {
    let mut text = Text(String::with_capacity(8 << 10));
    for family in families::FAMILIES {
        let samples = (family.samples)(readings);
        if !samples.is_empty() {
            text.family(family, &samples);
        }
    }
    text.0
}

/// A counter goes up, a gauge goes up and down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
}

/// A metric with all its label values.
struct Family {
    /// With its unit, and `_total` for a counter.
    name: &'static str,
    kind: Kind,
    /// One line.
    help: &'static str,
    samples: for<'a> fn(&'a Readings) -> Vec<Sample<'a>>,
}

struct Sample<'a> {
    labels: Vec<(&'static str, Cow<'a, str>)>,
    value: Value,
}

enum Value {
    Count(u64),
    /// Printed as seconds.
    Nanoseconds(u64),
}

/// Longer label values are cut, bytes: who names containers is not always a friend.
const LABEL_MAX: usize = 128;

struct Text(String);

impl Text {
    fn family(&mut self, family: &Family, samples: &[Sample<'_>]) {
        let Family { name, kind, help, samples: _ } = family;
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        // Writing to a `String` cannot fail, here and below.
        _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for Sample { labels, value } in samples {
            self.0.push_str(name);
            // A label without a value is no label.
            let labels = labels.iter().filter(|(_, value)| !value.is_empty());
            for (index, (label, value)) in labels.clone().enumerate() {
                self.0.push(if index == 0 { '{' } else { ',' });
                _ = write!(self.0, "{label}=\"");
                self.label_value(value);
                self.0.push('"');
            }
            if labels.count() > 0 {
                self.0.push('}');
            }
            _ = match value {
                Value::Count(count) => writeln!(self.0, " {count}"),
                Value::Nanoseconds(ns) => {
                    writeln!(self.0, " {}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000)
                }
            };
        }
    }

    /// The format knows three escapes; a new line is no character that [`safe`] lets through.
    fn label_value(&mut self, value: &str) {
        let end = value.floor_char_boundary(LABEL_MAX);
        for char in safe(value.get(..end).unwrap_or(value)).chars() {
            if matches!(char, '\\' | '"') {
                self.0.push('\\');
            }
            self.0.push(char);
        }
    }
}

#[cfg(test)]
mod tests;
