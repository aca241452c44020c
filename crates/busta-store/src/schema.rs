//! The tables, and what is done when a file is opened.

use std::path::Path;
use std::time::Duration;

use busta_core::{Error, ErrorKind, Result};
use rusqlite::{Connection, ErrorCode};

/// Raised with every change of the tables; a file of a newer version is refused, not damaged.
const VERSION: i64 = 1;

/// How long a statement waits for another process that writes.
const BUSY: Duration = Duration::from_secs(10);

const TABLES: &str = "
CREATE TABLE run (
    id           TEXT PRIMARY KEY,
    started_at   TEXT NOT NULL,
    finished_at  TEXT,
    state        TEXT NOT NULL,
    pid          INTEGER,
    full_refresh INTEGER NOT NULL,
    max_records  INTEGER,
    sources      TEXT NOT NULL,
    report       TEXT
) WITHOUT ROWID;
CREATE TABLE split_duration (
    source  TEXT NOT NULL,
    stream  TEXT NOT NULL,
    seconds REAL NOT NULL,
    PRIMARY KEY (source, stream)
) WITHOUT ROWID;
";

/// Opens the file and creates what is missing.
pub(crate) fn open(path: &Path) -> Result<Connection> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| {
            Error::unavailable(format!("the folder {} cannot be made: {e}", folder.display()))
                .hint("choose another place with `state: { path: ... }`")
        })?;
    }
    let connection = Connection::open(path).map_err(|e| of_sqlite(path, e))?;
    prepare(&connection, path)?;
    Ok(connection)
}

fn prepare(connection: &Connection, path: &Path) -> Result<()> {
    let sql = |e| of_sqlite(path, e);
    connection.busy_timeout(BUSY).map_err(sql)?;
    // FULL: the row of a run must survive a power cut, or its commits could never be resumed.
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; BEGIN IMMEDIATE;")
        .map_err(sql)?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(sql)?;
    if version > VERSION {
        return Err(Error::config(format!("{} was written by a newer busta", path.display()))
            .hint("use that version, or another file with `state: { path: ... }`"));
    }
    if version == 0 {
        connection.execute_batch(TABLES).map_err(sql)?;
        connection.pragma_update(None, "user_version", VERSION).map_err(sql)?;
    }
    connection.execute_batch("COMMIT").map_err(sql)
}

/// What an error of SQLite means here.
pub(crate) fn of_sqlite(path: &Path, error: rusqlite::Error) -> Error {
    let what = format!("the state file {}: {error}", path.display());
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            Error::new(ErrorKind::Corrupt, what).hint("move it away; only the history of runs is lost")
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Error::unavailable(what).hint("another process holds it; try again")
        }
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            Error::unavailable(what).hint("choose a place that can be written, with `state: { path: ... }`")
        }
        _ => Error::unavailable(what),
    }
}
