//! What a profile does to a call on a given machine, as libseccomp compiles it.
//!
//! Where arguments are not known, a rule that depends on them makes the answer depend on them.

use std::collections::{BTreeMap, BTreeSet};

use super::file::{Action, Condition, Effect, File, Op, Rule, When, kernel};
use super::oci::architecture;
use crate::batch::Arch;
use crate::event::Abi;

/// What Docker gives a container,
/// <https://github.com/moby/moby/blob/v28.0.0/oci/caps/defaults.go>.
pub const DOCKER_CAPABILITIES: &[&str] = &[
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

/// Where a profile is to be used; Docker's and podman's rules depend on it.
#[derive(Clone, Debug)]
pub struct Machine {
    pub arch: Arch,
    /// `uname -r`. Rules for a minimal version count where it cannot be read.
    pub kernel: String,
    /// Of the container, as in `CAP_CHOWN`.
    pub capabilities: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Made, perhaps logged.
    Allowed,
    Refused(Effect),
    /// Its ABI is not listed: the caller is killed, whatever the default says.
    Foreign,
    /// On its arguments, or on a process that answers for the kernel.
    Depends,
}

#[derive(Debug)]
pub struct Matcher {
    default: Effect,
    abis: BTreeSet<Abi>,
    calls: BTreeMap<String, Outcome>,
    /// Rules that hold with some arguments, of calls that have no others.
    conditional: BTreeMap<String, BTreeSet<(Effect, Vec<Condition>)>>,
}

/// What is known of one of a call's arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argument {
    pub index: u8,
    /// Its lower half, as far as it is known.
    pub value: u32,
    /// The bits that are.
    pub known: u32,
}

/// Rules for one name.
#[derive(Default)]
struct Effects {
    always: BTreeSet<Effect>,
    sometimes: BTreeSet<(Effect, Vec<Condition>)>,
}

impl Matcher {
    pub fn new(file: &File, machine: &Machine) -> Self {
        let default = file.default_effect();
        let mut effects: BTreeMap<&str, Effects> = BTreeMap::new();
        for rule in file.syscalls.iter().filter(|rule| machine.counts(rule)) {
            let effect = rule.effect();
            // A rule that does what is done anyway is dropped by both runtimes.
            if effect == default {
                continue;
            }
            for name in &rule.names {
                let effects = effects.entry(name).or_default();
                match rule.args.as_ref().filter(|args| !args.is_empty()) {
                    Some(args) => drop(effects.sometimes.insert((effect, args.clone()))),
                    None => drop(effects.always.insert(effect)),
                }
            }
        }
        let calls = effects.iter().map(|(name, effects)| ((*name).to_owned(), effects.outcome(default)));
        let calls = calls.collect();
        let conditional = effects.into_iter().filter(|(_, effects)| effects.always.is_empty());
        let conditional = conditional.map(|(name, effects)| (name.to_owned(), effects.sometimes));
        Self { default, abis: machine.abis(file), calls, conditional: conditional.collect() }
    }

    /// As [`Matcher::judge`], of a call with these arguments. The upper halves of registers are taken for 0.
    pub fn judge_with(&self, abi: Abi, name: &str, arguments: &[Argument]) -> Outcome {
        let judged = self.judge(abi, Some(name));
        let (Outcome::Depends, Some(rules)) = (judged, self.conditional.get(name)) else { return judged };
        let mut effects = BTreeSet::new();
        for (effect, conditions) in rules {
            match hold(conditions, arguments) {
                Some(true) => drop(effects.insert(*effect)),
                Some(false) => {}
                None => return Outcome::Depends,
            }
        }
        let mut outcomes = effects.into_iter().map(outcome);
        match (outcomes.next(), outcomes.next()) {
            (None, _) => outcome(self.default),
            (Some(only), None) => only,
            (Some(_), Some(_)) => Outcome::Depends,
        }
    }

    /// `name` None: a call without a name, which no rule can be about.
    pub fn judge(&self, abi: Abi, name: Option<&str>) -> Outcome {
        if !self.abis.contains(&abi) {
            return Outcome::Foreign;
        }
        let known = name.and_then(|name| self.calls.get(name)).copied();
        known.unwrap_or_else(|| outcome(self.default))
    }
}

