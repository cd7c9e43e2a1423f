//! `-e WHAT` and its companions: which events are wanted. Pure.

use std::time::Duration;

use crate::batch::Arch;
use crate::event::{Abi, Event, How, Syscall, What};
use crate::lifecycle::Stage;
use crate::nearest::nearest;
use crate::plan::{ERRNO_END, Errnos, Selection};
use crate::syscall::class::{ALIASES, CLASSES, Class};
use crate::syscall::{self, errno};

/// Events other than system calls, by the names that they have in the output.
pub const EVENTS: [&str; 13] = [
    "process.fork",
    "process.exec",
    "process.exit",
    "cgroup.mkdir",
    "cgroup.rmdir",
    "cgroup.attach",
    "cgroup.freeze",
    "cgroup.unfreeze",
    "cgroup.rename",
    "io_uring.submit",
    "io_uring.complete",
    Stage::START,
    Stage::STOP,
];
/// Every system call, and those of them that were refused.
const SYSCALL: &str = "syscall";
const DENIED: &str = "syscall.denied";
/// Without `-e`: every system call, what `io_uring` does in place of some, and what processes and containers do.
const DEFAULT: [&str; 4] = [SYSCALL, "io_uring.*", "process.*", "container.*"];

const ABIS: [Abi; 3] = [Abi::Native, Abi::Compat, Abi::X32];

/// What was typed.
#[derive(Clone, Debug, Default)]
pub struct Asked<'a> {
    /// Lists like `openat,%network,process.*,!%signal`. A `!` before a word takes it away again; before the first
    /// word of a list it is for the whole list, as with strace.
    pub what: &'a [String],
    pub failed: bool,
    pub denied: bool,
    pub slower_than: Option<Duration>,
    /// Lists like `ENOENT,13`.
    pub errnos: &'a [String],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// Of [`EVENTS`].
    events: Vec<&'static str>,
    syscalls: Selection,
    /// Only calls that failed.
    pub failed: bool,
    /// Only calls that seccomp refused.
    pub denied: bool,
    /// Only calls that took that long, ns; 0: any.
    pub min_duration_ns: u64,
    /// Only calls that ended in one of them.
    pub errnos: Option<Errnos>,
}

impl Select {
    /// Fails with what is wrong, on which word, and what may have been meant.
    pub fn parse(asked: &Asked<'_>, arch: Arch) -> Result<Self, String> {
        let errnos = errnos(asked.errnos).map_err(|error| format!("--errno: {error}"))?;
        let min_duration_ns =
            asked.slower_than.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        let mut select = Self {
            events: Vec::new(),
            syscalls: Selection::NONE,
            failed: asked.failed,
            denied: asked.denied,
            min_duration_ns,
            errnos,
        };
        // Asking for failures, refusals or slowness is asking for system calls.
        let default = if select.only_some() { &DEFAULT[..1] } else { &DEFAULT };
        let words = words(asked.what);
        if words.iter().all(|word| word.taken_away) {
            for name in default {
                select.apply(&Word { text: name, taken_away: false }, arch)?;
            }
        }
        // What is taken away is gone, wherever in the list it stands.
        for taken_away in [false, true] {
            for word in words.iter().filter(|word| word.taken_away == taken_away) {
                select.apply(word, arch).map_err(|error| format!("-e: {error}"))?;
            }
        }
        Ok(select)
    }

    fn apply(&mut self, word: &Word<'_>, arch: Arch) -> Result<(), String> {
        let Word { text, taken_away } = *word;
        if let Some(name) = text.strip_prefix('%') {
            let class = Class::find(name).ok_or_else(|| no_class(name))?;
            self.calls(arch, taken_away, |call| class.contains(call));
            return Ok(());
        }
        if text == DENIED && taken_away {
            return Err(format!("`!{DENIED}` leaves no way to tell which calls are wanted; name them"));
        }
        let all = text == SYSCALL || text == DENIED || text == "*";
        if all {
            self.syscalls = if taken_away { Selection::NONE } else { Selection::ALL };
            self.denied |= text == DENIED;
        }
        let events = || EVENTS.iter().copied().filter(|name| glob(text, name));
        let is_event = events().next().is_some();
        if taken_away {
            self.events.retain(|name| !glob(text, name));
        } else {
            self.events.extend(events());
        }
        let is_call = all || self.calls(arch, taken_away, |call| glob(text, call));
        if is_call || is_event { Ok(()) } else { Err(unknown(text, arch)) }
    }

