//! A profile as somebody wrote it: the OCI form, and what Docker and podman add to it.
//!
//! A member that is not known is an error. Runtimes pass over it, and a mistyped name then silently
//! does nothing.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::syscall::errno;
use crate::text::safe;

/// Longer than any profile: Docker's default has 14 kB.
pub const MAX_BYTES: u64 = 4 << 20;

/// The kernel cuts a larger one down to it,
/// <https://github.com/torvalds/linux/blob/v6.12/kernel/seccomp.c>.
const MAX_ERRNO: u32 = 4095;

/// What is wrong with a profile, where and what to do. One line, safe to print.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Problem(pub String);

/// As read; what it means on a machine tells a [`super::Matcher`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct File {
    pub default_action: Action,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_errno_ret: Option<u32>,
    /// By name, podman's; it has precedence.
    #[serde(default, skip_serializing)]
    pub(super) default_errno: Option<String>,
    /// None: the machine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architectures: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch_map: Option<Vec<ArchMap>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flags: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener_path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener_metadata: Option<String>,
    #[serde(default)]
    pub syscalls: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArchMap {
    pub architecture: String,
    #[serde(default)]
    pub sub_architectures: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    #[serde(default)]
    pub names: Vec<String>,
    /// Docker's older form of `names`.
    #[serde(default, skip_serializing)]
    name: Option<String>,
    pub action: Action,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errno_ret: Option<u32>,
    #[serde(default, skip_serializing)]
    errno: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Vec<Condition>>,
    #[serde(default, skip_serializing)]
    comment: Option<String>,
    #[serde(default, skip_serializing)]
    pub includes: Option<When>,
    #[serde(default, skip_serializing)]
    pub excludes: Option<When>,
}

/// Of one argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Condition {
    pub index: u32,
    /// With [`Op::MaskedEq`] the mask.
    pub value: u64,
    #[serde(default)]
    pub value_two: u64,
    pub op: Op,
}

/// In which containers, on which machines a rule counts; Docker's and podman's.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct When {
    #[serde(default)]
    pub caps: Option<Vec<String>>,
    /// Names of Go: `amd64`.
    #[serde(default)]
    pub arches: Option<Vec<String>>,
    /// `4.8`
    #[serde(default)]
    pub min_kernel: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Action {
    #[serde(rename = "SCMP_ACT_KILL")]
    Kill,
    #[serde(rename = "SCMP_ACT_KILL_PROCESS")]
    KillProcess,
    #[serde(rename = "SCMP_ACT_KILL_THREAD")]
    KillThread,
    #[serde(rename = "SCMP_ACT_TRAP")]
    Trap,
    #[default]
    #[serde(rename = "SCMP_ACT_ERRNO")]
    Errno,
    #[serde(rename = "SCMP_ACT_TRACE")]
    Trace,
    #[serde(rename = "SCMP_ACT_ALLOW")]
    Allow,
    #[serde(rename = "SCMP_ACT_LOG")]
    Log,
    #[serde(rename = "SCMP_ACT_NOTIFY")]
    Notify,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Op {
    #[serde(rename = "SCMP_CMP_NE")]
    Ne,
    #[serde(rename = "SCMP_CMP_LT")]
    Lt,
    #[serde(rename = "SCMP_CMP_LE")]
    Le,
    #[serde(rename = "SCMP_CMP_EQ")]
    Eq,
    #[serde(rename = "SCMP_CMP_GE")]
    Ge,
    #[serde(rename = "SCMP_CMP_GT")]
    Gt,
    #[serde(rename = "SCMP_CMP_MASKED_EQ")]
    MaskedEq,
}

impl Op {
    /// libseccomp's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ne => "SCMP_CMP_NE",
            Self::Lt => "SCMP_CMP_LT",
            Self::Le => "SCMP_CMP_LE",
            Self::Eq => "SCMP_CMP_EQ",
            Self::Ge => "SCMP_CMP_GE",
            Self::Gt => "SCMP_CMP_GT",
            Self::MaskedEq => "SCMP_CMP_MASKED_EQ",
        }
    }
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Effect {
    pub action: Action,
    /// Of [`Action::Errno`] and [`Action::Trace`].
    pub errno: Option<u32>,
}