impl Effects {
    /// An unconditional rule cancels those with conditions. Which of two that contradict each other
    /// holds is the runtime's affair.
    fn outcome(&self, default: Effect) -> Outcome {
        let mut outcomes = self.always.iter().map(|effect| outcome(*effect));
        match (outcomes.next(), outcomes.next()) {
            (Some(only), None) => only,
            (Some(_), Some(_)) => Outcome::Depends,
            (None, _) => {
                let default = outcome(default);
                let same = self.sometimes.iter().all(|(effect, _)| outcome(*effect) == default);
                if same { default } else { Outcome::Depends }
            }
        }
    }
}

/// Whether a rule's conditions hold; None: that is not known. Several about one argument are alternatives: for them both
/// runtimes make a rule of each condition.
fn hold(conditions: &[Condition], arguments: &[Argument]) -> Option<bool> {
    let indexes: BTreeSet<_> = conditions.iter().map(|condition| condition.index).collect();
    let mut held = conditions.iter().map(|condition| holds(condition, arguments));
    if indexes.len() < conditions.len() {
        held.try_fold(false, |any, one| Some(any | one?))
    } else {
        held.try_fold(true, |all, one| Some(all & one?))
    }
}

fn holds(condition: &Condition, arguments: &[Argument]) -> Option<bool> {
    let Condition { index, value, value_two, op } = *condition;
    let argument = arguments.iter().find(|argument| u32::from(argument.index) == index)?;
    let (is, known) = (u64::from(argument.value), u64::from(argument.known));
    let whole = argument.known == u32::MAX;
    match op {
        Op::MaskedEq if whole || value & !known == 0 => Some(is & value == value_two),
        _ if !whole => None,
        Op::MaskedEq | Op::Eq => Some(is == value),
        Op::Ne => Some(is != value),
        Op::Lt => Some(is < value),
        Op::Le => Some(is <= value),
        Op::Ge => Some(is >= value),
        Op::Gt => Some(is > value),
    }
}

const fn outcome(effect: Effect) -> Outcome {
    match effect.action {
        Action::Allow | Action::Log => Outcome::Allowed,
        Action::Trace | Action::Notify => Outcome::Depends,
        Action::Kill | Action::KillProcess | Action::KillThread | Action::Trap | Action::Errno => {
            Outcome::Refused(effect)
        }
    }
}

impl Machine {
    pub(super) fn counts(&self, rule: &Rule) -> bool {
        let none = When::default();
        let (includes, excludes) =
            (rule.includes.as_ref().unwrap_or(&none), rule.excludes.as_ref().unwrap_or(&none));
        let has = |cap: &String| self.capabilities.contains(cap);
        let here = |arch: &String| *arch == self.go_name();
        let new_enough = |text: &Option<String>| {
            let (Some(least), Some(running)) = (text.as_deref().and_then(kernel), kernel(&self.kernel))
            else {
                return None;
            };
            Some(running >= least)
        };
        let arches = |when: &When| when.arches.clone().filter(|arches| !arches.is_empty());
        arches(includes).is_none_or(|arches| arches.iter().any(here))
            && !arches(excludes).is_some_and(|arches| arches.iter().any(here))
            && includes.caps.iter().flatten().all(has)
            && !excludes.caps.iter().flatten().any(has)
            && new_enough(&includes.min_kernel) != Some(false)
            && new_enough(&excludes.min_kernel) != Some(true)
    }

    /// The machine's own ABI is part of every filter.
    pub(super) fn abis(&self, file: &File) -> BTreeSet<Abi> {
        let own = architecture(self.arch, Abi::Native);
        let maps = file.arch_map.iter().flatten();
        let mapped = maps.filter(|map| Some(map.architecture.as_str()) == own);
        let subs = mapped.flat_map(|map| map.sub_architectures.iter().flatten());
        let listed: Vec<_> = file.architectures.iter().flatten().chain(subs).map(String::as_str).collect();
        let is_listed = |abi: &Abi| {
            *abi == Abi::Native || architecture(self.arch, *abi).is_some_and(|name| listed.contains(&name))
        };
        [Abi::Native, Abi::Compat, Abi::X32].into_iter().filter(is_listed).collect()
    }

