//! Debian's kernels, fetched on first use into `target/tools/vm` and kept there; remove the folder to
//! get newer ones.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::output;
use crate::debian::Apt;

/// Depends on the suite's newest kernel for virtual machines: those have all that a container needs,
/// apart from overlayfs, without a module.
const NEWEST: &str = "linux-image-cloud-amd64";

/// Since 7.x the image package is empty: the kernel and its modules have packages of their own.
const PARTS: [&str; 3] = ["linux-image-", "linux-binary-", "linux-modules-"];

/// A series of kernels.
#[derive(Debug)]
pub struct Series {
    pub name: &'static str,
    /// Of Debian.
    suite: &'static str,
    /// Whether ctrace says that it runs on it.
    pub supported: bool,
}

const BULLSEYE: Series = Series { name: "5.10", suite: "bullseye", supported: false };
const BOOKWORM: Series = Series { name: "6.1", suite: "bookworm", supported: true };
pub const TRIXIE: Series = Series { name: "6.12", suite: "trixie", supported: true };
/// The newest, whatever follows the point.
const BACKPORTS: Series = Series { name: "7.x", suite: "trixie-backports", supported: true };

pub const SERIES: [Series; 4] = [BULLSEYE, BOOKWORM, TRIXIE, BACKPORTS];

/// A kernel's files.
pub struct Kernel {
    /// `vmlinuz`
    pub image: PathBuf,
    /// The module `overlay.ko`, perhaps with `.xz`.
    pub overlay: PathBuf,
}

impl Series {
    pub fn fetch(&self, tools: &Path) -> Result<Kernel> {
        let folder = tools.join(self.name);
        if let Some(kernel) = kernel(&folder)? {
            return Ok(kernel);
        }
        let get = || -> Result<()> {
            let apt = Apt::update(self.suite, &folder)?;
            let mut packages = apt.dependencies(NEWEST)?;
            packages.retain(|name| is_part(name));
            if packages.is_empty() {
                bail!("{NEWEST} depends on no kernel");
            }
            apt.unpack(&packages)
        };
        get().with_context(|| format!("no kernel {} can be had from Debian {}", self.name, self.suite))?;
        kernel(&folder)?.with_context(|| format!("no kernel is in {}", folder.display()))
    }
}

/// None: not all is there.
fn kernel(folder: &Path) -> Result<Option<Kernel>> {
    if !folder.exists() {
        return Ok(None);
    }
    // Where they lie has changed from series to series.
    let found =
        output(Command::new("find").arg(folder).args(["-name", "vmlinuz*", "-o", "-name", "overlay.ko*"]))?;
    let file = |beginning: &str| {
        let mut paths = found.lines().map(PathBuf::from);
        paths.find(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(beginning)))
    };
    Ok(file("vmlinuz").zip(file("overlay")).map(|(image, overlay)| Kernel { image, overlay }))
}

/// Of one version, which follows the name: other packages that begin so only depend on those.
fn is_part(package: &str) -> bool {
    let version = PARTS.iter().find_map(|part| package.strip_prefix(part));
    version.is_some_and(|version| version.starts_with(|first: char| first.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_in_the_packages_of_its_version() {
        for package in ["linux-image-6.1.0-56-cloud-amd64", "linux-modules-7.3.4+deb13-cloud-amd64"] {
            assert!(is_part(package), "{package}");
        }
        for package in
            ["linux-image-cloud-amd64", "linux-modules-cloud-amd64", "linux-base-7.3.4", "linux-base"]
        {
            assert!(!is_part(package), "{package}");
        }
    }
}
