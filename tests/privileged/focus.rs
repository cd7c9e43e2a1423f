//! What a closer look brings: exactly the calls of each process, records and capabilities, of whom it was asked
//! for, and nothing once nobody looks.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;

use rustix::process::{Pid, Signal, kill_process};
use tracer::address;
use tracer::batch::{
    Batch, CapabilitySample, Detail, Focus, OwnerId, ProcessSample, Source, Status, TallySample,
};
use tracer::container::{Identity, Owner, Phase, Resolver, Roots, host_pid_ns};
use tracer::decode;
use tracer::event::{Event, Syscall, What};
use tracer::kernel::{KernelSource, arch};
use tracer::plan::{Capacity, Plan, Selection};
use tracer::{clock, syscall};
use tracer_common::config::feature;
use tracer_common::key::CallKey;
use tracer_common::limits::RING_BYTES;
use tracer_common::loss::Loss;

use crate::support::engine::{Container, Kind, Launch};
use crate::support::wait::until;

/// Of `errands`: the calls of its child.
const GETPPID: u64 = 20_000;
const OPENAT: u64 = 500;
const EXIT_GROUP: u64 = 1;
const ERRANDS: Launch<'static> = Launch::new(&["errands", "20000", "500"]);
const PULSE: Launch<'static> = Launch::new(&["pulse"]);

/// As `ctrace top` asks.
const TOP: u32 = feature::LATENCY | feature::SYSCALL_RECORDS | feature::PROCESS_RECORDS | feature::FOCUS;

/// A container of the tests has it.
const CAP_SYS_CHROOT: u8 = 18;
/// It has not.
const CAP_NET_RAW: u8 = 13;

/// A source, and all that it has told.
struct Told {
    source: KernelSource,
    batch: Batch,
    identities: HashMap<OwnerId, Identity>,
    calls: HashMap<(OwnerId, CallKey), u64>,
    tallies: HashMap<OwnerId, TallySample>,
    /// Of the last sample.
    processes: Vec<ProcessSample>,
    capabilities: Vec<CapabilitySample>,
}

impl Told {
    fn by(features: u32) -> Self {
        Self::within(features, Capacity::default())
    }

    fn within(features: u32, capacity: Capacity) -> Self {
        let roots = Roots::detect().unwrap();
        let pid_ns = host_pid_ns(&roots.proc).unwrap();
        let resolver = Resolver::new(roots.clone(), pid_ns, clock::boot_offset_ns()).unwrap();
        let plan = Plan {
            features,
            selection: Selection::ALL,
            min_duration_ns: 0,
            errnos: None,
            lineage: None,
            held: None,
            ring_bytes: RING_BYTES,
            capacity,
        };
        Self {
            source: KernelSource::new(&plan, resolver, &roots).unwrap(),
            batch: Batch::default(),
            identities: HashMap::new(),
            calls: HashMap::new(),
            tallies: HashMap::new(),
            processes: Vec::new(),
            capabilities: Vec::new(),
        }
    }

