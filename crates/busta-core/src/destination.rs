//! The contract of destinations: where batches land, exactly once.

use std::any::Any;
use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::checkpoint::{Checkpoint, Step};
use crate::cursor::{Cursor, CursorValue};
use crate::dataset::DatasetSettings;
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::ids::{RunId, SourceName, StreamName};
use crate::reading::history::History;
use crate::reading::view::{RecentQuery, SentimentQuery, SentimentStats, Trending, TrendingQuery, no_views};
use crate::reading::{self, FailuresPage, FailuresQuery, RowPage, RowQuery};
use crate::record::Records;
use crate::report::Status;
use crate::split::Split;
use crate::stream::StreamSpec;

/// Where batches land.
///
/// A destination is the truth about what is already there: it stores the checkpoint beside the
/// records and moves both in one atomic step. One value serves all sources of a process; its calls
/// may overlap, except that the engine has at most one [`commit`](Self::commit) or
/// [`finish`](Self::finish) under way.
#[async_trait]
pub trait Destination: Send + Sync {
    /// Gets ready for `source`'s part of `run` and says what is already there: the start cursors, and
    /// the positions and finished streams of this same run, if it has been here before.
    ///
    /// Opens what there is, and finishes or sweeps what a crash left half done, but a run takes a
    /// source over only with its first commit or finish: not before does the destination drop the
    /// positions, and the unfinished rows of `replace` streams with their start cursors, of any other run of this
    /// source. So a run that finds nothing new writes nothing at all, and asking (as a dry run does) does no harm.
    /// Once another run has taken the source over, chunks of this one are refused as conflicts.
    async fn prepare(&self, run: &RunId, source: &SourceName, streams: &[StreamSpec]) -> Result<Checkpoint>;

    /// The processor's part of a write, done beside the reader and for many batches at once: finds
    /// the columns, encodes the rows. Records it cannot take become failures in the result; it never
    /// fails as a whole, waits, or touches a disk.
    fn stage(&self, run: &RunId, source: &SourceName, stream: &StreamName, records: &Records) -> Staged;

    /// Makes chunks durable, in their order, all in one atomic step: when this returns `Ok`, they
    /// survive a power cut, and after an `Err` or a crash either all or none of them are there.
    ///
    /// The inner results are one per chunk: a chunk whose step does not start where its split stands
    /// changes nothing and is a [`Conflict`](crate::ErrorKind::Conflict), or is answered with
    /// `already: true` if the split is at its `to`; the others are not affected. An outer
    /// [`Unavailable`](crate::ErrorKind::Unavailable) (locked, disk full) may be tried again with the
    /// same chunks. An ambiguous outcome is settled by the destination itself, by reading back.
    async fn commit(&self, chunks: &[Chunk]) -> Result<Vec<Result<Committed>>>;

    /// The end of a source's part of a run. Completes its streams whose splits are all done, in one atomic step: the new rows
    /// of `replace` streams take the place of the old, the start cursors hold from now on, also those that came with
    /// the rows of `replace` streams, the positions of those streams' splits are forgotten, and the streams are remembered as
    /// [`finished`](Checkpoint::finished) for as long as the run is. Without such streams it only is the moment of
    /// snapshots, and the checkpoint stays as it is. Repeating it changes nothing.
    async fn finish(&self, finish: &Finish) -> Result<()>;

    /// Removes old records and failures of a source: those loaded (`_busta_loaded_at`) before a time. One
    /// call is one batch and one atomic step, small enough not to keep a commit waiting; whoever calls
    /// goes on with [`Purged::next`] until it is `None`. To be killed in the middle costs nothing: the
    /// same purge can start again.
    ///
    /// The checkpoint stays as it is, so what was purged is not collected again unless the source gives
    /// it anew; a record of a key that was purged is then a new one. Rows of a run that is not finished
    /// stay. A destination of files drops whole files all of whose rows are old, and keeps the others.
    async fn purge(&self, purge: &Purge) -> Result<Purged> {
        Err(Error::config(format!("the destination of {} keeps its records", purge.source))
            .hint("remove `retention`"))
    }

    /// Whether it can do what the settings of a table ask for. The error is a clause that goes on after the
    /// destination's name.
    fn check_dataset(&self, settings: &DatasetSettings) -> Result<(), String> {
        settings.only_rows()
    }

    /// Column names and types that were added or widened since the last call, and what the settings of a table
    /// ask of columns that are not there, in words, for the activity feed.
    fn schema_changes(&self) -> Vec<SchemaChange>;

    /// The same data for reading.
    fn readable(&self) -> &dyn Readable;

    /// The past of its tables, and edits by hand, if it keeps them.
    fn history(&self) -> Option<&dyn History> {
        None
    }
}

/// A batch made ready by [`Destination::stage`].
pub struct Staged {
    /// How many records it holds.
    pub rows: u64,
    /// How many bytes of JSON they were.
    pub bytes: u64,
    /// How many bytes of memory it keeps.
    pub weight: usize,
    /// Records that the destination cannot take. The engine adds the batch's own failures.
    pub failures: Vec<Failure>,
    /// The destination's own form of the rows.
    pub body: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Staged({} rows, {} bytes)", self.rows, self.bytes)
    }
}

