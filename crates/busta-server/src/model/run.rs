use std::collections::BTreeMap;

use busta_core::report::RunReport;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{HostView, Limit, PoolView};

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// It waits for its turn.
    Queued,
    /// It is under way.
    Running,
    /// Its process is gone without having said how it ended; it can be resumed.
    Interrupted,
    /// All of it was collected.
    Completed,
    /// Some of it could not be collected.
    Partial,
    /// Nothing of it could be collected.
    Failed,
    /// It was stopped before its end; it can be resumed.
    Cancelled,
    /// It was given up: nobody resumes it.
    Abandoned,
}

/// What started a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// A command line.
    Command,
    /// A schedule.
    Schedule,
    /// A run that a schedule missed while nobody was there.
    CatchUp,
    /// A request to this API.
    Api,
    /// The server, which found it cut off when it started.
    Resume,
}

/// Which runs to list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct RunQuery {
    /// Only those that stand so.
    pub state: Option<RunState>,
    /// Only those that collect this source.
    pub source: Option<String>,
    /// How many at most.
    #[param(inline, required = false)]
    pub limit: Limit,
    /// Where the last part ended.
    pub cursor: Option<String>,
}

/// What a run has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunTotals {
    /// Records that are new or changed in the destination.
    pub records: u64,
    /// Bytes received or read.
    pub bytes: u64,
    /// HTTP requests.
    pub requests: u64,
    /// Attempts beyond the first.
    pub retries: u64,
    /// Records and splits in the failures store.
    pub failures: u64,
    /// Splits that are done.
    pub splits: u64,
}

/// A run in a list, newest first.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RunSummary {
    /// Its id; ids sort by time.
    pub id: String,
    /// How it stands.
    pub state: RunState,
    /// What started it.
    pub trigger: Trigger,
    /// Its sources.
    pub sources: Vec<String>,
    /// When it began, or was queued.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// How long it took, or has taken so far, in seconds.
    pub duration_s: f64,
    /// What it has done.
    pub totals: RunTotals,
}

/// A run, whole.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RunDetail {
    /// What the list shows.
    #[serde(flatten)]
    pub summary: RunSummary,
    /// Whether it reads everything again.
    pub full_refresh: bool,
    /// How many records of each stream it collects at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Its sources.
    pub by_source: Vec<SourceRun>,
    /// What is happening now; only of a live run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveRun>,
    /// The run's report, as `busta sources collect --json` prints it; only of a run that has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub report: Option<RunReport>,
}

/// One source's part of a run.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SourceRun {
    /// The source.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// How its part stands.
    pub state: RunState,
    /// Splits that are known so far.
    pub splits_known: u64,
    /// Splits being read.
    pub in_flight: u64,
    /// What it has done.
    pub totals: RunTotals,
    /// Where its time went.
    pub time: TimeSpent,
    /// How far the parts of its work are, in their order; absent if it is not made of parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<PhaseProgress>,
    /// What its requests have cost, if its `budget:` says what one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// How many requests it is expected to take; absent if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<u64>,
    /// Why it was ended before its end, if its own settings ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<StoppedView>,
    /// Why all of it waits, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<String>,
    /// The first thing that went wrong for good, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How far one part of a source's work is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PhaseProgress {
    /// Its name.
    pub phase: String,
    /// Splits that are done.
    pub splits_done: u64,
    /// Splits that are known so far.
    pub splits_total: u64,
    /// Records that are new or changed in the destination.
    pub records: u64,
}

/// Why a source's part of a run was ended before its end by its own settings; what is missing is collected
/// when the run is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoppedView {
    /// What has ended it: `budget`, or `failures`, after which the source is paused.
    pub by: String,
    /// In words.
    pub reason: String,
}

/// Where time went, in seconds, summed over the workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TimeSpent {
    /// Waiting for what a host allows: rates, `Retry-After`, retries. This holds no worker.
    pub limits_s: f64,
    /// Waiting for the server or the disk.
    pub server_s: f64,
    /// Making records of what came.
    pub parse_s: f64,
    /// Transforming and measuring them.
    pub transform_s: f64,
    /// Writing them.
    pub write_s: f64,
}

/// A run while it is under way.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LiveRun {
    /// Since its start, in seconds.
    pub elapsed_s: f64,
    /// Records a second over the last seconds.
    pub records_per_s: f64,
    /// Bytes a second over the last seconds.
    pub bytes_per_s: f64,
    /// When it will be done, in seconds from now, as far as the known splits tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_s: Option<f64>,
    /// Splits being read.
    pub in_flight: u64,
    /// Splits that wait.
    pub queued: u64,
    /// Whether it has been told to stop.
    pub stopping: bool,
    /// Its workers, those that are idle among them.
    pub workers: Vec<WorkerView>,
    /// How full its pools are.
    pub pools: Vec<PoolView>,
    /// The hosts that get less than the configuration allows.
    pub held_back: Vec<HostView>,
}

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WorkerAction {
    /// Nothing.
    Idle,
    /// It opens a split.
    Opening,
    /// It waits for the server or the disk.
    Fetching,
    /// It transforms and measures records.
    Transforming,
    /// It encodes records, or waits for the destination to take them.
    Writing,
}

/// A worker of a live run: one place of the run's concurrency.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WorkerView {
    /// Its number, from 1.
    pub worker_id: u32,
    /// What it does.
    pub action: WorkerAction,
    /// What it reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// The split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// The part of the source's work that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// What the split is about, by name: without secrets, long values cut.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub subject: BTreeMap<String, String>,
    /// How long it has been reading this split, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_s: Option<f64>,
    /// Batches of this split so far.
    pub batches: u64,
    /// Records of this split so far.
    pub records: u64,
    /// Which attempt at the split this is, from 1.
    pub attempt: u32,
    /// Splits that this worker has finished in this run.
    pub splits_done: u64,
    /// Records that this worker has read in this run.
    pub records_done: u64,
}
