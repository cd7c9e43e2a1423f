//! The needs of a container in a few lines for people.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};

use super::defaults::{Comparison, compare};
use super::{Check, Needs, Why, name};

impl Display for Needs {
    /// Lines without the container's name; the last has no newline. No text in it comes from the container.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.needed.len() {
            0 => f.write_str("no capability needed")?,
            1 => write!(f, "1 capability needed: {}", list(&self.needed))?,
            many => write!(f, "{many} capabilities needed: {}", list(&self.needed))?,
        }
        if self.reasons.is_empty() {
            f.write_str("\n  complete: watched from its start, nothing lost")?;
        }
        for reason in &self.reasons {
            write!(f, "\n  PARTIAL: {reason}")?;
        }
        for (why, title) in TITLES {
            self.line(f, why, title)?;
        }
        for Comparison { engine, missing, unused } in compare(&self.needed) {
            let (missing, unused) = (list(&missing), list(&unused));
            write!(f, "\n  beyond the default of {engine}: {missing}; given by it and not used: {unused}")?;
        }
        for note in &self.notes {
            write!(f, "\n  note: {note}")?;
        }
        Ok(())
    }
}

/// What was seen, and why it is or is not in the set. Borrowed credentials are left to the evidence: every container on overlayfs has them.
const TITLES: [(Why, &str); 6] = [
    (Why::Needed, "used"),
    (Why::Refused, "wanted but refused, not in the set"),
    (Why::Probe, "only probed, no need"),
    (Why::Inner, "used in a user namespace of its own making, no need"),
    (Why::Outside, "refused outside its user namespace, where no capability helps"),
    (Why::Maker, "granted to the maker of a user namespace, no need"),
];

impl Needs {
    /// None if there is no such check.
    fn line(&self, f: &mut Formatter<'_>, why: Why, title: &str) -> fmt::Result {
        let mut found: BTreeMap<u8, (u64, &str)> = BTreeMap::new();
        for check in self.checks.iter().filter(|check| check.why == why) {
            let Check { capability, asked_by, granted, refused, .. } = check;
            let entry = found.entry(*capability).or_insert((0, asked_by.as_deref().unwrap_or("unknown")));
            entry.0 = entry.0.saturating_add(*granted).saturating_add(*refused);
        }
        let title = format!("\n  {title}: ");
        let mut separator = title.as_str();
        for (capability, (count, asked_by)) in found {
            let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
            write!(f, "{separator}{} ({times}, {asked_by})", short(capability))?;
            separator = ", ";
        }
        Ok(())
    }
}

pub(super) fn list(set: &BTreeSet<u8>) -> String {
    let names: Vec<String> = set.iter().map(|number| short(*number)).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Without `CAP_`, as engines take it.
fn short(number: u8) -> String {
    name(number).map_or_else(|| number.to_string(), |name| name.trim_start_matches("CAP_").to_owned())
}
