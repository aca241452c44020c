//! From SQLite's errors to ours: which kind, and what the operator can do.

use std::path::Path;

use busta_core::{Error, ErrorKind};
use rusqlite::ErrorCode;

/// What `error` means for the database at `path`.
pub(super) fn explain(error: rusqlite::Error, path: &Path) -> Error {
    let shown = path.display();
    let Some(code) = error.sqlite_error_code() else {
        if let rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..) = error
        {
            return Error::corrupt(format!("{shown}: busta's own tables hold what it never wrote: {error}"))
                .hint("restore a backup, or set `destination.path` to another file")
                .caused_by(error);
        }
        return Error::bug(format!("{shown}: {error}")).caused_by(error);
    };
    let (kind, what, hint) = match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => (
            ErrorKind::Unavailable,
            "is locked by another process",
            "close the program that writes to it (`fuser` names it), or raise `destination.busy_timeout`",
        ),
        ErrorCode::DiskFull => {
            (ErrorKind::Unavailable, "the disk is full", "free some space, then `--resume`")
        }
        ErrorCode::ReadOnly => {
            (ErrorKind::Config, "is read-only", "make the file and its folder writable for this user")
        }
        ErrorCode::PermissionDenied | ErrorCode::CannotOpen => (
            ErrorKind::Config,
            "cannot be opened",
            "check that the folder exists and that this user may write to it",
        ),
        ErrorCode::NotADatabase => (
            ErrorKind::Config,
            "is not an SQLite database",
            "set `destination.path` to another file, or move this one away",
        ),
        ErrorCode::DatabaseCorrupt => (
            ErrorKind::Corrupt,
            "is damaged",
            "restore a backup, or save what is left with `sqlite3 FILE .recover`",
        ),
        ErrorCode::SystemIoFailure => {
            (ErrorKind::Unavailable, "cannot be read or written", "check the disk, then `--resume`")
        }
        _ => return Error::bug(format!("{shown}: {error}")).caused_by(error),
    };
    Error::new(kind, format!("{shown}: {what}: {error}")).hint(hint).caused_by(error)
}

/// A result of SQLite with the database's name in its error.
pub(super) trait At<T> {
    fn at(self, path: &Path) -> busta_core::Result<T>;
}

impl<T> At<T> for rusqlite::Result<T> {
    fn at(self, path: &Path) -> busta_core::Result<T> {
        self.map_err(|error| explain(error, path))
    }
}
