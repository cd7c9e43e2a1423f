//! `cargo xtask build-ebpf`: sources to the object that the tree keeps.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{output, run};
use crate::{core, root, toolchain, wrapper};

/// Kept in the tree, so that `cargo build` and `cargo install` need nothing but stable cargo.
pub const OBJECT: &str = "tracer/ctrace.bpf.o";
const TARGET: &str = "bpfel-unknown-none";

pub fn build(check: bool) -> Result<()> {
    let built = compile()?;
    let kept = root().join(OBJECT);
    let new = fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
    if check {
        let old = fs::read(&kept).with_context(|| format!("cannot read {}", kept.display()))?;
        if old != new {
            bail!(
                "{OBJECT} ({} bytes) is not what the sources give ({} bytes, {}): run `cargo xtask build-ebpf` and commit it",
                old.len(),
                new.len(),
                built.display(),
            );
        }
        return Ok(());
    }
    fs::write(&kept, &new).with_context(|| format!("cannot write {}", kept.display()))
}

/// Builds in `target/ebpf` and returns the object without debug info.
fn compile() -> Result<PathBuf> {
    let folder = root().join("target/ebpf");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let (ir, rust) = (folder.join("kernel.ll"), folder.join("kernel.rs"));
    let table = root().join("tracer-ebpf/kernel.fields");
    let text = fs::read_to_string(&table).with_context(|| format!("cannot read {}", table.display()))?;
    let types = core::fields::parse(&text)?;
    write_if_changed(&ir, &core::ir(&types))?;
    write_if_changed(&rust, &core::rust(&types))?;

    let linker = toolchain::bpf_linker()?;
    let library = toolchain::std_source()?;
    let sysroot = output(Command::new(toolchain::rustc()).args(["--print", "sysroot"]))?;
    let mut flags = vec![
        "-Cdebuginfo=2".to_owned(),
        "-Clink-arg=--btf".to_owned(),
        format!("-Clinker={}", linker.display()),
        format!("-Clink-arg={}", ir.display()),
    ];
    // Paths end up in debug info and panic messages; without them every machine gives the same bytes.
    // Of those that fit, the last one counts. A library inside the repository is named relative to it.
    let relative = library.strip_prefix(root()).unwrap_or(&library).to_path_buf();
    for (from, to) in [
        (PathBuf::from(sysroot.trim()), "/rust"),
        (cargo_home(), "/cargo"),
        (root(), "/ctrace"),
        (library.clone(), "/rust/library"),
        (relative, "/rust/library"),
    ] {
        flags.push(format!("--remap-path-prefix={}={to}", from.display()));
    }
    run(Command::new(toolchain::cargo())
        .args(["build", "--quiet", "--locked", "--package=tracer-ebpf", "--profile=ebpf"])
        .args([&format!("--target={TARGET}"), "-Zbuild-std=core", "--target-dir"])
        .arg(&folder)
        .current_dir(root())
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        // Stable rustc, used as the nightly it is built from: -Zbuild-std has no stable name yet.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("__CARGO_TESTS_ONLY_SRC_ROOT", &library)
        .env("CTRACE_KERNEL_RS", &rust)
        .env("CTRACE_KERNEL_IR", &ir)
        .env("RUSTC_WRAPPER", std::env::current_exe()?)
        .env(wrapper::SWITCH, "1"))
    .context("the kernel programs do not build")?;

    let whole = folder.join(TARGET).join("ebpf/ctrace");
    let stripped = folder.join("ctrace.bpf.o");
    let objcopy = Path::new(sysroot.trim()).join(format!("lib/rustlib/{}/bin/rust-objcopy", host()?));
    run(Command::new(objcopy).arg("--strip-debug").arg(&whole).arg(&stripped))?;
    Ok(stripped)
}

/// Keeps the time stamp, and so cargo's idea of what is fresh, where nothing changed.
fn write_if_changed(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn cargo_home() -> PathBuf {
    match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo"),
    }
}

fn host() -> Result<String> {
    let version = output(Command::new(toolchain::rustc()).arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}
