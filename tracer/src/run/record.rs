//! `ctrace record`: what is wanted, into a file.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use tracer_common::config::feature;
use tracer_common::limits::RING_BYTES;

use super::drive::{self, Flow, Pace};
use super::signals::Stop;
use super::{live, output, say};
use crate::batch::Source;
use crate::cli::RecordArgs;
use crate::container::Roots;
use crate::exit::Code;
use crate::filter::Wanted;
use crate::model::{GRACE_NS, Model};
use crate::pipeline::Pipeline;
use crate::plan::{Capacity, Plan, Selection};

/// What every face needs.
const EVERYTHING: u32 = feature::LATENCY
    | feature::ARGUMENTS
    | feature::SYSCALL_RECORDS
    | feature::PROCESS_RECORDS
    | feature::CGROUP_RECORDS
    | feature::IO_URING_RECORDS;

pub(super) fn record(args: &RecordArgs) -> Result<ExitCode> {
    live::preflight()?;
    let roots = Roots::detect()?;
    let plan = Plan {
        features: EVERYTHING,
        selection: Selection::ALL,
        min_duration_ns: 0,
        errnos: None,
        lineage: None,
        held: None,
        ring_bytes: RING_BYTES,
        capacity: Capacity::default(),
    };
    let source = live::open(&plan, &roots, |_| {})?;
    let recorder = output::recorder(&args.output, source.session())?;
    let model = Model::new(source.session().clone(), GRACE_NS);
    let wanted = Wanted { host: args.host, ..Wanted::from(&args.containers) };
    let mut pipeline = Pipeline::new(source, model, wanted).with_recorder(recorder);
    let stop = Stop::on_signals()?;
    say("tracing; Ctrl-C ends");
    let pace = Pace { sample_every: Duration::from_secs(1), duration: args.duration };
    drive::live(&mut pipeline, &stop, &pace, |_| Ok(Flow::On), || Ok(false))?;
    drive::drain(&mut pipeline)?;
    pipeline.finish()?;
    let losses = pipeline.model.losses();
    for loss in &losses {
        let whose = loss.container.as_ref().map_or("unknown owner", |c| c.display_name());
        say(&format!("lost {} ({}), {}", loss.count, loss.place, crate::text::safe(whose)));
    }
    say(&format!("recorded to {}", args.output.display()));
    Ok(Code::Done.into())
}
