//! Profiles and their evidence into files.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use super::super::{output, say};
use super::container_id;
use crate::batch::Source;
use crate::cli::Print;
use crate::container::Phase;
use crate::exit::{Code, Refusal};
use crate::model::Owners;
use crate::pipeline::Pipeline;
use crate::profile::{Evidence, Generated, Options, Phases, generate};
use crate::snapshot::{Row, Snapshot};

/// A profile and what it is called: the container's name, and the file's where there are several.
pub(super) struct Named {
    pub(super) generated: Generated,
    pub(super) evidence: Evidence,
    pub(super) name: String,
    file: PathBuf,
}

pub(super) fn profiles<'a, S: Source>(
    rows: impl IntoIterator<Item = &'a Row>,
    snapshot: &Snapshot,
    pipeline: &Pipeline<S>,
    print: &Print,
) -> Vec<Named> {
    // A container that called nothing has nothing to be allowed.
    let rows = rows.into_iter().filter(|row| row.sum.total > 0);
    rows.filter_map(|row| {
        let options = Options {
            from_start: Some(from_start(row, pipeline.model.owners())),
            default: print.default_action,
            target: print.arch,
            serving_after: print.serving_after,
            phases: print.phase,
            arguments: print.arguments,
            ..Options::default()
        };
        let generated = generate(row, snapshot, &options);
        if print.phase == Phases::Serving && generated.serving.is_none() {
            let name = crate::text::safe(row.name());
            say(&format!("{name}: not seen to serve ({}): no profile of that phase", print.serving_after));
            return None;
        }
        let evidence = Evidence::new(&generated, row, snapshot, pipeline.source.session());
        let name = crate::text::safe(row.name()).into_owned();
        Some(Named { generated, evidence, name, file: file_name(row, print.format.extension()) })
    })
    .collect()
}

/// Whether the container's program was seen to start: the runtime prepared before it ran. An `exec` into
/// a container that ran before prepares as well, but later.
pub(super) fn from_start(row: &Row, owners: &Owners) -> bool {
    let first = |phase: Phase| {
        let of_phase = owners.all().filter(|i| i.phase == phase && row.subject.is_of(i));
        of_phase.map(|identity| identity.first_ns).min()
    };
    match (first(Phase::Setup), first(Phase::Workload)) {
        (Some(setup), Some(workload)) => setup < workload,
        _ => false,
    }
}

/// One profile into the file, several into the directory of that name.
pub(super) fn write(profiles: Vec<Named>, print: &Print) -> Result<ExitCode> {
    let output = &print.output;
    if profiles.is_empty() && print.phase == Phases::Serving {
        let message =
            "no container was seen to serve; `--serving-after 30s` goes by calls that are not new any more";
        return Err(Refusal { code: Code::Failed, message: message.to_owned() }.into());
    }
    if profiles.is_empty() {
        let message =
            "no container called anything while it was watched; `ctrace ps` lists the containers there are";
        return Err(Refusal { code: Code::NoContainer, message: message.to_owned() }.into());
    }
    let is_folder = output.is_dir() || output.as_os_str().as_bytes().ends_with(b"/");
    let several = profiles.len() > 1 || is_folder;
    if several {
        fs::create_dir_all(output)
            .with_context(|| format!("cannot make the directory {}", output.display()))?;
    }
    let mut written = BTreeSet::new();
    for Named { generated, evidence, name, file } in profiles {
        let path = if several { free(output, &file, &mut written) } else { output.clone() };
        let text = print.format.print(&generated.profile, &name).context("cannot print the profile")?;
        write_text(&path, &text)?;
        say(&format!("{}: {name}", path.display()));
        for line in generated.to_string().lines() {
            say(&format!("  {line}"));
        }
        if let Some(beside) = write_evidence(&path, &evidence)? {
            say(&format!("  evidence: {}", beside.display()));
        }
        if print.phase == Phases::All {
            say(&format!("  use it: {}", print.format.usage().replace("FILE", &path.display().to_string())));
        }
    }
    Ok(Code::Done.into())
}

/// A name in `folder` that nothing of this run has: two recordings may know the same container.
pub(super) fn free(folder: &Path, file: &Path, written: &mut BTreeSet<PathBuf>) -> PathBuf {
    let (stem, extension) = (file.file_stem().unwrap_or_default(), file.extension().unwrap_or_default());
    let (stem, extension) = (stem.to_string_lossy(), extension.to_string_lossy());
    let numbered = (2..).map(|index: u32| folder.join(format!("{stem}-{index}.{extension}")));
    let mut names = std::iter::once(folder.join(file)).chain(numbered);
    let path = names.find(|path| !written.contains(path)).unwrap_or_else(|| folder.join(file));
    written.insert(path.clone());
    path
}

/// Where it is; None: what was written is no file that something could lie beside.
pub(super) fn write_evidence(profile: &Path, evidence: &Evidence) -> Result<Option<PathBuf>> {
    if !profile.is_file() {
        return Ok(None);
    }
    let beside = evidence_of(profile);
    write_text(&beside, &evidence.to_json().context("cannot print the evidence")?)?;
    Ok(Some(beside))
}

/// `web.evidence.json` for `web.json`.
pub(super) fn evidence_of(profile: &Path) -> PathBuf {
    profile.with_extension("evidence.json")
}

pub(super) fn write_text(path: &Path, text: &str) -> Result<()> {
    output::create(path)?
        .write_all(text.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))
}

/// A container's name is its own choice; a file's is ours.
pub(super) fn file_name(row: &Row, extension: &str) -> PathBuf {
    let id: String = container_id(row).unwrap_or_default().chars().take(12).collect();
    let plain = |text: &str| -> String {
        text.chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' })
            .take(64)
            .collect()
    };
    PathBuf::from(format!("{}-{}.{extension}", plain(row.name()), plain(&id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_lies_beside() {
        for (profile, evidence) in [
            ("web.json", "web.evidence.json"),
            ("a/b.c.yaml", "a/b.c.evidence.json"),
            ("bare", "bare.evidence.json"),
        ] {
            assert_eq!(evidence_of(Path::new(profile)), Path::new(evidence));
        }
    }

    #[test]
    fn nothing_of_one_run_is_written_over() {
        let mut written = BTreeSet::new();
        let mut name = || free(Path::new("out"), Path::new("web-1.json"), &mut written);
        let expected = ["out/web-1.json", "out/web-1-2.json", "out/web-1-3.json"].map(PathBuf::from);
        assert_eq!([name(), name(), name()], expected);
    }
}
