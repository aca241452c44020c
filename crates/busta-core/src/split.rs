//! Splits: what the engine schedules.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::ids::{HostKey, SplitId, StreamName};

/// Who goes first when there is not room for all.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// After everything else.
    Low,
    /// The default.
    #[default]
    Normal,
    /// Before normal.
    High,
    /// Before everything else.
    Critical,
}

impl Priority {
    /// The priority as a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// The name of a pool: all splits of one kind of source share its places.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Pool(Arc<str>);

impl Pool {
    /// The pool of that name (`api`, `rss`, `files`).
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// An independent piece of a stream that one reader can read alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// Unique in the source; the same work has the same id in a resumed run.
    pub id: SplitId,
    /// The stream whose records it holds.
    pub stream: StreamName,
    /// Whose limits its requests count against; `None` for local files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostKey>,
    /// How long the connector expects it to take relative to the stream's other splits (1.0 is
    /// ordinary). The engine multiplies it with what earlier runs took.
    #[serde(default = "one")]
    pub weight: f64,
    /// What the connector needs to open it: its own JSON, stored with the checkpoint for splits that
    /// were found while reading.
    pub payload: serde_json::Value,
    /// What it is about, in words for people: the names and values that tell it from the other splits of its
    /// stream (`symbol: BTCUSDT`). Events show it, cut to a bounded size.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub subject: BTreeMap<String, String>,
}

fn one() -> f64 {
    1.0
}

impl Split {
    /// A split that stands for a stream as a whole, and that nobody opens.
    pub fn bare(id: impl Into<SplitId>, stream: StreamName) -> Self {
        let (payload, subject) = (serde_json::Value::Null, BTreeMap::new());
        Self { id: id.into(), stream, host: None, weight: 1.0, payload, subject }
    }

    /// A split of ordinary weight.
    pub fn new<T: Serialize>(
        id: impl Into<SplitId>,
        stream: StreamName,
        host: Option<HostKey>,
        payload: &T,
    ) -> Result<Self> {
        let payload = serde_json::to_value(payload)
            .map_err(|e| Error::bug(format!("a split's payload cannot be encoded: {e}")))?;
        Ok(Self { id: id.into(), stream, host, weight: 1.0, payload, subject: BTreeMap::new() })
    }

    /// The same split, about `subject`.
    #[must_use]
    pub fn about(mut self, subject: BTreeMap<String, String>) -> Self {
        self.subject = subject;
        self
    }

    /// The payload back in the connector's own type.
    pub fn decode<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(&self.payload).map_err(|e| {
            Error::data(format!("stored split {} cannot be read: {e}", self.id))
                .hint("start a new run instead of resuming this one")
        })
    }

    /// About how many bytes it takes in memory.
    pub fn bytes(&self) -> usize {
        /// A split, and a value in a list or a mapping, without the texts in them.
        const PARTS: [usize; 2] = [512, 64];
        fn texts(value: &serde_json::Value) -> usize {
            match value {
                serde_json::Value::String(text) => text.len(),
                serde_json::Value::Array(list) => list.iter().map(|value| PARTS[1] + texts(value)).sum(),
                serde_json::Value::Object(map) => {
                    map.iter().map(|(key, value)| PARTS[1] + key.len() + texts(value)).sum()
                }
                _ => 0,
            }
        }
        let subject = self.subject.iter().map(|(name, value)| PARTS[1] + name.len() + value.len());
        PARTS[0] + self.id.as_str().len() + texts(&self.payload) + subject.sum::<usize>()
    }

    /// The same split without what is needed to open it: what is left to remember of one that is done.
    #[must_use]
    pub fn emptied(self) -> Self {
        Self { payload: serde_json::Value::Null, ..self }
    }

    /// How long it should take when an ordinary split of its stream takes `ordinary`.
    pub fn expected(&self, ordinary: Duration) -> Duration {
        ordinary.mul_f64(self.weight.clamp(0.0, 1e6))
    }
}
