//! `ctrace profile surplus`: what a filter allows in vain.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde::Serialize;

use super::super::drive;
use super::super::signals::Stop;
use super::super::{live, say};
use super::files::{print, read};
use super::record::{plan, watch};
use super::write::from_start;
use super::{FOR_EVER, is_container, machine, replayed};
use crate::batch::{Session, Source};
use crate::cli::{SurplusArgs, TextOrJson};
use crate::container::{Found, Roots};
use crate::exit::{Code, Refusal};
use crate::filter::Wanted;
use crate::kernel;
use crate::model::Model;
use crate::pipeline::Pipeline;
use crate::profile::{File, Matcher, Surplus, installed};
use crate::seccomp::Filter;
use crate::snapshot::{Row, Snapshot};
use crate::text::safe;

/// What allows.
enum Of {
    Profile(PathBuf, Box<File>),
    Container(Box<Found>, Vec<Filter>),
}

pub(super) fn surplus(args: &SurplusArgs) -> Result<ExitCode> {
    let of = Of::find(args)?;
    let mut used = Used::default();
    if args.recordings.is_empty() {
        let mut pipeline = watched(args, &of)?;
        used.add(&mut pipeline);
    }
    for path in &args.recordings {
        let mut pipeline = replayed(path, of.wanted(args))?;
        used.add(&mut pipeline);
    }
    let Some((session, snapshot)) = used.seen.first() else {
        return Err(Refusal { code: Code::Usage, message: "nothing to look at".to_owned() }.into());
    };
    if let Some((other, _)) = used.seen.iter().find(|(other, _)| other.arch != session.arch) {
        let (one, other) = (session.arch, other.arch);
        let message =
            format!("the recordings are of different machines, {one:?} and {other:?}: give one at a time");
        return Err(Refusal { code: Code::Usage, message }.into());
    }
    let rows: Vec<&Row> = used.seen.iter().flat_map(|(_, snapshot)| rows(snapshot)).collect();
    if rows.is_empty() {
        let message =
            format!("{} called nothing while it was watched, so there is nothing to compare", of.name());
        return Err(Refusal { code: Code::NoContainer, message }.into());
    }
    let arch = snapshot.arch;
    let surplus = match &of {
        Of::Profile(_, file) => {
            let matcher = Matcher::new(file, &machine(arch, &session.kernel, &args.capabilities));
            Surplus::new(arch, &rows, |abi, _, name| matcher.judge(abi, Some(name)))
        }
        Of::Container(_, filters) => {
            Surplus::new(arch, &rows, |abi, number, _| installed(filters, arch, abi, number))
        }
    };
    let surplus = if args.powerful { surplus.powerful() } else { surplus };
    used.warn();
    match args.format {
        TextOrJson::Text => print(&format!("{}: {}\n{surplus}", safe(&of.name()), of.describe()))?,
        TextOrJson::Json => {
            let printed = Printed::new(&of, &used, rows.len(), &surplus);
            let text = serde_json::to_string(&printed).context("cannot print the result")?;
            print(&format!("{text}\n"))?;
        }
    }
    Ok(if surplus.count() == 0 { Code::Done } else { Code::Finding }.into())
}

/// What `--format json` prints, one object:
///
/// | member | type | what |
/// | --- | --- | --- |
/// | `profile` | string | the file; or |
/// | `container.{id,name}`, `filters` | strings, number | whose filters were read, and how many they are; 0: everything is allowed |
/// | `containers` | number | containers whose calls were looked at |
/// | `from_start` | bool | each of them was seen to start: else calls of the start count as not made |
/// | `lost[].{where,count}` | string, number | calls that were lost may have been used |
/// | `abis[].{abi,allowed,used,kept}` | string, numbers | `allowed = used + kept + surplus`, without `--powerful` |
/// | `abis[].surplus[].{name,number,conditional,power}` | string, number, bool, string | `power`: what it reaches beyond the container |
#[derive(Serialize)]
struct Printed<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<Named<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filters: Option<usize>,
    containers: usize,
    from_start: bool,
    lost: Vec<Lost>,
    #[serde(flatten)]
    surplus: &'a Surplus,
}

#[derive(Serialize)]
struct Named<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct Lost {
    r#where: &'static str,
    count: u64,
}

