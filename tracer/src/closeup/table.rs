//! Rows by key, as many as there is room for: keys come from containers.

use std::collections::HashMap;
use std::collections::hash_map::IterMut;
use std::hash::Hash;

pub(super) struct Table<K, V> {
    rows: HashMap<K, V>,
    limit: usize,
    /// How often there was no room.
    others: u64,
}

impl<K: Eq + Hash, V: Default> Table<K, V> {
    pub fn new(limit: usize) -> Self {
        Self { rows: HashMap::new(), limit, others: 0 }
    }

    /// None: there is no room for another one, and that is counted.
    pub fn row(&mut self, key: K) -> Option<&mut V> {
        if self.rows.len() >= self.limit && !self.rows.contains_key(&key) {
            self.others += 1;
            return None;
        }
        Some(self.rows.entry(key).or_default())
    }

    pub const fn others(&self) -> u64 {
        self.others
    }

    /// Forgets how often there was no room.
    pub const fn recount(&mut self) {
        self.others = 0;
    }

    pub fn iter_mut(&mut self) -> IterMut<'_, K, V> {
        self.rows.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_row_keeps_it_and_the_rest_is_counted() {
        let mut table: Table<u32, u64> = Table::new(2);
        for key in [1, 2, 3, 1, 4] {
            if let Some(count) = table.row(key) {
                *count += 1;
            }
        }
        assert_eq!((table.rows[&1], table.rows[&2], table.rows.len(), table.others()), (2, 1, 2, 2));
    }
}
