//! How two profiles differ, rule by rule and in a fixed order.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::file::{Condition, Effect, File, Op, When};

/// One rule, without its names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    effect: Effect,
    args: Vec<Condition>,
    includes: When,
    excludes: When,
}

/// A line for each difference: `-` only in the first, `+` only in the second, `~` in both with
/// other rules. Empty: they say the same, in whatever order and grouping.
///
/// A rule that does what the default does anyway says nothing.
pub fn diff(a: &File, b: &File) -> Vec<String> {
    let mut lines = Vec::new();
    let (from, to) = (a.default_effect(), b.default_effect());
    if from != to {
        lines.push(format!("~ default action: {from} -> {to}"));
    }
    set(&mut lines, "architecture", &architectures(a), &architectures(b));
    set(&mut lines, "flag", &sorted(a.flags.as_deref()), &sorted(b.flags.as_deref()));
    if (&a.listener_path, &a.listener_metadata) != (&b.listener_path, &b.listener_metadata) {
        lines.push("~ listenerPath or listenerMetadata".to_owned());
    }
    let (a, b) = (rules(a), rules(b));
    let names: BTreeSet<_> = a.keys().chain(b.keys()).collect();
    for name in names {
        match (a.get(name), b.get(name)) {
            (Some(a), Some(b)) if a != b => {
                lines.push(format!("~ {name}: {} -> {}", describe(a), describe(b)));
            }
            (Some(a), None) => lines.push(format!("- {name}: {}", describe(a))),
            (None, Some(b)) => lines.push(format!("+ {name}: {}", describe(b))),
            _ => {}
        }
    }
    lines
}

/// Both forms say which ABIs there are.
fn architectures(file: &File) -> BTreeSet<String> {
    let mapped = file.arch_map.iter().flatten();
    let mapped =
        mapped.flat_map(|map| [&map.architecture].into_iter().chain(map.sub_architectures.iter().flatten()));
    file.architectures.iter().flatten().chain(mapped).cloned().collect()
}

fn sorted(list: Option<&[String]>) -> BTreeSet<String> {
    list.unwrap_or_default().iter().cloned().collect()
}

fn set(lines: &mut Vec<String>, what: &str, a: &BTreeSet<String>, b: &BTreeSet<String>) {
    lines.extend(a.difference(b).map(|item| format!("- {what} {item}")));
    lines.extend(b.difference(a).map(|item| format!("+ {what} {item}")));
}

fn rules(file: &File) -> BTreeMap<&str, BTreeSet<Said>> {
    let default = file.default_effect();
    let mut rules: BTreeMap<&str, BTreeSet<Said>> = BTreeMap::new();
    for rule in file.syscalls.iter().filter(|rule| rule.effect() != default) {
        let mut args = rule.args.clone().unwrap_or_default();
        args.sort_unstable();
        let said = Said {
            effect: rule.effect(),
            args,
            includes: plain(rule.includes.as_ref()),
            excludes: plain(rule.excludes.as_ref()),
        };
        for name in &rule.names {
            rules.entry(name).or_default().insert(said.clone());
        }
    }
    rules
}

/// An empty list says as much as none.
fn plain(when: Option<&When>) -> When {
    let mut when = when.cloned().unwrap_or_default();
    for list in [&mut when.caps, &mut when.arches] {
        *list = list.take().filter(|list| !list.is_empty());
        if let Some(list) = list {
            list.sort_unstable();
        }
    }
    when
}

fn describe(rules: &BTreeSet<Said>) -> String {
    let rules: Vec<_> = rules.iter().map(describe_one).collect();
    rules.join(" or ")
}

fn describe_one(said: &Said) -> String {
    let Said { effect, args, includes, excludes } = said;
    let mut text = effect.to_string();
    for (index, condition) in args.iter().enumerate() {
        text.push_str(if index == 0 { " if " } else { " and " });
        let Condition { index, value, value_two, op } = condition;
        let sign = match op {
            Op::Ne => "!=",
            Op::Lt => "<",
            Op::Le => "<=",
            Op::Eq => "==",
            Op::Ge => ">=",
            Op::Gt => ">",
            Op::MaskedEq => "&",
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "arg{index} {sign} {value:#x}");
        if *op == Op::MaskedEq {
            let _ = write!(text, " == {value_two:#x}");
        }
    }
    for (word, when) in [("with", includes), ("without", excludes)] {
        let lists = when.caps.iter().flatten().chain(when.arches.iter().flatten());
        let kernel = when.min_kernel.iter().map(|kernel| format!("kernel {kernel}"));
        let items: Vec<_> = lists.cloned().chain(kernel).collect();
        if !items.is_empty() {
            let _ = write!(text, " {word} {}", items.join(", "));
        }
    }
    crate::text::safe(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        File::parse(text).unwrap()
    }

    #[test]
    fn order_grouping_and_form_make_no_difference() {
        let a = file(
            r#"{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86"],
                "syscalls":[{"names":["write","read"],"action":"SCMP_ACT_ALLOW"},
                            {"names":["bpf"],"action":"SCMP_ACT_ERRNO"}]}"#,
        );
        let b = file(
            r#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,
                "archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]}],
                "syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[],"includes":{"caps":[]}},
                            {"names":["write"],"action":"SCMP_ACT_ALLOW"}]}"#,
        );
        assert_eq!(diff(&a, &b), Vec::<String>::new());
    }

    #[test]
    fn every_difference_has_a_line() {
        let a = file(
            r#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"architectures":["SCMP_ARCH_X86_64"],
                "flags":["SECCOMP_FILTER_FLAG_LOG"],
                "syscalls":[{"names":["read","clone","bpf"],"action":"SCMP_ACT_ALLOW"}]}"#,
        );
        let b = file(
            r#"{"defaultAction":"SCMP_ACT_KILL_PROCESS","architectures":["SCMP_ARCH_AARCH64"],
                "listenerPath":"/x",
                "syscalls":[{"names":["write","bpf"],"action":"SCMP_ACT_ALLOW",
                             "excludes":{"caps":["\u001b[2J"],"minKernel":"4.8"}},
                            {"names":["clone"],"action":"SCMP_ACT_ALLOW",
                             "args":[{"index":0,"value":2114060288,"op":"SCMP_CMP_MASKED_EQ"},
                                     {"index":1,"value":3,"op":"SCMP_CMP_NE"}]},
                            {"names":["clone3"],"action":"SCMP_ACT_ERRNO","errnoRet":4000}]}"#,
        );
        insta::assert_snapshot!(diff(&a, &b).join("\n"));
        assert_eq!(diff(&a, &b).len(), diff(&b, &a).len());
        assert!(diff(&a, &a).is_empty() && diff(&b, &b).is_empty());
    }
}
