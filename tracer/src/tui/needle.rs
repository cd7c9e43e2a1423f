//! A filter as it is typed: words that a row has to contain, and `key=value` as for `ctrace trace`.

use crate::filter::{Filter, Key, Wanted};
use crate::snapshot::Subject;

/// Characters of a filter, far more than a name has: a paste by mistake ends here.
const LENGTH_MAX: usize = 256;

#[derive(Debug, Default)]
pub struct Needle {
    text: String,
    /// In lower case; a row contains all of them.
    words: Vec<String>,
    wanted: Wanted,
    /// What is wrong with a term, which then is as if it were not there.
    error: Option<String>,
}

impl Needle {
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub fn push(&mut self, c: char) {
        if self.text.chars().count() < LENGTH_MAX {
            self.text.push(c);
            self.read();
        }
    }

    pub fn pop(&mut self) {
        self.text.pop();
        self.read();
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn read(&mut self) {
        let (terms, words): (Vec<&str>, Vec<&str>) =
            self.text.split_whitespace().partition(|word| word.contains('='));
        let mut filters = Vec::new();
        self.error = None;
        for term in terms {
            match term.parse::<Filter>() {
                Ok(filter) => filters.push(filter),
                Err(error) => self.error = Some(error),
            }
        }
        self.words = words.into_iter().map(str::to_lowercase).collect();
        // Here a service of systemd is a row like others.
        self.wanted = Wanted { filters, host: true, ..Wanted::default() };
    }

    pub fn words_match(&self, contains: impl Fn(&str) -> bool) -> bool {
        self.words.iter().all(|word| contains(word))
    }

    /// Whether the terms let through what this container does.
    pub fn wants(&self, subject: &Subject) -> bool {
        let filters = &self.wanted.filters;
        if filters.is_empty() {
            return true;
        }
        match subject {
            Subject::Container(container) => self.wanted.wants(container, None),
            Subject::Host => false,
            // There is nothing but a cgroup to be asked for.
            Subject::Unknown { cgroup_path, .. } => filters.iter().all(|filter| {
                filter.key == Key::Cgroup && (cgroup_path.as_ref() == Some(&filter.value)) != filter.negated
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::sample::three;

    fn needle(text: &str) -> Needle {
        let mut needle = Needle::default();
        text.chars().for_each(|c| needle.push(c));
        needle
    }

    fn names(needle: &Needle) -> Vec<String> {
        three()
            .rows
            .iter()
            .filter(|row| needle.wants(&row.subject))
            .map(|row| row.name().to_owned())
            .collect()
    }

    #[test]
    fn terms_are_those_of_trace() {
        for (text, found) in [
            ("", &["db-1", "job", "web-1", "(host)", "(unknown)"][..]),
            ("runtime=docker", &["db-1"]),
            ("runtime!=docker", &["job", "web-1"]),
            ("name=db-1 name=job", &["db-1", "job"]),
            ("name=db-1 runtime=podman", &[]),
            ("namespace=default", &["web-1"]),
            ("cgroup=/a", &[]),
        ] {
            assert_eq!(names(&needle(text)), found, "{text}");
        }
    }

    #[test]
    fn a_mistake_leaves_the_rest() {
        let mut needle = needle("name=job x");
        assert_eq!((needle.error(), names(&needle)), (None, vec!["job".to_owned()]));
        " nmae=y".chars().for_each(|c| needle.push(c));
        assert!(needle.error().unwrap().contains("there are id, name"));
        assert_eq!(names(&needle), ["job"]);
        needle.clear();
        assert_eq!((needle.error(), names(&needle).len()), (None, 5));
    }

    #[test]
    fn every_word_has_to_be_there() {
        let needle = needle("Web  ngINX");
        assert!(needle.words_match(|word| "web-1 nginx".contains(word)));
        assert!(!needle.words_match(|word| "web-1".contains(word)));
    }
}
