//! The format of `ctrace top --format json`, version 1.0: one JSON object a line and sample.
//!
//! ```text
//! {"timestamp", "schema_version", "interval_ns",
//!  "own": {"cpu_ns"?, "memory_bytes", "ring_bytes", "ring_size"}?,
//!  "loss": [{"where", "container"?, "count"}],
//!  "containers": [{
//!    "container": {"id"?, "name"?, "runtime": {"name"}?, "image": {"name"}?, "parent": {"id"}?, "state"},
//!    "k8s"?, "owner"?, "resources": {"cpu_ns"?, "memory_bytes"?, "processes"?}?,
//!    "syscalls": [{"name", "number", "abi", "count", "errors", "denied", "total", "total_errors",
//!                  "total_denied", "errnos": [{"name", "count", "total", "total_denied", "first", "last"}],
//!                  "duration_ns": {"p50", "p95", "p99", "max"}?, "time_ns"?,
//!                  "spectrum": [{"from_ns", "count"}]?}],
//!    "count", "errors", "denied", "total", "total_errors", "total_denied",
//!    "duration_ns": {"p50", "p95", "p99", "max"}?}]}
//! ```
//!
//! `?`: absent where there is none. Names, values and escapes are those of [`crate::sink::json`], but
//! nothing is cut: a line is as long as it takes.
//!
//! * Counts without prefix are of the last `interval_ns`, `total*` and `loss` since the start.
//! * `errors` includes `denied`; `errnos.name` is a number in a string where the error has no name. `first` and `last`
//!   are when it was seen, at the end of that interval.
//! * `state` is `running`, or `ended` for a grace time after.
//! * What is no container has a `container.name` for people and an `owner`: `{"host":true}`, or
//!   `{"unknown":"<why>","cgroup":{"id","path"?}}`.
//! * `duration_ns` is of this interval, its `max` since the start; absent: nothing was measured. So is `time_ns`, the
//!   sum, and `spectrum`: calls that took from `from_ns` to less than twice that, without the slots that nothing was in.
//! * `resources` are those of the container's own cgroup and all below; absent: it has none, or it does not say.
//!   `cpu_ns` is of this interval, over all CPUs, and absent in the first one. `memory_bytes` includes page cache.
//!   `processes` counts threads, too.
//! * `own` is what ctrace itself uses; absent in recordings that lack it. `cpu_ns` is of this interval, `ring_bytes`
//!   the most of it that waited for ctrace in its ring buffer of `ring_size`.

use crate::batch::Arch;
use crate::sink::clock::Clock;
use crate::sink::errno_name;
use crate::sink::json::{Layout, Object, SCHEMA_VERSION, container_members, pod_object, unknown_owner};
use crate::snapshot::{
    CallRow, Counts, ErrnoRow, Own, Quantiles, Resources, Row, Snapshot, Spectrum, State, Subject,
};
use crate::syscall;

/// Appends the line of a sample.
pub fn line(out: &mut Vec<u8>, snapshot: &Snapshot) {
    let Snapshot { wall_ns, interval_ns, elapsed_ns: _, arch, losses, rows, own, closeup: _ } = snapshot;
    Object::write(out, Layout::Nested, None, |line| {
        line.time("timestamp", Clock::new(0).wall(*wall_ns));
        line.word("schema_version", SCHEMA_VERSION);
        line.number("interval_ns", *interval_ns);
        if let Some(Own { cpu_ns, memory_bytes, ring_bytes, ring_size }) = own {
            line.object("own", |object| {
                known(object, "cpu_ns", *cpu_ns);
                object.number("memory_bytes", *memory_bytes);
                object.number("ring_bytes", *ring_bytes);
                object.number("ring_size", *ring_size);
            });
        }
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
    let Row { subject, state, calls, sum, duration, spectrum: _, resources, setup_calls: _ } = row;
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
    if *resources != Resources::default() {
        let Resources { cpu_ns, memory_bytes, processes } = *resources;
        object.object("resources", |object| {
            known(object, "cpu_ns", cpu_ns);
            known(object, "memory_bytes", memory_bytes);
            known(object, "processes", processes.map(u64::from));
        });
    }
    object.objects("syscalls", calls, |object, row| call(object, row, arch));
    counts(object, sum);
    quantiles(object, duration.as_ref());
}

fn known(object: &mut Object<'_>, key: &'static str, number: Option<u64>) {
    if let Some(number) = number {
        object.number(key, number);
    }
}

fn call(object: &mut Object<'_>, row: &CallRow, arch: Arch) {
    let CallRow { abi, number, counts: sum, errnos, duration, spectrum, time_ns, first: _, life: _ } = row;
    object.word("name", &syscall::label(arch, *abi, *number));
    object.number("number", *number);
    object.word("abi", syscall::abi_name(arch, *abi));
    counts(object, sum);
    object.objects("errnos", errnos, errno);
    if duration.is_some() {
        quantiles(object, duration.as_ref());
        object.number("time_ns", *time_ns);
        self::spectrum(object, spectrum);
    }
}

fn errno(object: &mut Object<'_>, row: &ErrnoRow) {
    let ErrnoRow { errno, count, first_wall_ns, last_wall_ns, total, total_denied } = row;
    object.word("name", &errno_name(*errno));
    object.number("count", *count);
    object.number("total", *total);
    object.number("total_denied", *total_denied);
    object.time("first", Clock::new(0).wall(*first_wall_ns));
    object.time("last", Clock::new(0).wall(*last_wall_ns));
}

fn quantiles(object: &mut Object<'_>, duration: Option<&Quantiles>) {
    if let Some(Quantiles { p50, p95, p99, max }) = duration {
        object.object("duration_ns", |object| {
            object.number("p50", *p50);
            object.number("p95", *p95);
            object.number("p99", *p99);
            object.number("max", *max);
        });
    }
}

fn spectrum(object: &mut Object<'_>, spectrum: &Spectrum) {
    let slots = spectrum.slots().filter(|(_, count)| *count > 0);
    object.objects("spectrum", slots, |object, (slot, count)| {
        object.number("from_ns", 1u64 << slot);
        object.number("count", count);
    });
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
