//! Packages of Debian, unpacked into a folder of ours. apt has lists of its own there: the system's are
//! not touched, and what is installed does not matter.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{exists, output};

/// Downloads `package` (`name=version`) and unpacks it into `folder`.
pub fn fetch(package: &str, folder: &Path) -> Result<()> {
    Apt::update("trixie-backports", folder)?.unpack(&[package.to_owned()])
}

/// What one suite has.
pub struct Apt {
    folder: PathBuf,
}

impl Apt {
    /// Fetches the suite's lists.
    pub fn update(suite: &str, folder: &Path) -> Result<Self> {
        if !exists("apt-get") || !exists("dpkg") {
            bail!("this is no Debian");
        }
        let apt = Self { folder: folder.to_owned() };
        for part in ["state/lists/partial", "cache/archives/partial"] {
            let path = apt.path(part);
            fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        }
        let source = format!(
            "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] \
             http://deb.debian.org/debian {suite} main\n"
        );
        fs::write(apt.path("sources.list"), source)?;
        output(apt.command("apt-get").arg("update"))?;
        Ok(apt)
    }

    /// Names of the packages that `package` depends on, and theirs.
    pub fn dependencies(&self, package: &str) -> Result<Vec<String>> {
        let listed =
            output(self.command("apt-cache").args(["depends", "--recurse", "--important", package]))?;
        // What a package depends on is indented below it.
        let names = listed.lines().filter(|line| !line.starts_with(' '));
        Ok(names.map(str::to_owned).collect())
    }

    /// These packages and all that they need on a system that has nothing.
    pub fn to_install(&self, packages: &[&str]) -> Result<Vec<String>> {
        let mut command = self.command("apt-get");
        let said = output(command.args(["install", "--simulate", "--no-install-recommends"]).args(packages))?;
        let lines = said.lines().filter_map(|line| line.strip_prefix("Inst ")?.split_whitespace().next());
        Ok(lines.map(str::to_owned).collect())
    }

    /// Downloads packages (`name` or `name=version`) and unpacks them.
    pub fn unpack(&self, packages: &[String]) -> Result<()> {
        output(self.command("apt-get").arg("download").args(packages))?;
        for entry in fs::read_dir(self.path(""))? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "deb") {
                output(Command::new("dpkg").arg("-x").arg(&path).arg(&self.folder))?;
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn path(&self, part: &str) -> PathBuf {
        self.folder.join("apt").join(part)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("-qq").current_dir(self.path(""));
        for (key, value) in [
            ("Dir::Etc::SourceList", self.path("sources.list")),
            ("Dir::Etc::SourceParts", PathBuf::from("/dev/null")),
            ("Dir::State::Lists", self.path("state/lists")),
            ("Dir::State::Status", PathBuf::from("/dev/null")),
            ("Dir::Cache", self.path("cache")),
            ("APT::Sandbox::User", PathBuf::from("root")),
        ] {
            command.arg(format!("-o{key}={}", value.display()));
        }
        command
    }
}
