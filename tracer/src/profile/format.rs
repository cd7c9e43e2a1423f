//! A profile in the forms that different consumers read.

use std::collections::BTreeSet;
use std::fmt::Write;

use clap::ValueEnum;
use serde::Serialize;
use serde::ser::Error;

use super::arguments::Conditions;
use super::file::Condition;
use super::oci::{self, DefaultAction, Profile, Rule, architecture, pretty};
use crate::batch::Arch;
use crate::event::Abi;
use crate::syscall::all;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// OCI JSON: for runc, crun, podman, docker, containerd, CRI-O and the kubelet.
    #[default]
    Oci,
    /// As Docker writes its own default profile, with `archMap`.
    Docker,
    /// A `SeccompProfile` of the Kubernetes Security Profiles Operator, YAML.
    Spo,
    /// The same, JSON.
    SpoJson,
    /// Lines for the [Service] section of a systemd unit.
    Systemd,
}

impl Format {
    /// Of a file in this form.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Oci | Self::Docker | Self::SpoJson => "json",
            Self::Spo => "yaml",
            Self::Systemd => "conf",
        }
    }

    /// Whether `show`, `check`, `diff` and `merge` read it.
    pub const fn is_read(self) -> bool {
        matches!(self, Self::Oci | Self::Docker)
    }

    /// How to use it, as a command line or a line of configuration.
    pub const fn usage(self) -> &'static str {
        match self {
            Self::Oci | Self::Docker => "podman run --security-opt seccomp=FILE ..",
            Self::Spo | Self::SpoJson => "kubectl apply -f FILE",
            Self::Systemd => "systemctl edit UNIT, and paste it below [Service]",
        }
    }

    /// `name` is that of the object, where the form has one; any text will do.
    pub fn print(self, profile: &Profile, name: &str) -> serde_json::Result<String> {
        match self {
            Self::Oci => profile.to_json(),
            Self::Docker => docker(profile),
            Self::Spo => spo(profile, name).map(|object| yaml(&object)),
            Self::SpoJson => spo(profile, name).and_then(|object| pretty(&object)),
            Self::Systemd => systemd(profile),
        }
    }
}

/// <https://github.com/moby/profiles/blob/main/seccomp/seccomp.go>
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Docker<'a> {
    default_action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_errno_ret: Option<u16>,
    arch_map: [ArchMap; 1],
    syscalls: Vec<Rule<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArchMap {
    architecture: &'static str,
    sub_architectures: Vec<&'static str>,
}

fn docker(profile: &Profile) -> serde_json::Result<String> {
    oci::some(&profile.names)?;
    let (default_action, default_errno_ret) = profile.default.action();
    let native = architecture(profile.arch, Abi::Native);
    let architecture = native.ok_or_else(|| serde_json::Error::custom("a machine without a name"))?;
    let mut sub_architectures = profile.architectures();
    sub_architectures.retain(|sub| *sub != architecture);
    pretty(&Docker {
        default_action,
        default_errno_ret,
        arch_map: [ArchMap { architecture, sub_architectures }],
        syscalls: profile.rules(),
    })
}

/// <https://github.com/kubernetes-sigs/security-profiles-operator/blob/v1.0.0/api/seccompprofile/v1/seccompprofile_types.go>
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spo<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata,
    spec: Spec<'a>,
}

#[derive(Serialize)]
struct Metadata {
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    default_action: &'static str,
    architectures: Vec<&'static str>,
    syscalls: Vec<SpoRule<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpoRule<'a> {
    names: Vec<&'a str>,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errno_ret: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<&'a Conditions>,
}

/// The object has no `defaultErrnoRet`: what is not in a rule fails with EPERM. So the calls that are to
/// fail with ENOSYS are named, all that this ctrace knows. Not those that are allowed with other arguments: a rule without
/// conditions would cancel theirs.
fn spo<'a>(profile: &'a Profile, name: &str) -> serde_json::Result<Spo<'a>> {
    oci::some(&profile.names)?;
    let Profile { default, arch, abis, names, conditions } = profile;
    let (default_action, _) = default.action();
    let allow =
        |names: Vec<&'a str>, args| SpoRule { names, action: "SCMP_ACT_ALLOW", errno_ret: None, args };
    let free = profile.unconditional();
    let mut syscalls = Vec::new();
    if !free.is_empty() {
        syscalls.push(allow(free.iter().copied().collect(), None));
    }
    for (name, alternatives) in conditions {
        syscalls.extend(alternatives.iter().map(|args| allow(vec![*name], Some(args))));
    }
    if let (DefaultAction::Errno, (action, errno_ret)) = (default, default.action()) {
        let known = abis.iter().flat_map(|abi| all(*arch, *abi)).map(|(_, name)| name);
        let others: BTreeSet<_> = known.filter(|name| !names.contains(name)).collect();
        syscalls.push(SpoRule { names: others.into_iter().collect(), action, errno_ret, args: None });
    }
    Ok(Spo {
        api_version: "security-profiles-operator.x-k8s.io/v1",
        kind: "SeccompProfile",
        metadata: Metadata { name: object_name(name) },
        spec: Spec { default_action, architectures: profile.architectures(), syscalls },
    })
}

