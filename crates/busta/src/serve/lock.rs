//! That only one server works with a state file, and who it is.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use busta_core::{Error, Result};

/// The lock; given back when it is dropped, or when the process dies.
pub struct ServerLock {
    _file: File,
}

impl ServerLock {
    /// Takes it for the server at `address`. Two servers would each keep the same schedules.
    pub fn take(state: &Path, address: SocketAddr) -> Result<Self> {
        let path = place(state);
        let wrong = |e: &dyn std::fmt::Display| {
            Error::unavailable(format!("the lock {} cannot be taken: {e}", path.display()))
                .hint("choose another place with `state: { path: ... }`")
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|e| wrong(&e))?;
        }
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(|e| wrong(&e))?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0).map_err(|e| wrong(&e))?;
                write!(&file, "{} {address}", std::process::id()).map_err(|e| wrong(&e))?;
                Ok(Self { _file: file })
            }
            Err(TryLockError::WouldBlock) => {
                Err(Error::conflict(format!("another `busta serve` works with {}", state.display()))
                    .hint("stop it first, or give this one another `state: { path: ... }`"))
            }
            Err(TryLockError::Error(e)) => Err(wrong(&e)),
        }
    }
}

/// The process and the address of the server that works with the state file, if one does.
pub fn holder(state: &Path) -> Option<(u32, String)> {
    let path = place(state);
    let file = File::open(&path).ok()?;
    if !matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
        return None;
    }
    let text = std::fs::read_to_string(&path).ok()?;
    let (process, address) = text.split_once(' ')?;
    Some((process.parse().ok()?, address.to_owned()))
}

fn place(state: &Path) -> PathBuf {
    state.with_file_name("server.lock")
}
