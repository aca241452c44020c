//! Part files: where bytes gather, hashed as they come, until all are there.
//!
//! Writing and hashing are done on a blocking thread while the next bytes arrive. Whatever has come
//! when that thread is free is its next block, so that blocks are small where the network is slow,
//! which keeps little in memory for a crash to lose, and large where it is fast.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use busta_core::{Error, Result};
use tokio::task::JoinHandle;

use super::checksum::Algorithm;
use super::hash::{Digests, Hashes};
use super::place::Place;

/// Less than this is not worth a thread's attention while more is coming.
pub(super) const BLOCK: usize = 64 << 10;

/// With this much waiting, the network waits for the disk.
pub(super) const MAX_WAITING: usize = 1 << 20;

/// A part file that is being written.
pub struct Part {
    path: PathBuf,
    /// Absent while `busy`.
    body: Option<Body>,
    busy: Option<JoinHandle<Result<Body>>>,
    waiting: Vec<u8>,
    offset: u64,
}

struct Body {
    file: File,
    hashes: Hashes,
}

impl Part {
    /// An empty part file at `path`; the one `before` it is removed.
    pub async fn create(path: PathBuf, before: Option<PathBuf>, asked: Option<Algorithm>) -> Result<Self> {
        let body = blocking(path.clone(), move |path| {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let file = locked(path, true)?;
            file.set_len(0)?;
            // It may be gone already, and would be in nobody's way.
            let _ = before.map(fs::remove_file);
            Ok(Body { file, hashes: Hashes::new(asked) })
        })
        .await?;
        Ok(Self::new(path, body, 0))
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
            Ok(Some((Body { file, hashes }, end)))
        })
        .await?;
        Ok(reopened.map(|(body, end)| Self::new(path, body, end)))
    }

    fn new(path: PathBuf, body: Body, offset: u64) -> Self {
        Self { path, body: Some(body), busy: None, waiting: Vec::new(), offset }
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
    pub async fn take(&mut self, bytes: &[u8]) -> Result<()> {
        self.waiting.extend_from_slice(bytes);
        self.offset += bytes.len() as u64;
        let free = self.busy.as_ref().is_none_or(JoinHandle::is_finished);
        if self.waiting.len() >= MAX_WAITING || (free && self.waiting.len() >= BLOCK) {
            self.write().await?;
        }
        Ok(())
    }

    /// Brings everything to the disk; gives the state of the hashes there.
    pub async fn sync(&mut self) -> Result<String> {
        self.flush().await?;
        let body = self.idle().await?;
        let (body, saved) = blocking(self.path.clone(), move |_| {
            body.file.sync_data()?;
            let saved = body.hashes.save();
            Ok((body, saved))
        })
        .await?;
        self.body = Some(body);
        Ok(saved)
    }

    /// Ends it: everything is on the disk, and the file is closed.
    pub async fn close(mut self) -> Result<Digests> {
        self.flush().await?;
        let body = self.idle().await?;
        blocking(self.path, move |_| {
            body.file.sync_all()?;
            Ok(body.hashes.finish())
        })
        .await
    }

    /// Waits until all that was given is written.
    async fn flush(&mut self) -> Result<()> {
        if !self.waiting.is_empty() {
            self.write().await?;
        }
        let body = self.idle().await?;
        self.body = Some(body);
        Ok(())
    }

    /// Begins to write what waits, once the block before is written.
    async fn write(&mut self) -> Result<()> {
        let mut body = self.idle().await?;
        let block = std::mem::replace(&mut self.waiting, Vec::with_capacity(BLOCK));
        self.busy = Some(spawn(self.path.clone(), move |_| {
            body.hashes.update(&block);
            body.file.write_all(&block)?;
            Ok(body)
        }));
        Ok(())
    }

    async fn idle(&mut self) -> Result<Body> {
        match self.busy.take() {
            Some(busy) => joined(busy).await,
            None => self.body.take().ok_or_else(|| {
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
    task.await.unwrap_or_else(|error| {
        if error.is_cancelled() {
            return Err(Error::cancelled("the runtime is shutting down"));
        }
        Err(Error::bug(format!("writing a download panicked: {error}")))
    })
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
