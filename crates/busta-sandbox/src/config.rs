//! What a sandbox is started with.

use std::collections::BTreeMap;

use busta_core::units::ByteSize;
use serde::{Deserialize, Serialize};

use crate::profile::Profile;

/// What a sandbox is started with. The default suits tests: a free port, 1,000 records in each
/// stream, no latency, no limits, no faults.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxConfig {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// On how many ports it listens; those after the first are free ones. Each is a host of its own
    /// to clients that keep limits by host; routes, data and judge are the same for all.
    pub hosts: u16,
    /// What all data is drawn from: the same seed gives the same records and entries.
    pub seed: u64,
    /// How many records a stream has.
    pub records: u64,
    /// How many records single streams have, by name.
    pub streams: BTreeMap<String, u64>,
    /// How all routes behave, unless said otherwise.
    pub profile: Profile,
    /// How routes behave whose path starts with the key, such as `/rest/page/orders`; the longest
    /// key counts, and what it does not set comes from [`profile`](Self::profile).
    pub routes: BTreeMap<String, Profile>,
    /// Path prefixes that the judge counts on their own, besides what it counts anyway.
    pub groups: Vec<String>,
    /// How much memory rendered pages may take.
    pub cache: ByteSize,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            port: 0,
            hosts: 1,
            seed: 42,
            records: 1000,
            streams: BTreeMap::new(),
            profile: Profile::default(),
            routes: BTreeMap::new(),
            groups: Vec::new(),
            cache: ByteSize(192 << 20),
        }
    }
}
