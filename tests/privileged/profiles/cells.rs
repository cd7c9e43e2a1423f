//! One place in the matrix, and running what it says.

use std::env;
use std::path::Path;

use super::workloads::{WORKLOADS, Workload};
use crate::support::engine::{Container, Launch};
use crate::support::process::{Done, run};
use crate::support::steps::Steps;

/// Set by `cargo xtask test --profiles`: every place, not a part of them.
const ALL: &str = "CTRACE_TEST_ALL_PROFILES";

/// What a container does that is there for `exec`.
const HOLDER: &[&str] = &["sh", "-c", "echo up; sleep 100000"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Run,
    CreateAndStart,
    Exec,
}

impl Way {
    pub const ALL: [Self; 3] = [Self::Run, Self::CreateAndStart, Self::Exec];

    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::CreateAndStart => "create+start",
            Self::Exec => "exec",
        }
    }
}

#[derive(Clone, Copy)]
pub struct Cell {
    pub workload: &'static Workload,
    pub no_new_privs: bool,
    pub way: Way,
}

/// Under which filter something runs.
#[derive(Clone, Copy)]
pub enum Filter<'a> {
    Unconfined,
    /// None: the runtime's own.
    Default(Option<&'a Path>),
    /// Made by ctrace: what the profile's maker has not seen may happen.
    Made(&'a Path),
}

/// Whether nothing is to be left out.
pub fn all() -> bool {
    env::var_os(ALL).is_some()
}

impl Cell {
    /// Every one with `--profiles`. Otherwise every workload once, `turn` chooses which way; and the shortest in all
    /// ways, if `every_way`: so that both every workload and every way meet every runtime.
    pub fn chosen(turn: usize, every_way: bool) -> Vec<Self> {
        let all = all();
        let mut cells = Vec::new();
        for (index, workload) in WORKLOADS.iter().enumerate() {
            for no_new_privs in [true, false] {
                for (nth, way) in Way::ALL.into_iter().enumerate() {
                    let place = nth * 2 + usize::from(no_new_privs);
                    if all || (every_way && workload.args == ["/bin/true"]) || place == (index + turn) % 6 {
                        cells.push(Self { workload, no_new_privs, way });
                    }
                }
            }
        }
        cells
    }

    /// Runs it to its end in a container of that name.
    pub fn perform(&self, engine: &dyn Steps, name: &str, filter: Filter) -> Done {
        let Self { workload, no_new_privs, way } = *self;
        let args = match filter {
            Filter::Made(_) => workload.again.unwrap_or(workload.args),
            Filter::Unconfined | Filter::Default(_) => workload.args,
        };
        let launch = Launch {
            seccomp: match filter {
                Filter::Made(profile) => Some(profile),
                Filter::Default(profile) => profile,
                Filter::Unconfined => None,
            },
            unconfined: matches!(filter, Filter::Unconfined),
            no_new_privs: Some(no_new_privs),
            usr: workload.usr,
            ..Launch::new(args)
        };
        let container = Container::named(engine, name);
        match way {
            Way::Run => container.run(&launch),
            Way::CreateAndStart => engine.create_and_start(name, &launch),
            Way::Exec => {
                let _holder = container.start(&Launch { args: HOLDER, ..launch });
                run(&mut engine.exec(name, &launch))
            }
        }
    }

    /// The column that it is in.
    pub fn column(&self) -> String {
        let privs = if self.no_new_privs { "no_new_privs" } else { "may gain privs" };
        format!("{}, {privs}", self.way.name())
    }
}
