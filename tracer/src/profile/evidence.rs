//! What a profile rests on, kept in a file beside it: the profile itself has room for nothing but rules.
//!
//! # The file `NAME.evidence.json`
//!
//! One JSON object. What was not recorded is absent, not 0 or empty. Times are RFC 3339, UTC;
//! members ending in `_ns` are nanoseconds. Texts that containers chose are escaped as for a terminal.
//!
//! | member | type | meaning |
//! | --- | --- | --- |
//! | `schema_version` | number | 1 |
//! | `recordings` | array | where the observations come from; several after `profile merge` |
//! | `.ctrace`, `.kernel`, `.host`, `.machine` | string | its version; `uname -r`; host name; `x86_64` or `aarch64` |
//! | `.ended` | string | when the recording ended |
//! | `.recorded_ns` | number | how long it was |
//! | `.settled_ns` | number | from the last new call to its end |
//! | `.container` | object | `name`, `id`, `runtime`; `image`, `image_id` where known |
//! | `.running` | bool | the container had not ended |
//! | `.complete` | bool | watched from its start, nothing lost |
//! | `.reasons` | array of strings | why it is not complete |
//! | `.notes` | array of strings | what else is to be known |
//! | `.serving` | object | when it began to serve: `since`; `after`: by what that was told; `resolution_ns`: calls that were made before, and within so long of it, count as made after it as well. Absent: it never did |
//! | `.losses` | array | `place`, `count`, and `own`: false if nobody can tell whose it was |
//! | `phase` | string | `serving`: the profile is of that phase alone |
//! | `syscalls` | array | every call of the profile, and those that were seen and are not in it |
//! | `.name` | string | absent: it has none here |
//! | `.why` | string | `observed`, `refused` (by the filter that the container had, each time), `unnamed`, `probe` (put into the program by a tracer); not observed: `runtime` (the container's runtime needs it), `always`, `guessed` |
//! | `.allowed` | bool | the profile allows it |
//! | `.abi`, `.number` | string, number | as it was called: `x86_64`, `i386`, `x32`, `aarch64`, `arm`; absent if it was not |
//! | `.count`, `.refused` | number | how often it was called; of these, refused by a filter |
//! | `.first` | object | the first caller: `at`, `pid`, `executable` (as the kernel has it, 15 bytes at most), `origin` (`workload`, `exec`, `healthcheck`), `phase` |
//! | `.last` | object | it was called last between `after` and `until`, the times of two samples |
//! | `.phases` | array of strings | when it was called: `set-up` (by the runtime; neither counted nor in the profile for that), `start-up`, `serving` |
//! | `.arguments` | object | the values of arguments that decide what it does: `seen`, an array of `values` (array of `index` and `value`, of which only the lower 32 bits count), `text`, `count`; `more`: there were others; `any`: why the profile allows any, where it was to have rules about them |
//! | `.instead_of` | string | with `guessed`: the call that was observed |
//! | `suggestions` | array | `name`, `instead_of`: not in the profile, but another libc may call it |

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::arguments::describe;
use super::phases::{SERVES, SET_UP, START_UP, phases};
use super::verdict::{Reason, Verdict};
use super::{Generated, PROBES, Phases, Serving, Sibling};
use crate::batch::{Arch, Session};
use crate::event::Abi;
use crate::origin::Origin;
use crate::snapshot::{CallRow, Life, Row, Snapshot, State, Subject};
use crate::syscall::values::Valued;
use crate::syscall::{abi_name, name};
use crate::text::safe;

