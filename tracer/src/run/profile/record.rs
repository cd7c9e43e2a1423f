//! `ctrace profile record`: containers that run, or that a command brings about.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use tracer_common::limits::RING_BYTES;

use super::super::child::{OwnCgroup, exit_code};
use super::super::drive::{self, Flow, Pace};
use super::super::signals::Stop;
use super::super::{live, say};
use super::write::{profiles, write};
use super::{FOR_EVER, container_id, is_container};
use crate::batch::Source;
use crate::cli::{Containers, ProfileRecordArgs};
use crate::container::{CgroupId, Identity, Owner, Phase, Roots, Runtime};
use crate::filter::Wanted;
use crate::kernel::KernelSource;
use crate::model::{Model, Owners};
use crate::pipeline::Pipeline;
use crate::plan::{Capacity, Plan, Selection};
use crate::snapshot::{Row, Snapshot, Subject};

/// Counts are all that is needed: nothing goes through the ring buffer, nothing can be lost there.
pub(super) fn plan(lineage: Option<CgroupId>, features: u32) -> Plan {
    Plan {
        features,
        selection: Selection::NONE,
        min_duration_ns: 0,
        errnos: None,
        lineage,
        ring_bytes: RING_BYTES / 16,
        capacity: Capacity::default(),
    }
}

/// What to record, and for how long.
pub(super) struct Job<'a> {
    pub containers: &'a Containers,
    pub duration: Option<Duration>,
    /// Brings about the containers; empty: those that run.
    pub command: &'a [OsString],
    /// Bits of [`tracer_common::config::feature`] beside counts.
    pub features: u32,
    /// What is written at the end.
    pub product: &'a str,
}

pub(super) fn record(args: &ProfileRecordArgs) -> Result<ExitCode> {
    check_output(&args.print.output)?;
    let ProfileRecordArgs { containers, duration, print, command } = args;
    let job = Job { containers, duration: *duration, command, features: 0, product: "profile" };
    run(&job, |rows, snapshot, pipeline| write(profiles(rows, snapshot, pipeline, print), print))
}

/// Of each container `write` makes what it makes.
pub(super) fn run(
    job: &Job<'_>,
    write: impl FnOnce(Vec<&Row>, &Snapshot, &Pipeline<KernelSource>) -> Result<ExitCode>,
) -> Result<ExitCode> {
    live::preflight()?;
    let roots = Roots::detect()?;
    if job.command.is_empty() { run_live(job, &roots, write) } else { run_command(job, &roots, write) }
}

fn run_live(
    job: &Job<'_>,
    roots: &Roots,
    write: impl FnOnce(Vec<&Row>, &Snapshot, &Pipeline<KernelSource>) -> Result<ExitCode>,
) -> Result<ExitCode> {
    let source = live::open(&plan(None, job.features), roots, |_| {})?;
    let model = Model::new(source.session().clone(), FOR_EVER);
    let mut pipeline = Pipeline::new(source, model, Wanted::from(job.containers));
    let stop = Stop::on_signals()?;
    say(&format!("tracing; Ctrl-C ends and writes the {}", job.product));
    watch(&mut pipeline, &stop, job.duration, || Ok(false))?;
    drive::drain(&mut pipeline)?;
    let snapshot = pipeline.snapshot();
    write(snapshot.rows.iter().filter(|row| is_container(row)).collect(), &snapshot, &pipeline)
}

fn run_command(
    job: &Job<'_>,
    roots: &Roots,
    write: impl FnOnce(Vec<&Row>, &Snapshot, &Pipeline<KernelSource>) -> Result<ExitCode>,
) -> Result<ExitCode> {
    let stop = Stop::on_signals()?;
    let cgroup = OwnCgroup::new(roots)?;
    cgroup.removed_on_abort(&stop);
    let own = cgroup.container(job.command);
    let own_id = own.id.clone();
    let plan = plan(Some(cgroup.id), job.features);
    let source = live::open(&plan, roots, |resolver| resolver.name_cgroup(cgroup.id, own))?;
    let model = Model::new(source.session().clone(), FOR_EVER);
    let mut pipeline = Pipeline::new(source, model, Wanted::from(job.containers));
    let mut child = cgroup.start(job.command)?;
    let mut status = None;
    watch(&mut pipeline, &stop, job.duration, || {
        status = child.try_wait()?;
        Ok(status.is_some())
    })?;
    // Its end is part of what is recorded.
    drop(cgroup);
    drive::drain(&mut pipeline)?;
    let snapshot = pipeline.snapshot();
    let owners = pipeline.model.owners();
    let mut rows: Vec<&Row> =
        snapshot.rows.iter().filter(|row| brought_about(row, owners, &own_id)).collect();
    if rows.is_empty() {
        rows.extend(snapshot.rows.iter().filter(|row| container_id(row) == Some(&own_id)));
    }
    let written = write(rows, &snapshot, &pipeline)?;
    // The command's failure is no reason to withhold the profile, but it is to be known.
    Ok(match status {
        Some(status) if !status.success() => {
            say(&format!("the command ended with {status}: what it did until then was recorded"));
            exit_code(status)
        }
        _ => written,
    })
}

pub(super) fn watch<S: Source>(
    pipeline: &mut Pipeline<S>,
    stop: &Stop,
    duration: Option<Duration>,
    ended: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let pace = Pace { sample_every: Duration::from_secs(1), duration };
    drive::live(pipeline, stop, &pace, |_| Ok(Flow::On), ended)
}

/// Before hours of recording, not after them.
pub(super) fn check_output(output: &Path) -> Result<()> {
    let folder = match output.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::read_dir(folder).with_context(|| {
        format!("cannot write {}: its folder {} cannot be read", output.display(), folder.display())
    })?;
    Ok(())
}

/// Whether a command brought this container about: by its own descendants, or, where a daemon
/// starts containers, while the command ran.
fn brought_about(row: &Row, owners: &Owners, own_id: &str) -> bool {
    let Subject::Container(container) = &row.subject else { return false };
    if container.id == own_id {
        return false;
    }
    let identities = || owners.all().filter(|identity| is_of(identity, &container.id));
    let by_daemon = matches!(container.runtime, Runtime::Docker | Runtime::Containerd | Runtime::Crio);
    identities().any(|identity| identity.lineage)
        || (by_daemon && identities().min_by_key(|i| i.first_ns).is_some_and(|i| i.phase == Phase::Setup))
}

fn is_of(identity: &Identity, id: &str) -> bool {
    matches!(&identity.owner, Owner::Container(container) if container.id == id)
}
