//! The committer: one task per destination that makes chunks durable, in order, in groups.
//!
//! While one group is being committed the next one gathers, so groups are as large as the destination
//! is slow: a single chunk when it keeps up, hundreds per transaction when it does not.

use std::sync::Arc;

use busta_core::event::Action;
use busta_core::settings::RetrySettings;
use busta_core::{
    Chunk, Committed, Cursor, CursorValue, Error, ErrorKind, Finish, Result, SourceName, Split, StreamName,
    failpoint,
};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::budget::Reserved;
use crate::feed::Feed;
use crate::plan::SharedDestination;
use crate::retry;
use crate::slot::SourceShared;

/// A group is committed when it holds this many chunks or bytes, even if more are waiting: a
/// transaction is held in memory, and what is not committed is read again after a crash.
const MAX_GROUP_CHUNKS: usize = 512;
const MAX_GROUP_BYTES: usize = 16 << 20;

/// How many chunks may wait for a committer. Slots wait when there are more.
pub const QUEUE: usize = 256;

/// How often an unavailable destination (locked, full) is tried again before its sources fail.
const MAX_RETRIES: u32 = 5;

/// What a committer is asked to do.
pub enum Order {
    /// Make a chunk durable.
    Commit(Box<Parcel>),
    /// Complete streams of a source.
    Finish(usize, Finish),
}

/// A chunk on its way, and what the dispatcher wants to know once it is durable.
pub struct Parcel {
    /// Who read it.
    pub worker: u32,
    /// The source, by its place in the plan.
    pub source: usize,
    /// What to commit.
    pub chunk: Chunk,
    /// The split it belongs to.
    pub split: Arc<Split>,
    /// Whether the split ends with it, and how.
    pub end: Option<End>,
    /// There is nothing to write: the split ended without having yielded anything.
    pub nothing: bool,
    /// Given back once it is durable: its part of the memory budget, and its split's leave to read on.
    pub held: Option<(Reserved, Option<OwnedSemaphorePermit>)>,
}

impl Parcel {
    /// Start cursors of a stream, without anything else.
    pub fn closing(shared: &SourceShared, stream: StreamName, starts: Vec<(String, Cursor)>) -> Self {
        Self {
            worker: 0,
            source: shared.index,
            split: Arc::new(Split::bare(stream.as_str(), stream.clone())),
            end: None,
            nothing: false,
            held: None,
            chunk: Chunk {
                run: shared.run.clone(),
                source: shared.name.clone(),
                stream,
                step: None,
                staged: None,
                failures: Vec::new(),
                high: None,
                found: Vec::new(),
                starts,
            },
        }
    }

    /// The bytes of memory that it keeps: rows, and the payloads of failures and of found splits.
    pub fn weight(&self) -> usize {
        let staged = self.chunk.staged.as_ref().map_or(0, |staged| staged.weight);
        let failures = self.chunk.failures.iter();
        let failed: usize = failures
            .map(|f| size_of_val(f) + f.reason.len() + f.payload.as_ref().map_or(0, String::len))
            .sum();
        staged + failed + self.chunk.found.iter().map(Split::bytes).sum::<usize>()
    }
}

/// How a split ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All of it is committed.
    Done,
    /// It could not be read.
    Failed,
}

/// What a committer reports.
pub enum Receipt {
    /// A chunk is durable, or never will be.
    Chunk(Box<ChunkReceipt>),
    /// Streams are complete, or could not be completed.
    Finish(usize, Result<()>),
    /// Columns appeared or were widened.
    Schema(Vec<busta_core::destination::SchemaChange>),
}

/// What became of a chunk.
pub struct ChunkReceipt {
    /// Who read it.
    pub worker: u32,
    /// The source, by its place in the plan.
    pub source: usize,
    /// The stream.
    pub stream: StreamName,
    /// The split.
    pub split: Arc<Split>,
    /// Whether the split ended with it.
    pub end: Option<End>,
    /// The destination's word.
    pub result: Result<Committed>,
    /// Nothing had to be written.
    pub nothing: bool,
    /// Failures that are stored with it.
    pub failures: u64,
    /// Splits that are now durable and can be read.
    pub found: Vec<Split>,
    /// The newest cursor value that is now durable.
    pub high: Option<CursorValue>,
}

/// Runs until every sender of orders is gone.
pub async fn run(
    destination: Arc<SharedDestination>,
    mut orders: mpsc::Receiver<Order>,
    receipts: mpsc::Sender<Receipt>,
    retry: RetrySettings,
    feed: Feed,
) {
    let mut committer = Committer { destination, receipts, retry, feed, broken: None };
    let mut pending = Vec::new();
    while orders.recv_many(&mut pending, MAX_GROUP_CHUNKS).await > 0 {
        let mut group = Vec::new();
        let mut bytes = 0;
        for order in pending.drain(..) {
            match order {
                Order::Commit(parcel) => {
                    bytes += parcel.weight();
                    group.push(*parcel);
                    if bytes >= MAX_GROUP_BYTES {
                        committer.commit(std::mem::take(&mut group)).await;
                        bytes = 0;
                    }
                }
                Order::Finish(source, finish) => {
                    committer.commit(std::mem::take(&mut group)).await;
                    bytes = 0;
                    committer.finish(source, &finish).await;
                }
            }
        }
        committer.commit(group).await;
    }
}