/// What Kubernetes takes for the name of an object: a label of the DNS, RFC 1123.
fn object_name(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    let plain: String = plain.skip_while(|c| *c == '-').take(63).collect();
    match plain.trim_end_matches('-') {
        "" => "profile".to_owned(),
        name => name.to_owned(),
    }
}

/// Every text in it is a name of ours or quoted.
fn yaml(object: &Spo) -> String {
    let Spo { api_version, kind, metadata, spec } = object;
    let mut out = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata:\n");
    // Writing to a string cannot fail. `"1"` is a name, `1` would be a number.
    let _ = writeln!(out, "  name: \"{}\"\nspec:\n  defaultAction: {}", metadata.name, spec.default_action);
    let list = |out: &mut String, title: &str, indent: &str, items: &[&str]| {
        let _ = writeln!(out, "{title}");
        for item in items {
            let _ = writeln!(out, "{indent}- {item}");
        }
    };
    list(&mut out, "  architectures:", "  ", &spec.architectures);
    out.push_str("  syscalls:\n");
    for rule in &spec.syscalls {
        let _ = writeln!(out, "  - action: {}", rule.action);
        if let Some(errno) = rule.errno_ret {
            let _ = writeln!(out, "    errnoRet: {errno}");
        }
        if let Some(args) = rule.args {
            out.push_str("    args:\n");
            for Condition { index, value, value_two, op } in args {
                let _ =
                    writeln!(out, "    - index: {index}\n      value: {value}\n      valueTwo: {value_two}");
                let _ = writeln!(out, "      op: {}", op.name());
            }
        }
        list(&mut out, "    names:", "    ", &rule.names);
    }
    out
}

/// systemd.exec(5). One setting over several lines: its continuation is a backslash at the end.
fn systemd(profile: &Profile) -> serde_json::Result<String> {
    oci::some::<serde_json::Error>(&profile.names)?;
    let Profile { default, arch, abis, names, conditions } = profile;
    if !conditions.is_empty() {
        return Err(serde_json::Error::custom("systemd's filters know no arguments"));
    }
    let abis: Vec<_> = abis.iter().filter_map(|abi| systemd_name(*arch, *abi)).collect();
    let mut out = format!("SystemCallArchitectures={}\n", abis.join(" "));
    let (setting, rest) = match default {
        DefaultAction::Errno => ("SystemCallFilter=", "SystemCallErrorNumber=ENOSYS\n"),
        DefaultAction::Eperm => ("SystemCallFilter=", "SystemCallErrorNumber=EPERM\n"),
        DefaultAction::Kill => ("SystemCallFilter=", ""),
        // All but these are logged.
        DefaultAction::Log => ("SystemCallLog=~", ""),
    };
    out.push_str(setting);
    let mut column = setting.len();
    for (index, name) in names.iter().enumerate() {
        if index > 0 && column + name.len() > 96 {
            out.push_str(" \\\n    ");
            column = 4;
        } else if index > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(name);
        column += name.len();
    }
    out.push('\n');
    out.push_str(rest);
    Ok(out)
}

