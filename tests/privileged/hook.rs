//! Containers that are recorded because an annotation says so: the hook, called by the runtimes themselves.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::engine::{Container, Engine, Facts, Launch};
use crate::support::json::{list, parse};
use crate::support::oci::Oci;
use crate::support::podman::Podman;
use crate::support::process::{Done, Process, run};
use crate::support::wait::until;

const ANNOTATION: &str = "io.containers.trace-syscall";
const LS: &[&str] = &["ls", "/bin"];
const MKDIR: &[&str] = &["mkdir", "/tmp/made"];
const ECHO: &[&str] = &["echo", "it runs"];

/// A runtime that calls the hook.
trait Hooked: Engine {
    /// The command line of a container with that annotation.
    fn annotated(&self, name: &str, launch: &Launch, annotation: &str) -> Command;

    /// What the hook said, where the runtime itself does not pass it on.
    fn hook_stderr(&self, _name: &str) -> String {
        String::new()
    }
}

impl Hooked for Oci {
    fn annotated(&self, name: &str, launch: &Launch, annotation: &str) -> Command {
        let command = self.command(name, launch);
        let path = self.file(name).join("config.json");
        let mut config = parse(&fs::read_to_string(&path).unwrap());
        config["annotations"][ANNOTATION] = annotation.into();
        // crun keeps it from everybody, unless it is told where to put it.
        config["annotations"]["run.oci.hooks.stderr"] = json!(self.file(name).join("hook"));
        let hook = json!([{"path": env!("CARGO_BIN_EXE_ctrace"), "args": ["ctrace", "oci-hook"]}]);
        config["hooks"] = json!({"createRuntime": hook, "poststop": hook});
        fs::write(&path, config.to_string()).unwrap();
        command
    }

    fn hook_stderr(&self, name: &str) -> String {
        fs::read_to_string(self.file(name).join("hook")).unwrap_or_default()
    }
}

/// podman, however it is used, with a directory of hooks.
struct WithHooks<E> {
    engine: E,
    hooks: TempDir,
    /// More of `run`.
    options: Vec<String>,
}

impl<E: Engine> WithHooks<E> {
    fn new(engine: E) -> Self {
        Self::calling(Path::new(env!("CARGO_BIN_EXE_ctrace")), engine)
    }

    fn calling(binary: &Path, engine: E) -> Self {
        let hooks = tempfile::tempdir().unwrap();
        fs::set_permissions(hooks.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let printed = run(Command::new(binary).args(["oci-hook", "--print-hooks"])).expect(0).stdout;
        fs::write(hooks.path().join("ctrace.json"), printed).unwrap();
        Self { engine, hooks, options: Vec::new() }
    }
}

impl<E: Engine> Engine for WithHooks<E> {
    fn runtime(&self) -> &'static str {
        self.engine.runtime()
    }

    fn image(&self) -> Option<&str> {
        self.engine.image()
    }

    fn command(&self, name: &str, launch: &Launch) -> Command {
        self.engine.command(name, launch)
    }

    fn id(&self, name: &str) -> Option<String> {
        self.engine.id(name)
    }

    fn facts(&self, name: &str) -> Facts {
        self.engine.facts(name)
    }

    fn remove(&self, name: &str) {
        self.engine.remove(name);
    }
}

impl<E: Engine> Hooked for WithHooks<E> {
    fn annotated(&self, name: &str, launch: &Launch, annotation: &str) -> Command {
        let plain = self.command(name, launch);
        let mut command = Command::new(plain.get_program());
        for (key, value) in plain.get_envs() {
            command.env(key, value.unwrap_or_default());
        }
        for word in plain.get_args() {
            if word == "run" {
                command.arg("--hooks-dir").arg(self.hooks.path()).arg(word);
                command.arg(format!("--annotation={ANNOTATION}={annotation}")).args(&self.options);
            } else {
                command.arg(word);
            }
        }
        command
    }
}

