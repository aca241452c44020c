//! Files that one process holds for itself alone.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::Path;

use busta_core::{Error, Result};

/// How often taking a lock is tried again while only readers hold it. They hold it for microseconds.
const TRIES: usize = 1000;

/// A lock on a file. Dropping it, or the death of the process, ends it.
#[derive(Debug)]
pub struct FileLock {
    // Locked for as long as it is open.
    file: File,
}

impl FileLock {
    /// Takes the lock of the file at `path`, which is made if it is not there; `None` if a live process
    /// has it. What the file says stays as it is.
    pub fn take(path: &Path) -> Result<Option<Self>> {
        let wrong = |what: &str, e: &dyn std::fmt::Display| unavailable(path, what, e);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|e| wrong("made", &e))?;
        }
        let file =
            OpenOptions::new().create(true).append(true).open(path).map_err(|e| wrong("opened", &e))?;
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Self { file })),
                Err(TryLockError::WouldBlock) if is_exclusive(&file) => return Ok(None),
                // Somebody looks whether it is held.
                Err(TryLockError::WouldBlock) => std::thread::yield_now(),
                Err(TryLockError::Error(e)) => return Err(wrong("taken", &e)),
            }
        }
        Ok(None)
    }

    /// Makes `text` all that the file says.
    pub fn write(&mut self, text: &str) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.file.write_all(text.as_bytes())
    }

    /// Whether a live process holds the lock of the file at `path`.
    pub fn is_held(path: &Path) -> bool {
        File::open(path).is_ok_and(|file| is_exclusive(&file))
    }
}

fn unavailable(path: &Path, what: &str, e: &dyn std::fmt::Display) -> Error {
    Error::unavailable(format!("the lock {} cannot be {what}: {e}", path.display()))
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
