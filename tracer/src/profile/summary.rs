//! A generated profile in a few lines for people.

use std::fmt::{self, Display, Formatter};

use super::{DefaultAction, Generated, Note, Phases, Refused, Serving, Sibling, Verdict};
use crate::batch::Arch;
use crate::event::Abi;
use crate::syscall::abi_name;

/// Names in a line before the rest is only counted.
const LISTED: usize = 12;

impl Display for Generated {
    /// Lines without the container's name, the first of which can follow it; the last has no newline.
    /// No text in it comes from the container.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { profile, observed, added_for_runtime, always, .. } = self;
        let arch = self.arch;
        write!(
            f,
            "{} system calls allowed: {observed} observed, {} for the runtime, {} always",
            profile.names.len(),
            added_for_runtime.len(),
            always.len(),
        )?;
        if !self.siblings.is_empty() {
            write!(f, ", {} guessed", self.siblings.len())?;
        }
        if profile.arch != arch {
            let (from, to) = (abi_name(arch, Abi::Native), abi_name(profile.arch, Abi::Native));
            write!(f, "\n  recorded on {from}, written for {to}: record again there when you can")?;
        }
        match &self.verdict {
            Verdict::Complete => f.write_str("\n  complete: watched from its start, nothing lost")?,
            Verdict::Partial(reasons) => {
                for reason in reasons {
                    write!(f, "\n  PARTIAL: {reason}")?;
                }
            }
        }
        if let Some(Serving { since_wall_ns: _, after, resolution_ns }) = &self.serving
            && self.phases == Phases::Serving
        {
            write!(f, "\n  serving since {after}")?;
            if *resolution_ns > 0 {
                write!(
                    f,
                    "; what was made within {} of it counts as made after it",
                    Seconds(*resolution_ns)
                )?;
            }
        }
        let rules = profile.conditions.iter().map(|(name, all)| match all.len() {
            1 => format!("{name} (1 rule)"),
            rules => format!("{name} ({rules} rules)"),
        });
        list(f, "allowed with the arguments that were seen: ", rules)?;
        let any = self.unconditional.iter().map(|(name, why)| format!("{name} ({why})"));
        list(f, "allowed with any arguments: ", any)?;
        let refused = |allowed| {
            let calls = self.refused.iter().filter(move |call| call.allowed == allowed);
            calls.map(|call| refused(arch, call))
        };
        list(f, "wanted but refused, not in the profile: ", refused(false))?;
        list(f, "refused while recording, allowed by the profile: ", refused(true))?;
        list(
            f,
            "numbers without a name, not in the profile: ",
            self.unknown_numbers.iter().map(|call| {
                let absent = if call.missing_in_kernel { ", unknown to the kernel too" } else { "" };
                format!("{} {} ({}{absent})", abi_name(arch, call.abi), call.number, Times(call.total))
            }),
        )?;
        list(f, "guessed, in place of calls that the machine has not: ", self.siblings.iter().map(sibling))?;
        list(
            f,
            "not there on the machine, left out: ",
            self.not_there.iter().map(|name| (*name).to_owned()),
        )?;
        // With ENOSYS libraries take the older call by themselves.
        if profile.default != DefaultAction::Errno {
            list(f, "another libc may call, not in the profile: ", self.suggestions.iter().map(sibling))?;
        }
        for note in &self.notes {
            write!(f, "\n  note: {note}")?;
        }
        if let Some(settled) = self.settled_ns {
            let (settled, recorded) = (Seconds(settled), Seconds(self.recorded_ns));
            write!(f, "\n  last new call {settled} before the end of the recording ({recorded} long)")?;
        }
        Ok(())
    }
}

fn sibling(sibling: &Sibling) -> String {
    format!("{} (for {})", sibling.name, sibling.of)
}

fn refused(arch: Arch, call: &Refused) -> String {
    let Refused { name, abi, count, .. } = *call;
    match abi {
        Abi::Native => format!("{name} ({})", Times(count)),
        Abi::Compat | Abi::X32 => format!("{} {name} ({})", abi_name(arch, abi), Times(count)),
    }
}

/// A line with the first [`LISTED`] items, none if there is none.
fn list(f: &mut Formatter<'_>, title: &str, mut items: impl Iterator<Item = String>) -> fmt::Result {
    let Some(first) = items.next() else { return Ok(()) };
    write!(f, "\n  {title}{first}")?;
    for item in items.by_ref().take(LISTED - 1) {
        write!(f, ", {item}")?;
    }
    match items.count() {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

impl Display for Note {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IoUring => "it uses io_uring, whose operations no seccomp filter sees or stops",
            Self::Probes => "calls of user-space probes (uprobe, uretprobe) were seen and left out",
            Self::ServingOnly => {
                "of what it called while it served: a container cannot start with it; for a program that installs \
                 its filter itself when it serves, and to see what only its start needs"
            }
            Self::StillRunning => "it was still running: calls that it makes only on shutdown are missing",
        })
    }
}

struct Times(u64);

impl Display for Times {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("once"),
            count => write!(f, "{count} times"),
        }
    }
}

/// From ns.
pub(super) struct Seconds(pub u64);

impl Display for Seconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} s", self.0 / 1_000_000_000, self.0 / 100_000_000 % 10)
    }
}
