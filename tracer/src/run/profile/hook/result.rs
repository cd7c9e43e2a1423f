//! What was recorded, into the files: whole, or not at all.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::super::write::{evidence_of, profiles};
use super::order::beside;
use super::start::Job;
use crate::batch::Source;
use crate::cli::Print;
use crate::container::Phase;
use crate::pipeline::Pipeline;
use crate::profile::{DefaultAction, Evidence, File as Profile, Format, Phases, ServingAfter, extend, oci};
use crate::snapshot::{Row, State};
use crate::text::safe;

/// The profile that is extended.
pub(super) struct Base {
    pub file: Profile,
    /// What lies beside it.
    pub evidence: Option<Evidence>,
}

impl Base {
    /// Whether it can be extended at all.
    pub(super) fn check(&self) -> Result<()> {
        let nothing = oci::Profile {
            default: DefaultAction::default(),
            arch: crate::kernel::arch()?,
            abis: [].into(),
            names: [].into(),
            conditions: [].into(),
        };
        extend(&self.file, &nothing)?;
        Ok(())
    }
}

/// `has_ended`: its first process has, and with it the container; the cgroup may be there for another while.
pub(super) fn write<S: Source>(
    job: &Job,
    base: Option<Base>,
    pipeline: &mut Pipeline<S>,
    has_ended: bool,
) -> Result<()> {
    let Job { order, id, pid } = job;
    let output = &order.output;
    let mut snapshot = pipeline.snapshot();
    let pid = u32::try_from(*pid).unwrap_or(0);
    let Some(at) = snapshot.rows.iter().position(|row| is_of(row, pid, pipeline)) else {
        bail!("no call of container {} was seen", safe(id));
    };
    if let Some(row) = snapshot.rows.get_mut(at).filter(|_| has_ended) {
        row.state = State::Ended;
    }
    let print = Print {
        output: output.clone(),
        format: Format::Oci,
        default_action: DefaultAction::default(),
        arch: None,
        serving_after: ServingAfter::default(),
        phase: Phases::default(),
        arguments: None,
    };
    let Some(named) = profiles(snapshot.rows.get(at), &snapshot, pipeline, &print).pop() else {
        bail!("container {} ended before its program ran", safe(id));
    };
    let (text, evidence) = match base {
        None => (Format::Oci.print(&named.generated.profile, &named.name), named.evidence),
        Some(base) => {
            let file = extend(&base.file, &named.generated.profile).context("cannot extend the profile")?;
            let allowed = file.allowed_names();
            let all = base.evidence.into_iter().chain([named.evidence]).collect();
            let evidence = Evidence::merge(all, |name| allowed.contains(name));
            (serde_json::to_string_pretty(&file).map(|text| text + "\n"), evidence)
        }
    };
    // Who finds the profile finds the evidence.
    put(&evidence_of(output), &evidence.to_json().context("cannot print the evidence")?)?;
    put(output, &text.context("cannot print the profile")?)
}

/// Whether it is the container that the process prepared: whatever its name, and whether it has one.
fn is_of<S: Source>(row: &Row, pid: u32, pipeline: &Pipeline<S>) -> bool {
    let owners = pipeline.model.owners();
    let prepared = |phase| matches!(phase, Phase::Setup | Phase::Workload);
    owners.all().any(|owner| owner.first_pid == pid && prepared(owner.phase) && row.subject.is_of(owner))
}

/// In place of what is there, in one step; for the owner alone.
fn put(path: &Path, text: &str) -> Result<()> {
    let part = beside(path, &format!(".{}", std::process::id()));
    let what = || format!("cannot write {}", path.display());
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)
        .with_context(|| format!("cannot create {}", part.display()))?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if let Err(error) = written.and_then(|()| fs::rename(&part, path)) {
        // What is left of it is of no use.
        let _ = fs::remove_file(&part);
        return Err(error).with_context(what);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.json");
        fs::write(&path, "a longer text than that which comes").unwrap();
        put(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        fs::create_dir(folder.path().join("folder")).unwrap();
        let error = format!("{:#}", put(&folder.path().join("folder"), "new").unwrap_err());
        assert!(error.contains("cannot write"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
