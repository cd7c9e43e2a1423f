//! Receivers of OTLP, and Parquet files. Those that a default build has not got say how to get them.

use std::path::Path;

use anyhow::Result;

use super::sinks::usage;
use crate::delivery::Receiver;
use crate::delivery::otlp::{self, Http, Otlp, PATIENCE, Settings};
use crate::delivery::spec::{Compression, OnFull, Options, SinkSpec};

pub(super) fn otlp_http(url: &str, spec: &SinkSpec, on_full: OnFull) -> Result<Box<dyn Receiver>> {
    let url = otlp::endpoint(url).map_err(|why| usage(format!("{}: {why}", spec.name())))?;
    Ok(otlp_to(Box::new(Http::new(url, gzip(spec)?, settings()?)), on_full))
}

#[cfg(feature = "otlp-grpc")]
pub(super) fn otlp_grpc(at: &str, spec: &SinkSpec, on_full: OnFull) -> Result<Box<dyn Receiver>> {
    let client = otlp::Grpc::new(at, gzip(spec)?, &settings()?);
    let client = client.map_err(|why| usage(format!("{}: {why}", spec.name())))?;
    Ok(otlp_to(Box::new(client), on_full))
}

#[cfg(not(feature = "otlp-grpc"))]
pub(super) fn otlp_grpc(_at: &str, spec: &SinkSpec, _on_full: OnFull) -> Result<Box<dyn Receiver>> {
    Err(not_built(&spec.name(), "otlp-grpc", "otlp+http:// is in every build"))
}

#[cfg(feature = "parquet")]
pub(super) fn parquet(path: &Path, options: &Options) -> Result<Box<dyn Receiver>> {
    use anyhow::Context as _;

    use crate::delivery::parquet::Parquet;
    use crate::delivery::{Rotation, spec};

    let Options { rotate_size, rotate_age, keep, .. } = *options;
    let rotated = rotate_size.is_some() || rotate_age.is_some();
    let rotation = rotated.then(|| Rotation {
        size: rotate_size,
        age: rotate_age,
        keep: keep.unwrap_or(spec::KEEP),
        compression: Compression::None,
    });
    let file = Parquet::create(path, rotation);
    Ok(Box::new(file.with_context(|| format!("cannot write {}.partial", path.display()))?))
}

#[cfg(not(feature = "parquet"))]
pub(super) fn parquet(path: &Path, _options: &Options) -> Result<Box<dyn Receiver>> {
    let name = format!("parquet:{}", path.display());
    Err(not_built(&name, "parquet", "DuckDB reads the lines of --format json, too"))
}

fn otlp_to(client: Box<dyn otlp::Client>, on_full: OnFull) -> Box<dyn Receiver> {
    // Where losing is worse than waiting, nothing is given up.
    Box::new(Otlp::new(client, (on_full == OnFull::Drop).then_some(PATIENCE)))
}

fn settings() -> Result<Settings> {
    Settings::of(|name| std::env::var(name).ok()).map_err(usage)
}

/// What was said of this sink alone: with files, a flag for all may say `zstd`.
fn gzip(spec: &SinkSpec) -> Result<bool> {
    match spec.options.compress {
        None | Some(Compression::None) => Ok(false),
        Some(Compression::Gzip) => Ok(true),
        Some(Compression::Zstd) => Err(usage(format!("{}: compress: expected gzip or none", spec.name()))),
    }
}

#[cfg(not(all(feature = "otlp-grpc", feature = "parquet")))]
fn not_built(name: &str, feature: &str, instead: &str) -> anyhow::Error {
    usage(format!(
        "{name}: this ctrace was built without that kind of sink\n\
         Build one with it: cargo install ctrace --features {feature}\n{instead}"
    ))
}
