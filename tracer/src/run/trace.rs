//! `ctrace trace` and `ctrace run`: events as they happen.

use std::cell::RefCell;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use tracer_common::config::feature;

use super::child::{OwnCgroup, exit_code, pass_on};
use super::drive::{self, Flow, Pace};
use super::explain::{Choice, explain};
use super::metrics::Metrics;
use super::signals::Stop;
use super::{demo, live, say, sinks};
use crate::batch::{Arch, Session, Source};
use crate::cli::{Output, RunArgs, TraceArgs, What};
use crate::container::CgroupId;
use crate::container::Roots;
use crate::delivery::spec::OnFull;
use crate::delivery::{Delivery, Monitor};
use crate::exit::{Code, Refusal};
use crate::filter::{AnyFilter, Processes, Wanted};
use crate::kernel;
use crate::model::Model;
use crate::pipeline::{Events, Pipeline};
use crate::plan::{Capacity, Plan};
use crate::select::Select;
use crate::text::safe;

/// What is known of an ended container is kept that long, for records still on their way.
const GRACE_NS: u64 = 5_000_000_000;

/// Losses are looked for this often.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

pub(super) fn trace(args: &TraceArgs) -> Result<ExitCode> {
    let wanted = wanted(args);
    if args.what.explain {
        return explained(&args.what, &wanted, None);
    }
    if args.replay.is_some() || args.demo {
        let source = demo::recording(args.replay.as_deref())?;
        let select = select(&args.what, source.session().arch)?;
        // A recording can wait for whoever reads it: nothing is lost.
        let (stop, delivery, monitor) = deliver(&args.output, OnFull::Block, None)?;
        let mut pipeline = pipeline(source, wanted, select, delivery).with_limit(args.count);
        let mut metrics = Metrics::new(&args.metrics)?;
        if pipeline.start()? {
            drive::replay(&mut pipeline, &stop, |p| {
                publish(&mut metrics, p, &monitor);
                Ok(Flow::On)
            })?;
        }
        return finish(&mut pipeline, &monitor, &args.output);
    }
    let select = select(&args.what, kernel::arch()?)?;
    live::preflight()?;
    let mut metrics = Metrics::new(&args.metrics)?;
    let roots = Roots::detect()?;
    let source = live::open(&plan(&select, None), &roots, |_| {})?;
    say_what_is_missing(&select, source.session(), &args.what)?;
    let (stop, delivery, monitor) = deliver(&args.output, OnFull::Drop, args.duration)?;
    let mut pipeline = pipeline(source, wanted, select, delivery).with_limit(args.count);
    if pipeline.start()? {
        publish(&mut metrics, &pipeline, &monitor);
        say("tracing; Ctrl-C ends");
        let pace = Pace { sample_every: SAMPLE_EVERY, duration: args.duration };
        trace_live(&mut pipeline, &stop, &pace, (&mut metrics, &monitor), || Ok(false))?;
        drive::drain(&mut pipeline)?;
    }
    finish(&mut pipeline, &monitor, &args.output)
}

pub(super) fn run(args: &RunArgs) -> Result<ExitCode> {
    let wanted = Wanted {
        processes: Processes(args.filters.clone()),
        lineage: true,
        setup: args.what.setup,
        ..Wanted::default()
    };
    if args.what.explain {
        return explained(&args.what, &wanted, Some(CgroupId::V2(0)));
    }
    let select = select(&args.what, kernel::arch()?)?;
    live::preflight()?;
    let mut metrics = Metrics::new(&args.metrics)?;
    let roots = Roots::detect()?;
    let (stop, delivery, monitor) = deliver(&args.output, OnFull::Drop, None)?;
    let cgroup = OwnCgroup::new(&roots)?;
    cgroup.removed_on_abort(&stop);
    let name = cgroup.container(&args.command);
    let plan = plan(&select, Some(cgroup.id));
    let source = live::open(&plan, &roots, |resolver| resolver.name_cgroup(cgroup.id, name))?;
    say_what_is_missing(&select, source.session(), &args.what)?;
    let mut pipeline = pipeline(source, wanted, select, delivery);
    if !pipeline.start()? {
        return Ok(Code::Done.into());
    }
    publish(&mut metrics, &pipeline, &monitor);
    let mut child = cgroup.start(&args.command)?;
    let mut status = None;
    let pace = Pace { sample_every: SAMPLE_EVERY, duration: None };
    // The command's end is ours.
    trace_live(&mut pipeline, &Stop::default(), &pace, (&mut metrics, &monitor), || {
        pass_on(&stop, &child);
        status = child.try_wait()?;
        Ok(status.is_some())
    })?;
    if status.is_some() {
        // The end of its cgroup is that of the container, and still seen.
        drop(cgroup);
    }
    drive::drain(&mut pipeline)?;
    let code = finish(&mut pipeline, &monitor, &args.output)?;
    // The receiver may have gone before the command.
    let status = match status {
        Some(status) => status,
        None => child.wait()?,
    };
    Ok(if code == ExitCode::from(Code::Lost) { code } else { exit_code(status) })
}