/// Runs it to its end in a container of its own.
fn annotated(engine: &dyn Hooked, args: &[&str], annotation: &str) -> Done {
    let container = Container::new(engine);
    let mut done = run(&mut engine.annotated(&container.name, &Launch::new(args), annotation));
    done.stderr += &engine.hook_stderr(&container.name);
    done
}

fn under(engine: &dyn Hooked, args: &[&str], profile: &Path) -> Done {
    Container::new(engine).run(&Launch { seccomp: Some(profile), ..Launch::new(args) })
}

fn json_of(file: &Path) -> Value {
    parse(&fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display())))
}

fn allowed(profile: &Path) -> Vec<String> {
    let rules = json_of(profile);
    let allowing = list(&rules["syscalls"]).iter().filter(|rule| rule["action"] == "SCMP_ACT_ALLOW");
    allowing
        .flat_map(|rule| list(&rule["names"]))
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Record and replay, extend, and what a base refuses.
fn keeps_the_contract(engine: &dyn Hooked) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let (first, more, none) = (file("first.json"), file("more.json"), file("none.json"));
    // As `mktemp` leaves it.
    fs::write(&first, "").unwrap();
    let listed = annotated(engine, LS, &format!("of:{}", first.display())).expect(0);
    // The runtime is through, and so is the tracer: nothing is left of it, and nobody need wait.
    assert_eq!(names(folder.path()), ["first.evidence.json", "first.json"]);
    let evidence = json_of(&file("first.evidence.json"));
    let recording = &evidence["recordings"][0];
    assert_eq!(
        (&recording["complete"], &recording["running"], &recording["container"]["runtime"]),
        (&true.into(), &false.into(), &engine.runtime().into()),
        "{recording}"
    );
    assert_eq!(
        list(&evidence["syscalls"]).iter().find(|c| c["name"] == "ioctl").unwrap()["first"]["executable"],
        "ls"
    );
    for call in ["mount", "pivot_root", "setns", "seccomp", "mkdir"] {
        assert!(!allowed(&first).contains(&call.to_owned()), "{call} is the runtime's");
    }
    assert_eq!(under(engine, LS, &first).expect(0).stdout, listed.stdout);
    let refused = under(engine, MKDIR, &first);
    assert!(refused.code != 0 && refused.stderr.contains("Function not implemented"), "{refused:?}");

    let order = format!("of:{};if:{}", more.display(), first.display());
    annotated(engine, MKDIR, &order).expect(0);
    under(engine, LS, &more).expect(0);
    under(engine, MKDIR, &more).expect(0);
    let evidence = json_of(&file("more.evidence.json"));
    assert_eq!(list(&evidence["recordings"]).len(), 2, "{evidence}");

    let base = file("base.json");
    fs::write(
        &base,
        r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO"}]}"#,
    )
    .unwrap();
    annotated(engine, MKDIR, &format!("if:{};of:{}", base.display(), none.display())).expect(0);
    let refused = under(engine, MKDIR, &none);
    assert!(refused.code != 0 && refused.stderr.contains("Operation not permitted"), "{refused:?}");
    under(engine, ECHO, &none).expect(0);
    assert_eq!(json_of(&none)["defaultErrnoRet"], Value::Null);
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn runc_records() {
    keeps_the_contract(&Oci::runc());
}

#[test]
#[ignore = "needs root, BTF, crun, gcc, busybox"]
fn crun_records() {
    keeps_the_contract(&Oci::crun());
}

#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn podman_records() {
    keeps_the_contract(&WithHooks::new(Podman::new()));
}

#[test]
#[ignore = "needs root, BTF, podman, crun, gcc, busybox"]
fn podman_over_crun_records() {
    keeps_the_contract(&WithHooks::new(Podman::new().over_crun()));
}

