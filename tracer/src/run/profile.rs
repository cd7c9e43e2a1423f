//! `ctrace profile`: what containers called, as seccomp profiles.

use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use tracer_common::limits::RING_BYTES;

use super::child::{OwnCgroup, exit_code};
use super::drive::{self, Flow, Pace};
use super::signals::Stop;
use super::{demo, live, output, say};
use crate::batch::Source;
use crate::cli::{GenerateArgs, ProfileCommand, ProfileRecordArgs};
use crate::container::CgroupId;
use crate::container::{Identity, Owner, Phase, Roots, Runtime};
use crate::exit::{Code, Refusal};
use crate::filter::Wanted;
use crate::model::{Model, Owners};
use crate::pipeline::Pipeline;
use crate::plan::{Capacity, Plan, Selection};
use crate::profile::{Generated, Options, generate};
use crate::snapshot::{Row, Snapshot, Subject};

/// A container that ended is still there when the profile is written, however long the recording.
const FOR_EVER: u64 = u64::MAX;

pub(super) fn profile(command: ProfileCommand) -> Result<ExitCode> {
    match command {
        ProfileCommand::Record(args) if args.command.is_empty() => record(&args),
        ProfileCommand::Record(args) => record_command(&args),
        ProfileCommand::Generate(args) => generate_from(&args),
    }
}

/// Counts are all that is needed: nothing goes through the ring buffer, nothing can be lost there.
fn plan(lineage: Option<CgroupId>) -> Plan {
    Plan {
        features: 0,
        selection: Selection::NONE,
        lineage,
        ring_bytes: RING_BYTES / 16,
        capacity: Capacity::default(),
    }
}

fn record(args: &ProfileRecordArgs) -> Result<ExitCode> {
    check_output(&args.output)?;
    live::preflight()?;
    let roots = Roots::detect()?;
    let source = live::open(&plan(None), &roots, |_| {})?;
    let model = Model::new(source.session().clone(), FOR_EVER);
    let mut pipeline = Pipeline::new(source, model, Wanted::from(&args.containers));
    let stop = Stop::on_signals()?;
    say("tracing; Ctrl-C ends and writes the profile");
    watch(&mut pipeline, &stop, args.duration, || Ok(false))?;
    drive::drain(&mut pipeline)?;
    let snapshot = pipeline.snapshot();
    let rows = snapshot.rows.iter().filter(|row| is_container(row));
    write(profiles(rows, &snapshot, pipeline.model.owners()), &args.output)
}

fn record_command(args: &ProfileRecordArgs) -> Result<ExitCode> {
    check_output(&args.output)?;
    live::preflight()?;
    let roots = Roots::detect()?;
    let stop = Stop::on_signals()?;
    let cgroup = OwnCgroup::new(&roots)?;
    cgroup.removed_on_abort(&stop);
    let own = cgroup.container(&args.command);
    let own_id = own.id.clone();
    let source = live::open(&plan(Some(cgroup.id)), &roots, |resolver| resolver.name_cgroup(cgroup.id, own))?;
    let model = Model::new(source.session().clone(), FOR_EVER);
    let mut pipeline = Pipeline::new(source, model, Wanted::from(&args.containers));
    let mut child = cgroup.start(&args.command)?;
    let mut status = None;
    watch(&mut pipeline, &stop, args.duration, || {
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
    let written = write(profiles(rows, &snapshot, owners), &args.output)?;
    // The command's failure is no reason to withhold the profile, but it is to be known.
    Ok(match status {
        Some(status) if !status.success() => {
            say(&format!("the command ended with {status}: the profile holds what it called until then"));
            exit_code(status)
        }
        _ => written,
    })
}

fn watch<S: Source>(
    pipeline: &mut Pipeline<S>,
    stop: &Stop,
    duration: Option<Duration>,
    ended: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let pace = Pace { sample_every: Duration::from_secs(1), duration };
    drive::live(pipeline, stop, &pace, |_| Ok(Flow::On), ended)
}

/// Before hours of recording, not after them.
fn check_output(output: &Path) -> Result<()> {
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

fn container_id(row: &Row) -> Option<&str> {
    match &row.subject {
        Subject::Container(container) => Some(&container.id),
        Subject::Host | Subject::Unknown { .. } => None,
    }
}

fn is_container(row: &Row) -> bool {
    container_id(row).is_some()
}

fn generate_from(args: &GenerateArgs) -> Result<ExitCode> {
    let mut all = Vec::new();
    for path in &args.recordings {
        let source = demo::recording(Some(path))?;
        let wanted = Wanted { filters: args.filters.clone(), ..Wanted::default() };
        let model = Model::new(source.session().clone(), FOR_EVER);
        let mut pipeline = Pipeline::new(source, model, wanted);
        drive::replay(&mut pipeline, &Stop::default(), |_| Ok(Flow::On))?;
        let snapshot = pipeline.snapshot();
        let rows = snapshot.rows.iter().filter(|row| is_container(row));
        all.extend(profiles(rows, &snapshot, pipeline.model.owners()));
    }
    write(all, &args.output)
}

/// A profile and what it is called: the container's name, and the file's where there are several.
struct Named {
    generated: Generated,
    name: String,
    file: PathBuf,
}

fn profiles<'a>(rows: impl IntoIterator<Item = &'a Row>, snapshot: &Snapshot, owners: &Owners) -> Vec<Named> {
    // A container that called nothing has nothing to be allowed.
    let rows = rows.into_iter().filter(|row| row.sum.total > 0);
    rows.map(|row| {
        let options = Options { from_start: Some(from_start(row, owners)), ..Options::default() };
        let generated = generate(row, snapshot, &options);
        Named { generated, name: crate::text::safe(row.name()).into_owned(), file: file_name(row) }
    })
    .collect()
}

/// Whether the container's program was seen to start: the runtime prepared before it ran. An `exec` into
/// a container that ran before prepares as well, but later.
fn from_start(row: &Row, owners: &Owners) -> bool {
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
fn write(profiles: Vec<Named>, output: &Path) -> Result<ExitCode> {
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
    for Named { generated, name, file } in profiles {
        let path = if several { output.join(file) } else { output.to_path_buf() };
        write_one(&generated, &path)?;
        say(&format!("{}: {name}", path.display()));
        for line in generated.to_string().lines() {
            say(&format!("  {line}"));
        }
    }
    Ok(Code::Done.into())
}

fn write_one(generated: &Generated, path: &Path) -> Result<()> {
    let json = generated.profile.to_json().context("cannot print the profile")?;
    output::create(path)?
        .write_all(json.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))
}

/// A container's name is its own choice; a file's is ours.
fn file_name(row: &Row) -> PathBuf {
    let id: String = container_id(row).unwrap_or_default().chars().take(12).collect();
    let plain = |text: &str| -> String {
        text.chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' })
            .take(64)
            .collect()
    };
    PathBuf::from(format!("{}-{}.json", plain(row.name()), plain(&id)))
}