impl Effect {
    /// EPERM where nothing is said.
    pub const fn new(action: Action, errno: Option<u32>) -> Self {
        let errno = match (action, errno) {
            (Action::Errno, None) => Some(1),
            (Action::Errno | Action::Trace, errno) => errno,
            _ => None,
        };
        Self { action, errno }
    }
}

impl File {
    /// From the text of a file, checked. Afterwards every rule has `names`, and errors are numbers.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let mut file: Self = serde_json::from_str(text).map_err(|error| {
            let why = error.to_string();
            Problem(format!("not a seccomp profile in OCI or Docker form: {}", safe(&why)))
        })?;
        file.check()?;
        Ok(file)
    }

    pub fn default_effect(&self) -> Effect {
        Effect::new(self.default_action, self.default_errno_ret)
    }

    /// Of calls that are let through, if perhaps not with all arguments.
    pub fn allowed_names(&self) -> BTreeSet<&str> {
        let allowing = self.syscalls.iter().filter(|rule| matches!(rule.action, Action::Allow | Action::Log));
        allowing.flat_map(|rule| &rule.names).map(String::as_str).collect()
    }

    fn check(&mut self) -> Result<(), Problem> {
        let by_name = named("defaultErrno", self.default_errno.take())?;
        self.default_errno_ret = by_name.or(self.default_errno_ret);
        errno_fits("defaultErrnoRet", self.default_action, self.default_errno_ret, true)?;
        if self.architectures.as_ref().is_some_and(|list| !list.is_empty())
            && self.arch_map.as_ref().is_some_and(|list| !list.is_empty())
        {
            return problem("archMap", "stands beside `architectures`; keep one of them");
        }
        let listed = self.architectures.iter().flatten();
        let mapped =
            self.arch_map.iter().flatten().flat_map(|map| {
                [&map.architecture].into_iter().chain(map.sub_architectures.iter().flatten())
            });
        for name in listed.chain(mapped) {
            if !ARCHITECTURES.contains(&name.as_str()) {
                let why = format!("`{}` is none; one of {}", short(name), ARCHITECTURES.join(", "));
                return problem("architectures", &why);
            }
        }
        for flag in self.flags.iter().flatten() {
            if !FLAGS.contains(&flag.as_str()) {
                let why = format!("`{}` is none; one of {}", short(flag), FLAGS.join(", "));
                return problem("flags", &why);
            }
        }
        if self.listener_metadata.is_some() && self.listener_path.is_none() {
            return problem("listenerMetadata", "needs a `listenerPath`");
        }
        for (index, rule) in self.syscalls.iter_mut().enumerate() {
            rule.check(&format!("syscalls[{index}]"))?;
        }
        Ok(())
    }
}

impl Rule {
    pub fn new(names: Vec<String>, effect: Effect, args: Option<Vec<Condition>>) -> Self {
        let Effect { action, errno } = effect;
        Self {
            names,
            name: None,
            action,
            errno_ret: errno,
            errno: None,
            args,
            comment: None,
            includes: None,
            excludes: None,
        }
    }

    pub fn effect(&self) -> Effect {
        Effect::new(self.action, self.errno_ret)
    }

    fn check(&mut self, place: &str) -> Result<(), Problem> {
        if let Some(name) = self.name.take().filter(|name| !name.is_empty()) {
            if !self.names.is_empty() {
                return problem(place, "has both `name` and `names`; keep `names`");
            }
            self.names.push(name);
        }
        if self.names.is_empty() {
            return problem(&format!("{place}.names"), "is empty; runtimes demand a name in each rule");
        }
        for name in &self.names {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
                return problem(
                    &format!("{place}.names"),
                    &format!("`{}` is no name of a system call; write them as in `openat`", short(name)),
                );
            }
        }
        let by_name = named(&format!("{place}.errno"), self.errno.take())?;
        self.errno_ret = by_name.or(self.errno_ret);
        errno_fits(&format!("{place}.errnoRet"), self.action, self.errno_ret, false)?;
        for (index, condition) in self.args.iter().flatten().enumerate() {
            if condition.index > 5 {
                let why = format!("{} is too much; a call has the arguments 0 to 5", condition.index);
                return problem(&format!("{place}.args[{index}].index"), &why);
            }
        }
        for (member, when) in [("includes", &self.includes), ("excludes", &self.excludes)] {
            let Some(text) = when.as_ref().and_then(|when| when.min_kernel.as_deref()) else { continue };
            if kernel(text).is_none() {
                let why = format!("`{}` is no version; write it as in `4.8`", short(text));
                return problem(&format!("{place}.{member}.minKernel"), &why);
            }
        }
        Ok(())
    }
}

