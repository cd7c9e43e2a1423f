use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::cli;
use crate::delivery::spec::EventFormat;

fn read(words: &[&str], variables: &[(&str, &str)], file: &str) -> Result<Given> {
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    let typed = Cli::command().try_get_matches_from(&words).unwrap();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
    let file = File { path: PathBuf::from("c.toml"), text: file.to_owned() };
    given(&words, &typed, &variables, |_| Ok(Some(file)))
}

fn trace(words: &[&str], variables: &[(&str, &str)], file: &str) -> cli::TraceArgs {
    match read(words, variables, file).unwrap().cli.command {
        Some(cli::Command::Trace(args)) => args,
        other => panic!("{other:?}"),
    }
}

fn error(variables: &[(&str, &str)], file: &str) -> String {
    let error = read(&["ctrace", "trace"], variables, file).err().unwrap();
    assert_eq!(Code::of(&error), Code::Usage);
    format!("{error:#}")
}

#[test]
fn flags_go_before_variables_and_these_before_the_file() {
    const FILE: &str =
        "[trace]\nformat = \"json\"\nevents = [\"%file\", \"process.*\"]\nfail-on-loss = true\n";
    let args = trace(&["ctrace", "trace"], &[], FILE);
    assert_eq!(args.output.format, Some(EventFormat::Json));
    assert_eq!(args.what.what, ["%file", "process.*"]);
    assert!(args.output.fail_on_loss && !args.what.failed);
    let variables = [("CTRACE_FORMAT", "text"), ("CTRACE_FAIL_ON_LOSS", "false"), ("CTRACE_FAILED", "1")];
    let args = trace(&["ctrace", "trace", "web"], &variables, FILE);
    assert_eq!((args.output.format, args.chosen.names), (Some(EventFormat::Text), vec!["web".to_owned()]));
    assert!(!args.output.fail_on_loss && args.what.failed);
    let args = trace(&["ctrace", "-v", "trace", "-e", "openat", "--format", "json"], &variables, FILE);
    assert_eq!((args.output.format, args.what.what), (Some(EventFormat::Json), vec!["openat".to_owned()]));
}

#[test]
fn numbers_times_and_single_values_of_lists() {
    let file = "[trace]\ncount = 3\nduration = \"30s\"\nerrno = \"ENOENT\"\nmetrics = \":9464\"\nmetrics-containers = 5\n";
    let args = trace(&["ctrace", "trace"], &[], file);
    assert_eq!((args.count, args.duration.unwrap().as_secs()), (Some(3), 30));
    assert_eq!((args.what.errnos, args.metrics.metrics_containers), (vec!["ENOENT".to_owned()], Some(5)));
    assert_eq!(args.metrics.metrics.unwrap().to_string(), "127.0.0.1:9464");
}

#[test]
fn each_command_has_its_own_section() {
    let file = "[top]\nmouse = false\n[trace]\nformat = \"json\"\n[run]\nfailed = true\n";
    let Some(cli::Command::Run(args)) =
        read(&["ctrace", "run", "--", "trace", "--format", "json"], &[], file).unwrap().cli.command
    else {
        panic!()
    };
    assert!(args.what.failed && args.output.format.is_none());
    assert_eq!(args.command, ["trace", "--format", "json"]);
    assert!(read(&["ctrace", "ps"], &[("CTRACE_FORMAT", "x")], "[").is_ok(), "it has no settings");
}

