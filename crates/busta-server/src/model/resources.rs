use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{HostView, PoolView};

/// What the process uses.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Resources {
    /// Processors of the machine.
    pub processors: u64,
    /// Memory of the machine, in bytes; absent where the system does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_total_bytes: Option<u64>,
    /// The most memory that the process has held, in bytes.
    pub memory_peak_bytes: u64,
    /// How many file descriptors it may open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_descriptors_max: Option<u64>,
    /// Samples of the last hour, oldest first.
    pub samples: Vec<ResourceSample>,
    /// How full the pools are.
    pub pools: Vec<PoolView>,
    /// The hosts that were asked most.
    pub hosts: Vec<HostView>,
}

/// What the process used at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ResourceSample {
    /// When.
    pub at: DateTime<Utc>,
    /// Processors in use since the sample before: 1.5 is one and a half.
    pub processors: f64,
    /// Memory held, in bytes.
    pub memory_bytes: u64,
    /// Open file descriptors.
    pub file_descriptors: u64,
    /// Bytes a second that collecting received over the network since the sample before.
    pub received_bytes_per_s: f64,
    /// Tasks of the runtime that collects.
    pub tasks: u64,
}
