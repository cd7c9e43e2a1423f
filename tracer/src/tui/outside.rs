//! What the screen asks of the rest of ctrace: it knows no files itself.

use crate::export::{Format, Table};
use crate::snapshot::{Only, Snapshot, Subject, SubjectId};

/// Answers are sentences for the last line of the screen, not safe to show.
pub trait Outside {
    /// Writes a seccomp profile of what this container called; says where.
    fn write_profile(&self, snapshot: &Snapshot, of: &SubjectId) -> Result<String, String>;
    /// What to type in a shell to see the same without a screen.
    fn command_line(&self, snapshot: &Snapshot, scope: &Scope) -> String;
    /// Writes a table of the time `wall_ns`, ns since 1970, to a file; says where.
    fn export(&self, table: &Table, format: Format, wall_ns: i64) -> Result<String, String>;
}

/// What is looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    /// Name of the view, as in [`super::VIEWS`].
    pub view: &'static str,
    /// None: all containers.
    pub of: Option<Subject>,
    /// Name of a system call and of an error, as `--events` takes them.
    pub call: Option<String>,
    pub errno: Option<String>,
    pub only: Only,
    /// As typed after `/`.
    pub filter: String,
}
