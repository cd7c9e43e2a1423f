//! What arguments point to, and what goes past system calls.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::support::ctrace::ctrace;
use crate::support::json::{at, lines, list, number};
use crate::support::process::{Done, run};
use crate::support::rootfs;

/// Events of a program of `tests/programs`, in a cgroup of its own.
fn events(words: &[&str], program: &str, args: &[&str]) -> (Done, Vec<Value>) {
    let program = rootfs::programs().join(program);
    let mut command = ctrace(&[&["run", "--format", "json"], words, &["--"]].concat());
    let done = run(command.arg(program).args(args)).expect(0);
    let events = lines(&done.stdout);
    let stop = events.last().expect("a last record");
    assert_eq!(*at(stop, "ledger.balanced"), true, "{stop}");
    (done, events)
}

fn calls<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| *at(event, "syscall.name") == *name).collect()
}

#[test]
#[ignore = "needs root, BTF, gcc, busybox"]
fn arguments_are_read_wherever_they_are() {
    let calls_of = "rename,openat,openat2,pipe2,nanosleep,execve";
    let (_, events) = events(&["-e", calls_of], "pointers", &[]);

    let [rename] = calls(&events, "rename")[..] else { panic!("not one rename: {events:?}") };
    assert_eq!(*at(rename, "file.path"), *"/old/\u{1b}[2J\n\u{fffd}", "{rename}");
    let bytes = at(rename, "file.path_bytes").as_str().expect("it is not UTF-8");
    assert_eq!(STANDARD.decode(bytes).unwrap(), b"/old/\x1b[2J\n\xff");
    assert_eq!(*at(rename, "file.target_path"), *"/new\u{202e}", "{rename}");
    assert_eq!(*at(rename, "error.type"), *"ENOENT", "{rename}");

    let opened = calls(&events, "openat");
    let path = |event: &Value| at(event, "file.path").as_str().map(str::to_owned);
    let long = opened.iter().find(|event| path(event).is_some_and(|path| path.starts_with("/xxx")));
    let long = long.expect("the path of 4000 bytes");
    assert!(list(&long["truncated"]).contains(&"file.path".into()), "{long}");
    let absent = opened.iter().find(|event| *at(event, "error.type") == *"EFAULT").expect("the wild pointer");
    assert_eq!(*at(absent, "syscall.arg.pathname"), *"0x10", "{absent}");
    assert_eq!(list(at(absent, "syscall.unread")), ["pathname"], "{absent}");
    assert!(opened.iter().any(|event| path(event).as_deref() == Some("/not/yet")), "of a page not yet there");

    let [how] = calls(&events, "openat2")[..] else { panic!("not one openat2: {events:?}") };
    let how = at(how, "syscall.arg.how").as_str().expect("it was read");
    assert!(how.contains("O_RDONLY|O_CLOEXEC") && how.contains("RESOLVE_NO_SYMLINKS"), "{how}");
    let [pipe] = calls(&events, "pipe2")[..] else { panic!("not one pipe2: {events:?}") };
    assert!(at(pipe, "syscall.arg.pipefd").as_str().is_some_and(|fds| fds.starts_with('[')), "{pipe}");
    let [nap] = calls(&events, "nanosleep")[..] else { panic!("not one nanosleep: {events:?}") };
    assert!(at(nap, "syscall.arg").to_string().contains("tv_nsec=1000"), "{nap}");

    // Of those that succeeded the memory was gone at their exit, and of the last one it was not there at the entry.
    let executed = calls(&events, "execve");
    let programs: Vec<_> = executed.iter().copied().map(path).collect();
    let [Some(own), Some(failed), Some(last)] = &programs[..] else { panic!("not three: {programs:?}") };
    assert!(own.ends_with("/pointers") && failed == "/does/not/exist" && last == "/bin/true", "{programs:?}");
    let argv = |event: &Value| at(event, "syscall.arg.argv").as_str().map(str::to_owned);
    assert_eq!(argv(executed[1]).as_deref(), Some(r#"["nothing"]"#), "{}", executed[1]);
    assert_eq!(argv(executed[2]).as_deref(), Some(r#"["never", "touched"]"#), "{}", executed[2]);
    assert!(at(executed[2], "syscall.unread").is_null(), "{}", executed[2]);
}

#[test]
#[ignore = "needs root, BTF, gcc, busybox"]
fn a_megabyte_of_arguments_is_cut_and_says_so() {
    let long = "a".repeat(100_000);
    let args = vec![long.as_str(); 10];
    let (_, events) = events(&["-e", "process.exec"], "pointers", &args);
    let exec = events.iter().find(|event| *at(event, "event.name") == *"process.exec").expect("its start");
    let line = at(exec, "process.command_line").as_str().unwrap();
    assert!(line.contains("pointers aaaa"), "{exec}");
    let cut = list(&exec["truncated"]);
    assert!(
        cut.contains(&"process.command_line".into()) && cut.contains(&"process.command_args".into()),
        "{cut:?}"
    );
}

#[test]
#[ignore = "needs root, BTF, gcc, busybox"]
fn operations_of_io_uring_are_events() {
    let (_, events) = events(&["-e", "io_uring.*"], "ring", &[]);
    let of = |name: &str| events.iter().filter(|event| *at(event, "event.name") == *name).collect::<Vec<_>>();
    let known = |event: &&Value| {
        let operation = at(event, "io_uring.opcode").as_str().unwrap().to_owned();
        (operation, at(event, "io_uring.user_data").as_str().unwrap().to_owned())
    };
    let expected = [("READ", "1"), ("READ", "2"), ("NOP", "18446744073709551615")];
    let expected = expected.map(|(operation, data)| (operation.to_owned(), data.to_owned()));
    let (submitted, complete) = (of("io_uring.submit"), of("io_uring.complete"));
    assert_eq!(submitted.iter().map(known).collect::<Vec<_>>(), expected);
    assert!(number(submitted[0], "io_uring.fd") > 2, "{}", submitted[0]);
    assert_eq!((number(submitted[1], "io_uring.fd"), at(submitted[2], "io_uring.fd")), (99, &Value::Null));
    let result = |data: &str| {
        let found = complete.iter().find(|event| *at(event, "io_uring.user_data") == *data);
        at(found.unwrap_or_else(|| panic!("{data} is not complete: {events:?}")), "io_uring.return_value")
    };
    assert!(result("1").as_i64().unwrap() > 0);
    assert_eq!((result("2"), result("18446744073709551615")), (&(-9).into(), &0.into()));
    let failed = complete.iter().find(|event| *at(event, "error.type") == *"EBADF");
    assert_eq!(*at(failed.expect("no such descriptor"), "process.executable.name"), *"ring");
}

#[test]
#[ignore = "needs root, BTF, gcc, busybox"]
fn nothing_that_operations_of_io_uring_were_given_is_printed() {
    let (_, events) = events(&["-e", "io_uring.*", "--no-args"], "ring", &[]);
    let operations: Vec<_> = events.iter().filter(|event| event["io_uring"].is_object()).collect();
    assert!(operations.len() >= 6, "{events:?}");
    for operation in operations {
        let members: Vec<_> = operation["io_uring"].as_object().unwrap().keys().map(String::as_str).collect();
        let known = ["opcode", "opcode_raw", "return_value"];
        assert!(members.iter().all(|member| known.contains(member)), "{operation}");
    }
}

/// Each choice is the kernel's: what is not wanted does not come through the ring buffer.
#[test]
#[ignore = "needs root, BTF, gcc, busybox"]
fn slow_calls_and_errors_are_chosen_in_the_kernel() {
    let (_, slow) = events(&["-e", "syscall", "--slower-than", "50us"], "pointers", &[]);
    let durations: Vec<u64> =
        calls(&slow, "nanosleep").iter().map(|nap| number(nap, "syscall.duration_ns")).collect();
    assert!(matches!(durations[..], [nap] if nap >= 50_000), "{durations:?}");
    let syscalls = |events: &[Value]| {
        events.iter().filter(|event| event["syscall"].is_object()).cloned().collect::<Vec<_>>()
    };
    assert!(syscalls(&slow).iter().all(|call| number(call, "syscall.duration_ns") >= 50_000), "{slow:?}");
    let (_, failed) = events(&["-e", "syscall", "--errno", "EFAULT"], "pointers", &[]);
    let failed = syscalls(&failed);
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(*at(&failed[0], "error.type"), *"EFAULT");
}
