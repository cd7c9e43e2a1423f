//! One profile of several: what any of them allows, or what all of them allow.

use std::collections::{BTreeMap, BTreeSet};

use super::file::{Action, Condition, Effect, File, Problem, Rule, When};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// What any of them allows.
    Union,
    /// What all of them allow.
    Intersection,
}

/// How one name is dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Always,
    /// If all conditions of any list hold.
    If(BTreeSet<Vec<Condition>>),
    Refused(Effect),
}

/// A profile with one rule for all names that are treated alike, names sorted. The order of `files`, each
/// with what it is called, makes no difference.
///
/// Files with rules for some containers or machines only (`includes`, `excludes`) are refused: what they
/// allow is not decided before a container starts. So are files with different default actions.
pub fn merge(files: &[(String, File)], how: How) -> Result<File, Problem> {
    let mut files = files.iter();
    let Some((first_name, first)) = files.next() else {
        return Err(Problem("nothing to merge".to_owned()));
    };
    // What is in no rule is allowed, and deny-lists are merged.
    let permits = matches!(first.default_action, Action::Allow | Action::Log);
    let mut merged = said(first_name, first)?;
    let mut architectures = first.architectures.clone();
    for (name, file) in files {
        let same = |what: &str, same: bool| {
            let why = format!("{name} has another {what} than {first_name}; make them the same");
            if same { Ok(()) } else { Err(Problem(why)) }
        };
        same("default action", file.default_effect() == first.default_effect())?;
        same("`flags`", file.flags == first.flags)?;
        let listener = |file: &File| (file.listener_path.clone(), file.listener_metadata.clone());
        same("`listenerPath`", listener(file) == listener(first))?;
        let other = said(name, file)?;
        let names: BTreeSet<_> = merged.keys().chain(other.keys()).cloned().collect();
        let one = |name: &String| {
            let both = (merged.get(name), other.get(name));
            both_say(name, both, how, permits).transpose().map(|said| Ok((name.clone(), said?)))
        };
        merged = names.iter().filter_map(one).collect::<Result<_, _>>()?;
        architectures = both_list(architectures, file.architectures.clone(), how);
    }
    if !permits && merged.values().all(|said| matches!(said, Said::Refused(_))) {
        return Err(Problem("nothing would be allowed: they have no call in common".to_owned()));
    }
    Ok(File { architectures, syscalls: rules(merged), ..first.clone() })
}

fn said(file_name: &str, file: &File) -> Result<BTreeMap<String, Said>, Problem> {
    let problem = |place: &str, why: &str| Err(Problem(format!("{file_name}: {place}: {why}")));
    if file.arch_map.is_some() {
        return problem("archMap", "cannot be merged; write `architectures` instead");
    }
    let default = file.default_effect();
    let mut all: BTreeMap<String, Said> = BTreeMap::new();
    for (index, rule) in file.syscalls.iter().enumerate().filter(|(_, rule)| rule.effect() != default) {
        let place = format!("syscalls[{index}]");
        let some = |when: &Option<When>| when.as_ref().is_some_and(|when| *when != When::default());
        if some(&rule.includes) || some(&rule.excludes) {
            return problem(&place, "`includes` and `excludes` cannot be merged; write what they come to");
        }
        let mut args = rule.args.clone().unwrap_or_default();
        args.sort_unstable();
        for name in &rule.names {
            let new = match (rule.action, args.is_empty()) {
                (Action::Allow, true) => Said::Always,
                (Action::Allow, false) => Said::If([args.clone()].into()),
                (_, true) => Said::Refused(rule.effect()),
                (_, false) => {
                    return problem(&place, "a rule with `args` that does not allow cannot be merged");
                }
            };
            let merged = match (all.remove(name), new) {
                (None, new) => new,
                (Some(old), new) if old == new => old,
                (Some(Said::If(mut lists)), Said::If(more)) => {
                    lists.extend(more);
                    Said::If(lists)
                }
                // Without conditions it cancels those with some.
                (Some(Said::Always | Said::If(_)), Said::Always | Said::If(_)) => Said::Always,
                (Some(_), _) => {
                    return problem(&place, &format!("contradicts another rule for `{name}`; remove one"));
                }
            };
            all.insert(name.clone(), merged);
        }
    }
    Ok(all)
}

