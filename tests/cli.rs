//! The first minutes with ctrace: what it says to somebody who knows nothing of it and has no privileges.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "that is how a test fails")]

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use std::{fs, str};

use serde_json::Value;

#[path = "support/schema.rs"]
mod schema;

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
    loop {
        match command.output() {
            // A child that another test has just forked still has the copy open for writing, until it is executed.
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
            other => return other.unwrap(),
        }
    }
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

#[test]
fn what_is_chosen_is_explained_without_privileges() {
    let output = ctrace(&[
        "trace",
        "--explain",
        "-e",
        "%file,!open*",
        "--slower-than",
        "10ms",
        "--errno",
        "ENOENT",
        "--filter",
        "uid=0",
        "web",
    ]);
    let (out, err) = expect(&output, 0);
    assert_eq!(err, "");
    for part in ["sys_exit", " of x86_64", "10ms", "ENOENT", "uid=0", "web (name"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let output = ctrace(&["run", "--explain", "--filter", "comm=sh"]);
    let (out, _) = expect(&output, 0);
    assert!(out.contains("descendants") && out.contains("comm=sh"), "{out}");
}

#[test]
fn slips_are_told_with_what_was_meant() {
    for (words, said) in [
        (&["trace", "--demo", "-e", "%flie"][..], "did you mean `%file`?"),
        (&["trace", "--demo", "-e", "!opneat"], "did you mean `openat`?"),
        (&["trace", "--demo", "--errno", "ENOETN"], "did you mean `ENOENT`?"),
        (&["trace", "--demo", "--filter", "imgae=x"], "did you mean `image`?"),
        (&["top", "--demo", "--filter", "pid=1"], "only `ctrace trace` and `ctrace run`"),
        (&["ps", "--filter", "comm=sh"], "only `ctrace trace` and `ctrace run`"),
        (&["run", "--filter", "name=x", "--", "true"], "comm, pid or uid"),
        (&["trace", "--demo", "--metrics", "9464"], "127.0.0.1:9464"),
        (&["trace", "--demo", "--metrics-containers", "5"], "--metrics <ADDR>"),
    ] {
        let output = ctrace(words);
        let (out, err) = expect(&output, USAGE);
        assert!(out.is_empty() && err.contains(said), "{words:?}: {err}");
    }
}

/// Events of the demo that are neither first nor last.
fn demo(words: &[&str]) -> Vec<Value> {
    let output = ctrace(&[&["trace", "--demo", "--format", "json"], words].concat());
    let (out, _) = expect(&output, 0);
    let all = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    all.filter(|event| !event["event"]["name"].as_str().unwrap().starts_with("ctrace.")).collect()
}

#[test]
fn a_recording_is_asked_everything_again() {
    let failed = demo(&["--failed"]);
    let errno = demo(&["--errno", "ENOENT"]);
    assert!(!errno.is_empty() && errno.len() < failed.len(), "{} {}", errno.len(), failed.len());
    assert!(errno.iter().all(|event| event["error"]["type"] == "ENOENT"));
    let slow = demo(&["--slower-than", "1ms"]);
    assert!(!slow.is_empty());
    assert!(slow.iter().all(|event| event["syscall"]["duration_ns"].as_u64().unwrap() >= 1_000_000));
    assert!(demo(&["--errno", "ENOENT", "--slower-than", "24h"]).is_empty());
    let network = demo(&["-e", "%network"]);
    assert!(!network.is_empty());
    assert!(network.iter().all(|event| event["syscall"]["name"] != "openat"));

    let name = network[0]["process"]["executable"]["name"].as_str().unwrap();
    let (of, others) = (
        demo(&["-e", "%network", "--filter", &format!("comm={name}")]),
        demo(&["-e", "%network", "--filter", &format!("comm!={name}")]),
    );
    assert!(!of.is_empty() && of.len() + others.len() == network.len());
    assert!(of.iter().all(|event| event["process"]["executable"]["name"] == *name));
}

#[test]
fn configuration_is_read_checked_and_printed() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let path = folder.path().join("config.toml");
    let file = path.to_str().unwrap();
    fs::write(&path, "[top]\nascii = true\n[trace]\nevents = [\"%network\"]\nformat = \"json\"\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&path, Some(UID), Some(UID)).unwrap();
    }
    let output = ctrace(&["trace", "--demo", "--config", file, "-n", "1"]);
    let (out, _) = expect(&output, 0);
    assert!(out.starts_with("{\"timestamp\"") && out.lines().count() == 3, "{out}");
    let output = ctrace(&["trace", "--config", file, "--failed", "--print-config"]);
    let (out, _) = expect(&output, 0);
    for line in ["format = \"json\" # ", "events = [\"%network\"] # ", "failed = true # flag"] {
        assert!(out.lines().any(|found| found.starts_with(line)), "{line}: {out}");
    }
    // Both parts of the file are for everybody.
    expect(&ctrace(&["top", "--demo", "--plain", "--once", "--config", file]), 0);

    fs::write(&path, "[trace]\nfromat = \"json\"\n").unwrap();
    let output = ctrace(&["trace", "--demo", "--config", file]);
    let (_, err) = expect(&output, 2);
    assert!(err.contains("config.toml:2: ") && err.contains("did you mean `format`?"), "{err}");
}

