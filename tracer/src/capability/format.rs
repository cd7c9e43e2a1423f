//! A set of capabilities in the forms that different consumers read.

use clap::ValueEnum;
use serde_json::json;

use super::{Evidence, Needs};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Options of `docker run`.
    #[default]
    Docker,
    /// Options of `podman run`.
    Podman,
    /// A container's securityContext, YAML.
    Kubernetes,
    /// `process.capabilities` of an OCI configuration, JSON.
    Oci,
    /// Lines for the [Service] section of a systemd unit.
    Systemd,
    /// The evidence: every check and its reason.
    Json,
}

impl Format {
    /// Of a file in this form.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Docker | Self::Podman => "txt",
            Self::Kubernetes => "yaml",
            Self::Oci | Self::Json => "json",
            Self::Systemd => "conf",
        }
    }

    /// Whether a line can begin with `#` to say whose set follows.
    pub const fn has_comments(self) -> bool {
        !matches!(self, Self::Oci | Self::Json)
    }

    /// Ends with a newline.
    pub fn print(self, needs: &Needs, evidence: &Evidence) -> serde_json::Result<String> {
        let full = needs.names();
        let short: Vec<&str> = full.iter().map(|name| name.trim_start_matches("CAP_")).collect();
        Ok(match self {
            Self::Docker | Self::Podman => {
                let added = short.iter().map(|name| format!(" --cap-add={name}"));
                format!("--cap-drop=ALL{}\n", added.collect::<String>())
            }
            Self::Kubernetes => {
                let added: Vec<String> = short.iter().map(|name| format!("\"{name}\"")).collect();
                let added = added.join(", ");
                format!("securityContext:\n  capabilities:\n    drop: [\"ALL\"]\n    add: [{added}]\n")
            }
            Self::Oci => pretty(&json!({"process": {"capabilities": {
                "bounding": full, "effective": full, "permitted": full, "inheritable": [], "ambient": [],
            }}}))?,
            // An empty list is an empty set, not the default.
            Self::Systemd => format!("CapabilityBoundingSet={}\n", full.join(" ")),
            Self::Json => evidence.to_json()?,
        })
    }
}

/// Ended by a newline.
pub(super) fn pretty(value: &impl serde::Serialize) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    Ok(text)
}
