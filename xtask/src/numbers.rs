//! The table in the documentation of how many calls profiles allow: what the tests have counted, each in a file of its
//! own (`tests/privileged/profiles/numbers.rs`).

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::build::target;
use crate::privileged;
use crate::report::say;
use crate::root;
use crate::test::ALL_PROFILES;

const DOCUMENT: &str = "docs/profile-numbers.md";
const BEGIN: &str = "<!-- Made by `cargo xtask profile-numbers` -->\n";
const END: &str = "<!-- end -->\n";
const TESTS: &str = "profiles::numbers::";

/// Runs the tests that count, and writes the table.
pub fn run() -> Result<()> {
    let folder = folder()?;
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut not_run = Vec::new();
    privileged::test(&[TESTS.to_owned()], Some(ALL_PROFILES), &mut not_run)?;
    for missing in &not_run {
        say(&format!("NOT RUN  {}: {}\n", missing.test, missing.reason));
    }
    if !not_run.is_empty() {
        bail!("the table would lack rows: `cargo xtask test` sets the machine up");
    }
    let path = root().join(DOCUMENT);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let new = replace(&text, &table(&found()?)?)?;
    fs::write(&path, new).with_context(|| format!("cannot write {}", path.display()))
}

fn folder() -> Result<PathBuf> {
    Ok(target()?.join("tmp/numbers"))
}

fn found() -> Result<Vec<Value>> {
    let folder = folder()?;
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let read = |path: PathBuf| {
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is not JSON", path.display()))
    };
    entries.map(|entry| read(entry?.path())).collect()
}

/// The document with another table.
fn replace(text: &str, table: &str) -> Result<String> {
    let markers = || format!("{DOCUMENT} must have {BEGIN} and {END}");
    let (before, rest) = text.split_once(BEGIN).with_context(markers)?;
    let (_, after) = rest.split_once(END).with_context(markers)?;
    Ok([before, BEGIN, table, END, after].concat())
}

fn table(found: &[Value]) -> Result<String> {
    let mut rows =
        found.iter().map(row).collect::<Option<Vec<_>>>().context("a test wrote what is no row")?;
    rows.sort_unstable();
    let first = found.first().context("no test has counted anything")?;
    let version = |key: &str| first.get(key).and_then(Value::as_str).unwrap_or("?").to_owned();
    let (docker, podman) = (version("docker version"), version("podman version"));
    let mut text = format!(
        "| program | version | its profile | docker {docker} | podman {podman} | replays | failed |\n"
    );
    text.push_str("| --- | --- | ---: | ---: | ---: | ---: | ---: |\n");
    for row in rows {
        text.push_str(&row);
    }
    Ok(text)
}

fn row(found: &Value) -> Option<String> {
    let word = |key: &str| found.get(key)?.as_str();
    let number = |key: &str| found.get(key)?.as_u64();
    Some(format!(
        "| {} | {} | {} | {} | {} | {} | {} |\n",
        word("program")?,
        word("version")?,
        number("allowed")?,
        number("docker")?,
        number("podman")?,
        number("replays")?,
        number("failed")?,
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_table_takes_the_old_ones_place() {
        let found = json!({"program": "redis", "version": "7", "allowed": 90, "docker": 300, "podman": 310,
            "docker version": "20", "podman version": "4", "replays": 12, "failed": 0});
        let table = table(&[found]).unwrap();
        assert!(table.ends_with("| redis | 7 | 90 | 300 | 310 | 12 | 0 |\n"), "{table}");
        let text = replace(&format!("before\n{BEGIN}old\n{END}after\n"), &table).unwrap();
        assert_eq!(text, format!("before\n{BEGIN}{table}{END}after\n"));
        assert!(replace("before\n", &table).is_err());
        assert!(super::table(&[json!({})]).is_err());
        assert!(super::table(&[]).is_err());
    }
}
