use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{BudgetView, HostView, RunSummary, SettingsView};

/// How a source does, by its last runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceHealth {
    /// Its last run completed.
    Ok,
    /// Its last run completed in part.
    Degraded,
    /// Its last run failed.
    Failing,
    /// It has never been collected.
    Unknown,
}

/// A source in a list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SourceView {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The preset of its type that is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// Whether it is collected without being named.
    pub enabled: bool,
    /// Who goes first when there is not room for all: `critical`, `high`, `normal`, `low`.
    pub priority: String,
    /// Where it lands, in words.
    pub destination: String,
    /// How it does.
    pub health: SourceHealth,
    /// What went wrong last, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The run that collects it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<String>,
    /// Its last run that ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<RunSummary>,
    /// How many of that run's records are of this source; absent if the run ended without a report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_records: Option<u64>,
    /// When it is collected by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleView>,
    /// That it is paused, whether it has a schedule or not; absent if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<PauseView>,
    /// Requests since the server started.
    pub requests: u64,
    /// The median of its response times since the server started, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_p50_ms: Option<f64>,
    /// The 99th percentile of its response times since the server started, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_p99_ms: Option<f64>,
    /// Requests under way now.
    pub in_flight: u64,
    /// How many requests at once its hosts were found to bear; absent if as many as were wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_concurrency: Option<u64>,
}

/// That a source is paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PauseView {
    /// Since when.
    pub since: DateTime<Utc>,
    /// Why, in words, if it was paused by itself after too many failures; absent if somebody has paused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it is looked next whether it answers again, and goes on by itself if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_probe_at: Option<DateTime<Utc>>,
}

/// When a source is collected by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ScheduleView {
    /// In words: `every 30m`, `cron 0 4 * * * (Europe/Berlin)`, `auto`.
    pub words: String,
    /// Whether it is paused, by somebody or by itself.
    pub paused: bool,
    /// The next time; absent while it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<DateTime<Utc>>,
    /// The last time that it was due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_due_at: Option<DateTime<Utc>>,
    /// What happens when it is due while it is still running: `skip` or `queue`.
    pub overlap: String,
}

/// A source, whole.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SourceDetail {
    /// What the list shows.
    #[serde(flatten)]
    pub summary: SourceView,
    /// Its streams.
    pub streams: Vec<StreamView>,
    /// Its hosts, as far as they were asked since the server started.
    pub hosts: Vec<HostView>,
    /// Its next times.
    pub upcoming: Vec<DateTime<Utc>>,
    /// Its last runs, newest first.
    pub recent_runs: Vec<RunSummary>,
    /// What the last run measured of its records: a list with one object per stream.
    #[schema(value_type = Vec<Object>)]
    pub quality: Vec<busta_core::quality::StreamQuality>,
    /// What it may use; absent if it may use whatever it needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetView>,
    /// How it is configured.
    pub settings: SettingsView,
}

/// A stream of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StreamView {
    /// Its name.
    pub name: String,
    /// The table it lands in.
    pub table: String,
    /// The fields that tell records apart.
    pub primary_key: Vec<String>,
    /// `append`, `merge` or `replace`.
    pub write_mode: String,
    /// The field that only grows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor_field: Option<String>,
}