/// None: the default action.
fn both_say(
    name: &str,
    both: (Option<&Said>, Option<&Said>),
    how: How,
    permits: bool,
) -> Result<Option<Said>, Problem> {
    use Said::{Always, If, Refused};
    Ok(match both {
        (Some(Refused(a)), Some(Refused(b))) if a != b => {
            let why = format!("`{name}`: {a} in one profile, {b} in another; make them the same");
            return Err(Problem(why));
        }
        (Some(Refused(_)), None) | (None, Some(Refused(_))) if permits && how == How::Union => None,
        (Some(Refused(a)), None | Some(Refused(_))) | (None, Some(Refused(a))) => Some(Refused(*a)),
        (Some(Refused(a)), Some(_)) | (Some(_), Some(Refused(a))) if how == How::Intersection => {
            Some(Refused(*a))
        }
        (Some(Refused(_)), Some(said)) | (Some(said), Some(Refused(_))) => Some(said.clone()),
        (Some(Always), Some(said)) | (Some(said), Some(Always)) if how == How::Intersection => {
            Some(said.clone())
        }
        (Some(Always), Some(_)) | (Some(_), Some(Always)) => Some(Always),
        (Some(If(a)), Some(If(b))) => match how {
            How::Union => Some(If(a.union(b).cloned().collect())),
            How::Intersection => {
                let common: BTreeSet<_> = a.intersection(b).cloned().collect();
                if common.is_empty() { None } else { Some(If(common)) }
            }
        },
        (Some(said), None) | (None, Some(said)) => (how == How::Union).then(|| said.clone()),
        (None, None) => None,
    })
}

/// Without a list it is the machine's own ABI, which is in every list for that machine.
fn both_list(a: Option<Vec<String>>, b: Option<Vec<String>>, how: How) -> Option<Vec<String>> {
    match (a, b) {
        (Some(mut a), Some(b)) => {
            match how {
                How::Union => a.extend(b),
                How::Intersection => a.retain(|name| b.contains(name)),
            }
            Some(BTreeSet::from_iter(a).into_iter().collect())
        }
        (Some(list), None) | (None, Some(list)) if how == How::Union => Some(list),
        _ => None,
    }
}

