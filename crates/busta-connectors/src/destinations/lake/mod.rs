//! Files in one folder per table, on a local disk: what the destinations `ndjson`, `parquet` and `stac` share.
//! They differ in their [`Format`].
//!
//! # Exactly once
//!
//! A reader that globs `lake/<table>/*` sees only complete files of committed rows. Rows wait in
//! `lake/_busta/staging` until their file has its full size or their stream is finished; one line of
//! `lake/_busta/manifest.ndjson` is what commits them, together with the step of the checkpoint (see
//! [`commit`], [`manifest`]). After a crash at any point, opening the folder brings the files in line
//! with the manifest ([`writer`]).
//!
//! Rows wait as lines of JSON. Where complete files are the same, a segment is moved as it is;
//! where they are not, it is the log from which they are made ([`remake`]), mostly [`ahead`] of time.
//! They take its place with the same kind of line that drops superseded rows. Where files have columns, and so
//! has a batch when it comes, its rows wait as a [`block`] of them, and no text is made of any.
//!
//! # Write modes
//!
//! Rows of `append` streams become visible file by file. Rows of `merge` and `replace` streams become
//! visible as files when the stream is finished: a merge then drops the rows that are superseded
//! ([`merge`], [`remake`]), a replace drops the source's older files. Between the renames and the
//! removals of one finish, which take milliseconds, a globbing reader may see both. Reading through
//! busta ([`read`]) is always from one moment, and sees the rows of merge streams from their commit
//! on, without superseded ones.
//!
//! A merge writes its rows without looking at what is stored; what is superseded is found at the
//! finish. Batches in the order of their keys, which is how archives come, tell no more of them than the least and
//! the greatest ([`span`]), and nothing else is looked at unless two batches have keys between the same two
//! ([`contest`]). Of all other batches every key is kept beside the rows ([`sidecar`]).
//!
//! How many records are new, changed or unchanged is counted exactly as long as no two batches meet, or the keys of
//! the open streams fit into a bounded index ([`index`]); beyond that, records count as inserted. A
//! merge stream that is not finished because a split failed becomes visible when the next run takes its source over.
//!
//! # Columns
//!
//! Where files have types and a column gets a wider one, the older files are brought to it after the finish ([`even`]).
//!
//! Nothing has to be declared for lines of JSON, so new and changed fields never fail; they are
//! reported as schema changes (see [`stage`] for what that costs and how exact it is).

mod ahead;
mod block;
mod columns;
mod commit;
mod config;
mod content;
mod contest;
mod even;
mod failures;
mod filter;
mod finish;
mod format;
mod index;
mod keys;
mod layout;
mod lines;
mod manifest;
mod merge;
mod page;
mod points;
mod purge;
mod read;
mod remake;
mod rows;
mod segment;
mod sidecar;
mod span;
mod stage;
mod state;
mod trouble;
mod typed;
mod view;
mod writer;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use busta_core::clock::Clock;
use busta_core::destination::{ColumnInfo, Purge, Purged, Readable, Scan, SchemaChange, TableInfo};
use busta_core::reading::{FailuresPage, FailuresQuery, RowPage, RowQuery};
use busta_core::{
    Checkpoint, Chunk, Committed, DatasetSettings, Destination, Failure, Finish, Records, Result,
};
use busta_core::{RunId, SourceName, Staged, StreamName, StreamSpec};

pub(super) use block::Block;
pub(super) use config::{file_size_problem, path_problem};
pub(super) use format::{FileMaker, Form, Format, Made, MadeFile, Pages, Paths};
pub(super) use lines::LineMaker;
pub(super) use points::{Points, points};
pub(super) use trouble::io_error;

use commit::Part;
use layout::Layout;
use stage::Stager;
use view::View;
use writer::{Lake, Prepared};

use crate::blocking::trying;

/// Files in one folder per table.
pub(super) struct LakeDestination {
    stager: Stager,
    folder: Arc<Folder>,
    changes: Mutex<Vec<SchemaChange>>,
}

/// The folder, opened by the first call that writes.
struct Folder {
    layout: Layout,
    opened: Mutex<Opened>,
}

#[derive(Default)]
struct Opened {
    lake: Option<Lake>,
    /// What was prepared, kept while the folder is gone.
    prepared: Prepared,
}

impl LakeDestination {
    /// A destination of files of `format` below `root`; nothing is read or written yet.
    pub(super) fn new(format: Arc<dyn Format>, root: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self {
            stager: Stager::new(clock, Arc::clone(&format)),
            folder: Arc::new(Folder { layout: Layout::new(root, format), opened: Mutex::default() }),
            changes: Mutex::default(),
        }
    }

