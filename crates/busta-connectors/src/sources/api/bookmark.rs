//! Where a split goes on from: its cursor in the checkpoint.

use busta_core::{Cursor, CursorValue, Result};
use serde::{Deserialize, Serialize};

use super::pagination::Place;

/// The place of the next page, and what the pages before it leave to remember.
#[derive(Clone, Debug, PartialEq)]
pub struct Bookmark {
    /// The next page.
    pub place: Place,
    /// The newest value of the cursor field so far, if the split has a start cursor of its own.
    pub newest: Option<CursorValue>,
    /// How many records there were so far, if that is limited.
    pub records: usize,
}

/// A bookmark with more than a place, as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    page: Place,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    newest: Option<CursorValue>,
    #[serde(default, skip_serializing_if = "is_zero")]
    records: usize,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Bookmark {
    /// The bookmark as a cursor. With nothing to remember it is the place alone, as it has always been.
    pub fn encode(&self) -> Result<Cursor> {
        if self.newest.is_none() && self.records == 0 {
            return Cursor::encode(&self.place);
        }
        Cursor::encode(&Stored {
            page: self.place.clone(),
            newest: self.newest.clone(),
            records: self.records,
        })
    }

    /// The bookmark back.
    pub fn decode(cursor: &Cursor) -> Result<Self> {
        // A place is a text, or an object with the one key of its kind.
        let is_place = cursor.decode::<serde_json::Value>()?.get("page").is_none();
        if is_place {
            return Ok(Self { place: cursor.decode()?, newest: None, records: 0 });
        }
        let Stored { page, newest, records } = cursor.decode()?;
        Ok(Self { place: page, newest, records })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_earlier_versions_stored_is_read_and_written() {
        for stored in [
            r#""first""#,
            r#"{"numbered":{"page":2,"size":10,"before":7}}"#,
            r#"{"chain":{"next":"abc","page":3,"empty":0,"mark":9}}"#,
        ] {
            let bookmark = Bookmark::decode(&Cursor::from_stored(stored)).unwrap();
            assert_eq!((bookmark.newest.clone(), bookmark.records), (None, 0));
            assert_eq!(bookmark.encode().unwrap().as_str(), stored);
        }
    }

    #[test]
    fn what_is_remembered_comes_back() {
        for (newest, records) in
            [(Some(CursorValue::Float(1.5)), 0), (None, 7), (Some(CursorValue::Text("x".into())), 1)]
        {
            let bookmark = Bookmark { place: Place::First, newest, records };
            assert_eq!(Bookmark::decode(&bookmark.encode().unwrap()).unwrap(), bookmark);
        }
        assert!(Bookmark::decode(&Cursor::from_stored("7")).is_err());
    }
}
