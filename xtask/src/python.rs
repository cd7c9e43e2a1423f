//! Programs and libraries of `PyPI` that the tests hold ctrace against: other people's readers of what it
//! writes. In a virtual environment in `target/tools`; nothing is installed system-wide.
//!
//! Tests find its interpreter at `target/tools/python/bin/python`, or where `CTRACE_TEST_PYTHON` says.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::{exists, output};
use crate::toolchain::tools;

/// Exact versions: a test that fails must have its reason in the tree.
const PACKAGES: [&str; 4] = [
    // Knows JSON Schema.
    "check-jsonschema==0.39.0",
    // Reads JSON lines and Parquet.
    "duckdb==2.0.1",
    // Protocol Buffers messages of OTLP, with a decoder that has nothing to do with ours.
    "opentelemetry-proto==1.45.2",
    // A collector that receives OTLP, by HTTP and gRPC.
    "rotel==0.0.1a15",
];

fn folder() -> PathBuf {
    tools().join("python")
}

/// Written last, with what there is.
fn stamp() -> (PathBuf, String) {
    (folder().join("stamp"), format!("{}\n", PACKAGES.join(" ")))
}

/// Whether the interpreter has all packages; of one that `CTRACE_TEST_PYTHON` names it is believed.
pub fn is_there() -> bool {
    let (path, text) = stamp();
    std::env::var_os("CTRACE_TEST_PYTHON").is_some()
        || fs::read_to_string(path).is_ok_and(|found| found == text)
}

/// Makes the environment, from nothing if it is not this one. Nothing to do on a system without Python: the
/// tests that need it are reported as not run.
pub fn install() -> Result<()> {
    if is_there() || !exists("python3") {
        return Ok(());
    }
    let folder = folder();
    output(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))
        .context("Debian's package python3-venv is needed")?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES);
    output(&mut pip).with_context(|| format!("cannot install {PACKAGES:?} from PyPI"))?;
    let (path, text) = stamp();
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}
