//! Part files: where bytes gather, hashed as they come, until all are there.
//!
//! They are hashed as soon as they come, while they are in the processor's cache (a piece of half a megabyte
//! takes less than a millisecond), and written by a blocking thread while the next ones arrive, without being
//! copied. Whatever has come when that thread is free is its next block, so that blocks are small where the
//! network is slow, which keeps little in memory for a crash to lose, and large where it is fast.
//!
//! To bring what is written to the disk takes longer than to write it, so nobody waits for that but who ends the
//! file: a [`Mark`] is begun, and holds when the disk has all bytes before it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use busta_core::{Error, Result};
use bytes::Bytes;
use tokio::task::JoinHandle;

use super::checksum::Algorithm;
use super::hash::{Digests, Hashes};
use super::place::Place;
use crate::blocking::ended;

/// Less than this is not worth a thread's attention while more is coming.
pub(super) const BLOCK: usize = 64 << 10;

/// With this much waiting, the network waits for the disk.
pub(super) const MAX_WAITING: usize = 1 << 20;

/// A part file that is being written.
pub struct Part {
    path: PathBuf,
    /// Absent while `busy`.
    file: Option<File>,
    busy: Option<JoinHandle<Result<File>>>,
    /// What has come and is not being written yet, and how long that is.
    waiting: Vec<Bytes>,
    waits: usize,
    /// How many bytes have come, and what they hash to.
    offset: u64,
    hashes: Hashes,
    /// What is on its way to the disk.
    marking: Option<JoinHandle<Result<Mark>>>,
}

/// A place in a part file up to which all bytes are on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// How many bytes these are.
    pub offset: u64,
    /// The state of their hashes.
    pub hashes: String,
}

impl Part {
    /// An empty part file at `path`; the one `before` it is removed.
    pub async fn create(path: PathBuf, before: Option<PathBuf>, asked: Option<Algorithm>) -> Result<Self> {
        let file = blocking(path.clone(), move |path| {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let file = locked(path, true)?;
            file.set_len(0)?;
            // It may be gone already, and would be in nobody's way.
            let _ = before.map(fs::remove_file);
            Ok(file)
        })
        .await?;
        Ok(Self::new(path, file, Hashes::new(asked), 0))
    }

    /// The part file at `path` as it was left at `place`; `None` if it is not there any more.
    ///
    /// Bytes beyond the place were written, but nobody has seen them reach the disk. They are kept only
    /// if `trusting`, which is for those who know a checksum that will tell. They, and no others, are
    /// read again, to be hashed.
    pub async fn reopen(
        path: PathBuf,
        asked: Option<Algorithm>,
        place: &Place,
        trusting: bool,
    ) -> Result<Option<Self>> {
        let (offset, saved) = (place.offset, place.hashes.clone());
        let reopened = blocking(path.clone(), move |path| {
            let mut file = match locked(path, false) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                other => other?,
            };
            let length = file.metadata()?.len();
            if length < offset {
                return Ok(None);
            }
            let end = if trusting { length } else { offset };
            let restored = saved.as_deref().and_then(|saved| Hashes::restore(asked, saved));
            let (mut hashes, hashed) = restored.map_or((Hashes::new(asked), 0), |hashes| (hashes, offset));
            file.seek(SeekFrom::Start(hashed))?;
            hash_into(&mut hashes, (&mut file).take(end - hashed))?;
            file.set_len(end)?;
            file.seek(SeekFrom::Start(end))?;
            Ok(Some((file, hashes, end)))
        })
        .await?;
        Ok(reopened.map(|(file, hashes, end)| Self::new(path, file, hashes, end)))
    }

    fn new(path: PathBuf, file: File, hashes: Hashes, offset: u64) -> Self {
        let (file, busy, marking) = (Some(file), None, None);
        Self { path, file, busy, waiting: Vec::new(), waits: 0, offset, hashes, marking }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes it has been given.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes the next bytes. Waits only if the disk is far behind.
    pub async fn take(&mut self, bytes: Bytes) -> Result<()> {
        self.hashes.update(&bytes);
        self.offset += bytes.len() as u64;
        self.waits += bytes.len();
        self.waiting.push(bytes);
        let free = self.busy.as_ref().is_none_or(JoinHandle::is_finished);
        if self.waits >= MAX_WAITING || (free && self.waits >= BLOCK) {
            self.write().await?;
        }
        Ok(())
    }

    /// Begins to bring everything to the disk, unless that is under way already. What comes meanwhile is written
    /// beside it.
    pub async fn begin_mark(&mut self) -> Result<()> {
        if self.marking.is_some() {
            return Ok(());
        }
        let file = self.flush().await?;
        // Of a handle of its own, so that the next block need not wait for the disk.
        let (own, mark) = (file.try_clone(), Mark { offset: self.offset, hashes: self.hashes.save() });
        self.file = Some(file);
        self.marking = Some(spawn(self.path.clone(), move |_| own?.sync_data().map(|()| mark)));
        Ok(())
    }

    /// The mark that was begun, once it holds.
    pub async fn marked(&mut self) -> Result<Option<Mark>> {
        match self.marking.take_if(|marking| marking.is_finished()) {
            Some(marking) => joined(marking).await.map(Some),
            None => Ok(None),
        }
    }

    /// Brings everything to the disk.
    pub async fn mark(&mut self) -> Result<Mark> {
        self.unmark().await?;
        self.begin_mark().await?;
        self.unmark().await?.ok_or_else(|| Error::bug("a mark was not begun"))
    }

    /// Ends it: everything is on the disk, and the file is closed.
    pub async fn close(mut self) -> Result<Digests> {
        let file = self.flush().await?;
        self.unmark().await?;
        blocking(self.path, move |_| file.sync_all()).await?;
        Ok(self.hashes.finish())
    }

    /// Waits for the mark that was begun.
    async fn unmark(&mut self) -> Result<Option<Mark>> {
        match self.marking.take() {
            Some(marking) => joined(marking).await.map(Some),
            None => Ok(None),
        }
    }

    /// The file, once all that was given is written.
    async fn flush(&mut self) -> Result<File> {
        if !self.waiting.is_empty() {
            self.write().await?;
        }
        self.idle().await
    }

    /// Begins to write what waits, once the block before is written.
    async fn write(&mut self) -> Result<()> {
        let mut file = self.idle().await?;
        let block = std::mem::take(&mut self.waiting);
        self.waits = 0;
        self.busy = Some(spawn(self.path.clone(), move |_| {
            block.iter().try_for_each(|bytes| file.write_all(bytes))?;
            Ok(file)
        }));
        Ok(())
    }

    async fn idle(&mut self) -> Result<File> {
        match self.busy.take() {
            Some(busy) => joined(busy).await,
            None => self.file.take().ok_or_else(|| {
                Error::bug(format!("the part file {} is used after a failure", self.path.display()))
            }),
        }
    }
}

