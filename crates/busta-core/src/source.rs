//! The contract of sources: plan the work, open a piece of it, read it batch by batch.

use std::path::PathBuf;
use std::task::Context;

use async_trait::async_trait;

use crate::checkpoint::Checkpoint;
use crate::cursor::{Cursor, CursorValue};
use crate::error::Result;
use crate::failure::Failure;
use crate::ids::StreamName;
use crate::record::Records;
use crate::report::Gaps;
use crate::split::Split;
use crate::stream::StreamSpec;
use crate::transform::Warning;

/// One configured source.
///
/// A source is passive. It never spawns detached work, sleeps, retries or waits for a limit: it does
/// what it is asked once and says how it went. Every call may be cancelled by dropping its future,
/// and may be made again after an error.
#[async_trait]
pub trait Source: Send + Sync {
    /// What it yields. The same for the life of the value.
    fn streams(&self) -> &[StreamSpec];

    /// The splits that can be named before anything is read. Finite, and the same (by id) whenever
    /// `from.starts` and the origin are the same; a split that needs no reading this time (an
    /// unchanged file) is left out. Splits that `from` shows as done may be named; the engine skips
    /// them. Should do no more I/O than is needed to know the splits. The engine treats an error as one of
    /// [`Reader::next`]: it asks again after a while, or not at all.
    async fn plan(&self, from: &Checkpoint) -> Result<Vec<Split>>;

    /// A reader that goes on after `at`, or at the beginning. Should do no I/O that the first
    /// [`Reader::next`] can do as well, since only that one is measured and paced.
    ///
    /// `split` may have been planned now, found by a reader, or stored by an earlier process.
    async fn open(&self, split: &Split, at: Option<&Cursor>) -> Result<Box<dyn Reader>>;

    /// Makes one real, cheap request and says what came back (`busta sources test`).
    async fn test(&self) -> Result<Probe>;

    /// The files that it keeps on this machine, if it does (`busta archive verify`).
    fn kept_files(&self) -> Option<KeptFiles> {
        None
    }

    /// What it has been asked for and has not found, as far as the run that was planned last has come; `None` if
    /// it cannot tell what there should be. Cheap.
    fn gaps(&self) -> Option<Gaps> {
        None
    }
}

/// Files that a source has downloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFiles {
    /// The folder they are in.
    pub folder: PathBuf,
    /// The stream that has a record for each, with its `path` below the folder, its `bytes` and its `sha256` in
    /// hexadecimal digits.
    pub stream: StreamName,
}

/// Reads one split.
#[async_trait]
pub trait Reader: Send {
    /// The next batch, or `None` at the end.
    ///
    /// Order: batches come in the split's own order; opening at `batch.cursor` goes on exactly after
    /// that batch. Size: about one request's worth, and at most a few MiB where the connector can
    /// choose; a reader with long work before its next record gives empty batches at the cursor it had, so that
    /// it is known to be alive and can be stopped. Limits: at most one request is in flight at a time, between
    /// calls only one that was sent [ahead](crate::meter::Meter::ahead), and one more for each
    /// [`Spare`](crate::meter::Spare) that the reader holds. Errors: whatever cannot be
    /// read as a whole is an `Err`, after which the engine drops the reader and opens another one at
    /// the last cursor, so a reader needs no retry of its own; a single bad item is a [`Failure`] in
    /// the batch, and the rest goes on. Cancellation: dropping the future loses nothing.
    async fn next(&mut self) -> Result<Option<Batch>>;

    /// Whether the next call may make a request. A reader in the midst of a long answer says no, and is
    /// not made to wait for its host's next turn meanwhile.
    fn asks(&self) -> bool {
        true
    }

    /// Goes on with a request that was sent [ahead](crate::meter::Meter::ahead), as far as that goes without
    /// waiting. Called while the batch before it is handed on, by the task that calls [`next`](Self::next), and
    /// again whenever `context` wakes it; what it comes to, also an error, is for that next call.
    fn attend(&mut self, _context: &mut Context<'_>) {}
}

/// Some records of a split and the place reached after them.
#[derive(Debug)]
pub struct Batch {
    /// The records, of the split's stream.
    pub records: Records,
    /// Items of this stretch that could not be read.
    pub failures: Vec<Failure>,
    /// Where to go on after this batch. Ignored if `done`.
    pub cursor: Cursor,
    /// Whether the split ends here. Saves a commit over a separate `None`.
    pub done: bool,
    /// The newest value of the stream's cursor field in this batch. When all splits of the stream
    /// are done, the newest of all becomes the start cursor under the key of the stream's name, as
    /// `Cursor::encode(&CursorValue)`; with [`StreamSpec::start_per_split`], that of each planned split under its
    /// id.
    pub high: Option<CursorValue>,
    /// Splits discovered in this batch. They are committed with it.
    pub found: Vec<Split>,
    /// Start cursors that hold from the commit of this batch on, for sources whose splits advance
    /// each for itself (a feed's ETag, a file's mtime). Those of a stream that is being replaced hold
    /// from its end on, when its new rows are there to go on from.
    pub starts: Vec<(String, Cursor)>,
    /// Whether the start cursors hold only if none of the records is refused on its way, so that the next run reads
    /// again what they stand for: who mends his transforms gets it in.
    pub starts_need_all: bool,
    /// Why the split, which ends here, was passed over: its server refuses it, and the configuration says that
    /// this is no failure. The report counts it.
    pub skipped: Option<String>,
    /// What is doubtful about this stretch, which goes on all the same. The report counts them, and an event tells the
    /// first.
    pub warnings: Vec<Warning>,
}

impl Batch {
    /// A batch of records that goes on after `cursor`.
    pub fn new(records: Records, cursor: Cursor) -> Self {
        Self {
            records,
            failures: Vec::new(),
            cursor,
            done: false,
            high: None,
            found: Vec::new(),
            starts: Vec::new(),
            starts_need_all: false,
            skipped: None,
            warnings: Vec::new(),
        }
    }

    /// The last batch of a split.
    pub fn last(records: Records) -> Self {
        Self { done: true, ..Self::new(records, Cursor::from_stored("null")) }
    }
}

/// What one real request brought back.
#[derive(Clone, Debug)]
pub struct Probe {
    /// In words: `GET https://… answered 200 in 83 ms: 100 records of 1 200`.
    pub summary: String,
    /// A few of the records.
    pub sample: Records,
}
