//! What is there already, and need not be fetched.

use std::path::Path;
use std::time::UNIX_EPOCH;

use busta_core::Result;

use super::checksum::Checksum;
use super::folder::{Folder, Known};
use super::hash::Digests;
use super::part::{blocking, digests};
use super::place::Place;
use super::task::{Expected, Task};

/// What a look at the disk showed.
pub enum Kept {
    /// Nothing of use.
    Nothing,
    /// The file that an earlier run has left and recorded is still what is wanted.
    Recorded,
    /// The file is what is wanted, but nobody has recorded it.
    Complete(Digests, Known),
    /// The file is what is wanted if the server says that the object has not changed.
    Maybe {
        /// Its validators.
        known: Known,
        /// Whether an earlier run has recorded it.
        recorded: bool,
    },
}

/// Looks at the task's file. `place` is where a download of it stood, whose part file is gone.
pub async fn look(folder: &Folder, task: &Task, place: &Place) -> Result<Kept> {
    let target = folder.target(&task.path);
    let Some((bytes, mtime)) = blocking(target.clone(), stat).await? else { return Ok(Kept::Nothing) };
    let expected = &task.expected;
    if expected.checksum.is_none() && expected.size.is_some_and(|size| size != bytes) {
        return Ok(Kept::Nothing);
    }
    let known = folder.known(&task.path).filter(|known| (known.bytes, known.mtime) == (bytes, mtime));
    if let Some(known) = known {
        if is_wanted(expected, &known) {
            return Ok(Kept::Recorded);
        }
        if expected.checksum.is_none() {
            return Ok(Kept::Maybe { known, recorded: true });
        }
    }
    if let Some(checksum) = &expected.checksum {
        let (digests, bytes) = digests(target, Some(checksum.algorithm())).await?;
        let known = Known {
            bytes,
            mtime,
            checksum: Some(checksum.clone()),
            doubted: false,
            sha256: None,
            etag: None,
            last_modified: None,
        };
        let same = digests.asked.as_ref() == Some(checksum);
        return Ok(if same { Kept::Complete(digests, known) } else { Kept::Nothing });
    }
    if place.total == Some(bytes) {
        // A crash between the renaming and its commit.
        let (etag, last_modified) = (place.etag.clone(), place.last_modified.clone());
        let known = Known { bytes, mtime, checksum: None, doubted: false, sha256: None, etag, last_modified };
        return Ok(Kept::Maybe { known, recorded: false });
    }
    Ok(Kept::Nothing)
}

/// Whether [`look`] would find the file recorded. Looks at the disk itself, if the file is known.
pub fn is_recorded(folder: &Folder, task: &Task) -> bool {
    let Some(known) = folder.known(&task.path).filter(|known| is_wanted(&task.expected, known)) else {
        return false;
    };
    let is_whole =
        task.expected.checksum.is_some() || task.expected.size.is_none_or(|size| size == known.bytes);
    is_whole && stat(&folder.target(&task.path)).is_ok_and(|stat| stat == Some((known.bytes, known.mtime)))
}

/// Whether nobody need be asked whether a file is still what is wanted.
fn is_wanted(expected: &Expected, known: &Known) -> bool {
    match &expected.checksum {
        Some(checksum) => {
            known.checksum.as_ref() == Some(checksum) && known.doubted == expected.unverifiable.is_some()
        }
        None => expected.etag.is_some() && expected.etag == known.etag,
    }
}

/// What is known of the file at `path` if an earlier run has left it and it is on the disk as it was then.
pub async fn as_left(folder: &Folder, path: &str) -> Result<Option<Known>> {
    let Some(known) = folder.known(path) else { return Ok(None) };
    let stat = blocking(folder.target(path), stat).await?;
    Ok(stat.is_some_and(|stat| stat == (known.bytes, known.mtime)).then_some(known))
}

/// What is known of the file at `target` now that it is complete.
pub async fn known(target: &Path, checksum: Option<Checksum>, place: &Place) -> Result<Known> {
    let (bytes, mtime) = blocking(target.to_owned(), stat).await?.unwrap_or_default();
    let (etag, last_modified) = (place.etag.clone(), place.last_modified.clone());
    Ok(Known { bytes, mtime, checksum, doubted: false, sha256: None, etag, last_modified })
}

/// Length and time of the last change, if it is a file.
fn stat(path: &Path) -> std::io::Result<Option<(u64, i64)>> {
    let metadata = match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let modified = metadata.modified()?;
    let mtime = match modified.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_nanos() as i64,
        Err(before) => -(before.duration().as_nanos() as i64),
    };
    Ok(metadata.is_file().then_some((metadata.len(), mtime)))
}
