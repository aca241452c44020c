//! The result of a run: one value, from which the table, the JSON document and the exit code are made.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{RunId, SourceName};
use crate::quality::StreamQuality;

/// How a run, or a source's part of it, stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It waits for its turn.
    Queued,
    /// It is under way.
    Running,
    /// All of it was collected.
    Completed,
    /// Some of it could not be collected; `busta runs retry` tries that part again.
    Partial,
    /// Nothing of it could be collected.
    Failed,
    /// It was stopped before its end; `--resume` goes on with it.
    Cancelled,
}

impl Status {
    /// The status as a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether `--resume` has something to go on with: everything but a completed run.
    pub fn is_resumable(self) -> bool {
        self != Self::Completed
    }
}

/// One run, whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunReport {
    /// The run.
    pub run_id: RunId,
    /// How it ended.
    pub status: Status,
    /// When it started. For a resumed run: when this part of it started.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
    /// How long it took, in seconds.
    pub duration_s: f64,
    /// Records that are new or changed in the destination.
    pub records: u64,
    /// Bytes received or read.
    pub bytes: u64,
    /// HTTP requests.
    pub requests: u64,
    /// Attempts beyond the first.
    pub retries: u64,
    /// Records and splits in the failures store.
    pub failures: u64,
    /// The most memory that the process has held, in bytes; 0 where the system does not tell.
    pub peak_rss_bytes: u64,
    /// Processor time of the process during the run, in seconds.
    pub cpu_s: f64,
    /// What the requests cost, of the sources whose `budget:` says so. Absent if none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// Its sources, in the order of the configuration.
    pub sources: Vec<SourceReport>,
    /// The hosts that it asked: first those that refused most, then those that were asked most, and no
    /// more than a hundred.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostReport>,
}

/// What was seen of one host, for one credential.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HostReport {
    /// `host:port`.
    pub host: String,
    /// How many requests at once it was found to bear at the end of the run; absent if as many as were
    /// wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// How many requests a second it was found to bear; absent if no such limit was met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// The most that were under way at once since the process began.
    pub in_flight_max: usize,
    /// Requests of this run.
    pub requests: u64,
    /// Those that it answered with 429 or 503.
    pub limited: u64,
    /// The mean of what its answers took, in milliseconds.
    pub latency_mean_ms: f64,
}

impl HostReport {
    /// Whether it gets less than the configuration allows.
    pub fn is_held_back(&self) -> bool {
        self.limit.is_some() || self.rate.is_some()
    }
}

/// One source's part of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SourceReport {
    /// The source.
    pub name: SourceName,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// How its part ended.
    pub status: Status,
    /// Records that are new or changed in the destination.
    pub records: u64,
    /// Records that were already there.
    pub deduped: u64,
    /// Bytes received or read.
    pub bytes: u64,
    /// HTTP requests.
    pub requests: u64,
    /// Attempts beyond the first.
    pub retries: u64,
    /// Waits that the source asked for (429, `Retry-After`, an exhausted window).
    pub rate_limited: u64,
    /// Records and splits in the failures store.
    pub failures: u64,
    /// Records that transforms filtered out.
    #[serde(default)]
    pub dropped: u64,
    /// Doubts about records that went on all the same.
    #[serde(default)]
    pub warnings: u64,
    /// What the first different ones of them say. Absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first_warnings: Vec<String>,
    /// Splits that are done.
    pub splits: u64,
    /// Those of them that were passed over: their server refused them, and the configuration says that this is no
    /// failure. Absent if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Skipped>,
    /// From its first to its last action, in seconds.
    pub duration_s: f64,
    /// The time its splits took one after another, in seconds: what it would cost alone.
    pub busy_s: f64,
    /// What was measured of its records, by stream. Empty if nothing is measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quality: Vec<StreamQuality>,
    /// What its slots spent their time on.
    #[serde(default)]
    pub phases: Phases,
    /// How long after the end of the run its servers ask to be left alone, in seconds: until something may
    /// have changed by what they say of their answers (`max-age`, `Expires`, a feed's `ttl`), or until a
    /// `Retry-After` is over. Absent if they do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fresh_s: Option<f64>,
    /// What its requests cost, if its `budget:` says what one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// How many requests it was expected to take, by its splits and what earlier runs took. Absent if that was
    /// not known, and of sources without `budget:`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<u64>,
    /// Why its part of the run was ended before its end, if the source's own settings ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// How far the parts of its work are, in the order of its streams; empty if its streams have no phases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub progress: Vec<PhaseProgress>,
    /// What was asked for and is not there. Absent if the source cannot tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gaps: Option<Gaps>,
    /// The first thing that went wrong for good, in words.
    pub error: Option<String>,
}

/// Files that a source was asked for and that its origin does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gaps {
    /// How many.
    pub files: u64,
    /// Of what, and from when to when: the first hundred.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

/// Files of one kind that follow one another and are not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// What they are files of: `BTCUSDT 1h`.
    pub of: String,
    /// The first day that they would hold; absent if they are of no time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// The last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<NaiveDate>,
    /// How many files.
    pub files: u64,
    /// They have come, and were refused: they are not what they should be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
}

/// Why a source's part of a run was ended before its end. What is missing is collected when the run is
/// resumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// What has ended it.
    pub by: StoppedBy,
    /// In words, without secrets.
    pub reason: String,
}

/// Splits that were passed over, which is no failure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// How many.
    pub splits: u64,
    /// Which, and why, of the first ones: in words, without secrets.
    pub reasons: Vec<String>,
}

/// What ends a source's part of a run before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoppedBy {
    /// Its `budget:` is used up.
    Budget,
    /// So many splits in a row have failed as `pause_after:` says. The source is paused.
    Failures,
}

/// How far one part of a source's work is: the streams of one [phase](crate::StreamSpec::phase).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseProgress {
    /// Its name.
    pub phase: String,
    /// Splits that are done.
    pub splits_done: u64,
    /// Splits that are known so far.
    pub splits_total: u64,
    /// Records that are new or changed in the destination.
    pub records: u64,
}

/// What the slots of a source spent their time on, in seconds, summed over the slots. All but the first
/// add up to `busy_s`, and to more where batches were made ready while the next ones were waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Phases {
    /// Splits waited for what their host allows: its rate, its `Retry-After`, a retry. They held no slot.
    pub limits_s: f64,
    /// Waiting for the server or the disk.
    pub wait_s: f64,
    /// Making records of what came.
    pub parse_s: f64,
    /// Transforming and measuring them.
    pub transform_s: f64,
    /// Encoding them, and waiting for the destination to take them.
    pub write_s: f64,
}

impl RunReport {
    /// How many times longer the sources would have taken one split after another.
    pub fn speed_up(&self) -> f64 {
        let busy: f64 = self.sources.iter().map(|s| s.busy_s).sum();
        if self.duration_s > 0.0 { busy / self.duration_s } else { 1.0 }
    }
}
