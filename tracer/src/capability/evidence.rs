//! What a set of capabilities rests on.
//!
//! # The file `NAME.evidence.json`, and what `--format json` prints
//!
//! One JSON object. What was not recorded is absent. Times are RFC 3339, UTC; members ending in `_ns` are nanoseconds. Texts that
//! containers chose are escaped as for a terminal.
//!
//! | member | type | meaning |
//! | --- | --- | --- |
//! | `schema_version` | number | 1 |
//! | `ctrace`, `kernel`, `host` | string | its version; `uname -r`; host name |
//! | `container` | object | `name`, `id`, `runtime`; `image`, `image_id` where known |
//! | `ended` | string | when the recording ended |
//! | `recorded_ns` | number | how long it was |
//! | `running` | bool | the container had not ended |
//! | `complete` | bool | watched from its start, nothing lost, every asker known |
//! | `reasons`, `notes` | array of strings | why it is not complete; what else is to be known |
//! | `needed` | array of strings | names of the set |
//! | `checks` | array | everything that was seen, by capability |
//! | `.capability`, `.number` | string, number | `CAP_SYS_ADMIN`, absent if it has no name here; 21 |
//! | `.why` | string | `needed`; `refused`: where that decided something; no needs: `probe` (the kernel goes on whatever the answer), `borrowed` (the kernel acted with other credentials, as overlayfs does), `inner` (in a user namespace that the container has made), `outside` (about a user namespace around the container's), `maker` (granted because it has made that namespace) |
//! | `.asked_by` | string | the kernel's function that wanted to know; absent: not known |
//! | `.origin` | string | `workload`, or `exec`: a session or health check |
//! | `.granted`, `.refused` | number | how often |
//! | `.first` | object | the first time: `at`, `pid`, `executable` (as the kernel has it, 15 bytes at most) |

use serde::Serialize;

use super::format::pretty;
use super::{Check, Needs, Why, name};
use crate::batch::Session;
use crate::snapshot::{Snapshot, Subject};
use crate::text::safe;

const SCHEMA_VERSION: u32 = 1;

#[derive(Clone, Debug, Serialize)]
pub struct Evidence {
    schema_version: u32,
    ctrace: String,
    kernel: String,
    host: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<Whose>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<String>,
    recorded_ns: u64,
    running: bool,
    complete: bool,
    reasons: Vec<String>,
    notes: Vec<String>,
    needed: Vec<&'static str>,
    checks: Vec<Seen>,
}

#[derive(Clone, Debug, Serialize)]
struct Whose {
    name: String,
    id: String,
    runtime: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_id: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Seen {
    #[serde(skip_serializing_if = "Option::is_none")]
    capability: Option<&'static str>,
    number: u8,
    why: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    asked_by: Option<String>,
    origin: &'static str,
    granted: u64,
    refused: u64,
    first: First,
}

#[derive(Clone, Debug, Serialize)]
struct First {
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    pid: u32,
    executable: String,
}

impl Evidence {
    /// `needs` are those of that subject.
    pub fn new(
        needs: &Needs,
        subject: &Subject,
        running: bool,
        snapshot: &Snapshot,
        session: &Session,
    ) -> Self {
        let container = match subject {
            Subject::Container(container) => Some(Whose {
                name: safe(container.display_name()).into_owned(),
                id: safe(&container.id).into_owned(),
                runtime: container.runtime.name(),
                image: container.image.as_deref().map(|image| safe(image).into_owned()),
                image_id: container.image_id.as_deref().map(|id| safe(id).into_owned()),
            }),
            Subject::Host | Subject::Unknown { .. } => None,
        };
        Self {
            schema_version: SCHEMA_VERSION,
            ctrace: session.version.clone(),
            kernel: safe(&session.kernel).into_owned(),
            host: safe(&session.host_name).into_owned(),
            container,
            ended: time(snapshot.wall_ns),
            recorded_ns: needs.recorded_ns,
            running,
            complete: needs.reasons.is_empty(),
            reasons: needs.reasons.iter().map(ToString::to_string).collect(),
            notes: needs.notes.iter().map(ToString::to_string).collect(),
            needed: needs.names(),
            checks: needs.checks.iter().map(seen).collect(),
        }
    }

    /// Pretty-printed and ended by a newline.
    pub fn to_json(&self) -> serde_json::Result<String> {
        pretty(self)
    }
}

fn seen(check: &Check) -> Seen {
    Seen {
        capability: name(check.capability),
        number: check.capability,
        why: match check.why {
            Why::Needed => "needed",
            Why::Refused => "refused",
            Why::Probe => "probe",
            Why::Borrowed => "borrowed",
            Why::Inner => "inner",
            Why::Outside => "outside",
            Why::Maker => "maker",
        },
        asked_by: check.asked_by.clone(),
        origin: if check.exec { "exec" } else { "workload" },
        granted: check.granted,
        refused: check.refused,
        first: First {
            at: time(check.first.wall_ns),
            pid: check.first.pid,
            executable: safe(&check.first.comm).into_owned(),
        },
    }
}

/// None: no time that a calendar has.
fn time(wall_ns: i64) -> Option<String> {
    let time = jiff::Timestamp::from_nanosecond(wall_ns.into()).ok()?;
    Some(format!("{time:.9}"))
}
