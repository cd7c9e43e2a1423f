use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;

use super::*;
use crate::batch::Arch;
use crate::container::{Container, Runtime};
use crate::event::Abi;
use crate::snapshot::{CallRow, Counts, FirstCall, Life, Resources, Spectrum, State};

/// 2026-11-24T02:41:35Z
const NOW: i64 = 1_795_488_095_000_000_000;

fn container(name: Option<&str>, id: &str) -> Subject {
    let name = name.map(str::to_owned);
    Subject::Container(Arc::new(Container { name, ..Container::unnamed(Runtime::Podman, id) }))
}

fn row(subject: Subject, setup_calls: u64) -> Row {
    let counts = Counts { total: 3, ..Counts::default() };
    let call = CallRow {
        abi: Abi::Native,
        number: 0,
        counts,
        errnos: vec![],
        duration: None,
        spectrum: Spectrum::default(),
        time_ns: 0,
        first: FirstCall { wall_ns: 0, pid: 7, comm: "web".to_owned(), origin: None },
        life: Life::default(),
    };
    Row {
        subject,
        state: State::Running,
        calls: vec![call],
        sum: counts,
        duration: None,
        spectrum: Spectrum::default(),
        resources: Resources::default(),
        setup_calls,
    }
}

fn snapshot(rows: Vec<Row>) -> Snapshot {
    Snapshot {
        wall_ns: NOW,
        interval_ns: 0,
        elapsed_ns: 0,
        arch: Arch::X86_64,
        losses: vec![],
        rows,
        own: None,
        closeup: None,
    }
}

fn session() -> Session {
    Session {
        version: "0.1.0".into(),
        host_name: "host".into(),
        kernel: "6.12.0".into(),
        arch: Arch::X86_64,
        wall_offset_ns: 0,
        started_ns: 0,
        features: 0,
    }
}

fn table(title: &str) -> Table {
    Table { title: title.to_owned(), columns: vec!["NAME"], rows: vec![vec!["web".to_owned()]] }
}

fn file_name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

#[test]
fn an_export_is_named_by_what_and_when_and_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let path = export(&table("containers"), Format::Csv, folder.path(), NOW).unwrap();
    assert_eq!(file_name(&path), "ctrace-containers-20261124T024135.csv");
    assert_eq!(fs::read_to_string(&path).unwrap(), "NAME\nweb\n");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
}

#[test]
fn a_title_cannot_leave_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = export(&table("../../x\n\x1b[2J é"), Format::Json, folder.path(), NOW).unwrap();
    assert_eq!(path.parent(), Some(folder.path()));
    assert_eq!(file_name(&path), "ctrace-x_2J-20261124T024135.json");
}

#[test]
fn nothing_is_overwritten_and_no_link_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let victim = folder.path().join("victim");
    symlink(&victim, folder.path().join("ctrace-t-20261124T024135.md")).unwrap();
    fs::write(folder.path().join("ctrace-t-20261124T024135-2.md"), "mine").unwrap();
    let path = export(&table("t"), Format::Markdown, folder.path(), NOW).unwrap();
    assert_eq!(file_name(&path), "ctrace-t-20261124T024135-3.md");
    assert!(!victim.exists(), "it was written through a link");
    assert_eq!(fs::read_to_string(folder.path().join("ctrace-t-20261124T024135-2.md")).unwrap(), "mine");
}

#[test]
fn an_error_says_what_where_and_why() {
    let missing = Path::new("/does/not/\x1b[2Jexist");
    let error = export(&table("t"), Format::Csv, missing, NOW).unwrap_err();
    let expected = "cannot write /does/not/\\x1b[2Jexist/ctrace-t-20261124T024135.csv: No such file or \
        directory (ENOENT); start ctrace in a folder that can be written to";
    assert_eq!(error, expected);
}

#[test]
fn after_a_hundred_it_gives_up() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..ATTEMPTS {
        export(&table("t"), Format::Csv, folder.path(), NOW).unwrap();
    }
    let error = export(&table("t"), Format::Csv, folder.path(), NOW).unwrap_err();
    assert!(error.contains("has 100 files of that name; remove some"), "{error}");
}

#[test]
fn a_file_is_given_away_only_under_sudo() {
    assert_eq!(Owner::under(true, Some(1000), Some(1000)), Owner(Some((1000, 1000))));
    for not in [(true, None, None), (true, Some(1000), None), (false, Some(1000), Some(1000))] {
        assert_eq!(Owner::under(not.0, not.1, not.2), Owner(None), "{not:?}");
    }
}

