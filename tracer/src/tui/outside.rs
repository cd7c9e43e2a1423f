//! What the screen asks of the rest of ctrace: it knows no files itself.

use crate::snapshot::{Only, Snapshot, Subject, SubjectId};

/// Answers are sentences for the last line of the screen, not safe to show.
pub trait Outside {
    /// Writes a seccomp profile of what this container called; says where.
    fn write_profile(&self, snapshot: &Snapshot, of: &SubjectId) -> Result<String, String>;
    /// What to type in a shell to see the same without a screen.
    fn command_line(&self, scope: &Scope) -> String;
    /// Writes a table to a file; says where.
    fn export(&self, table: &Table, format: Format) -> Result<String, String>;
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq)]
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
    /// As asked for on the command line.
    pub asked: String,
}

/// A table as it is on the screen, all rows and columns of it. Cells are not safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub title: String,
    pub columns: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    Json,
    Markdown,
}
