//! Packages of Debian, unpacked into a folder of ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{exists, output};

const SOURCES: &str = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie-backports main\n";

/// Downloads `package` (`name=version`) with lists of its own, the system's are not touched, and
/// unpacks it into `folder`.
pub fn fetch(package: &str, folder: &Path) -> Result<()> {
    if !exists("apt-get") || !exists("dpkg") {
        bail!("this is no Debian");
    }
    let apt = folder.join("apt");
    for part in ["state/lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(apt.join(part)).with_context(|| format!("cannot make {}", apt.display()))?;
    }
    fs::write(apt.join("sources.list"), SOURCES)?;
    let apt_get = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        command.arg("-qq").current_dir(&apt);
        for (key, value) in [
            ("Dir::Etc::SourceList", apt.join("sources.list")),
            ("Dir::Etc::SourceParts", PathBuf::from("/dev/null")),
            ("Dir::State::Lists", apt.join("state/lists")),
            ("Dir::Cache", apt.join("cache")),
            ("APT::Sandbox::User", PathBuf::from("root")),
        ] {
            command.arg(format!("-o{key}={}", value.display()));
        }
        command.args(words);
        output(&mut command)
    };
    apt_get(&["update"])?;
    apt_get(&["download", package])?;
    for entry in fs::read_dir(&apt)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "deb") {
            output(Command::new("dpkg").arg("-x").arg(&path).arg(folder))?;
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