/// `6.12` and `6.12.1-amd64` alike.
pub fn kernel(text: &str) -> Option<(u32, u32)> {
    let (major, rest) = text.split_once('.')?;
    let minor = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn named(place: &str, name: Option<String>) -> Result<Option<u32>, Problem> {
    let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(None) };
    match errno::number(&name) {
        Some(number) => Ok(Some(number.into())),
        None => problem(place, &format!("`{}` is no error; write it as in `ENOSYS`", short(&name))),
    }
}

/// Runtimes refuse an error number beside a default action that has none. In rules podman's own
/// default profile has it.
fn errno_fits(place: &str, action: Action, errno: Option<u32>, strict: bool) -> Result<(), Problem> {
    let takes = matches!(action, Action::Errno | Action::Trace);
    match errno {
        Some(errno) if errno > MAX_ERRNO => {
            problem(place, &format!("{errno} is too much; errors are at most {MAX_ERRNO}"))
        }
        Some(_) if strict && !takes => problem(place, "goes with SCMP_ACT_ERRNO and SCMP_ACT_TRACE only"),
        _ => Ok(()),
    }
}

fn problem<T>(place: &str, why: &str) -> Result<T, Problem> {
    Err(Problem(format!("{place}: {why}")))
}

fn short(text: &str) -> String {
    safe(&text.chars().take(64).collect::<String>()).into_owned()
}

/// <https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config-linux.md#seccomp>
const ARCHITECTURES: &[&str] = &[
    "SCMP_ARCH_X86",
    "SCMP_ARCH_X86_64",
    "SCMP_ARCH_X32",
    "SCMP_ARCH_ARM",
    "SCMP_ARCH_AARCH64",
    "SCMP_ARCH_LOONGARCH64",
    "SCMP_ARCH_M68K",
    "SCMP_ARCH_MIPS",
    "SCMP_ARCH_MIPS64",
    "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",
    "SCMP_ARCH_MIPSEL64",
    "SCMP_ARCH_MIPSEL64N32",
    "SCMP_ARCH_PARISC",
    "SCMP_ARCH_PARISC64",
    "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",
    "SCMP_ARCH_PPC64LE",
    "SCMP_ARCH_RISCV64",
    "SCMP_ARCH_S390",
    "SCMP_ARCH_S390X",
    "SCMP_ARCH_SH",
    "SCMP_ARCH_SHEB",
];