const fn systemd_name(arch: Arch, abi: Abi) -> Option<&'static str> {
    match (arch, abi) {
        (_, Abi::Native) => Some("native"),
        (Arch::X86_64, Abi::Compat) => Some("x86"),
        (Arch::X86_64, Abi::X32) => Some("x32"),
        (Arch::Aarch64, Abi::Compat) => Some("arm"),
        (Arch::Aarch64, Abi::X32) | (Arch::Riscv64, Abi::Compat | Abi::X32) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::arguments::Rules;
    use super::*;

    fn profile(default: DefaultAction) -> Profile {
        Profile {
            default,
            arch: Arch::X86_64,
            abis: [Abi::Native, Abi::Compat].into(),
            names: ["read", "write", "exit_group"].into(),
            conditions: Rules::new(),
        }
    }

    fn print(format: Format, default: DefaultAction) -> String {
        format.print(&profile(default), "Web_1/\x1b[31m").unwrap()
    }

    #[test]
    fn docker_form() {
        insta::assert_snapshot!(print(Format::Docker, DefaultAction::Eperm));
    }

    #[test]
    fn operator_form() {
        insta::assert_snapshot!(print(Format::Spo, DefaultAction::Log));
    }

    /// Each call is in exactly one rule: allowed, or refused with ENOSYS.
    #[test]
    fn the_operator_is_told_what_gets_enosys() {
        let text = print(Format::SpoJson, DefaultAction::Errno);
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        let rules = object["spec"]["syscalls"].as_array().unwrap();
        let names = |index: usize| -> BTreeSet<&str> {
            rules[index]["names"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
        };
        assert_eq!((rules.len(), &rules[1]["errnoRet"]), (2, &38.into()));
        assert!(names(0).is_disjoint(&names(1)));
        let known: BTreeSet<_> = [Abi::Native, Abi::Compat]
            .iter()
            .flat_map(|abi| all(Arch::X86_64, *abi))
            .map(|(_, name)| name)
            .collect();
        assert_eq!(names(0).union(&names(1)).copied().collect::<BTreeSet<_>>(), known);
        assert!(object["spec"].get("defaultErrnoRet").is_none());
        let yaml = print(Format::Spo, DefaultAction::Errno);
        assert_eq!(yaml.lines().filter(|line| line.starts_with("    - ")).count(), known.len());
    }

    #[test]
    fn systemd_form() {
        let lines = |default| print(Format::Systemd, default);
        let allow = "SystemCallArchitectures=native x86\nSystemCallFilter=exit_group read write\n";
        assert_eq!(lines(DefaultAction::Errno), format!("{allow}SystemCallErrorNumber=ENOSYS\n"));
        assert_eq!(lines(DefaultAction::Eperm), format!("{allow}SystemCallErrorNumber=EPERM\n"));
        assert_eq!(lines(DefaultAction::Kill), allow);
        assert!(lines(DefaultAction::Log).ends_with("\nSystemCallLog=~exit_group read write\n"));
    }

    #[test]
    fn long_lists_go_on_in_the_next_line() {
        let names: BTreeSet<_> = all(Arch::X86_64, Abi::Native).map(|(_, name)| name).collect();
        let text = Format::Systemd
            .print(&Profile { names: names.clone(), ..profile(DefaultAction::Errno) }, "")
            .unwrap();
        assert!(text.lines().all(|line| line.len() <= 100), "{text}");
        let joined = text.replace(" \\\n    ", " ");
        let filter = joined.lines().find_map(|line| line.strip_prefix("SystemCallFilter=")).unwrap();
        assert_eq!(filter.split(' ').collect::<Vec<_>>(), Vec::from_iter(names));
    }

    #[test]
    fn actions() {
        for (default, action, errno) in [
            (DefaultAction::Errno, "SCMP_ACT_ERRNO", serde_json::json!(38)),
            (DefaultAction::Eperm, "SCMP_ACT_ERRNO", serde_json::json!(1)),
            (DefaultAction::Log, "SCMP_ACT_LOG", serde_json::Value::Null),
            (DefaultAction::Kill, "SCMP_ACT_KILL_PROCESS", serde_json::Value::Null),
        ] {
            for format in [Format::Oci, Format::Docker] {
                let object: serde_json::Value = serde_json::from_str(&print(format, default)).unwrap();
                assert_eq!((&object["defaultAction"], &object["defaultErrnoRet"]), (&action.into(), &errno));
            }
        }
    }

    #[test]
    fn names_of_objects() {
        for (text, name) in [
            ("web", "web"),
            ("Web_1.json", "web-1-json"),
            ("--", "profile"),
            ("", "profile"),
            ("é\n: x", "x"),
            ("1", "1"),
        ] {
            assert_eq!(object_name(text), name);
        }
        assert!(object_name(&"a-".repeat(99)).len() <= 63);
    }

    #[test]
    fn nothing_writes_an_empty_list() {
        let empty = Profile { names: BTreeSet::new(), ..profile(DefaultAction::Errno) };
        for format in Format::value_variants() {
            assert!(format.print(&empty, "x").is_err(), "{format:?}");
        }
    }
}
