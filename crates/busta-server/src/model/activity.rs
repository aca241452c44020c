use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Limit;

/// One thing that happened. Fields that do not apply are absent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ActivityEvent {
    /// Its place in the feed: ids only grow, also over restarts. Also the `id` of the SSE message, so
    /// that `Last-Event-ID` goes on behind it.
    pub id: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// The run.
    pub run: String,
    /// Who: the worker, from 1; 0 is the system.
    pub worker_id: u32,
    /// What: `started`, `fetching`, `found`, `retrying`, `rate_limited`, `paused`, `resumed`, `adapted`,
    /// `warning`, `error`, `uploading`, `inserted`, `updated`, `deduped`, `schema`, `complete`.
    pub action: String,
    /// The source.
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
    /// How many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// How long it took, or will take, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Which attempt, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// What kind of error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How far it came when it failed: `read`, `parse`, `transform`, `write`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Of what, without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// In words, without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Which events to show. Several values of one field are separated by commas.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct ActivityQuery {
    /// Only of these runs.
    pub run: Option<String>,
    /// Only of these sources.
    pub source: Option<String>,
    /// Only of these workers.
    #[param(pattern = "^([0-9]{1,9}(,[0-9]{1,9})*)?$")]
    pub worker: Option<String>,
    /// Only these actions.
    #[param(example = "error,retrying")]
    pub action: Option<String>,
    /// Only of these parts of their source's work.
    pub phase: Option<String>,
    /// How many at most; of the history only.
    #[param(inline, required = false)]
    pub limit: Limit,
    /// Where the last part ended; of the history only.
    pub cursor: Option<String>,
    /// A ticket of `POST /activity/ticket`, for clients that cannot send a header; of the stream only.
    pub ticket: Option<String>,
}
