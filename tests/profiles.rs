//! Profiles as files, from the recording that ships inside ctrace: written, read, compared, checked.
//! Takes no privileges.
#![expect(clippy::unwrap_used, reason = "that is how a test fails")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

const FINDING: i32 = 6;
const FAILED: i32 = 1;
const USAGE: i32 = 2;
const NO_CONTAINER: i32 = 5;

/// A folder with that recording, in which ctrace is run.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let packed = concat!(env!("CARGO_MANIFEST_DIR"), "/src/demo.ctrace.zst");
        let packed = fs::read(packed).unwrap();
        let mut recording = Vec::new();
        ruzstd::decoding::StreamingDecoder::new(packed.as_slice())
            .unwrap()
            .read_to_end(&mut recording)
            .unwrap();
        fs::write(folder.path().join("demo.ctrace"), recording).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn ctrace(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_ctrace")).args(words).current_dir(self.0.path()).output().unwrap()
    }

    /// Standard output and error.
    #[track_caller]
    fn expect(&self, code: i32, words: &[&str]) -> (String, String) {
        let output = self.ctrace(words);
        assert_eq!(output.status.code(), Some(code), "{words:?} {output:?}");
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    /// The profile of the container `db-1` with more words.
    #[track_caller]
    fn generate(&self, to: &str, more: &[&str]) -> String {
        let words = ["profile", "generate", "demo.ctrace", "--filter", "name=db-1", "-o", to];
        self.expect(0, &[&words, more].concat()).1
    }

    fn json(&self, name: &str) -> Value {
        parse(&self.path(name))
    }

    /// A profile with some names less.
    fn without(&self, name: &str, less: &[&str], to: &str) {
        let mut profile = self.json(name);
        let names = profile.pointer_mut("/syscalls/0/names").unwrap().as_array_mut().unwrap();
        let before = names.len();
        names.retain(|name| !less.contains(&name.as_str().unwrap()));
        assert_eq!(names.len() + less.len(), before);
        fs::write(self.path(to), profile.to_string()).unwrap();
    }
}