    /// Adds the calls that `matches` names in any ABI, or takes them away; false: there is none.
    fn calls(&mut self, arch: Arch, taken_away: bool, matches: impl Fn(&str) -> bool) -> bool {
        let mut found = false;
        for abi in ABIS {
            for (number, _) in syscall::all(arch, abi).filter(|(_, name)| matches(name)) {
                found = true;
                if taken_away {
                    self.syscalls.remove(abi, number);
                } else {
                    self.syscalls.insert(abi, number);
                }
            }
        }
        found
    }

    /// Not every call that is named is wanted.
    pub const fn only_some(&self) -> bool {
        self.failed || self.denied || self.min_duration_ns > 0 || self.errnos.is_some()
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

    pub fn wants_io_uring(&self) -> bool {
        self.events.iter().any(|name| name.starts_with("io_uring."))
    }

    pub fn wants_containers(&self) -> bool {
        self.events.iter().any(|name| name.starts_with("container."))
    }

    pub fn container(&self, stage: &Stage) -> bool {
        self.events.contains(&stage.name())
    }

    /// Names of the wanted events that are no calls, in the order in which they are documented.
    pub fn events(&self) -> impl Iterator<Item = &'static str> {
        EVENTS.into_iter().filter(|name| self.events.contains(name))
    }

    /// What the kernel can decide of it.
    pub fn kernel(&self) -> Selection {
        self.syscalls.clone()
    }

    /// What is left to decide here. A recording holds more than was asked for, so all is asked again.
    pub fn event(&self, event: &Event<'_>) -> bool {
        match &event.what {
            What::Syscall(call) => self.call(call),
            What::Fork { .. } | What::Exec { .. } | What::Exit(_) | What::Cgroup(_) | What::IoUring(_) => {
                self.events.contains(&event.what.name())
            }
        }
    }

    fn call(&self, call: &Syscall<'_>) -> bool {
        (!self.failed || call.errno().is_some() || call.how == How::Denied)
            && (!self.denied || call.how == How::Denied)
            && self.syscalls.contains(call.abi, call.number)
            // Of a call that did not run, or that began before the trace, nobody knows how long it took.
            && (self.min_duration_ns == 0 || call.duration_ns.is_some_and(|ns| ns >= self.min_duration_ns))
            && self.errnos.as_ref().is_none_or(|wanted| call.errno().is_some_and(|errno| wanted.contains(errno)))
    }
}

struct Word<'a> {
    text: &'a str,
    taken_away: bool,
}

fn words(lists: &[String]) -> Vec<Word<'_>> {
    let of_list = |list: &'_ str| list.trim_start().starts_with('!');
    lists
        .iter()
        // What strace wants before a list of calls.
        .map(|list| list.strip_prefix("trace=").unwrap_or(list))
        .flat_map(|list| list.split(',').map(move |word| (word.trim(), of_list(list))))
        .map(|(word, of_list)| match word.strip_prefix('!') {
            Some(text) => Word { text: text.trim_start(), taken_away: true },
            None => Word { text: word, taken_away: of_list },
        })
        .collect()
}

fn errnos(lists: &[String]) -> Result<Option<Errnos>, String> {
    let mut errnos = Errnos::NONE;
    for word in lists.iter().flat_map(|list| list.split(',')).map(str::trim) {
        let upper = word.to_ascii_uppercase();
        let number = errno::number(&upper).or_else(|| word.parse().ok());
        let number = number.filter(|number| (1..ERRNO_END).contains(number)).ok_or_else(|| {
            let near = nearest(&upper, errno::all().map(|(name, _)| name));
            format!("no error is called {word:?}{near}; write ENOENT or 2, or several with commas")
        })?;
        errnos.insert(number);
    }
    Ok((!lists.is_empty()).then_some(errnos))
}

fn no_class(name: &str) -> String {
    let names = || CLASSES.iter().map(|class| class.name).chain(ALIASES.iter().map(|(name, _)| *name));
    let typed = format!("%{name}");
    let all: Vec<String> = names().map(|name| format!("%{name}")).collect();
    let near = nearest(&typed, all.iter().map(String::as_str));
    format!("no class of system calls is called {typed:?}{near}; there are {}", all.join(", "))
}

fn unknown(word: &str, arch: Arch) -> String {
    let calls = ABIS.into_iter().flat_map(|abi| syscall::all(arch, abi)).map(|(_, name)| name);
    let near = nearest(word, calls.chain(EVENTS).chain([SYSCALL, DENIED]));
    format!("no system call or event is called {word:?}{near}; events are syscall, {}", EVENTS.join(", "))
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
mod tests;
