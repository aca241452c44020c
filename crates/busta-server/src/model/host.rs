use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A host, for one credential.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HostView {
    /// `host:port`.
    pub host: String,
    /// Requests under way.
    pub in_flight: u64,
    /// How many requests at once it was found to bear; absent if as many as were wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// How many requests a second it was found to bear; absent if no such limit was met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Whether it is left alone for a while after too many failures in a row.
    pub paused: bool,
    /// Requests since the server started.
    pub requests: u64,
    /// Those that it answered with 429 or 503.
    pub limited: u64,
    /// The mean of what its answers took, in milliseconds.
    pub latency_mean_ms: f64,
}

/// A pool: the places that sources of one type share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PoolView {
    /// Its name.
    pub name: String,
    /// How many places it has; absent if they are not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<u64>,
    /// How many are taken.
    pub taken: u64,
    /// How many splits wait for one.
    pub waiting: u64,
}
