//! Cursors: where a split goes on from, and where the next run starts.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, FixedOffset};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A place in a split or a stream, known only to the connector that made it: a piece of JSON that
/// the engine and the destinations store and compare as text, and never read.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(Arc<str>);

impl Cursor {
    /// Encodes a connector's own position. The same position must give the same text, since a step
    /// of the checkpoint is refused when its `from` is not, letter for letter, where the
    /// destination stands.
    pub fn encode<T: Serialize>(position: &T) -> Result<Self> {
        serde_json::to_string(position)
            .map(|text| Self(text.into()))
            .map_err(|e| Error::bug(format!("a cursor cannot be encoded: {e}")))
    }

    /// The position back. An [`ErrorKind::Data`](crate::ErrorKind::Data) error means that the
    /// connector has changed its format since the cursor was written.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.0).map_err(|e| {
            Error::data(format!("stored cursor {} cannot be read: {e}", self.0))
                .hint("start over with `--full-refresh`")
        })
    }

    /// The text as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A cursor from its stored text.
    pub fn from_stored(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value of a stream's cursor field: what "newer" is decided by.
///
/// Numbers compare as numbers, RFC 3339 times as instants whatever their offsets, anything else as
/// text. A number is older than any text, so that a field that changes its type still has an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CursorValue {
    /// A whole number, such as a Unix time or a sequence.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A time or another text.
    Text(String),
}

impl CursorValue {
    /// The value as a request parameter.
    pub fn to_param(&self) -> String {
        match self {
            Self::Integer(n) => n.to_string(),
            Self::Float(n) => n.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    /// Reads the value of a cursor field from its JSON text; `None` for null, booleans and nested
    /// values, which have no useful order.
    pub fn from_json(raw: &str) -> Option<Self> {
        match serde_json::from_str::<serde_json::Value>(raw).ok()? {
            serde_json::Value::Number(n) => {
                n.as_i64().map(Self::Integer).or_else(|| n.as_f64().map(Self::Float))
            }
            serde_json::Value::String(text) => Some(Self::Text(text)),
            _ => None,
        }
    }

    /// The newer of two.
    pub fn max(self, other: Self) -> Self {
        if other.order(&self) == Ordering::Greater { other } else { self }
    }

    /// The total order that this type's documentation describes.
    pub fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => match (instant(a), instant(b)) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => a.cmp(b),
            },
            (Self::Text(_), _) => Ordering::Greater,
            (_, Self::Text(_)) => Ordering::Less,
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (a, b) => a.number().total_cmp(&b.number()),
        }
    }

    fn number(&self) -> f64 {
        match self {
            Self::Integer(n) => *n as f64,
            Self::Float(n) => *n,
            Self::Text(_) => f64::INFINITY,
        }
    }
}

fn instant(text: &str) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc3339(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_compare_as_instants() {
        let a = CursorValue::Text("2024-01-01T12:00:00+02:00".into());
        let b = CursorValue::Text("2024-01-01T11:00:00Z".into());
        assert_eq!(a.order(&b), Ordering::Less);
        assert_eq!(a.max(b.clone()), b);
    }

    #[test]
    fn numbers_compare_as_numbers() {
        let order =
            |a: &str, b: &str| CursorValue::from_json(a).unwrap().order(&CursorValue::from_json(b).unwrap());
        assert_eq!(order("9", "10"), Ordering::Less);
        assert_eq!(order("9.5", "9"), Ordering::Greater);
        assert_eq!(order("\"9\"", "10"), Ordering::Greater);
        assert_eq!(CursorValue::from_json("null"), None);
    }

    #[test]
    fn cursors_round_trip() {
        let cursor = Cursor::encode(&("page", 7)).unwrap();
        assert_eq!(cursor.decode::<(String, u32)>().unwrap(), ("page".into(), 7));
        assert!(cursor.decode::<u32>().is_err());
    }
}
