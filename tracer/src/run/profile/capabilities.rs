//! `ctrace profile capabilities`: what containers need of root's rights.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use tracer_common::config::feature;

use super::super::{print, say};
use super::container_id;
use super::record::{Job, check_output, run};
use super::write::{evidence_of, file_name, free, from_start, write_text};
use crate::batch::Source;
use crate::capability::{Circumstances, Evidence, Format, Lost, Needs};
use crate::cli::CapabilitiesArgs;
use crate::exit::{Code, Refusal};
use crate::pipeline::Pipeline;
use crate::snapshot::{Row, Snapshot, State};
use crate::text::safe;

/// A container and what it needs.
struct Found<'a> {
    row: &'a Row,
    needs: Needs,
    evidence: Evidence,
}

pub(super) fn capabilities(args: &CapabilitiesArgs) -> Result<ExitCode> {
    if let Some(output) = &args.output {
        check_output(output)?;
    }
    let CapabilitiesArgs { containers, duration, output, format, command } = args;
    let (features, product) = (feature::CAPABILITIES, "capabilities");
    let job = Job { containers, duration: *duration, command, features, product };
    run(&job, |rows, snapshot, pipeline| {
        let found = found(rows, snapshot, pipeline);
        if found.is_empty() {
            let message = "no container called anything while it was watched; `ctrace ps` lists the containers there are";
            return Err(Refusal { code: Code::NoContainer, message: message.to_owned() }.into());
        }
        match output {
            Some(output) => write_all(&found, *format, output)?,
            None => print_all(&found, *format)?,
        }
        Ok(Code::Done.into())
    })
}

fn found<'a, S: Source>(rows: Vec<&'a Row>, snapshot: &Snapshot, pipeline: &Pipeline<S>) -> Vec<Found<'a>> {
    let (owners, session) = (pipeline.model.owners(), pipeline.source.session());
    let of = |row: &'a Row| {
        let own = owners.all().filter(|identity| row.subject.is_of(identity));
        let checks = own
            .flat_map(|identity| pipeline.checks.of(identity.id).map(move |check| (identity.phase, check)));
        let circumstances = Circumstances {
            from_start: from_start(row, owners),
            running: row.state == State::Running,
            losses: losses(row, snapshot),
            wall_offset_ns: session.wall_offset_ns,
            recorded_ns: snapshot.elapsed_ns,
        };
        let needs = Needs::new(checks, &circumstances);
        let evidence = Evidence::new(&needs, &row.subject, circumstances.running, snapshot, session);
        Found { row, needs, evidence }
    };
    // One that called nothing was not there.
    rows.into_iter().filter(|row| row.sum.total > 0).map(of).collect()
}

/// The container's own, and those that nobody's name is on.
fn losses(row: &Row, snapshot: &Snapshot) -> Vec<Lost> {
    let of = |loss: &crate::snapshot::LossRow| {
        let whose = loss.container.as_ref().map(|container| container.id.as_str());
        let own = whose.is_some() && whose == container_id(row);
        (own || whose.is_none()).then_some(Lost { place: loss.place, count: loss.count, own })
    };
    snapshot.losses.iter().filter_map(of).collect()
}

fn print_all(found: &[Found<'_>], format: Format) -> Result<()> {
    for Found { row, needs, evidence } in found {
        let name = safe(row.name());
        let text = format.print(needs, evidence).context("cannot print the capabilities")?;
        if found.len() > 1 && format.has_comments() {
            print(&format!("# {name}\n"))?;
        }
        print(&text)?;
        explain(&name, needs);
    }
    Ok(())
}

/// One into the file, several into the directory of that name.
fn write_all(found: &[Found<'_>], format: Format, output: &Path) -> Result<()> {
    let several = found.len() > 1 || output.is_dir() || output.as_os_str().as_bytes().ends_with(b"/");
    if several {
        fs::create_dir_all(output)
            .with_context(|| format!("cannot make the directory {}", output.display()))?;
    }
    let mut written = BTreeSet::new();
    for Found { row, needs, evidence } in found {
        let path = if several {
            free(output, &file_name(row, format.extension()), &mut written)
        } else {
            output.to_owned()
        };
        write_text(&path, &format.print(needs, evidence).context("cannot print the capabilities")?)?;
        explain(&format!("{}: {}", path.display(), safe(row.name())), needs);
        if format != Format::Json && path.is_file() {
            let beside = evidence_of(&path);
            write_text(&beside, &evidence.to_json().context("cannot print the evidence")?)?;
            say(&format!("  evidence: {}", beside.display()));
        }
    }
    Ok(())
}

fn explain(title: &str, needs: &Needs) {
    say(title);
    for line in needs.to_string().lines() {
        say(&format!("  {line}"));
    }
}
