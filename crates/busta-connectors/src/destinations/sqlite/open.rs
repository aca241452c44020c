//! Opening the database: settings, layout, and what may stand in the way.

use std::path::Path;
use std::time::{Duration, Instant};

use busta_core::{CursorValue, Error, Result};
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};

use super::config::Location;
use super::errors::At;
use super::history;
use super::views::VIEWS;

/// The version of the internal tables. A database with a greater one is not touched.
const LAYOUT: i64 = 1;

/// Rows of half a kilobyte to a few: a larger page has fewer seams and costs more to write again
/// when one row of it changes.
const PAGE_BYTES: u32 = 8 * 1024;
/// The page cache of the writer. The pages that matter are the right edges of the trees and the
/// upper levels of the key index.
const CACHE_KIB: i32 = 32 * 1024;
/// Pages after which the log is copied into the database: 8 MiB of log on disk at most, plus what one commit adds.
/// More would save nothing, since most pages are written once, and be copied when the run has ended and all wait.
const CHECKPOINT_PAGES: u32 = 1024;
/// Prepared statements that are kept: a few for each table and set of columns.
const STATEMENTS: usize = 128;

/// The internal tables. `STRICT` would be safer, but older tools cannot read it.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS _busta_meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _busta_tables (
    name TEXT PRIMARY KEY COLLATE NOCASE, primary_key TEXT NOT NULL,
    keyed INTEGER NOT NULL, rest INTEGER NOT NULL, shadow INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS _busta_columns (
    table_name TEXT NOT NULL COLLATE NOCASE, field TEXT NOT NULL, column_name TEXT NOT NULL,
    type TEXT NOT NULL, kinds INTEGER NOT NULL, mixed INTEGER NOT NULL,
    PRIMARY KEY (table_name, field));
