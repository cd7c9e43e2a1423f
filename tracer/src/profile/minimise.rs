//! A profile for everybody, such as Docker's or podman's default, without what one workload does not need.
//!
//! What is left keeps the form of the larger one: its conditions on arguments, what it refuses by name, and its default
//! action. So it never allows more than that did.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use super::fallback;
use super::file::{Action, Effect, File, Problem, Rule};
use super::matcher::{Machine, Matcher, Outcome};
use super::oci::architecture;
use super::siblings;
use super::surplus::by_power;
use crate::event::Abi;
use crate::syscall::{abi_name, all, errno};

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Minimised {
    /// Calls of the ABIs that are used, by name, that the larger profile allows, with conditions or without.
    pub allowed: usize,
    /// Of them, those that the workload needs.
    pub needed: usize,
    /// Of them, those that it may need instead of these with a newer libc: they are kept.
    pub newer: Vec<&'static str>,
    /// Of them, those that are taken away.
    pub surplus: Vec<Unneeded>,
    /// ABIs that the larger profile has and the workload did not use. They are taken away.
    pub abis: Vec<&'static str>,
    /// Needed, and not allowed by the larger profile.
    pub beyond: Vec<Beyond>,
    /// What is left.
    #[serde(skip)]
    pub file: File,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unneeded {
    pub name: &'static str,
    /// Allowed with some arguments only.
    pub conditional: bool,
}

/// Something that the workload needs and the larger profile refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Beyond {
    /// Of a call; or of an ABI, all of whose calls kill.
    pub name: String,
    /// What becomes of it: `fails with EPERM`.
    pub effect: String,
}

/// `needs` is a profile made for the workload, `larger` the one to take away from, both as they count on `machine`.
pub fn minimise(needs: &File, larger: &File, machine: &Machine) -> Result<Minimised, Problem> {
    for (which, file) in [("of the workload", needs), ("to take away from", larger)] {
        if matches!(file.default_action, Action::Allow | Action::Log) {
            let why = format!("the profile {which} allows what it does not name; give one that refuses it");
            return Err(Problem(why));
        }
    }
    let arch = machine.arch;
    let (wanted, given) = (Matcher::new(needs, machine), Matcher::new(larger, machine));
    let mut abis = machine.abis(needs);
    let all_abis = machine.abis(larger);
    let unused = all_abis.difference(&abis).map(|abi| abi_name(arch, *abi)).collect();
    let foreign: Vec<_> = abis.difference(&all_abis).copied().collect();
    abis.retain(|abi| !foreign.contains(abi));
    let names: BTreeSet<&'static str> =
        abis.iter().flat_map(|abi| all(arch, *abi)).map(|(_, name)| name).collect();
    let is_allowed = |matcher: &Matcher, name: &str| {
        matches!(matcher.judge(Abi::Native, Some(name)), Outcome::Allowed | Outcome::Depends)
    };
    let allowed: BTreeSet<_> = names.iter().copied().filter(|name| is_allowed(&given, name)).collect();
    let wanted: BTreeSet<_> = names.iter().copied().filter(|name| is_allowed(&wanted, name)).collect();
    let needed: BTreeSet<_> = allowed.intersection(&wanted).copied().collect();
    let newer: Vec<_> = siblings::newer(&needed, &needed, arch)
        .into_iter()
        .map(|sibling| sibling.name)
        .filter(|name| allowed.contains(name))
        .collect();
    let kept: BTreeSet<_> = needed.iter().chain(&newer).copied().collect();

    let calls = wanted.difference(&allowed).map(|name| Beyond {
        name: (*name).to_owned(),
        effect: match given.judge(Abi::Native, Some(name)) {
            Outcome::Refused(effect) => effect.to_string(),
            Outcome::Allowed | Outcome::Depends | Outcome::Foreign => "is refused".to_owned(),
        },
    });
    let beyond = foreign.iter().map(|abi| Beyond {
        name: format!("the ABI {}", abi_name(arch, *abi)),
        effect: "kills the caller".to_owned(),
    });
    Ok(Minimised {
        allowed: allowed.len(),
        needed: needed.len(),
        surplus: allowed
            .difference(&kept)
            .map(|name| Unneeded {
                name,
                conditional: given.judge(Abi::Native, Some(name)) == Outcome::Depends,
            })
            .collect(),
        beyond: beyond.chain(calls).collect(),
        file: left(larger, &kept, machine, &abis),
        newer,
        abis: unused,
    })
}

