//! `ctrace profile` and what is below it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{Capabilities, Containers, MinimiseArgs, SurplusArgs, interval};
use crate::batch::Arch;
use crate::capability::Format as CapabilityFormat;
use crate::filter::Filter;
use crate::profile::{DefaultAction, Format, Phases, ServingAfter};

const PROFILE_EXAMPLES: &str = "\
Examples:
  sudo ctrace profile record -o web.json -- podman run --rm IMAGE
                                                 a profile of what IMAGE calls
  podman run --security-opt seccomp=web.json IMAGE
  sudo ctrace profile capabilities -- podman run --rm IMAGE
                                                 the capabilities that IMAGE needs
  ctrace profile show web.json                   why each call is in it
  ctrace profile check web.json today.ctrace     what it would have refused; exit code 6 if anything
  ctrace profile diff old.json web.json          exit code 6 if they differ
  ctrace profile merge a.json b.json -o web.json
  sudo ctrace profile surplus web                what the filter installed in `web` allows in vain
  ctrace profile minimise web.json -o less.json  podman's default without what it does not need";

#[derive(Debug, Subcommand)]
#[command(after_help = PROFILE_EXAMPLES)]
pub enum ProfileCommand {
    /// Record what containers call and write a profile for each
    Record(ProfileRecordArgs),
    /// Record which capabilities containers use, and write the set that each needs
    ///
    /// Takes Linux 6.14 or newer. Checks that decide nothing, such as those of memory accounting, are left out; so is what the runtime does
    /// before the program runs.
    Capabilities(CapabilitiesArgs),
    /// Write profiles from recordings
    Generate(GenerateArgs),
    /// What a profile allows, and why: the evidence beside it as a report
    Show(ShowArgs),
    /// What a profile would have refused, in a recording or live, without applying it
    ///
    /// Exit code 6 if there is anything that a container did and could not have done under the profile.
    Check(CheckArgs),
    /// How two profiles differ; exit code 6 if they do
    ///
    /// Lines begin with - (only in A), + (only in B) or ~ (in both, otherwise). Order, grouping and form make no
    /// difference.
    Diff(DiffArgs),
    /// One profile of several
    ///
    /// Evidence that lies beside them is merged as well.
    Merge(MergeArgs),
    /// What a container may call and does not use: of the filter installed in it, or of a profile
    ///
    /// Calls by which it reaches beyond itself come first. What runtimes call under the filter, and what depends on the
    /// moment, is no surplus. Exit code 6 if there is any.
    ///
    /// To read the filter, the first process of the container is stopped for a moment, and nothing in it is changed. If
    /// it sleeps in a call then, the kernel goes on with `restart_syscall`: under a filter that refuses this the sleep fails.
    Surplus(SurplusArgs),
    /// What a workload does not need of a larger profile, such as podman's default, and what beyond
    ///
    /// Nothing is added to the larger profile: what is left of it never allows more than it did. Exit code 6 if the
    /// workload needs something that it does not allow.
    #[command(alias = "minimize")]
    Minimise(MinimiseArgs),
}

/// How profiles are written.
#[derive(Args, Debug)]
pub struct Print {
    /// A file for one profile, a directory for several; NAME.evidence.json is put beside each
    #[arg(short = 'o', long, value_name = "OUT")]
    pub output: PathBuf,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// What becomes of calls that are not in the profile
    #[arg(long, value_enum, value_name = "ACTION", default_value_t)]
    pub default_action: DefaultAction,
    /// Write for this machine, x86_64, aarch64 or riscv64, instead of that of the recording: calls that it lacks
    /// are replaced by guesses, which the summary and the evidence mark as such
    #[arg(long, value_name = "ARCH", value_parser = machine)]
    pub arch: Option<Arch>,
    /// When a container's start-up is over and it serves, which the evidence tells for each call: at its first
    /// `listen` or `accept`, or after a time such as 30s without a call that it had not made before
    #[arg(long, value_name = "listen|D", default_value = "listen")]
    pub serving_after: ServingAfter,
    /// Calls of which phases are allowed
    #[arg(long, value_enum, default_value_t)]
    pub phase: Phases,
    /// Allow some calls (socket, clone, unshare, bpf, ..) only with the arguments that they were seen with, if they
    /// were made N times at least [default: 10] and with few different ones
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "10", require_equals = true,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub arguments: Option<u64>,
}

