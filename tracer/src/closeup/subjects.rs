//! Containers by a number, so that rows of theirs are found without comparing names.

use std::collections::HashMap;

use crate::container::Identity;
use crate::snapshot::{Subject, SubjectId};

/// Subjects in a closeup: four times what can be counted at one time.
const SUBJECTS: usize = 4 * tracer_common::limits::OWNERS as usize;

pub(super) type Number = usize;

#[derive(Default)]
pub(super) struct Subjects {
    numbers: HashMap<SubjectId, Number>,
    all: Vec<Subject>,
}

impl Subjects {
    /// Whose an owner's rows are, as it is known now. None: there is no room.
    pub fn learn(&mut self, identity: &Identity) -> Option<Number> {
        let subject = Subject::of(identity);
        let id = subject.id();
        if let Some(&number) = self.numbers.get(&id) {
            if let Some(known) = self.all.get_mut(number) {
                *known = subject;
            }
            return Some(number);
        }
        let number = self.all.len();
        if number >= SUBJECTS {
            return None;
        }
        self.numbers.insert(id, number);
        self.all.push(subject);
        Some(number)
    }

    pub fn get(&self, number: Number) -> Option<&Subject> {
        self.all.get(number)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::closeup::testing::identity;
    use crate::container::{Container, Owner, Runtime};

    #[test]
    fn a_container_keeps_its_number_and_gets_its_name() {
        let mut subjects = Subjects::default();
        let of = |id: &str, name: Option<&str>| {
            let name = name.map(str::to_owned);
            let container = Container { name, ..Container::unnamed(Runtime::Podman, id) };
            identity(Owner::Container(Arc::new(container)))
        };
        let (web, db) = (subjects.learn(&of("abc", None)), subjects.learn(&of("def", None)));
        assert_ne!(web, db);
        assert_eq!(subjects.learn(&of("abc", Some("web"))), web);
        assert_eq!(subjects.get(web.unwrap()).unwrap().name(), "web");
        for number in 2..SUBJECTS {
            assert!(subjects.learn(&of(&number.to_string(), None)).is_some());
        }
        assert_eq!(subjects.learn(&of("one more", None)), None);
    }
}
