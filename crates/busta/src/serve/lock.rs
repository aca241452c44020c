//! That only one server works with a state file.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use busta_core::{Error, Result};

/// The lock; given back when it is dropped, or when the process dies.
pub struct ServerLock {
    _file: File,
}

impl ServerLock {
    /// Takes it. Two servers would each keep the same schedules.
    pub fn take(state: &Path) -> Result<Self> {
        let path = state.with_file_name("server.lock");
        let wrong = |e: &dyn std::fmt::Display| {
            Error::unavailable(format!("the lock {} cannot be taken: {e}", path.display()))
                .hint("choose another place with `state: { path: ... }`")
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|e| wrong(&e))?;
        }
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(|e| wrong(&e))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {
                Err(Error::conflict(format!("another `busta serve` works with {}", state.display()))
                    .hint("stop it first, or give this one another `state: { path: ... }`"))
            }
            Err(TryLockError::Error(e)) => Err(wrong(&e)),
        }
    }
}
