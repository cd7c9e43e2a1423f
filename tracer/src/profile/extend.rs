//! A profile of somebody's, and what a container called beyond it.

use std::collections::BTreeSet;

use super::fallback;
use super::file::{Action, Effect, File, Problem, Rule, When};
use super::oci::Profile;

const ENOSYS: u32 = 38;

/// `base` with one more rule: it allows what `profile` allows and no rule of `base` names. So what `base` refuses stays
/// refused, with whatever error, and what it allows under conditions keeps them. An exception is what only repeats
/// that there is no such call: the rule that ctrace's own profiles have for calls that libraries try first.
///
/// A base with rules for some containers or machines only (`includes`, `excludes`, `archMap`) is refused: what it
/// says is not decided before a container starts. One that lets through what it does not name stays as it is.
pub fn extend(base: &File, profile: &Profile) -> Result<File, Problem> {
    let default = base.default_effect();
    if base.arch_map.as_ref().is_some_and(|maps| !maps.is_empty()) {
        return Err(Problem("archMap: cannot be extended; write `architectures` instead".to_owned()));
    }
    let some = |when: &Option<When>| when.as_ref().is_some_and(|when| *when != When::default());
    for (index, rule) in base.syscalls.iter().enumerate() {
        if some(&rule.includes) || some(&rule.excludes) {
            let why = "`includes` and `excludes` cannot be extended; write what they come to";
            return Err(Problem(format!("syscalls[{index}]: {why}")));
        }
    }
    let repeats = |rule: &Rule| rule.effect() == default && default.errno == Some(ENOSYS);
    let named: BTreeSet<&str> = base
        .syscalls
        .iter()
        .flat_map(|rule| rule.names.iter().map(move |name| (rule, name.as_str())))
        .filter(|(rule, name)| !(repeats(rule) && fallback::is_tried_first(name)))
        .map(|(_, name)| name)
        .collect();
    let permits = matches!(base.default_action, Action::Allow | Action::Log);
    let added: Vec<String> = profile
        .names
        .iter()
        .filter(|name| !permits && !named.contains(**name))
        .map(|name| (*name).to_owned())
        .collect();
    let mut syscalls = base.syscalls.clone();
    for rule in syscalls.iter_mut().filter(|rule| repeats(rule)) {
        rule.names.retain(|name| !added.contains(name));
    }
    syscalls.retain(|rule| !rule.names.is_empty());
    if !added.is_empty() {
        syscalls.push(Rule::new(added, Effect::new(Action::Allow, None), None));
    }
    // Without a list it is the machine's own ABI, which a list has to repeat.
    let seen = profile.architectures();
    let mut architectures = base.architectures.clone().unwrap_or_default();
    if !architectures.is_empty() || seen.len() > 1 {
        let missing = seen.into_iter().filter(|name| !architectures.iter().any(|known| known == name));
        let missing: Vec<String> = missing.map(str::to_owned).collect();
        architectures.extend(missing);
    }
    let architectures = Some(architectures).filter(|list| !list.is_empty());
    Ok(File { architectures, syscalls, ..base.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Arch;
    use crate::event::Abi;
    use crate::profile::DefaultAction;

    fn base(text: &str) -> File {
        File::parse(text).unwrap()
    }

    fn profile(names: &[&'static str]) -> Profile {
        Profile {
            default: DefaultAction::Errno,
            arch: Arch::X86_64,
            abis: [Abi::Native].into(),
            names: names.iter().copied().collect(),
            conditions: [].into(),
        }
    }

    fn extended(text: &str, names: &[&'static str]) -> File {
        let file = extend(&base(text), &profile(names)).unwrap();
        // It is read again as it is written.
        let written = serde_json::to_string(&file).unwrap();
        assert_eq!(serde_json::to_string(&base(&written)).unwrap(), written);
        file
    }

    fn names(rule: &Rule) -> Vec<&str> {
        rule.names.iter().map(String::as_str).collect()
    }

    #[test]
    fn what_the_base_says_stays_and_the_rest_is_allowed() {
        // As its default says, with another error, and under a condition.
        let text = r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[
            {"names":["mkdir"],"action":"SCMP_ACT_ERRNO","args":[],"comment":"","includes":{},"excludes":{}},
            {"names":["mount"],"action":"SCMP_ACT_ERRNO","errnoRet":38},
            {"names":["personality"],"action":"SCMP_ACT_ALLOW",
             "args":[{"index":0,"value":0,"op":"SCMP_CMP_EQ"}]},
            {"names":["read"],"action":"SCMP_ACT_ALLOW"}]}"#;
        let file = extended(text, &["mkdir", "mount", "personality", "read", "write", "openat"]);
        assert_eq!(file.default_effect(), base(text).default_effect());
        let kept = base(text).syscalls;
        assert_eq!(file.syscalls[..4], kept[..]);
        assert_eq!(names(&file.syscalls[4]), ["openat", "write"]);
        assert_eq!(file.syscalls[4].effect(), Effect::new(Action::Allow, None));
        assert_eq!(file.architectures, None);
        assert_eq!(extended(text, &["read"]).syscalls, kept);
    }

    /// What a profile of ctrace's own refuses by name is only what it refuses anyway.
    #[test]
    fn own_profiles_are_extended_by_what_libraries_try_first() {
        let own = profile(&["read"]).to_json().unwrap();
        let file = extended(&own, &["read", "statx"]);
        assert_eq!(names(&file.syscalls[0]), ["read"]);
        assert!(names(&file.syscalls[1]).contains(&"clone3") && !names(&file.syscalls[1]).contains(&"statx"));
        assert_eq!(names(&file.syscalls[2]), ["statx"]);
        // Of others it is a decision.
        let refused = |default: &str, name: &str| {
            let text = format!(
                r#"{{"defaultAction":"SCMP_ACT_ERRNO",{default}
                    "syscalls":[{{"names":["{name}"],"action":"SCMP_ACT_ERRNO","errnoRet":38}}]}}"#
            );
            extended(&text, &["mkdir", "statx"]).allowed_names().contains(name)
        };
        assert!(refused(r#""defaultErrnoRet":38,"#, "statx"));
        assert!(!refused(r#""defaultErrnoRet":38,"#, "mkdir"));
        assert!(!refused("", "statx"));
    }

    #[test]
    fn a_list_of_refusals_stays_as_it_is() {
        for default in ["ALLOW", "LOG"] {
            let text = format!(
                r#"{{"defaultAction":"SCMP_ACT_{default}","syscalls":[{{"names":["bpf"],"action":"SCMP_ACT_ERRNO"}}]}}"#
            );
            assert_eq!(extended(&text, &["bpf", "read"]), base(&text));
        }
    }

    #[test]
    fn abis_that_were_used_are_added() {
        let both = Profile { abis: [Abi::Native, Abi::Compat].into(), ..profile(&["read"]) };
        for (listed, after) in [
            ("", vec!["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]),
            (
                r#""architectures":["SCMP_ARCH_X32"],"#,
                vec!["SCMP_ARCH_X32", "SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
            ),
        ] {
            let text = format!(r#"{{{listed}"defaultAction":"SCMP_ACT_KILL"}}"#);
            let file = extend(&base(&text), &both).unwrap();
            assert_eq!(file.architectures.unwrap(), after);
        }
    }

    #[test]
    fn what_is_decided_later_is_refused() {
        for (text, place) in [
            (
                r#"{"defaultAction":"SCMP_ACT_KILL","syscalls":[
                    {"names":["bpf"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_BPF"]}}]}"#,
                "syscalls[0]",
            ),
            (r#"{"defaultAction":"SCMP_ACT_KILL","archMap":[{"architecture":"SCMP_ARCH_X86"}]}"#, "archMap"),
        ] {
            let said = extend(&base(text), &profile(&["read"])).unwrap_err().to_string();
            assert!(said.starts_with(place), "{said}");
        }
    }
}
