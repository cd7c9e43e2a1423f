//! `ctrace top`: the screen, or samples for scripts.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::runtime;
use tokio::sync::watch;
use tracer_common::config::feature;
use tracer_common::limits::RING_BYTES;

use super::drive::{self, Flow, Pace, Turn};
use super::outside::Outside;
use super::signals::Stop;
use super::{config, demo, live, output, say};
use crate::batch::{Session, Source};
use crate::cli::{SampleFormat, TopArgs};
use crate::closeup;
use crate::container::Roots;
use crate::exit::Code;
use crate::filter::Wanted;
use crate::model::{GRACE_NS, Model};
use crate::pipeline::Pipeline;
use crate::plan::{Capacity, Plan, Selection};
use crate::sink::top::Format;
use crate::sink::{Output, Samples};
use crate::snapshot::Snapshot;
use crate::text::Charset;
use crate::tui::plain::Plain;
use crate::tui::{self, Config, Wish};

/// Between two samples, unless somebody says otherwise.
const INTERVAL: Duration = Duration::from_secs(1);

/// The first numbers, and what a view asks for, come soon and not after a whole interval.
const SOON: Duration = Duration::from_millis(200);

pub(super) fn top(args: &TopArgs) -> Result<ExitCode> {
    if args.print_keys {
        let keys = config::load(args.config.as_deref())?.keys;
        io::stdout().write_all(keys.listing().as_bytes()).context("cannot print the keys")?;
        return Ok(Code::Done.into());
    }
    let people = !args.once && args.count.is_none() && io::stdout().is_terminal();
    // Scripts get the same on every machine.
    let config = if people || args.plain { config::load(args.config.as_deref())? } else { Config::default() };
    let plain = args.plain || people && config.plain.unwrap_or(false);
    match (args.replay.is_some() || args.demo, people && !plain) {
        (true, true) => replayed_screen(args, config),
        (true, false) => replayed_samples(args, &config, plain),
        (false, true) => live_screen(args, config),
        (false, false) => live_samples(args, &config, plain),
    }
}

/// `looks`: somebody may look closer at a container.
fn live_pipeline(args: &TopArgs, looks: bool) -> Result<Pipeline<impl Source + use<>>> {
    live::preflight().map_err(demo::offer)?;
    let roots = Roots::detect()?;
    let records = feature::SYSCALL_RECORDS | feature::PROCESS_RECORDS;
    let plan = Plan {
        features: feature::LATENCY
            | match (args.record.is_some(), looks) {
                // A recording is for every face, the samples only for this one.
                (true, _) => records | feature::ARGUMENTS,
                (false, true) => records | feature::FOCUS,
                (false, false) => 0,
            },
        selection: Selection::ALL,
        min_duration_ns: 0,
        errnos: None,
        lineage: None,
        held: None,
        ring_bytes: RING_BYTES,
        capacity: Capacity::default(),
    };
    let source = live::open(&plan, &roots, |_| {})?;
    let recorder = args.record.as_deref().map(|path| output::recorder(path, source.session())).transpose()?;
    let pipeline = pipeline(source, args).with_open_files(Box::new(closeup::Proc::new(&roots.proc)));
    Ok(match recorder {
        Some(recorder) => pipeline.with_recorder(recorder),
        None => pipeline,
    })
}

fn pipeline<S: Source>(source: S, args: &TopArgs) -> Pipeline<S> {
    let model = Model::new(source.session().clone(), GRACE_NS);
    let wanted = Wanted { host: args.host, ..Wanted::from(&args.containers) };
    Pipeline::new(source, model, wanted)
}

fn live_samples(args: &TopArgs, config: &Config, plain: bool) -> Result<ExitCode> {
    let mut pipeline = live_pipeline(args, false)?;
    let stop = Stop::on_signals()?;
    let mut printer = Printer::new(args, config, plain);
    let interval = args.interval.or(config.interval).unwrap_or(INTERVAL);
    let pace = Pace { sample_every: interval, duration: None };
    say("tracing; Ctrl-C ends");
    drive::live(&mut pipeline, &stop, &pace, |p| printer.print(&p.snapshot()), || Ok(false))?;
    drive::drain(&mut pipeline)?;
    pipeline.finish()?;
    Ok(Code::Done.into())
}

fn replayed_samples(args: &TopArgs, config: &Config, plain: bool) -> Result<ExitCode> {
    let mut pipeline = pipeline(demo::recording(args.replay.as_deref())?, args);
    let stop = Stop::on_signals()?;
    let mut printer = Printer::new(args, config, plain);
    if args.once {
        // The whole recording is one interval.
        drive::replay(&mut pipeline, &stop, |_| Ok(Flow::On))?;
        printer.print(&pipeline.snapshot())?;
        return Ok(Code::Done.into());
    }
    let mut shown = 0;
    drive::replay(&mut pipeline, &stop, |p| {
        let snapshot = p.snapshot();
        let pause = Duration::from_nanos(snapshot.elapsed_ns.saturating_sub(shown));
        shown = snapshot.elapsed_ns;
        // Sentences are followed as they come, samples are for scripts.
        if plain && drive::wait_at(&stop, pause, || args.speed) {
            return Ok(Flow::End);
        }
        printer.print(&snapshot)
    })?;
    Ok(Code::Done.into())
}

/// Samples to standard output.
struct Printer {
    face: Face,
    /// How many are still to come; None: no end.
    left: Option<u64>,
}

enum Face {
    Samples(Samples<io::Stdout>),
    Plain(Plain, Output<io::Stdout>),
}

