use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{RunSummary, RunTotals};

/// The process is alive.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    pub status: String,
    /// The version of busta.
    pub version: String,
    /// Since the start, in seconds.
    pub uptime_s: f64,
}

/// Whether the service can do its work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// Whether it can.
    pub ready: bool,
    /// What is missing, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// Everything at a glance.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Overview {
    /// The version of busta.
    pub version: String,
    /// When the server started.
    pub started_at: DateTime<Utc>,
    /// The time of this answer.
    pub now: DateTime<Utc>,
    /// How many sources there are.
    pub sources: u64,
    /// How many of them do well.
    pub sources_ok: u64,
    /// How many of them fail, in part or whole.
    pub sources_failing: u64,
    /// How many schedules are paused.
    pub sources_paused: u64,
    /// Runs under way and waiting, newest first.
    pub live_runs: Vec<RunSummary>,
    /// The last runs that ended, newest first, at most ten.
    pub recent_runs: Vec<RunSummary>,
    /// What was done since the server started.
    pub totals: RunTotals,
    /// Throughput over the last hour, oldest first.
    pub throughput: Vec<ThroughputSample>,
    /// The next source that is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_due_at: Option<DateTime<Utc>>,
}

/// Throughput over one interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ThroughputSample {
    /// The end of the interval.
    pub at: DateTime<Utc>,
    /// Records a second.
    pub records_per_s: f64,
    /// Bytes a second.
    pub bytes_per_s: f64,
    /// Requests a second.
    pub requests_per_s: f64,
}
