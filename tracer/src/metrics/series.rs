//! Metrics of single containers: a limited number of them, and the rest together. A fold over what owners called.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::LABEL_MAX;
use crate::batch::OwnerId;
use crate::container::Container;
use crate::snapshot::Used;

/// What the others are called together.
const OTHER: &str = "_other";

/// Of one container, or of all those that have none of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeriesRow {
    pub name: String,
    /// Empty for the others.
    pub id: String,
    /// Id of the container around; empty: there is none.
    pub parent: String,
    /// Since the start of the trace, never less than before.
    pub used: Used,
}

/// Id, and that of the container around: inside containers ids are chosen by whoever runs there.
type Key = (String, String);

pub struct Series {
    limit: usize,
    /// Those that have a series of their own.
    kept: BTreeMap<Key, SeriesRow>,
    /// Those that had no place when they were seen first: their counts stay where they began.
    late: HashSet<Key>,
    other: Used,
    /// What is added already.
    counted: HashMap<OwnerId, Used>,
}

impl Series {
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            kept: BTreeMap::new(),
            late: HashSet::new(),
            other: Used::default(),
            counted: HashMap::new(),
        }
    }

    /// `owners`: all that are known, with what each called since the start of the trace. A container without any
    /// has gone, and its series goes with it.
    pub fn update<'a>(&mut self, owners: impl Iterator<Item = (OwnerId, &'a Container, Used)>) {
        let (mut here, mut counted) = (HashSet::new(), HashMap::new());
        let owners: Vec<_> =
            owners.map(|(owner, container, used)| (owner, container, key(container), used)).collect();
        here.extend(owners.iter().map(|(_, _, key, _)| key.clone()));
        // First who goes, so that there is room for who comes.
        self.kept.retain(|key, _| here.contains(key));
        self.late.retain(|key| here.contains(key));
        for (owner, container, key, used) in owners {
            let new = since(used, self.counted.get(&owner).copied().unwrap_or_default());
            counted.insert(owner, used);
            match self.row(key, container) {
                Some(row) => row.used += new,
                None => self.other += new,
            }
        }
        self.counted = counted;
    }

    /// None: it has none of its own.
    fn row(&mut self, key: Key, container: &Container) -> Option<&mut SeriesRow> {
        if !self.kept.contains_key(&key) {
            // What would be cut or written otherwise might be told from others no more, and the others have no id.
            let whole = |id: &str| id.len() <= LABEL_MAX && id.bytes().all(|byte| byte.is_ascii_graphic());
            let tellable = !key.0.is_empty() && whole(&key.0) && whole(&key.1);
            if self.late.contains(&key) || !tellable || self.kept.len() >= self.limit {
                self.late.insert(key);
                return None;
            }
            let row = SeriesRow { id: key.0.clone(), parent: key.1.clone(), ..SeriesRow::default() };
            self.kept.insert(key.clone(), row);
        }
        let row = self.kept.get_mut(&key)?;
        // It may be known by now.
        if row.name != container.display_name() {
            container.display_name().clone_into(&mut row.name);
        }
        Some(row)
    }

    pub fn rows(&self) -> Vec<SeriesRow> {
        let other = SeriesRow { name: OTHER.to_owned(), used: self.other, ..SeriesRow::default() };
        self.kept.values().cloned().chain([other]).collect()
    }
}

fn key(container: &Container) -> Key {
    (container.id.clone(), container.parent.clone().unwrap_or_default())
}

fn since(now: Used, then: Used) -> Used {
    Used {
        calls: now.calls.saturating_sub(then.calls),
        errors: now.errors.saturating_sub(then.errors),
        denied: now.denied.saturating_sub(then.denied),
        setup: now.setup.saturating_sub(then.setup),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::Runtime;

    /// Slots of owners, ids of their containers, calls so far.
    fn update(series: &mut Series, owners: &[(u32, &str, u64)]) -> Vec<(String, u64)> {
        let containers: Vec<_> =
            owners.iter().map(|(_, id, _)| Container::unnamed(Runtime::Runc, id)).collect();
        let owners = owners.iter().zip(&containers).map(|((slot, _, calls), container)| {
            (OwnerId { slot: *slot, generation: 1 }, container, Used { calls: *calls, ..Used::default() })
        });
        series.update(owners);
        series.rows().into_iter().map(|row| (row.id, row.used.calls)).collect()
    }

    #[track_caller]
    fn is(found: &[(String, u64)], expected: &[(&str, u64)]) {
        let found: Vec<(&str, u64)> = found.iter().map(|(id, calls)| (id.as_str(), *calls)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn who_has_no_place_is_one_of_the_others_until_it_goes() {
        let mut series = Series::new(2);
        is(&update(&mut series, &[(1, "a", 1), (2, "b", 2), (3, "c", 3)]), &[("a", 1), ("b", 2), ("", 3)]);
        // A place is free, and the late one stays where its counts are.
        is(&update(&mut series, &[(2, "b", 2), (3, "c", 10)]), &[("b", 2), ("", 10)]);
        is(&update(&mut series, &[(2, "b", 2), (3, "c", 10), (4, "d", 5)]), &[("b", 2), ("d", 5), ("", 10)]);
        is(&update(&mut series, &[]), &[("", 10)]);
    }

    #[test]
    fn a_count_never_goes_back() {
        let mut series = Series::new(1);
        is(&update(&mut series, &[(1, "a", 10), (2, "a", 5)]), &[("a", 15), ("", 0)]);
        // An `exec` session is over and forgotten.
        is(&update(&mut series, &[(1, "a", 11)]), &[("a", 16), ("", 0)]);
        is(&update(&mut series, &[(1, "a", 7)]), &[("a", 16), ("", 0)]);
    }

    #[test]
    fn ids_that_cannot_be_told_are_others() {
        let mut series = Series::new(9);
        let long = "x".repeat(LABEL_MAX + 1);
        is(&update(&mut series, &[(1, "", 1), (2, &long, 2), (3, "\u{202e}", 4)]), &[("", 7)]);
    }

    #[test]
    fn many_short_lives_leave_nothing_behind() {
        let mut series = Series::new(3);
        for round in 0..1000 {
            let id = format!("c{round}");
            update(&mut series, &[(round, &id, 1), (round + 1, "x", 1)]);
        }
        assert!(series.rows().len() <= 4 && series.late.len() <= 2 && series.counted.len() <= 2);
    }
}
