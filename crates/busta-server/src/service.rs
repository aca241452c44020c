//! The port between the API and what it serves.

use async_trait::async_trait;
use busta_core::Result;
use busta_core::destination::Scan;
use busta_core::reading::RowPage;
use busta_core::reading::history::EditWork;

use crate::model::{
    Accepted, ActivityEvent, ActivityQuery, Change, ChangeQuery, CollectRequest, Dataset, DatasetSchema,
    Difference, DifferenceQuery, Edited, Episode, FailureGroup, FailureQuery, FailureView, GroupBy, Health,
    Overview, Page, PageQuery, Readiness, RecentQuery, RecordQuery, Resources, RunDetail, RunQuery,
    RunSummary, SentimentStats, SnapshotMark, SourceDetail, SourceView, StatsQuery, Trending, TrendingQuery,
};
use crate::security::TokenHash;

/// A table that is being exported: its columns, and its rows as JSON objects.
pub struct RecordScan {
    /// The names of the columns in their order.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Box<dyn Scan>,
}

/// An edit of records by hand.
#[derive(Clone, Debug)]
pub struct EditRequest {
    /// The table.
    pub table: String,
    /// Whose records, if the client says so.
    pub source: Option<String>,
    /// With which token; `None` where none is needed.
    pub by: Option<TokenHash>,
    /// What is done.
    pub work: EditWork,
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
    async fn failure_groups(&self, query: FailureQuery, by: GroupBy) -> Result<Page<FailureGroup>>;

    /// Events that have happened, newest first, from the store.
    async fn history(&self, query: ActivityQuery) -> Result<Page<ActivityEvent>>;

    /// The tables of all destinations.
    async fn datasets(&self, part: PageQuery) -> Result<Page<Dataset>>;

    /// One table.
    async fn dataset(&self, name: &str) -> Result<DatasetSchema>;

    /// Rows of a table as JSON objects.
    async fn records(&self, name: &str, query: RecordQuery) -> Result<RowPage>;

    /// The newest records of a table with a view; of the usual one if none is named, as for the next two.
    async fn recent(&self, dataset: Option<&str>, query: RecentQuery) -> Result<RowPage>;

    /// The sentiment of its records over time.
    async fn sentiment(&self, dataset: Option<&str>, query: StatsQuery) -> Result<SentimentStats>;

    /// What is rising in it.
    async fn trending(&self, dataset: Option<&str>, query: TrendingQuery) -> Result<Trending>;

    /// A whole table, from a consistent view.
    async fn export(&self, name: &str) -> Result<RecordScan>;

    /// What happened to a table, newest first.
    async fn episodes(&self, name: &str, part: PageQuery) -> Result<Page<Episode>>;

    /// Entries of a table's change log.
    async fn changes(&self, name: &str, query: ChangeQuery) -> Result<Page<Change>>;

    /// The ends of runs as a table saw them, newest first.
    async fn snapshots(&self, name: &str, part: PageQuery) -> Result<Page<SnapshotMark>>;

    /// Rows of a table as they were at a place: a run, `seq:N`, or a time.
    async fn past_records(&self, name: &str, place: &str, part: PageQuery) -> Result<RowPage>;

    /// The difference of two places.
    async fn difference(&self, name: &str, query: DifferenceQuery) -> Result<Difference>;

    /// Changes rows by hand, all in one step.
    async fn edit(&self, request: EditRequest) -> Result<Edited>;

    /// What the process uses.
    fn resources(&self) -> Resources;

    /// The metrics in Prometheus' text format, version 0.0.4.
    fn metrics(&self) -> String;
}