    async fn view<T: Send + 'static>(
        &self,
        read: impl FnOnce(&View) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let folder = Arc::clone(&self.folder);
        trying(move || read(&folder.view()?)).await
    }
}

impl Folder {
    /// Runs an operation on the opened folder. Only `create` makes a folder that is not there: one
    /// that has vanished in the middle of a run is trouble, not a fresh start.
    fn write<T>(&self, create: bool, operation: impl FnOnce(&mut Lake) -> Result<T>) -> Result<T> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let Opened { lake: place, prepared } = &mut *opened;
        // The lock goes with it, so that the folder can be opened anew.
        if let Some(lost) = place.take_if(|lake| lake.check_place().is_err()) {
            *prepared = lost.prepared;
        }
        let lake = match place {
            Some(lake) => lake,
            none => {
                if !create && !self.layout.manifest().exists() {
                    return Err(trouble::gone(self.layout.root()));
                }
                let lake = none.insert(Lake::open(&self.layout)?);
                lake.prepared = std::mem::take(prepared);
                lake
            }
        };
        operation(lake)
    }

    fn view(&self) -> Result<View> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        match &opened.lake {
            Some(lake) => Ok(View::of(lake)),
            None => View::read(&self.layout),
        }
    }
}

#[async_trait]
impl Destination for LakeDestination {
    async fn prepare(&self, run: &RunId, source: &SourceName, streams: &[StreamSpec]) -> Result<Checkpoint> {
        self.stager.learn(source, streams);
        let (folder, run, source, streams) =
            (Arc::clone(&self.folder), run.clone(), source.clone(), streams.to_vec());
        trying(move || folder.write(true, |lake| lake.prepare(&run, &source, &streams))).await
    }

    fn stage(&self, run: &RunId, source: &SourceName, stream: &StreamName, records: &Records) -> Staged {
        self.stager.stage(run, source, stream, records)
    }

    async fn commit(&self, chunks: &[Chunk]) -> Result<Vec<Result<Committed>>> {
        let parts = chunks.iter().map(Part::of).collect::<Result<Vec<_>>>()?;
        let folder = Arc::clone(&self.folder);
        let (outcomes, changes) = trying(move || folder.write(false, |lake| lake.commit(&parts))).await?;
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).extend(changes);
        Ok(outcomes)
    }

    async fn finish(&self, finish: &Finish) -> Result<()> {
        let (folder, finish) = (Arc::clone(&self.folder), finish.clone());
        trying(move || folder.write(false, |lake| lake.finish(&finish))).await
    }

    async fn purge(&self, purge: &Purge) -> Result<Purged> {
        let (folder, purge) = (Arc::clone(&self.folder), purge.clone());
        trying(move || purge::run(&folder, &purge)).await
    }

    fn check_dataset(&self, settings: &DatasetSettings) -> Result<(), String> {
        DatasetSettings { ignore_changes: Vec::new(), ..settings.clone() }.only_rows()
    }

    fn schema_changes(&self) -> Vec<SchemaChange> {
        std::mem::take(&mut *self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn readable(&self) -> &dyn Readable {
        self
    }
}

#[async_trait]
impl Readable for LakeDestination {
    async fn tables(&self) -> Result<Vec<TableInfo>> {
        self.view(read::tables).await
    }

    async fn columns(&self, table: &str) -> Result<Vec<ColumnInfo>> {
        let table = table.to_owned();
        self.view(move |view| read::columns(view, &table)).await
    }

    async fn scan(&self, table: &str) -> Result<Box<dyn Scan>> {
        let table = table.to_owned();
        let scan = self.view(move |view| read::scan(view, &table)).await?;
        Ok(Box::new(scan))
    }

    async fn failures(&self, run: Option<&RunId>, limit: usize) -> Result<Vec<Failure>> {
        let run = run.cloned();
        self.view(move |view| failures::read(&view.layout, view.failures, run.as_ref(), limit)).await
    }

    async fn page(&self, query: &RowQuery) -> Result<RowPage> {
        let query = query.clone();
        self.view(move |view| page::read(view, &query)).await
    }

    async fn failures_page(&self, query: &FailuresQuery) -> Result<FailuresPage> {
        let query = query.clone();
        self.view(move |view| failures::page(&view.layout, view.failures, &query)).await
    }
}