CREATE TABLE IF NOT EXISTS _busta_sources (source TEXT PRIMARY KEY, run TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _busta_splits (
    source TEXT NOT NULL, split TEXT NOT NULL, stream TEXT NOT NULL, run TEXT NOT NULL,
    position TEXT NOT NULL, high TEXT, found TEXT, PRIMARY KEY (source, split)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _busta_starts (
    source TEXT NOT NULL, key TEXT NOT NULL, cursor TEXT NOT NULL, PRIMARY KEY (source, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _busta_held_starts (
    source TEXT NOT NULL, stream TEXT NOT NULL, key TEXT NOT NULL, run TEXT NOT NULL, cursor TEXT NOT NULL,
    PRIMARY KEY (source, stream, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _busta_finished (
    source TEXT NOT NULL, stream TEXT NOT NULL, run TEXT NOT NULL, PRIMARY KEY (source, stream)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _busta_failures (
    id TEXT PRIMARY KEY, run TEXT NOT NULL, source TEXT NOT NULL, stream TEXT NOT NULL, split TEXT NOT NULL,
    position TEXT, stage TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL, payload TEXT, at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS _busta_failures_by_split ON _busta_failures (source, split);
";

/// Opens the database for writing, making it if it is missing.
pub(super) fn writer(location: &Location) -> Result<Connection> {
    let path = &location.path;
    check_folder(location)?;
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .at(path)?;
    connection.busy_timeout(location.busy_timeout).at(path)?;
    check_layout(&connection, path)?;
    patiently(location.busy_timeout, || settle(&connection)).at(path)?;
    connection
        .create_scalar_function("busta_newer", 2, FunctionFlags::SQLITE_DETERMINISTIC, |values| {
            Ok(newer_or_equal(values.get_raw(0), values.get_raw(1)))
        })
        .at(path)?;
    Ok(connection)
}

/// Opens the database for reading; it must be there and be ours.
pub(super) fn reader(location: &Location) -> Result<Connection> {
    let path = &location.path;
    let missing = || {
        Error::not_found(format!("{}: there is no collected data", path.display()))
            .hint("collect something first: `busta sources collect`")
    };
    if !path.exists() {
        return Err(missing());
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).at(path)?;
    connection.busy_timeout(location.busy_timeout).at(path)?;
    match check_layout(&connection, path)? {
        Some(_) => Ok(connection),
        None => Err(missing()),
    }
}

fn check_folder(location: &Location) -> Result<()> {
    let Some(folder) = location.path.parent().filter(|f| !f.as_os_str().is_empty()) else { return Ok(()) };
    if folder.is_dir() {
        return Ok(());
    }
    if !location.may_make_folder {
        return Err(Error::config(format!("the folder {} does not exist", folder.display()))
            .hint("make it, or set `destination.path` to a file in a folder that exists"));
    }
    std::fs::create_dir_all(folder).map_err(|error| {
        Error::config(format!("the folder {} cannot be made: {error}", folder.display())).caused_by(error)
    })
}

/// The layout of the database; `None` if busta has not written to it yet.
fn check_layout(connection: &Connection, path: &Path) -> Result<Option<i64>> {
    let ours = "SELECT 1 FROM sqlite_schema WHERE name = '_busta_meta'";
    if connection.query_row(ours, [], |_| Ok(())).optional().at(path)?.is_none() {
        return Ok(None);
    }
    let layout: Option<i64> = connection
        .query_row("SELECT value FROM _busta_meta WHERE key = 'layout'", [], |row| row.get(0))
        .optional()
        .at(path)?;
    match layout {
        Some(layout) if layout > LAYOUT => Err(Error::config(format!(
            "{}: was written by a newer busta (layout {layout}, this one knows {LAYOUT})",
            path.display()
        ))
        .hint("update busta, or set `destination.path` to another file")),
        layout => Ok(layout),
    }
}

/// Tries until the database is free. SQLite's own patience does not cover a change to WAL: two who make
/// a new file at once would both be told at once that it is locked.
#[allow(clippy::disallowed_methods, reason = "the writer's own thread, and nobody tells when it is free")]
fn patiently(limit: Duration, mut attempt: impl FnMut() -> rusqlite::Result<()>) -> rusqlite::Result<()> {
    let until = Instant::now() + limit;
    loop {
        match attempt() {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < until =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            settled => return settled,
        }
    }
}

fn settle(connection: &Connection) -> rusqlite::Result<()> {
    // The page size counts only until the file exists, so it comes first.
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // What came last to each set of tables.
    let ready = "SELECT count(*) FROM sqlite_schema WHERE name IN ('_busta_meta', '_busta_held_starts', '_busta_views')";
    if connection.query_row(ready, [], |row| row.get::<_, i64>(0))? < 3 {
        // Two processes may get here at once: the second one waits, and finds everything made.
        let setup = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        setup.execute_batch(TABLES)?;
        setup.execute_batch(VIEWS)?;
        setup.execute("INSERT OR IGNORE INTO _busta_meta VALUES ('layout', ?1)", [LAYOUT])?;
        setup.commit()?;
    }
    history::renew(connection)
}

/// Whether a record with the cursor value `new` may replace one with `old`: it is not older.
fn newer_or_equal(new: ValueRef<'_>, old: ValueRef<'_>) -> bool {
    match (new, old) {
        (ValueRef::Integer(new), ValueRef::Integer(old)) => new >= old,
        (new, old) => match (cursor_value(new), cursor_value(old)) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(new), Some(old)) => new.order(&old).is_ge(),
        },
    }
}

fn cursor_value(value: ValueRef<'_>) -> Option<CursorValue> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(n) => Some(CursorValue::Integer(n)),
        ValueRef::Real(n) => Some(CursorValue::Float(n)),
        ValueRef::Text(text) => Some(CursorValue::Text(String::from_utf8_lossy(text).into_owned())),
        ValueRef::Blob(json) => CursorValue::from_json(std::str::from_utf8(json).ok()?),
    }
}
