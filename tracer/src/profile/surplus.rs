//! What a filter allows and a container does not use: of a profile, or of the filters that the kernel holds.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use super::base;
use super::file::{Action, Effect};
use super::matcher::Outcome;
use crate::batch::Arch;
use crate::event::Abi;
use crate::seccomp::{Answer, Filter, seen_as, strictest};
use crate::snapshot::Row;
use crate::syscall::{abi_name, all, power};
use crate::text::wrapped;

/// By ABI; only those of which anything is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Surplus {
    pub abis: Vec<OfAbi>,
}

/// `allowed = used + kept + spare`
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfAbi {
    /// As in events: `x86_64`, `i386`, ...
    pub abi: &'static str,
    pub allowed: usize,
    /// Made, and not always refused.
    pub used: usize,
    /// Not made, and not to be taken away: for the runtime, or because they depend on the moment; see
    /// the module `base`.
    pub kept: usize,
    #[serde(rename = "surplus")]
    pub spare: Vec<Spare>,
}

/// A call that is allowed and was not made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Spare {
    pub name: &'static str,
    pub number: u16,
    /// Only with some arguments, or if another process agrees.
    pub conditional: bool,
    /// What it reaches beyond the container; see [`power`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power: Option<&'static str>,
}

impl Surplus {
    /// Of what `judge` says of each call that the machine has, after what `rows` did.
    pub fn new(arch: Arch, rows: &[&Row], judge: impl Fn(Abi, u16, &str) -> Outcome) -> Self {
        let calls = rows.iter().flat_map(|row| &row.calls);
        let made = calls.filter(|call| call.counts.total > call.counts.total_denied);
        let made: BTreeSet<(Abi, u16)> = made.map(|call| (call.abi, call.number)).collect();
        let abis = [Abi::Native, Abi::Compat, Abi::X32].into_iter();
        let abis = abis.map(|abi| OfAbi::new(arch, abi, &made, &judge)).filter(|abi| abi.allowed > 0);
        Self { abis: abis.collect() }
    }

    /// Only calls that reach beyond the container.
    #[must_use]
    pub fn powerful(mut self) -> Self {
        for abi in &mut self.abis {
            abi.spare.retain(|spare| spare.power.is_some());
        }
        self
    }

    pub fn count(&self) -> usize {
        self.abis.iter().map(|abi| abi.spare.len()).sum()
    }
}

impl OfAbi {
    fn new(
        arch: Arch,
        abi: Abi,
        made: &BTreeSet<(Abi, u16)>,
        judge: &impl Fn(Abi, u16, &str) -> Outcome,
    ) -> Self {
        let mut of = Self { abi: abi_name(arch, abi), allowed: 0, used: 0, kept: 0, spare: Vec::new() };
        // Of an ABI that nothing used nothing is needed.
        let mut kept = BTreeSet::new();
        if abi == Abi::Native || made.iter().any(|(of, _)| *of == abi) {
            kept.extend(base::always(arch, &[abi].into()));
        }
        if abi == Abi::Native {
            kept.extend(base::runtime_calls(base::Runtimes::default()));
        }
        for (number, name) in all(arch, abi) {
            let conditional = match judge(abi, number, name) {
                Outcome::Allowed => false,
                Outcome::Depends => true,
                Outcome::Refused(_) | Outcome::Foreign => continue,
            };
            of.allowed += 1;
            if made.contains(&(abi, number)) {
                of.used += 1;
            } else if kept.contains(name) {
                of.kept += 1;
            } else {
                of.spare.push(Spare { name, number, conditional, power: power::of(name) });
            }
        }
        of
    }
}

/// What the filters of a process do to a call.
pub fn installed(filters: &[Filter], arch: Arch, abi: Abi, number: u16) -> Outcome {
    let Some((seen, bits)) = seen_as(arch, abi) else { return Outcome::Foreign };
    let mut effects = strictest(filters, seen, u32::from(number) | bits).into_iter().map(effect);
    let Some(first) = effects.next() else { return Outcome::Foreign };
    let rest: Vec<_> = effects.collect();
    match first.action {
        // The most that is allowed comes last.
        Action::Allow | Action::Log => Outcome::Allowed,
        Action::Trace | Action::Notify => Outcome::Depends,
        Action::Kill | Action::KillProcess | Action::KillThread | Action::Trap | Action::Errno => {
            let refuses = |effect: &Effect| {
                !matches!(effect.action, Action::Allow | Action::Log | Action::Trace | Action::Notify)
            };
            if rest.iter().all(refuses) { Outcome::Refused(first) } else { Outcome::Depends }
        }
    }
}