/// What the kernel does not tell is an error for who asked for it by name, and a word for all others.
fn say_what_is_missing(select: &Select, session: &Session, what: &What) -> Result<()> {
    if !select.wants_io_uring() || session.features & feature::IO_URING_RECORDS != 0 {
        return Ok(());
    }
    let message =
        "this kernel does not say what io_uring does (it takes Linux 6.0; `ctrace doctor` has more)";
    if what.what.iter().any(|word| word.starts_with("io_uring.")) {
        return Err(Refusal { code: Code::KernelCannot, message: message.to_owned() }.into());
    }
    say(message);
    Ok(())
}

/// Until `stop`, or until `ended`, with metrics published as samples come.
fn trace_live<S: Source>(
    pipeline: &mut Pipeline<S>,
    stop: &Stop,
    pace: &Pace,
    (metrics, monitor): (&mut Option<Metrics>, &Monitor),
    mut ended: impl FnMut() -> Result<bool>,
) -> Result<()> {
    // Both closures want them, never at the same time.
    let metrics = RefCell::new(metrics);
    let sampled = |pipeline: &mut Pipeline<S>| {
        publish(&mut metrics.borrow_mut(), pipeline, monitor);
        Ok(Flow::On)
    };
    drive::live(pipeline, stop, pace, sampled, || {
        if let Some(metrics) = metrics.borrow().as_ref() {
            metrics.beat();
        }
        ended()
    })
}

fn publish<S: Source>(metrics: &mut Option<Metrics>, pipeline: &Pipeline<S>, monitor: &Monitor) {
    if let Some(metrics) = metrics {
        metrics.beat();
        metrics.publish(pipeline, monitor);
    }
}

fn wanted(args: &TraceArgs) -> Wanted {
    let mut wanted = Wanted {
        names: args.chosen.names.clone(),
        host: args.host,
        setup: args.what.setup,
        ..Wanted::default()
    };
    for filter in &args.chosen.filters {
        match filter {
            AnyFilter::Container(filter) => wanted.filters.push(filter.clone()),
            AnyFilter::Process(filter) => wanted.processes.0.push(filter.clone()),
        }
    }
    wanted
}

/// Says what would be done, and does nothing.
fn explained(what: &What, wanted: &Wanted, lineage: Option<CgroupId>) -> Result<ExitCode> {
    let arch = kernel::arch()?;
    let select = select(what, arch)?;
    let plan = plan(&select, lineage);
    let tracepoints = kernel::tracepoints(plan.features).collect();
    super::print(&explain(&Choice { arch, select: &select, wanted, plan: &plan, tracepoints }))
}

fn select(what: &What, arch: Arch) -> Result<Select> {
    let parsed = Select::parse(&what.asked(), arch);
    Ok(parsed.map_err(|message| Refusal { code: Code::Usage, message })?)
}

pub(super) fn plan(select: &Select, lineage: Option<CgroupId>) -> Plan {
    let features = [
        (select.wants_syscalls(), feature::SYSCALL_RECORDS),
        (select.failed, feature::ONLY_FAILED),
        (select.denied, feature::ONLY_DENIED),
        // What a session executes first tells a health check from somebody's curiosity.
        (select.wants_syscalls() || select.wants_processes(), feature::PROCESS_RECORDS),
        (select.wants_cgroups(), feature::CGROUP_RECORDS),
        (select.wants_io_uring(), feature::IO_URING_RECORDS),
        (lineage.is_some(), feature::ONLY_LINEAGE),
    ];
    Plan {
        features: features.iter().filter(|(on, _)| *on).fold(0, |all, (_, bit)| all | bit),
        selection: select.kernel(),
        min_duration_ns: select.min_duration_ns,
        errnos: select.errnos.clone(),
        lineage,
        held: None,
        ring_bytes: tracer_common::limits::RING_BYTES,
        capacity: Capacity::default(),
    }
}

fn pipeline<S: Source>(source: S, wanted: Wanted, select: Select, delivery: Delivery) -> Pipeline<S> {
    let model = Model::new(source.session().clone(), GRACE_NS);
    Pipeline::new(source, model, wanted).with_events(Events { sink: Box::new(delivery), select })
}

/// Opens the sinks and watches for signals. Nobody waits for a sink when the end was asked for, or after `duration`.
fn deliver(
    output: &Output,
    on_full: OnFull,
    duration: Option<Duration>,
) -> Result<(Stop, Delivery, Monitor)> {
    let stop = Stop::default();
    let (asked, start) = (stop.clone(), Instant::now());
    let interrupted = move || asked.requested() || duration.is_some_and(|limit| start.elapsed() >= limit);
    let (delivery, monitor) = sinks::open(output, on_full, interrupted)?;
    let sinks = monitor.clone();
    stop.watch_and_reopen(move || sinks.reopen())?;
    Ok((stop, delivery, monitor))
}

/// Closes the books and says how they stand.
fn finish<S: Source>(pipeline: &mut Pipeline<S>, monitor: &Monitor, output: &Output) -> Result<ExitCode> {
    let ledger = pipeline.finish()?;
    say(&safe(&ledger.summary(pipeline.elapsed_ns())));
    if ledger.sinks.len() > 1 {
        ledger.sinks.iter().for_each(|books| say(&safe(&books.summary())));
    }
    let lost = ledger.lost() > 0 || !pipeline.model.losses().is_empty();
    let failing = monitor.readings().iter().any(|sink| sink.failing.is_some());
    Ok(match (lost && output.fail_on_loss, failing) {
        (true, _) => Code::Lost,
        (false, true) => Code::Failed,
        (false, false) => Code::Done,
    }
    .into())
}
