use super::*;
use crate::batch::OwnerId;
use crate::event::{Memory, Process};
use crate::snapshot::Used;

fn asked(what: &[&str], arch: Arch) -> Result<Select, String> {
    let what: Vec<String> = what.iter().map(|&word| word.to_owned()).collect();
    Select::parse(&Asked { what: &what, ..Asked::default() }, arch)
}

fn parse(what: &[&str]) -> Result<Select, String> {
    asked(what, Arch::X86_64)
}

/// With conditions on calls, and no `-e`.
fn only(
    failed: bool,
    denied: bool,
    slower_than: Option<Duration>,
    errnos: &[&str],
) -> Result<Select, String> {
    let errnos: Vec<String> = errnos.iter().map(|&word| word.to_owned()).collect();
    Select::parse(&Asked { failed, denied, slower_than, errnos: &errnos, what: &[] }, Arch::X86_64)
}

/// Of native calls.
fn has(select: &Select, name: &str) -> bool {
    select.kernel().contains(Abi::Native, syscall::number(Arch::X86_64, Abi::Native, name).unwrap())
}

#[test]
fn names_globs_and_events() {
    let select = parse(&["openat,process.*", "clone*"]).unwrap();
    assert!(has(&select, "openat") && has(&select, "clone3") && !has(&select, "read"));
    assert!(select.wants_processes() && !select.wants_cgroups());
    assert!(!parse(&["process.exec"]).unwrap().wants_syscalls());
    assert_eq!(parse(&["trace=openat"]), parse(&["openat"]), "as strace takes it");
}

#[test]
fn containers_come_and_go_unless_only_calls_are_asked_for() {
    assert!(parse(&[]).unwrap().wants_containers() && parse(&["*"]).unwrap().wants_containers());
    let ms = Some(Duration::from_millis(1));
    for (failed, denied, slower, errnos) in [
        (true, false, None, &[][..]),
        (false, true, None, &[]),
        (false, false, ms, &[]),
        (false, false, None, &["EPERM"]),
    ] {
        assert!(!only(failed, denied, slower, errnos).unwrap().wants_containers());
    }
    let start = parse(&["container.start"]).unwrap();
    assert!(start.container(&Stage::Start) && start.wants_containers());
    let stop = Stage::Stop { exit: None, lifetime_ns: None, used: Used::default() };
    assert!(!start.container(&stop) && !start.wants_syscalls() && !start.wants_processes());
    assert!(!parse(&["openat"]).unwrap().wants_containers());
}

#[test]
fn the_kernel_gets_the_numbers() {
    let mut expected = Selection::NONE;
    expected.insert(Abi::Native, 257);
    expected.insert(Abi::Compat, 295);
    assert_eq!(parse(&["openat"]).unwrap().kernel(), expected);
    assert_eq!(parse(&[]).unwrap().kernel(), Selection::ALL);
}

#[test]
fn classes_are_for_every_abi() {
    for (arch, abi, name) in [
        (Arch::X86_64, Abi::Native, "openat"),
        (Arch::X86_64, Abi::Compat, "stat64"),
        (Arch::X86_64, Abi::X32, "execve"),
        (Arch::Aarch64, Abi::Native, "newfstatat"),
        (Arch::Aarch64, Abi::Compat, "open"),
    ] {
        let number = syscall::number(arch, abi, name).unwrap();
        assert!(asked(&["%file"], arch).unwrap().kernel().contains(abi, number), "{name}");
        assert!(!asked(&["%clock"], arch).unwrap().kernel().contains(abi, number), "{name}");
    }
    assert_eq!(parse(&["%net"]), parse(&["%network"]));
    assert!(has(&parse(&["%%stat"]).unwrap(), "statx"));
}

