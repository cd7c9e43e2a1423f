//! What the shell sees: exit codes, and a word about what to do.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use crate::support::ctrace::ctrace;
use crate::support::process::run;
use crate::support::user::User;
use crate::support::wait::until;

/// Not permitted.
const REFUSED: i32 = 3;

#[test]
#[ignore = "needs root, setpriv"]
fn an_ordinary_user_is_told_to_use_sudo() {
    let user = User::new();
    for words in [
        ["top", "--once"].as_slice(),
        &["trace", "--duration", "1s"],
        &["record", "-o", "recording"],
        &["profile", "record", "-o", "profile.json", "--", "true"],
        &["run", "--", "true"],
    ] {
        let done = run(&mut user.ctrace(words)).expect(REFUSED);
        let hint = format!("sudo {} {}", user.binary().display(), words.join(" "));
        assert!(done.stderr.contains(&hint), "no `{hint}`: {done:?}");
        assert!(done.stdout.is_empty(), "{done:?}");
    }
}

#[test]
#[ignore = "needs root, BTF"]
fn a_closed_pipe_ends_it_quietly() {
    let mut child = ctrace(&["top", "-n", "1000", "--interval", "100ms", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    assert!(line.starts_with('{'), "{line}");
    drop(stdout);
    let status = until("the end of ctrace after its reader", || child.try_wait().unwrap());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(status.code(), Some(0), "{said}");
    for word in ["panicked", "EPIPE", "roken pipe"] {
        assert!(!said.contains(word), "{said}");
    }
}

#[test]
#[ignore = "needs root"]
fn an_unknown_container_has_its_own_exit_code() {
    const NO_SUCH_CONTAINER: i32 = 5;
    let done = run(&mut ctrace(&["ps", "no-such-container"])).expect(NO_SUCH_CONTAINER);
    assert!(done.stderr.contains("no-such-container"), "{done:?}");
}

#[test]
#[ignore = "needs root"]
fn wrong_usage_has_its_own_exit_code() {
    const USAGE: i32 = 2;
    run(&mut ctrace(&["top", "--no-such-option"])).expect(USAGE);
    run(&mut ctrace(&["no-such-command"])).expect(USAGE);
}

#[test]
#[ignore = "needs root, BTF"]
fn the_doctor_finds_the_machine_fit() {
    let done = run(&mut ctrace(&["doctor"])).expect(0);
    assert!(done.stdout.contains("ctrace can trace here"), "{done:?}");
}