#[test]
fn a_file_that_cannot_be_given_away_is_not_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (uid, gid) = (65534, 65534);
    let written = write_new(folder.path(), "x", "csv", "text", Owner(Some((uid, gid))));
    match written {
        // As root it can.
        Ok(path) => {
            let metadata = fs::metadata(&path).unwrap();
            assert_eq!((metadata.uid(), metadata.gid()), (uid, gid));
        }
        Err(error) => {
            assert!(error.contains("EPERM"), "{error}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }
}

#[test]
fn a_profile_is_what_the_container_called() {
    let folder = tempfile::tempdir().unwrap();
    let subject = container(Some("web/1"), "aaaabbbbccccdddd");
    let (path, said) =
        write_profile(&snapshot(vec![row(subject.clone(), 40)]), &session(), &subject.id(), folder.path())
            .unwrap();
    assert_eq!(file_name(&path), "ctrace-seccomp-web_1-aaaabbbbcccc-20261124T024135.json");
    let profile: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let names = profile["syscalls"][0]["names"].as_array().unwrap();
    assert!(names.contains(&"read".into()), "{profile}");
    let expected =
        format!("{} system calls allowed; complete: watched from its start, nothing lost", names.len());
    assert_eq!(said, expected);
    let evidence = fs::read_to_string(path.with_extension("evidence.json")).unwrap();
    let evidence = Evidence::parse(&evidence).unwrap();
    assert_eq!(evidence.recordings[0].kernel, "6.12.0");
    assert!(evidence.syscalls.iter().any(|call| call.name.as_deref() == Some("read")));

    let (_, said) =
        write_profile(&snapshot(vec![row(subject.clone(), 0)]), &session(), &subject.id(), folder.path())
            .unwrap();
    assert!(said.ends_with("allowed; partial: the container was running before ctrace"), "{said}");
}

#[test]
fn what_is_no_container_gets_no_profile() {
    let folder = tempfile::tempdir().unwrap();
    let host = snapshot(vec![row(Subject::Host, 0)]);
    let error = write_profile(&host, &session(), &SubjectId::Host, folder.path()).unwrap_err();
    assert!(error.contains("(host) is no container"), "{error}");
    let error = write_profile(&host, &session(), &SubjectId::Unknown(7), folder.path()).unwrap_err();
    assert!(error.contains("not there any more"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn command_lines() {
    let web = ["web-1".to_owned()];
    let shown = Shown { containers: &web, ..Shown::default() };
    assert_eq!(command_line(&shown), "sudo ctrace top --once --format json web-1");
    let events = Shown { view: "syscalls", events: &["openat"], only: Only::Failed, ..shown.clone() };
    assert_eq!(command_line(&events), "sudo ctrace trace -e openat --failed web-1");
    let replayed = Shown { replay: Some(Path::new("my file")), host: true, ..shown.clone() };
    assert_eq!(command_line(&replayed), "ctrace top --once --format json --host --replay 'my file' web-1");
    let demo = Shown { demo: true, only: Only::Denied, view: "problems", ..Shown::default() };
    assert_eq!(command_line(&demo), "ctrace trace --denied --demo");
    let problems = Shown { view: "problems", ..shown.clone() };
    assert_eq!(command_line(&problems), "sudo ctrace trace --failed web-1");
    let files = Shown { view: "files", ..shown };
    assert_eq!(command_line(&files), "sudo ctrace trace web-1");
    let filters = ["image!=a b".to_owned()];
    let filtered = Shown { filters: &filters, ..Shown::default() };
    assert_eq!(command_line(&filtered), "sudo ctrace top --once --format json --filter 'image!=a b'");
}

#[test]
fn a_command_line_means_the_same_to_ctrace() {
    use clap::Parser;

    let names = ["--help".to_owned(), "a'b $(id)\n\x1b[2J".to_owned()];
    for view in ["containers", "events"] {
        let shown = Shown { view, containers: &names, demo: true, ..Shown::default() };
        let line = command_line(&shown);
        assert_eq!(safe(&line), line);
        let words = line.strip_prefix("ctrace ").unwrap();
        let read =
            Command::new("bash").args(["-c", &format!("printf '%s\\0' ctrace {words}")]).output().unwrap();
        let read = String::from_utf8(read.stdout).unwrap();
        let cli = crate::cli::Cli::parse_from(read.trim_end_matches('\0').split('\0'));
        let found = match cli.command {
            Some(crate::cli::Command::Top(args)) => args.containers.names,
            Some(crate::cli::Command::Trace(args)) => args.chosen.names,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, names);
    }
}

#[test]
fn a_container_is_designated_by_what_is_its_own() {
    let rows = [
        (Some("web"), "aaaaaaaaaaaaaaaa"),
        (Some("db"), "bbbbbbbbbbbbbbbb"),
        (Some("db"), "cccccccccccccccc"),
        (None, "dddddddddddd1111"),
        (Some("dddddddddddd1111"), "dddddddddddd2222"),
        (Some("x"), "run"),
    ];
    let subjects: Vec<Subject> = rows.iter().map(|(name, id)| container(*name, id)).collect();
    let snapshot = snapshot(subjects.iter().map(|subject| row(subject.clone(), 0)).collect());
    let found: Vec<_> = subjects.iter().map(|subject| designation(&snapshot, &subject.id())).collect();
    let found: Vec<_> = found.iter().map(Option::as_deref).collect();
    let expected = ["web", "bbbbbbbbbbbb", "cccccccccccc", "", "dddddddddddd2222", "x"];
    assert_eq!(found, expected.map(|word| (!word.is_empty()).then_some(word)));
    assert_eq!(designation(&snapshot, &SubjectId::Host), None);
}
