use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Limit;

/// Which failures to list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct FailureQuery {
    /// Only those of this run.
    pub run: Option<String>,
    /// Only those of this source.
    pub source: Option<String>,
    /// Only those of this kind of error.
    pub kind: Option<String>,
    /// How many at most.
    #[param(inline, required = false)]
    pub limit: Limit,
    /// Where the last part ended.
    pub cursor: Option<String>,
}

/// A record or split that could not be read, transformed or written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailureView {
    /// Its identity: the same failure met again in the same run has the same one.
    pub id: String,
    /// The run.
    pub run_id: String,
    /// The source.
    pub source: String,
    /// The stream.
    pub stream: String,
    /// The split.
    pub split: String,
    /// Where in the split; absent if the whole split failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// How far it came: `read`, `parse`, `transform`, `write`.
    pub stage: String,
    /// What kind of error.
    pub kind: String,
    /// In words, with what to do about it.
    pub reason: String,
    /// The thing itself as far as it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// By what failures are grouped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum GroupBy {
    /// By source, stage, kind and what their reasons have in common.
    #[default]
    Reason,
    /// By source.
    Source,
    /// By kind of error.
    Kind,
}

/// Failures that have something in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailureGroup {
    /// What they have in common, in words.
    pub title: String,
    /// The source; absent if there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The kind of error; absent if there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// How far they came; absent if it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// How many there are.
    pub count: u64,
    /// The first.
    pub first_at: DateTime<Utc>,
    /// The last.
    pub last_at: DateTime<Utc>,
    /// The runs they are of, newest first, at most ten. `POST /runs/{id}/retry` tries them again.
    pub runs: Vec<String>,
    /// One of them.
    pub example: FailureView,
}
