//! Building with cargo, and asking it what came of it: only cargo knows where its target folder is.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command::output;
use crate::{root, toolchain};

#[derive(Debug, PartialEq, Eq)]
pub struct Executable {
    pub path: PathBuf,
    /// The folder of its package, in which cargo runs tests.
    pub package: PathBuf,
    pub is_test: bool,
}

/// Runs cargo with these words and returns the programs that it made.
pub fn build(words: &[&str]) -> Result<Vec<Executable>> {
    let mut command = Command::new(toolchain::cargo());
    command.args(words).arg("--message-format=json-render-diagnostics").current_dir(root());
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} ended with {}", output.status);
    }
    Ok(executables(&String::from_utf8_lossy(&output.stdout)))
}

/// The target folder.
pub fn target() -> Result<PathBuf> {
    let mut command = Command::new(toolchain::cargo());
    command.args(["metadata", "--no-deps", "--format-version=1"]).current_dir(root());
    let metadata: Value =
        serde_json::from_str(&output(&mut command)?).context("cargo metadata is not JSON")?;
    let folder = metadata.get("target_directory").and_then(Value::as_str);
    Ok(folder.context("cargo metadata has no target_directory")?.into())
}

/// Of cargo's messages, a JSON object a line.
/// <https://doc.rust-lang.org/cargo/reference/external-tools.html#artifact-messages>
fn executables(messages: &str) -> Vec<Executable> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages
        .filter_map(|message| {
            Some(Executable {
                path: message.get("executable")?.as_str()?.into(),
                package: Path::new(message.get("manifest_path")?.as_str()?).parent()?.into(),
                is_test: message.pointer("/profile/test")?.as_bool()?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_found_among_cargos_messages() {
        let messages = r#"
{"reason":"compiler-artifact","manifest_path":"/r/serde/Cargo.toml","profile":{"test":false},"executable":null}
not json
{"reason":"compiler-artifact","manifest_path":"/w/tracer/Cargo.toml","profile":{"test":true},"executable":"/t/deps/json-1"}
{"reason":"build-finished","success":true}
"#;
        let json = Executable { path: "/t/deps/json-1".into(), package: "/w/tracer".into(), is_test: true };
        assert_eq!(executables(messages), [json]);
        assert_eq!(executables(""), []);
    }
}
