//! What a sample of `ctrace top` costs after the kernel: `cargo xtask bench screen`.
//!
//! 200 containers, each with 60 system calls that were all made, with durations, since the sample before.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it prints a measurement, and stops at what it did not expect"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracer::batch::{Arch, Batch, CallSample, OwnerId, Sample, Session};
use tracer::container::{Container, Identity, Owner, Phase, Runtime};
use tracer::model::{GRACE_NS, Model};
use tracer_common::key::{CallInfo, CallKey, Latency};
use tracer_common::limits::{BUCKETS, COMM_LEN};

const CONTAINERS: u32 = 200;
const CALLS: u16 = 60;
const SAMPLES: u64 = 50;
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
    for number in 1..=SAMPLES {
        let batch = batch(number);
        let start = Instant::now();
        model.apply(&batch);
        let snapshot = model.snapshot();
        fold.push(start.elapsed());
        assert_eq!(snapshot.rows.len(), CONTAINERS as usize);
    }
    say("fold a sample into a snapshot", &mut fold);
}

fn batch(number: u64) -> Batch {
    let owners = (0..CONTAINERS).map(|slot| OwnerId { slot: slot + 2, generation: 1 });
    let calls = owners.clone().flat_map(|owner| (0..CALLS).map(move |nr| call(owner, nr, number)));
    Batch {
        now_ns: number * SECOND,
        identities: if number == 1 { owners.clone().map(identity).collect() } else { Vec::new() },
        records: Vec::new(),
        sample: Some(Sample { calls: calls.collect(), ..Sample::default() }),
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
        info: CallInfo { cell: 1, first_tgid: 7, first_ns: 1, first_comm: [b'x'; COMM_LEN] },
        count: buckets.iter().sum(),
        latency: Some(Box::new(latency)),
    }
}

/// The median, and what it is of a core at a sample a second.
fn say(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    println!(
        "{what}: {:.2} ms, {:.2} % of a core at 1 s",
        median.as_secs_f64() * 1e3,
        median.as_secs_f64() * 100.0
    );
}
