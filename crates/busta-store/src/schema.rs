//! The tables, how older files become like newer ones, and what is done when a file is opened.

use std::path::Path;
use std::time::Duration;

use busta_core::{Error, ErrorKind, Result};
use rusqlite::{Connection, ErrorCode, OpenFlags};

/// What makes a file of version N one of version N + 1. A new file goes all the way, so that every step
/// is taken every day. A file of a version beyond the last is refused, not damaged.
const STEPS: [&str; 3] =
    [include_str!("schema/v1.sql"), include_str!("schema/v2.sql"), include_str!("schema/v3.sql")];

/// How long a statement waits for another process that writes.
const BUSY: Duration = Duration::from_secs(10);

/// What the log file is cut back to after a large transaction, such as a migration.
const LOG_KEPT: i64 = 16 << 20;

/// Opens the file for writing and creates what is missing.
pub(crate) fn open(path: &Path) -> Result<Connection> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| {
            Error::unavailable(format!("the folder {} cannot be made: {e}", folder.display()))
                .hint("choose another place with `state: { path: ... }`")
        })?;
    }
    let mut connection = Connection::open(path).map_err(|e| of_sqlite(path, e))?;
    prepare(&mut connection, path)?;
    Ok(connection)
}

/// Opens a file that [`open`] has prepared, for reading only.
pub(crate) fn open_reader(path: &Path) -> Result<Connection> {
    let sql = |e| of_sqlite(path, e);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(sql)?;
    connection.busy_timeout(BUSY).map_err(sql)?;
    Ok(connection)
}

fn prepare(connection: &mut Connection, path: &Path) -> Result<()> {
    let sql = |e| of_sqlite(path, e);
    connection.busy_timeout(BUSY).map_err(sql)?;
    // FULL: the row of a run must survive a power cut, or its commits could never be resumed.
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;").map_err(sql)?;
    connection.pragma_update(None, "journal_size_limit", LOG_KEPT).map_err(sql)?;
    if version(connection, path)? == STEPS.len() {
        return Ok(());
    }
    // Asked again inside the transaction, since another process may have done it meanwhile.
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(sql)?;
    for step in STEPS.iter().skip(version(&transaction, path)?) {
        transaction.execute_batch(step).map_err(sql)?;
    }
    transaction.pragma_update(None, "user_version", STEPS.len() as i64).map_err(sql)?;
    transaction.commit().map_err(sql)
}

fn version(connection: &Connection, path: &Path) -> Result<usize> {
    let version: u32 =
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(|e| of_sqlite(path, e))?;
    let version = version as usize;
    if version > STEPS.len() {
        return Err(Error::config(format!("{} was written by a newer busta", path.display()))
            .hint("use that version, or another file with `state: { path: ... }`"));
    }
    Ok(version)
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
