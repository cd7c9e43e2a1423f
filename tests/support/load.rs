//! A recording as long as a test needs it, and whoever receives what is made of it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tracer::batch::{Arch, Batch, OwnerId, Sample, Session, TallySample};
use tracer::container::{Container, Identity, Owner, Phase, Runtime};
use tracer::recording::Recorder;
use tracer_common::loss::{PLACES, Tally};
use tracer_common::record::kind;

use super::json::{at, list, number, parse};

const WEB: OwnerId = OwnerId { slot: 2, generation: 1 };

/// Records of a batch.
const BATCH: u16 = 1000;

/// Writes a recording of that many exits in one container, in thousands.
pub fn recording(path: &Path, thousands: u64) {
    let session = Session {
        version: "0".into(),
        host_name: "node".into(),
        kernel: "6.12".into(),
        arch: Arch::X86_64,
        wall_offset_ns: 1_700_000_000_000_000_000,
        started_ns: 0,
        features: 0,
    };
    let mut recorder = Recorder::new(BufWriter::new(File::create(path).unwrap()), &session).unwrap();
    let web = Container { name: Some("web".into()), ..Container::unnamed(Runtime::Podman, "abc") };
    let identity = Identity {
        id: WEB,
        cgroup_id: 7,
        cgroup_path: None,
        pid_ns: 1,
        mnt_ns: 1,
        phase: Phase::Workload,
        first_ns: 0,
        first_pid: 1,
        running: true,
        lineage: false,
        ended: false,
        owner: Owner::Container(Arc::new(web)),
    };
    let mut batch = Batch { now_ns: 1, identities: vec![identity], ..Batch::default() };
    for at in 1..=thousands {
        batch.now_ns = at * 1_000_000;
        batch.records = exit(batch.now_ns).repeat(usize::from(BATCH));
        let seen = at * u64::from(BATCH);
        let tally = Tally { seen, filtered: 0, sent: seen, lost: [0; PLACES] };
        batch.sample = Some(Sample { tallies: vec![TallySample { owner: WEB, tally }], ..Sample::default() });
        recorder.write(&batch).unwrap();
        batch.identities.clear();
    }
    recorder.finish().unwrap();
}

/// The shortest record there is.
fn exit(ktime_ns: u64) -> Vec<u8> {
    let mut bytes = kind::EXIT.to_le_bytes().to_vec();
    bytes.extend(0_u16.to_le_bytes());
    bytes.extend(80_u32.to_le_bytes());
    bytes.extend(ktime_ns.to_le_bytes());
    bytes.extend(WEB.slot.to_le_bytes());
    bytes.extend(WEB.generation.to_le_bytes());
    bytes.extend(7_u64.to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    bytes.resize(72, 0);
    bytes.extend([0, 0, 0, 0, 1, 0, 0, 0]);
    bytes
}

/// Numbers of the records, in order: fails on a line that is torn.
pub fn numbers(lines: &str) -> Vec<u64> {
    assert!(lines.is_empty() || lines.ends_with('\n'), "the last line is torn");
    lines.lines().map(|line| number(&parse(line), "event.seq")).collect()
}

/// Each record from the first to the last, once.
#[track_caller]
pub fn complete(numbers: &[u64], events: u64) {
    let distinct: BTreeSet<u64> = numbers.iter().copied().collect();
    assert_eq!(distinct.len(), numbers.len(), "doubled lines");
    // And the first and the last words.
    let expected = events + 2;
    assert!(distinct.len() as u64 == expected, "{} of {expected} lines", distinct.len());
    assert_eq!(distinct.last(), Some(&(expected - 1)));
}

/// What the last record says of one sink: delivered, lost in its queue, lost by its receiver. The books must balance.
#[track_caller]
pub fn books(stop: &Value, sink: &str) -> (u64, u64, u64) {
    assert_eq!(*at(stop, "ledger.balanced"), true, "{stop}");
    let of = list(at(stop, "ledger.sinks")).iter().find(|books| books["name"] == *sink);
    let books = of.unwrap_or_else(|| panic!("no {sink} in {stop}"));
    let lost = |place: &str| {
        let place = list(&books["dropped"]).iter().find(|dropped| dropped["where"] == *place);
        number(place.expect("both places are named"), "count")
    };
    (number(books, "delivered"), lost("queue"), lost("sink"))
}
