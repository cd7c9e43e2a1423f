//! From what was typed behind `-o` to sinks at work.

use std::process;
use std::time::SystemTime;

use anyhow::{Context, Result};

use super::exports;
use super::output::colour_wanted;
use crate::cli::{Lines, Output, Privacy};
use crate::delivery::spec::{Compression, EventFormat, KEEP, OnFull, Options, QUEUE, SinkSpec, Target};
use crate::delivery::{
    Datagrams, Delivery, Fanout, LogFile, Monitor, Patience, Printer, Receiver, Rotation, Route, Stdout,
    Stream, Syslog, stdout,
};
use crate::exit::{Code, Refusal};
use crate::redact::Patterns;
use crate::sink::json::Style;
use crate::sink::{Json, Redacted, Sink, Text, json};

/// Opens all sinks. `interrupted`: whether the end was asked for. `on_full`: if nothing was said.
pub(super) fn open(
    output: &Output,
    on_full: OnFull,
    interrupted: impl Fn() -> bool + Send + 'static,
) -> Result<(Delivery, Monitor)> {
    let standard = [SinkSpec::new(Target::Stdout)];
    let specs = if output.sinks.is_empty() { &standard[..] } else { &output.sinks };
    check(specs)?;
    let common = Options {
        format: output.format,
        on_full: output.on_full,
        queue: None,
        rotate_size: output.rotate_size,
        rotate_age: output.rotate_age,
        keep: output.keep,
        compress: output.compress,
    };
    let mut formats: Vec<(EventFormat, bool)> = Vec::new();
    let mut routes = Vec::new();
    for spec in specs {
        let options = spec.options.or(&common);
        let colour = spec.target == Target::Stdout && colour_wanted();
        let wanted = (spec.format(output.format), colour);
        let format = formats.iter().position(|format| *format == wanted).unwrap_or(formats.len());
        if format == formats.len() {
            formats.push(wanted);
        }
        let limit = usize::try_from(options.queue.unwrap_or(QUEUE)).unwrap_or(usize::MAX);
        let on_full = options.on_full.unwrap_or(on_full);
        let receiver = receiver(spec, &options, on_full)?;
        routes.push(Route { name: spec.name(), format, receiver, limit, on_full });
    }
    let privacy = &output.privacy;
    let printers = formats.into_iter().map(|(format, colour)| {
        Printer::new(|lines| -> Box<dyn Sink + Send> {
            match format {
                EventFormat::Text => private(Text::new(lines, colour).with_args(!privacy.no_args), privacy),
                EventFormat::Json => private(Json::styled(lines, style(&output.lines, privacy)), privacy),
            }
        })
    });
    let patience = Patience { interrupted: Box::new(interrupted), timeout: output.flush_timeout };
    let fanout = Fanout::start(routes, patience).context("cannot start a thread")?;
    let monitor = fanout.monitor();
    Ok((Delivery::new(printers.collect(), fanout), monitor))
}

/// How JSON lines look.
fn style(lines: &Lines, privacy: &Privacy) -> Style {
    let Lines { json_layout, max_event_bytes } = *lines;
    Style { layout: json_layout.into(), max_bytes: max_event_bytes, args: !privacy.no_args }
}

/// The printer, behind what hides things if anything is to be hidden.
fn private(printer: impl Sink + Send + 'static, privacy: &Privacy) -> Box<dyn Sink + Send> {
    let Privacy { redact, no_args } = privacy;
    if redact.is_empty() && !no_args {
        return Box::new(printer);
    }
    Box::new(Redacted::new(printer, Patterns::new(redact.clone()), !no_args))
}

/// The one place where each kind of sink gets its receiver.
fn receiver(spec: &SinkSpec, options: &Options, on_full: OnFull) -> Result<Box<dyn Receiver>> {
    let syslog = Syslog { pid: process::id() };
    Ok(match &spec.target {
        Target::Stdout => Box::new(Stdout::new(stdout::raw().context("cannot write to standard output")?)),
        Target::File(path) => {
            let rotation = Rotation {
                size: options.rotate_size,
                age: options.rotate_age,
                keep: options.keep.unwrap_or(KEEP),
                compression: options.compress.unwrap_or(Compression::None),
            };
            let file = LogFile::open(path, rotation, SystemTime::now);
            Box::new(file.with_context(|| format!("cannot write to {}", path.display()))?)
        }
        Target::Tcp(at) => Box::new(Stream::tcp(at.clone())),
        Target::Udp(at) => Box::new(Datagrams::udp(at.clone())),
        Target::Unix(path) => Box::new(Stream::unix(path)),
        Target::UnixDatagram(path) => Box::new(Datagrams::unix(path)),
        Target::SyslogTcp(at) => Box::new(Stream::tcp(at.clone()).with_syslog(syslog)),
        Target::SyslogUnix(path) => Box::new(Datagrams::unix(path).with_syslog(syslog)),
        Target::OtlpHttp(url) => exports::otlp_http(url, spec, on_full)?,
        Target::OtlpGrpc(at) => exports::otlp_grpc(at, spec, on_full)?,
        Target::Parquet(path) => exports::parquet(path, options)?,
    })
}

fn check(specs: &[SinkSpec]) -> Result<()> {
    if specs.len() > json::SINKS {
        return Err(usage(format!("-o: at most {} sinks at a time", json::SINKS)));
    }
    for (at, spec) in specs.iter().enumerate() {
        if specs.iter().take(at).any(|before| before.target == spec.target) {
            return Err(usage(format!("-o: {} was given twice", spec.name())));
        }
    }
    Ok(())
}

pub(super) fn usage(message: String) -> anyhow::Error {
    Refusal { code: Code::Usage, message }.into()
}
