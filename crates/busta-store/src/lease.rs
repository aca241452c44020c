//! The lock that a live run holds.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use busta_core::{Error, Result, RunId};

/// How often taking a lock is tried again while only readers hold it. They hold it for microseconds.
const TRIES: usize = 1000;

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

    /// Takes the lock of `run`; `None` if a live process has it. Only called inside a writing
    /// transaction of the store.
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
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Self { run: run.clone(), path, _file: file })),
                Err(TryLockError::WouldBlock) if is_exclusive(&file) => return Ok(None),
                // Somebody looks whether it is held.
                Err(TryLockError::WouldBlock) => std::thread::yield_now(),
                Err(TryLockError::Error(e)) => return Err(wrong("taken", &e)),
            }
        }
        Ok(None)
    }

    /// Whether a live process holds the lock of `run`.
    pub(crate) fn is_held(state: &Path, run: &RunId) -> bool {
        File::open(lock_path(state, run)).is_ok_and(|file| is_exclusive(&file))
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

/// Whether somebody else holds the file for himself alone. Shared by all who ask at once; it lasts until
/// the file is closed, or locked in another way.
fn is_exclusive(file: &File) -> bool {
    let exclusive = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    if !exclusive {
        let _ = file.unlock();
    }
    exclusive
}

fn lock_path(state: &Path, run: &RunId) -> PathBuf {
    state.with_file_name("runs").join(format!("{run}.lock"))
}
