//! A recording gives what was seen live, to anybody who can read it.

use serde_json::{Value, json};

use crate::support::ctrace::attached;
use crate::support::engine::{Container, Kind, Launch};
use crate::support::json::{at, errno, is, lines, list, number, parse, row, syscall};
use crate::support::process::run;
use crate::support::user::User;

/// What must be equal: everything that does not depend on when a sample was taken.
fn totals(row: &Value) -> Vec<(String, u64, u64, u64, Value)> {
    let mut totals: Vec<_> = list(&row["syscalls"])
        .iter()
        .map(|call| {
            let [total, errors, denied] =
                ["total", "total_errors", "total_denied"].map(|key| number(call, key));
            let name = format!("{}/{}", call["abi"], call["name"]);
            let errnos = list(&call["errnos"]).iter();
            let errnos =
                errnos.map(|errno| json!([errno["name"], errno["total"], errno["total_denied"]])).collect();
            (name, total, errors, denied, errnos)
        })
        .collect();
    totals.sort_by(|a, b| a.0.cmp(&b.0));
    totals
}

#[test]
#[ignore = "needs root, BTF, podman, runc, setpriv, gcc, busybox"]
fn a_recording_is_as_good_as_live() {
    let engine = Kind::Podman.engine();
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("recording");
    let top = attached(&["top", "-n", "1000", "--interval", "200ms", "--format", "json"]);
    let record = attached(&["record", "-o", recording.to_str().unwrap()]);
    let container = Container::new(&*engine);
    let args = ["sh", "-c", "calls 100000 1000; exit 3"];
    container.run(&Launch::new(&args)).expect(3);
    let id = container.id();
    let live = top.stdout_line("the container's end", |line| {
        let sample = parse(line);
        row(&sample, &id).filter(|row| *at(row, "container.state") == *"ended").cloned()
    });
    top.interrupt();
    record.interrupt().expect(0);

    let user = User::new();
    let given = user.give(&recording);
    let file = given.to_str().unwrap();
    let name = container.name.clone();

    let done = run(&mut user.ctrace(&["top", "--replay", file, "--once", "--format", "json"])).expect(0);
    let samples = lines(&done.stdout);
    let [sample] = samples.as_slice() else { panic!("one sample, one line: {done:?}") };
    let replayed = row(sample, &id).unwrap_or_else(|| panic!("no row of {name}: {done:?}"));
    assert_eq!(*at(replayed, "container.name"), *name);
    // The shell itself asks once, for $PPID.
    assert_eq!(number(syscall(replayed, "getppid").unwrap(), "total"), 100_001);
    assert_eq!(errno(syscall(replayed, "openat").unwrap(), "ENOENT"), 1_000);
    assert_eq!(totals(replayed), totals(&live));

    let done = run(&mut user.ctrace(&["trace", "--replay", file, "--format", "json"])).expect(0);
    let events = lines(&done.stdout);
    let exit =
        events.iter().find(|event| is(event, "process.exit", &id) && *at(event, "process.exit.code") == 3);
    assert!(exit.is_some(), "no exit of the shell among {} events", events.len());

    let profile = user.file("profile.json");
    let words =
        ["profile", "generate", file, "-o", profile.to_str().unwrap(), "--filter", &format!("name={name}")];
    run(&mut user.ctrace(&words)).expect(0);
    let rules = parse(&std::fs::read_to_string(profile).unwrap());
    let names: Vec<_> = list(&rules["syscalls"]).iter().flat_map(|rule| list(&rule["names"])).collect();
    for call in list(&live["syscalls"]) {
        assert!(names.contains(&&call["name"]), "{} was called and is not in {rules}", call["name"]);
    }
}
