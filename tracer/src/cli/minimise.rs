//! `ctrace profile surplus` and `minimise`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::interval;
use super::profile::capability;
use crate::filter::Filter;

const SURPLUS_EXAMPLES: &str = "\
Examples:
  sudo ctrace profile surplus web --duration 10m the filter of `web`, after ten minutes of watching
  sudo ctrace profile surplus web today.ctrace   the same, after what `web` did in a recording
  ctrace profile surplus web.json today.ctrace   a profile; takes no privileges
  ctrace profile surplus web.json today.ctrace --powerful
                                                 only calls that reach beyond the container";

#[derive(Args, Debug)]
#[command(after_help = SURPLUS_EXAMPLES)]
pub struct SurplusArgs {
    /// A container that runs, by its name or the beginning of its id; or a profile, in OCI or Docker form
    #[arg(value_name = "CONTAINER|PROFILE")]
    pub of: String,
    /// Made by `ctrace record`; without any, the container is watched until Ctrl-C
    #[arg(value_name = "RECORDING")]
    pub recordings: Vec<PathBuf>,
    /// Of recordings, only these containers: key=value as for `ctrace top`
    #[arg(long = "filter", value_name = "KEY=VALUE")]
    pub filters: Vec<Filter>,
    /// Watch the container for this time instead of until Ctrl-C
    #[arg(long, value_name = "D", value_parser = interval, conflicts_with = "recordings")]
    pub duration: Option<Duration>,
    /// Only calls by which a container reaches beyond itself: mounts, other processes, the kernel
    #[arg(long)]
    pub powerful: bool,
    #[command(flatten)]
    pub capabilities: Capabilities,
    #[arg(long, value_enum, default_value_t = TextOrJson::Text)]
    pub format: TextOrJson,
}

const MINIMISE_EXAMPLES: &str = "\
Examples:
  ctrace profile minimise web.json               against the default profile of the podman here
  ctrace profile minimise web.json --against docker-default.json -o less.json
                                                 and write what is left of it
  ctrace profile minimise web.json --cap-drop NET_RAW --cap-drop MKNOD --cap-drop AUDIT_WRITE
                                                 for podman's 11 default capabilities";

#[derive(Args, Debug)]
#[command(after_help = MINIMISE_EXAMPLES)]
pub struct MinimiseArgs {
    /// Of the workload, made by `ctrace profile record` or `generate`
    pub profile: PathBuf,
    /// The larger profile, in OCI or Docker form: `podman` for the default profile of the podman that is installed,
    /// or a file. Docker keeps its own inside its daemon; its file is `seccomp/default.json` of github.com/moby/profiles
    #[arg(long, value_name = "podman|FILE", default_value = "podman")]
    pub against: String,
    /// Write what is left of the larger profile, in OCI form, for this machine and these capabilities
    #[arg(short = 'o', long, value_name = "OUT")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub capabilities: Capabilities,
    #[arg(long, value_enum, default_value_t = TextOrJson::Text)]
    pub format: TextOrJson,
}

/// Of containers, on which rules of Docker's form depend.
#[derive(Args, Debug)]
pub struct Capabilities {
    /// The container has this capability besides those that Docker gives: some rules of profiles ask for it
    #[arg(long, value_name = "CAP", value_parser = capability)]
    pub cap_add: Vec<String>,
    /// The container lacks this capability
    #[arg(long, value_name = "CAP", value_parser = capability)]
    pub cap_drop: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TextOrJson {
    Text,
    Json,
}