#[derive(Args, Debug)]
pub struct ProfileRecordArgs {
    #[command(flatten)]
    pub containers: Containers,
    /// End after this time instead of at Ctrl-C
    #[arg(long, value_name = "D", value_parser = interval)]
    pub duration: Option<Duration>,
    #[command(flatten)]
    pub print: Print,
    /// Record the containers that this command brings about, or the command itself if it starts none
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

const CAPABILITIES_EXAMPLES: &str = "\
Examples:
  sudo ctrace profile capabilities -- podman run --rm IMAGE
                                                 what IMAGE needs, as options of `podman run`
  sudo ctrace profile capabilities -- podman run --rm --cap-add=ALL IMAGE
                                                 the same, if it fails with the usual ones
  sudo ctrace profile capabilities web --duration 10m --format kubernetes -o web.yaml
                                                 of a container that runs; web.evidence.json says why";

#[derive(Args, Debug)]
#[command(after_help = CAPABILITIES_EXAMPLES)]
pub struct CapabilitiesArgs {
    #[command(flatten)]
    pub containers: Containers,
    /// End after this time instead of at Ctrl-C
    #[arg(long, value_name = "D", value_parser = interval)]
    pub duration: Option<Duration>,
    /// A file for one container, a directory for several, with NAME.evidence.json beside each [default: standard output]
    #[arg(short = 'o', long, value_name = "OUT")]
    pub output: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    pub format: CapabilityFormat,
    /// Record the containers that this command brings about, or the command itself if it starts none
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

#[derive(Args, Debug)]
pub struct GenerateArgs {
    /// Made by `ctrace record`
    #[arg(required = true, value_name = "RECORDING")]
    pub recordings: Vec<PathBuf>,
    /// key=value as for `ctrace top`
    #[arg(long = "filter", value_name = "KEY=VALUE")]
    pub filters: Vec<Filter>,
    #[command(flatten)]
    pub print: Print,
}

#[derive(Args, Debug)]
pub struct ShowArgs {
    /// In OCI or Docker form
    pub profile: PathBuf,
}

#[derive(Args, Debug)]
pub struct CheckArgs {
    /// In OCI or Docker form, such as /usr/share/containers/seccomp.json
    pub profile: PathBuf,
    /// Recordings made by `ctrace record`, or containers that run; without any, all containers that run
    #[arg(value_name = "RECORDING|CONTAINER")]
    pub of: Vec<String>,
    /// key=value as for `ctrace top`
    #[arg(long = "filter", value_name = "KEY=VALUE")]
    pub filters: Vec<Filter>,
    /// Live: end after this time instead of at Ctrl-C
    #[arg(long, value_name = "D", value_parser = interval)]
    pub duration: Option<Duration>,
    #[command(flatten)]
    pub capabilities: Capabilities,
}

#[derive(Args, Debug)]
pub struct DiffArgs {
    pub a: PathBuf,
    pub b: PathBuf,
}

#[derive(Args, Debug)]
pub struct MergeArgs {
    #[arg(required = true, value_name = "PROFILE")]
    pub profiles: Vec<PathBuf>,
    /// Allow only what all of them allow, instead of what any of them allows
    #[arg(long)]
    pub intersection: bool,
    /// The merged profile, in OCI form
    #[arg(short = 'o', long, value_name = "OUT")]
    pub output: PathBuf,
}

/// The kernel's name of a machine, or Go's.
fn machine(text: &str) -> Result<Arch, String> {
    match text {
        "x86_64" | "amd64" => Ok(Arch::X86_64),
        "aarch64" | "arm64" => Ok(Arch::Aarch64),
        "riscv64" => Ok(Arch::Riscv64),
        _ => Err("expected x86_64, aarch64 or riscv64".to_owned()),
    }
}

/// With or without `CAP_`, as docker and podman take it.
pub(super) fn capability(text: &str) -> Result<String, String> {
    let name = text.to_ascii_uppercase();
    let name = name.strip_prefix("CAP_").unwrap_or(&name);
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
        return Err("expected a capability such as CAP_SYS_PTRACE".to_owned());
    }
    Ok(format!("CAP_{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_and_capabilities() {
        assert_eq!(
            [machine("amd64"), machine("aarch64"), machine("riscv64")],
            [Ok(Arch::X86_64), Ok(Arch::Aarch64), Ok(Arch::Riscv64)]
        );
        assert!(machine("mips").is_err());
        for text in ["CAP_BPF", "bpf", "Cap_Bpf"] {
            assert_eq!(capability(text), Ok("CAP_BPF".to_owned()));
        }
        for wrong in ["", "CAP_", "a b", "42"] {
            assert!(capability(wrong).is_err(), "{wrong}");
        }
    }
}