impl Printer {
    fn new(args: &TopArgs, config: &Config, plain: bool) -> Self {
        let format = match args.format {
            SampleFormat::Table => Format::Table,
            SampleFormat::Json => Format::Json,
            SampleFormat::Csv => Format::Csv,
        };
        let charset = if ascii(args, config) { Charset::Ascii } else { Charset::Unicode };
        let face = if plain {
            Face::Plain(Plain::new(charset), Output::new(io::stdout()))
        } else {
            Face::Samples(Samples::new(io::stdout(), format))
        };
        Self { face, left: if args.once { Some(1) } else { args.count } }
    }

    fn print(&mut self, snapshot: &Snapshot) -> Result<Flow> {
        let read = match &mut self.face {
            Face::Samples(samples) => samples.sample(snapshot),
            Face::Plain(plain, out) => {
                for line in plain.lines(snapshot) {
                    out.lines().extend(line.bytes().chain([b'\n']));
                }
                out.flush()
            }
        };
        if !read.context("cannot write a sample")? {
            return Ok(Flow::End);
        }
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                return Ok(Flow::End);
            }
        }
        Ok(Flow::On)
    }
}

fn ascii(args: &TopArgs, config: &Config) -> bool {
    args.ascii || config.ascii.unwrap_or(false)
}

fn live_screen(args: &TopArgs, config: Config) -> Result<ExitCode> {
    let mut pipeline = live_pipeline(args, true)?;
    let session = pipeline.source.session().clone();
    let interval = args.interval.or(config.interval).unwrap_or(INTERVAL);
    let pace = Pace { sample_every: interval, duration: None };
    screen(args, config, session, move |snapshots, mut wishes, stop| {
        let show = |p: &mut Pipeline<_>| {
            let gone = snapshots.send(Some(Arc::new(p.snapshot()))).is_err();
            Ok(if gone { Flow::End } else { Flow::On })
        };
        let mut first = true;
        drive::live_asked(&mut pipeline, stop, &pace, show, |p| {
            if snapshots.is_closed() {
                return Ok(Turn::End);
            }
            let soon = std::mem::take(&mut first) | heed(p, &mut wishes)?;
            Ok(if soon { Turn::SampleWithin(SOON.min(interval)) } else { Turn::On })
        })?;
        drive::drain(&mut pipeline)?;
        pipeline.finish()?;
        Ok(())
    })
}

fn replayed_screen(args: &TopArgs, config: Config) -> Result<ExitCode> {
    let mut pipeline = pipeline(demo::recording(args.replay.as_deref())?, args);
    let session = pipeline.source.session().clone();
    screen(args, config, session, move |snapshots, mut wishes, stop| {
        let mut shown = 0;
        drive::replay(&mut pipeline, stop, |p| {
            heed(p, &mut wishes)?;
            let snapshot = p.snapshot();
            // At the pace at which it was recorded, or at the one that is asked for.
            let pause = Duration::from_nanos(snapshot.elapsed_ns.saturating_sub(shown));
            shown = snapshot.elapsed_ns;
            let gone = snapshots.send(Some(Arc::new(snapshot))).is_err();
            let ended = gone || drive::wait_at(stop, pause, || wishes.borrow().speed);
            Ok(if ended { Flow::End } else { Flow::On })
        })?;
        // Where nothing came after the last sample, there is no interval to show.
        let last = pipeline.snapshot();
        if last.elapsed_ns > shown || shown == 0 {
            snapshots.send(Some(Arc::new(last))).ok();
        }
        Ok(())
    })
}

/// Passes on what the screen wants to look at closely. True: that has changed.
fn heed<S: Source>(pipeline: &mut Pipeline<S>, wishes: &mut watch::Receiver<Wish>) -> Result<bool> {
    // An error says that the screen has gone, which the sender of snapshots finds out.
    if !wishes.has_changed().unwrap_or(false) {
        return Ok(false);
    }
    pipeline.demand(wishes.borrow_and_update().demand.clone())?;
    Ok(true)
}

/// The screen in this thread, the data in another one.
fn screen(
    args: &TopArgs,
    config: Config,
    session: Session,
    data: impl FnOnce(&watch::Sender<Option<Arc<Snapshot>>>, watch::Receiver<Wish>, &Stop) -> Result<()>
    + Send
    + 'static,
) -> Result<ExitCode> {
    let (sender, receiver) = watch::channel(None);
    let speed = args.speed;
    let (sent, wishes) = watch::channel(Wish { demand: None, speed });
    let stop = Stop::default();
    let asked = stop.clone();
    let worker = thread::Builder::new()
        .name("data".to_owned())
        .spawn(move || data(&sender, wishes, &asked))
        .context("cannot start a thread")?;
    let options = tui::Options {
        replay: args.replay.is_some() || args.demo,
        speed,
        filter: describe(args),
        ascii: ascii(args, &config),
        color: output::colour_wanted(),
        mouse: !args.no_mouse && config.mouse.unwrap_or(true),
        keys: config.keys,
    };
    let outside = Outside::new(args, session)?;
    let shown = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot run the screen")?
        .block_on(tui::run(receiver, sent, options, &outside));
    stop.request();
    let Ok(data_ended) = worker.join() else { bail!("the thread that reads the data panicked") };
    shown?;
    data_ended?;
    Ok(Code::Done.into())
}

/// What was asked for, for the header.
fn describe(args: &TopArgs) -> String {
    let containers = &args.containers;
    let filters = containers.filters.iter().map(ToString::to_string);
    let mut words: Vec<String> = containers.names.iter().cloned().chain(filters).collect();
    if args.host {
        words.push("+host".to_owned());
    }
    if args.demo {
        words.push("DEMO".to_owned());
    }
    words.join(" ")
}
