//! How a stored thing is served: whole or by range, under the conditions of RFC 9110.

use std::ops::Range;
use std::time::SystemTime;

use http::header::{IF_MATCH, IF_RANGE, RANGE};
use http::{HeaderMap, StatusCode};

use crate::body::Content;
use crate::reply::Reply;

use super::range::Wanted;

/// What is known of a thing that is served.
pub(crate) struct Stored {
    pub(crate) media_type: &'static str,
    pub(crate) size: u64,
    /// With its quotation marks.
    pub(crate) etag: Option<String>,
    pub(crate) modified: SystemTime,
    /// It is served whole, whatever range is asked for.
    pub(crate) no_ranges: bool,
}

/// The answer to a GET with these headers; `content` gives the bytes of a range.
pub(crate) fn serve(
    headers: &HeaderMap,
    stored: Stored,
    content: impl Fn(Range<u64>) -> Content,
) -> Result<Reply, Reply> {
    let (etag, modified) = (stored.etag.as_deref(), stored.modified);
    let known = text(headers, &IF_MATCH);
    if known.is_some_and(|known| known != "*" && !known.split(',').any(|tag| same(tag, etag))) {
        return Err(Reply::error(StatusCode::PRECONDITION_FAILED, "the object is another one by now"));
    }
    let mut reply = Reply::ok(stored.media_type, content(0..stored.size));
    reply = match etag {
        Some(etag) => reply.validated(headers, etag, Some(modified)),
        None => reply.header("last-modified", httpdate::fmt_http_date(modified)),
    };
    if stored.no_ranges || reply.status != StatusCode::OK {
        return Ok(reply);
    }
    let valid = text(headers, &IF_RANGE)
        .is_none_or(|condition| same(condition, etag) || condition == httpdate::fmt_http_date(modified));
    let range = if valid { text(headers, &RANGE) } else { None };
    let reply = reply.header("accept-ranges", "bytes");
    part(reply, stored.size, Wanted::read(range, stored.size), content)
}

/// The answer, or the wanted part of it.
fn part(
    mut reply: Reply,
    size: u64,
    wanted: Wanted,
    content: impl Fn(Range<u64>) -> Content,
) -> Result<Reply, Reply> {
    match wanted {
        Wanted::Whole => Ok(reply),
        Wanted::Part(range) => {
            let header = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            reply.content = content(range);
            Ok(reply.status(StatusCode::PARTIAL_CONTENT).header("content-range", header))
        }
        Wanted::Nothing => {
            let refusal = Reply::error(StatusCode::RANGE_NOT_SATISFIABLE, "the range lies behind the end");
            Err(refusal.header("content-range", format!("bytes */{size}")))
        }
    }
}

/// The strong comparison (RFC 9110, section 8.8.3.2).
fn same(tag: &str, etag: Option<&str>) -> bool {
    !tag.trim().starts_with("W/") && Some(tag.trim()) == etag
}

fn text<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