/// Rules that count on this machine, without conditions on it: the result is for the machine and its capabilities.
fn left(larger: &File, kept: &BTreeSet<&'static str>, machine: &Machine, abis: &BTreeSet<Abi>) -> File {
    let mut syscalls: Vec<Rule> = Vec::new();
    for rule in larger.syscalls.iter().filter(|rule| machine.counts(rule)) {
        let refuses = matches!(
            rule.effect().action,
            Action::Errno | Action::Kill | Action::KillProcess | Action::KillThread | Action::Trap
        );
        let names = rule.names.iter().filter(|name| refuses || kept.contains(name.as_str()));
        let mut names: Vec<_> = names.cloned().collect();
        names.sort_unstable();
        if !names.is_empty() {
            syscalls.push(Rule::new(names, rule.effect(), rule.args.clone()));
        }
    }
    // What libraries try first must fail with ENOSYS where the default is another error.
    let enosys = Effect::new(Action::Errno, errno::number("ENOSYS").map(u32::from));
    if larger.default_effect() != enosys {
        let named = |name: &str| syscalls.iter().any(|rule| rule.names.iter().any(|known| known == name));
        let tried: Vec<_> =
            fallback::refused(kept).into_iter().filter(|name| !named(name)).map(str::to_owned).collect();
        if !tried.is_empty() {
            syscalls.push(Rule::new(tried, enosys, None));
        }
    }
    let architectures = abis.iter().filter_map(|abi| architecture(machine.arch, *abi));
    File {
        architectures: Some(architectures.map(str::to_owned).collect()),
        arch_map: None,
        syscalls,
        ..larger.clone()
    }
}

