//! `cargo xtask gallery`: the pictures in `docs/gallery`, made by `tracer/examples/gallery.rs`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::build::target;
use crate::command::run;
use crate::{root, toolchain};

const KEPT: &str = "docs/gallery";

/// Makes them, or only looks whether those in the tree are what is made now.
pub fn gallery(check: bool) -> Result<()> {
    let new = target()?.join("tmp/gallery");
    if new.exists() {
        fs::remove_dir_all(&new).with_context(|| format!("cannot empty {}", new.display()))?;
    }
    fs::create_dir_all(&new).with_context(|| format!("cannot make {}", new.display()))?;
    let mut example = Command::new(toolchain::cargo());
    example.args(["run", "--locked", "--quiet", "--package=ctrace", "--example=gallery", "--"]).arg(&new);
    run(example.current_dir(root()))?;

    let kept = root().join(KEPT);
    let (made, before) = (pictures(&new)?, if kept.exists() { pictures(&kept)? } else { BTreeMap::new() });
    let stale: Vec<&str> = made
        .keys()
        .chain(before.keys().filter(|name| !made.contains_key(*name)))
        .filter(|name| made.get(*name) != before.get(*name))
        .map(String::as_str)
        .collect();
    if check && !stale.is_empty() {
        bail!("stale in {KEPT}: {}; `cargo xtask gallery` makes them anew", stale.join(", "));
    }
    fs::create_dir_all(&kept).with_context(|| format!("cannot make {KEPT}"))?;
    for name in stale {
        let path = kept.join(name);
        match made.get(name) {
            Some(picture) => fs::write(&path, picture),
            None => fs::remove_file(&path),
        }
        .with_context(|| format!("cannot change {}", path.display()))?;
    }
    Ok(())
}

/// By file name.
fn pictures(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    entries
        .map(|entry| {
            let entry = entry?;
            let bytes = fs::read(entry.path())
                .with_context(|| format!("cannot read the picture {}", entry.path().display()))?;
            Ok((entry.file_name().to_string_lossy().into_owned(), bytes))
        })
        .collect()
}