    /// All that is waiting, and a sample; `each` gets the events of calls and processes.
    fn poll(&mut self, mut each: impl FnMut(&Event<'_>)) {
        let mut sample = true;
        loop {
            self.batch.clear();
            let status = self.source.poll(&mut self.batch, sample).unwrap();
            for identity in self.batch.identities.drain(..) {
                self.identities.insert(identity.id, identity);
            }
            for record in decode::records(&self.batch.records) {
                if let Ok(event) = decode::decode(record.unwrap().bytes)
                    && !matches!(event.what, What::Cgroup(_))
                {
                    each(&event);
                }
            }
            if let Some(told) = self.batch.sample.take() {
                self.calls.extend(told.calls.iter().map(|call| ((call.owner, call.key), call.count)));
                self.tallies.extend(told.tallies.iter().map(|tally| (tally.owner, tally.clone())));
                (self.processes, self.capabilities) = (told.processes, told.capabilities);
            }
            // A name that is looked up keeps the source busy although nothing is waiting.
            if status != Status::Busy || self.batch.records.is_empty() {
                return;
            }
            sample = false;
        }
    }

    /// The owner of what a container runs, once it is known.
    fn owner_of(&mut self, container: &Container) -> OwnerId {
        let id = container.id();
        until("the container's owner", || {
            self.poll(|_| {});
            let is_it = |identity: &&Identity| {
                identity.phase == Phase::Workload
                    && matches!(&identity.owner, Owner::Container(found) if found.id == id)
            };
            self.identities.values().find(is_it).map(|identity| identity.id)
        })
    }

    fn calls_of(&self, owner: OwnerId) -> u64 {
        self.calls.iter().filter(|((of, _), _)| *of == owner).map(|(_, count)| count).sum()
    }

    /// Polls until the owner has made that many more calls; events go to `each`.
    fn calls_more(&mut self, owner: OwnerId, more: u64, mut each: impl FnMut(&Event<'_>)) {
        let end = self.calls_of(owner) + more;
        until("more calls", || {
            self.poll(&mut each);
            (self.calls_of(owner) >= end).then_some(())
        });
    }

    fn focus(&mut self, detail: Detail, owner: OwnerId) {
        assert_eq!(self.source.focus(Some(detail), &[owner]).unwrap(), Focus::Ready);
    }
}

fn name(call: &Syscall<'_>) -> Cow<'static, str> {
    syscall::label(arch().unwrap(), call.abi, call.number)
}

fn errand(pid: u32) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, Signal::USR1).unwrap();
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn calls_of_each_process_are_exact() {
    let engine = Kind::Runc.engine();
    let mut told = Told::by(TOP);
    let container = Container::new(&*engine).start(&ERRANDS);
    let other = Container::new(&*engine).start(&PULSE);
    let pid = container.facts().pid;
    let (owner, other) = (told.owner_of(&container), told.owner_of(&other));
    told.poll(|_| {});
    assert!(told.processes.is_empty(), "nobody looks yet");

    told.focus(Detail::Processes, owner);
    // It waits for its errand: what it did before does not count.
    let before = told.calls_of(owner);
    errand(pid);
    let child = until("the end of the child", || {
        told.poll(|_| {});
        told.processes.iter().find(|process| process.pid != pid && process.calls > GETPPID + OPENAT).cloned()
    });
    assert_eq!((child.calls, child.errors, child.denied), (GETPPID + OPENAT + EXIT_GROUP, OPENAT, 0));
    assert_eq!(child.comm, *b"errands\0\0\0\0\0\0\0\0\0");
    assert!(told.processes.iter().all(|process| process.owner == owner), "{:?}", told.processes);
    until("every call to be some process's", || {
        told.poll(|_| {});
        let [own] = told.processes.as_slice() else { return None };
        (own.pid == pid && own.calls + child.calls == told.calls_of(owner) - before).then_some(())
    });

    // Somebody else in focus: no trace of those before.
    told.focus(Detail::Processes, other);
    until("the other one's calls", || {
        told.poll(|_| {});
        assert!(told.processes.iter().all(|process| process.owner == other), "{:?}", told.processes);
        told.processes.iter().any(|process| process.calls > 1_000).then_some(())
    });
    assert_eq!(told.source.focus(None, &[]).unwrap(), Focus::Ready);
    told.calls_more(other, 200, |_| {});
    assert!(told.processes.is_empty(), "{:?}", told.processes);
    // From the beginning again.
    told.focus(Detail::Processes, other);
    let before = told.calls_of(other);
    told.poll(|_| {});
    let own: u64 = told.processes.iter().map(|process| process.calls).sum();
    told.poll(|_| {});
    let since = told.calls_of(other) - before;
    assert!(own <= since, "{own} calls by process of {since}");
    for (owner, TallySample { tally, .. }) in &told.tallies {
        assert_eq!(tally.lost_at(Loss::Processes), 0, "{owner:?}");
    }
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn a_full_process_table_is_a_loss() {
    let engine = Kind::Runc.engine();
    let mut told = Told::within(TOP, Capacity { processes: 1, ..Capacity::default() });
    let container = Container::new(&*engine).start(&ERRANDS);
    let owner = told.owner_of(&container);
    told.focus(Detail::Processes, owner);
    let before = told.calls_of(owner);
    errand(container.facts().pid);
    let child = GETPPID + OPENAT + EXIT_GROUP;
    until("the child's calls", || {
        told.poll(|_| {});
        let lost = told.tallies[&owner].tally.lost_at(Loss::Processes);
        let [own] = told.processes.as_slice() else { return None };
        (lost == child && own.calls + lost == told.calls_of(owner) - before).then_some(())
    });
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn records_are_of_the_focused_owner_alone() {
    let engine = Kind::Runc.engine();
    let mut told = Told::by(TOP);
    let containers = [(); 2].map(|()| Container::new(&*engine).start(&PULSE));
    let [owner, other] = [&containers[0], &containers[1]].map(|container| told.owner_of(container));
    let nobody = |event: &Event<'_>| panic!("nobody looks: {event:?}");
    told.calls_more(owner, 500, nobody);

    told.focus(Detail::Records, owner);
    let mut getppid = 0;
    told.calls_more(owner, 2_000, |event| {
        assert_eq!(event.owner, owner, "{event:?}");
        let What::Syscall(call) = event.what else { panic!("{event:?}") };
        getppid += u64::from(name(&call) == "getppid");
    });
    assert!(getppid > 1_000, "{getppid} records");
    // What was written before it left.
    assert_eq!(told.source.focus(None, &[]).unwrap(), Focus::Ready);
    told.poll(|event| assert_eq!(event.owner, owner));
    told.calls_more(owner, 500, nobody);
    told.calls_more(other, 500, nobody);

    // The books are about what was asked for, to the last record.
    let tally = told.tallies[&owner].tally;
    assert!(tally.seen > 1_000 && tally.seen < told.calls_of(owner), "{tally:?}");
    for TallySample { tally, owner } in told.tallies.values() {
        assert_eq!(tally.seen, tally.filtered + tally.sent + tally.lost_at(Loss::Ring), "{owner:?}");
    }
    assert_eq!(told.tallies.get(&other).map_or(0, |other| other.tally.seen), 0);
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn socket_addresses_come_with_records() {
    let engine = Kind::Runc.engine();
    let mut told = Told::by(TOP);
    let container = Container::new(&*engine).start(&ERRANDS);
    let owner = told.owner_of(&container);
    told.focus(Detail::Records, owner);
    errand(container.facts().pid);
    let mut found: HashMap<String, String> = HashMap::new();
    until("the last of the addresses", || {
        told.poll(|event| {
            if let What::Syscall(call) = event.what
                && let Some((_, bytes)) = call.address()
            {
                let address = address::parse(bytes.bytes()).unwrap_or_else(|| panic!("{event:?}"));
                found.insert(name(&call).into_owned(), String::from_utf8(address.text.to_vec()).unwrap());
            }
        });
        found.contains_key("getpeername").then_some(())
    });
    let expected = [
        ("bind", "127.0.0.1:7001"),
        ("sendto", "127.0.0.1:7001"),
        ("recvfrom", "127.0.0.1:7001"),
        ("connect", "127.0.0.1:7002"),
        ("getsockname", "127.0.0.1:7001"),
        ("getpeername", "127.0.0.1:7002"),
    ];
    assert_eq!(found, expected.map(|(name, text)| (name.to_owned(), text.to_owned())).into());
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn capabilities_are_counted_while_somebody_looks() {
    let types = fs::read("/sys/kernel/btf/vmlinux").unwrap();
    let tracepoint = b"btf_trace_cap_capable\0";
    let there = types.windows(tracepoint.len()).any(|name| name == tracepoint);
    let engine = Kind::Runc.engine();
    let mut told = Told::by(TOP);
    let container = Container::new(&*engine).start(&ERRANDS);
    let pid = container.facts().pid;
    let owner = told.owner_of(&container);
    let asked = told.source.focus(Some(Detail::Capabilities), &[owner]).unwrap();
    if !there {
        let Focus::Unavailable(why) = asked else { panic!("the kernel has no such tracepoint") };
        assert!(why.contains("cap_capable"), "{why}");
        return;
    }
    // A second look begins from zero.
    for _ in 0..2 {
        told.focus(Detail::Capabilities, owner);
        errand(pid);
        let counts = |told: &Told, capability| {
            let used = told.capabilities.iter().find(|used| used.capability == capability)?;
            assert_eq!((used.owner, used.pid, &used.comm[..8]), (owner, pid, &b"errands\0"[..]));
            Some((used.granted, used.refused))
        };
        until("both checks", || {
            told.poll(|_| {});
            let both = (counts(&told, CAP_SYS_CHROOT)?, counts(&told, CAP_NET_RAW)?);
            assert_eq!(both, ((1, 0), (0, 1)));
            Some(())
        });
        assert_eq!(told.source.focus(None, &[]).unwrap(), Focus::Ready);
        told.poll(|_| {});
        assert!(told.capabilities.is_empty(), "{:?}", told.capabilities);
    }
}

/// With records of everybody there is nothing to focus; without any there is nothing to see.
#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn what_was_not_planned_is_unavailable() {
    let engine = Kind::Runc.engine();
    let container = Container::new(&*engine).start(&PULSE);
    let mut told = Told::by(feature::SYSCALL_RECORDS);
    let owner = told.owner_of(&container);
    told.focus(Detail::Records, OwnerId::default());
    let mut records = 0;
    told.calls_more(owner, 500, |event| records += u64::from(event.owner == owner));
    assert!(records > 0, "recorded whether in focus or not");
    let focus = told.source.focus(Some(Detail::Processes), &[owner]).unwrap();
    assert!(matches!(focus, Focus::Unavailable(_)), "{focus:?}");

    let mut counting = Told::by(feature::LATENCY);
    for detail in [Detail::Records, Detail::Processes] {
        let focus = counting.source.focus(Some(detail), &[owner]).unwrap();
        assert!(matches!(focus, Focus::Unavailable(_)), "{detail:?}: {focus:?}");
    }
}