const USAGE: i32 = 2;

#[test]
fn schemas_are_printed() {
    for (words, title) in [
        (&["schema"][..], "Events of ctrace, version 1"),
        (&["schema", "trace"], "Events of ctrace, version 1"),
        (&["schema", "--json-layout", "flat"], "Events of ctrace, version 1"),
        (&["schema", "top"], "Samples of ctrace, version 1"),
        (&["schema", "ps"], "Containers that ctrace sees, version 1"),
    ] {
        let output = ctrace(words);
        let (out, err) = expect(&output, 0);
        let schema: Value = serde_json::from_str(out).unwrap();
        assert_eq!((schema["title"].as_str(), err), (Some(title), ""), "{words:?}");
        let id = schema["$id"].as_str().unwrap();
        assert_eq!(id.ends_with("-flat.json"), words.contains(&"flat"), "{id}");
    }
    let output = ctrace(&["schema", "top", "--json-layout", "flat"]);
    let (out, err) = expect(&output, USAGE);
    assert!(out.is_empty() && err.contains("only events"), "{err}");
    let output = ctrace(&["schema", "--help"]);
    let (out, _) = expect(&output, 0);
    for part in ["trace", "top", "ps", "Examples:", "2020-12"] {
        assert!(out.contains(part), "{part}: {out}");
    }
}

/// They come from what `--help` is made of, so that they know each command that it has.
#[test]
fn completions_and_manual_pages_are_printed() {
    for (shell, start) in [("bash", "_ctrace()"), ("zsh", "#compdef ctrace"), ("fish", "complete -c ctrace")]
    {
        let output = ctrace(&["completions", shell]);
        let (out, err) = expect(&output, 0);
        assert!(out.contains(start) && out.contains("oci-hook") && err.is_empty(), "{shell}: {out}");
    }
    let output = ctrace(&["man"]);
    let (out, _) = expect(&output, 0);
    assert!(out.contains(".TH ctrace 1") && out.contains("ctrace\\-profile(1)"), "{out}");

    let folder = tempfile::tempdir().unwrap();
    // ctrace runs as an ordinary user.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    expect(&ctrace(&["man", folder.path().to_str().unwrap()]), 0);
    let mut pages: Vec<_> = fs::read_dir(&folder).unwrap().map(|page| page.unwrap().file_name()).collect();
    pages.sort();
    for page in ["ctrace.1", "ctrace-top.1", "ctrace-profile-record.1"] {
        assert!(pages.iter().any(|name| name == page), "{page} in {pages:?}");
    }
    assert!(!pages.iter().any(|name| name.to_string_lossy().contains("internal")), "{pages:?}");
    let output = ctrace(&["man", "/nonexistent"]);
    let (_, err) = expect(&output, 1);
    assert!(err.contains("into /nonexistent") && err.contains("ENOENT"), "{err}");
}

