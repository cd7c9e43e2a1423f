//! Small tables: what does not fit is counted as lost, and what can be done without is not missed.

use std::time::Duration;

use tracer::batch::{Source, Status};
use tracer::container::{Resolver, Roots, host_pid_ns};
use tracer::filter::Wanted;
use tracer::kernel::KernelSource;
use tracer::model::{GRACE_NS, Model};
use tracer::pipeline::Pipeline;
use tracer::plan::{Capacity, Plan, Selection};
use tracer::profile::{Options, Verdict, generate};
use tracer::snapshot::{Row, Snapshot, Subject};
use tracer_common::limits::RING_BYTES;

use crate::support::engine::{Container, Kind, Launch};

/// What a container of the workload looks like through tables of that size.
fn through(capacity: Capacity) -> (Snapshot, String) {
    let engine = Kind::Podman.engine();
    let container = Container::new(&*engine);
    let roots = Roots::detect().unwrap();
    let resolver = Resolver::new(roots.clone(), host_pid_ns(&roots.proc).unwrap(), 0).unwrap();
    let plan = Plan {
        features: 0,
        selection: Selection::NONE,
        min_duration_ns: 0,
        errnos: None,
        lineage: None,
        held: None,
        ring_bytes: RING_BYTES,
        capacity,
    };
    let source = KernelSource::new(&plan, resolver, &roots).unwrap();
    let model = Model::new(source.session().clone(), GRACE_NS);
    let mut pipeline = Pipeline::new(source, model, Wanted::default());
    container.run(&Launch::new(&["calls", "100000", "1000"])).expect(0);
    pipeline.source.stop().unwrap();
    while pipeline.step(false).unwrap() != Some(Status::Idle) {
        pipeline.source.wait(Duration::from_millis(10));
    }
    pipeline.step(true).unwrap();
    (pipeline.snapshot(), container.id())
}

fn row<'a>(snapshot: &'a Snapshot, id: &str) -> Option<&'a Row> {
    let is_it = |row: &&Row| matches!(&row.subject, Subject::Container(container) if container.id == id);
    snapshot.rows.iter().find(is_it)
}

fn lost(snapshot: &Snapshot, place: &str) -> u64 {
    snapshot.losses.iter().filter(|loss| loss.place == place).map(|loss| loss.count).sum()
}

/// As on a host with more threads than the table has places, where most states are in the hash.
#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn crowded_threads_are_counted_exactly() {
    let (snapshot, id) = through(Capacity { tasks: 4, ..Capacity::default() });
    let row = row(&snapshot, &id).expect("the container has a row");
    let most = row.calls.iter().max_by_key(|call| call.counts.total).unwrap();
    assert_eq!(most.counts.total, 100_000);
    assert_eq!(row.sum.total_errors, 1_000);
    assert_eq!(lost(&snapshot, "task_table"), 0);
}

#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn a_full_call_table_is_a_loss_and_makes_a_profile_partial() {
    let (snapshot, id) = through(Capacity { calls: 2, ..Capacity::default() });
    assert!(lost(&snapshot, "call_table") > 100_000, "{:?}", snapshot.losses);
    let own = snapshot.losses.iter().any(|loss| loss.container.as_ref().is_some_and(|c| c.id == id));
    assert!(own, "the container's own loss: {:?}", snapshot.losses);
    let row = row(&snapshot, &id).expect("the container has a row");
    let generated = generate(row, &snapshot, &Options { from_start: Some(true), ..Options::default() });
    assert!(matches!(generated.verdict, Verdict::Partial(_)), "{:?}", generated.verdict);
}

#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn a_full_owner_table_is_a_loss() {
    let (snapshot, id) = through(Capacity { owners: 1, ..Capacity::default() });
    assert!(row(&snapshot, &id).is_none(), "the only slot was gone before the container came");
    assert!(lost(&snapshot, "owner_table") >= 101_000, "{:?}", snapshot.losses);
}