impl<'a> Printed<'a> {
    fn new(of: &'a Of, used: &Used, containers: usize, surplus: &'a Surplus) -> Self {
        let (profile, container, filters) = match of {
            Of::Profile(path, _) => (Some(path.display().to_string()), None, None),
            Of::Container(found, filters) => {
                let named = Named { id: &found.container.id, name: found.container.name.as_deref() };
                (None, Some(named), Some(filters.len()))
            }
        };
        let lost = used.losses().map(|(r#where, count)| Lost { r#where, count }).collect();
        Self { profile, container, filters, containers, from_start: used.from_start, lost, surplus }
    }
}

fn rows(snapshot: &Snapshot) -> impl Iterator<Item = &Row> {
    snapshot.rows.iter().filter(|row| is_container(row) && row.sum.total > 0)
}

fn watched(args: &SurplusArgs, of: &Of) -> Result<Pipeline<impl Source + use<>>> {
    live::preflight()?;
    let roots = Roots::detect()?;
    let source = live::open(&plan(None, 0), &roots, |_| {})?;
    let model = Model::new(source.session().clone(), FOR_EVER);
    let mut pipeline = Pipeline::new(source, model, of.wanted(args));
    let stop = Stop::on_signals()?;
    say("tracing; Ctrl-C ends and prints what is not used");
    watch(&mut pipeline, &stop, args.duration, || Ok(false))?;
    drive::drain(&mut pipeline)?;
    Ok(pipeline)
}

/// What was seen of the calls.
struct Used {
    seen: Vec<(Session, Snapshot)>,
    from_start: bool,
}

impl Default for Used {
    fn default() -> Self {
        Self { seen: Vec::new(), from_start: true }
    }
}

impl Used {
    fn add<S: Source>(&mut self, pipeline: &mut Pipeline<S>) {
        let snapshot = pipeline.snapshot();
        let owners = pipeline.model.owners();
        self.from_start &= rows(&snapshot).all(|row| from_start(row, owners));
        self.seen.push((pipeline.source.session().clone(), snapshot));
    }

    fn losses(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let losses = self.seen.iter().flat_map(|(_, snapshot)| &snapshot.losses);
        losses.filter(|loss| loss.count > 0).map(|loss| (loss.place, loss.count))
    }

    fn warn(&self) {
        if !self.from_start {
            say("the start was not watched: calls that are made there alone look like surplus");
        }
        for (place, count) in self.losses() {
            say(&format!("{count} lost in {place}: less may be surplus"));
        }
    }
}

impl Of {
    fn find(args: &SurplusArgs) -> Result<Self> {
        let word = &args.of;
        let is_path = word.contains('/') || Path::new(word).extension().is_some_and(|end| end == "json");
        if fs::metadata(word).is_ok_and(|found| found.is_file()) || is_path {
            let path = PathBuf::from(word);
            if args.recordings.is_empty() {
                let message = format!(
                    "{}: which calls are used? Give a recording made by `ctrace record`, or instead of the profile a container that runs under it",
                    safe(word)
                );
                return Err(Refusal { code: Code::Usage, message }.into());
            }
            let file = read(&path)?;
            return Ok(Self::Profile(path, Box::new(file)));
        }
        let roots = Roots::detect()?;
        let mut found = live::resolver(&roots)?.containers();
        let wanted = Wanted { names: vec![word.clone()], ..Wanted::default() };
        found.retain(|found| wanted.wants(&found.container, Some(&found.cgroup_path)));
        let (Some(one), rest) = (found.pop(), found) else {
            let message = format!("no container is called {}; `ctrace ps` lists those there are", safe(word));
            return Err(Refusal { code: Code::NoContainer, message }.into());
        };
        if !rest.is_empty() {
            let message = format!(
                "{} containers are called {}: give the beginning of an id",
                rest.len() + 1,
                safe(word)
            );
            return Err(Refusal { code: Code::Usage, message }.into());
        }
        let name = safe(one.container.display_name()).into_owned();
        let Some(pid) = one.pid else {
            let message =
                format!("{name} has no process, or none that we may see: run as root while it runs");
            return Err(Refusal { code: Code::NoContainer, message }.into());
        };
        let filters = kernel::filters(pid).with_context(|| format!("the filter of {name} cannot be read"))?;
        Ok(Self::Container(Box::new(one), filters))
    }

    fn wanted(&self, args: &SurplusArgs) -> Wanted {
        let names = match self {
            Self::Profile(..) => Vec::new(),
            Self::Container(..) => vec![args.of.clone()],
        };
        Wanted { names, filters: args.filters.clone(), ..Wanted::default() }
    }

    fn name(&self) -> String {
        match self {
            Self::Profile(path, _) => path.display().to_string(),
            Self::Container(found, _) => found.container.display_name().to_owned(),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Profile(..) => "the profile".to_owned(),
            Self::Container(_, filters) => match filters.len() {
                0 => "no seccomp filter, everything is allowed".to_owned(),
                1 => "the filter that is installed".to_owned(),
                several => format!("{several} filters are installed, what all of them allow counts"),
            },
        }
    }
}