/// Lines of the demo, which has `report.sh` as an argument and as a path.
fn lines_of(words: &[&str]) -> String {
    let output = ctrace(&[&["trace", "--demo", "-e", "*", "--setup"], words].concat());
    let (out, _) = expect(&output, 0);
    assert!(out.lines().count() > 100, "{out}");
    out.to_owned()
}

#[test]
fn every_line_of_the_demo_is_as_its_schema_says() {
    for layout in ["nested", "flat"] {
        let out = lines_of(&["--format", "json", "--json-layout", layout]);
        for line in out.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            schema::check(&line);
            assert_eq!(line.get("event.name").is_some(), layout == "flat", "{line}");
        }
    }
    for line in lines_of(&["--format", "json", "--max-event-bytes", "1024"]).lines() {
        assert!(line.len() <= 1024, "{line}");
        schema::check(&serde_json::from_str(line).unwrap());
    }
    for words in [
        &["top", "--demo", "-n", "2", "--format", "json"],
        &["top", "--demo", "--once", "--format", "json"][..],
    ] {
        let output = ctrace(words);
        let (out, _) = expect(&output, 0);
        out.lines().for_each(|line| schema::check(&serde_json::from_str(line).unwrap()));
    }
}

#[test]
fn what_is_to_be_hidden_is_in_no_format() {
    for format in ["text", "json"] {
        let all = lines_of(&["--format", format]);
        let word = "/etc/";
        assert!(all.contains(word), "{all}");
        let hidden = lines_of(&["--format", format, "--redact", "nothing like it", "--redact", "/(et)c/"]);
        assert!(!hidden.contains(word) && hidden.contains("/[redacted]c/"), "{hidden}");
        assert_eq!(all.lines().count(), hidden.lines().count());
        let bare = lines_of(&["--format", format, "--no-args"]);
        // What a call gave back may be an address; what it was given is told in brackets or quotes.
        for gone in [word, "(0x", "\"0x"] {
            assert!(!bare.contains(gone), "{gone}: {bare}");
        }
        assert!(bare.contains("openat"), "{bare}");
        assert_eq!(all.lines().count(), bare.lines().count());
    }
    let output = ctrace(&["trace", "--demo", "--redact", "ab(cd"]);
    let (out, err) = expect(&output, USAGE);
    assert!(out.is_empty() && err.contains("ab(cd\n      ^") && err.contains("unclosed group"), "{err}");
    let output = ctrace(&["trace", "--demo", "--max-event-bytes", "1000"]);
    let (_, err) = expect(&output, USAGE);
    assert!(err.contains("from 1024 to 1048576"), "{err}");
}

/// A runtime that calls the hook for each of its containers is not held up by those without the annotation.
#[test]
fn the_hook_leaves_other_containers_alone() {
    let hook = |state: &str| {
        let mut hook = Command::new(env!("CARGO_BIN_EXE_ctrace"))
            .arg("oci-hook")
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        hook.stdin.take().unwrap().write_all(state.as_bytes()).unwrap();
        let output = hook.wait_with_output().unwrap();
        let (out, err) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        (output.status.code(), out, err)
    };
    let silence = (Some(0), String::new(), String::new());
    let state = |annotations| {
        format!(r#"{{"id":"a","status":"creating","pid":1,"bundle":"/","annotations":{annotations}}}"#)
    };
    for annotations in ["{}", r#"{"a":"b"}"#] {
        assert_eq!(hook(&state(annotations)), silence);
    }
    for (told, why) in [
        ("\u{1b}[2J".to_owned(), "--print-hooks"),
        (state(r#"{"io.containers.trace-syscall":"of:x\u001b"}"#), "not absolute"),
        (state(r#"{"io.containers.trace-syscall":"if:/x"}"#), "no of:PATH"),
    ] {
        let (code, out, err) = hook(&told);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
        assert!(err.starts_with("ctrace: ") && err.contains(why) && !err.contains('\u{1b}'), "{err:?}");
    }
}
