//! The lock that a live run holds.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use busta_core::{Error, Result, RunId};

/// Shows that a run is alive. Dropping it, or the death of the process, ends that.
#[derive(Debug)]
pub struct RunLease {
    run: RunId,
    path: PathBuf,
    // Locked for as long as it is open.
    _file: File,
}

impl RunLease {
    /// The run.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Takes the lock of `run`; `None` if a live process has it.
    pub(crate) fn take(state: &Path, run: &RunId) -> Result<Option<Self>> {
        let path = lock_path(state, run);
        let wrong = |what: &str, e: &dyn std::fmt::Display| {
            Error::unavailable(format!("the lock {} cannot be {what}: {e}", path.display()))
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|e| wrong("made", &e))?;
        }
        let file =
            OpenOptions::new().create(true).append(true).open(&path).map_err(|e| wrong("opened", &e))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { run: run.clone(), path, _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(wrong("taken", &e)),
        }
    }

    /// Whether a live process holds the lock of `run`.
    pub(crate) fn is_held(state: &Path, run: &RunId) -> bool {
        let Ok(file) = File::open(lock_path(state, run)) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// Ends the run's life and removes the file. Only called inside a transaction of the store, so
    /// that nobody takes the lock of a file that is on its way out.
    pub(crate) fn release(self) {
        // A file that stays behind is empty, unlocked and harmless.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn lock_path(state: &Path, run: &RunId) -> PathBuf {
    state.with_file_name("runs").join(format!("{run}.lock"))
}
