//! What was counted of a source.

use std::collections::BTreeMap;
use std::time::Duration;

use busta_core::{Committed, StreamName};

use super::Latencies;

/// What was counted of a source since the process began.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceFigures {
    /// HTTP requests.
    pub requests: u64,
    /// Those requests by the status of their answer; `None` if there was none.
    pub statuses: BTreeMap<Option<u16>, u64>,
    /// What answers took.
    pub latency: Latencies,
    /// Bytes received or read.
    pub bytes: u64,
    /// How long its readers have waited for servers and disks.
    pub waited: Duration,
    /// Attempts beyond the first.
    pub retries: u64,
    /// Waits that the source asked for (429, `Retry-After`, an exhausted window).
    pub limited: u64,
    /// Splits that were read to their end.
    pub splits: u64,
    /// Records and splits in the failures store.
    pub failures: u64,
    /// What became of the records of each stream.
    pub streams: BTreeMap<StreamName, StreamFigures>,
}

impl SourceFigures {
    /// Adds what was counted of another source.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        self.latency.add(&other.latency);
        self.bytes += other.bytes;
        self.waited += other.waited;
        self.retries += other.retries;
        self.limited += other.limited;
        self.splits += other.splits;
        self.failures += other.failures;
        for (stream, counts) in &other.streams {
            self.streams.entry(stream.clone()).or_default().add(counts);
        }
    }
}

/// What became of the records of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamFigures {
    /// New rows.
    pub inserted: u64,
    /// Rows that were replaced by newer ones.
    pub updated: u64,
    /// Records that were already there.
    pub deduped: u64,
}

impl StreamFigures {
    /// Adds what was counted of another stream.
    pub fn add(&mut self, other: &Self) {
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.deduped += other.deduped;
    }

    pub(super) fn landed(&mut self, committed: &Committed) {
        self.inserted += committed.inserted;
        self.updated += committed.updated;
        self.deduped += committed.deduped;
    }
}
