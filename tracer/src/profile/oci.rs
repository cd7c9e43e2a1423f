//! The profile as runc, crun, docker, podman and the kubelet read it: `linux.seccomp` of the OCI
//! runtime specification,
//! <https://github.com/opencontainers/runtime-spec/blob/v1.2.0/config-linux.md#seccomp>.

use std::borrow::Cow;
use std::collections::BTreeSet;

use clap::ValueEnum;
use serde::Serialize;
use serde::ser::{Error, SerializeStruct, Serializer};

use super::arguments::{Conditions, Rules};
use super::fallback;
use crate::batch::Arch;
use crate::event::Abi;

const ERRNO: &str = "SCMP_ACT_ERRNO";
const ALLOW: &str = "SCMP_ACT_ALLOW";

/// What becomes of a call that is not in the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DefaultAction {
    /// It fails with ENOSYS, and libraries try the older call.
    // `clone3` -> `clone`, `openat2` -> `openat`. With EPERM they give up, and threads cannot be started.
    #[default]
    Errno,
    /// It fails with EPERM, from which many programs do not recover.
    Eperm,
    /// It is made, and the kernel logs it.
    Log,
    /// The process is killed.
    Kill,
}

impl DefaultAction {
    /// As the specification calls it, and the error number that goes with it.
    pub const fn action(self) -> (&'static str, Option<u16>) {
        match self {
            Self::Errno => (ERRNO, Some(38)),
            Self::Eperm => (ERRNO, Some(1)),
            Self::Log => ("SCMP_ACT_LOG", None),
            Self::Kill => ("SCMP_ACT_KILL_PROCESS", None),
        }
    }
}

/// An allow-list. A call of another ABI than those listed kills the caller with `SIGSYS`, whatever the
/// default action says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub default: DefaultAction,
    /// The machine that it is for.
    pub arch: Arch,
    pub abis: BTreeSet<Abi>,
    /// One list for all ABIs: the format has no other.
    pub names: BTreeSet<&'static str>,
    /// Of these, the ones that are allowed with some arguments only.
    pub conditions: Rules,
}

impl Profile {
    /// Pretty-printed and ended by a newline. The same profile gives the same bytes.
    pub fn to_json(&self) -> serde_json::Result<String> {
        pretty(self)
    }

    /// What is allowed, and what is refused as everything else is, but by name: for those who do not know the default's errno.
    pub(super) fn rules(&self) -> Vec<Rule<'_>> {
        let mut rules = Vec::new();
        let free = self.unconditional();
        if !free.is_empty() {
            rules.push(Rule { names: free, action: ALLOW, errno_ret: None, args: None });
        }
        for (name, alternatives) in &self.conditions {
            rules.extend(alternatives.iter().map(|args| Rule {
                names: Cow::Owned([*name].into()),
                action: ALLOW,
                errno_ret: None,
                args: Some(args),
            }));
        }
        let refused = fallback::refused(&self.names);
        if self.default == DefaultAction::Errno && !refused.is_empty() {
            let (action, errno_ret) = self.default.action();
            rules.push(Rule { names: Cow::Owned(refused), action, errno_ret, args: None });
        }
        rules
    }

    /// What is allowed with any arguments.
    pub(super) fn unconditional(&self) -> Cow<'_, BTreeSet<&'static str>> {
        if self.conditions.is_empty() {
            return Cow::Borrowed(&self.names);
        }
        let free = self.names.iter().filter(|name| !self.conditions.contains_key(*name));
        Cow::Owned(free.copied().collect())
    }

    /// libseccomp's names of the ABIs, the machine's own first.
    pub fn architectures(&self) -> Vec<&'static str> {
        self.abis.iter().filter_map(|abi| architecture(self.arch, *abi)).collect()
    }
}

pub(super) fn pretty(value: &impl Serialize) -> serde_json::Result<String> {
    let mut json = serde_json::to_string_pretty(value)?;
    json.push('\n');
    Ok(json)
}

impl Serialize for Profile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { default, names, .. } = self;
        some(names)?;
        let (action, errno) = default.action();
        let mut object = serializer.serialize_struct("Profile", 3 + usize::from(errno.is_some()))?;
        object.serialize_field("defaultAction", action)?;
        if let Some(errno) = errno {
            object.serialize_field("defaultErrnoRet", &errno)?;
        }
        object.serialize_field("architectures", &self.architectures())?;
        object.serialize_field("syscalls", &self.rules())?;
        object.end()
    }
}

/// The specification demands a name in every rule, and runtimes refuse one without.
pub(super) fn some<E: Error>(names: &BTreeSet<&str>) -> Result<(), E> {
    if names.is_empty() {
        return Err(E::custom("a profile that allows no system call cannot be written"));
    }
    Ok(())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule<'a> {
    names: Cow<'a, BTreeSet<&'static str>>,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errno_ret: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<&'a Conditions>,
}

/// libseccomp's name of an ABI; None: the machine has no such one.
pub const fn architecture(arch: Arch, abi: Abi) -> Option<&'static str> {
    match (arch, abi) {
        (Arch::X86_64, Abi::Native) => Some("SCMP_ARCH_X86_64"),
        (Arch::X86_64, Abi::Compat) => Some("SCMP_ARCH_X86"),
        (Arch::X86_64, Abi::X32) => Some("SCMP_ARCH_X32"),
        (Arch::Aarch64, Abi::Native) => Some("SCMP_ARCH_AARCH64"),
        (Arch::Aarch64, Abi::Compat) => Some("SCMP_ARCH_ARM"),
        (Arch::Riscv64, Abi::Native) => Some("SCMP_ARCH_RISCV64"),
        (Arch::Aarch64, Abi::X32) | (Arch::Riscv64, Abi::Compat | Abi::X32) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden() {
        let profile = Profile {
            default: DefaultAction::Errno,
            arch: Arch::X86_64,
            abis: [Abi::Compat, Abi::Native].into(),
            names: ["write", "read"].into(),
            conditions: Rules::new(),
        };
        let expected = r#"{
  "defaultAction": "SCMP_ACT_ERRNO",
  "defaultErrnoRet": 38,
  "architectures": [
    "SCMP_ARCH_X86_64",
    "SCMP_ARCH_X86"
  ],
  "syscalls": [
    {
      "names": [
        "read",
        "write"
      ],
      "action": "SCMP_ACT_ALLOW"
    },
    {
      "names": [
        "clone3",
        "close_range",
        "copy_file_range",
        "epoll_pwait2",
        "faccessat2",
        "fchmodat2",
        "futex_waitv",
        "openat2",
        "pidfd_open",
        "preadv2",
        "pwritev2",
        "renameat2",
        "statx"
      ],
      "action": "SCMP_ACT_ERRNO",
      "errnoRet": 38
    }
  ]
}
"#;
        assert_eq!(profile.to_json().unwrap(), expected);
    }

    #[test]
    fn an_empty_list_is_refused() {
        let profile = Profile {
            default: DefaultAction::Kill,
            arch: Arch::X86_64,
            abis: BTreeSet::new(),
            names: BTreeSet::new(),
            conditions: Rules::new(),
        };
        assert!(profile.to_json().unwrap_err().to_string().contains("no system call"));
    }
}
