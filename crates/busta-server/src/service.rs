//! The port between the API and what it serves.

use async_trait::async_trait;
use busta_core::Result;
use busta_core::destination::Scan;
use busta_core::reading::RowPage;

use crate::model::{
    Accepted, ActivityEvent, ActivityQuery, CollectRequest, Dataset, DatasetSchema, FailureGroup,
    FailureQuery, FailureView, GroupBy, Health, Overview, Page, PageQuery, Readiness, RecordQuery, Resources,
    RunDetail, RunQuery, RunSummary, SourceDetail, SourceView,
};

/// A table that is being exported: its columns, and its rows as JSON objects.
pub struct RecordScan {
    /// The names of the columns in their order.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Box<dyn Scan>,
}

/// What the API asks.
///
/// The calls that are not `async` answer from memory, at once; the others may read a database, never on
/// the calling thread. Errors become problem documents by their kind: `Config` and `Data` say that the
/// request is wrong (400), `NotFound` 404, `Conflict` 409, `RateLimited` 429, `Unavailable` 503, and all
/// others 500 without details. Lists check their `cursor` themselves.
#[async_trait]
pub trait Service: Send + Sync + 'static {
    /// The process, for liveness probes.
    fn health(&self) -> Health;

    /// Whether sources, state and destinations can be used.
    fn readiness(&self) -> Readiness;

    /// Everything at a glance.
    fn overview(&self) -> Overview;

    /// The sources in the order of the configuration.
    fn sources(&self, part: &PageQuery) -> Result<Page<SourceView>>;

    /// One source.
    async fn source(&self, name: &str) -> Result<SourceDetail>;

    /// Pauses a source's schedule until somebody resumes it, over restarts too. A run under way goes on.
    async fn pause(&self, source: &str) -> Result<SourceView>;

    /// Lets a paused source go on, whoever has paused it.
    async fn resume(&self, source: &str) -> Result<SourceView>;

    /// Starts a run. While one of its sources is being collected it is queued or refused (`Conflict`,
    /// whose message names that run), as configured.
    async fn collect(&self, request: CollectRequest) -> Result<Accepted>;

    /// Runs, newest first.
    async fn runs(&self, query: RunQuery) -> Result<Page<RunSummary>>;

    /// One run, by its id or the beginning of it.
    async fn run(&self, id: &str) -> Result<RunDetail>;

    /// Stops a run that is under way within a second; it can be resumed. One that waits is taken out of
    /// the queue, one that has ended unfinished is given up.
    async fn cancel(&self, id: &str) -> Result<RunSummary>;

    /// Goes on with what a run could not collect.
    async fn retry(&self, id: &str) -> Result<Accepted>;

    /// Failures, newest first.
    async fn failures(&self, query: FailureQuery) -> Result<Page<FailureView>>;

    /// Failures by what they have in common, the most frequent first.
    async fn failure_groups(&self, query: FailureQuery, by: GroupBy) -> Result<Vec<FailureGroup>>;

    /// Events that have happened, newest first, from the store.
    async fn history(&self, query: ActivityQuery) -> Result<Page<ActivityEvent>>;

    /// The tables of all destinations.
    async fn datasets(&self, part: PageQuery) -> Result<Page<Dataset>>;

    /// One table.
    async fn dataset(&self, name: &str) -> Result<DatasetSchema>;

    /// Rows of a table as JSON objects.
    async fn records(&self, name: &str, query: RecordQuery) -> Result<RowPage>;

    /// A whole table, from a consistent view.
    async fn export(&self, name: &str) -> Result<RecordScan>;

    /// What the process uses.
    fn resources(&self) -> Resources;

    /// The metrics in Prometheus' text format, version 0.0.4.
    fn metrics(&self) -> String;
}
