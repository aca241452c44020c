//! Where a download stands: the cursor of its split.

use busta_core::{Cursor, Result};
use serde::{Deserialize, Serialize};

/// A server that answers a request for the rest with the whole so often has no end.
const MAX_RESTARTS: u32 = 5;

/// Everything that going on needs: what has come, of which object, and what it hashes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// Each beginning has a part file of its own, so that bytes of two objects never meet in one.
    pub generation: u32,
    /// So many bytes are in the part file, and on the disk.
    pub offset: u64,
    /// How long the object is, if its server has said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// The object's validators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// See `etag`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// What the server says it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The state of the hashes after `offset` bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hashes: Option<String>,
    /// What all of it hashed to when that was not what was expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mismatch: Option<String>,
    /// How often it was begun anew.
    pub restarts: u32,
    /// How it comes in ranges, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ranges: Option<Ranged>,
    /// It was refused by this very run: if it is tried again, it is fetched again, changed or not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    /// Ranges of it did not go together, or could not: it is asked for as a whole.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
}

/// What there is of an object that comes in ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ranged {
    /// How long a range is.
    pub size: u64,
    /// From where to where bytes are in the part file, and on the disk, beside the first `offset`.
    pub done: Vec<(u64, u64)>,
}

impl Place {
    /// The place of a stored cursor, or the beginning.
    pub fn read(at: Option<&Cursor>) -> Result<Self> {
        at.map_or_else(|| Ok(Self::default()), Cursor::decode)
    }

    /// The cursor.
    pub fn cursor(&self) -> Result<Cursor> {
        Cursor::encode(self)
    }

    /// The beginning, once more.
    pub fn anew(&self) -> Self {
        Self {
            generation: self.generation + 1,
            restarts: self.restarts + 1,
            mismatch: self.mismatch.clone(),
            whole: self.whole || self.ranges.is_some(),
            ..Self::default()
        }
    }

    /// Whether it was begun too often.
    pub fn goes_in_circles(&self) -> bool {
        self.restarts > MAX_RESTARTS
    }

    /// How many bytes are in the part file.
    pub fn come(&self) -> u64 {
        let done = self.ranges.iter().flat_map(|ranges| &ranges.done);
        self.offset + done.map(|(start, end)| end.saturating_sub(*start)).sum::<u64>()
    }

    /// The validator for `If-Range`, which must be a strong one (RFC 9110, 13.1.5). A date counts as one
    /// here: the server knows whether it keeps dates well enough, and sends the whole if not.
    pub fn validator(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
        strong.or(self.last_modified.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_tags_are_no_validators() {
        let mut place = Place { etag: Some("W/\"a\"".into()), ..Place::default() };
        assert_eq!(place.validator(), None);
        place.last_modified = Some("Thu, 01 Jan 2026 00:00:00 GMT".into());
        assert_eq!(place.validator(), place.last_modified.as_deref());
        place.etag = Some("\"a\"".into());
        assert_eq!(place.validator(), Some("\"a\""));
    }

    #[test]
    fn a_place_round_trips_and_a_beginning_is_new() {
        let place = Place { offset: 5, etag: Some("\"a\"".into()), ..Place::default() };
        assert_eq!(Place::read(Some(&place.cursor().unwrap())).unwrap(), place);
        let anew = place.anew();
        assert_eq!((anew.generation, anew.offset, anew.etag), (1, 0, None));
        assert!(!place.goes_in_circles());
        assert!((0..6).fold(place, |place, _| place.anew()).goes_in_circles());
    }
}