impl Display for Minimised {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { allowed, needed, newer, surplus, abis, beyond, file: _ } = self;
        writeln!(f, "{allowed} calls allowed, {needed} needed, not needed: {}", newer.len() + surplus.len())?;
        let names: Vec<_> = surplus.iter().map(|call| (call.name, call.conditional)).collect();
        f.write_str(&by_power(&names))?;
        if surplus.iter().any(|call| call.conditional) {
            writeln!(f, "  * allowed with some arguments only")?;
        }
        if !abis.is_empty() {
            writeln!(f, "ABIs that are not needed: {}", abis.join(", "))?;
        }
        if !newer.is_empty() {
            writeln!(f, "kept, because a newer libc calls them instead: {}", newer.join(" "))?;
        }
        for Beyond { name, effect } in beyond {
            writeln!(f, "needed and not allowed: {name}: {effect}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Arch;

    const LARGER: &str = r#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,
        "archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86","SCMP_ARCH_X32"]}],
        "syscalls":[
            {"names":["read","openat","openat2","clone","mkdir","statx"],"action":"SCMP_ACT_ALLOW"},
            {"names":["personality"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":8,"op":"SCMP_CMP_EQ"}]},
            {"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":40,"op":"SCMP_CMP_NE"}]},
            {"names":["clone3"],"action":"SCMP_ACT_ERRNO","errnoRet":38,"excludes":{"caps":["CAP_SYS_ADMIN"]}},
            {"names":["mount","bpf"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_SYS_ADMIN"]}}]}"#;

    fn needs(names: &str) -> File {
        let text = format!(
            r#"{{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"architectures":["SCMP_ARCH_X86_64"],
                "syscalls":[{{"names":[{names}],"action":"SCMP_ACT_ALLOW"}}]}}"#
        );
        File::parse(&text).unwrap()
    }

    fn machine(capabilities: &[&str]) -> Machine {
        Machine {
            arch: Arch::X86_64,
            kernel: "6.12".into(),
            capabilities: capabilities.iter().map(|cap| (*cap).to_owned()).collect(),
        }
    }

    fn of(names: &str, capabilities: &[&str]) -> Minimised {
        minimise(&needs(names), &File::parse(LARGER).unwrap(), &machine(capabilities)).unwrap()
    }

    fn names(calls: &[Unneeded]) -> Vec<&str> {
        calls.iter().map(|call| call.name).collect()
    }

    #[test]
    fn what_is_not_needed_is_taken_away_and_conditions_stay() {
        let found = of(r#""read","openat","socket""#, &[]);
        assert_eq!((found.allowed, found.needed), (8, 3));
        assert_eq!(names(&found.surplus), ["clone", "mkdir", "personality", "statx"]);
        assert!(found.surplus[2].conditional && !found.surplus[0].conditional);
        assert_eq!(found.newer, ["openat2"]);
        assert_eq!(found.beyond, []);
        assert_eq!(found.abis, ["i386", "x32"]);
        let matcher = Matcher::new(&found.file, &machine(&[]));
        for (name, expected) in [
            ("read", Outcome::Allowed),
            ("openat2", Outcome::Allowed),
            ("socket", Outcome::Depends),
            ("clone3", Outcome::Refused(Effect::new(Action::Errno, Some(38)))),
            ("statx", Outcome::Refused(Effect::new(Action::Errno, Some(38)))),
            ("mkdir", Outcome::Refused(Effect::new(Action::Errno, Some(1)))),
            ("personality", Outcome::Refused(Effect::new(Action::Errno, Some(1)))),
        ] {
            assert_eq!(matcher.judge(Abi::Native, Some(name)), expected, "{name}");
        }
        assert_eq!(found.file.architectures.as_deref(), Some(&["SCMP_ARCH_X86_64".to_owned()][..]));
        // What is written is what is read.
        assert_eq!(File::parse(&serde_json::to_string(&found.file).unwrap()).unwrap(), found.file);
    }

    #[test]
    fn what_is_needed_beyond_is_told_and_not_added() {
        let found = of(r#""read","mount","clone3""#, &[]);
        let beyond: Vec<_> = found.beyond.iter().map(|b| (b.name.as_str(), b.effect.as_str())).collect();
        assert_eq!(beyond, [("clone3", "fails with ENOSYS"), ("mount", "fails with EPERM")]);
        assert!(!found.file.allowed_names().contains("mount"));
        let mighty = of(r#""read","mount""#, &["CAP_SYS_ADMIN"]);
        assert_eq!(mighty.beyond, []);
        assert!(mighty.file.allowed_names().contains("mount") && names(&mighty.surplus).contains(&"bpf"));
    }

    #[test]
    fn an_abi_that_the_larger_one_lacks_is_beyond_it() {
        let mut larger = File::parse(LARGER).unwrap();
        larger.arch_map = None;
        let mut needs = needs(r#""read""#);
        needs.architectures.as_mut().unwrap().push("SCMP_ARCH_X86".into());
        let found = minimise(&needs, &larger, &machine(&[])).unwrap();
        assert_eq!(found.beyond[0].name, "the ABI i386");
        assert_eq!(found.file.architectures.unwrap(), ["SCMP_ARCH_X86_64"]);
    }

    #[test]
    fn lists_of_what_is_refused_cannot_be_minimised() {
        let open = File::parse(r#"{"defaultAction":"SCMP_ACT_ALLOW"}"#).unwrap();
        for (needs, larger) in [(open.clone(), needs(r#""read""#)), (needs(r#""read""#), open)] {
            assert!(
                minimise(&needs, &larger, &machine(&[])).unwrap_err().to_string().contains("does not name")
            );
        }
    }
}
