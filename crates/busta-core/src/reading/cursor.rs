//! Cursors of pages: a destination's own place, and which query it belongs to.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{FailuresQuery, RowQuery};
use crate::error::{Error, Result};

#[derive(Serialize, Deserialize)]
struct Place<P> {
    of: u32,
    at: P,
}

impl RowQuery {
    /// The text of a place in this query's rows, for [`RowPage::next`](super::RowPage::next).
    pub fn cursor<P: Serialize>(&self, place: &P) -> Result<String> {
        encode(self.digest(), place)
    }

    /// The place that [`RowQuery::after`] means. A `Data` error if it is not one, or another query's.
    pub fn place<P: DeserializeOwned>(&self) -> Result<Option<P>> {
        self.after.as_deref().map(|after| decode(self.digest(), after)).transpose()
    }

    fn digest(&self) -> u32 {
        digest(&format!("{:?}", (&self.table, &self.filter, &self.order)))
    }
}

impl FailuresQuery {
    /// The text of a place among the failures, for [`FailuresPage::next`](super::FailuresPage::next).
    pub fn cursor<P: Serialize>(&self, place: &P) -> Result<String> {
        encode(self.digest(), place)
    }

    /// The place that [`FailuresQuery::after`] means. A `Data` error if it is not one, or another query's.
    pub fn place<P: DeserializeOwned>(&self) -> Result<Option<P>> {
        self.after.as_deref().map(|after| decode(self.digest(), after)).transpose()
    }

    fn digest(&self) -> u32 {
        digest(&format!("{:?}", (&self.run, &self.source, &self.kind)))
    }
}

/// The text of a place in the list that `query` describes.
pub(super) fn cursor_in<P: Serialize>(query: &impl std::fmt::Debug, place: &P) -> Result<String> {
    encode(digest(&format!("{query:?}")), place)
}

/// The place in that list which a text means.
pub(super) fn place_in<P: DeserializeOwned>(
    query: &impl std::fmt::Debug,
    after: Option<&str>,
) -> Result<Option<P>> {
    let of = digest(&format!("{query:?}"));
    after.map(|after| decode(of, after)).transpose()
}

pub(super) fn digest(query: &str) -> u32 {
    let hash = Sha256::digest(query);
    u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]])
}

pub(super) fn encode<P: Serialize>(of: u32, at: &P) -> Result<String> {
    let json = serde_json::to_vec(&Place { of, at });
    let json = json.map_err(|e| Error::bug(format!("the cursor of a page cannot be encoded: {e}")))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

pub(super) fn decode<P: DeserializeOwned>(of: u32, text: &str) -> Result<P> {
    let hint = "give the `next` of the page before, or none for the first page";
    let wrong = || Error::data("the cursor is not one that was given").hint(hint);
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
    let place: Place<P> = serde_json::from_slice(&json).map_err(|_| wrong())?;
    if place.of != of {
        return Err(Error::data("the cursor belongs to another query").hint(hint));
    }
    Ok(place.at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_belongs_to_its_query() {
        let mut query = RowQuery::of("t", 10);
        query.after = Some(query.cursor(&7_u64).unwrap());
        assert_eq!(query.place::<u64>().unwrap(), Some(7));
        let other = RowQuery { table: "u".into(), ..query.clone() };
        assert_eq!(other.place::<u64>().unwrap_err().message(), "the cursor belongs to another query");
        for wrong in ["", "x", "'; DROP TABLE t; --", "AAAA"] {
            let query = RowQuery { after: Some(wrong.into()), ..query.clone() };
            let error = query.place::<u64>().unwrap_err();
            assert_eq!(error.message(), "the cursor is not one that was given", "{wrong}");
        }
    }

    #[test]
    fn a_longer_page_of_the_same_query_may_follow() {
        let query = RowQuery::of("t", 10);
        let after = Some(query.cursor(&7_u64).unwrap());
        assert_eq!(RowQuery { limit: 20, after, ..query }.place::<u64>().unwrap(), Some(7));
    }
}
