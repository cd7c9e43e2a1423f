use std::sync::Arc;

use super::*;
use crate::batch::{Arch, CheckKey, CheckSample, OwnerId, Sample, Session, Standing};
use crate::container::{Container, Phase, Runtime};
use crate::snapshot::{Snapshot, Subject};

const OWNER: OwnerId = OwnerId { slot: 5, generation: 1 };

const GOOD: Circumstances = Circumstances {
    from_start: true,
    running: false,
    losses: Vec::new(),
    wall_offset_ns: 1_000_000_000,
    recorded_ns: 2_500_000_000,
};

/// `askers` from `cap_capable` on, with spaces between them.
fn check(capability: u8, refused: bool, standing: Standing, askers: &str, count: u64) -> CheckSample {
    let askers = askers.split_whitespace().map(str::to_owned).collect();
    CheckSample {
        key: CheckKey { owner: OWNER, capability, refused, standing, askers },
        count,
        first_ns: 100,
        first_pid: 7,
        first_comm: *b"\x1b[2J\0\xff..........",
    }
}

fn own(capability: u8, refused: bool, asker: &str) -> CheckSample {
    check(capability, refused, Standing::Own, &format!("security_capable ns_capable {asker}"), 1)
}

fn needs(checks: &[CheckSample], circumstances: &Circumstances) -> Needs {
    Needs::new(checks.iter().map(|check| (Phase::Workload, check)), circumstances)
}

/// One of everything.
fn everything() -> Needs {
    let vm = "security_vm_enough_memory_mm mmap_region";
    let checks = [
        own(0, false, "setattr_prepare"),
        own(10, false, "__inet_bind"),
        own(10, true, "__inet_bind"),
        check(21, false, Standing::Own, vm, 12),
        own(2, true, "generic_permission"),
        own(21, true, "may_mount"),
        check(3, false, Standing::Borrowed, "security_capable capable_wrt_inode_uidgid ovl_setattr", 2),
        check(21, false, Standing::Inner, "security_capable ns_capable __x64_sys_sethostname", 1),
        check(21, true, Standing::Outside, "security_capable capable do_mount", 1),
        check(21, false, Standing::Maker, "security_capable ns_capable copy_utsname", 1),
    ];
    let session = own(18, false, "ksys_chroot");
    let all = checks.iter().map(|check| (Phase::Workload, check)).chain([(Phase::Exec, &session)]);
    Needs::new(all, &GOOD)
}

fn evidence(needs: &Needs) -> Evidence {
    let container =
        Container { name: Some("\x1b[31mweb".into()), ..Container::unnamed(Runtime::Runc, "aaaa") };
    let snapshot = Snapshot {
        wall_ns: 3_000_000_000,
        interval_ns: 0,
        elapsed_ns: 0,
        arch: Arch::X86_64,
        losses: vec![],
        rows: vec![],
        own: None,
        closeup: None,
    };
    let session = Session {
        version: "0.1.0".into(),
        host_name: "host".into(),
        kernel: "6.18.0".into(),
        arch: Arch::X86_64,
        wall_offset_ns: 1_000_000_000,
        started_ns: 0,
        features: 0,
    };
    Evidence::new(needs, &Subject::Container(Arc::new(container)), false, &snapshot, &session)
}

#[test]
fn what_was_granted_and_decided_something_is_needed() {
    let needs = everything();
    assert_eq!(needs.names(), ["CAP_CHOWN", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT"]);
    assert_eq!((needs.notes.as_slice(), needs.reasons.len()), (&[Note::ExecOnly([18].into())][..], 0));
    insta::assert_snapshot!(needs);
}

#[test]
fn what_the_runtime_does_before_is_no_need() {
    let setup = own(6, false, "ns_capable_setid");
    let needs = Needs::new([(Phase::Setup, &setup)], &GOOD);
    assert_eq!((needs.needed.len(), needs.checks.len()), (0, 0));
    assert!(needs.to_string().starts_with("no capability needed\n"), "{needs}");
}

#[test]
fn the_same_check_in_two_owners_is_one() {
    let later = CheckSample { first_ns: 900, first_pid: 9, count: 3, ..own(0, false, "setattr_prepare") };
    let needs = needs(&[later, own(0, false, "setattr_prepare")], &GOOD);
    let [check] = needs.checks.as_slice() else { panic!("{needs:?}") };
    assert_eq!((check.granted, check.first.pid, check.first.wall_ns), (4, 7, 1_000_000_100));
}

#[test]
fn doubts_make_it_partial() {
    let lost = |place, own| Lost { place, count: 3, own };
    let losses = vec![lost("capability_table", true), lost("task_table", false), lost("ring", true)];
    let circumstances = Circumstances { from_start: false, running: true, losses, ..GOOD };
    let unknown = check(21, false, Standing::Own, "", 4);
    let needs = needs(&[unknown, own(63, false, "something_new")], &circumstances);
    assert_eq!(
        needs.reasons,
        [
            Reason::StartMissed,
            Reason::Lost(lost("capability_table", true)),
            Reason::Lost(lost("task_table", false)),
            Reason::Unclassified(4),
            Reason::Unnamed(63),
        ]
    );
    // Rather too many than too few.
    assert_eq!((needs.needed.len(), needs.names()), (2, vec!["CAP_SYS_ADMIN"]));
    insta::assert_snapshot!(needs);
}

#[test]
fn totals_replace_each_other_and_outlive_their_owner() {
    let mut seen = Checks::default();
    for count in [1, 5] {
        let check = CheckSample { count, ..own(0, false, "setattr_prepare") };
        seen.sample(&Sample { checks: vec![check], ..Sample::default() });
    }
    seen.sample(&Sample::default());
    assert_eq!(seen.of(OWNER).map(|check| check.count).collect::<Vec<_>>(), [5]);
    assert_eq!(seen.of(OwnerId { slot: 5, generation: 2 }).count(), 0);
}

#[test]
fn every_form() {
    let full = everything();
    let none = needs(&[], &GOOD);
    let text = |format: Format, needs: &Needs| format.print(needs, &evidence(needs)).unwrap();
    let mut all = String::new();
    for format in [Format::Docker, Format::Podman, Format::Kubernetes, Format::Oci, Format::Systemd] {
        all.extend([format!("--- {format:?}\n"), text(format, &full), text(format, &none)]);
    }
    insta::assert_snapshot!(all);
}

#[test]
fn evidence_golden() {
    insta::assert_snapshot!(evidence(&everything()).to_json().unwrap());
}
