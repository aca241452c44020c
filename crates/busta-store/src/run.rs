//! What is stored about a run.

use busta_core::report::{RunReport, Status};
use busta_core::{Error, Result, RunId, SourceName};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// How a stored run stands. [`Status`] and what only a history knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// It waits for its turn. No process needs to live for that.
    Queued,
    /// A live process collects it.
    Running,
    /// Its process is gone without having said how it ended.
    Interrupted,
    /// All of it was collected.
    Completed,
    /// Some of it could not be collected.
    Partial,
    /// Nothing of it could be collected.
    Failed,
    /// It was stopped before its end, or resumed for some of its sources only.
    Cancelled,
    /// It was given up with `busta runs cancel`, perhaps before it began: nobody resumes it.
    Abandoned,
}

impl RunState {
    const ALL: [Self; 8] = [
        Self::Queued,
        Self::Running,
        Self::Interrupted,
        Self::Completed,
        Self::Partial,
        Self::Failed,
        Self::Cancelled,
        Self::Abandoned,
    ];

    /// The state as a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Completed => "completed",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Abandoned => "abandoned",
        }
    }

    /// Whether `--resume` may go on with it.
    pub fn is_resumable(self) -> bool {
        matches!(self, Self::Interrupted | Self::Partial | Self::Failed | Self::Cancelled)
    }

    pub(crate) fn from_stored(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| Error::data(format!("a stored run has the unknown state {text}")))
    }
}

impl From<Status> for RunState {
    fn from(status: Status) -> Self {
        match status {
            Status::Queued => Self::Queued,
            Status::Running => Self::Running,
            Status::Completed => Self::Completed,
            Status::Partial => Self::Partial,
            Status::Failed => Self::Failed,
            Status::Cancelled => Self::Cancelled,
        }
    }
}

/// What started a run, or went on with it last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// A command line.
    #[default]
    Command,
    /// A schedule.
    Schedule,
    /// A schedule that was missed while nobody was there.
    CatchUp,
    /// A request to the server.
    Api,
    /// The server, which found it cut off when it started.
    Resume,
}

impl Trigger {
    const ALL: [Self; 5] = [Self::Command, Self::Schedule, Self::CatchUp, Self::Api, Self::Resume];

    /// The trigger as a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Schedule => "schedule",
            Self::CatchUp => "catchup",
            Self::Api => "api",
            Self::Resume => "resume",
        }
    }

    pub(crate) fn from_stored(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|trigger| trigger.as_str() == text)
            .ok_or_else(|| Error::data(format!("a stored run has the unknown trigger {text}")))
    }
}

/// A run that is about to start, or to wait.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// When.
    pub started: DateTime<Utc>,
    /// What started it.
    pub trigger: Trigger,
    /// Its sources, in the order of the configuration.
    pub sources: Vec<SourceName>,
    /// Whether it ignores the start cursors.
    pub full_refresh: bool,
    /// How many records of each source it collects at most.
    pub limit: Option<u64>,
}

/// A run as it is stored.
#[derive(Clone, Debug, Serialize)]
pub struct StoredRun {
    /// Its id.
    pub id: RunId,
    /// When it was first started, or queued if it has not been started yet.
    pub started: DateTime<Utc>,
    /// When it ended; `None` while it runs and if it was interrupted.
    pub finished: Option<DateTime<Utc>>,
    /// How it stands.
    pub state: RunState,
    /// What started it, or went on with it last.
    pub trigger: Trigger,
    /// The run that it waits for or waited for, if it was queued.
    pub behind: Option<RunId>,
    /// The process that runs or ran it; `None` if it has never been started.
    pub pid: Option<u32>,
    /// Its sources.
    pub sources: Vec<SourceName>,
    /// Whether it ignores the start cursors.
    pub full_refresh: bool,
    /// How many records of each source it collects at most.
    pub limit: Option<u64>,
    /// The sums of its report; all zero without one.
    pub totals: Totals,
    /// The report of its last part, if that came to an end and if it was asked for.
    pub report: Option<RunReport>,
}

/// What the last part of a run did: the sums of its report, which lists show without reading it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Totals {
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
    /// Splits that are done.
    pub splits: u64,
    /// How long it took, in seconds.
    pub duration_s: f64,
}

impl From<&RunReport> for Totals {
    fn from(report: &RunReport) -> Self {
        Self {
            records: report.records,
            bytes: report.bytes,
            requests: report.requests,
            retries: report.retries,
            failures: report.failures,
            splits: report.sources.iter().map(|source| source.splits).sum(),
            duration_s: report.duration_s,
        }
    }
}
