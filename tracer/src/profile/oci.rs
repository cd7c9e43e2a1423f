//! The profile as runc, crun, docker, podman and the kubelet read it: `linux.seccomp` of the OCI
//! runtime specification,
//! <https://github.com/opencontainers/runtime-spec/blob/v1.2.0/config-linux.md#seccomp>.

use std::collections::BTreeSet;

use serde::ser::{Error, Serialize, SerializeStruct, Serializer};

use crate::batch::Arch;
use crate::event::Abi;

/// `ENOSYS`. A libc that gets it tries the older call (`clone3` -> `clone`, `openat2` -> `openat`); with
/// the default `EPERM` it gives up, and threads cannot be started.
const REFUSED: u16 = 38;

const DEFAULT_ACTION: &str = "SCMP_ACT_ERRNO";
const ALLOW: &str = "SCMP_ACT_ALLOW";

/// An allow-list. What is not in it fails with `ENOSYS`; a call of another ABI than those in
/// `architectures` kills the caller with `SIGSYS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The machine's own first.
    pub architectures: Vec<&'static str>,
    /// One list for all architectures: the format has no other.
    pub names: BTreeSet<&'static str>,
}

impl Profile {
    /// Pretty-printed and ended by a newline. The same profile gives the same bytes.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let mut json = serde_json::to_string_pretty(self)?;
        json.push('\n');
        Ok(json)
    }
}

impl Serialize for Profile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { architectures, names } = self;
        // The specification demands a name in every rule, and runtimes refuse one without.
        if names.is_empty() {
            return Err(S::Error::custom("a profile that allows no system call cannot be written"));
        }
        let mut object = serializer.serialize_struct("Profile", 4)?;
        object.serialize_field("defaultAction", DEFAULT_ACTION)?;
        object.serialize_field("defaultErrnoRet", &REFUSED)?;
        object.serialize_field("architectures", architectures)?;
        object.serialize_field("syscalls", &[Rule { names, action: ALLOW }])?;
        object.end()
    }
}

#[derive(serde::Serialize)]
struct Rule<'a> {
    names: &'a BTreeSet<&'static str>,
    action: &'static str,
}

/// libseccomp's name of an ABI; None: the machine has no such one.
pub const fn architecture(arch: Arch, abi: Abi) -> Option<&'static str> {
    match (arch, abi) {
        (Arch::X86_64, Abi::Native) => Some("SCMP_ARCH_X86_64"),
        (Arch::X86_64, Abi::Compat) => Some("SCMP_ARCH_X86"),
        (Arch::X86_64, Abi::X32) => Some("SCMP_ARCH_X32"),
        (Arch::Aarch64, Abi::Native) => Some("SCMP_ARCH_AARCH64"),
        (Arch::Aarch64, Abi::Compat) => Some("SCMP_ARCH_ARM"),
        (Arch::Aarch64, Abi::X32) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden() {
        let profile = Profile {
            architectures: vec!["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
            names: ["write", "read"].into(),
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
    }
  ]
}
"#;
        assert_eq!(profile.to_json().unwrap(), expected);
    }

    #[test]
    fn an_empty_list_is_refused() {
        let profile = Profile { architectures: vec![], names: BTreeSet::new() };
        assert!(profile.to_json().unwrap_err().to_string().contains("no system call"));
    }
}
