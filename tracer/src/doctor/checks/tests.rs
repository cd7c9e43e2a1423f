use super::*;
use crate::cgroups::Layout;
use crate::doctor::host::{Caps, Lockdown, Process, cap};

fn check(host: &Host, name: &str) -> Check {
    checks(host).into_iter().find(|check| check.name == name).unwrap()
}

fn with_caps(numbers: &[u32]) -> Host {
    let effective = numbers.iter().map(|number| 1 << number).sum();
    Host { caps: Some(Caps { effective, permitted: effective }), ..Host::unprivileged() }
}

#[test]
fn a_good_host_has_no_complaints() {
    let all = checks(&Host::sample());
    assert!(all.iter().all(|check| check.status == Status::Ok && check.fix.is_none()), "{all:#?}");
    assert_eq!(code(&all), Code::Done);
}

#[test]
fn names_are_unique_and_complaints_come_with_a_fix() {
    let worst = Host {
        arch: "riscv64",
        kernel: None,
        btf: false,
        filtered: true,
        user_ns: Namespace::Own,
        pid_ns: Namespace::Own,
        cgroup_ns: Namespace::Unreadable,
        cgroup: Layout::None,
        ..Host::unprivileged()
    };
    let all = checks(&worst);
    for check in &all {
        assert_eq!(check.fix.is_some(), check.status != Status::Ok, "{check:?}");
        assert_eq!(all.iter().filter(|other| other.name == check.name).count(), 1);
    }
}

#[test]
fn kernels() {
    let status = |kernel| check(&Host { kernel, ..Host::sample() }, "kernel").status;
    assert_eq!(status(Some((5, 11))), Status::Ok);
    assert_eq!(status(Some((7, 0))), Status::Ok);
    assert_eq!(status(Some((5, 10))), Status::Fail(Kind::KernelCannot));
    assert_eq!(status(Some((4, 19))), Status::Fail(Kind::KernelCannot));
    assert_eq!(status(None), Status::Warn);
}

#[test]
fn without_io_uring_all_else_works() {
    let status = |kernel| check(&Host { kernel, ..Host::sample() }, "io_uring").status;
    assert_eq!([Some((6, 0)), Some((5, 15)), None].map(status), [Status::Ok, Status::Warn, Status::Warn]);
}

#[test]
fn who_asks_for_capabilities_is_seen_by_new_kernels_that_show_it() {
    let status = |kernel, kptr_restrict| {
        check(&Host { kernel, kptr_restrict, ..Host::sample() }, "capability_checks").status
    };
    assert_eq!([Some(0), Some(1), None].map(|restrict| status(Some((6, 14)), restrict)), [Status::Ok; 3]);
    assert_eq!(status(Some((6, 14)), Some(2)), Status::Warn);
    assert_eq!([Some((6, 13)), None].map(|kernel| status(kernel, Some(1))), [Status::Warn; 2]);
}

#[test]
fn capabilities_count_and_not_the_uid() {
    let status = |host: &Host| check(host, "capabilities").status;
    assert_eq!(status(&with_caps(&[cap::BPF, cap::PERFMON])), Status::Ok);
    assert_eq!(status(&with_caps(&[cap::SYS_ADMIN])), Status::Ok);
    let denied = Status::Fail(Kind::NotPermitted);
    assert_eq!(status(&with_caps(&[cap::BPF])), denied);
    let root = Host { process: Host::sample().process, ..with_caps(&[]) };
    assert_eq!(status(&root), denied);
    assert_eq!(status(&Host { caps: None, ..Host::sample() }), denied);
}

#[test]
fn what_is_missing_is_named() {
    let half = check(&with_caps(&[cap::BPF]), "capabilities");
    assert_eq!(half.found, "CAP_PERFMON missing (uid 1000)");
    assert_eq!(half.fix.as_deref(), Some("sudo /home/u/.cargo/bin/ctrace top --once"));
    let idle = Caps { effective: 0, permitted: 1 << cap::BPF | 1 << cap::PERFMON };
    let idle = check(&Host { caps: Some(idle), ..Host::unprivileged() }, "capabilities");
    assert_eq!(idle.found, "CAP_BPF and CAP_PERFMON permitted, but not effective");
    let root = check(&Host { process: Host::sample().process, ..with_caps(&[]) }, "capabilities");
    assert!(root.fix.unwrap().contains("--cap-add BPF --cap-add PERFMON"));
}

#[test]
fn locked_memory_matters_on_old_kernels_only() {
    let old = Host { kernel: Some((5, 10)), ..with_caps(&[]) };
    assert_eq!(check(&old, "memlock").status, Status::Warn);
    assert_eq!(check(&Host { kernel: Some((5, 11)), ..old.clone() }, "memlock").status, Status::Ok);
    let may = Host { caps: with_caps(&[cap::SYS_RESOURCE]).caps, ..old.clone() };
    assert_eq!(check(&may, "memlock").status, Status::Ok);
    let unlimited = Host { process: Process { memlock: None, ..old.process.clone() }, ..old };
    assert_eq!(check(&unlimited, "memlock").status, Status::Ok);
}

#[test]
fn every_kind_of_cgroup_will_do() {
    let found = |cgroup, cgroup_v1| {
        let check = check(&Host { cgroup, cgroup_v1, ..Host::sample() }, "cgroup");
        (check.status, check.found)
    };
    let Host { cgroup: v1, cgroup_v1: pids, .. } = Host::with_v1();
    assert_eq!(found(v1.clone(), pids.clone()), (Status::Ok, "v1, by pids at /sys/fs/cgroup/pids".into()));
    let hybrid = Layout::Hybrid("/sys/fs/cgroup/unified".into());
    assert_eq!(
        found(hybrid.clone(), pids),
        (Status::Ok, "hybrid: v2 at /sys/fs/cgroup/unified, v1 by pids at /sys/fs/cgroup/pids".into())
    );
    assert_eq!(found(hybrid, None).0, Status::Ok);
    let missing = Status::Fail(Kind::Missing);
    assert_eq!(found(Layout::None, None), (missing, "not mounted here".into()));
    assert_eq!(found(v1, None).0, missing, "a named hierarchy alone, systemd's");
}

#[test]
fn lockdown_stops_only_in_its_strictest_mode() {
    let status = |lockdown| check(&Host { lockdown, ..Host::sample() }, "lockdown").status;
    assert_eq!(status(Lockdown::Integrity), Status::Ok);
    assert_eq!(status(Lockdown::Unreadable), Status::Warn);
    assert_eq!(status(Lockdown::Confidentiality), Status::Fail(Kind::KernelCannot));
}

#[test]
fn a_rootless_container_is_told_so() {
    let inside = Host { user_ns: Namespace::Own, ..Host::sample() };
    assert_eq!(check(&inside, "user_namespace").status, Status::Fail(Kind::NotPermitted));
    assert_eq!(code(&checks(&inside)), Code::NotPermitted);
}
