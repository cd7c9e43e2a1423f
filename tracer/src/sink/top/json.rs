//! The format of `ctrace top --format json`, version 1.0: one JSON object a line and sample.
//!
//! ```text
//! {"timestamp", "schema_version", "interval_ns",
//!  "loss": [{"where", "container"?, "count"}],
//!  "containers": [{
//!    "container": {"id"?, "name"?, "runtime": {"name"}?, "image": {"name"}?, "parent": {"id"}?, "state"},
//!    "k8s"?, "owner"?,
//!    "syscalls": [{"name", "number", "abi", "count", "errors", "denied", "total", "total_errors",
//!                  "total_denied", "errnos": [{"name", "total"}],
//!                  "duration_ns": {"p50", "p95", "p99", "max"}?}],
//!    "count", "errors", "denied", "total", "total_errors", "total_denied"}]}
//! ```
//!
//! `?`: absent where there is none. Names, values and escapes are those of [`crate::sink::json`], but
//! nothing is cut: a line is as long as it takes.
//!
//! * Counts without prefix are of the last `interval_ns`, `total*` and `loss` since the start.
//! * `errors` includes `denied`; `errnos.name` is a number in a string where the error has no name.
//! * `state` is `running`, or `ended` for a grace time after.
//! * What is no container has a `container.name` for people and an `owner`: `{"host":true}`, or
//!   `{"unknown":"<why>","cgroup":{"id","path"?}}`.
//! * `duration_ns` is of this interval, its `max` since the start; absent: nothing was measured.

use crate::batch::Arch;
use crate::sink::clock::Clock;
use crate::sink::errno_name;
use crate::sink::json::{Object, SCHEMA_VERSION, container_members, pod_object, unknown_owner};
use crate::snapshot::{CallRow, Counts, Quantiles, Row, Snapshot, State, Subject};
use crate::syscall;

/// Appends the line of a sample.
pub fn line(out: &mut Vec<u8>, snapshot: &Snapshot) {
    let Snapshot { wall_ns, interval_ns, elapsed_ns: _, arch, losses, rows, own: _, closeup: _ } = snapshot;
    Object::write(out, None, |line| {
        line.time("timestamp", Clock::new(0).wall(*wall_ns));
        line.word("schema_version", SCHEMA_VERSION);
        line.number("interval_ns", *interval_ns);
        line.objects("loss", losses, |object, loss| {
            object.word("where", loss.place);
            if let Some(container) = &loss.container {
                object.object("container", |object| container_members(object, container));
            }
            object.number("count", loss.count);
        });
        line.objects("containers", rows, |object, row| self::row(object, row, *arch));
    });
    out.push(b'\n');
}

fn row(object: &mut Object<'_>, row: &Row, arch: Arch) {
    let Row { subject, state, calls, sum, duration: _, spectrum: _, resources: _, setup_calls: _ } = row;
    object.object("container", |object| {
        match subject {
            Subject::Container(container) => container_members(object, container),
            Subject::Host | Subject::Unknown { .. } => object.word("name", row.name()),
        }
        object.word("state", state_name(*state));
    });
    match subject {
        Subject::Container(container) => {
            if let Some(pod) = &container.pod {
                pod_object(object, pod);
            }
        }
        Subject::Host => object.object("owner", |owner| owner.bool("host", true)),
        Subject::Unknown { cgroup_id, cgroup_path, reason } => {
            unknown_owner(object, &reason.to_string(), *cgroup_id, cgroup_path.as_deref());
        }
    }
    object.objects("syscalls", calls, |object, row| call(object, row, arch));
    counts(object, sum);
}

fn call(object: &mut Object<'_>, row: &CallRow, arch: Arch) {
    let CallRow { abi, number, counts: sum, errnos, duration, spectrum: _, time_ns: _, first: _ } = row;
    object.word("name", &syscall::label(arch, *abi, *number));
    object.number("number", *number);
    object.word("abi", syscall::abi_name(arch, *abi));
    counts(object, sum);
    object.objects("errnos", errnos, |object, row| {
        object.word("name", &errno_name(row.errno));
        object.number("total", row.total);
    });
    if let Some(Quantiles { p50, p95, p99, max }) = duration {
        object.object("duration_ns", |object| {
            object.number("p50", *p50);
            object.number("p95", *p95);
            object.number("p99", *p99);
            object.number("max", *max);
        });
    }
}

fn counts(object: &mut Object<'_>, counts: &Counts) {
    let Counts { count, errors, denied, total, total_errors, total_denied } = counts;
    object.number("count", *count);
    object.number("errors", *errors);
    object.number("denied", *denied);
    object.number("total", *total);
    object.number("total_errors", *total_errors);
    object.number("total_denied", *total_denied);
}

/// `container.state`.
pub const fn state_name(state: State) -> &'static str {
    match state {
        State::Running => "running",
        State::Ended => "ended",
    }
}
