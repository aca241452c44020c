//! What an error of the file system means to the operator.

use std::fmt;
use std::io;
use std::path::Path;

use busta_core::Error;

/// An error of the file system while doing `action` (`write`, `rename`) to `path`.
pub(in crate::destinations) fn io_error(action: impl fmt::Display, path: &Path, error: io::Error) -> Error {
    let what = format!("cannot {action} {}: {error}", path.display());
    let error_of = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::unavailable(what).hint("free some space there, then go on with `--resume`")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Error::config(what).hint("let this user write there, or choose another `path`")
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory | io::ErrorKind::AlreadyExists => {
            Error::config(what).hint("choose a `path` that is a folder, or may become one")
        }
        io::ErrorKind::NotFound => {
            Error::unavailable(what).hint("has the folder been removed or unmounted? put it back")
        }
        _ => Error::unavailable(what),
    };
    error_of.caused_by(error)
}

/// The folder was removed or replaced while it was in use: what is written goes nowhere.
pub(in crate::destinations) fn gone(path: &Path) -> Error {
    Error::unavailable(format!("{} has been removed or replaced while busta was using it", path.display()))
        .hint("put the folder back, or start a new run; nothing more is written to the old one")
}

/// What lies on the disk contradicts the manifest.
pub(in crate::destinations) fn corrupt(path: &Path, what: impl fmt::Display) -> Error {
    Error::corrupt(format!("{}: {what}", path.display()))
        .hint("restore the folder from a backup, or move it away and collect again")
}
