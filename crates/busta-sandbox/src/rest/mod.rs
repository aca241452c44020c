//! REST streams: `/rest/{kind}/{stream}`, one record, and its lines.

mod listing;
mod pagination;

use http::{Method, StatusCode};

use crate::app::Call;
use crate::data;
use crate::reply::{JSON, Reply};
use listing::Listing;
use pagination::Kind;

/// Answers what lies under `/rest`.
pub(crate) fn answer(call: &Call<'_>, parts: &[&str]) -> Result<Reply, Reply> {
    if ![Method::GET, Method::HEAD, Method::POST].contains(call.method) {
        let refusal = Reply::error(StatusCode::METHOD_NOT_ALLOWED, "use GET or POST");
        return Err(refusal.header("allow", "GET, HEAD, POST"));
    }
    let reply = match parts {
        [kind, stream] => kind.parse::<Kind>()?.page(call, &Listing::records(call, stream)?)?,
        [kind, stream, id] => {
            kind.parse::<Kind>()?;
            one(call, stream, id)?
        }
        [kind, stream, id, "lines"] => {
            kind.parse::<Kind>()?.page(call, &Listing::lines(call, stream, parent(call, stream, id)?))?
        }
        _ => return Err(Reply::not_found("stream")),
    };
    Ok(match call.params.is_set("etag") {
        true => with_etag(call, reply),
        false => reply,
    })
}

/// The record with id `id`.
fn one(call: &Call<'_>, stream: &str, id: &str) -> Result<Reply, Reply> {
    let id = parent(call, stream, id)?;
    let mut out = Vec::new();
    listing::stream(call, stream)?.write(&mut out, id - 1);
    Ok(Reply::ok(JSON, crate::body::Content::whole(out)))
}

/// The id of a record that exists.
fn parent(call: &Call<'_>, stream: &str, id: &str) -> Result<u64, Reply> {
    let known = 1..=listing::stream(call, stream)?.len();
    let id = id.parse().ok().filter(|id| known.contains(id));
    id.ok_or_else(|| Reply::not_found("record of this id"))
}

/// The answer with a tag made from its bytes and links, or 304.
fn with_etag(call: &Call<'_>, mut reply: Reply) -> Reply {
    let bytes = reply.content.into_bytes();
    let etag = format!("\"{:016x}\"", data::hash(&bytes));
    reply.content = crate::body::Content::whole(bytes);
    reply.validated(call.headers, &etag, None)
}