/// What is committed together for one batch of one split.
#[derive(Debug)]
pub struct Chunk {
    /// The run.
    pub run: RunId,
    /// The source.
    pub source: SourceName,
    /// The stream.
    pub stream: StreamName,
    /// How the split moves; `None` if only failures (of a split that could not be read) or start cursors are
    /// recorded.
    pub step: Option<Step>,
    /// The rows, if there are any.
    pub staged: Option<Staged>,
    /// What could not be read or transformed. Stored by [`Failure::id`], so that a failure met again
    /// is not stored twice. A step to `Done` removes the split's own failure, if there is one.
    pub failures: Vec<Failure>,
    /// The newest value of the cursor field so far in this split.
    pub high: Option<CursorValue>,
    /// Splits found in the batch, stored at position `Start`.
    pub found: Vec<Split>,
    /// Start cursors that hold from this commit on. Those of a `replace` stream are kept with its unfinished rows: they
    /// are in no checkpoint before the stream is finished.
    pub starts: Vec<(String, Cursor)>,
}

/// What became of a chunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// New rows.
    pub inserted: u64,
    /// Rows that replaced one with their key.
    pub updated: u64,
    /// Records dropped because the same or a newer one with their key is there.
    pub deduped: u64,
    /// Records that became failures.
    pub rejected: u64,
    /// The chunk had been committed before, and nothing was done.
    pub already: bool,
}

/// The end of a source's part of a run.
#[derive(Clone, Debug)]
pub struct Finish {
    /// The run.
    pub run: RunId,
    /// The source.
    pub source: SourceName,
    /// The streams that are complete.
    pub streams: Vec<StreamFinish>,
    /// How the source's part of the run ends.
    pub status: Status,
}

impl Finish {
    /// The end of a part of a run that came to its end.
    pub fn completed(run: RunId, source: SourceName, streams: Vec<StreamFinish>) -> Self {
        Self { run, source, streams, status: Status::Completed }
    }
}

/// A stream all of whose splits are done.
#[derive(Clone, Debug)]
pub struct StreamFinish {
    /// The stream.
    pub stream: StreamName,
    /// Where the next run starts, by key: the newest cursor value under the stream's name, or where each of its splits
    /// ended.
    pub starts: Vec<(String, Cursor)>,
}

/// What [`Destination::purge`] is to remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    /// The source whose records are old.
    pub source: SourceName,
    /// Records and failures from before this time go.
    pub older_than: DateTime<Utc>,
    /// About how many rows to look at and remove in one step, at least 1.
    pub batch: usize,
    /// Where the last batch ended.
    pub after: Option<String>,
}

/// What one batch of a purge has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// How many rows it removed.
    pub rows: u64,
    /// How many failures it removed.
    pub failures: u64,
    /// Where to go on; `None` if nothing old is left.
    pub next: Option<String>,
}

/// A column that appeared or was widened, or is missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaChange {
    /// The table.
    pub table: String,
    /// In words: `new column price (REAL)`, `price: INTEGER -> REAL`.
    pub change: String,
}

/// Reading back what has landed (`busta data`).
#[async_trait]
pub trait Readable: Send + Sync {
    /// The tables, by name.
    async fn tables(&self) -> Result<Vec<TableInfo>>;

    /// The columns of a table in their order; `NotFound` names the tables there are.
    async fn columns(&self, table: &str) -> Result<Vec<ColumnInfo>>;

    /// Reads rows as JSON objects, in the order in which they were stored, from a consistent view.
    /// Nested values come back as JSON, not as text.
    async fn scan(&self, table: &str) -> Result<Box<dyn Scan>>;

    /// Stored failures, oldest first: of one run or of all.
    async fn failures(&self, run: Option<&RunId>, limit: usize) -> Result<Vec<Failure>>;

    /// Reads a part of a table's rows: those that the filter holds for, in the order asked for. How
    /// values compare stands at [`reading`].
    ///
    /// Following [`RowPage::next`] to the end gives every row that is there all the while exactly once;
    /// one that is stored or removed meanwhile may come or not. Each page is read from a view of its
    /// own, never holds a writer back, and costs a bounded amount of work: it may hold few rows or none
    /// and still have a successor. An order that cannot be had within bounds is refused.
    ///
    /// Errors: `NotFound` names the tables there are; `Data` means a column that is not there, a
    /// condition that cannot hold, a cursor of another query, or an order that would take too long;
    /// `Conflict`, in destinations of files, that files were made anew since the last page, so that it
    /// has to begin again.
    async fn page(&self, query: &RowQuery) -> Result<RowPage> {
        reading::page_by_scan(self, query).await
    }

    /// Reads a part of the stored failures, newest first. `Data` means a cursor of another query.
    async fn failures_page(&self, query: &FailuresQuery) -> Result<FailuresPage> {
        reading::failures_by_list(self, query).await
    }

    /// The newest rows of a table with a view, newest first by its time, of equally new ones the one that was
    /// stored last. Pages are bounded as those of [`page`](Self::page) are.
    ///
    /// `NotFound` means that there is no such table, or no view of it; `Unavailable` that the view is being made of
    /// what was there before; `Data` a cursor of another query. So it is for the other two.
    async fn recent(&self, query: &RecentQuery) -> Result<RowPage> {
        Err(no_views(&query.table))
    }

    /// The sentiment of a table's rows over time.
    async fn sentiment(&self, query: &SentimentQuery) -> Result<SentimentStats> {
        Err(no_views(&query.table))
    }

    /// Which rows and which words of a table are rising.
    async fn trending(&self, query: &TrendingQuery) -> Result<Trending> {
        Err(no_views(&query.table))
    }
}

/// A read in progress.
#[async_trait]
pub trait Scan: Send {
    /// The next rows (about a thousand), or `None` at the end.
    async fn next(&mut self) -> Result<Option<Records>>;
}

/// A table of a destination.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TableInfo {
    /// Its name.
    pub name: String,
    /// How many rows it has.
    pub rows: u64,
    /// How many bytes it takes, where the destination can tell.
    pub bytes: Option<u64>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ColumnInfo {
    /// Its name.
    pub name: String,
    /// Its type in the destination's own words.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it belongs to the primary key.
    pub primary_key: bool,
}
