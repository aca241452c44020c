//! That only one server works with a state file, and who it is.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use busta_core::{Error, Result};
use busta_store::FileLock;

/// The lock; given back when it is dropped, or when the process dies.
pub struct ServerLock {
    _lock: FileLock,
}

impl ServerLock {
    /// Takes it for the server at `address`. Two servers would each keep the same schedules.
    pub fn take(state: &Path, address: SocketAddr) -> Result<Self> {
        let path = place(state);
        let elsewhere = "choose another place with `state: { path: ... }`";
        let lock = FileLock::take(&path).map_err(|error| error.hint(elsewhere))?;
        let mut lock = lock.ok_or_else(|| {
            Error::conflict(format!("another `busta serve` works with {}", state.display()))
                .hint("stop it first, or give this one another `state: { path: ... }`")
        })?;
        lock.write(&format!("{} {address}", std::process::id())).map_err(|e| {
            Error::unavailable(format!("the lock {} cannot be written: {e}", path.display())).hint(elsewhere)
        })?;
        Ok(Self { _lock: lock })
    }
}

/// The process and the address of the server that works with the state file, if one does.
pub fn holder(state: &Path) -> Option<(u32, String)> {
    let path = place(state);
    if !FileLock::is_held(&path) {
        return None;
    }
    let text = std::fs::read_to_string(&path).ok()?;
    let (process, address) = text.split_once(' ')?;
    Some((process.parse().ok()?, address.to_owned()))
}

fn place(state: &Path) -> PathBuf {
    state.with_file_name("server.lock")
}
