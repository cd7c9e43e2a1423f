//! Releases of the runtimes that are newer than those of the oldest system the tests run on, unpacked into
//! a folder. A test puts that over `/usr` in a mount namespace of its own (`tests/support/view.rs`).

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::command::exists;
use crate::debian::Apt;
use crate::toolchain::tools;

/// Debian 13: podman 5.4, crun 1.21, runc 1.1.15.
const SUITE: &str = "trixie";
const PACKAGES: [&str; 3] = ["podman", "crun", "runc"];

fn folder() -> PathBuf {
    tools().join("newer")
}

/// Written last, with what there is.
fn stamp() -> (PathBuf, String) {
    (folder().join("stamp"), format!("{SUITE}: {}\n", PACKAGES.join(" ")))
}

pub fn is_there() -> bool {
    let (path, text) = stamp();
    fs::read_to_string(path).is_ok_and(|found| found == text)
}

/// Nothing to do on a system without apt: the tests that need them are reported as not run.
pub fn fetch() -> Result<()> {
    if is_there() || !exists("apt-get") {
        return Ok(());
    }
    let apt = Apt::update(SUITE, &folder())?;
    // On an empty system: none of this machine's packages is taken for granted.
    let packages = apt.to_install(&PACKAGES)?;
    apt.unpack(&packages).with_context(|| format!("cannot fetch {PACKAGES:?} of {SUITE}"))?;
    let (path, text) = stamp();
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}
