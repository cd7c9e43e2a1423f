//! The matrix of profiles: what became of each workload on each runtime, as the tests have written it, each in
//! a file of its own (`tests/privileged/profiles/matrix.rs`).

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::build::target;
use crate::report::say;

const WAYS: [&str; 3] = ["run", "create+start", "exec"];
const PRIVS: [(&str, &str); 2] = [("no_new_privs", "nnp"), ("may gain privs", "")];

/// Makes the folder that the tests write to, without what earlier ones have found.
pub fn prepare() -> Result<()> {
    let folder = folder()?;
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))
}

/// Prints what there is; nothing, if no test of the matrix ran.
pub fn show() -> Result<()> {
    let folder = folder()?;
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let one = serde_json::from_slice(&text).ok().and_then(|one| table(&one));
        found.push(one.with_context(|| format!("{} is no result of the matrix", path.display()))?);
    }
    found.sort_unstable();
    for table in found {
        say(&table);
    }
    Ok(())
}

fn folder() -> Result<PathBuf> {
    Ok(target()?.join("tmp/matrix"))
}

/// A workload a line, a way a column; `·`: not asked for in a run without `--profiles`.
fn table(found: &Value) -> Option<String> {
    let word = |key: &str| found.get(key)?.as_str();
    let (runtime, version, recorded) = (word("runtime")?, word("version")?, word("recorded")?);
    let mut text = format!("\n{runtime} {version}, recorded {recorded}, then run under the profile\n");
    let columns: Vec<_> = WAYS.iter().flat_map(|way| PRIVS.map(|(key, short)| (way, key, short))).collect();
    let _ = write!(text, "{:18}", "");
    for (way, _, short) in &columns {
        let _ = write!(text, " {:>17}", format!("{way} {short}").trim_end());
    }
    text.push('\n');
    for (workload, ways) in found.get("rows")?.as_object()? {
        let _ = write!(text, "{workload:18}");
        for (way, key, _) in &columns {
            let outcome = ways.get(format!("{way}, {key}")).and_then(Value::as_str).unwrap_or("·");
            let _ = write!(text, " {outcome:>17}");
        }
        text.push('\n');
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_in_its_place() {
        let json = r#"{"runtime": "crun", "version": "1.8.1", "recorded": "unconfined",
            "rows": {"true": {"run, no_new_privs": "ok", "exec, may gain privs": "FAILED"}}}"#;
        let text = table(&serde_json::from_str(json).unwrap()).unwrap();
        let lines: Vec<_> = text.lines().skip(1).collect();
        assert!(lines[0].starts_with("crun 1.8.1, recorded unconfined"), "{text}");
        let words: Vec<_> = lines[2].split_whitespace().collect();
        assert_eq!(words, ["true", "ok", "·", "·", "·", "·", "FAILED"], "{text}");
        assert_eq!(table(&Value::Null), None);
    }
}
