//! Events: what the activity feed shows.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::ErrorKind;
use crate::failure::Stage;
use crate::ids::{RunId, SourceName, SplitId, StreamName};
use crate::secret::redact;
use crate::split::Split;

/// So many values of a split's subject are told.
const MOST_VALUES: usize = 8;

/// So many characters of each, and of each name.
const LONGEST_VALUE: usize = 120;

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
    /// A host or a source is left alone for a while after too many failures in a row.
    Paused,
    /// A paused host or source answers again, or somebody has let the source go on.
    Resumed,
    /// What a host is given was changed to what it bears.
    Adapted,
    /// Records are doubtful but go on (`count` of them).
    Warning,
    /// Something failed for good.
    Error,
    /// A commit begins (of `count` records of a stream).
    Uploading,
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
            Self::Uploading => "uploading",
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
    /// The part of the source's work that the stream belongs to ([`StreamSpec::phase`](crate::StreamSpec)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// What the split is about, without secrets and cut to a bounded size ([`Event::about`]).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub subject: BTreeMap<String, String>,
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
            phase: None,
            subject: BTreeMap::new(),
            count: None,
            duration_ms: None,
            attempt: None,
            error: None,
            stage: None,
            url: None,
            message: None,
        }
    }

    /// Makes it one about `split`: its stream, its id, and what it is about.
    pub fn about(&mut self, split: &Split) {
        self.stream = Some(split.stream.clone());
        self.split = Some(split.id.clone());
        self.subject = subject_shown(split);
    }
}

/// What a split is about, without secrets and cut to a bounded size.
pub fn subject_shown(split: &Split) -> BTreeMap<String, String> {
    let subject = split.subject.iter().take(MOST_VALUES);
    subject.map(|(name, value)| (shown(name), shown(value))).collect()
}

/// `text` without secrets, and not longer than people read.
fn shown(text: &str) -> String {
    let text = redact(text);
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_split_is_about_is_bounded_and_tells_no_secret() {
        crate::secret::register("a-very-secret-word");
        let value = |n: usize| (format!("field{n:02}"), "é".repeat(100 * n));
        let subject = (0..20).map(value).chain([("a".to_owned(), "is a-very-secret-word".to_owned())]);
        let split = Split::new("s", "t".into(), None, &()).unwrap().about(subject.collect());
        let mut event = Event::new(DateTime::UNIX_EPOCH, &"r".into(), Action::Found);
        event.about(&split);
        assert_eq!(event.subject.len(), MOST_VALUES);
        assert_eq!(event.subject["a"], "is ***");
        assert!(event.subject.values().all(|value| value.chars().count() <= LONGEST_VALUE + 1));
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap().subject, event.subject);
    }

    #[test]
    fn events_of_before_are_read() {
        let text = r#"{"at":"2026-01-01T00:00:00Z","run":"r","worker_id":1,"action":"found","split":"s"}"#;
        let event: Event = serde_json::from_str(text).unwrap();
        assert!(event.phase.is_none() && event.subject.is_empty());
    }
}
