//! Whether ctrace knows of a container what its runtime knows: every field, in `ps` and in `top`.
//!
//! What was found goes to `CARGO_TARGET_TMPDIR/known`, a file for each runtime and mode; of these
//! `cargo xtask test` makes the table in `docs/runtimes.md`.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::ctrace::{attached, ctrace};
use super::engine::{Container, Engine, Facts, Launch, Pod};
use super::json::{at, lines, list, number, parse, row, syscall};
use super::process::run;
use super::view::View;

/// Between a runtime's and the kernel's idea of when a container started.
const START: SignedDuration = SignedDuration::from_secs(2);

/// Starts a container that calls getppid all the time, and fails unless ctrace knows all about it.
pub fn known(engine: &dyn Engine) {
    all_known(engine, 1);
}

/// The same for several containers at a time, which must be told apart.
pub fn all_known(engine: &dyn Engine, count: usize) {
    let containers: Vec<_> =
        (0..count).map(|_| Container::new(engine).start(&Launch::new(&["pulse"]))).collect();
    let facts: Vec<_> = containers.iter().map(Container::facts).collect();
    let listed = lines(&run(&mut ctrace(&["ps", "--format", "json"])).expect(0).stdout);
    let mut differences: Vec<_> = facts.iter().flat_map(|facts| in_ps(&listed, engine, facts)).collect();
    let top = attached(&["top", "-n", "1000", "--interval", "200ms", "--format", "json"]);
    for facts in &facts {
        let sample = top.stdout_line(&format!("the calls of {}", facts.id), |line| {
            let sample = parse(line);
            let calls = syscall(row(&sample, &facts.id)?, "getppid")?;
            (number(calls, "count") > 0).then_some(sample)
        });
        let mut found = Differences::new("top");
        found.common(row(&sample, &facts.id).expect("found above"), engine, facts);
        differences.extend(found.found);
    }
    top.interrupt().expect(0);
    let what = format!("{}, {}", engine.runtime(), engine.mode());
    assert!(differences.is_empty(), "{what}: ctrace differs from the runtime:\n{}", differences.join("\n"));
    write(engine, &facts);
}

fn in_ps(listed: &[Value], engine: &dyn Engine, facts: &Facts) -> Vec<String> {
    let entry = listed.iter().find(|entry| *at(entry, "container.id") == *facts.id);
    let entry = entry.unwrap_or_else(|| panic!("`ctrace ps` does not know the container of {facts:#?}"));
    let mut differences = Differences::new("ps");
    differences.common(entry, engine, facts);
    let image_id = at(entry, "container.image.id").as_str();
    differences.compare("image id", facts.image_id.as_deref(), image_id);
    let labels = list(&entry["labels"]).iter();
    let label = |label: &Value, part: &str| label[part].as_str().unwrap_or_default().to_owned();
    let labels: BTreeMap<_, _> = labels.map(|entry| (label(entry, "key"), label(entry, "value"))).collect();
    differences.compare("labels", &facts.labels, &labels);
    differences.compare("pid", Some(u64::from(facts.pid)), at(entry, "process.pid").as_u64());
    differences.compare("user", facts.user.map(u64::from), at(entry, "user.id").as_u64());
    let started = at(entry, "container.started").as_str();
    if !facts.started.as_deref().is_none_or(|want| near(want, started)) {
        differences.compare("start", facts.started.as_deref(), started);
    }
    differences.found
}

/// Whether ctrace's time, which must be in UTC, is that of the runtime.
fn near(runtime: &str, ctrace: Option<&str>) -> bool {
    let want: Timestamp = runtime.parse().unwrap_or_else(|error| panic!("{runtime} is no time: {error}"));
    let got = ctrace.filter(|time| time.ends_with('Z')).and_then(|time| time.parse::<Timestamp>().ok());
    got.is_some_and(|got| got.duration_since(want).abs() <= START)
}

struct Differences {
    /// Of ctrace.
    command: &'static str,
    found: Vec<String>,
}

impl Differences {
    fn new(command: &'static str) -> Self {
        Self { command, found: Vec::new() }
    }

    fn compare<T: Copy + PartialEq + Debug>(&mut self, field: &str, want: T, got: T) {
        if want != got {
            self.found.push(format!("{}: {field}: want {want:?}, got {got:?}", self.command));
        }
    }

    /// What `ps` and `top` have both.
    fn common(&mut self, entry: &Value, engine: &dyn Engine, facts: &Facts) {
        let got = |path: &str| at(entry, path).as_str();
        self.compare("name", facts.name.as_deref(), got("container.name"));
        self.compare("runtime", Some(engine.runtime()), got("container.runtime.name"));
        self.compare("image", facts.image.as_deref(), got("container.image.name"));
        self.compare("parent", facts.parent.as_deref(), got("container.parent.id"));
        self.compare("state", Some(&*facts.state), got("container.state"));
        let none = Pod::default();
        let Pod { name, uid, namespace, container_name } = facts.pod.as_ref().unwrap_or(&none);
        self.compare("pod", name.as_deref(), got("k8s.pod.name"));
        self.compare("pod uid", uid.as_deref(), got("k8s.pod.uid"));
        self.compare("namespace", namespace.as_deref(), got("k8s.namespace.name"));
        self.compare("name in the pod", container_name.as_deref(), got("k8s.container.name"));
    }
}

/// For the table: which fields the runtime has, all of which ctrace knew.
fn write(engine: &dyn Engine, facts: &[Facts]) {
    let has = |is_there: fn(&Facts) -> bool| facts.iter().any(is_there);
    let mode = match View::current() {
        None => engine.mode().to_owned(),
        Some(view) => format!("{}, {}", engine.mode(), view.name()),
    };
    let row = json!({
        "runtime": engine.runtime(),
        "mode": mode,
        "version": engine.version(),
        "fields": {
            "id": has(|facts| !facts.id.is_empty()),
            "name": has(|facts| facts.name.is_some()),
            "image": has(|facts| facts.image.is_some()),
            "image id": has(|facts| facts.image_id.is_some()),
            "labels": has(|facts| !facts.labels.is_empty()),
            "pod": has(|facts| facts.pod.is_some()),
            "start": has(|facts| facts.started.is_some()),
            "pid": has(|facts| facts.pid != 0),
            "state": has(|facts| !facts.state.is_empty()),
            "user": has(|facts| facts.user.is_some()),
            "parent": has(|facts| facts.parent.is_some()),
        },
    });
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("known");
    fs::create_dir_all(&folder).expect("the target folder can be written to");
    let words = [engine.runtime(), &*mode].join("-");
    let name: String = words.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    fs::write(folder.join(name).with_extension("json"), row.to_string()).expect("a file can be written");
}
