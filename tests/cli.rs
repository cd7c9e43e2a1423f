//! The first minutes with ctrace: what it says to somebody who knows nothing of it and has no privileges.
#![expect(clippy::unwrap_used, reason = "that is how a test fails")]

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use std::{fs, str};

use serde_json::Value;

/// `nobody`.
const UID: u32 = 65534;

/// Runs it without privileges, whoever runs the test, with a copy that an ordinary user can reach.
fn ctrace(words: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let binary = folder.path().join("ctrace");
    fs::copy(env!("CARGO_BIN_EXE_ctrace"), &binary).unwrap();
    let mut command = Command::new(&binary);
    // Nobody's configuration.
    command.args(words).current_dir(folder.path()).env("HOME", folder.path()).env_remove("XDG_CONFIG_HOME");
    if rustix::process::geteuid().is_root() {
        // The kernel takes capabilities away with the user.
        command.uid(UID).gid(UID);
    }
    command.output().unwrap()
}

#[track_caller]
fn expect(output: &Output, code: i32) -> (&str, &str) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    (str::from_utf8(&output.stdout).unwrap(), str::from_utf8(&output.stderr).unwrap())
}

#[test]
fn alone_it_says_what_it_is_for() {
    let output = ctrace(&[]);
    let (out, err) = expect(&output, 0);
    assert_eq!(err, "");
    for word in ["ctrace top", "ctrace trace", "ctrace profile record", "ctrace top --demo", "ctrace doctor"]
    {
        assert!(out.contains(word), "{word}: {out}");
    }
    assert!(out.lines().count() < 20 && out.lines().all(|line| line.len() <= 100), "{out}");
}

#[test]
fn wrong_words_are_no_welcome() {
    const USAGE: i32 = 2;
    let output = ctrace(&["no-such-command"]);
    let (out, err) = expect(&output, USAGE);
    assert_eq!(out, "");
    assert!(err.contains("no-such-command"), "{err}");
}

#[test]
fn without_privileges_top_says_what_to_type() {
    const NOT_PERMITTED: i32 = 3;
    let output = ctrace(&["top", "--once", "it's"]);
    let (out, err) = expect(&output, NOT_PERMITTED);
    assert_eq!(out, "");
    assert!(err.contains("sudo /") && err.contains(r"/ctrace top --once 'it'\''s'"), "{err}");
    for next in ["ctrace top --demo", "ctrace top --replay FILE"] {
        assert!(err.contains(next), "{next}: {err}");
    }
}

#[test]
fn help_of_top_is_in_groups_with_examples() {
    let output = ctrace(&["top", "--help"]);
    let (out, _) = expect(&output, 0);
    for part in ["Examples:", "Samples, for scripts:", "Recordings:", "Screen:", "--demo", "--replay <FILE>"]
    {
        assert!(out.contains(part), "{part}: {out}");
    }
}

#[test]
fn the_demo_plays_for_everybody() {
    let output = ctrace(&["top", "--demo", "--once", "--format", "json"]);
    let (out, _) = expect(&output, 0);
    let sample: Value = serde_json::from_str(out).unwrap();
    let rows = sample["containers"].as_array().unwrap();
    let named = |name: &str| rows.iter().find(|row| row["container"]["name"] == name);
    assert!(named("db-1").is_some(), "{out}");
    assert!(named("report-1").unwrap()["total_denied"].as_u64().unwrap() > 0, "{out}");

    let output = ctrace(&["top", "--demo", "-n", "2"]);
    let (out, _) = expect(&output, 0);
    assert_eq!(out.matches("db-1").count(), 2, "{out}");

    let output = ctrace(&["trace", "--demo", "--denied", "--format", "json", "--fail-on-loss", "report-1"]);
    let (out, err) = expect(&output, 0);
    assert!(!err.contains("unaccounted") && !err.contains("twice"), "{err}");
    let denied = out.lines().filter(|line| line.contains("\"mkdir\"")).count();
    assert!(denied > 3, "{out}");
}

#[test]
fn plain_is_made_of_sentences() {
    let words = ["top", "--demo", "--plain", "-n", "3", "--speed", "1000", "--ascii"];
    let output = ctrace(&words);
    let (out, err) = expect(&output, 0);
    assert_eq!(err, "");
    assert_eq!(out.lines().filter(|line| line.starts_with("At 0:00:0")).count(), 3, "{out}");
    assert!(out.lines().any(|line| line.starts_with("db-1: ") && line.contains("calls a second")), "{out}");
    assert!(out.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{out:?}");

    let output = ctrace(&["top", "--demo", "--plain", "--once"]);
    let (out, _) = expect(&output, 0);
    assert_eq!(out.lines().filter(|line| line.starts_with("At ")).count(), 1, "{out}");
}

#[test]
fn plain_follows_the_recording_and_ends_with_its_reader() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctrace"));
    command
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .args(["top", "--demo", "--plain"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let start = Instant::now();
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let samples = lines.by_ref().filter(|line| line.as_ref().unwrap().starts_with("At "));
    assert_eq!(samples.take(2).count(), 2);
    // A sample a second was recorded.
    assert!(start.elapsed() > Duration::from_millis(1500), "{:?}", start.elapsed());
    drop(lines);
    let output = child.wait_with_output().unwrap();
    let (_, err) = expect(&output, 0);
    assert_eq!(err, "");
}

#[test]
fn one_thing_is_shown_at_a_time() {
    const USAGE: i32 = 2;
    let plain_json = ["top", "--demo", "--plain", "--format", "json"];
    for words in [&["top", "--demo", "--record", "x"][..], &["top", "--demo", "--replay", "x"], &plain_json] {
        expect(&ctrace(words), USAGE);
    }
}

#[test]
fn the_books_balance_where_a_recording_is_left_early() {
    let output = ctrace(&["trace", "--demo", "-n", "2", "--format", "json"]);
    let (out, err) = expect(&output, 0);
    assert!(err.contains("2 events") && err.ends_with("none lost\n"), "{err}");
    let stop: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&stop["ledger"]["delivered"], &stop["ledger"]["balanced"]),
        (&2.into(), &true.into()),
        "{stop}"
    );
}