#[test]
fn what_is_taken_away_is_gone() {
    let select = parse(&["%file,!open*,process.*,!process.fork"]).unwrap();
    assert!(has(&select, "access") && !has(&select, "openat") && !has(&select, "read"));
    assert_eq!(select.events().collect::<Vec<_>>(), ["process.exec", "process.exit"]);
    // The order does not matter.
    assert_eq!(parse(&["!openat", "%file"]), parse(&["%file,!openat"]));
    // As with strace.
    let select = parse(&["!%file,read"]).unwrap();
    assert!(!has(&select, "openat") && !has(&select, "read") && has(&select, "write"));
    assert!(select.wants_processes() && select.wants_containers(), "the rest of what there is without -e");
    assert_eq!(parse(&["!%file,read"]), parse(&["!%file,!read"]));
    let select = parse(&["!syscall"]).unwrap();
    assert!(!select.wants_syscalls() && select.wants_processes());
    assert!(parse(&["!syscall.denied"]).unwrap_err().contains("name them"));
}

#[test]
fn refusals_may_stand_in_a_list() {
    let select = parse(&["process.exec,syscall.denied"]).unwrap();
    assert!(select.denied && select.wants_syscalls() && select.wants_processes());
}

#[test]
fn unknown_names_are_mistakes() {
    for (typed, said) in [
        ("opneat", "-e: no system call or event is called \"opneat\", did you mean `openat`?"),
        ("process.exce", "did you mean `process.exec`?"),
        ("!opneat", "did you mean `openat`?"),
        ("%flie", "did you mean `%file`?"),
        ("%zzzzzzzz", "there are %clock, %creds"),
        ("\u{1b}[2J", "\\u{1b}"),
        ("", "is called \"\""),
        ("!", "is called \"\""),
    ] {
        let error = parse(&[typed]).unwrap_err();
        assert!(error.contains(said), "{typed}: {error}");
    }
}

fn call(ret: i64, duration_ns: Option<u64>, how: How) -> Event<'static> {
    Event {
        ktime_ns: 1,
        owner: OwnerId::default(),
        cgroup_id: 1,
        process: Process { pid: 1, tid: 1, vpid: None, parent_pid: 0, uid: 0, session: None, comm: b"x" },
        what: What::Syscall(Syscall {
            abi: Abi::Native,
            number: 257,
            ret,
            duration_ns,
            args: [0; 6],
            memory: Memory::default(),
            how,
        }),
    }
}

#[test]
fn all_conditions_must_hold() {
    let slow = Some(Duration::from_millis(10));
    let select = only(true, false, slow, &["enoent", "13,ETIMEDOUT"]).unwrap();
    assert_eq!(select.errnos.as_ref().unwrap().all().collect::<Vec<_>>(), [2, 13, 110]);
    assert_eq!(select.min_duration_ns, 10_000_000);
    for (ret, ns, how, wanted) in [
        (-2, Some(10_000_000), How::Done, true),
        (-13, Some(u64::MAX), How::Done, true),
        (-2, Some(9_999_999), How::Done, false),
        (-1, Some(10_000_000), How::Done, false),
        (0, Some(10_000_000), How::Done, false),
        (-2, None, How::InFlight, false),
        (-13, None, How::Denied, false),
    ] {
        assert_eq!(select.event(&call(ret, ns, how)), wanted, "{ret} {ns:?} {how:?}");
    }
    let denied = only(false, true, None, &["EPERM"]).unwrap();
    assert!(denied.event(&call(-1, None, How::Denied)) && !denied.event(&call(-1, None, How::Done)));
    assert!(!denied.event(&call(-38, None, How::Denied)));
}

#[test]
fn unknown_errors_are_mistakes() {
    for (typed, said) in [
        ("ENOETN", "--errno: no error is called \"ENOETN\", did you mean `ENOENT`?"),
        ("0", "is called \"0\""),
        ("4096", "is called"),
        ("-2", "is called"),
        ("", "write ENOENT or 2"),
    ] {
        let error = only(false, false, None, &[typed]).unwrap_err();
        assert!(error.contains(said), "{typed}: {error}");
    }
    assert!(only(false, false, None, &["4095", "erestartsys"]).is_ok());
}

#[test]
fn globs() {
    for (pattern, text, hit) in [
        ("a*", "abc", true),
        ("*c", "abc", true),
        ("a*c*", "abcd", true),
        ("*", "", true),
        ("a*b", "ac", false),
    ] {
        assert_eq!(glob(pattern, text), hit, "{pattern} {text}");
    }
}