struct Committer {
    destination: Arc<SharedDestination>,
    receipts: mpsc::Sender<Receipt>,
    retry: RetrySettings,
    feed: Feed,
    /// Why nothing can be committed any more.
    broken: Option<(ErrorKind, String)>,
}

impl Committer {
    async fn commit(&mut self, group: Vec<Parcel>) {
        let (nothing, group): (Vec<Parcel>, Vec<Parcel>) = group.into_iter().partition(|p| p.nothing);
        let (chunks, rest) = open_parcels(group);
        let results = if chunks.is_empty() { Ok(Vec::new()) } else { self.commit_durably(&chunks).await };
        match results {
            Ok(results) => {
                for ((chunk, rest), result) in chunks.into_iter().zip(rest).zip(results) {
                    self.send(Receipt::Chunk(Box::new(rest.receipt(chunk, result)))).await;
                }
            }
            Err(error) => {
                for (chunk, rest) in chunks.into_iter().zip(rest) {
                    let result = Err(Error::new(error.kind(), error.to_string()));
                    self.send(Receipt::Chunk(Box::new(rest.receipt(chunk, result)))).await;
                }
            }
        }
        let (chunks, rest) = open_parcels(nothing);
        for (chunk, rest) in chunks.into_iter().zip(rest) {
            let result = Ok(Committed { already: true, ..Committed::default() });
            self.send(Receipt::Chunk(Box::new(rest.receipt(chunk, result)))).await;
        }
    }

    /// Tells that a commit begins: once for each stream that has records in it.
    fn tell_uploading(&self, chunks: &[Chunk]) {
        let mut streams: Vec<(&SourceName, &StreamName, u64)> = Vec::new();
        for chunk in chunks {
            let Some(staged) = &chunk.staged else { continue };
            match streams
                .iter_mut()
                .find(|(source, stream, _)| (*source, *stream) == (&chunk.source, &chunk.stream))
            {
                Some((.., rows)) => *rows += staged.rows,
                None => streams.push((&chunk.source, &chunk.stream, staged.rows)),
            }
        }
        for (source, stream, rows) in streams {
            self.feed.emit(Action::Uploading, |event| {
                event.source = Some(source.clone());
                event.stream = Some(stream.clone());
                event.phase = self.feed.phase(source, stream);
                event.count = Some(rows);
            });
        }
    }

    async fn commit_durably(&mut self, chunks: &[Chunk]) -> Result<Vec<Result<Committed>>> {
        self.tell_uploading(chunks);
        failpoint::hit("engine.commit.before");
        let shared = self.destination.clone();
        let (results, changes) = {
            let _turn = shared.turn.lock().await;
            let results = self.persist(|| shared.destination.commit(chunks)).await;
            (results, shared.destination.schema_changes())
        };
        failpoint::hit("engine.commit.after");
        if !changes.is_empty() {
            self.send(Receipt::Schema(changes)).await;
        }
        results
    }

    async fn finish(&mut self, source: usize, finish: &Finish) {
        failpoint::hit("engine.finish.before");
        let shared = self.destination.clone();
        let (result, changes) = {
            let _turn = shared.turn.lock().await;
            let result = self.persist(|| shared.destination.finish(finish)).await;
            (result, shared.destination.schema_changes())
        };
        failpoint::hit("engine.finish.after");
        if !changes.is_empty() {
            self.send(Receipt::Schema(changes)).await;
        }
        self.send(Receipt::Finish(source, result)).await;
    }

    /// Tries again while the destination is unavailable. Once it is so for good, everything after fails
    /// too: to go on behind a gap would break the order of the steps. Any other error is that of the
    /// chunks or the source it was met with.
    async fn persist<T, F: Future<Output = Result<T>>>(
        &mut self,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T> {
        if let Some((kind, reason)) = &self.broken {
            return Err(Error::new(*kind, reason.clone()));
        }
        let mut retries = 0;
        loop {
            let error = match attempt().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            if error.kind() != ErrorKind::Unavailable {
                return Err(error);
            }
            if retries == MAX_RETRIES {
                self.broken = Some((error.kind(), error.to_string()));
                return Err(error);
            }
            retries += 1;
            tracing::warn!(error = %error, retry = retries, "the destination is not available");
            tokio::time::sleep(retry::blind_wait(retries, &self.retry)).await;
        }
    }

    async fn send(&self, receipt: Receipt) {
        // The dispatcher outlives its committers; if it does not, it has panicked, and nobody asks.
        let _ = self.receipts.send(receipt).await;
    }
}

/// A parcel without its chunk.
struct Rest {
    worker: u32,
    source: usize,
    split: Arc<Split>,
    end: Option<End>,
    nothing: bool,
    _held: Option<(Reserved, Option<OwnedSemaphorePermit>)>,
}

fn open_parcels(parcels: Vec<Parcel>) -> (Vec<Chunk>, Vec<Rest>) {
    parcels
        .into_iter()
        .map(|Parcel { worker, source, chunk, split, end, nothing, held }| {
            (chunk, Rest { worker, source, split, end, nothing, _held: held })
        })
        .unzip()
}

impl Rest {
    fn receipt(self, chunk: Chunk, result: Result<Committed>) -> ChunkReceipt {
        ChunkReceipt {
            worker: self.worker,
            source: self.source,
            stream: chunk.stream,
            split: self.split,
            end: self.end,
            result,
            nothing: self.nothing,
            failures: chunk.failures.len() as u64,
            found: chunk.found,
            high: chunk.high,
        }
    }
}
