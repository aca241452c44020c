//! Failures: what could not be read, transformed or written, kept with its reason.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind};
use crate::ids::{RunId, SourceName, SplitId, StreamName};
use crate::secret::redact;

/// Payloads are kept up to this size; a larger one is cut, since a failure store must not become a
/// second copy of a broken source.
pub const MAX_PAYLOAD: usize = 64 * 1024;

/// Where on its way a record or split failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// It could not be fetched or opened.
    Read,
    /// It was fetched, but is not what it should be.
    Parse,
    /// A transform failed on it.
    Transform,
    /// The destination does not take it.
    Write,
}

impl Stage {
    /// The stage as a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Parse => "parse",
            Self::Transform => "transform",
            Self::Write => "write",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its identity: the same failure met again in the same run has the same one.
    pub id: String,
    /// The run. Connectors leave it empty; [`Failure::place`] fills it.
    pub run: RunId,
    /// The source.
    pub source: SourceName,
    /// The stream.
    pub stream: StreamName,
    /// The split.
    pub split: SplitId,
    /// Where in the split: `page 3, item 17`, `a.json:5`. `None` if the whole split failed.
    pub position: Option<String>,
    /// How far it came.
    pub stage: Stage,
    /// What went wrong.
    pub kind: ErrorKind,
    /// In words, with what to do about it.
    pub reason: String,
    /// The thing itself as far as it is text, at most [`MAX_PAYLOAD`] bytes.
    pub payload: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

impl Failure {
    /// A failed item of a split, at `position`.
    pub fn item(stage: Stage, position: impl Into<String>, error: &Error, payload: Option<&[u8]>) -> Self {
        Self::unplaced(stage, Some(position.into()), error, payload)
    }

    /// A split that failed as a whole.
    pub fn split(stage: Stage, error: &Error) -> Self {
        Self::unplaced(stage, None, error, None)
    }

    fn unplaced(stage: Stage, position: Option<String>, error: &Error, payload: Option<&[u8]>) -> Self {
        Self {
            id: String::new(),
            run: "".into(),
            source: "".into(),
            stream: "".into(),
            split: "".into(),
            position,
            stage,
            kind: error.kind(),
            reason: redact(&error.to_string()).into_owned(),
            payload: payload.map(|bytes| {
                let kept = &bytes[..bytes.len().min(MAX_PAYLOAD)];
                redact(&String::from_utf8_lossy(kept)).into_owned()
            }),
            at: DateTime::UNIX_EPOCH,
        }
    }

    /// Says where and when it happened, and gives it its id. The engine calls this once.
    #[must_use]
    pub fn place(
        mut self,
        run: &RunId,
        source: &SourceName,
        stream: &StreamName,
        split: &SplitId,
        at: DateTime<Utc>,
    ) -> Self {
        self.run = run.clone();
        self.source = source.clone();
        self.stream = stream.clone();
        self.split = split.clone();
        self.at = at;
        self.id = self.identity();
        self
    }

    /// The first 16 hex digits of a SHA-256 over what makes two failures the same one.
    fn identity(&self) -> String {
        let mut hash = Sha256::new();
        let position = self.position.as_deref();
        let parts = [
            self.run.as_str(),
            self.source.as_str(),
            self.split.as_str(),
            position.unwrap_or(""),
            // A whole split fails once, whatever its last error was.
            position.map_or("", |_| self.payload.as_deref().unwrap_or(&self.reason)),
        ];
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_failure_has_the_same_id() {
        let place = |failure: Failure, split: &str| {
            failure.place(&"r".into(), &"s".into(), &"t".into(), &split.into(), DateTime::UNIX_EPOCH)
        };
        let error = Error::data("not an object");
        let a = place(Failure::item(Stage::Parse, "item 1", &error, Some(b"[]")), "x");
        let again = place(Failure::item(Stage::Parse, "item 1", &error, Some(b"[]")), "x");
        let other = place(Failure::item(Stage::Parse, "item 2", &error, Some(b"[]")), "x");
        assert_eq!(a.id, again.id);
        assert_ne!(a.id, other.id);
        let whole = place(Failure::split(Stage::Read, &error), "x");
        let later = place(Failure::split(Stage::Read, &Error::unavailable("500")), "x");
        assert_eq!(whole.id, later.id);
    }
}
