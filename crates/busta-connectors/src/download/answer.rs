//! What an answer means for a download that stands at some place.

use std::ops::Range;

use busta_core::{Error, Result};
use http::header::{CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED};

use super::content_range::ContentRange;
use super::place::Place;
use crate::http::{Incoming, shown_url};

/// What to do with an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Its body is the whole object.
    Whole,
    /// Its body is the beginning of an object of this length, which is more.
    First(u64),
    /// Its body is the rest, of an object of this length if that is known.
    Rest(Option<u64>),
    /// There is no rest: the bytes that are there are all.
    Nothing,
    /// What is there is still what the server has.
    Unchanged,
    /// It is of no use; ask for the whole object.
    Useless,
}

/// Judges the answer to a request for the bytes from `offset` on, by a download that stands at `place`.
pub fn judge(incoming: &Incoming, offset: u64, place: &Place) -> Result<Meaning> {
    let range = incoming.header(CONTENT_RANGE.as_str()).and_then(ContentRange::parse);
    meaning(incoming.status, range, incoming.header(ETAG.as_str()), offset, place).ok_or_else(|| {
        Error::data(format!("{} answered {} to a download", shown_url(&incoming.url), incoming.status))
    })
}

/// Judges the answer to a request for the first bytes of an object. `Useless` if a server's ranges lead
/// nowhere.
pub fn judge_first(incoming: &Incoming, place: &Place) -> Result<Meaning> {
    let range = incoming.header(CONTENT_RANGE.as_str()).and_then(ContentRange::parse);
    match (incoming.status, range) {
        (206, Some(ContentRange { part: Some((0, last)), total: Some(total) })) => {
            Ok(if last + 1 == total { Meaning::Whole } else { Meaning::First(total) })
        }
        (206 | 416, _) => Ok(Meaning::Useless),
        _ => judge(incoming, 0, place),
    }
}

/// Judges the answer to a request for a stretch of the object that `place` names.
pub fn judge_range(incoming: &Incoming, stretch: &Range<u64>, place: &Place) -> Result<Meaning> {
    let range = incoming.header(CONTENT_RANGE.as_str()).and_then(ContentRange::parse);
    let etag = incoming.header(ETAG.as_str());
    let same_tag = etag.is_none() || place.etag.is_none() || etag == place.etag.as_deref();
    match (incoming.status, range) {
        (206, Some(ContentRange { part: Some((first, last)), total })) => {
            let fits =
                first == stretch.start && last < stretch.end && (total.is_none() || total == place.total);
            Ok(if fits && same_tag { Meaning::Rest(total) } else { Meaning::Useless })
        }
        (206 | 416, _) => Ok(Meaning::Useless),
        _ => judge(incoming, stretch.start, place),
    }
}

fn meaning(
    status: u16,
    range: Option<ContentRange>,
    etag: Option<&str>,
    offset: u64,
    place: &Place,
) -> Option<Meaning> {
    let same_tag = etag.is_none() || place.etag.is_none() || etag == place.etag.as_deref();
    match (status, range) {
        (200, _) => Some(Meaning::Whole),
        (304, _) => Some(Meaning::Unchanged),
        (206, Some(ContentRange { part: Some((first, _)), total })) if offset > 0 => {
            let same_length = total.is_none() || place.total.is_none() || total == place.total;
            let goes_on = first == offset && same_tag && same_length;
            Some(if goes_on { Meaning::Rest(total.or(place.total)) } else { Meaning::Useless })
        }
        (206, _) if offset > 0 => Some(Meaning::Useless),
        (416, Some(ContentRange { part: None, total })) if total == Some(offset) && same_tag => {
            Some(Meaning::Nothing)
        }
        (416, _) => Some(Meaning::Useless),
        _ => None,
    }
}

/// The place at the beginning of the object that `incoming` holds.
pub fn begun(incoming: &Incoming, before: &Place) -> Place {
    let text = |name: &str| incoming.header(name).map(str::to_owned);
    Place {
        offset: 0,
        total: incoming.content_length(),
        etag: text(ETAG.as_str()),
        last_modified: text(LAST_MODIFIED.as_str()),
        content_type: text(CONTENT_TYPE.as_str()),
        hashes: None,
        generation: before.generation,
        mismatch: before.mismatch.clone(),
        restarts: before.restarts,
        ranges: None,
        refused: false,
        whole: before.whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> Option<ContentRange> {
        Some(ContentRange::parse(text).unwrap())
    }

    #[test]
    fn answers_mean_what_to_do() {
        let place = Place { total: Some(20), etag: Some("\"a\"".into()), ..Place::default() };
        let said = |status, range, etag, offset| meaning(status, range, etag, offset, &place);
        assert_eq!(said(200, None, None, 5), Some(Meaning::Whole));
        assert_eq!(said(206, range("bytes 5-19/20"), Some("\"a\""), 5), Some(Meaning::Rest(Some(20))));
        assert_eq!(said(206, range("bytes 5-19/*"), None, 5), Some(Meaning::Rest(Some(20))));
        assert_eq!(said(206, range("bytes 6-19/20"), Some("\"a\""), 5), Some(Meaning::Useless));
        assert_eq!(said(206, range("bytes 5-19/20"), Some("\"b\""), 5), Some(Meaning::Useless));
        assert_eq!(said(206, range("bytes 5-24/25"), None, 5), Some(Meaning::Useless));
        assert_eq!(said(206, None, None, 5), Some(Meaning::Useless));
        assert_eq!(said(416, range("bytes */20"), None, 20), Some(Meaning::Nothing));
        assert_eq!(said(416, range("bytes */10"), None, 20), Some(Meaning::Useless));
        assert_eq!(said(416, None, None, 20), Some(Meaning::Useless));
        assert_eq!(said(304, None, None, 0), Some(Meaning::Unchanged));
        assert_eq!(said(206, range("bytes 0-19/20"), None, 0), None);
        assert_eq!(said(204, None, None, 0), None);
    }
}
