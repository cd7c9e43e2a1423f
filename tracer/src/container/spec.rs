//! The OCI runtime spec, `config.json` in a container's bundle.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Deserializer};

use super::state::{Root, StateError};

#[derive(Debug, Default, Deserialize)]
pub struct Spec {
    #[serde(default, deserialize_with = "null_is_none")]
    pub annotations: BTreeMap<String, String>,
    #[serde(default)]
    pub linux: Linux,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Linux {
    /// None: the runtime's choice.
    pub cgroups_path: Option<String>,
}

pub fn read(root: &Root, file: &Path) -> Result<Spec, StateError> {
    root.json(file)
}

/// Go writes an absent map as `null`.
fn null_is_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