#[test]
fn mistakes_name_their_place_and_what_was_meant() {
    for (file, said) in [
        (
            "[trace]\n\nfromat = \"json\"",
            "c.toml:3: no setting of [trace] is called \"fromat\", did you mean `format`?",
        ),
        ("[trace]\nformat = \"jsno\"", "c.toml:2: trace.format: invalid value 'jsno'"),
        ("[trace]\nformat = \"jsno\"", "possible values: text, json"),
        ("[trace]\nformat = [\"json\"]", "c.toml:2: trace.format: expected a text"),
        ("[trace]\nfailed = \"yes\"", "c.toml:2: trace.failed: expected true or false"),
        ("[trace]\nevents = [1.5]", "c.toml:2: trace.events: expected a list"),
        ("[trace]\nduration = \"soon\"", "trace.duration: invalid value 'soon'"),
        ("[trace]\nreplay = \"x\"", "no setting of [trace] is called \"replay\""),
        ("[trace]\nmetrics-containers = 5", "--metrics <ADDR>"),
        ("[trcae]", "c.toml:1: no section is called \"trcae\", did you mean `trace`?"),
        ("trace = 1", "c.toml:1: `trace` is not a section: write [trace]"),
        ("[trace]\nformat", "c.toml: TOML parse error at line 2"),
    ] {
        let error = error(&[], file);
        assert!(error.contains(said), "{file}: {error}");
        assert!(!error.contains("--help"), "{error}");
    }
    for (variable, said) in [
        (("CTRACE_FROMAT", "json"), "no setting is called CTRACE_FROMAT, did you mean `CTRACE_FORMAT`?"),
        (("CTRACE_FORMAT", "jsno"), "CTRACE_FORMAT: invalid value 'jsno'"),
        (("CTRACE_FAILED", "maybe"), "CTRACE_FAILED: expected true or false, not maybe"),
        (("CTRACE_COUNT", "0"), "CTRACE_COUNT: invalid value '0'"),
    ] {
        let error = error(&[variable], "");
        assert!(error.contains(said), "{variable:?}: {error}");
    }
    let others = [("CTRACE_TEST_SLOWNESS", "4"), ("CTRACE_FORMAT", ""), ("PATH", "/bin")];
    assert!(read(&["ctrace", "trace"], &others, "").is_ok());
}

#[test]
fn what_is_printed_tells_the_same_again() {
    let words = ["ctrace", "trace", "--slower-than", "10ms", "-o", "a\"\\ b\u{7f}"];
    let file = "[trace]\nfilter = [\"label=a=\\\"b\\\"\", \"uid=0\"]\nfail-on-loss = true\n";
    let first = read(&words, &[("CTRACE_FORMAT", "json")], file).unwrap().printed().unwrap();
    for line in [
        "slower-than = \"10ms\" # flag; CTRACE_SLOWER_THAN",
        "format = \"json\" # CTRACE_FORMAT; CTRACE_FORMAT",
        "fail-on-loss = true # c.toml:3: trace.fail-on-loss; CTRACE_FAIL_ON_LOSS",
        "failed = false # built in; CTRACE_FAILED",
        "#duration = \"\" # not set; CTRACE_DURATION",
        "# Only system calls that failed",
    ] {
        assert!(first.lines().any(|found| found == line), "{line}: {first}");
    }
    let values = |text: &str| text.parse::<toml::Table>().unwrap();
    let second = read(&["ctrace", "trace"], &[], &first).unwrap().printed().unwrap();
    assert_eq!(values(&first), values(&second));
}

#[test]
fn every_setting_is_listed() {
    for (name, words) in [("trace", &["ctrace", "trace"][..]), ("run", &["ctrace", "run", "--", "true"])] {
        let printed = read(words, &[], "").unwrap().printed().unwrap();
        let command = command(name).unwrap();
        assert!(keys(&command).count() > 8);
        for key in keys(&command) {
            let is_set = |line: &str| line.trim_start_matches('#').starts_with(&format!("{key} = "));
            assert_eq!(printed.lines().filter(|line| is_set(line)).count(), 1, "{key}: {printed}");
        }
    }
}

proptest! {
    #[test]
    fn any_file_is_read_or_refused(text in "(\\[trace\\]\n)?([a-z-]{1,8} = [\\[\\]\"a-z0-9., -]{0,12}\n){0,4}") {
        let _ = read(&["ctrace", "trace"], &[], &text);
    }
}
