//! SQLite databases in memory, with what SQLite advises for files that one does not trust:
//! <https://www.sqlite.org/security.html>. Its check of the whole file is left out, for that would
//! compute the conditions that the file's schema sets.

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;

use super::{Budget, DatabaseError};

/// The advice's, but for the lengths: a command line can have 2 MiB, and is in a row several times.
const LIMITS: [(Limit, i32); 10] = [
    (Limit::SQLITE_LIMIT_LENGTH, 16 << 20),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
    (Limit::SQLITE_LIMIT_COLUMN, 100),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 10),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 3),
    (Limit::SQLITE_LIMIT_VDBE_OP, 25_000),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 8),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 10),
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
];

const SETTINGS: [(DbConfig, bool); 5] = [
    (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
    (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
    (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
];

/// Bytes that SQLite may have, for all databases at once: a file of the largest size, its schema, and
/// the rows at hand.
const HEAP_MAX: i64 = 256 << 20;

/// Operations of SQLite's machine between two looks at how many there were.
const STEP: usize = 1000;

/// Where the file says how it is written, and what says "with a log beside it".
/// <https://www.sqlite.org/fileformat.html#file_format_version_numbers>
const FORMAT: std::ops::Range<usize> = 18..20;
const LOGGED: u8 = 2;

pub struct Sqlite {
    connection: Connection,
    pub budget: Budget,
}

impl Sqlite {
    pub fn open(bytes: &[u8]) -> Result<Self, DatabaseError> {
        if bytes.get(FORMAT).is_some_and(|format| format.contains(&LOGGED)) {
            return Err(DatabaseError::Damaged(
                "what is new in it is in a log beside it, which podman has none of",
            ));
        }
        let mut connection = Connection::open_in_memory()?;
        for (limit, value) in LIMITS {
            connection.set_limit(limit, value)?;
        }
        for (setting, value) in SETTINGS {
            connection.set_db_config(setting, value)?;
        }
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.pragma_update_and_check(None, "hard_heap_limit", HEAP_MAX, |_| Ok(()))?;
        // A row takes a dozen operations and far more bytes.
        let mut steps = bytes.len() / STEP + 100;
        let exhausted = move || {
            steps = steps.saturating_sub(1);
            steps == 0
        };
        connection.progress_handler(i32::try_from(STEP).unwrap_or(i32::MAX), Some(exhausted))?;
        connection.deserialize_read_exact("main", bytes, bytes.len(), true)?;
        let sqlite = Self { connection, budget: Budget::of(bytes) };
        sqlite.has_plain_tables()?;
        Ok(sqlite)
    }

    /// Views, triggers, virtual tables and computed columns would run what the file says.
    fn has_plain_tables(&self) -> Result<(), DatabaseError> {
        self.rows("sqlite_schema", ["sql"], |[sql]| {
            let plain = sql.is_none_or(is_plain);
            plain.then_some(()).ok_or(DatabaseError::Damaged("it has more than plain tables and indexes"))
        })
    }

    /// Hands on the text of each row of a table, without its indexes. The names are constants of ours.
    pub fn rows<const N: usize>(
        &self,
        table: &'static str,
        columns: [&'static str; N],
        mut each: impl FnMut([Option<&[u8]>; N]) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        let sql = format!("SELECT {} FROM {table} NOT INDEXED", columns.join(", "));
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let mut values = [None; N];
            for (n, value) in values.iter_mut().enumerate() {
                *value = match row.get_ref(n)? {
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes),
                    ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => None,
                };
                self.budget.charge(value.map_or(0, <[u8]>::len))?;
            }
            each(values)?;
        }
        Ok(())
    }
}

/// Whether a statement of the schema makes a table or an index without anything computed. `AS` comes
/// before whatever is.
fn is_plain(sql: &[u8]) -> bool {
    let is = |word: &[u8], keyword: &str| word.eq_ignore_ascii_case(keyword.as_bytes());
    let mut start = sql.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let makes = start.next().is_some_and(|word| is(word, "CREATE"))
        && start.next().is_some_and(|word| is(word, "TABLE") || is(word, "INDEX") || is(word, "UNIQUE"));
    let mut words = sql.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
    makes && !words.any(|word| is(word, "AS"))
}
