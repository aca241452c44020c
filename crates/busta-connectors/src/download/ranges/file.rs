//! The part file of an object that comes in ranges.
//!
//! It has the object's length from the beginning, with holes. Behind the last byte of the object there is a
//! table: for each range, in 8 bytes, how many of its bytes have been written. It is written after them and
//! synced with them, so a killed process finds all that it had written; whoever knows a checksum that will
//! tell goes on from there, and anybody else from what was committed. When the object is complete, the table
//! is cut off.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use busta_core::{Error, Result};
use tokio::task::JoinHandle;

use super::super::checksum::Algorithm;
use super::super::hash::{Digests, Hashes};
use super::super::part::{BLOCK, MAX_WAITING, blocking, hash_into, joined, locked, spawn};
use super::super::place::Place;
use super::progress::Progress;

/// One number of the table.
const ENTRY: u64 = 8;

/// So much is hashed at once, so that a batch need not wait long for the state of the hashes.
const HASH_AT_ONCE: u64 = 8 << 20;

/// Less than this is not worth a thread's attention while more is coming.
const HASH_AT_LEAST: u64 = 1 << 20;

/// The part file.
#[derive(Debug)]
pub struct PartFile {
    path: PathBuf,
    /// Whoever reads or writes seeks first.
    file: Mutex<File>,
    total: u64,
    size: u64,
}

/// A part file that was left by an earlier opening.
pub struct Found {
    pub file: PartFile,
    pub progress: Progress,
    pub hashing: Hashing,
}

impl PartFile {
    /// An empty part file at `path` for `total` bytes in ranges of `size`; the one `before` it is removed.
    pub async fn create(path: PathBuf, before: Option<PathBuf>, total: u64, size: u64) -> Result<Self> {
        let file = blocking(path.clone(), move |path| {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let file = locked(path, true)?;
            file.set_len(0)?;
            file.set_len(total + ENTRY * total.div_ceil(size))?;
            // It may be gone already, and would be in nobody's way.
            let _ = before.map(fs::remove_file);
            Ok(file)
        })
        .await?;
        Ok(Self { path, file: Mutex::new(file), total, size })
    }

    /// The part file at `path` as it was left at `place`; `None` if it is not there any more. What has been
    /// written since the last commit counts only if `trusting`.
    pub async fn reopen(
        path: PathBuf,
        asked: Option<Algorithm>,
        place: &Place,
        trusting: bool,
    ) -> Result<Option<Found>> {
        let (Some(total), Some(ranges)) = (place.total, place.ranges.clone()) else { return Ok(None) };
        let place = place.clone();
        blocking(path.clone(), move |path| {
            let file = match locked(path, false) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                other => other?,
            };
            let progress = Progress::new(total, ranges.size);
            if file.metadata()?.len() != total + ENTRY * progress.len() as u64 {
                return Ok(None);
            }
            for (start, end) in std::iter::once((0, place.offset)).chain(ranges.done) {
                if start > end || end > total {
                    return Ok(None);
                }
                progress.wrote(start..end);
            }
            let file = Self { path: path.to_owned(), file: Mutex::new(file), total, size: ranges.size };
            if trusting {
                file.read_table(&progress)?;
            }
            file.write_table(&progress, 0..progress.len())?;
            let restored = place.hashes.as_deref().and_then(|saved| Hashes::restore(asked, saved));
            let hashing = match restored {
                Some(hashes) => Hashing::new(hashes, place.offset),
                None => Hashing::new(Hashes::new(asked), 0),
            };
            Ok(Some(Found { file, progress, hashing }))
        })
        .await
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How long the object is.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How long its ranges are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Brings everything that is written to the disk.
    pub async fn sync(self: &Arc<Self>) -> Result<()> {
        let this = self.clone();
        blocking(self.path.clone(), move |_| {
            // Of a handle of its own, so that nobody who writes has to wait for the disk.
            let file = this.with(|file| file.try_clone())?;
            file.sync_data()
        })
        .await
    }

    /// Makes it the object and nothing else, on the disk.
    pub async fn close(self) -> Result<()> {
        blocking(self.path.clone(), move |_| {
            let file = self.file.into_inner().unwrap_or_else(PoisonError::into_inner);
            file.set_len(self.total)?;
            file.sync_all()
        })
        .await
    }

    fn write(&self, progress: &Progress, at: u64, block: &[u8]) -> std::io::Result<()> {
        self.with(|file| {
            file.seek(SeekFrom::Start(at))?;
            file.write_all(block)
        })?;
        let grown = progress.wrote(at..at + block.len() as u64);
        self.write_table(progress, grown)
    }

    fn write_table(&self, progress: &Progress, ranges: Range<usize>) -> std::io::Result<()> {
        let at = self.total + ENTRY * ranges.start as u64;
        let entries: Vec<u8> = ranges.flat_map(|index| progress.written(index).to_le_bytes()).collect();
        self.with(|file| {
            file.seek(SeekFrom::Start(at))?;
            file.write_all(&entries)
        })
    }

