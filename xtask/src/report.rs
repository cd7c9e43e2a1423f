//! The steps of a long task: each named and timed, all of them run, the sum at the end.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

#[derive(Default)]
pub struct Report {
    steps: Vec<Step>,
    not_run: Vec<NotRun>,
}

struct Step {
    name: String,
    time: Duration,
    /// Why it failed.
    error: Option<String>,
}

/// A test that this machine has not got the means for.
#[derive(Debug, PartialEq, Eq)]
pub struct NotRun {
    pub test: String,
    pub reason: String,
}

impl Report {
    /// Runs a step. The next ones run whatever becomes of it.
    pub fn step(&mut self, name: &str, work: impl FnOnce() -> Result<()>) {
        say(&format!("\n=== {name}\n"));
        let start = Instant::now();
        let error = work().err().map(|error| format!("{error:#}"));
        if let Some(error) = &error {
            say(&format!("xtask: {name}: {error}\n"));
        }
        self.steps.push(Step { name: name.to_owned(), time: start.elapsed(), error });
    }

    pub fn not_run(&mut self, tests: Vec<NotRun>) {
        self.not_run.extend(tests);
    }

    /// Prints the sum; an error if anything failed, or was not run and `strict` says that it must.
    pub fn finish(&self, strict: bool) -> Result<()> {
        say(&self.summary());
        let failed: Vec<_> =
            self.steps.iter().filter(|s| s.error.is_some()).map(|s| s.name.as_str()).collect();
        if !failed.is_empty() {
            bail!("failed: {}", failed.join(", "));
        }
        if strict && !self.not_run.is_empty() {
            bail!("{} tests were not run, and CI=true asks for all of them", self.not_run.len());
        }
        Ok(())
    }

    fn summary(&self) -> String {
        let mut text = String::from("\n=== summary\n");
        for Step { name, time, error } in &self.steps {
            let outcome = if error.is_some() { "FAILED" } else { "ok" };
            let _ = writeln!(text, "{outcome:<8} {:>7.1} s  {name}", time.as_secs_f64());
        }
        for NotRun { test, reason } in &self.not_run {
            let _ = writeln!(text, "NOT RUN  {test}: {reason}");
        }
        text
    }
}

/// On stderr, in order with what the steps' own programs print. A closed one is no reason to stop.
pub fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing() -> Vec<NotRun> {
        vec![NotRun { test: "counts::docker".to_owned(), reason: "no dockerd".to_owned() }]
    }

    #[test]
    fn a_failing_step_fails_the_whole_and_does_not_stop_it() {
        let mut report = Report::default();
        let mut ran = false;
        report.step("first", || bail!("broken"));
        report.step("second", || {
            ran = true;
            Ok(())
        });
        assert!(ran);
        assert_eq!(report.finish(false).unwrap_err().to_string(), "failed: first");
        let summary = report.summary();
        assert!(summary.contains("FAILED") && summary.contains("ok "), "{summary}");
    }

    #[test]
    fn what_was_not_run_is_named_and_fails_where_all_must_run() {
        let mut report = Report::default();
        report.step("only", || Ok(()));
        report.not_run(missing());
        assert!(report.summary().contains("NOT RUN  counts::docker: no dockerd\n"));
        assert!(report.finish(false).is_ok());
        assert!(report.finish(true).is_err());
    }
}
