//! `ctrace profile minimise`: a profile for everybody without what one workload does not need.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde::Serialize;

use super::super::say;
use super::files::{evidence, print, read, written};
use super::machine;
use super::write::write_evidence;
use crate::cli::{MinimiseArgs, TextOrJson};
use crate::exit::{Code, Refusal};
use crate::kernel;
use crate::profile::{Evidence, Minimised, minimise as less};

/// Where podman looks for its default profile, the first that is there,
/// <https://github.com/containers/common/blob/v0.61.0/pkg/seccomp/seccomp_linux.go>,
/// <https://github.com/containers/podman/blob/v5.4.0/cmd/podman/common/create_opts.go>.
const OF_PODMAN: [&str; 2] = ["/etc/containers/seccomp.json", "/usr/share/containers/seccomp.json"];

/// What `--format json` prints: one object.
#[derive(Serialize)]
struct Printed<'a> {
    profile: String,
    against: String,
    #[serde(flatten)]
    found: &'a Minimised,
}

pub(super) fn minimise(args: &MinimiseArgs) -> Result<ExitCode> {
    let needs = read(&args.profile)?;
    let against = larger(&args.against)?;
    let larger = read(&against)?;
    let machine =
        machine(kernel::arch()?, &rustix::system::uname().release().to_string_lossy(), &args.capabilities);
    let found =
        less(&needs, &larger, &machine).with_context(|| format!("cannot minimise {}", against.display()))?;
    match args.format {
        TextOrJson::Text => print(&format!(
            "{}, for {} (kernel {}, {} capabilities)\n{found}",
            against.display(),
            args.profile.display(),
            machine.kernel,
            machine.capabilities.len(),
        ))?,
        TextOrJson::Json => {
            let printed = Printed {
                profile: args.profile.display().to_string(),
                against: against.display().to_string(),
                found: &found,
            };
            let text = serde_json::to_string(&printed).context("cannot print the result")?;
            print(&format!("{text}\n"))?;
        }
    }
    if let Some(output) = &args.output {
        let names = written(output, &found.file)?;
        if let Some(known) = evidence(&args.profile)?
            && let Some(beside) =
                write_evidence(output, &Evidence::merge(vec![known], |name| names.contains(name)))?
        {
            say(&format!("  evidence: {}", beside.display()));
        }
    }
    Ok(if found.beyond.is_empty() { Code::Done } else { Code::Finding }.into())
}

fn larger(word: &str) -> Result<PathBuf> {
    let refuse = |message: &str| Err(Refusal { code: Code::Usage, message: message.to_owned() }.into());
    match word {
        "podman" => match OF_PODMAN.iter().find(|path| Path::new(path).is_file()) {
            Some(path) => Ok(PathBuf::from(path)),
            None => refuse(
                "podman's default profile is neither in /etc/containers nor in /usr/share/containers: \
                 give the file of a profile with --against",
            ),
        },
        "docker" => refuse(
            "docker keeps its default profile inside its daemon, where it cannot be read: fetch \
             seccomp/default.json of github.com/moby/profiles, and give that file with --against. What the filter of a \
             container that runs under it allows in vain tells `ctrace profile surplus CONTAINER`",
        ),
        path => Ok(PathBuf::from(path)),
    }
}