    fn read_table(&self, progress: &Progress) -> std::io::Result<()> {
        let mut table = Vec::new();
        self.with(|file| {
            file.seek(SeekFrom::Start(self.total))?;
            file.read_to_end(&mut table)
        })?;
        for (index, entry) in
            table.as_chunks::<{ ENTRY as usize }>().0.iter().enumerate().take(progress.len())
        {
            let bounds = progress.bounds(index);
            let end = bounds.start.saturating_add(u64::from_le_bytes(*entry)).min(bounds.end);
            progress.wrote(bounds.start..end);
        }
        Ok(())
    }

    fn hash(&self, hashes: &mut Hashes, stretch: Range<u64>) -> std::io::Result<()> {
        self.with(|file| {
            file.seek(SeekFrom::Start(stretch.start))?;
            hash_into(hashes, file.take(stretch.end - stretch.start)).map(drop)
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut File) -> T) -> T {
        work(&mut self.file.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes one stretch, in blocks, while the next bytes arrive.
pub struct Writing {
    file: Arc<PartFile>,
    progress: Arc<Progress>,
    waiting: Vec<u8>,
    /// Where what waits begins.
    at: u64,
    busy: Option<JoinHandle<Result<()>>>,
}

impl Writing {
    /// From byte `at` on.
    pub fn new(file: Arc<PartFile>, progress: Arc<Progress>, at: u64) -> Self {
        Self { file, progress, waiting: Vec::new(), at, busy: None }
    }

    /// Behind the last byte that it was given.
    pub fn end(&self) -> u64 {
        self.at + self.waiting.len() as u64
    }

    /// Takes the next bytes. Waits only if the disk is far behind.
    pub async fn take(&mut self, bytes: &[u8]) -> Result<()> {
        self.waiting.extend_from_slice(bytes);
        let free = self.busy.as_ref().is_none_or(JoinHandle::is_finished);
        if self.waiting.len() >= MAX_WAITING || (free && self.waiting.len() >= BLOCK) {
            self.write().await?;
        }
        Ok(())
    }

    /// Whether there is something that is not being written yet.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Begins to write what waits, as soon as the block before is written.
    pub async fn flush(&mut self) -> Result<()> {
        if let Some(busy) = &mut self.busy {
            let written = busy.await;
            self.busy = None;
            written
                .unwrap_or_else(|error| Err(Error::bug(format!("writing a download panicked: {error}"))))?;
        }
        self.write().await
    }

    /// Waits until all that it was given is written.
    pub async fn finish(mut self) -> Result<()> {
        self.write().await?;
        self.idle().await
    }

    async fn write(&mut self) -> Result<()> {
        self.idle().await?;
        let block = std::mem::replace(&mut self.waiting, Vec::with_capacity(BLOCK));
        let (file, progress, at) = (self.file.clone(), self.progress.clone(), self.at);
        self.at += block.len() as u64;
        let path = file.path.clone();
        self.busy = Some(spawn(path, move |_| file.write(&progress, at, &block)));
        Ok(())
    }

    async fn idle(&mut self) -> Result<()> {
        match self.busy.take() {
            Some(busy) => joined(busy).await,
            None => Ok(()),
        }
    }
}

/// The hashes of an object from its first byte on, which follow what has gathered.
pub struct Hashing {
    /// Absent while `busy`.
    state: Option<(Hashes, u64)>,
    busy: Option<JoinHandle<Result<(Hashes, u64)>>>,
}

impl Hashing {
    /// Hashes of the first `hashed` bytes.
    pub fn new(hashes: Hashes, hashed: u64) -> Self {
        Self { state: Some((hashes, hashed)), busy: None }
    }

    /// How far they are, if nothing is being hashed.
    pub fn hashed(&self) -> Option<u64> {
        self.state.as_ref().map(|(_, hashed)| *hashed)
    }

    /// Begins to hash what there is before `frontier`, unless it is at it already.
    pub fn follow(&mut self, file: &Arc<PartFile>, frontier: u64) {
        let enough =
            |hashed: u64| hashed < frontier && (frontier == file.total || frontier - hashed >= HASH_AT_LEAST);
        let Some((mut hashes, hashed)) = self.state.take_if(|(_, hashed)| enough(*hashed)) else { return };
        let (file, end) = (file.clone(), frontier.min(hashed + HASH_AT_ONCE));
        self.busy = Some(spawn(file.path.clone(), move |_| {
            file.hash(&mut hashes, hashed..end)?;
            Ok((hashes, end))
        }));
    }

    /// Whether what was begun is done. Pending for ever if nothing was.
    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        let Some(busy) = &mut self.busy else { return Poll::Pending };
        let done = ready!(std::pin::Pin::new(busy).poll(context));
        self.busy = None;
        self.state =
            Some(done.unwrap_or_else(|error| Err(Error::bug(format!("hashing panicked: {error}"))))?);
        Poll::Ready(Ok(()))
    }

    /// How far they are and their state, once what is being hashed is.
    pub async fn state(&mut self) -> Result<(u64, String)> {
        if let Some(busy) = self.busy.take() {
            self.state = Some(joined(busy).await?);
        }
        let (hashes, hashed) = self.state.as_ref().ok_or_else(lost)?;
        Ok((*hashed, hashes.save()))
    }

    /// The digests.
    pub fn finish(self) -> Result<Digests> {
        self.state.map(|(hashes, _)| hashes.finish()).ok_or_else(lost)
    }
}

fn lost() -> Error {
    Error::bug("the hashes of a download are used after a failure")
}
