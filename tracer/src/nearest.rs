//! What somebody may have meant.

/// `, did you mean `pause`?`; empty if nothing is near.
pub fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> String {
    let near = names.map(|name| (distance(typed, name), name)).min();
    match near {
        // Up to a third of it is a slip, more is another word.
        Some((distance, name)) if distance <= name.chars().count().div_ceil(3) => {
            format!(", did you mean `{name}`?")
        }
        Some(_) | None => String::new(),
    }
}

/// Letters to add, remove, replace, or swap with their neighbour to get from `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    // Nothing longer is near to any name.
    let a: Vec<char> = a.chars().take(64).collect();
    let b: Vec<char> = b.chars().collect();
    // The distances of all beginnings of `a` from the beginnings of `b` of one length, and of the lengths before.
    let mut rows: Vec<Vec<usize>> = vec![(0..=a.len()).collect()];
    let at = |rows: &[Vec<usize>], y: usize, x: usize| {
        rows.get(y).and_then(|row| row.get(x)).copied().unwrap_or(usize::MAX / 2)
    };
    for y in 1..=b.len() {
        let mut row = vec![y];
        for x in 1..=a.len() {
            let same = a.get(x - 1) == b.get(y - 1);
            let replaced = at(&rows, y - 1, x - 1) + usize::from(!same);
            let added = row.last().map_or(usize::MAX, |left| left + 1).min(at(&rows, y - 1, x) + 1);
            let swapped = x > 1 && y > 1 && a.get(x - 1) == b.get(y - 2) && a.get(x - 2) == b.get(y - 1);
            let swapped = if swapped { at(&rows, y - 2, x - 2) + 1 } else { usize::MAX };
            row.push(replaced.min(added).min(swapped));
        }
        rows.push(row);
    }
    at(&rows, b.len(), a.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, letters) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("abc", "", 3),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
            ("ab", "ba", 1),
            ("puase", "pause", 1),
        ] {
            assert_eq!(distance(a, b), letters, "{a} {b}");
        }
    }

    #[test]
    fn only_what_is_near_is_meant() {
        let names = || ["pause", "palette", "quit"].into_iter();
        assert_eq!(nearest("puase", names()), ", did you mean `pause`?");
        assert_eq!(nearest("zzz", names()), "");
        assert_eq!(nearest("quit", [].into_iter()), "");
    }
}
