//! Whether a disk has room for what is about to come.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use busta_core::{Error, Result};

use crate::blocking::trying;

/// So much is always left free: the destination and the rest of the machine live on the disk too.
const RESERVE: u64 = 64 << 20;

/// The bytes that are still to come to one folder.
#[derive(Clone, Default)]
pub struct Room(Arc<AtomicU64>);

impl Room {
    /// Claims room for `bytes` until the claim is dropped.
    pub fn claim(&self, bytes: u64) -> Claim {
        self.0.fetch_add(bytes, Ordering::Relaxed);
        Claim { room: self.0.clone(), left: bytes }
    }
}

/// One download's share of what is still to come.
pub struct Claim {
    room: Arc<AtomicU64>,
    left: u64,
}

impl Claim {
    /// Checks that the disk of `folder` takes this and everything else that is to come. It is a `Config`
    /// error, which ends the split at once: a full disk does not get better by trying again.
    pub async fn check(&self, folder: &Path) -> Result<()> {
        let folder = folder.to_owned();
        let bytes = self.room.load(Ordering::Relaxed);
        trying(move || check(&folder, bytes)).await
    }

    /// So many bytes have come: they are the disk's own business now.
    pub fn came(&mut self, bytes: u64) {
        let bytes = bytes.min(self.left);
        self.left -= bytes;
        self.room.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.came(self.left);
    }
}

fn check(folder: &Path, bytes: u64) -> Result<()> {
    match free(folder) {
        Some(free) if free < bytes.saturating_add(RESERVE) => Err(Error::config(format!(
            "{} has {} free, and {} are needed beside the {} that are kept free",
            folder.display(),
            mebibytes(free),
            mebibytes(bytes),
            mebibytes(RESERVE),
        ))
        .hint("make room, or choose a folder on another disk; `--resume` goes on from here")),
        _ => Ok(()),
    }
}

/// A size to be compared with others: all in one unit.
fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// What an ordinary user may still write there; `None` if the system does not say.
#[cfg(unix)]
fn free(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}

#[cfg(not(unix))]
fn free(_folder: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_with_figures() {
        let folder = tempfile::tempdir().unwrap();
        check(folder.path(), 0).unwrap();
        let error = check(folder.path(), 1 << 60).unwrap_err();
        assert_eq!(error.kind(), busta_core::ErrorKind::Config);
        let words = "and 1099511627776.0 MiB are needed beside the 64.0 MiB";
        assert!(error.to_string().contains(words), "{error}");
    }

    #[tokio::test]
    async fn what_others_have_claimed_counts() {
        let folder = tempfile::tempdir().unwrap();
        let room = Room::default();
        let mut large = room.claim(1 << 60);
        let small = room.claim(10);
        assert!(small.check(folder.path()).await.is_err());
        large.came(1 << 60);
        small.check(folder.path()).await.unwrap();
        drop((large, small));
        assert_eq!(room.0.load(Ordering::Relaxed), 0);
    }
}