fn parse(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn names(rule: &Value) -> BTreeSet<String> {
    rule["names"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn evidence_lies_beside_and_explains_all_of_it() {
    let folder = Folder::new();
    let said = folder.generate("db.json", &[]);
    assert!(said.contains("evidence: db.evidence.json") && said.contains("seccomp=db.json"), "{said}");
    let (profile, evidence) = (folder.json("db.json"), folder.json("db.evidence.json"));
    let calls = evidence["syscalls"].as_array().unwrap();
    let allowed = calls.iter().filter(|call| call["allowed"] == true);
    let explained: BTreeSet<_> = allowed.map(|call| call["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(explained, names(&profile["syscalls"][0]));
    let recording = &evidence["recordings"][0];
    assert_eq!((&recording["container"]["name"], &recording["machine"]), (&json!("db-1"), &json!("x86_64")));
    let observed = calls.iter().find(|call| call["why"] == "observed").unwrap();
    assert!(
        observed["count"].as_u64() > Some(0) && observed["first"]["executable"].is_string(),
        "{observed}"
    );

    let (report, _) = folder.expect(0, &["profile", "show", "db.json"]);
    assert!(report.contains("db-1") && report.contains("FIRST CALLER"), "{report}");
    for name in explained {
        assert!(report.lines().any(|line| line.starts_with(&format!("{name} "))), "{name}: {report}");
    }
}

#[test]
fn every_form_is_written() {
    let folder = Folder::new();
    for (format, extension, begins) in [
        ("oci", "json", "{"),
        ("docker", "json", "{"),
        ("spo", "yaml", "apiVersion: security-profiles-operator"),
        ("spo-json", "json", "{"),
        ("systemd", "conf", "SystemCallArchitectures=native\nSystemCallFilter="),
    ] {
        let to = format!("{format}.{extension}");
        folder.generate(&to, &["--format", format]);
        let text = fs::read_to_string(folder.path(&to)).unwrap();
        assert!(text.starts_with(begins), "{text}");
        // All of the recording's containers, each with a file of its own.
        let all = format!("{format}/");
        folder.expect(0, &["profile", "generate", "demo.ctrace", "-o", &all, "--format", format]);
        let files = fs::read_dir(folder.path(&all)).unwrap();
        let files: BTreeSet<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        let evidence: Vec<_> = files.iter().filter(|name| name.ends_with(".evidence.json")).collect();
        assert!(evidence.len() >= 6 && files.len() == 2 * evidence.len(), "{files:?}");
        for name in evidence {
            let profile = name.replace(".evidence.json", &format!(".{extension}"));
            assert!(files.contains(&profile), "{profile}: {files:?}");
        }
    }
    // The same rules in two forms.
    folder.expect(0, &["profile", "diff", "oci.json", "docker.json"]);
    assert_eq!(folder.json("spo-json.json")["spec"]["syscalls"][1]["errnoRet"], 38);
}

#[test]
fn default_actions_and_machines() {
    let folder = Folder::new();
    for (action, name, errno) in [
        ("errno", "SCMP_ACT_ERRNO", json!(38)),
        ("eperm", "SCMP_ACT_ERRNO", json!(1)),
        ("log", "SCMP_ACT_LOG", Value::Null),
        ("kill", "SCMP_ACT_KILL_PROCESS", Value::Null),
    ] {
        folder.generate("p.json", &["--default-action", action]);
        let profile = folder.json("p.json");
        assert_eq!((&profile["defaultAction"], &profile["defaultErrnoRet"]), (&json!(name), &errno));
    }
    let said = folder.generate("arm.json", &["--arch", "arm64"]);
    assert!(said.contains("record again there"), "{said}");
    let profile = folder.json("arm.json");
    assert_eq!(profile["architectures"], json!(["SCMP_ARCH_AARCH64"]));
    assert!(!names(&profile["syscalls"][0]).contains("open"));
}

#[test]
fn a_profile_passes_its_own_recording_and_a_narrower_one_does_not() {
    let folder = Folder::new();
    folder.generate("db.json", &[]);
    let check = |profile| ["profile", "check", profile, "demo.ctrace", "--filter", "name=db-1"];
    let (out, err) = folder.expect(0, &check("db.json"));
    assert!(!out.contains("fails with"), "{out}");
    assert!(err.contains("would refuse 0 of"), "{err}");

    let evidence = folder.json("db.evidence.json");
    let calls = evidence["syscalls"].as_array().unwrap();
    let used = calls.iter().find(|call| call["why"] == "observed").unwrap();
    let name = used["name"].as_str().unwrap();
    folder.without("db.json", &[name], "narrow.json");
    let (out, err) = folder.expect(FINDING, &check("narrow.json"));
    assert!(out.starts_with(&format!("db-1: {name}: fails with ENOSYS (")), "{out}");
    assert!(err.contains("would refuse 1 of"), "{err}");

    let nobody = ["profile", "check", "db.json", "demo.ctrace", "--filter", "name=nobody"];
    folder.expect(NO_CONTAINER, &nobody);
    folder.expect(USAGE, &["profile", "check", "db.json", "demo.ctrace", "db-1"]);
    folder.expect(FAILED, &["profile", "check", "db.json", "mistyped.ctrace"]);
}

#[test]
fn differences_and_merging() {
    let folder = Folder::new();
    folder.generate("db.json", &[]);
    folder.without("db.json", &["brk", "futex"], "a.json");
    folder.without("db.json", &["brk", "nanosleep"], "b.json");
    let (out, _) = folder.expect(FINDING, &["profile", "diff", "a.json", "b.json"]);
    assert_eq!(out, "+ futex: allowed\n- nanosleep: allowed\n");
    assert_eq!(folder.expect(0, &["profile", "diff", "a.json", "a.json"]).0, "");

    folder.expect(0, &["profile", "merge", "a.json", "b.json", "-o", "any.json"]);
    assert_eq!(folder.expect(FINDING, &["profile", "diff", "db.json", "any.json"]).0, "- brk: allowed\n");
    assert!(!folder.path("any.evidence.json").exists(), "nothing was known of any of them");
    let all = ["profile", "merge", "--intersection", "a.json", "b.json", "-o", "all.json"];
    folder.expect(0, &all);
    let (out, _) = folder.expect(FINDING, &["profile", "diff", "db.json", "all.json"]);
    assert_eq!(out, "- brk: allowed\n- futex: allowed\n- nanosleep: allowed\n");

    let (_, said) = folder.expect(0, &["profile", "merge", "db.json", "a.json", "-o", "both.json"]);
    assert!(said.contains("without evidence: a.json"), "{said}");
    assert_eq!(folder.json("both.evidence.json"), folder.json("db.evidence.json"));
    folder.expect(0, &["profile", "merge", "db.json", "both.json", "-o", "again.json"]);
    assert_eq!(folder.json("again.evidence.json"), folder.json("db.evidence.json"));
}

#[test]
fn what_is_no_profile_is_refused_with_name_place_and_fix() {
    let folder = Folder::new();
    folder.generate("good.json", &[]);
    let big = vec![b' '; (4 << 20) + 1];
    for (content, why) in [
        (&b""[..], "line 1"),
        (b"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\n\"sycalls\":[]}", "line 2"),
        (b"{\"defaultAction\":\"\\u001b[2J\"}", "expected one of"),
        (b"\xff\xfe", "UTF-8"),
        (&big, "larger than 4 MiB"),
        (
            b"{\"defaultAction\":\"SCMP_ACT_LOG\",\"syscalls\":[{\"names\":[],\"action\":\"SCMP_ACT_LOG\"}]}",
            "[0]",
        ),
    ] {
        fs::write(folder.path("bad.json"), content).unwrap();
        for words in [
            &["show", "bad.json"][..],
            &["diff", "good.json", "bad.json"],
            &["merge", "bad.json", "-o", "out.json"],
            &["check", "bad.json", "demo.ctrace"],
        ] {
            let (out, err) = folder.expect(FAILED, &[&["profile"], words].concat());
            assert!(out.is_empty() && err.contains("bad.json") && err.contains(why), "{words:?} {err}");
            assert!(!err.contains('\x1b'), "{err:?}");
        }
    }
    let (_, err) = folder.expect(FAILED, &["profile", "show", "missing.json"]);
    assert!(err.contains("missing.json") && err.contains("ENOENT"), "{err}");
    fs::write(folder.path("good.evidence.json"), "{}").unwrap();
    let (_, err) = folder.expect(FAILED, &["profile", "show", "good.json"]);
    assert!(err.contains("good.evidence.json") && err.contains("schema_version"), "{err}");
}

#[test]
fn standard_output_gets_no_evidence() {
    let folder = Folder::new();
    let words = ["profile", "generate", "demo.ctrace", "--filter", "name=db-1", "-o", "/dev/stdout"];
    let (out, err) = folder.expect(0, &words);
    let profile: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"));
    assert_eq!(profile["defaultErrnoRet"], 38);
    assert!(!err.contains("evidence:"), "{err}");
}

/// All that `db-1` may do under its profile, and more.
fn wider(folder: &Folder) {
    folder.generate("db.json", &[]);
    let mut profile = folder.json("db.json");
    *profile.pointer_mut("/architectures").unwrap() = json!(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]);
    let rules = profile.pointer_mut("/syscalls").unwrap().as_array_mut().unwrap();
    rules.push(json!({"names": ["mount", "swapoff"], "action": "SCMP_ACT_ALLOW"}));
    rules.push(json!({"names": ["personality"], "action": "SCMP_ACT_ALLOW",
        "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]}));
    fs::write(folder.path("wide.json"), profile.to_string()).unwrap();
}

#[test]
fn what_a_profile_allows_in_vain() {
    let folder = Folder::new();
    wider(&folder);
    let surplus = |profile| ["profile", "surplus", profile, "demo.ctrace", "--filter", "name=db-1"];
    let (out, _) = folder.expect(0, &surplus("db.json"));
    assert!(out.starts_with("db.json: the profile\nx86_64: ") && out.contains("surplus: 0\n"), "{out}");

    let (out, _) = folder.expect(FINDING, &surplus("wide.json"));
    assert!(out.contains("surplus: 3\n  mounts: mount swapoff\n  others: personality*\n"), "{out}");
    assert!(out.contains("\ni386: ") && out.contains("none used: the whole ABI is surplus\n"), "{out}");
    assert!(out.ends_with("* allowed with some arguments only\n"), "{out}");

    let words = [&surplus("wide.json")[..], &["--format", "json", "--powerful"]].concat();
    let (out, _) = folder.expect(FINDING, &words);
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&object["profile"], &object["containers"]), (&json!("wide.json"), &json!(1)));
    assert_eq!(object["lost"], json!([]));
    let native = &object["abis"][0];
    assert_eq!(native["abi"], "x86_64");
    assert_eq!(
        native["surplus"],
        json!([
            {"name": "mount", "number": 165, "conditional": false, "power": "mounts"},
            {"name": "swapoff", "number": 168, "conditional": false, "power": "mounts"},
        ])
    );
    assert!(native["used"].as_u64() > Some(0), "{native}");

    let (_, err) = folder.expect(USAGE, &["profile", "surplus", "wide.json"]);
    assert!(err.contains("which calls are used?"), "{err}");
    let (_, err) = folder.expect(NO_CONTAINER, &["profile", "surplus", "nobody-is-called-so", "demo.ctrace"]);
    assert!(err.contains("ctrace ps"), "{err}");
    let nobody = ["profile", "surplus", "wide.json", "demo.ctrace", "--filter", "name=nobody"];
    folder.expect(NO_CONTAINER, &nobody);
    folder.expect(FAILED, &["profile", "surplus", "missing.json", "demo.ctrace"]);
}

#[test]
fn a_larger_profile_without_what_is_not_needed() {
    let folder = Folder::new();
    wider(&folder);
    let less = |against| ["profile", "minimise", "db.json", "--against", against];
    let (out, err) = folder.expect(0, &[&less("wide.json")[..], &["-o", "less.json"]].concat());
    assert!(out.starts_with("wide.json, for db.json (kernel "), "{out}");
    assert!(out.contains("not needed: 3\n  mounts: mount swapoff\n  others: personality*\n"), "{out}");
    assert!(err.contains("less.json: ") && err.contains("evidence: less.evidence.json"), "{err}");
    assert_eq!(folder.expect(0, &["profile", "diff", "db.json", "less.json"]).0, "");
    folder.expect(0, &["profile", "show", "less.json"]);

    folder.without("wide.json", &["read"], "narrow.json");
    let (out, _) = folder.expect(FINDING, &less("narrow.json"));
    assert!(out.contains("needed and not allowed: read: fails with ENOSYS\n"), "{out}");
    let (out, _) = folder.expect(FINDING, &[&less("narrow.json")[..], &["--format", "json"]].concat());
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(object["beyond"], json!([{"name": "read", "effect": "fails with ENOSYS"}]));
    assert_eq!((&object["profile"], &object["against"]), (&json!("db.json"), &json!("narrow.json")));

    let (_, err) = folder.expect(USAGE, &less("docker"));
    assert!(err.contains("moby/profiles"), "{err}");
    let (_, err) = folder.expect(FAILED, &less("missing.json"));
    assert!(err.contains("missing.json") && err.contains("ENOENT"), "{err}");
}

/// Of Debian's package golang-github-opencontainers-specs-dev.
const OCI_SCHEMA: &str = "/usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema";

/// Others wrote down what a profile is.
#[test]
#[ignore = "needs /usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema/config-linux.json"]
fn every_form_is_of_the_ocis_schema() {
    let files = ["defs.json", "defs-linux.json", "config-linux.json"];
    let files = files.map(|name| (format!("file:///{name}"), parse(&Path::new(OCI_SCHEMA).join(name))));
    let mut registry = jsonschema::Registry::new();
    for (name, schema) in &files {
        registry = registry.add(name, schema).unwrap();
    }
    let registry = registry.prepare().unwrap();
    let seccomp = json!({"$ref": "file:///config-linux.json#/linux/properties/seccomp"});
    let schema = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft4)
        .with_registry(&registry)
        .build(&seccomp)
        .unwrap();
    // It finds what is wrong.
    for wrong in [
        json!({"syscalls": []}),
        json!({"defaultAction": "SCMP_ACT_DENY"}),
        json!({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": "ENOSYS"}),
        json!({"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_NATIVE"]}),
        json!({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": [], "action": "SCMP_ACT_ALLOW"}]}),
        json!({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"]}]}),
    ] {
        assert!(!schema.is_valid(&wrong), "{wrong}");
    }

    let folder = Folder::new();
    wider(&folder);
    let mut written = vec![folder.json("db.json"), folder.json("wide.json")];
    for format in ["oci", "docker", "spo-json"] {
        for more in [&["--default-action", "errno"], &["--default-action", "kill"], &["--arch", "riscv64"]] {
            folder.generate("p.json", &[&["--format", format], &more[..]].concat());
            let profile = folder.json("p.json");
            // The operator's object has the same in it.
            written.push(if format == "spo-json" { profile["spec"].clone() } else { profile });
        }
    }
    folder.expect(0, &["profile", "merge", "db.json", "wide.json", "-o", "merged.json"]);
    folder.expect(0, &["profile", "minimise", "db.json", "--against", "wide.json", "-o", "less.json"]);
    written.extend([folder.json("merged.json"), folder.json("less.json")]);
    for profile in written {
        let errors: Vec<_> = schema.iter_errors(&profile).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{profile}: {}", errors.join("\n"));
    }
}
