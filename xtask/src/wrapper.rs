//! xtask as cargo's `RUSTC_WRAPPER` for the kernel programs.
//!
//! cargo gives every crate `-C metadata`, a hash in which the folder of the standard library's source
//! takes part, and rustc mixes it into symbol names. One fixed value makes the object independent of
//! where anything lies.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

/// Set for the build: this process is the wrapper.
pub const SWITCH: &str = "CTRACE_RUSTC_WRAPPER";

/// Becomes the compiler; returns only if that fails. `args` are `rustc` and its arguments.
pub fn exec(mut args: impl Iterator<Item = OsString>) -> Result<()> {
    let rustc = args.next().context("RUSTC_WRAPPER was called without a compiler")?;
    let args = args.map(|arg| {
        let is_metadata = arg.to_str().is_some_and(|arg| arg.starts_with("metadata="));
        if is_metadata { OsString::from("metadata=ctrace") } else { arg }
    });
    let error = Command::new(&rustc).args(args).exec();
    Err(error).with_context(|| format!("cannot start {}", rustc.display()))
}
