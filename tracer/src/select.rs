//! `-e WHAT`: which events are wanted. Pure.

use crate::batch::Arch;
use crate::event::{Abi, Event, How, What};
use crate::lifecycle::Stage;
use crate::plan::Selection;
use crate::syscall;

/// Events other than system calls, by the names that they have in the output.
const EVENTS: [&str; 11] = [
    "process.fork",
    "process.exec",
    "process.exit",
    "cgroup.mkdir",
    "cgroup.rmdir",
    "cgroup.attach",
    "cgroup.freeze",
    "cgroup.unfreeze",
    "cgroup.rename",
    Stage::START,
    Stage::STOP,
];
/// Without `-e`: every system call, and what processes and containers do.
const DEFAULT: [&str; 3] = ["syscall", "process.*", "container.*"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// Of [`EVENTS`].
    events: Vec<&'static str>,
    syscalls: Selection,
    /// Only calls that failed.
    pub failed: bool,
    /// Only calls that seccomp refused.
    pub denied: bool,
}

impl Select {
    /// Parses lists like `openat,process.*,cgroup.mkdir`; names may be globs with `*`.
    pub fn parse(what: &[String], failed: bool, denied: bool, arch: Arch) -> Result<Self, String> {
        // Asking for failures or refusals is asking for system calls.
        let default: Vec<String> = if failed || denied {
            vec!["syscall".to_owned()]
        } else {
            DEFAULT.iter().map(|&name| name.to_owned()).collect()
        };
        let what = if what.is_empty() { &default } else { what };
        let (mut events, mut named, mut all) = (Vec::new(), Vec::new(), false);
        for word in what.iter().flat_map(|list| list.split(',')).map(str::trim) {
            let hits: Vec<&str> = EVENTS.iter().copied().filter(|name| glob(word, name)).collect();
            if word == "syscall" || word == "syscall.denied" || word == "*" {
                all = true;
            } else if hits.is_empty() && !known_call(word, arch) {
                return Err(format!(
                    "no system call or event is called {word:?}; events are syscall, {}",
                    EVENTS.join(", "),
                ));
            }
            if known_call(word, arch) {
                named.push(word.to_owned());
            }
            events.extend(hits);
        }
        let syscalls = if all { Selection::ALL } else { selection(&named, arch) };
        let denied = denied || what.iter().any(|word| word == "syscall.denied");
        Ok(Self { events, syscalls, failed, denied })
    }

    pub fn wants_syscalls(&self) -> bool {
        self.syscalls != Selection::NONE
    }

    pub fn wants_processes(&self) -> bool {
        self.events.iter().any(|name| name.starts_with("process."))
    }

    pub fn wants_cgroups(&self) -> bool {
        self.events.iter().any(|name| name.starts_with("cgroup."))
    }

    pub fn wants_containers(&self) -> bool {
        self.events.iter().any(|name| name.starts_with("container."))
    }

    pub fn container(&self, stage: &Stage) -> bool {
        self.events.contains(&stage.name())
    }

    /// What the kernel can decide of it.
    pub fn kernel(&self) -> Selection {
        self.syscalls.clone()
    }

    /// What is left to decide here. A recording holds more than was asked for, so all is asked again.
    pub fn event(&self, event: &Event<'_>) -> bool {
        match &event.what {
            What::Syscall(call) => {
                (!self.failed || call.errno().is_some() || call.how == How::Denied)
                    && (!self.denied || call.how == How::Denied)
                    && self.syscalls.contains(call.abi, call.number)
            }
            What::Fork { .. } | What::Exec { .. } | What::Exit(_) | What::Cgroup(_) => {
                self.events.contains(&event.what.name())
            }
        }
    }
}

fn selection(globs: &[String], arch: Arch) -> Selection {
    let mut selection = Selection::NONE;
    for abi in [Abi::Native, Abi::Compat, Abi::X32] {
        for (number, name) in syscall::all(arch, abi) {
            if globs.iter().any(|pattern| glob(pattern, name)) {
                selection.insert(abi, number);
            }
        }
    }
    selection
}

fn known_call(pattern: &str, arch: Arch) -> bool {
    [Abi::Native, Abi::Compat, Abi::X32]
        .into_iter()
        .any(|abi| syscall::all(arch, abi).any(|(_, name)| glob(pattern, name)))
}

/// `*` stands for any number of characters; there is nothing else.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            let mut ends = (0..=text.len()).filter_map(|at| text.get(at..));
            ends.any(|text| glob(rest, text))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(what: &[&str]) -> Result<Select, String> {
        let what: Vec<String> = what.iter().map(|&word| word.to_owned()).collect();
        Select::parse(&what, false, false, Arch::X86_64)
    }

    #[test]
    fn names_globs_and_events() {
        let select = parse(&["openat,process.*", "clone*"]).unwrap();
        let has = |number| select.kernel().contains(Abi::Native, number);
        assert!(has(257) && has(435) && !has(0), "openat, clone3, not read");
        assert!(select.wants_processes() && !select.wants_cgroups());
        assert!(!parse(&["process.exec"]).unwrap().wants_syscalls());
    }

    #[test]
    fn containers_come_and_go_unless_only_calls_are_asked_for() {
        assert!(parse(&[]).unwrap().wants_containers() && parse(&["*"]).unwrap().wants_containers());
        for (failed, denied) in [(true, false), (false, true)] {
            assert!(!Select::parse(&[], failed, denied, Arch::X86_64).unwrap().wants_containers());
        }
        let start = parse(&["container.start"]).unwrap();
        assert!(start.container(&Stage::Start) && start.wants_containers());
        let stop = Stage::Stop { exit: None, lifetime_ns: None, used: crate::snapshot::Used::default() };
        assert!(!start.container(&stop) && !start.wants_syscalls() && !start.wants_processes());
        assert!(!parse(&["openat"]).unwrap().wants_containers());
    }

    #[test]
    fn the_kernel_gets_the_numbers() {
        let mut expected = Selection::NONE;
        expected.insert(Abi::Native, 257);
        expected.insert(Abi::Compat, 295);
        assert_eq!(parse(&["openat"]).unwrap().kernel(), expected);
        assert_eq!(parse(&[]).unwrap().kernel(), Selection::ALL);
    }

    #[test]
    fn unknown_names_are_mistakes() {
        assert!(parse(&["opneat"]).unwrap_err().contains("\"opneat\""));
        assert!(parse(&["process.exce"]).is_err());
    }

    #[test]
    fn globs() {
        for (pattern, text, hit) in [
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c*", "abcd", true),
            ("*", "", true),
            ("a*b", "ac", false),
        ] {
            assert_eq!(glob(pattern, text), hit, "{pattern} {text}");
        }
    }
}
