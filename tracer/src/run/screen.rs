//! What the screen asks of the file system, and of whoever types a command.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::outside::{self, Only, Shown};
use crate::cli::TopArgs;
use crate::export::{Format, Table};
use crate::filter::Filter;
use crate::snapshot::{Snapshot, Subject, SubjectId};
use crate::tui::Outside;
use crate::tui::outside::Scope;

/// Files go where ctrace was started.
const FOLDER: &str = ".";

/// What `ctrace top` was started with.
pub(super) struct Files {
    names: Vec<String>,
    filters: Vec<String>,
    host: bool,
    replay: Option<PathBuf>,
    demo: bool,
}

impl Files {
    pub(super) fn new(args: &TopArgs) -> Self {
        let TopArgs { containers, host, replay, demo, .. } = args;
        Self {
            names: containers.names.clone(),
            filters: containers.filters.iter().map(ToString::to_string).collect(),
            host: *host,
            replay: replay.clone(),
            demo: *demo,
        }
    }
}

impl Outside for Files {
    fn write_profile(&self, snapshot: &Snapshot, of: &SubjectId) -> Result<String, String> {
        let (path, worth) = outside::write_profile(snapshot, of, Path::new(FOLDER))?;
        Ok(format!("{}: {worth}", path.display()))
    }

    fn command_line(&self, snapshot: Option<&Snapshot>, scope: &Scope) -> String {
        let of = scope.of.as_ref();
        let opened = snapshot.zip(of).and_then(|(snapshot, of)| outside::designation(snapshot, &of.id()));
        let typed = scope.filter.split_whitespace().filter_map(|term| term.parse::<Filter>().ok());
        let typed: Vec<String> = typed.map(|filter| filter.to_string()).collect();
        let (names, filters) = match opened {
            // It is told from all others, so nothing else need be said of it.
            Some(name) => (vec![name], Vec::new()),
            None => (self.names.clone(), [self.filters.clone(), typed].concat()),
        };
        let events: Vec<&str> = scope.call.as_deref().into_iter().collect();
        outside::command_line(&Shown {
            view: scope.view,
            containers: &names,
            filters: &filters,
            host: self.host || matches!(of, Some(Subject::Host)),
            // Durations of one call are in the samples, not among events.
            events: if scope.view == "latency" { &[] } else { &events },
            only: if scope.errno.is_some() { Only::Failed } else { Only::All },
            replay: self.replay.as_deref(),
            demo: self.demo,
        })
    }

    fn export(&self, table: &Table, format: Format) -> Result<String, String> {
        // A clock before 1970 gives files the number 0.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall_ns = i64::try_from(now.as_nanos()).unwrap_or(i64::MAX);
        let path = outside::export(table, format, Path::new(FOLDER), wall_ns)?;
        Ok(format!("written to {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(scope: &Scope, filters: &[&str]) -> String {
        let files = Files {
            names: Vec::new(),
            filters: filters.iter().map(|filter| (*filter).to_owned()).collect(),
            host: false,
            replay: Some("r".into()),
            demo: false,
        };
        files.command_line(None, scope)
    }

    #[test]
    fn what_was_asked_and_typed_is_in_the_command() {
        let scope = Scope { view: "containers", filter: "web name!=x wrong=y".into(), ..Scope::default() };
        let line = line(&scope, &["image=nginx"]);
        assert!(line.contains("ctrace top --once --format json --replay r"), "{line}");
        assert!(
            line.contains("--filter image=nginx --filter name!=x") || line.contains("'name!=x'"),
            "{line}"
        );
        assert!(!line.contains("wrong"), "{line}");
    }

    #[test]
    fn events_of_a_call_that_failed() {
        let scope = Scope {
            view: "events",
            call: Some("openat".into()),
            errno: Some("ENOENT".into()),
            ..Scope::default()
        };
        let line = line(&scope, &[]);
        assert!(line.contains("ctrace trace -e openat --failed"), "{line}");
    }
}