fn rules(merged: BTreeMap<String, Said>) -> Vec<Rule> {
    let allow = Effect::new(Action::Allow, None);
    let mut always = Vec::new();
    let mut conditional = Vec::new();
    let mut refused: BTreeMap<Effect, Vec<String>> = BTreeMap::new();
    for (name, said) in merged {
        match said {
            Said::Always => always.push(name),
            Said::If(lists) => {
                conditional
                    .extend(lists.into_iter().map(|args| Rule::new(vec![name.clone()], allow, Some(args))));
            }
            Said::Refused(effect) => refused.entry(effect).or_default().push(name),
        }
    }
    let always = (!always.is_empty()).then(|| Rule::new(always, allow, None));
    let refused = refused.into_iter().map(|(effect, names)| Rule::new(names, effect, None));
    always.into_iter().chain(conditional).chain(refused).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(text: &str) -> File {
        File::parse(text).unwrap()
    }

    fn allowing(names: &[&str]) -> File {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        File {
            syscalls: vec![Rule::new(names, Effect::new(Action::Allow, None), None)],
            ..file(
                r#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"architectures":["SCMP_ARCH_X86_64"]}"#,
            )
        }
    }

    fn rules_of(text: &str) -> File {
        file(&format!(r#"{{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"syscalls":[{text}]}}"#))
    }

    fn merged(files: &[File], how: How) -> Result<File, Problem> {
        let files: Vec<_> =
            files.iter().enumerate().map(|(index, file)| (format!("{index}.json"), file.clone())).collect();
        merge(&files, how)
    }

    fn names(file: &File) -> Vec<&str> {
        file.syscalls.iter().flat_map(|rule| rule.names.iter().map(String::as_str)).collect()
    }

    #[test]
    fn union_and_intersection() {
        let files = [allowing(&["read", "write"]), allowing(&["write", "openat"])];
        assert_eq!(names(&merged(&files, How::Union).unwrap()), ["openat", "read", "write"]);
        assert_eq!(names(&merged(&files, How::Intersection).unwrap()), ["write"]);
        let disjoint = [allowing(&["read"]), allowing(&["write"])];
        let error = merged(&disjoint, How::Intersection).unwrap_err().to_string();
        assert!(error.contains("nothing would be allowed"), "{error}");
    }

    #[test]
    fn conditions() {
        let if_one = |value: u32| {
            rules_of(&format!(
                r#"{{"names":["socket"],"action":"SCMP_ACT_ALLOW",
                    "args":[{{"index":0,"value":{value},"op":"SCMP_CMP_EQ"}}]}},
                   {{"names":["read"],"action":"SCMP_ACT_ALLOW"}}"#
            ))
        };
        let plain = rules_of(r#"{"names":["socket","read"],"action":"SCMP_ACT_ALLOW"}"#);
        let both = merged(&[if_one(1), if_one(2)], How::Union).unwrap();
        assert_eq!(names(&both), ["read", "socket", "socket"]);
        assert_eq!(names(&merged(&[if_one(1), if_one(2)], How::Intersection).unwrap()), ["read"]);
        let with_plain = [if_one(1), plain];
        let union = merged(&with_plain, How::Union).unwrap();
        assert!(union.syscalls.iter().all(|rule| rule.args.is_none()), "{union:?}");
        let common = merged(&with_plain, How::Intersection).unwrap();
        assert_eq!(common.syscalls, if_one(1).syscalls.into_iter().rev().collect::<Vec<_>>());
    }

    #[test]
    fn explicit_refusals_give_way_to_permission_only_in_a_union() {
        let refusing = rules_of(
            r#"{"names":["read"],"action":"SCMP_ACT_ALLOW"},
               {"names":["bpf"],"action":"SCMP_ACT_ERRNO","errnoRet":1}"#,
        );
        let allowing = rules_of(r#"{"names":["read","bpf"],"action":"SCMP_ACT_ALLOW"}"#);
        let effects = |how| {
            let merged = merged(&[refusing.clone(), allowing.clone()], how).unwrap();
            merged.syscalls.iter().map(Rule::effect).map(|effect| effect.action).collect::<Vec<_>>()
        };
        assert_eq!(effects(How::Union), [Action::Allow]);
        assert_eq!(effects(How::Intersection), [Action::Allow, Action::Errno]);
    }

    #[test]
    fn deny_lists() {
        let denying = |names: &str| {
            let rule = r#""action":"SCMP_ACT_ERRNO","errnoRet":1"#;
            file(&format!(
                r#"{{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{{"names":[{names}],{rule}}}]}}"#
            ))
        };
        let files = [denying(r#""bpf","mount""#), denying(r#""bpf","ptrace""#)];
        assert_eq!(names(&merged(&files, How::Union).unwrap()), ["bpf"]);
        assert_eq!(names(&merged(&files, How::Intersection).unwrap()), ["bpf", "mount", "ptrace"]);
    }

    #[test]
    fn what_cannot_be_merged_says_why() {
        let plain = allowing(&["read"]);
        let kill = file(
            r#"{"defaultAction":"SCMP_ACT_KILL","architectures":["SCMP_ARCH_X86_64"],
                "syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}"#,
        );
        let eperm = |errno: u32| {
            rules_of(&format!(r#"{{"names":["bpf"],"action":"SCMP_ACT_ERRNO","errnoRet":{errno}}}"#))
        };
        for (files, place, fix) in [
            (vec![plain.clone(), kill], "1.json", "make them the same"),
            (vec![eperm(1), eperm(2)], "`bpf`", "make them the same"),
            (
                vec![rules_of(
                    r#"{"names":["a"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_BPF"]}}"#,
                )],
                "0.json: syscalls[0]",
                "`includes`",
            ),
            (
                vec![rules_of(
                    r#"{"names":["a"],"action":"SCMP_ACT_ALLOW"},{"names":["a"],"action":"SCMP_ACT_KILL"}"#,
                )],
                "0.json: syscalls[1]",
                "remove one",
            ),
            (
                vec![file(
                    r#"{"defaultAction":"SCMP_ACT_LOG","archMap":[{"architecture":"SCMP_ARCH_X86"}]}"#,
                )],
                "0.json: archMap",
                "`architectures`",
            ),
        ] {
            let error = merged(&files, How::Union).unwrap_err().to_string();
            assert!(error.contains(place) && error.contains(fix), "{error}");
        }
    }

    const NAMES: [&str; 4] = ["close", "openat", "read", "write"];

    fn some_file() -> impl Strategy<Value = File> {
        proptest::sample::subsequence(&NAMES[..], 1..=4).prop_map(|mut names| {
            names.push("exit");
            allowing(&names)
        })
    }

    proptest! {
        #[test]
        fn order_and_repetition_make_no_difference(a in some_file(), b in some_file()) {
            for how in [How::Union, How::Intersection] {
                let merged = |files: &[File]| merged(files, how).unwrap();
                let ab = merged(&[a.clone(), b.clone()]);
                prop_assert_eq!(&merged(&[b.clone(), a.clone()]), &ab);
                prop_assert_eq!(&merged(&[ab.clone(), a.clone(), b.clone()]), &ab);
                prop_assert_eq!(File::parse(&serde_json::to_string(&ab).unwrap()).unwrap(), ab);
            }
        }
    }
}