/// Without a pid namespace of its own: that of the host, or of another container.
#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn podman_records_who_shares_a_pid_namespace() {
    let mut engine = WithHooks::new(Podman::new());
    let folder = tempfile::tempdir().unwrap();
    let podman = Podman::new();
    let holder = Container::new(&podman).start(&Launch::new(&["sh", "-c", "echo up; sleep 100000"]));
    for pid in ["host".to_owned(), format!("container:{}", holder.name)] {
        engine.options = vec![format!("--pid={pid}")];
        let profile = folder.path().join("out.json");
        annotated(&engine, MKDIR, &format!("of:{}", profile.display())).expect(0);
        let recording = &json_of(&folder.path().join("out.evidence.json"))["recordings"][0];
        assert_eq!(
            (&recording["complete"], &recording["running"]),
            (&true.into(), &false.into()),
            "{pid}: {recording}"
        );
        let allowed = allowed(&profile);
        assert!(allowed.contains(&"mkdir".to_owned()), "{pid}: {allowed:?}");
        assert!(!["mount", "pivot_root"].iter().any(|call| allowed.contains(&(*call).to_owned())), "{pid}");
    }
}

/// What cannot be done is said before the program runs, and nothing is left behind.
fn does_not_start(engine: &dyn Hooked) {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let broken = put("broken.json", "{\"defaultAction\":\"SCMP_ACT_DENY\"}");
    let conditional = put(
        "conditional.json",
        r#"{"defaultAction":"SCMP_ACT_KILL","syscalls":[
            {"names":["bpf"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_BPF"]}}]}"#,
    );
    let precious = put("precious", "not a profile");
    let before = names(folder.path());
    let at = folder.path().display();
    for (annotation, said) in [
        ("of:out.json".to_owned(), "not absolute"),
        (format!("if:{broken}"), "no of:PATH"),
        (format!("of:{at}/out.json;to:{at}/x"), "neither if:PATH nor of:PATH"),
        (format!("of:{at}/out.json;if:in.json"), "not absolute"),
        (
            format!("if:{at}/missing.json;of:{at}/out.json"),
            "missing.json: No such file or directory (ENOENT)",
        ),
        (format!("if:{broken};of:{at}/out.json"), "not a seccomp profile"),
        (format!("if:{conditional};of:{at}/out.json"), "cannot be extended"),
        (format!("of:{at}/missing/out.json"), "(ENOENT)"),
        (format!("of:{precious}"), "not written over"),
        (format!("of:{at}"), "no regular file"),
    ] {
        let done = annotated(engine, ECHO, &annotation);
        assert!(done.code != 0 && !done.stdout.contains("it runs"), "{annotation}: {done:?}");
        assert!(done.stderr.contains(said), "{annotation}: {done:?}");
        assert_eq!(names(folder.path()), before, "{annotation}");
    }
    assert_eq!(fs::read_to_string(&precious).unwrap(), "not a profile");
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn runc_does_not_start_half_traced() {
    does_not_start(&Oci::runc());
}

#[test]
#[ignore = "needs root, BTF, crun, gcc, busybox"]
fn crun_does_not_start_half_traced() {
    does_not_start(&Oci::crun());
}

#[test]
#[ignore = "needs root, BTF, podman, runc, gcc, busybox"]
fn podman_does_not_start_half_traced() {
    does_not_start(&WithHooks::new(Podman::new()));
}

/// Without privileges in the host's user namespace.
#[test]
#[ignore = "needs root, podman, runc, newuidmap, useradd, setpriv, gcc, busybox"]
fn rootless_containers_are_told_why_not() {
    let podman = Podman::rootless();
    // The one in the target folder may lie where only its owner can go.
    let binary = podman.folder().join("ctrace");
    fs::copy(env!("CARGO_BIN_EXE_ctrace"), &binary).unwrap();
    let engine = WithHooks::calling(&binary, podman);
    let done = annotated(&engine, ECHO, "of:/tmp/out.json");
    assert!(done.code != 0 && !done.stdout.contains("it runs"), "{done:?}");
    assert!(done.stderr.contains("user namespace") && done.stderr.contains("sudo podman"), "{done:?}");
}

/// A container in the background that is being recorded: its process, and the tracer's.
struct Recorded<'a> {
    container: Container<'a>,
    process: Process,
    tracer: Pid,
    output: PathBuf,
}

impl<'a> Recorded<'a> {
    fn start(engine: &'a dyn Hooked, folder: &Path) -> Self {
        let output = folder.join("out.json");
        let container = Container::new(engine);
        let launch = Launch::new(&["sh", "-c", "echo up; sleep 100000"]);
        let annotation = format!("of:{}", output.display());
        let process = Process::start(&mut engine.annotated(&container.name, &launch, &annotation));
        process.stdout_line("`up`", |line| (line == "up").then_some(()));
        let said = fs::read_to_string(folder.join("out.json.tracing")).unwrap();
        let tracer = said.split(' ').find_map(|word| word.parse().ok()).and_then(Pid::from_raw).unwrap();
        Self { container, process, tracer, output }
    }

    fn end(self) -> Done {
        drop(self.container);
        self.process.wait()
    }
}

/// Whoever ends the tracer gets what was seen until then, and the container goes on.
#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn a_tracer_that_is_ended_writes_what_it_has() {
    let (engine, folder) = (Oci::runc(), tempfile::tempdir().unwrap());
    let recorded = Recorded::start(&engine, folder.path());
    // Of the runtime that called it nothing is held.
    let links = fs::read_dir(format!("/proc/{}/fd", recorded.tracer)).unwrap().flatten();
    let links: Vec<_> = links.map(|link| fs::read_link(link.path()).unwrap_or_default()).collect();
    assert!(!links.iter().any(|link| link.to_string_lossy().starts_with("pipe:")), "{links:?}");
    // Nobody else is recorded to the same place.
    let other = annotated(&engine, ECHO, &format!("of:{}", recorded.output.display()));
    assert!(other.code != 0 && other.stderr.contains("another container"), "{other:?}");

    kill_process(recorded.tracer, Signal::TERM).unwrap();
    until("the profile", || (names(folder.path()) == ["out.evidence.json", "out.json"]).then_some(()));
    assert_eq!(json_of(&folder.path().join("out.evidence.json"))["recordings"][0]["running"], true);
    assert!(allowed(&recorded.output).contains(&"write".to_owned()));
    assert_eq!(engine.facts(&recorded.container.name).state, "running");
    recorded.end();
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn a_tracer_that_is_killed_is_missed() {
    let (engine, folder) = (Oci::runc(), tempfile::tempdir().unwrap());
    let recorded = Recorded::start(&engine, folder.path());
    kill_process(recorded.tracer, Signal::KILL).unwrap();
    // runc itself ends the container, and calls the hook.
    run(engine.runtime_command().args(["kill", &recorded.container.name, "KILL"])).expect(0);
    let done = recorded.process.wait();
    assert!(
        done.stderr.contains("no profile of container") && done.stderr.contains("was killed"),
        "{done:?}"
    );
    assert_eq!(names(folder.path()), ["out.json.tracing"]);
    // The next one begins anew.
    annotated(&engine, ECHO, &format!("of:{}", recorded.output.display())).expect(0);
    assert_eq!(names(folder.path()), ["out.evidence.json", "out.json"]);
}

/// The runtime finds no program when everything is ready.
#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn a_container_that_never_runs_has_no_profile() {
    let (engine, folder) = (Oci::runc(), tempfile::tempdir().unwrap());
    let done = annotated(&engine, &["/no/such/program"], &format!("of:{}/out.json", folder.path().display()));
    assert_ne!(done.code, 0, "{done:?}");
    let left = folder.path().join("out.json.tracing");
    until("the tracer's word", || {
        fs::read_to_string(&left).ok().filter(|text| text.contains("ended before its program ran"))
    });
    assert_eq!(names(folder.path()), ["out.json.tracing"]);
}