/// Opens a part file for nobody else. A write that was cut off may be in its last moments; it holds the
/// lock until it is done, and so does another process.
pub(super) fn locked(path: &Path, create: bool) -> std::io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create(create).truncate(false).open(path)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(std::io::ErrorKind::ResourceBusy.into()),
        // Some network file systems have no locks; there we go without.
        Err(TryLockError::Error(_)) | Ok(()) => Ok(file),
    }
}

/// Hashes all there is to read; gives its length.
pub(super) fn hash_into(hashes: &mut Hashes, mut bytes: impl Read) -> std::io::Result<u64> {
    let mut buffer = vec![0; MAX_WAITING];
    let mut all = 0;
    loop {
        match bytes.read(&mut buffer)? {
            0 => return Ok(all),
            some => {
                hashes.update(&buffer[..some]);
                all += some as u64;
            }
        }
    }
}

/// The digests and the length of a file that is there.
pub async fn digests(path: PathBuf, asked: Option<Algorithm>) -> Result<(Digests, u64)> {
    blocking(path, move |path| {
        let mut hashes = Hashes::new(asked);
        let length = hash_into(&mut hashes, File::open(path)?)?;
        Ok((hashes.finish(), length))
    })
    .await
}

/// The SHA-256 in hexadecimal digits and the length of the file at `path`; `None` if there is none.
pub async fn sha256_of(path: PathBuf) -> Result<Option<(String, u64)>> {
    blocking(path, |path| {
        let file = match File::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let mut hashes = Hashes::new(None);
        let length = hash_into(&mut hashes, file)?;
        Ok(Some((hashes.finish().sha256, length)))
    })
    .await
}

/// Work on the file at `path` on a blocking thread, waited for.
pub async fn blocking<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce(&Path) -> std::io::Result<T> + Send + 'static,
) -> Result<T> {
    joined(spawn(path, work)).await
}

/// The same, begun and not waited for yet.
pub(super) fn spawn<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce(&Path) -> std::io::Result<T> + Send + 'static,
) -> JoinHandle<Result<T>> {
    tokio::task::spawn_blocking(move || work(&path).map_err(|error| trouble(&path, error)))
}

/// What became of it.
pub(super) async fn joined<T>(task: JoinHandle<Result<T>>) -> Result<T> {
    ended(task.await)?
}

fn trouble(path: &Path, error: std::io::Error) -> Error {
    let told = match error.kind() {
        std::io::ErrorKind::ResourceBusy => {
            Error::unavailable(format!("{} is being written by somebody else", path.display()))
        }
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            Error::config(format!("no room to write {}", path.display()))
                .hint("make room; `--resume` goes on from here")
        }
        _ => Error::config(format!("cannot work on {}: {error}", path.display())),
    };
    told.caused_by(error)
}
