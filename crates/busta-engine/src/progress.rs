//! The published picture of a run, for whoever shows it.

use std::time::Duration;

use busta_core::report::{HostReport, Status};
use busta_core::{RunId, SourceName};

/// A run at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The run.
    pub run: RunId,
    /// Since its start.
    pub elapsed: Duration,
    /// Its sources, in the order of the configuration.
    pub sources: Vec<SourceProgress>,
    /// Splits being read.
    pub in_flight: usize,
    /// Splits that wait.
    pub queued: usize,
    /// When it will be done, as far as the splits that are known tell.
    pub eta: Option<Duration>,
    /// Whether it has been told to stop.
    pub stopping: bool,
    /// The hosts that get less than the configuration allows, because they bear no more.
    pub held_back: Vec<HostReport>,
}

/// A source at one moment.
#[derive(Clone, Debug)]
pub struct SourceProgress {
    /// The source.
    pub name: SourceName,
    /// Its type.
    pub kind: String,
    /// How it stands.
    pub status: Status,
    /// Splits that are done.
    pub splits_done: usize,
    /// Splits that are known so far.
    pub splits_known: usize,
    /// Splits being read.
    pub in_flight: usize,
    /// Records that are new or changed in the destination.
    pub records: u64,
    /// Bytes received or read.
    pub bytes: u64,
    /// Requests.
    pub requests: u64,
    /// Attempts beyond the first.
    pub retries: u64,
    /// Records and splits in the failures store.
    pub failures: u64,
    /// Why it waits, in words, if all of it waits.
    pub waiting: Option<String>,
}

impl Snapshot {
    /// Records of all sources.
    pub fn records(&self) -> u64 {
        self.sources.iter().map(|s| s.records).sum()
    }

    /// Bytes of all sources.
    pub fn bytes(&self) -> u64 {
        self.sources.iter().map(|s| s.bytes).sum()
    }
}
