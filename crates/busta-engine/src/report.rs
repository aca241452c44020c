//! From the ledgers to the report.

use std::time::Duration;

use busta_core::report::{HostReport, RunReport, SourceReport, Status};
use busta_core::{RunId, SourceName, StreamName};
use chrono::{DateTime, Utc};

use crate::spending::Requests;

/// What a run came to.
#[derive(Clone, Debug)]
pub struct RunOutcome {
    /// Its report. Memory and processor time are for the process to fill in.
    pub report: RunReport,
    /// How long a split took on average, for the next run's order.
    pub split_durations: Vec<(SourceName, StreamName, Duration)>,
    /// What the sources took that were collected to their end, for the next run's estimate.
    pub requests: Vec<LearntRequests>,
}

/// How many requests a source took that was collected to its end.
#[derive(Clone, Debug)]
pub struct LearntRequests {
    /// The source.
    pub source: SourceName,
    /// Whether it went on from where an earlier run had ended.
    pub onward: bool,
    /// What the splits of each stream took.
    pub requests: Requests,
}

/// Adds the sources up.
pub fn total(
    run: RunId,
    started_at: DateTime<Utc>,
    finished_at: DateTime<Utc>,
    took: Duration,
    sources: Vec<SourceReport>,
    hosts: Vec<HostReport>,
) -> RunReport {
    let sum = |of: fn(&SourceReport) -> u64| sources.iter().map(of).sum();
    RunReport {
        run_id: run,
        status: status(&sources),
        started_at,
        finished_at,
        duration_s: took.as_secs_f64(),
        records: sum(|s| s.records),
        bytes: sum(|s| s.bytes),
        requests: sum(|s| s.requests),
        retries: sum(|s| s.retries),
        failures: sum(|s| s.failures),
        peak_rss_bytes: 0,
        cpu_s: 0.0,
        cost: sources.iter().filter_map(|s| s.cost).reduce(|sum, cost| sum + cost),
        sources,
        hosts,
    }
}

/// A run is what its sources are, if they agree; cancelled if any was; else partial.
fn status(sources: &[SourceReport]) -> Status {
    let all = |status| sources.iter().all(|s| s.status == status);
    if all(Status::Completed) {
        Status::Completed
    } else if sources.iter().any(|s| s.status == Status::Cancelled) {
        Status::Cancelled
    } else if all(Status::Failed) {
        Status::Failed
    } else {
        Status::Partial
    }
}
