//! Tests that need more than cargo: which there are, what each needs, and running those that can.
//!
//! Such a test is `#[ignore = "needs A, B"]`, and that list, which everybody sees in a normal run, is
//! the only place that says it: `root`, `BTF` (the kernel's description of its own types), `cgroup-v1`,
//! `newer` (releases of the runtimes), `python` (the packages of `python.rs`), or the name of a program; further words of an entry are for people.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::build::{Executable, build};
use crate::command::{as_root, exists, is_root, output};
use crate::report::NotRun;
use crate::test::FEATURES;
use crate::{newer, python};

const BTF: &str = "/sys/kernel/btf/vmlinux";
/// Where cgroup v2 is mounted if v1 is there too.
const BESIDE_V1: &str = "/sys/fs/cgroup/unified/cgroup.procs";

#[derive(Debug, PartialEq, Eq)]
pub struct Test {
    name: String,
    needs: Vec<String>,
}

/// Runs those whose names contain one of `filters` (none: all) and whose needs are here; the others
/// go to `not_run`. With one more variable in their environment, if there is one.
pub fn test(filters: &[String], variable: Option<(&str, &str)>, not_run: &mut Vec<NotRun>) -> Result<()> {
    let mut failed = Vec::new();
    let mut found = false;
    for binary in build(&["test", "--locked", "--no-run", FEATURES])?.iter().filter(|built| built.is_test) {
        let tests = ignored(binary)?;
        found |= !tests.is_empty();
        let names = choose(tests, filters, is_here, not_run);
        if names.is_empty() {
            continue;
        }
        if let Err(error) = run(binary, &names, variable) {
            failed.push(format!("{error:#}"));
        }
    }
    if !found {
        bail!("no test says `#[ignore = \"needs ..\"]`");
    }
    if !failed.is_empty() {
        bail!("{}", failed.join(", "));
    }
    Ok(())
}

/// Runs tests of a binary by their full names.
pub fn run(binary: &Executable, names: &[String], variable: Option<(&str, &str)>) -> Result<()> {
    let mut command = as_root(&binary.path).context("neither root nor sudo")?;
    // One at a time: each looks at all that happens on the machine.
    command.args(["--ignored", "--exact", "--test-threads=1"]).args(names);
    command.current_dir(&binary.package).envs(variable);
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    if !status.success() {
        bail!("{} ended with {status}", binary.path.display());
    }
    Ok(())
}

/// Names of those that contain one of `filters` (none: all) and whose needs are there; the others, with
/// what is missing, go to `not_run`.
pub fn choose(
    tests: Vec<Test>,
    filters: &[String],
    is_there: impl Fn(&str) -> bool,
    not_run: &mut Vec<NotRun>,
) -> Vec<String> {
    let mut names = Vec::new();
    for Test { name, needs } in tests {
        if !filters.is_empty() && !filters.iter().any(|filter| name.contains(filter)) {
            continue;
        }
        match lack(needs.iter().map(String::as_str), &is_there) {
            Some(reason) => not_run.push(NotRun { test: name, reason }),
            None => names.push(name),
        }
    }
    names
}

/// The tests of a binary that say what they need.
pub fn ignored(binary: &Executable) -> Result<Vec<Test>> {
    let test = || {
        let mut command = Command::new(&binary.path);
        command.current_dir(&binary.package);
        command
    };
    let listed = output(test().args(["--list", "--ignored", "--format=terse"]))?;
    let names: Vec<&str> = listed.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    // Asked for without `--ignored`, a test does not run and says why.
    let tests = parse(&output(test().arg("--exact").args(&names))?)?;
    if tests.len() != names.len() {
        bail!(
            "{}: {} tests are ignored, {} of them say why",
            binary.path.display(),
            names.len(),
            tests.len()
        );
    }
    Ok(tests)
}

/// From lines like `test counts::runc ... ignored, needs root, runc`.
fn parse(output: &str) -> Result<Vec<Test>> {
    let tests = output.lines().filter_map(|line| line.strip_prefix("test ")?.split_once(" ... "));
    tests
        .map(|(name, outcome)| {
            let needs = outcome.strip_prefix("ignored, needs ").with_context(|| {
                format!("{name} is never run: it must be #[ignore = \"needs ..\"], and is `{outcome}`")
            })?;
            let needs = needs.split(", ").filter_map(|need| need.split_whitespace().next());
            Ok(Test { name: name.to_owned(), needs: needs.map(str::to_owned).collect() })
        })
        .collect()
}

/// What is missing of it.
pub fn lack<'a>(needs: impl Iterator<Item = &'a str>, is_there: impl Fn(&str) -> bool) -> Option<String> {
    let missing = needs.filter(|need| !is_there(need));
    let missing: Vec<_> = missing.map(|need| format!("no {need}")).collect();
    (!missing.is_empty()).then(|| missing.join(", "))
}

fn is_here(need: &str) -> bool {
    match need {
        "root" => is_root() || exists("sudo"),
        "BTF" => Path::new(BTF).exists(),
        "cgroup-v1" => Path::new(BESIDE_V1).exists(),
        "newer" => newer::is_there(),
        "python" => python::is_there(),
        program => exists(program),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(name: &str, needs: &[&str]) -> Test {
        Test { name: name.to_owned(), needs: needs.iter().map(|need| (*need).to_owned()).collect() }
    }

    #[test]
    fn needs_are_read_from_the_ignored_tests() {
        let output = "\nrunning 2 tests\n\
            test counts::runc ... ignored, needs root, runc\n\
            test names ... ignored, needs tmux (Debian package tmux)\n\n\
            test result: ok. 0 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        let expected = [test("counts::runc", &["root", "runc"]), test("names", &["tmux"])];
        assert_eq!(parse(output).unwrap(), expected);
    }

    #[test]
    fn a_test_that_is_ignored_for_another_reason_is_an_error() {
        assert!(parse("test slow_one ... ignored, slow\n").is_err());
        assert!(parse("test slow_one ... ignored\n").is_err());
    }

    #[test]
    fn what_is_missing_is_named() {
        let tests = || vec![test("a::runs", &["sh"]), test("a::lacks", &["sh", "docker"]), test("b", &[])];
        let mut not_run = Vec::new();
        let names = choose(tests(), &["a::".to_owned()], |need| need == "sh", &mut not_run);
        assert_eq!(names, ["a::runs"]);
        assert_eq!(not_run, [NotRun { test: "a::lacks".to_owned(), reason: "no docker".to_owned() }]);
        assert_eq!(choose(tests(), &[], |_| true, &mut not_run).len(), 3);
        assert!(is_here("sh") && !is_here("no-such-program"));
    }
}
