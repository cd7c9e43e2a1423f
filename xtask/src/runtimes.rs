//! The table of runtimes in the documentation: what the tests on running containers have found, each
//! in a file of its own (`tests/support/known.rs`).

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::build::target;
use crate::root;

const DOCUMENT: &str = "docs/runtimes.md";
const BEGIN: &str = "<!-- Made by `cargo xtask runtimes-table` -->\n";
const END: &str = "<!-- end -->\n";

/// What a row begins with.
const KEYS: [&str; 3] = ["runtime", "mode", "version"];
/// The index of the version in a row.
const VERSION: usize = 2;
const FIELDS: [&str; 11] =
    ["id", "name", "image", "image id", "labels", "pod", "start", "pid", "state", "user", "parent"];

/// Makes the folder that the tests write to, so that it is ours even if they run as root.
pub fn prepare(all_will_run: bool) -> Result<()> {
    let folder = folder()?;
    if all_will_run && folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))
}

/// Writes the table, or compares it with that in the tree.
pub fn run(check: bool) -> Result<()> {
    let path = root().join(DOCUMENT);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let (before, old, after) = parts(&text)?;
    let new = table(&found()?)?;
    if check {
        if unversioned(&new) != unversioned(old) {
            bail!("{DOCUMENT} and the tests differ: run `cargo xtask runtimes-table` and commit");
        }
        return Ok(());
    }
    fs::write(&path, [before, &new, after].concat())
        .with_context(|| format!("cannot write {}", path.display()))
}

fn folder() -> Result<PathBuf> {
    Ok(target()?.join("tmp/known"))
}

/// An object for each runtime and mode.
fn found() -> Result<Vec<Value>> {
    let folder = folder()?;
    let entries = fs::read_dir(&folder)
        .with_context(|| format!("cannot read {}: run `cargo xtask test --privileged`", folder.display()))?;
    let read = |path: PathBuf| {
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is not JSON", path.display()))
    };
    let found: Vec<Value> = entries.map(|entry| read(entry?.path())).collect::<Result<_>>()?;
    if found.is_empty() {
        bail!("{} is empty: run `cargo xtask test --privileged`", folder.display());
    }
    Ok(found)
}

/// The text before the table, the table, and the text after it.
fn parts(text: &str) -> Result<(&str, &str, &str)> {
    let markers = || format!("{DOCUMENT} must have {BEGIN} and {END}");
    let begin = text.find(BEGIN).with_context(markers)? + BEGIN.len();
    let (before, rest) = text.split_at(begin);
    let (table, after) = rest.split_at(rest.find(END).with_context(markers)?);
    Ok((before, table, after))
}

fn table(found: &[Value]) -> Result<String> {
    let mut rows = found.iter().map(row).collect::<Result<Vec<_>>>()?;
    rows.sort_unstable();
    let head = ["runtime", "mode", "version tested"].into_iter().chain(FIELDS).map(str::to_owned);
    let rule = vec!["---".to_owned(); KEYS.len() + FIELDS.len()];
    let lines = [head.collect(), rule].into_iter().chain(rows);
    Ok(lines.flat_map(|cells: Vec<String>| ["| ".to_owned(), cells.join(" | "), " |\n".to_owned()]).collect())
}

fn row(found: &Value) -> Result<Vec<String>> {
    let key = |key: &&str| found.get(key).and_then(Value::as_str).map(str::to_owned);
    let field = |field: &&str| {
        let known = found.get("fields")?.get(field)?.as_bool()?;
        Some(if known { "yes" } else { "—" }.to_owned())
    };
    let cells = KEYS.iter().map(key).chain(FIELDS.iter().map(field));
    cells.collect::<Option<_>>().with_context(|| format!("a test wrote what is no row of the table: {found}"))
}

/// Its cells but for the versions: these are the machine's, and other ones are no mistake.
fn unversioned(table: &str) -> Vec<Vec<&str>> {
    let cells = |line| str::split(line, " | ").enumerate().filter(|(index, _)| *index != VERSION);
    table.lines().map(|line| cells(line).map(|(_, cell)| cell).collect()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(mode: &str, version: &str) -> Value {
        let mut fields: serde_json::Map<_, _> =
            FIELDS.iter().map(|field| ((*field).to_owned(), json!(true))).collect();
        fields.insert("pod".to_owned(), json!(false));
        json!({ "runtime": "podman", "mode": mode, "version": version, "fields": fields })
    }

    #[test]
    fn rows_are_sorted_and_say_what_there_is() {
        let text = table(&[found("rootless", "4.3.1"), found("pod", "4.3.1")]).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[0].starts_with("| runtime | mode | version tested | id |"), "{text}");
        let pod = "| podman | pod | 4.3.1 | yes | yes | yes | yes | yes | — | yes | yes | yes | yes | yes |";
        assert_eq!(lines[2], pod);
        assert!(lines[3].starts_with("| podman | rootless |"), "{text}");
        assert!(table(&[json!({ "runtime": "podman" })]).is_err());
    }

    #[test]
    fn another_version_is_no_difference() {
        let rendered = |mode, version| table(&[found(mode, version)]).unwrap();
        let (one, newer, other) =
            (rendered("pod", "4.3.1"), rendered("pod", "5"), rendered("rootless", "4.3.1"));
        assert_eq!(unversioned(&one), unversioned(&newer));
        assert_ne!(unversioned(&one), unversioned(&other));
    }

    #[test]
    fn the_table_is_between_its_markers() {
        let text = format!("before\n{BEGIN}old\n{END}after\n");
        assert_eq!(parts(&text).unwrap(), (&*format!("before\n{BEGIN}"), "old\n", &*format!("{END}after\n")));
        assert!(parts("before\n").is_err());
        assert!(parts(&format!("{END}{BEGIN}")).is_err());
    }
}