const FLAGS: &[&str] = &[
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> String {
        File::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn podmans_additions_are_understood() {
        let file = File::parse(
            r#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"defaultErrno":"ENOSYS",
                "archMap":[{"architecture":"SCMP_ARCH_RISCV64","subArchitectures":null}],
                "syscalls":[{"name":"bpf","action":"SCMP_ACT_ERRNO","args":null,"comment":"no",
                             "includes":{},"excludes":{"caps":["CAP_BPF"]},"errnoRet":1,"errno":"EINVAL"}]}"#,
        )
        .unwrap();
        assert_eq!(file.default_effect().errno, Some(38));
        assert_eq!(file.syscalls[0].names, ["bpf"]);
        assert_eq!(file.syscalls[0].effect().errno, Some(22));
    }

    #[test]
    fn errors_say_where_and_what_to_do() {
        let rule =
            |rule: &str| refused(&format!(r#"{{"defaultAction":"SCMP_ACT_LOG","syscalls":[{rule}]}}"#));
        for (got, place, fix) in [
            (refused(""), "line 1 column 0", "not a seccomp profile"),
            (refused("[1]"), "line 1", "not a seccomp profile"),
            (refused("{\n\"defaultErrnoret\": 1}"), "line 2", "expected one of"),
            (refused(r#"{"defaultAction":"SCMP_ACT_DENY"}"#), "SCMP_ACT_DENY", "expected one of"),
            (
                refused(r#"{"defaultAction":"SCMP_ACT_LOG","defaultErrnoRet":1}"#),
                "defaultErrnoRet",
                "goes with",
            ),
            (refused(r#"{"defaultAction":"SCMP_ACT_LOG","architectures":["X"]}"#), "architectures", "one of"),
            (refused(r#"{"defaultAction":"SCMP_ACT_LOG","flags":["X"]}"#), "flags", "one of"),
            (
                refused(r#"{"defaultAction":"SCMP_ACT_LOG","listenerMetadata":"x"}"#),
                "listenerMetadata",
                "listenerPath",
            ),
            (
                refused(
                    r#"{"defaultAction":"SCMP_ACT_LOG","architectures":["SCMP_ARCH_X86"],
                        "archMap":[{"architecture":"SCMP_ARCH_X86"}]}"#,
                ),
                "archMap",
                "keep one",
            ),
            (rule(r#"{"names":[],"action":"SCMP_ACT_ALLOW"}"#), "syscalls[0].names", "demand a name"),
            (rule(r#"{"names":["Open"],"action":"SCMP_ACT_ALLOW"}"#), "syscalls[0].names", "as in"),
            (rule(r#"{"name":"a","names":["b"],"action":"SCMP_ACT_ALLOW"}"#), "syscalls[0]", "keep `names`"),
            (
                rule(r#"{"names":["a"],"action":"SCMP_ACT_ERRNO","errno":"EFOO"}"#),
                "syscalls[0].errno",
                "ENOSYS",
            ),
            (
                rule(r#"{"names":["a"],"action":"SCMP_ACT_ERRNO","errnoRet":4096}"#),
                "syscalls[0].errnoRet",
                "at most 4095",
            ),
            (
                rule(
                    r#"{"names":["a"],"action":"SCMP_ACT_ALLOW",
                        "args":[{"index":6,"value":0,"op":"SCMP_CMP_EQ"}]}"#,
                ),
                "syscalls[0].args[0].index",
                "0 to 5",
            ),
            (
                rule(r#"{"names":["a"],"action":"SCMP_ACT_ALLOW","excludes":{"minKernel":"four"}}"#),
                "syscalls[0].excludes.minKernel",
                "4.8",
            ),
        ] {
            assert!(got.contains(place) && got.contains(fix), "{got}");
        }
    }

    #[test]
    fn what_is_wrong_is_not_printed_raw() {
        for text in [
            r#"{"defaultAction":"\u001b[2J"}"#,
            r#"{"\u001b[2J":1}"#,
            r#"{"defaultAction":"SCMP_ACT_LOG","syscalls":[{"names":["\u001b[2J"],"action":"SCMP_ACT_LOG"}]}"#,
            r#"{"defaultAction":"SCMP_ACT_LOG","flags":["\u001b[2J"]}"#,
        ] {
            assert!(!refused(text).contains('\x1b'), "{text}");
        }
        refused(&"[".repeat(100_000));
        refused(&"{\"syscalls\":[".repeat(100_000));
    }

    #[test]
    fn versions() {
        assert_eq!(kernel("4.8"), Some((4, 8)));
        assert_eq!(kernel("6.12.1-amd64"), Some((6, 12)));
        for wrong in ["", "6", "six.one", "6.", "-1.2", ".5"] {
            assert_eq!(kernel(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in ".{0,200}") {
            let _ = File::parse(&text);
        }

        #[test]
        fn what_was_read_reads_again(errno in 0_u32..=4095, value: u64, index in 0_u32..6) {
            let condition = Condition { index, value, value_two: !value, op: Op::MaskedEq };
            let effect = Effect::new(Action::Errno, Some(errno));
            let file = File {
                default_action: Action::Allow,
                syscalls: vec![Rule::new(vec!["openat".into()], effect, Some(vec![condition]))],
                ..File::default()
            };
            prop_assert_eq!(File::parse(&serde_json::to_string(&file).unwrap()).unwrap(), file);
        }
    }
}
