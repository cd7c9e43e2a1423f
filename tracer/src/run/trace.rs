//! `ctrace trace` and `ctrace run`: events as they happen.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use tracer_common::config::feature;

use super::child::{OwnCgroup, exit_code, pass_on};
use super::drive::{self, Flow, Pace};
use super::signals::Stop;
use super::{demo, live, output, say};
use crate::batch::{Arch, Source};
use crate::cli::{Output, RunArgs, TraceArgs, What};
use crate::container::CgroupId;
use crate::container::Roots;
use crate::exit::{Code, Refusal};
use crate::filter::Wanted;
use crate::kernel;
use crate::model::Model;
use crate::pipeline::{Events, Pipeline};
use crate::plan::{Capacity, Plan};
use crate::select::Select;

/// What is known of an ended container is kept that long, for records still on their way.
const GRACE_NS: u64 = 5_000_000_000;

/// Losses are looked for this often.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

pub(super) fn trace(args: &TraceArgs) -> Result<ExitCode> {
    let wanted = Wanted { host: args.host, setup: args.what.setup, ..Wanted::from(&args.containers) };
    if args.replay.is_some() || args.demo {
        let source = demo::recording(args.replay.as_deref())?;
        let select = select(&args.what, source.session().arch)?;
        let mut pipeline = pipeline(source, wanted, select, &args.output)?.with_limit(args.count);
        let stop = Stop::on_signals()?;
        if pipeline.start()? {
            drive::replay(&mut pipeline, &stop, |_| Ok(Flow::On))?;
        }
        return finish(&mut pipeline, &args.output);
    }
    let select = select(&args.what, kernel::arch()?)?;
    live::preflight()?;
    let roots = Roots::detect()?;
    let source = live::open(&plan(&select, None), &roots, |_| {})?;
    let mut pipeline = pipeline(source, wanted, select, &args.output)?.with_limit(args.count);
    let stop = Stop::on_signals()?;
    if pipeline.start()? {
        say("tracing; Ctrl-C ends");
        let pace = Pace { sample_every: SAMPLE_EVERY, duration: args.duration };
        drive::live(&mut pipeline, &stop, &pace, |_| Ok(Flow::On), || Ok(false))?;
        drive::drain(&mut pipeline)?;
    }
    finish(&mut pipeline, &args.output)
}

pub(super) fn run(args: &RunArgs) -> Result<ExitCode> {
    let select = select(&args.what, kernel::arch()?)?;
    live::preflight()?;
    let roots = Roots::detect()?;
    let stop = Stop::on_signals()?;
    let cgroup = OwnCgroup::new(&roots)?;
    cgroup.removed_on_abort(&stop);
    let name = cgroup.container(&args.command);
    let plan = plan(&select, Some(cgroup.id));
    let source = live::open(&plan, &roots, |resolver| resolver.name_cgroup(cgroup.id, name))?;
    let wanted = Wanted { lineage: true, setup: args.what.setup, ..Wanted::default() };
    let mut pipeline = pipeline(source, wanted, select, &args.output)?;
    if !pipeline.start()? {
        return Ok(Code::Done.into());
    }
    let mut child = cgroup.start(&args.command)?;
    let mut status = None;
    let pace = Pace { sample_every: SAMPLE_EVERY, duration: None };
    drive::live(
        &mut pipeline,
        // The command's end is ours.
        &Stop::default(),
        &pace,
        |_| Ok(Flow::On),
        || {
            pass_on(&stop, &child);
            status = child.try_wait()?;
            Ok(status.is_some())
        },
    )?;
    if status.is_some() {
        // The end of its cgroup is that of the container, and still seen.
        drop(cgroup);
    }
    drive::drain(&mut pipeline)?;
    let code = finish(&mut pipeline, &args.output)?;
    // The receiver may have gone before the command.
    let status = match status {
        Some(status) => status,
        None => child.wait()?,
    };
    Ok(if code == ExitCode::from(Code::Lost) { code } else { exit_code(status) })
}

fn select(what: &What, arch: Arch) -> Result<Select> {
    let parsed = Select::parse(&what.what, what.failed, what.denied, arch);
    Ok(parsed.map_err(|message| Refusal { code: Code::Usage, message: format!("-e: {message}") })?)
}

fn plan(select: &Select, lineage: Option<CgroupId>) -> Plan {
    let features = [
        (select.wants_syscalls(), feature::SYSCALL_RECORDS),
        (select.failed, feature::ONLY_FAILED),
        (select.denied, feature::ONLY_DENIED),
        // What a session executes first tells a health check from somebody's curiosity.
        (select.wants_syscalls() || select.wants_processes(), feature::PROCESS_RECORDS),
        (select.wants_cgroups(), feature::CGROUP_RECORDS),
    ];
    Plan {
        features: features.iter().filter(|(on, _)| *on).fold(0, |all, (_, bit)| all | bit),
        selection: select.kernel(),
        lineage,
        ring_bytes: tracer_common::limits::RING_BYTES,
        capacity: Capacity::default(),
    }
}

fn pipeline<S: Source>(source: S, wanted: Wanted, select: Select, output: &Output) -> Result<Pipeline<S>> {
    let model = Model::new(source.session().clone(), GRACE_NS);
    let sink = output::events(output.format, output.output.as_deref())?;
    Ok(Pipeline::new(source, model, wanted).with_events(Events { sink, select }))
}

/// Closes the books and says how they stand.
fn finish<S: Source>(pipeline: &mut Pipeline<S>, output: &Output) -> Result<ExitCode> {
    let ledger = pipeline.finish()?;
    say(&ledger.summary(pipeline.elapsed_ns()));
    let lost = ledger.lost() > 0 || !pipeline.model.losses().is_empty();
    Ok(if lost && output.fail_on_loss { Code::Lost.into() } else { Code::Done.into() })
}
