//! Snapshots to draw and to act upon, for tests.

use std::sync::Arc;

use crate::batch::Arch;
use crate::container::{Container, Pod, Runtime, UnknownReason};
use crate::event::Abi;
use crate::snapshot::{
    CallRow, Counts, ErrnoRow, FirstCall, LossRow, Quantiles, Resources, Row, Snapshot, Spectrum, State,
    Subject,
};

pub fn container(id: char, name: &str, image: &str, runtime: Runtime) -> Container {
    Container {
        name: Some(name.into()),
        image: Some(image.into()),
        pid: Some(4242),
        ..Container::unnamed(runtime, &id.to_string().repeat(64))
    }
}

pub fn row(subject: Subject, count: u64, total: u64) -> Row {
    let duration =
        (count > 0).then_some(Quantiles { p50: 1_024, p95: 65_536, p99: 4_194_304, max: 31_000_000_000 });
    Row {
        subject,
        state: State::Running,
        calls: Vec::new(),
        sum: Counts { count, total, ..Counts::default() },
        duration,
        spectrum: Spectrum::default(),
        resources: Resources::default(),
        setup_calls: 0,
    }
}

pub fn call(abi: Abi, number: u16, count: u64, total: u64) -> CallRow {
    let duration = (count > 0).then_some(Quantiles { p50: 512, p95: 8_192, p99: 16_384, max: 1_234_567 });
    CallRow {
        abi,
        number,
        counts: Counts { count, total, ..Counts::default() },
        errnos: Vec::new(),
        duration,
        spectrum: Spectrum::default(),
        time_ns: 0,
        first: FirstCall { wall_ns: 0, pid: 4242, comm: "nginx".into() },
    }
}

pub fn snapshot(rows: Vec<Row>) -> Snapshot {
    Snapshot {
        wall_ns: 1_763_921_045_000_000_000,
        interval_ns: 1_000_000_000,
        elapsed_ns: 3_723_000_000_000,
        arch: Arch::X86_64,
        losses: Vec::new(),
        rows,
        own: None,
        closeup: None,
    }
}

/// Two that run, one that ended, the host, and one that nobody knows.
pub fn three() -> Snapshot {
    let mut web = row(
        Subject::Container(Arc::new(Container {
            image_id: Some(format!("sha256:{}", "7".repeat(64))),
            parent: Some("d".repeat(64)),
            pod: Some(Pod {
                name: Some("web-5d9f".into()),
                uid: None,
                namespace: Some("default".into()),
                container_name: Some("nginx".into()),
            }),
            ..container('a', "web-1", "docker.io/library/nginx:1.27", Runtime::Containerd)
        })),
        12_345,
        98_765_432,
    );
    web.sum.errors = 45;
    web.sum.total_errors = 5_000;
    web.sum.denied = 2;
    web.sum.total_denied = 7;
    web.setup_calls = 412;
    web.calls = vec![
        call(Abi::Native, 0, 9_000, 90_000_000),
        CallRow {
            counts: Counts {
                count: 45,
                errors: 45,
                denied: 2,
                total: 5_100,
                total_errors: 5_000,
                total_denied: 7,
            },
            errnos: vec![
                ErrnoRow { errno: 1, count: 0, first_wall_ns: 0, last_wall_ns: 0, total: 7, total_denied: 7 },
                ErrnoRow {
                    errno: 2,
                    count: 0,
                    first_wall_ns: 0,
                    last_wall_ns: 0,
                    total: 4_993,
                    total_denied: 0,
                },
            ],
            ..call(Abi::Native, 257, 45, 5_100)
        },
        call(Abi::Native, 35, 0, 12),
        call(Abi::Compat, 5, 3, 1_234_567_890_123),
    ];
    let mut db = row(
        Subject::Container(Arc::new(container('b', "db-1", "postgres:17", Runtime::Docker))),
        800,
        1_000_000,
    );
    db.calls = vec![call(Abi::Native, 232, 800, 1_000_000)];
    let mut job =
        row(Subject::Container(Arc::new(container('c', "job", "busybox", Runtime::Podman))), 0, 321);
    job.state = State::Ended;
    let host = row(Subject::Host, 250, 40_000);
    let unknown = row(
        Subject::Unknown { cgroup_id: 4_711, cgroup_path: None, reason: UnknownReason::CgroupGone },
        0,
        9,
    );
    snapshot(vec![db, job, web, host, unknown])
}

/// As [`three`], and something is missing.
pub fn loss() -> Snapshot {
    let mut snapshot = three();
    let lossy = |index: usize| match &snapshot.rows[index].subject {
        Subject::Container(container) => Some(Arc::clone(container)),
        Subject::Host | Subject::Unknown { .. } => None,
    };
    snapshot.losses = vec![
        LossRow { place: "call_table", container: None, count: 34 },
        LossRow { place: "ring", container: lossy(2), count: 1_000 },
    ];
    snapshot
}

/// Names that want to be more than names.
pub fn hostile() -> Snapshot {
    let names = [
        "\x1b[2J\x1b[H\x1b]0;owned\x07",
        "\u{202e}txt.exe\u{2066}",
        "日本語のコンテナはとても長い名前を持っています",
        &"x".repeat(300),
        "zalgo\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}",
        "two\nlines\rand a \u{9b}31m C1",
        "",
    ];
    let rows = names.iter().zip('a'..).map(|(name, id)| {
        let hostile =
            Container { parent: Some((*name).to_owned()), ..container(id, name, name, Runtime::Docker) };
        let mut row = row(Subject::Container(Arc::new(hostile)), u64::MAX / 8, u64::MAX);
        row.calls = vec![call(Abi::X32, u16::MAX, u64::MAX, u64::MAX)];
        row
    });
    let mut rows: Vec<Row> = rows.collect();
    rows.push(row(
        Subject::Unknown {
            cgroup_id: u64::MAX,
            cgroup_path: Some("/kubepods\x1bc/\u{200b}".into()),
            reason: UnknownReason::NoRuntime,
        },
        0,
        0,
    ));
    let mut snapshot = snapshot(rows);
    let Subject::Container(first) = &snapshot.rows[0].subject else { panic!() };
    snapshot.losses = vec![LossRow { place: "ring", container: Some(Arc::clone(first)), count: u64::MAX }];
    snapshot
}
