//! `--filter comm=nginx`: which processes are wanted. Decided for each event, by the process that caused it.

use std::fmt;
use std::str::FromStr;

use super::{Filter, split};
use crate::event::Process;

/// The kernel keeps no more of a `comm` than this:
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/sched.h#L311> without the NUL byte.
const COMM_MAX: usize = 15;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Comm,
    Pid,
    Uid,
}

/// Key and spelling, in the order in which they are listed in messages.
const KEYS: [(Key, &str); 3] = [(Key::Comm, "comm"), (Key::Pid, "pid"), (Key::Uid, "uid")];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    /// The name of a thread.
    Comm(String),
    /// Of the process, not of one of its threads, as the host sees it.
    Pid(u32),
    /// As the host sees it.
    Uid(u32),
}

/// `key=value` or `key!=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessFilter {
    value: Value,
    negated: bool,
}

impl ProcessFilter {
    const fn key(&self) -> Key {
        match self.value {
            Value::Comm(_) => Key::Comm,
            Value::Pid(_) => Key::Pid,
            Value::Uid(_) => Key::Uid,
        }
    }

    fn is(&self, process: &Process<'_>) -> bool {
        match &self.value {
            // A longer name was cut by the kernel, perhaps inside a character.
            Value::Comm(comm) => comm.bytes().take(COMM_MAX).eq(process.comm.iter().copied()),
            Value::Pid(pid) => *pid == process.pid,
            Value::Uid(uid) => *uid == process.uid,
        }
    }
}

impl fmt::Display for ProcessFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = KEYS.iter().find(|(key, _)| *key == self.key()).map_or("", |(_, name)| name);
        write!(f, "{name}{}", if self.negated { "!=" } else { "=" })?;
        match &self.value {
            Value::Comm(comm) => f.write_str(comm),
            Value::Pid(number) | Value::Uid(number) => write!(f, "{number}"),
        }
    }
}

/// Whether it is a key of a [`ProcessFilter`].
pub(super) fn is_key(name: &str) -> bool {
    KEYS.iter().any(|(_, known)| *known == name)
}

impl FromStr for ProcessFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value, negated) = split(text)?;
        let number =
            || value.parse().ok().ok_or_else(|| format!("expected a number after `{name}=`, not {value:?}"));
        let known = KEYS.iter().find(|(_, known)| *known == name);
        let (key, _) = known
            .ok_or_else(|| format!("only processes can be chosen here: comm, pid or uid, not {name:?}"))?;
        let value = match key {
            Key::Comm => Value::Comm(value.to_owned()),
            Key::Pid => Value::Pid(number()?),
            Key::Uid => Value::Uid(number()?),
        };
        Ok(Self { value, negated })
    }
}

/// Same key: any of them. Different keys: all. Negated: none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Processes(pub Vec<ProcessFilter>);

impl Processes {
    pub fn want(&self, process: &Process<'_>) -> bool {
        self.0.is_empty() || KEYS.iter().all(|(key, _)| self.key_matches(*key, process))
    }

    fn key_matches(&self, key: Key, process: &Process<'_>) -> bool {
        let of_key = || self.0.iter().filter(|filter| filter.key() == key);
        let mut yes = of_key().filter(|filter| !filter.negated).peekable();
        let hit = yes.peek().is_none() || yes.any(|filter| filter.is(process));
        hit && !of_key().any(|filter| filter.negated && filter.is(process))
    }
}

/// A filter of either kind, for commands that look at events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnyFilter {
    Container(Filter),
    Process(ProcessFilter),
}

impl FromStr for AnyFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, ..) = split(text)?;
        if is_key(name) {
            return text.parse().map(Self::Process);
        }
        match text.parse() {
            Ok(filter) => Ok(Self::Container(filter)),
            Err(error) => Err(format!("{error}, {}", KEYS.map(|(_, name)| name).join(", "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, uid: u32, comm: &[u8]) -> Process<'_> {
        Process { pid, tid: pid + 1, vpid: None, parent_pid: 1, uid, session: None, comm }
    }

    fn processes(filters: &[&str]) -> Processes {
        Processes(filters.iter().map(|filter| filter.parse().unwrap()).collect())
    }

    #[test]
    fn same_key_or_different_keys_and() {
        let nginx = process(7, 33, b"nginx");
        for (filters, wanted) in [
            (&[][..], true),
            (&["comm=nginx"], true),
            (&["comm=ngin"], false),
            (&["comm=sh", "comm=nginx"], true),
            (&["comm!=nginx"], false),
            (&["comm!=sh", "uid=33"], true),
            (&["comm=nginx", "uid=0"], false),
            (&["pid=7", "uid!=0"], true),
            (&["pid=7", "pid!=7"], false),
            // A thread.
            (&["pid=8"], false),
        ] {
            assert_eq!(processes(filters).want(&nginx), wanted, "{filters:?}");
        }
    }

    #[test]
    fn a_name_is_bytes_and_cut_as_the_kernel_cuts_it() {
        let long = processes(&["comm=a-process-with-a-long-name"]);
        assert!(long.want(&process(1, 0, b"a-process-with-")));
        let accents = processes(&["comm=\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}"]);
        assert!(accents.want(&process(
            1,
            0,
            b"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3"
        )));
        assert!(!processes(&["comm=x"]).want(&process(1, 0, b"\xff")));
        assert!(processes(&["comm!=x"]).want(&process(1, 0, b"\xff")));
    }

    #[test]
    fn mistakes_say_what_there_is() {
        for (text, said) in [
            ("pid=x", "a number after `pid=`"),
            ("uid=-1", "a number after `uid=`"),
            ("pid=4294967296", "a number"),
            ("name=x", "comm, pid or uid, not \"name\""),
            ("comm", "key=value"),
        ] {
            let error = text.parse::<ProcessFilter>().unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
        let error = "nmae=x".parse::<AnyFilter>().unwrap_err();
        assert!(
            error.contains("did you mean `name`?") && error.ends_with("cgroup, comm, pid, uid"),
            "{error}"
        );
        let error = "pid=1".parse::<Filter>().unwrap_err();
        assert!(error.contains("`ctrace trace`"), "{error}");
    }

    #[test]
    fn they_print_as_they_are_typed() {
        for text in ["comm=nginx", "pid!=7", "uid=0"] {
            assert_eq!(text.parse::<ProcessFilter>().unwrap().to_string(), text);
        }
        assert!(matches!("name=x".parse().unwrap(), AnyFilter::Container(_)));
        assert!(matches!("uid!=0".parse().unwrap(), AnyFilter::Process(_)));
    }
}