const SCHEMA_VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub schema_version: u32,
    pub recordings: Vec<Recording>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    pub syscalls: Vec<Call>,
    pub suggestions: Vec<Suggestion>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Recording {
    pub ctrace: String,
    pub kernel: String,
    pub host: String,
    pub machine: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    pub recorded_ns: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_ns: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Whose>,
    pub running: bool,
    pub complete: bool,
    pub reasons: Vec<String>,
    pub notes: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serving: Option<Served>,
    pub losses: Vec<Lost>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Served {
    pub since: String,
    pub after: String,
    pub resolution_ns: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Whose {
    pub name: String,
    pub id: String,
    pub runtime: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lost {
    pub place: String,
    pub count: u64,
    pub own: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    Observed,
    Refused,
    Unnamed,
    Probe,
    Runtime,
    Always,
    Guessed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub why: Why,
    pub allowed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abi: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<First>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Last>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Arguments>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct First {
    pub at: String,
    pub pid: u32,
    pub executable: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    pub after: String,
    pub until: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arguments {
    pub seen: Vec<Seen>,
    pub more: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub any: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub values: Vec<Indexed>,
    pub text: String,
    pub count: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Indexed {
    pub index: u8,
    pub value: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Suggestion {
    pub name: String,
    pub instead_of: String,
}

impl Evidence {
    /// `generated` was made of that row of that snapshot.
    pub fn new(generated: &Generated, row: &Row, snapshot: &Snapshot, session: &Session) -> Self {
        let mut syscalls = observed(generated, row);
        let allowed = |why: Why, name: &str| Call {
            name: Some(name.to_owned()),
            why,
            allowed: true,
            abi: None,
            number: None,
            count: None,
            refused: None,
            first: None,
            last: None,
            phases: Vec::new(),
            arguments: None,
            instead_of: None,
        };
        let Generated { added_for_runtime, always, siblings, suggestions, .. } = generated;
        syscalls.extend(added_for_runtime.iter().map(|name| allowed(Why::Runtime, name)));
        syscalls.extend(always.iter().map(|name| allowed(Why::Always, name)));
        syscalls.extend(siblings.iter().map(|Sibling { name, of }| Call {
            instead_of: Some((*of).to_owned()),
            ..allowed(Why::Guessed, name)
        }));
        sort(&mut syscalls);
        Self {
            schema_version: SCHEMA_VERSION,
            recordings: vec![recording(generated, row, snapshot, session)],
            phase: (generated.phases == Phases::Serving).then(|| SERVES.to_owned()),
            syscalls,
            suggestions: suggestions.iter().map(suggestion).collect(),
        }
    }

    /// From the text of a file.
    pub fn parse(text: &str) -> Result<Self, String> {
        let evidence: Self =
            serde_json::from_str(text).map_err(|error| safe(&error.to_string()).into_owned())?;
        match evidence.schema_version {
            SCHEMA_VERSION => Ok(evidence),
            other => Err(format!(
                "schema_version {other} is not known to this ctrace, which writes {SCHEMA_VERSION}"
            )),
        }
    }

    /// Pretty-printed and ended by a newline.
    pub fn to_json(&self) -> serde_json::Result<String> {
        super::oci::pretty(self)
    }

    /// Of a merged profile: counts are added up, the earliest caller is the first. `allows` tells what
    /// that profile allows. The order of `all` makes no difference, and what was merged before is not
    /// counted again.
    pub fn merge(mut all: Vec<Self>, allows: impl Fn(&str) -> bool) -> Self {
        all.sort_by(|a, b| {
            let key = |evidence: &Self| (Reverse(evidence.recordings.len()), evidence.recordings.clone());
            key(a).cmp(&key(b))
        });
        let mut calls: BTreeMap<_, Call> = BTreeMap::new();
        let (mut recordings, mut suggestions) = (BTreeSet::new(), Vec::new());
        // Of all phases as soon as one is.
        let phase = all.iter().map(|evidence| evidence.phase.clone()).min().flatten();
        for evidence in all {
            let again = evidence.recordings.iter().all(|recording| recordings.contains(recording));
            recordings.extend(evidence.recordings);
            suggestions.extend(evidence.suggestions);
            for call in evidence.syscalls {
                let key = (call.name.clone(), call.abi.clone(), call.number);
                match calls.get_mut(&key) {
                    Some(_) if again => {}
                    Some(known) => known.add(call),
                    None => drop(calls.insert(key, call)),
                }
            }
        }
        // What was observed in one recording is not there for another reason as well.
        let seen: Vec<_> = calls.values().filter(|call| call.why == Why::Observed).cloned().collect();
        let is_seen = |name: &Option<String>| name.is_some() && seen.iter().any(|call| call.name == *name);
        let mut syscalls: Vec<_> =
            calls.into_values().filter(|call| call.abi.is_some() || !is_seen(&call.name)).collect();
        for call in &mut syscalls {
            call.allowed = call.name.as_deref().is_some_and(&allows);
        }
        sort(&mut syscalls);
        suggestions.retain(|suggestion| !allows(&suggestion.name));
        suggestions.sort_unstable();
        suggestions.dedup();
        Self {
            schema_version: SCHEMA_VERSION,
            recordings: recordings.into_iter().collect(),
            phase,
            syscalls,
            suggestions,
        }
    }
}

impl Call {
    /// The same call from another recording.
    fn add(&mut self, other: Self) {
        let sum = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
        };
        let told = |call: &Self| call.arguments.is_some() || call.count.is_none();
        let all_told = told(self) && told(&other);
        self.why = self.why.min(other.why);
        self.count = sum(self.count, other.count);
        self.refused = sum(self.refused, other.refused);
        self.first = match (self.first.take(), other.first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.last = match (self.last.take(), other.last) {
            (Some(a), Some(b)) => Some(if a.until >= b.until { a } else { b }),
            (a, b) => a.or(b),
        };
        let phases = [SET_UP, START_UP, SERVES].map(str::to_owned);
        let made = |phase: &String| self.phases.contains(phase) || other.phases.contains(phase);
        self.phases = phases.into_iter().filter(made).collect();
        self.arguments = match (self.arguments.take(), other.arguments) {
            (Some(a), Some(b)) => Some(a.and(b)),
            (Some(one), None) | (None, Some(one)) => Some(Arguments { more: one.more || !all_told, ..one }),
            (None, None) => None,
        };
        self.instead_of = self.instead_of.take().min(other.instead_of);
    }
}

impl Arguments {
    fn and(self, other: Self) -> Self {
        let mut seen: BTreeMap<Vec<Indexed>, Seen> = BTreeMap::new();
        for values in self.seen.into_iter().chain(other.seen) {
            match seen.get_mut(&values.values) {
                Some(known) => known.count = known.count.saturating_add(values.count),
                None => drop(seen.insert(values.values.clone(), values)),
            }
        }
        Self {
            seen: seen.into_values().collect(),
            more: self.more || other.more,
            any: self.any.max(other.any),
        }
    }
}

fn sort(calls: &mut [Call]) {
    calls.sort_by(|a, b| {
        let key = |call: &Call| (call.name.clone(), call.abi.clone(), call.number, call.why);
        key(a).cmp(&key(b))
    });
}

fn suggestion(Sibling { name, of }: &Sibling) -> Suggestion {
    Suggestion { name: (*name).to_owned(), instead_of: (*of).to_owned() }
}

fn observed(generated: &Generated, row: &Row) -> Vec<Call> {
    let arch = generated.arch;
    let calls = row.calls.iter().filter(|call| call.counts.total > 0);
    calls
        .map(|call| {
            let name = name(arch, call.abi, call.number);
            let why = match name {
                None => Why::Unnamed,
                Some(name) if PROBES.contains(&name) => Why::Probe,
                Some(_) if call.counts.total <= call.counts.total_denied => Why::Refused,
                Some(_) => Why::Observed,
            };
            Call {
                name: name.map(str::to_owned),
                why,
                allowed: name.is_some_and(|name| generated.profile.names.contains(name)),
                abi: Some(abi_name(arch, call.abi).to_owned()),
                number: Some(call.number),
                count: Some(call.counts.total),
                refused: Some(call.counts.total_denied).filter(|count| *count > 0),
                first: time(call.first.wall_ns).map(|at| First {
                    at,
                    pid: call.first.pid,
                    executable: safe(&call.first.comm).into_owned(),
                    origin: Some(call.first.origin.map_or("workload", Origin::name).to_owned()),
                    phase: Some(first_phase(call, generated.serving.as_ref()).to_owned()),
                }),
                last: last(&call.life),
                phases: phases(call, generated.serving.as_ref()).into_iter().map(str::to_owned).collect(),
                arguments: arguments(generated, call, name),
                instead_of: None,
            }
        })
        .collect()
}

fn first_phase(call: &CallRow, serving: Option<&Serving>) -> &'static str {
    if serving.is_some_and(|serving| call.first.wall_ns > serving.since_wall_ns) { SERVES } else { START_UP }
}

/// None: there were no samples.
fn last(life: &Life) -> Option<Last> {
    let known = life.last_wall_ns > life.last_after_wall_ns;
    let (after, until) = (time(life.last_after_wall_ns)?, time(life.last_wall_ns)?);
    known.then_some(Last { after, until })
}

fn arguments(generated: &Generated, call: &CallRow, name: Option<&str>) -> Option<Arguments> {
    let Life { values, more_values, .. } = &call.life;
    let name = name?;
    let valued = Valued::find(name).filter(|_| !values.is_empty() || *more_values)?;
    let seen = values.iter().map(|(values, count)| Seen {
        values: valued.counting(*values).map(|(index, value)| Indexed { index, value }).collect(),
        text: describe(generated.arch, call.abi, call.number, valued, *values),
        count: *count,
    });
    let any = generated.unconditional.get(name).map(ToString::to_string);
    let seen = Arguments { seen: seen.collect(), more: *more_values, any };
    // What does not count may have told some apart.
    Some(seen.and(Arguments::default()))
}

fn recording(generated: &Generated, row: &Row, snapshot: &Snapshot, session: &Session) -> Recording {
    let text = |text: &str| safe(text).into_owned();
    let reasons: &[Reason] = match &generated.verdict {
        Verdict::Complete => &[],
        Verdict::Partial(reasons) => reasons,
    };
    let container = match &row.subject {
        Subject::Container(container) => Some(Whose {
            name: text(container.display_name()),
            id: text(&container.id),
            runtime: container.runtime.name().to_owned(),
            image: container.image.as_deref().map(text),
            image_id: container.image_id.as_deref().map(text),
        }),
        Subject::Host | Subject::Unknown { .. } => None,
    };
    let losses = snapshot.losses.iter().filter(|loss| loss.count > 0);
    let losses = losses.filter(|loss| {
        loss.container.is_none()
            || matches!((&loss.container, &row.subject), (Some(a), Subject::Container(b)) if a.id == b.id)
    });
    Recording {
        ctrace: text(&session.version),
        kernel: text(&session.kernel),
        host: text(&session.host_name),
        machine: machine(snapshot.arch).to_owned(),
        ended: time(snapshot.wall_ns),
        recorded_ns: generated.recorded_ns,
        settled_ns: generated.settled_ns,
        container,
        running: row.state == State::Running,
        complete: reasons.is_empty(),
        reasons: reasons.iter().map(ToString::to_string).collect(),
        notes: generated.notes.iter().map(ToString::to_string).collect(),
        serving: generated.serving.and_then(|Serving { since_wall_ns, after, resolution_ns }| {
            Some(Served { since: time(since_wall_ns)?, after: after.to_string(), resolution_ns })
        }),
        losses: losses
            .map(|loss| Lost {
                place: loss.place.to_owned(),
                count: loss.count,
                own: loss.container.is_some(),
            })
            .collect(),
    }
}

const fn machine(arch: Arch) -> &'static str {
    abi_name(arch, Abi::Native)
}

/// None: no time that a calendar has.
fn time(wall_ns: i64) -> Option<String> {
    let time = jiff::Timestamp::from_nanosecond(wall_ns.into()).ok()?;
    Some(format!("{time:.9}"))
}
