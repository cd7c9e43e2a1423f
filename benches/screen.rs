//! What a sample of `ctrace top` costs after the kernel, folded and drawn: `cargo xtask bench screen`.
//!
//! 200 containers, each with 60 system calls that were all made, with durations and errors, since the sample before. A
//! picture is drawn for each sample, of all containers, when the screen remembers many samples already.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it prints a measurement, and stops at what it did not expect"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracer::batch::{Arch, Batch, CallSample, OutcomeSample, OwnerId, Sample, Session};
use tracer::container::{Container, Identity, Owner, Phase, Runtime};
use tracer::model::{GRACE_NS, Model};
use tracer::snapshot::Snapshot;
use tracer::tui::{Offscreen, Options};
use tracer_common::key::{CallInfo, CallKey, Latency, OutcomeKey, kind};
use tracer_common::limits::{BUCKETS, COMM_LEN};

const CONTAINERS: u32 = 200;
const CALLS: u16 = 60;
const SAMPLES: u64 = 60;
/// Each of its own sample, so that nothing is drawn twice.
const DRAWN: u64 = 20;
const SECOND: u64 = 1_000_000_000;

fn main() {
    let session = Session {
        version: "0".into(),
        host_name: "bench".into(),
        kernel: "6.12".into(),
        arch: Arch::X86_64,
        wall_offset_ns: 0,
        started_ns: 0,
        features: 0,
    };
    let mut model = Model::new(session, GRACE_NS);
    let mut fold = Vec::new();
    let mut snapshots: Vec<Arc<Snapshot>> = Vec::new();
    for number in 1..=SAMPLES + DRAWN {
        let batch = batch(number);
        let start = Instant::now();
        model.apply(&batch);
        let snapshot = model.snapshot();
        fold.push(start.elapsed());
        assert_eq!(snapshot.rows.len(), CONTAINERS as usize);
        snapshots.push(Arc::new(snapshot));
    }
    let fold = say("fold a sample into a snapshot", &mut fold);
    let mut worst = Duration::ZERO;
    for (view, keys) in [("containers", ""), ("syscalls", "2"), ("problems", "3"), ("latency", "9")] {
        for size in [(80, 24), (200, 50)] {
            let mut draw = draw(&snapshots, keys, size);
            worst = worst.max(say(&format!("draw {view} at {}x{}", size.0, size.1), &mut draw));
        }
    }
    say("fold, and draw what takes longest", &mut [fold + worst]);
}

fn draw(snapshots: &[Arc<Snapshot>], keys: &str, size: (u16, u16)) -> Vec<Duration> {
    let mut screen = Offscreen::new(Options { color: true, ..Options::default() });
    let mut times = Vec::new();
    for (snapshot, number) in snapshots.iter().zip(1..) {
        screen.push(Arc::clone(snapshot));
        if number == SAMPLES {
            screen.press(keys).unwrap();
        }
        if number > SAMPLES {
            let start = Instant::now();
            screen.picture(size).unwrap();
            times.push(start.elapsed());
        }
    }
    times
}

fn batch(number: u64) -> Batch {
    let owners = (0..CONTAINERS).map(|slot| OwnerId { slot: slot + 2, generation: 1 });
    let calls = owners.clone().flat_map(|owner| (0..CALLS).map(move |nr| call(owner, nr, number)));
    let outcomes =
        owners.clone().flat_map(|owner| (0..CALLS).step_by(10).map(move |nr| outcome(owner, nr, number)));
    Batch {
        now_ns: number * SECOND,
        identities: if number == 1 { owners.clone().map(identity).collect() } else { Vec::new() },
        records: Vec::new(),
        sample: Some(Sample { calls: calls.collect(), outcomes: outcomes.collect(), ..Sample::default() }),
    }
}

fn identity(id: OwnerId) -> Identity {
    let container = Container {
        name: Some(format!("service-{}", id.slot)),
        image: Some("docker.io/library/nginx:1.27".into()),
        ..Container::unnamed(Runtime::Docker, &format!("{:064x}", id.slot))
    };
    Identity {
        id,
        cgroup_id: u64::from(id.slot),
        cgroup_path: Some(format!("/docker/{:064x}", id.slot)),
        pid_ns: id.slot,
        mnt_ns: id.slot,
        phase: Phase::Workload,
        first_ns: 0,
        first_pid: id.slot,
        running: false,
        lineage: false,
        ended: false,
        owner: Owner::Container(Arc::new(container)),
    }
}

fn call(owner: OwnerId, nr: u16, number: u64) -> CallSample {
    let mut buckets = [0; BUCKETS];
    for (slot, count) in buckets.iter_mut().enumerate().skip(7).take(12) {
        *count = number * (slot as u64 + u64::from(nr));
    }
    let latency = Latency { total_ns: number * 1_000_000, max_ns: 10_000_000, buckets };
    CallSample {
        owner,
        key: CallKey { owner: owner.slot, abi: 0, nr },
        info: CallInfo {
            cell: 1,
            first_tgid: 7,
            first_ns: 1,
            first_comm: [b'x'; COMM_LEN],
            first_session: 0,
            values: 0,
            again_ns: 0,
        },
        count: buckets.iter().sum(),
        latency: Some(Box::new(latency)),
    }
}

/// One of ten calls has failures.
fn outcome(owner: OwnerId, nr: u16, number: u64) -> OutcomeSample {
    const ENOENT: u16 = 2;
    let call = CallKey { owner: owner.slot, abi: 0, nr };
    let key = OutcomeKey { call, errno: ENOENT, kind: kind::FAILED, pad: 0 };
    OutcomeSample { owner, key, count: number * u64::from(nr + 1) }
}

/// The median, and what it is of a core at a sample a second.
fn say(what: &str, times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    println!(
        "{what}: {:.2} ms, {:.2} % of a core at 1 s",
        median.as_secs_f64() * 1e3,
        median.as_secs_f64() * 100.0
    );
    median
}
