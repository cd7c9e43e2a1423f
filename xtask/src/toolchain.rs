//! What building the kernel programs needs beyond stable cargo: `bpf-linker`, and the source of the
//! standard library. Both are fetched into `target/tools`; nothing is installed system-wide.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{output, run};
use crate::{debian, root};

/// The last one that uses the LLVM of the Rust tool chain; later ones want a system LLVM 23.
const BPF_LINKER: &str = "0.10.4";

/// Debian's package of the same library source, for tool chains that cannot be extended. Its version
/// follows that of the compiler.
const DEBIAN_RUST_SRC: &str = "rust-src=1.95.0+dfsg1-2~bpo13+1";

pub fn tools() -> PathBuf {
    root().join("target/tools")
}

/// Path of `bpf-linker`, which is built on first use.
pub fn bpf_linker() -> Result<PathBuf> {
    let linker = tools().join("bin/bpf-linker");
    let version = Command::new(&linker).arg("--version").output();
    if version.is_ok_and(|v| String::from_utf8_lossy(&v.stdout).contains(BPF_LINKER)) {
        return Ok(linker);
    }
    run(Command::new(cargo())
        .args(["install", "--quiet", "--locked", "--force", "--root"])
        .arg(tools())
        .arg(format!("bpf-linker@{BPF_LINKER}"))
        .current_dir(root()))
    .with_context(|| format!("bpf-linker {BPF_LINKER} links the kernel programs and could not be built"))?;
    Ok(linker)
}

/// The `library` folder of the compiler's own standard library.
pub fn std_source() -> Result<PathBuf> {
    if let Some(given) = env::var_os("CTRACE_RUST_SRC") {
        let library = PathBuf::from(given);
        return is_library(&library).then_some(library.clone()).with_context(|| {
            format!(
                "CTRACE_RUST_SRC={} has no core/src/lib.rs: it must name the `library` folder",
                library.display()
            )
        });
    }
    let sysroot = output(Command::new(rustc()).args(["--print", "sysroot"]))?;
    let release = release()?;
    let component = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library");
    let installed = PathBuf::from(format!("/usr/src/rustc-{release}/library"));
    let fetched = tools().join(format!("rust-src/usr/src/rustc-{release}/library"));
    for place in [&component, &installed, &fetched] {
        if is_library(place) {
            return Ok(place.clone());
        }
    }
    match fetch_debian(&release) {
        Ok(()) if is_library(&fetched) => Ok(fetched),
        fetched => bail!(
            "the source of the standard library of Rust {release} is needed to build the kernel programs. \
             Do one of these:\n  rustup component add rust-src\n  \
             export CTRACE_RUST_SRC=/path/to/rust-{release}/library\n\
             (the Debian package {DEBIAN_RUST_SRC} was tried: {})",
            fetched.err().map_or_else(|| "it holds no library".to_owned(), |e| format!("{e:#}")),
        ),
    }
}

/// The package, where it is of the compiler's own version.
fn fetch_debian(release: &str) -> Result<()> {
    if !DEBIAN_RUST_SRC.contains(&format!("={release}")) {
        bail!("it is of another version than the compiler");
    }
    debian::fetch(DEBIAN_RUST_SRC, &tools().join("rust-src"))
}

fn is_library(folder: &Path) -> bool {
    folder.join("core/src/lib.rs").is_file()
}

/// `1.95.0`.
fn release() -> Result<String> {
    let version = output(Command::new(rustc()).arg("-vV"))?;
    let release = version.lines().find_map(|line| line.strip_prefix("release: "));
    Ok(release.context("rustc -vV names no release")?.to_owned())
}

pub fn cargo() -> String {
    env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

pub fn rustc() -> String {
    env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned())
}