    const fn go_name(&self) -> &'static str {
        match self.arch {
            Arch::X86_64 => "amd64",
            Arch::Aarch64 => "arm64",
            Arch::Riscv64 => "riscv64",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(kernel: &str, capabilities: &[&str]) -> Machine {
        let capabilities = capabilities.iter().map(|cap| (*cap).to_owned()).collect();
        Machine { arch: Arch::X86_64, kernel: kernel.to_owned(), capabilities }
    }

    fn matcher(rules: &str, more: &str, machine: &Machine) -> Matcher {
        let text = format!(
            r#"{{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38{more},"syscalls":[{rules}]}}"#
        );
        Matcher::new(&File::parse(&text).unwrap(), machine)
    }

    fn errno(errno: u32) -> Outcome {
        Outcome::Refused(Effect { action: Action::Errno, errno: Some(errno) })
    }

    const NONE: &str = "6.12.0";
    const ALLOW: &str = r#"{"names":["read"],"action":"SCMP_ACT_ALLOW"}"#;
    const ARG: &str = r#"{"names":["read"],"action":"SCMP_ACT_ALLOW",
        "args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]}"#;

    #[test]
    fn names_numbers_and_the_default() {
        let matcher = matcher(ALLOW, "", &machine(NONE, &[]));
        assert_eq!(matcher.judge(Abi::Native, Some("read")), Outcome::Allowed);
        assert_eq!(matcher.judge(Abi::Native, Some("write")), errno(38));
        assert_eq!(matcher.judge(Abi::Native, None), errno(38));
    }

    #[test]
    fn arguments() {
        let machine = machine(NONE, &[]);
        let judge = |rules: &str| matcher(rules, "", &machine).judge(Abi::Native, Some("read"));
        assert_eq!(judge(ARG), Outcome::Depends);
        assert_eq!(judge(&format!("{ARG},{ALLOW}")), Outcome::Allowed);
        let refuse = r#"{"names":["read"],"action":"SCMP_ACT_ERRNO","errnoRet":1}"#;
        assert_eq!(judge(refuse), errno(1));
        assert_eq!(judge(&format!("{refuse},{ALLOW}")), Outcome::Depends);
        // The same as the default: dropped.
        let same = r#"{"names":["read"],"action":"SCMP_ACT_ERRNO","errnoRet":38}"#;
        assert_eq!(judge(&format!("{same},{ALLOW}")), Outcome::Allowed);
        assert_eq!(judge(r#"{"names":["read"],"action":"SCMP_ACT_NOTIFY"}"#), Outcome::Depends);
        assert_eq!(judge(r#"{"names":["read"],"action":"SCMP_ACT_LOG"}"#), Outcome::Allowed);
    }

    fn one(index: u8, value: u32) -> Argument {
        Argument { index, value, known: u32::MAX }
    }

    #[test]
    fn known_arguments_decide() {
        let machine = machine(NONE, &[]);
        let rule = |args: &str| format!(r#"{{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{args}]}}"#);
        let condition = |index: u32, op: &str, value: u64, two: u64| {
            format!(r#"{{"index":{index},"value":{value},"valueTwo":{two},"op":"SCMP_CMP_{op}"}}"#)
        };
        let judge = |rules: &str, arguments: &[Argument]| {
            matcher(rules, "", &machine).judge_with(Abi::Native, "read", arguments)
        };
        for (op, value, two, holding, failing) in [
            ("EQ", 3, 0, 3, 4),
            ("NE", 3, 0, 4, 3),
            ("LT", 3, 0, 2, 3),
            ("LE", 3, 0, 3, 4),
            ("GE", 3, 0, 3, 2),
            ("GT", 3, 0, 4, 3),
            ("MASKED_EQ", 0xffff_ffff, 3, 3, 4),
            ("MASKED_EQ", 6, 2, 0x0a, 4),
        ] {
            let rules = rule(&condition(0, op, value, two));
            assert_eq!(judge(&rules, &[one(0, holding)]), Outcome::Allowed, "{op}");
            assert_eq!(judge(&rules, &[one(0, failing)]), errno(38), "{op}");
            assert_eq!(judge(&rules, &[one(1, holding)]), Outcome::Depends, "{op}");
        }
        // Of two arguments both, of one any.
        let (three, four) = (condition(0, "EQ", 3, 0), condition(1, "EQ", 4, 0));
        let both = rule(&format!("{three},{four}"));
        assert_eq!(judge(&both, &[one(0, 3), one(1, 4)]), Outcome::Allowed);
        assert_eq!(judge(&both, &[one(0, 3), one(1, 3)]), errno(38));
        let any = rule(&format!("{three},{}", condition(0, "EQ", 5, 0)));
        assert_eq!(judge(&any, &[one(0, 5)]), Outcome::Allowed);
        // Alternatives, and a rule that cancels all conditions.
        let rules = format!("{},{}", rule(&three), rule(&condition(0, "EQ", 5, 0)));
        assert_eq!([3, 5].map(|value| judge(&rules, &[one(0, value)])), [Outcome::Allowed; 2]);
        assert_eq!(judge(&format!("{rules},{ALLOW}"), &[one(0, 7)]), Outcome::Allowed);
        // Only some bits are known.
        let some = Argument { index: 0, value: 2, known: 6 };
        assert_eq!(judge(&rule(&condition(0, "MASKED_EQ", 6, 2)), &[some]), Outcome::Allowed);
        assert_eq!(judge(&rule(&condition(0, "MASKED_EQ", 7, 2)), &[some]), Outcome::Depends);
        assert_eq!(judge(&rule(&condition(0, "EQ", 2, 0)), &[some]), Outcome::Depends);
    }

    #[test]
    fn architectures() {
        let machine = machine(NONE, &[]);
        let judge = |more: &str, abi| matcher(ALLOW, more, &machine).judge(abi, Some("read"));
        let listed = r#","architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86"]"#;
        let map = r#","archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]},
            {"architecture":"SCMP_ARCH_AARCH64","subArchitectures":["SCMP_ARCH_X32"]}]"#;
        for more in [listed, map] {
            assert_eq!(judge(more, Abi::Compat), Outcome::Allowed);
            assert_eq!(judge(more, Abi::X32), Outcome::Foreign);
        }
        assert_eq!(judge("", Abi::Native), Outcome::Allowed);
        assert_eq!(judge("", Abi::Compat), Outcome::Foreign);
        assert_eq!(judge(r#","architectures":["SCMP_ARCH_AARCH64"]"#, Abi::Native), Outcome::Allowed);
    }

    #[test]
    fn rules_for_some_containers_and_machines() {
        let judge = |when: &str, machine: &Machine| {
            let rule = format!(r#"{{"names":["read"],"action":"SCMP_ACT_ALLOW",{when}}}"#);
            matcher(&rule, "", machine).judge(Abi::Native, Some("read")) == Outcome::Allowed
        };
        let (plain, mighty) = (machine("6.1.0-13-amd64", &[]), machine("4.4.0", &["CAP_A", "CAP_B"]));
        for (when, on_plain, on_mighty) in [
            (r#""includes":{"caps":["CAP_A"]}"#, false, true),
            (r#""includes":{"caps":["CAP_A","CAP_C"]}"#, false, false),
            (r#""excludes":{"caps":["CAP_A","CAP_C"]}"#, true, false),
            (r#""includes":{"arches":["amd64","x32"]}"#, true, true),
            (r#""includes":{"arches":["arm64"]}"#, false, false),
            (r#""includes":{"arches":[]}"#, true, true),
            (r#""excludes":{"arches":["amd64"]}"#, false, false),
            (r#""includes":{"minKernel":"4.8"}"#, true, false),
            (r#""excludes":{"minKernel":"4.8"}"#, false, true),
            (r#""includes":{},"excludes":{}"#, true, true),
        ] {
            assert_eq!((judge(when, &plain), judge(when, &mighty)), (on_plain, on_mighty), "{when}");
        }
    }
}
