//! What a REST route pages through: the records of a stream, or the lines of one of them.

use std::ops::Range;

use bytes::Bytes;

use crate::app::Call;
use crate::data;
use crate::dataset::{Selection, Stream};
use crate::reply::Reply;

/// Something that has a length and pages.
pub(super) enum Listing<'a> {
    Records { call: &'a Call<'a>, stream: Stream, selection: Selection },
    Lines { seed: u64, hash: u64, field: String, parent: u64 },
}

/// The stream of this name, with the size that the request gives it.
pub(super) fn stream(call: &Call<'_>, name: &str) -> Result<Stream, Reply> {
    Ok(call.app.dataset.stream(name, call.params.number("size")?))
}

impl<'a> Listing<'a> {
    /// The records of a stream, from `since` on if the request has it.
    pub(super) fn records(call: &'a Call<'a>, name: &str) -> Result<Self, Reply> {
        let stream = stream(call, name)?;
        let since = call.params.get("since").map_or(Ok(0), slot)?;
        Ok(Self::Records { selection: stream.since(since), stream, call })
    }

    /// The lines of the record with id `parent`.
    pub(super) fn lines(call: &Call<'_>, stream: &str, parent: u64) -> Self {
        let field = format!("{}_id", stream.strip_suffix('s').unwrap_or(stream));
        Self::Lines { seed: call.app.dataset.seed(), hash: data::hash(stream.as_bytes()), field, parent }
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Records { selection, .. } => selection.len(),
            Self::Lines { parent, .. } => data::lines_of(*parent),
        }
    }

    /// A JSON array; `range` must lie inside.
    pub(super) fn page(&self, range: Range<u64>) -> Bytes {
        match self {
            Self::Records { call, stream, selection } => call.app.dataset.page(stream, selection, range),
            Self::Lines { seed, hash, field, parent } => {
                let mut out = vec![b'['];
                for line in range {
                    if out.len() > 1 {
                        out.push(b',');
                    }
                    data::write_line(&mut out, *seed, *hash, field, *parent, line + 1);
                }
                out.push(b']');
                out.into()
            }
        }
    }
}

/// The first slot that is not before `since`: an RFC 3339 time, a date, or Unix seconds.
fn slot(since: &str) -> Result<u64, Reply> {
    let wrong = || Reply::bad_request(&format!("`since={since}` is not a time such as 2024-01-31T12:00:00Z"));
    let seconds = match since.parse::<i64>() {
        Ok(seconds) => seconds,
        Err(_) => chrono::DateTime::parse_from_rfc3339(since)
            .or_else(|_| chrono::DateTime::parse_from_rfc3339(&format!("{since}T00:00:00Z")))
            .map_err(|_| wrong())?
            .timestamp(),
    };
    let behind = u64::try_from(seconds.saturating_sub(data::EPOCH)).unwrap_or(0);
    Ok(behind.div_ceil(60))
}
