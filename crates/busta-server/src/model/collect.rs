use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::run::RunState;

/// What to collect now. All fields may be left out: then every enabled source is collected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CollectRequest {
    /// The sources; empty means all that are enabled.
    pub sources: Vec<String>,
    /// Read everything again instead of going on from where the last run ended.
    pub full_refresh: bool,
    /// Stop each stream with the batch that reaches so many records.
    #[schema(minimum = 1)]
    #[serde(deserialize_with = "whole")]
    pub limit: Option<u64>,
}

/// How to collect one source now. All fields may be left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SourceCollectRequest {
    /// Read everything again instead of going on from where the last run ended.
    pub full_refresh: bool,
    /// Stop each stream with the batch that reaches so many records.
    #[schema(minimum = 1)]
    #[serde(deserialize_with = "whole")]
    pub limit: Option<u64>,
}

/// How to try again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetryRequest {}

/// A run was started, or waits for its turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Accepted {
    /// The run.
    pub run_id: String,
    /// `running`, or `queued` behind a run of one of its sources.
    pub state: RunState,
    /// Its sources.
    pub sources: Vec<String>,
    /// The run it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// What the sources with a `budget:` are expected to take, as far as that is known before their work is
    /// planned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub estimates: Vec<EstimateView>,
}

/// What collecting a source is expected to take: what its last complete run took. Once its work is planned,
/// the run's own detail has a better estimate, and that is what its budget is held against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EstimateView {
    /// The source.
    pub source: String,
    /// Requests; absent if no run of it was complete yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// What they cost, if its budget says what one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// How many requests its budget allows a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<u64>,
}

/// The largest number of `int64`, as which the description gives it.
const MOST: u64 = i64::MAX as u64;

/// A whole number as JSON Schema has it: `623.0` is one too.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(deserializer)? else { return Ok(None) };
    let rounded =
        || number.as_f64().filter(|n| n.fract() == 0.0 && (0.0..9e15).contains(n)).map(|n| n as u64);
    let whole = number.as_u64().or_else(rounded).filter(|whole| *whole <= MOST);
    whole
        .map(Some)
        .ok_or_else(|| D::Error::custom(format!("{number} is not a whole number that can be counted to")))
}
