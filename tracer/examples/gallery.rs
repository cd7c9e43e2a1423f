//! A picture of each view, out of the recording that ships inside: `cargo xtask gallery` keeps them in
//! `docs/gallery`. Nothing of the machine gets into them: the same recording gives the same pictures.

use std::path::Path;
use std::sync::Arc;
use std::{env, fs};

use anyhow::{Context, Result, anyhow};
use tracer::batch::{Source, Status};
use tracer::filter::Wanted;
use tracer::model::{GRACE_NS, Model};
use tracer::pipeline::Pipeline;
use tracer::run::demo;
use tracer::tui::visual::svg::svg;
use tracer::tui::{Offscreen, Options};

/// Columns and lines.
const SIZE: (u16, u16) = (110, 28);

struct Picture {
    name: &'static str,
    /// Pressed at the second [`OPENED`] of the recording.
    open: &'static str,
    /// Pressed before the picture.
    select: &'static str,
    /// Second of the recording.
    at: u64,
}

/// Everything that runs from the beginning is there by then.
const OPENED: u64 = 4;

/// Capabilities are missing: they are recorded only while somebody looks at them.
const PICTURES: [Picture; 9] = [
    Picture { name: "containers", open: "", select: "Down", at: 24 },
    Picture { name: "syscalls", open: "/ w e b - 1 Enter Enter", select: "Down Down Down Down Down", at: 24 },
    Picture { name: "problems", open: "/ r e p o r t - 1 Enter Enter 3", select: "Down", at: 30 },
    Picture { name: "processes", open: "/ w e b - 1 Enter Enter 4", select: "", at: 24 },
    Picture { name: "files", open: "5", select: "", at: 20 },
    Picture { name: "network", open: "/ w e b - 1 Enter Enter 6", select: "", at: 20 },
    Picture { name: "events", open: "/ r e p o r t - 1 Enter Enter 8", select: "PgDn PgDn", at: 20 },
    Picture { name: "latency", open: "/ w e b - 1 Enter Enter 9", select: "", at: 36 },
    Picture { name: "help", open: "", select: "?", at: 24 },
];

fn main() -> Result<()> {
    let folder = env::args_os().nth(1).context("usage: gallery FOLDER")?;
    for picture in &PICTURES {
        let path = Path::new(&folder).join(picture.name).with_extension("svg");
        let image = make(picture).with_context(|| format!("no picture {}", picture.name))?;
        fs::write(&path, image).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn make(picture: &Picture) -> Result<String> {
    let source = demo::recording(None)?;
    let model = Model::new(source.session().clone(), GRACE_NS);
    let mut pipeline = Pipeline::new(source, model, Wanted::default());
    let options =
        Options { replay: true, filter: "DEMO".into(), color: true, mouse: false, ..Options::default() };
    let mut screen = Offscreen::new(options);
    let mut unopened = Some(picture.open);
    loop {
        let status = pipeline.step(true)?;
        if pipeline.sampled() {
            let snapshot = pipeline.snapshot();
            let second = snapshot.elapsed_ns / 1_000_000_000;
            screen.push(Arc::new(snapshot));
            if second >= OPENED
                && let Some(keys) = unopened.take()
            {
                press(&mut screen, keys)?;
                pipeline.demand(screen.demand())?;
            }
            if second >= picture.at {
                // One knows the table only when it was drawn.
                screen.picture(SIZE)?;
                press(&mut screen, picture.select)?;
                return Ok(svg(&screen.picture(SIZE)?, Some("ctrace top --demo")));
            }
        }
        if !matches!(status, Some(Status::Busy | Status::Idle)) {
            return Err(anyhow!("the recording ends before second {}", picture.at));
        }
    }
}

fn press(screen: &mut Offscreen, keys: &str) -> Result<()> {
    screen.press(keys).map_err(|wrong| anyhow!(wrong))
}
