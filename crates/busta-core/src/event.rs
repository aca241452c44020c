//! Events: what the activity feed shows.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::ErrorKind;
use crate::failure::Stage;
use crate::ids::{RunId, SourceName, SplitId, StreamName};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A run or a source's part of it begins.
    Started,
    /// A worker begins to read a split.
    Fetching,
    /// A batch was read (`count` records), or splits were found.
    Found,
    /// A split will be tried again (`attempt`, after `duration_ms`).
    Retrying,
    /// A host asked us to slow down (for `duration_ms`).
    RateLimited,
    /// A host is left alone for a while after too many failures in a row.
    Paused,
    /// A paused host answers again.
    Resumed,
    /// What a host is given was changed to what it bears.
    Adapted,
    /// Records are doubtful but go on (`count` of them).
    Warning,
    /// Something failed for good.
    Error,
    /// Rows became durable (`count` new ones).
    Inserted,
    /// Rows were replaced by newer ones (`count`).
    Updated,
    /// Records were dropped because they are already there (`count`).
    Deduped,
    /// A column appeared or was widened.
    Schema,
    /// A split, a source or the run is complete.
    Complete,
}

impl Action {
    /// The action as a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Fetching => "fetching",
            Self::Found => "found",
            Self::Retrying => "retrying",
            Self::RateLimited => "rate_limited",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Adapted => "adapted",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Inserted => "inserted",
            Self::Updated => "updated",
            Self::Deduped => "deduped",
            Self::Schema => "schema",
            Self::Complete => "complete",
        }
    }
}

/// One thing that happened. Fields that do not apply are absent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: DateTime<Utc>,
    /// The run.
    pub run: RunId,
    /// Who: the slot, from 1; 0 is the system.
    pub worker_id: u32,
    /// What.
    pub action: Action,
    /// The source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceName>,
    /// The stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamName>,
    /// The split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<SplitId>,
    /// How many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// How long it took, or will take, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Which attempt, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// What kind of error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorKind>,
    /// How far it came when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// What was being read: the URL of a request or the path of a file, without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// In words, without secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Event {
    /// An event of the system about the run.
    pub fn new(at: DateTime<Utc>, run: &RunId, action: Action) -> Self {
        Self {
            at,
            run: run.clone(),
            worker_id: 0,
            action,
            source: None,
            stream: None,
            split: None,
            count: None,
            duration_ms: None,
            attempt: None,
            error: None,
            stage: None,
            url: None,
            message: None,
        }
    }
}
