//! `ctrace profile record`: containers that run, or that a command brings about.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use tracer_common::config::feature;
use tracer_common::limits::RING_BYTES;

use super::super::child::{OwnCgroup, exit_code};
use super::super::drive::{self, Flow, Pace};
use super::super::signals::Stop;
use super::super::{live, say};
use super::write::{profiles, write};
use super::{FOR_EVER, container_id, is_container};
use crate::batch::Source;
use crate::cli::{Containers, Print, ProfileRecordArgs};
use crate::container::{CgroupId, Identity, Owner, Phase, Roots, Runtime, UnknownReason};
use crate::exit::{Code, Refusal};
use crate::filter::Wanted;
use crate::kernel::KernelSource;
use crate::model::{Model, Owners};
use crate::pipeline::Pipeline;
use crate::plan::{Capacity, Plan, Selection};
use crate::profile::Format;
use crate::snapshot::{Row, Snapshot, Subject};

/// Counts are all that is needed: next to nothing goes through the ring buffer, no call can be lost there.
pub(super) fn plan(lineage: Option<CgroupId>, features: u32) -> Plan {
    Plan {
        // What an `exec` session begins with tells whether it is a health check.
        features: features | feature::SESSION_RECORDS,
        selection: Selection::NONE,
        min_duration_ns: 0,
        errnos: None,
        lineage,
        held: None,
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
    check_print(&args.print)?;
    let ProfileRecordArgs { containers, duration, print, command } = args;
    let features = if print.arguments.is_some() { feature::ARGUMENTS } else { 0 };
    let job = Job { containers, duration: *duration, command, features, product: "profile" };
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
    if let Some((pid, reason)) = unnamed(owners) {
        let whose = format!(
            "process {pid}, which the command brought about, is of a container that ctrace cannot name: {reason}"
        );
        // The command itself is not what was to be recorded then.
        anyhow::ensure!(
            !rows.is_empty(),
            "nothing written: {whose}. Record it again; one that lives longer helps"
        );
        say(&format!("{whose}. Nothing of it was recorded"));
    }
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

pub(super) fn check_print(print: &Print) -> Result<()> {
    if print.arguments.is_some() && print.format == Format::Systemd {
        let message =
            "systemd's filters know no arguments; leave out --arguments, or choose another --format";
        return Err(Refusal { code: Code::Usage, message: message.to_owned() }.into());
    }
    check_output(&print.output)
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

/// Who descends from the command and is in no container that we could name.
fn unnamed(owners: &Owners) -> Option<(u32, UnknownReason)> {
    owners.all().filter(|identity| identity.lineage).find_map(|identity| match identity.owner {
        Owner::Unknown(reason) => Some((identity.first_pid, reason)),
        Owner::Container(_) | Owner::Host => None,
    })
}

fn is_of(identity: &Identity, id: &str) -> bool {
    matches!(&identity.owner, Owner::Container(container) if container.id == id)
}