fn effect(answer: Answer) -> Effect {
    match answer {
        Answer::KillProcess => Effect::new(Action::KillProcess, None),
        Answer::KillThread => Effect::new(Action::KillThread, None),
        Answer::Trap => Effect::new(Action::Trap, None),
        Answer::Errno(errno) => Effect::new(Action::Errno, Some(errno.into())),
        Answer::Notify => Effect::new(Action::Notify, None),
        Answer::Trace => Effect::new(Action::Trace, None),
        Answer::Log => Effect::new(Action::Log, None),
        Answer::Allow => Effect::new(Action::Allow, None),
    }
}

impl Display for Surplus {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for OfAbi { abi, allowed, used, kept, spare } in &self.abis {
            if *used == 0 {
                writeln!(f, "{abi}: {allowed} calls allowed, none used: the whole ABI is surplus")?;
                continue;
            }
            write!(f, "{abi}: {allowed} calls allowed, {used} used, ")?;
            if *kept > 0 {
                write!(f, "{kept} kept for runtimes and rare moments, ")?;
            }
            writeln!(f, "surplus: {}", spare.len())?;
            let spare: Vec<_> = spare.iter().map(|spare| (spare.name, spare.conditional)).collect();
            f.write_str(&by_power(&spare))?;
        }
        let mut listed = self.abis.iter().filter(|abi| abi.used > 0).flat_map(|abi| &abi.spare);
        if listed.any(|spare| spare.conditional) {
            writeln!(f, "* allowed with some arguments only")?;
        }
        Ok(())
    }
}

/// Names in lines by what they reach, the gravest first; those with a star are allowed conditionally.
pub(super) fn by_power(names: &[(&str, bool)]) -> String {
    let mut groups: BTreeMap<Option<&str>, Vec<String>> = BTreeMap::new();
    for (name, conditional) in names {
        let star = if *conditional { "*" } else { "" };
        groups.entry(power::of(name)).or_default().push(format!("{name}{star}"));
    }
    let order = power::all().map(Some).chain([None]);
    let lines = order.filter_map(|power| {
        let mut names = groups.remove(&power)?;
        names.sort_unstable();
        Some(wrapped(&format!("  {}:", power.unwrap_or("others")), &names))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seccomp::Instruction;

    fn filter(instructions: &[(u16, u8, u8, u32)]) -> Filter {
        Filter(instructions.iter().map(|&(code, jt, jf, k)| Instruction { code, jt, jf, k }).collect())
    }

    #[test]
    fn filters_of_a_process_become_outcomes() {
        let judge = |filters: &[Filter]| installed(filters, Arch::X86_64, Abi::Native, 1);
        let always = |value| filter(&[(0x06, 0, 0, value)]);
        let by_argument = filter(&[
            (0x20, 0, 0, 16),
            (0x15, 0, 1, 7),
            (0x06, 0, 0, 0x7fff_0000),
            (0x06, 0, 0, 0x0005_0001),
        ]);
        let errno = Outcome::Refused(Effect::new(Action::Errno, Some(1)));
        assert_eq!(judge(&[]), Outcome::Allowed);
        assert_eq!(judge(&[always(0x7ffc_0000)]), Outcome::Allowed);
        assert_eq!(judge(&[always(0x7fc0_0000)]), Outcome::Depends);
        assert_eq!(judge(&[always(0x0005_0001)]), errno);
        assert_eq!(judge(std::slice::from_ref(&by_argument)), Outcome::Depends);
        assert_eq!(judge(&[by_argument, always(0x0005_0001)]), errno);
        assert_eq!(installed(&[], Arch::Aarch64, Abi::X32, 1), Outcome::Foreign);
    }

    #[test]
    fn names_are_sorted_by_what_they_reach() {
        let text = by_power(&[("read", false), ("mount", false), ("bpf", true), ("umount2", false)]);
        assert_eq!(text, "  the kernel itself: bpf*\n  mounts: mount umount2\n  others: read\n");
    }
}
