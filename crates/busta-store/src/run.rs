//! What is stored about a run.

use busta_core::report::{RunReport, Status};
use busta_core::{Error, Result, RunId, SourceName};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// How a stored run stands. [`Status`] and what only a history knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
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
    /// It was given up with `busta runs cancel`: nobody resumes it.
    Abandoned,
}

impl RunState {
    /// The state as a word.
    pub fn as_str(self) -> &'static str {
        match self {
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
        [
            Self::Running,
            Self::Interrupted,
            Self::Completed,
            Self::Partial,
            Self::Failed,
            Self::Cancelled,
            Self::Abandoned,
        ]
        .into_iter()
        .find(|state| state.as_str() == text)
        .ok_or_else(|| Error::data(format!("a stored run has the unknown state {text}")))
    }
}

impl From<Status> for RunState {
    fn from(status: Status) -> Self {
        match status {
            Status::Queued | Status::Running => Self::Running,
            Status::Completed => Self::Completed,
            Status::Partial => Self::Partial,
            Status::Failed => Self::Failed,
            Status::Cancelled => Self::Cancelled,
        }
    }
}

/// A run that is about to start.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// When.
    pub started: DateTime<Utc>,
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
    /// When it was first started.
    pub started: DateTime<Utc>,
    /// When it ended; `None` while it runs and if it was interrupted.
    pub finished: Option<DateTime<Utc>>,
    /// How it stands.
    pub state: RunState,
    /// The process that runs or ran it.
    pub pid: Option<u32>,
    /// Its sources.
    pub sources: Vec<SourceName>,
    /// Whether it ignores the start cursors.
    pub full_refresh: bool,
    /// How many records of each source it collects at most.
    pub limit: Option<u64>,
    /// The report of its last part, if that came to an end.
    pub report: Option<RunReport>,
}
