//! Snapshots to draw and to act upon, for tests.

use std::sync::Arc;

use crate::batch::Arch;
use crate::container::{Container, Pod, Runtime, UnknownReason};
use crate::event::Abi;
use crate::snapshot::{
    CallRow, CapabilityRow, Closeup, Counts, Demand, Direction, ErrnoRow, EventRow, FileRow, FirstCall, Life,
    LossRow, Own, PeerRow, ProcessRow, Quantiles, Resources, Row, Snapshot, Spectrum, State, Subject,
};

/// Of [`snapshot`].
const WALL_NS: i64 = 1_763_921_045_000_000_000;

pub fn container(id: char, name: &str, image: &str, runtime: Runtime) -> Container {
    Container {
        name: Some(name.into()),
        image: Some(image.into()),
        pid: Some(4242),
        ..Container::unnamed(runtime, &id.to_string().repeat(64))
    }
}

/// Of that many calls, most of which take 512 to 1023 ns.
fn spectrum(count: u64) -> Spectrum {
    let mut buckets = [0; tracer_common::limits::BUCKETS];
    (buckets[9], buckets[13], buckets[20]) = (count - count / 8, count / 16, count / 8 - count / 16);
    Spectrum::new(&buckets)
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
        spectrum: spectrum(count),
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
        spectrum: spectrum(count),
        time_ns: count.saturating_mul(700),
        first: FirstCall { wall_ns: 0, pid: 4242, comm: "nginx".into(), origin: None },
        life: Life::default(),
    }
}

pub fn snapshot(rows: Vec<Row>) -> Snapshot {
    Snapshot {
        wall_ns: WALL_NS,
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
                ErrnoRow {
                    errno: 1,
                    count: 2,
                    first_wall_ns: WALL_NS - 62_000_000_000,
                    last_wall_ns: WALL_NS,
                    total: 7,
                    total_denied: 7,
                },
                ErrnoRow {
                    errno: 2,
                    count: 43,
                    first_wall_ns: WALL_NS - 3_600_000_000_000,
                    last_wall_ns: WALL_NS - 1_000_000_000,
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

/// As `snapshot`, and with a closer look at its web-1, or whatever it has third.
pub fn closeup(mut snapshot: Snapshot, demand: Option<Demand>) -> Snapshot {
    let Some(demand) = demand else { return snapshot };
    let subject = snapshot.rows.get(2).map_or(Subject::Host, |row| row.subject.clone());
    let name = subject.name().to_owned();
    // What a container can choose is as hostile as its name.
    let hostile = |text: &str| if name == "web-1" { text.to_owned() } else { name.clone() };
    let counts = Counts { count: 45, errors: 5, denied: 1, total: 5_000, total_errors: 50, total_denied: 1 };
    let process = |pid, comm: &str, count| ProcessRow {
        subject: subject.clone(),
        pid,
        comm: hostile(comm),
        counts: Counts { count, ..counts },
    };
    let file = |path: &str, errno, count| FileRow {
        subject: subject.clone(),
        path: hostile(path),
        counts: Counts { count, ..counts },
        opens: 17,
        read_bytes: 123_456_789,
        written_bytes: 4_096,
        time_ns: 12_000_000,
        errno,
        pid: 4_242,
        comm: hostile("nginx"),
    };
    let peer = |protocol, address: &str, direction, count| PeerRow {
        subject: subject.clone(),
        protocol,
        address: hostile(address),
        direction,
        counts: Counts { count, ..counts },
        connections: 3,
        received_bytes: 1_500,
        sent_bytes: 98_765_432,
        errno: Some(111),
        pid: 4_242,
        comm: hostile("nginx"),
    };
    let capability = |capability, total, refused| CapabilityRow {
        subject: subject.clone(),
        capability,
        counts: Counts { count: 1, total, total_errors: refused, ..Counts::default() },
        pid: 4_242,
        comm: hostile("nginx"),
    };
    let event = |number: u16, text: &str, failed, denied| EventRow {
        number: number.into(),
        wall_ns: WALL_NS - 1_000 * i64::from(number),
        subject: subject.clone(),
        pid: 4_242,
        comm: hostile("nginx"),
        failed,
        denied,
        text: text.into(),
        json: format!(r#"{{"event":"syscall","number":{number},"args":[1,"{}"]}}"#, "x".repeat(100)).into(),
    };
    snapshot.closeup = Some(Arc::new(Closeup {
        demand,
        since_ns: snapshot.elapsed_ns - 12_000_000_000,
        unavailable: None,
        lost: 0,
        others: 3,
        processes: vec![process(4_242, "nginx", 45), process(4_300, "sh", 0)],
        files: vec![
            file("/etc/passwd", None, 45),
            file("/var/lib/nginx/cache/0123456789abcdef", Some(13), 2),
        ],
        peers: vec![
            peer("tcp", "192.0.2.1:443", Direction::Outgoing, 45),
            peer("", "/run/dbus/system_bus_socket", Direction::Unknown, 2),
        ],
        capabilities: vec![capability(21, 50, 7), capability(10, 3, 0)],
        events: vec![
            event(1, "nginx 4242 openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY) = 3", false, false),
            event(2, "nginx 4242 openat(AT_FDCWD, \"/etc/shadow\", O_RDONLY) = EACCES", true, false),
            event(3, "nginx 4242 mount(...) = EPERM", true, true),
        ],
    }));
    snapshot
}

/// As [`three`], with all that can be measured.
pub fn measured() -> Snapshot {
    let mut snapshot = three();
    snapshot.own = Some(Own {
        cpu_ns: Some(8_000_000),
        memory_bytes: 42_000_000,
        ring_bytes: 1 << 19,
        ring_size: 1 << 24,
    });
    for (row, cpu_ns) in snapshot.rows.iter_mut().zip([123_000_000, 0, 2_500_000_000]) {
        row.resources =
            Resources { cpu_ns: Some(cpu_ns), memory_bytes: Some(cpu_ns / 10), processes: Some(7) };
    }
    snapshot
}

/// As many containers, each with 60 calls.
pub fn many(count: usize) -> Snapshot {
    let web = three().rows.remove(2);
    let rows = (0..count).map(|nth| {
        let container = Container {
            id: format!("{nth:064}"),
            ..container('a', &format!("web-{nth}"), "nginx", Runtime::Docker)
        };
        let calls = (0..60).map(|number| CallRow { number, ..web.calls[1].clone() }).collect();
        Row { subject: Subject::Container(Arc::new(container)), calls, ..web.clone() }
    });
    snapshot(rows.collect())
}
