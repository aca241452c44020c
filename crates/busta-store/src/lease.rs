//! The lock that a live run holds.

use std::path::{Path, PathBuf};

use busta_core::{Result, RunId};

use crate::lock::FileLock;

/// Shows that a run is alive. Dropping it, or the death of the process, ends that.
#[derive(Debug)]
pub struct RunLease {
    run: RunId,
    path: PathBuf,
    _lock: FileLock,
}

impl RunLease {
    /// The run.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Takes the lock of `run`; `None` if a live process has it. Only called inside a writing
    /// transaction of the store.
    pub(crate) fn take(state: &Path, run: &RunId) -> Result<Option<Self>> {
        let path = lock_path(state, run);
        Ok(FileLock::take(&path)?.map(|lock| Self { run: run.clone(), path, _lock: lock }))
    }

    /// Whether a live process holds the lock of `run`.
    pub(crate) fn is_held(state: &Path, run: &RunId) -> bool {
        FileLock::is_held(&lock_path(state, run))
    }

    /// Removes what a dead run has left. Only called inside a writing transaction of the store.
    pub(crate) fn sweep(state: &Path, run: &RunId) {
        // A file that stays behind is empty, unlocked and harmless.
        let _ = std::fs::remove_file(lock_path(state, run));
    }

    /// Ends the run's life and removes the file. Only called inside a writing transaction of the store,
    /// so that nobody takes the lock of a file that is on its way out, and after how the run ended is
    /// committed, so that nobody takes it for one that was interrupted.
    pub(crate) fn release(self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn lock_path(state: &Path, run: &RunId) -> PathBuf {
    state.with_file_name("runs").join(format!("{run}.lock"))
}
